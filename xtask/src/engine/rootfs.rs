//! The root file system that a private engine runs in: a minimal Debian with Docker, its CLI with buildx and compose, a registry,
//! and the tools that dockerd calls. Made once per recipe, shared by the engines of the same release.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::debian::{Recipe, remove_tree, require_root};
use crate::engine::{Kind, daemon};
use crate::progress::step;
use crate::state::State;

/// git and ssh are for BuildKit's git source, iproute2 and iptables for the engine's bridge.
const PACKAGES: &[&str] = &[
    "ca-certificates",
    "docker-buildx",
    "docker-cli",
    "docker-compose",
    "docker-registry",
    "docker.io",
    "git",
    "iproute2",
    "iptables",
    "openssh-client",
    "tini",
];

fn recipe(suite: &str) -> Recipe<'_> {
    Recipe { suite, packages: PACKAGES, hooks: &[] }
}

/// Whether a root file system is the one that [`ensure`] returns.
pub(crate) fn is_current(rootfs: &Path, suite: &str) -> bool {
    rootfs.file_name().is_some_and(|name| name == &*directory(suite))
}

/// The name of its directory.
fn directory(suite: &str) -> String {
    format!("{suite}-{}", recipe(suite).key())
}

/// The root file system for `suite`, made when it is not there yet.
pub(crate) fn ensure(state: &State, suite: &str) -> Result<PathBuf> {
    let name = directory(suite);
    let parent = state.directory("rootfs")?;
    let finished = parent.join(&name);
    if finished.exists() {
        return Ok(finished);
    }
    require_root()?;
    let _lock = state.lock(&format!("rootfs-{suite}"))?;
    if finished.exists() {
        return Ok(finished);
    }
    let partial = parent.join(format!("{name}.partial"));
    step(format!("making Docker's root file system from Debian {suite}"), || {
        remove_tree(&partial)?;
        recipe(suite).make(&partial, &parent.join(format!("{name}.log")))?;
        fs::rename(&partial, &finished).with_context(|| format!("cannot move {} into place", partial.display()))
    })?;
    Ok(finished)
}

/// Brings what belongs to this machine and may change into the file system: its name servers, and its certificate
/// authorities, with which dockerd and BuildKit trust what the machine trusts.
pub(crate) fn refresh(rootfs: &Path) -> Result<()> {
    let trusted = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    let trusted = trusted.into_iter().chain([PathBuf::from("/etc/ssl/certs/ca-certificates.crt")]);
    if let Some(bundle) = trusted.into_iter().find(|path| path.is_file()) {
        replace(&bundle, &rootfs.join(TRUSTED))?;
    }
    let names = Path::new("/etc/resolv.conf");
    if names.exists() {
        replace(names, &rootfs.join("etc/resolv.conf"))?;
    }
    Ok(())
}

/// What dockerd and BuildKit trust.
const TRUSTED: &str = "etc/ssl/certs/ca-certificates.crt";

/// Adds a certificate, in the form PEM, to those that dockerd and BuildKit trust.
pub(crate) fn trust(rootfs: &Path, certificate: &str) -> Result<()> {
    let path = rootfs.join(TRUSTED);
    let text = fs::read_to_string(&path).unwrap_or_default();
    if text.contains(certificate.trim()) {
        return Ok(());
    }
    let fresh = path.with_extension("with-test-server");
    fs::write(&fresh, format!("{}\n{certificate}", text.trim_end()))?;
    replace(&fresh, &path)?;
    Ok(fs::remove_file(&fresh)?)
}

/// Copies so that a reader sees the old or the new content, and a link at `to` is replaced instead of followed.
fn replace(from: &Path, to: &Path) -> Result<()> {
    let fresh = to.with_extension("fresh");
    fs::copy(from, &fresh)
        .and_then(|_| fs::rename(&fresh, to))
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))
}

/// A program of the root file system, for use outside a running engine. The network is this machine's.
pub(crate) fn inside(rootfs: &Path, program: &str) -> Command {
    let mut command = Command::new("chroot");
    command.arg(rootfs).arg(program).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command
}

/// A program of the root file system run on this machine's files: through its own dynamic linker and libraries, because
/// this machine's may be older than what the program was built with.
pub(crate) fn linked(rootfs: &Path, program: &str) -> Vec<String> {
    let (linker, libraries) = match std::env::consts::ARCH {
        "aarch64" => ("usr/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1", "usr/lib/aarch64-linux-gnu"),
        _ => ("usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", "usr/lib/x86_64-linux-gnu"),
    };
    let path = |below: &str| rootfs.join(below).display().to_string();
    vec![path(linker), "--library-path".to_owned(), path(libraries), path(program)]
}

/// Deletes every root file system that no running engine uses.
pub(crate) fn purge(state: &State) -> Result<()> {
    let parent = state.directory("rootfs")?;
    let mut used = Vec::new();
    for kind in Kind::ALL {
        let directory = state.path("engines").join(kind.name());
        if daemon::find(&directory)?.is_some() {
            used.push(daemon::rootfs_of(&directory)?);
        }
    }
    for entry in fs::read_dir(&parent)? {
        let path = entry?.path();
        if path.is_file() {
            fs::remove_file(&path)?;
        } else if !used.contains(&path) {
            remove_tree(&path)?;
        }
    }
    Ok(())
}
