//! Where xtask keeps what is expensive to make: root file systems, engines' data, stand-in images. It is outside the
//! checkout, so that a clean checkout does not cost a new engine, and shared by all checkouts of the machine.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

use crate::progress::note;

const DEFAULT: &str = "/var/cache/pyfront";

/// The state directory.
#[derive(Clone, Debug)]
pub(crate) struct State {
    root: PathBuf,
}

impl State {
    /// `$PYFRONT_STATE`, or `/var/cache/pyfront`; created when missing.
    pub(crate) fn open() -> Result<Self> {
        let root = std::env::var_os("PYFRONT_STATE").map_or_else(|| PathBuf::from(DEFAULT), PathBuf::from);
        let root = std::path::absolute(root)?;
        fs::create_dir_all(&root).with_context(|| {
            format!("cannot make {}; set PYFRONT_STATE to a directory that you may write", root.display())
        })?;
        Ok(Self { root })
    }

    /// A directory below the state directory, created when missing.
    pub(crate) fn directory(&self, name: impl AsRef<Path>) -> Result<PathBuf> {
        let path = self.root.join(name);
        fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(path)
    }

    /// A path below the state directory, which may not exist.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.root.join(name)
    }

    /// Waits until no other xtask works on `name`; the lock ends with the returned file, or with the process.
    pub(crate) fn lock(&self, name: &str) -> Result<File> {
        let path = self.directory("locks")?.join(name);
        let file = File::create(&path).with_context(|| format!("cannot make {}", path.display()))?;
        if file.try_lock().is_err() {
            note(format!("waiting for another xtask that works on {name}"));
            file.lock().with_context(|| format!("cannot lock {}", path.display()))?;
        }
        Ok(file)
    }
}

/// A short name for everything that a cached thing is made from: other content, other name.
pub(crate) fn key(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    let digest = hash.finalize();
    digest.iter().take(6).fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::key;

    #[test]
    fn keys_are_short_and_tell_parts_apart() {
        assert_eq!(key(&["a", "b"]).len(), 12);
        assert_ne!(key(&["a", "b"]), key(&["ab"]));
        assert_ne!(key(&["a", "b"]), key(&["b", "a"]));
    }
}
