//! An emulator of arm64 on amd64: QEMU of Debian's packages, known to the kernel for as long as a Dockerfile is built with it.
//! It is unpacked and not installed, since tests rely on a machine that runs no program of another CPU.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use rustix::mount::{MountFlags, mount};

use crate::debian::{extract, remove_tree, require_root};
use crate::progress::step;
use crate::state::State;

const SUITE: &str = "trixie";
const PACKAGE: &str = "qemu-user";
const PROGRAM: &str = "usr/bin/qemu-aarch64";

/// Where the kernel is told of interpreters (Documentation/admin-guide/binfmt-misc.rst).
const REGISTRY: &str = "/proc/sys/fs/binfmt_misc";
const NAME: &str = "pyfront-bench-arm64";

/// The head of an ELF program for arm64: 64 bits, little-endian, a program or a library, machine 183.
const MAGIC: &str = r"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00";
const MASK: &str = r"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff";

/// The kernel knows the emulator until this is dropped.
pub(crate) struct Emulator(());

impl Emulator {
    /// Tells the kernel of the emulator, which is fetched when it is not there yet.
    pub(crate) fn register(state: &State) -> Result<Self> {
        require_root()?;
        let program = program(state)?;
        let registry = Path::new(REGISTRY);
        if !registry.join("register").exists() {
            mount("binfmt_misc", registry, "binfmt_misc", MountFlags::empty(), None)
                .context("the kernel does not offer to run programs of other CPUs")?;
        }
        unregister()?;
        // F: the program is opened now, so containers need not have it.
        let line = format!(":{NAME}:M::{MAGIC}:{MASK}:{}:OCF", program.display());
        fs::write(registry.join("register"), line).context("the kernel does not take the emulator")?;
        Ok(Self(()))
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        if let Err(error) = unregister() {
            eprintln!("warning: this machine still emulates arm64: {error:#}");
        }
    }
}

fn unregister() -> Result<()> {
    let entry = Path::new(REGISTRY).join(NAME);
    if !entry.exists() {
        return Ok(());
    }
    fs::write(&entry, "-1").with_context(|| format!("cannot take back {}", entry.display()))
}

fn program(state: &State) -> Result<std::path::PathBuf> {
    let tree = state.path("qemu");
    let program = tree.join(PROGRAM);
    if !program.exists() {
        remove_tree(&tree)?;
        let log = state.directory("logs")?.join("qemu.log");
        step("unpacking QEMU for arm64", || extract(SUITE, "amd64", &[PACKAGE], &tree, &log))?;
    }
    if !program.exists() {
        bail!("Debian's {PACKAGE} has no /{PROGRAM}");
    }
    Ok(program)
}
