//! Root file systems out of Debian's packages, made with mmdebstrap. They are the only thing that this project needs
//! from outside besides crates and wheels: engines and stand-in images are both made from them.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::engine::mounts;
use crate::process::{run, run_logged, succeeds};
use crate::progress::step;

/// A Debian release and what to install of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recipe<'a> {
    /// The release's code name.
    pub(crate) suite: &'a str,
    /// Packages on top of the minimal system.
    pub(crate) packages: &'a [&'a str],
    /// Shell commands to run at the end, with the root file system as `$1`.
    pub(crate) hooks: &'a [&'a str],
}

impl Recipe<'_> {
    /// Everything that decides what comes out.
    pub(crate) fn key(&self) -> String {
        crate::state::key(&[&format!("{self:?}"), &OPTIONS.join(" "), &host_suite()])
    }

    /// Makes the file system at `target`, which must not exist. What is left at `target` after an error is deleted by
    /// the caller's next attempt.
    pub(crate) fn make(&self, target: &Path, log: &Path) -> Result<()> {
        ensure_mmdebstrap()?;
        let mut command = Command::new("mmdebstrap");
        command.arg("--variant=minbase").arg("--format=directory");
        command.arg(format!("--include={}", self.packages.join(",")));
        command.args(OPTIONS);
        if self.suite == "forky" {
            // A release that is not out yet is mirrored with Release files that expire within days.
            command.arg("--aptopt=Acquire::Check-Valid-Until \"false\"");
        }
        for hook in self.hooks {
            command.arg(format!("--customize-hook={hook}"));
        }
        command.arg(self.suite).arg(target);
        run_logged(&mut command, log).with_context(|| format!("cannot make a Debian {} system", self.suite))
    }
}

/// Unpacks packages of another CPU and what they need. Nothing of them is run, so nothing is configured either.
pub(crate) fn extract(suite: &str, architecture: &str, packages: &[&str], target: &Path, log: &Path) -> Result<()> {
    ensure_mmdebstrap()?;
    let mut command = Command::new("mmdebstrap");
    command.arg("--variant=extract").arg("--format=directory").arg(format!("--architectures={architecture}"));
    command.arg(format!("--include={}", packages.join(","))).args(OPTIONS).arg(suite).arg(target);
    run_logged(&mut command, log).with_context(|| format!("cannot unpack Debian {suite} for {architecture}"))
}

/// Documentation and translations are left out, as in the slim images that the stand-ins stand for.
const OPTIONS: &[&str] = &[
    "--aptopt=Acquire::Languages \"none\"",
    "--dpkgopt=force-unsafe-io",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/info/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    "--dpkgopt=path-exclude=/usr/share/man/*",
];

/// Deletes a directory of ours, with whatever a killed predecessor left mounted in it.
pub(crate) fn remove_tree(path: &Path) -> Result<()> {
    mounts::unmount_below(path)?;
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot delete {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Installs mmdebstrap with apt when it is missing.
fn ensure_mmdebstrap() -> Result<()> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let here = |program: &str| succeeds(Command::new(program).arg("--version"), Duration::from_secs(20));
    if here("mmdebstrap") {
        return Ok(());
    }
    if !here("apt-get") {
        bail!("there is no Docker with buildx here, and no apt to make one with: install Docker and try again");
    }
    require_root()?;
    step("installing mmdebstrap", || {
        let apt = |words: &[&str]| run(Command::new("apt-get").args(words).env("DEBIAN_FRONTEND", "noninteractive"));
        apt(&["update"])?;
        apt(&["install", "--yes", "--no-install-recommends", "mmdebstrap"])
    })
    .context("mmdebstrap is needed to make a private engine: install it, or install Docker")
}

/// A private engine mounts, makes device nodes and changes its root: only root may.
pub(crate) fn require_root() -> Result<()> {
    if rustix::process::geteuid().is_root() {
        return Ok(());
    }
    bail!("a private engine needs root: run this as root, or start a Docker with buildx and point DOCKER_HOST at it");
}

/// The release that this machine runs: its mmdebstrap, keys and mirrors decide what comes out as well.
fn host_suite() -> String {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    name.unwrap_or("unknown").trim_matches('"').to_owned()
}
