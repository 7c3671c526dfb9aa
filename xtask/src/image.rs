//! `cargo xtask image`: the frontend image. One static binary in an empty file system, built from `Dockerfile.frontend`,
//! loaded into the engine under the name that a `# syntax=` line uses.

mod publish;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::arguments::Arguments;
use crate::engine::{Engine, image_id};
use crate::process::{capture, run};
use crate::progress::{note, step};
use crate::workspace::{cargo, root, target_directory};

/// The name after `# syntax=`.
pub(crate) const NAME: &str = "org/pyfront:latest";

const DOCKERFILE: &str = "Dockerfile.frontend";

/// A frontend image in an engine.
pub(crate) struct Frontend {
    /// The image's id in the engine's store.
    pub(crate) id: String,
    /// Bytes of the binary.
    pub(crate) size: u64,
    /// Bytes of the layer that is published. Docker's own image store cannot make it.
    pub(crate) compressed: Option<u64>,
}

pub(crate) fn command(mut arguments: Arguments) -> Result<()> {
    let asked = arguments.value("--engine")?;
    let tags = arguments.values("--tag")?;
    arguments.finish()?;
    let engine = Engine::up(asked.as_deref())?;
    let frontend = build(&engine, &tags)?;
    println!("{NAME} is in the {} engine: {}", engine.name(), frontend.id);
    println!("binary: {}", megabytes(frontend.size));
    if let Some(compressed) = frontend.compressed {
        println!("published: {} ({})", megabytes(compressed), archive()?.display());
    }
    Ok(())
}

/// Builds the binary and the image, and loads it under [`NAME`] and `tags`.
pub(crate) fn build(engine: &Engine, tags: &[String]) -> Result<Frontend> {
    let binary = static_binary()?;
    let dockerfile = root().join(DOCKERFILE);
    if !dockerfile.exists() {
        bail!("{} is missing", dockerfile.display());
    }
    // A context of two files: nothing else can get into the image, and nothing else is sent.
    let context = target_directory()?.join("frontend-image");
    fs::create_dir_all(&context)?;
    fs::copy(&binary, context.join("pyfront")).with_context(|| format!("cannot copy {}", binary.display()))?;
    step("building the frontend image", || {
        let mut build = engine.docker(["buildx", "build", "--load", "--provenance=false", "--quiet", "--tag", NAME]);
        for tag in tags {
            build.args(["--tag", tag]);
        }
        run(build.arg("--file").arg(&dockerfile).arg(&context))
    })?;
    let id = image_id(engine, NAME).with_context(|| format!("{NAME} was built, but is not in the engine"))?;
    let compressed = if engine.has_containerd_store() {
        Some(publish::write(engine, &dockerfile, &context, &archive()?)?)
    } else {
        None
    };
    Ok(Frontend { id, size: fs::metadata(&binary)?.len(), compressed })
}

/// The image as it is published, an OCI archive.
fn archive() -> Result<PathBuf> {
    Ok(target_directory()?.join("frontend-image.tar"))
}

/// Builds pyfront without any library that it would need at run time, and returns where it is.
fn static_binary() -> Result<PathBuf> {
    let musl = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
    let has_musl = has_target(&musl);
    let target = if has_musl { musl } else { format!("{}-unknown-linux-gnu", std::env::consts::ARCH) };
    let mut build = cargo();
    build.args(["rustc", "--release", "--package", "pyfront", "--bin", "pyfront", "--target", &target]);
    // Without relocations the compressed binary is smaller by 54 kB (Go's frontends are linked like this, too), with little
    // inlining by 12 kB.
    build.args(["--", "-C", "relocation-model=static", "-C", "llvm-args=-inline-threshold=10"]);
    if !has_musl {
        note("Rust's musl target cannot be installed: the binary is linked with this machine's static glibc");
        let flags = std::env::var("RUSTFLAGS").unwrap_or_default();
        build.env("RUSTFLAGS", format!("{flags} -C target-feature=+crt-static"));
    }
    step(format!("building pyfront for {target}"), || {
        // Cargo tells what it does by itself.
        if build.status().context("cannot run cargo")?.success() {
            Ok(())
        } else {
            bail!("pyfront does not build; cargo says why above")
        }
    })?;
    Ok(target_directory()?.join(target).join("release/pyfront"))
}

/// Whether the toolchain in use can build for `target`, which is installed with rustup when it is missing.
fn has_target(target: &str) -> bool {
    let sysroot = capture(Command::new("rustc").arg("--print=sysroot").current_dir(root()));
    let installed =
        || sysroot.as_ref().is_ok_and(|path| Path::new(path).join("lib/rustlib").join(target).join("lib").exists());
    installed()
        || (step(format!("installing Rust's {target} target"), || {
            run(Command::new("rustup").args(["target", "add", target]).current_dir(root()))
        })
        .is_ok()
            && installed())
}

fn megabytes(bytes: u64) -> String {
    format!("{}.{:02} MB", bytes / 1_000_000, bytes % 1_000_000 / 10_000)
}

#[cfg(test)]
mod tests {
    #[test]
    fn sizes_have_two_places() {
        assert_eq!(super::megabytes(1_049_999), "1.04 MB");
        assert_eq!(super::megabytes(999), "0.00 MB");
    }
}
