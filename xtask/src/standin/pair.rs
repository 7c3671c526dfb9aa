//! A stand-in for `python:<minor>-slim` that has two platforms under one name, as official images do. For amd64 it is the
//! other stand-in; for arm64 it is made of Debian's packages without running a single program of that CPU: what only
//! running one would tell (the relocated standard library, the accounts) is taken from the other.
//!
//! `docker import` makes images of one platform, so this one is loaded as an OCI layout.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::python::Release;
use super::{Archive, TIME, pack};
use crate::debian::{extract, remove_tree, require_root};
use crate::engine::Engine;
use crate::process::run;
use crate::progress::step;
use crate::state::State;

/// The image's name.
pub(super) const IMAGE: &str = "standin/python:3.13-slim";

const RELEASE: Release = Release { minor: "3.13", suite: "trixie" };
const LIBRARY: &str = "usr/local/lib/python3.13";
/// A shell and what makes accounts are for those who build on an emulator.
const PACKAGES: &[&str] =
    &["base-files", "ca-certificates", "coreutils", "dash", "netbase", "passwd", "python3", "tzdata"];

/// Whatever changes the image changes this.
pub(super) fn key() -> String {
    crate::state::key(&[&RELEASE.key(), &PACKAGES.join(" "), include_str!("pair.rs")])
}

/// The root file system for arm64, made when it is not there yet.
pub(super) fn archive(state: &State) -> Result<Archive> {
    let other = RELEASE.archive(state)?;
    Archive::ensure(state, "python313-arm64", &key(), |archive| {
        require_root()?;
        step("making a stand-in for python:3.13-slim on arm64", || make(archive, &other))
    })
}

fn make(archive: &Archive, other: &Archive) -> Result<()> {
    let tree = archive.directory().join("tree");
    extract(RELEASE.suite, "arm64", PACKAGES, &tree, &archive.directory().join("mmdebstrap.log"))?;

    // Debian's own library stays out of the way of the relocated one, as far as it is not for this CPU.
    let debian = archive.directory().join("debian");
    fs::rename(tree.join("usr/lib/python3.13"), &debian).context("Debian's python3 has no library")?;
    remove_tree(&tree.join("usr/lib/python3"))?;
    let program = tree.join("usr/bin/python3.13");
    let mut unpack = Command::new("tar");
    unpack.arg("--extract").arg("--file").arg(other.layer()).arg("--directory").arg(&tree);
    run(unpack.args(["./etc/passwd", "./etc/group", "./usr/local"]))?;
    fs::rename(program, tree.join("usr/local/bin/python3.13")).context("Debian's python3 has no program")?;
    fs::remove_file(tree.join("usr/bin/python3"))?;

    let library = tree.join(LIBRARY);
    remove_tree(&library.join("lib-dynload"))?;
    fs::rename(debian.join("lib-dynload"), library.join("lib-dynload"))?;
    for entry in fs::read_dir(&debian)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("_sysconfigdata__linux") {
            fs::rename(entry.path(), library.join(entry.file_name()))?;
        }
    }
    remove_tree(&debian)?;
    fs::copy(other.changes(), archive.changes())?;
    pack(&tree, &["."], archive)?;
    remove_tree(&tree)
}

/// Loads the image for both platforms into an engine, which must have the containerd store.
pub(super) fn load(state: &State, engine: &Engine) -> Result<()> {
    let archives = [("amd64", RELEASE.archive(state)?), ("arm64", archive(state)?)];
    let layout = state.directory("standin-layout")?;
    let _lock = state.lock("standin-layout")?;
    remove_tree(&layout)?;
    let blobs = layout.join("blobs/sha256");
    fs::create_dir_all(&blobs)?;
    let mut manifests = Vec::new();
    for (architecture, archive) in &archives {
        let layer = blob_of_file(&blobs, &archive.layer(), "application/vnd.oci.image.layer.v1.tar")?;
        let configuration = configuration(architecture, &fs::read_to_string(archive.changes())?, &layer["digest"])?;
        let configuration = blob(&blobs, &configuration, "application/vnd.oci.image.config.v1+json")?;
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": configuration,
            "layers": [layer],
        });
        let mut manifest = blob(&blobs, &manifest, "application/vnd.oci.image.manifest.v1+json")?;
        manifest["platform"] = json!({ "architecture": architecture, "os": "linux" });
        manifests.push(manifest);
    }
    let index = |manifests: &[Value]| {
        json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": manifests,
        })
    };
    let mut both = blob(&blobs, &index(&manifests), "application/vnd.oci.image.index.v1+json")?;
    both["annotations"] = json!({ "io.containerd.image.name": format!("docker.io/{IMAGE}") });
    fs::write(layout.join("index.json"), index(&[both]).to_string())?;
    fs::write(layout.join("oci-layout"), json!({ "imageLayoutVersion": "1.0.0" }).to_string())?;

    let mut tar = Command::new("tar");
    tar.arg("--create").arg("--directory").arg(&layout).args([TIME, "oci-layout", "index.json", "blobs"]);
    let mut tar = tar.stdout(Stdio::piped()).spawn().context("cannot run tar")?;
    let archive = tar.stdout.take().context("tar has no stdout")?;
    let output = engine.docker(["load"]).stdin(archive).output()?;
    if !tar.wait()?.success() || !output.status.success() {
        bail!("docker load of {IMAGE} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    remove_tree(&layout)
}

/// An image's configuration out of Dockerfile instructions, of which the stand-ins have two kinds.
pub(super) fn configuration(architecture: &str, changes: &str, layer: &Value) -> Result<Value> {
    let mut env = Vec::new();
    let mut cmd = Value::Null;
    for change in changes.lines() {
        match change.split_once(' ') {
            Some(("ENV", variable)) => env.push(variable),
            Some(("CMD", words)) => cmd = serde_json::from_str(words)?,
            _ => bail!("the stand-in has an instruction that is not expected: {change}"),
        }
    }
    Ok(json!({
        "architecture": architecture,
        "os": "linux",
        "config": { "Env": env, "Cmd": cmd },
        "rootfs": { "type": "layers", "diff_ids": [layer] },
    }))
}

/// Adds a document to a layout, and describes it.
fn blob(blobs: &Path, content: &Value, media_type: &str) -> Result<Value> {
    let bytes = content.to_string();
    let digest = hexadecimal(&Sha256::digest(&bytes));
    fs::write(blobs.join(&digest), &bytes)?;
    Ok(descriptor(media_type, &digest, bytes.len() as u64))
}

/// The same for a file, which is not copied where it can be linked.
fn blob_of_file(blobs: &Path, file: &Path, media_type: &str) -> Result<Value> {
    let (digest, size) = digest(file)?;
    let target = blobs.join(&digest);
    if fs::hard_link(file, &target).is_err() {
        fs::copy(file, &target)?;
    }
    Ok(descriptor(media_type, &digest, size))
}

/// The SHA-256 of a file, and its size in bytes.
pub(super) fn digest(file: &Path) -> Result<(String, u64)> {
    let mut hash = Hash(Sha256::new());
    let size = io::copy(&mut File::open(file)?, &mut hash)?;
    Ok((hexadecimal(&hash.0.finalize()), size))
}

fn descriptor(media_type: &str, digest: &str, size: u64) -> Value {
    json!({ "mediaType": media_type, "digest": format!("sha256:{digest}"), "size": size })
}

struct Hash(Sha256);

impl Write for Hash {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_says_what_the_instructions_say() {
        let changes = "ENV PATH=/usr/local/bin:/bin\nENV LANG=C.UTF-8\nCMD [\"python3\"]\n";
        let made = configuration("arm64", changes, &json!("sha256:00")).unwrap();
        assert_eq!(made["architecture"], "arm64");
        assert_eq!(made["config"]["Env"], json!(["PATH=/usr/local/bin:/bin", "LANG=C.UTF-8"]));
        assert_eq!(made["config"]["Cmd"], json!(["python3"]));
        assert!(configuration("arm64", "USER 1\n", &json!("sha256:00")).is_err());
    }
}
