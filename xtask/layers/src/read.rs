//! The wheels of a lock's closure, for a usual target.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use pyfront::closure::{Arch, Artifact, Libc, Python, Request, Target, resolve};
use pyfront::diagnostic::SourceFile;
use pyfront::project::lock::Lock;

/// A wheel of a closure.
pub(crate) struct Wheel {
    pub(crate) name: String,
    pub(crate) size: u64,
    /// Whether the lock did not tell the size.
    pub(crate) guessed: bool,
    pub(crate) compiled: bool,
}

/// The interpreters that are tried: the first one that the lock is for counts.
const PYTHONS: [&str; 4] = ["3.13.5", "3.14.0", "3.12.11", "3.11.13"];

/// The wheels that an image of the project at `path` would hold: amd64 with a recent glibc, no extras. What is built from source
/// is left out: each such package has a layer of its own anyway.
pub(crate) fn wheels(path: &Path) -> Result<Vec<Wheel>> {
    let path = if path.is_dir() { path.join("uv.lock") } else { path.to_owned() };
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let problem = |error: String| anyhow!("{}: {error}", path.display());
    let lock = Lock::read(&SourceFile::new("uv.lock", text)).map_err(|errors| problem(errors.to_string()))?;
    let closure = |version| {
        let python = Python::new(version, false).map_err(|error| problem(error.to_string()))?;
        let target = Target { python, arch: Arch::X86_64, libc: Libc::Glibc { major: 2, minor: 41 } };
        resolve(&lock, &Request::default(), &target).map_err(|errors| problem(errors.to_string()))
    };
    let [first, others @ ..] = PYTHONS;
    let closure = others
        .into_iter()
        .fold(closure(first), |found, version| found.or_else(|error| closure(version).or(Err(error))))?;
    let wheels = closure.third_party().filter_map(|package| match &package.artifact {
        Artifact::Wheel(file) => Some(Wheel {
            name: package.name.to_string(),
            size: file.size.unwrap_or(if file.pure { 100_000 } else { 1_000_000 }),
            guessed: file.size.is_none(),
            compiled: !file.pure,
        }),
        _ => None,
    });
    Ok(wheels.collect())
}
