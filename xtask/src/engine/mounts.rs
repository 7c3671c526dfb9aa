//! What is mounted where. Private engines mount inside a namespace of their own, so this machine's mount table normally
//! shows nothing of them; a predecessor of another design, or a person who helped by hand, may have left something.

use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

/// Unmounts everything at and below `path`, the innermost first.
pub(crate) fn unmount_below(path: &Path) -> Result<()> {
    let table = fs::read("/proc/self/mountinfo").context("cannot read the mount table")?;
    for target in targets_below(&table, path) {
        unmount(&target, UnmountFlags::DETACH).with_context(|| format!("cannot unmount {}", target.display()))?;
    }
    Ok(())
}

/// Lets a directory be in memory of `size` bytes, unless something is mounted there already.
pub(crate) fn in_memory(path: &Path, size: u64) -> Result<()> {
    let table = fs::read("/proc/self/mountinfo").context("cannot read the mount table")?;
    if targets_below(&table, path).iter().any(|target| target == path) {
        return Ok(());
    }
    let options = std::ffi::CString::new(format!("mode=710,size={size}"))?;
    mount("tmpfs", path, "tmpfs", MountFlags::empty(), Some(options.as_c_str()))
        .with_context(|| format!("cannot mount memory on {}", path.display()))
}

/// The mount points of a mountinfo table at and below `path`, the last mounted first.
fn targets_below(table: &[u8], path: &Path) -> Vec<PathBuf> {
    let mut targets: Vec<PathBuf> = table
        .split(|&byte| byte == b'\n')
        .filter_map(|line| line.split(|&byte| byte == b' ').nth(4))
        .map(unescape)
        .filter(|target| target.starts_with(path))
        .collect();
    targets.reverse();
    targets
}

/// Undoes the kernel's octal escapes of blanks and backslashes.
fn unescape(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, after)) = rest.split_first() {
        if let (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..]) = (first, after) {
            bytes.push((a - b'0') * 64 + (b - b'0') * 8 + (c - b'0'));
            rest = after;
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    std::ffi::OsString::from_vec(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_mounts_below_a_path_innermost_first() {
        let table = b"22 1 8:1 / / rw - ext4 /dev/sda rw\n\
            30 22 8:1 / /state/a\\040b rw - ext4 /dev/sda rw\n\
            31 30 0:5 / /state/a\\040b/proc rw - proc proc rw\n\
            32 22 0:5 / /state/a\\040bc rw - proc proc rw\n";
        let found = targets_below(table, Path::new("/state/a b"));
        assert_eq!(found, [Path::new("/state/a b/proc"), Path::new("/state/a b")]);
    }
}
