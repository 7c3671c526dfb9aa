//! The first process of a private engine: it runs in the engine's new mount and process namespaces, mounts what dockerd
//! needs, changes the root, and becomes dockerd. Nothing of it is visible outside, and nothing outlives it.

use std::convert::Infallible;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_bind_recursive, mount_change, unmount,
};
use rustix::process::pivot_root;

use crate::arguments::Arguments;

/// Where the engine's own directory appears inside.
pub(crate) const ENGINE: &str = "/run/engine";

/// `engine-init ROOTFS ENGINE-DIRECTORY`, see [`super::daemon`].
pub(crate) fn command(mut arguments: Arguments) -> Result<()> {
    let mut path = || arguments.word().map(PathBuf::from).context("engine-init is started by `engine up` only");
    let (rootfs, engine) = (path()?, path()?);
    match become_dockerd(&rootfs, &engine)? {}
}

fn become_dockerd(rootfs: &Path, engine: &Path) -> Result<Infallible> {
    // Without this, mounts below could spread to the machine.
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).context("cannot detach mounts")?;
    // containerd and runc want their root to be a mount point.
    mount_bind(rootfs, rootfs).context("cannot mount the root file system on itself")?;
    let inside = |path: &str| rootfs.join(path.trim_start_matches('/'));
    let filesystem = |kind: &str, path: &str, options: &str| {
        let options = (!options.is_empty()).then(|| std::ffi::CString::new(options)).transpose()?;
        mount(kind, inside(path), kind, MountFlags::empty(), options.as_deref())
            .with_context(|| format!("cannot mount {kind} on {path}"))
    };
    let bind = |from: &Path, path: &str| {
        fs::create_dir_all(inside(path))?;
        mount_bind(from, inside(path)).with_context(|| format!("cannot mount {} on {path}", from.display()))
    };
    filesystem("proc", "/proc", "")?;
    for path in ["/sys", "/dev"] {
        mount_bind_recursive(path, inside(path)).with_context(|| format!("cannot mount {path}"))?;
    }
    let cgroups = inside("/sys/fs/cgroup");
    if fs::read_dir(&cgroups).is_ok_and(|mut entries| entries.next().is_none()) {
        filesystem("cgroup2", "/sys/fs/cgroup", "")?;
    }
    filesystem("tmpfs", "/run", "mode=755")?;
    filesystem("tmpfs", "/tmp", "mode=1777")?;
    bind(&engine.join("run"), ENGINE)?;
    bind(&engine.join("data"), "/var/lib/docker")?;

    // Not chroot: a process that `docker exec` puts into a container's mount namespace starts at that namespace's root,
    // which after a mere chroot would be this machine's.
    std::env::set_current_dir(rootfs)?;
    pivot_root(".", ".").context("cannot change the root")?;
    unmount(".", UnmountFlags::DETACH).context("cannot let go of the machine's root")?;
    std::env::set_current_dir("/")?;
    let mut dockerd = Command::new("/usr/bin/tini");
    dockerd.args(["--", "/usr/sbin/dockerd", "--config-file", &format!("{ENGINE}/daemon.json")]);
    dockerd.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", "/root");
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"] {
        if let Some(value) = std::env::var_os(name) {
            dockerd.env(name, value);
        }
    }
    Err(dockerd.exec()).context("cannot run dockerd")
}
