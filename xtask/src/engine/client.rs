//! docker and buildx for a private engine, usable from outside its root file system: wrappers that run the release's own
//! binaries, so that a machine needs neither a docker CLI nor a recent libc.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::engine::{Engine, rootfs};
use crate::process::{capture, succeeds};

const PATIENCE: Duration = Duration::from_secs(15);

/// The engine's socket.
pub(crate) fn socket(engine: &Path) -> PathBuf {
    engine.join("run/docker.sock")
}

/// The directory for PATH.
pub(crate) fn programs(engine: &Path) -> PathBuf {
    engine.join("bin")
}

/// The directory for DOCKER_CONFIG.
pub(crate) fn configuration(engine: &Path) -> PathBuf {
    engine.join("config")
}

/// Writes the wrappers for docker and for each of its plugins.
pub(crate) fn write(engine: &Path, rootfs: &Path) -> Result<()> {
    let plugins = configuration(engine).join("cli-plugins");
    fs::create_dir_all(programs(engine))?;
    fs::create_dir_all(&plugins)?;
    wrapper(&programs(engine).join("docker"), rootfs, "usr/bin/docker")?;
    let installed = "usr/libexec/docker/cli-plugins";
    for entry in fs::read_dir(rootfs.join(installed)).context("the engine's Docker has no buildx")? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        wrapper(&plugins.join(&*name), rootfs, &format!("{installed}/{name}"))?;
    }
    Ok(())
}

fn wrapper(path: &Path, rootfs: &Path, program: &str) -> Result<()> {
    let words: Vec<String> = rootfs::linked(rootfs, program).iter().map(|word| quote(word)).collect();
    let text = format!("#!/bin/sh\nexec {} \"$@\"\n", words.join(" "));
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    // Never written in place: another shell may be reading it.
    let fresh = path.with_extension("fresh");
    fs::write(&fresh, text)?;
    fs::set_permissions(&fresh, fs::Permissions::from_mode(0o755))?;
    fs::rename(&fresh, path).with_context(|| format!("cannot write {}", path.display()))
}

fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Whether the engine answers.
pub(crate) fn answers(engine: &Engine) -> bool {
    succeeds(&mut engine.docker(["version", "--format", "{{.Server.Version}}"]), PATIENCE)
}

pub(crate) fn has_buildx(engine: &Engine) -> bool {
    succeeds(&mut engine.docker(["buildx", "version"]), PATIENCE)
}

/// Docker's and BuildKit's versions and the image store, in one line.
pub(crate) fn describe(engine: &Engine) -> Result<String> {
    let format = "Docker {{.ServerVersion}}, {{.Driver}} {{range .DriverStatus}}{{if eq (index . 0) \"driver-type\"}}\
        (containerd image store){{end}}{{end}}";
    let docker = capture(&mut engine.docker(["info", "--format", format]))?;
    let builder = capture(&mut engine.docker(["buildx", "inspect"])).unwrap_or_default();
    let buildkit =
        builder.lines().find_map(|line| line.strip_prefix("BuildKit version:").or(line.strip_prefix("Buildkit:")));
    Ok(match buildkit {
        // Debian's builds do not know their version.
        Some(version) if !version.contains("v0.0.0") => format!("{}, BuildKit {}", docker.trim(), version.trim()),
        _ => docker.trim().to_owned(),
    })
}
