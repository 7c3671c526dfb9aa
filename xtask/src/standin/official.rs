//! How a stand-in gets into an engine as an image whose history says what is below, as that of an official image does: who wants to
//! know the C library of one need not look into it. `docker import` makes images that say nothing.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::json;

use super::{Archive, pair};
use crate::debian::remove_tree;
use crate::engine::Engine;
use crate::state::State;

/// Whatever changes the image changes this, `files` being the key of its files.
pub(super) fn key(files: &str) -> String {
    crate::state::key(&[files, include_str!("official.rs")])
}

/// Loads a layer of a Debian release under a name, in the format of `docker save`.
pub(super) fn load(state: &State, engine: &Engine, name: &str, archive: &Archive, suite: &str) -> Result<()> {
    let _lock = state.lock("standin-official")?;
    let directory = state.path("standin-official");
    remove_tree(&directory)?;
    fs::create_dir_all(&directory)?;
    let architecture = super::platform().trim_start_matches("linux/");
    let (digest, _) = pair::digest(&archive.layer())?;
    let changes = fs::read_to_string(archive.changes())?;
    let mut configuration = pair::configuration(architecture, &changes, &json!(format!("sha256:{digest}")))?;
    configuration["created"] = json!("2020-09-13T12:26:40Z");
    let made = format!("# debian.sh --arch '{architecture}' out/ '{suite}' '@1600000000'");
    configuration["history"] = json!([{ "created": configuration["created"], "created_by": made }]);
    fs::write(directory.join("config.json"), configuration.to_string())?;
    let manifest = json!([{ "Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"] }]);
    fs::write(directory.join("manifest.json"), manifest.to_string())?;
    symlink(archive.layer(), directory.join("layer.tar"))?;

    let mut tar = Command::new("tar");
    tar.args(["--create", "--dereference", "--directory"]).arg(&directory);
    tar.args(["manifest.json", "config.json", "layer.tar"]);
    let mut tar = tar.stdout(Stdio::piped()).spawn().context("cannot run tar")?;
    let output = engine.docker(["load"]).stdin(tar.stdout.take().context("tar has no stdout")?).output()?;
    if !tar.wait()?.success() || !output.status.success() {
        bail!("docker load of {name} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    remove_tree(&directory)
}
