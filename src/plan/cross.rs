//! Building for another CPU than the builder's. Installing wheels runs nothing of the image, so the builder's own CPU does it
//! for every platform; what has to be compiled needs the CPU that it is for.

use std::collections::BTreeSet;

use super::make::Inputs;
use super::{Built, Group, How, LocalGroup, Member, Settings};
use crate::closure::{Arch, Libc, Target};

/// Minor versions of glibc that uv has a name for, in `--python-platform` (its `TargetTriple`).
const GLIBC: &[u16] = &[17, 28, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40];

/// The target in the words of uv's `--python-platform`, with the newest C library that uv has a name for and the image
/// has, too. `None` for targets that uv cannot install for from elsewhere.
pub fn python_platform(target: &Target) -> Option<String> {
    match (target.arch, target.libc) {
        (Arch::X86_64 | Arch::Aarch64, Libc::Glibc { major: 2, minor }) => {
            let known = GLIBC.iter().rev().find(|known| **known <= minor)?;
            Some(format!("{}-manylinux_2_{known}", target.arch))
        }
        (Arch::X86_64 | Arch::Aarch64, Libc::Musl { major: 1, minor: 2.. }) => {
            Some(format!("{}-unknown-linux-musl", target.arch))
        }
        (Arch::Riscv64, Libc::Glibc { major: 2, minor: 39.. }) => Some("riscv64-unknown-linux".to_owned()),
        _ => None,
    }
}

/// Prepares the groups for a target that is not the builder's, and says which packages need the target's CPU: those whose
/// wheels uv can only install there, and those that are compiled, which is sure of a package whose author publishes wheels
/// for platforms. Of another one without a wheel it shows when it is built.
pub(super) fn prepare(
    inputs: &Inputs<'_>,
    groups: &mut [Group],
    local: &mut [LocalGroup],
    built: &[Built],
    first_party: &[Member],
) -> BTreeSet<String> {
    let platform = python_platform(&inputs.closure.target);
    let mut on_target = BTreeSet::new();
    for group in groups {
        let mut specific = group.wheels.iter().filter(|wheel| !wheel.pure).peekable();
        if specific.peek().is_none() {
            continue;
        }
        match &platform {
            Some(platform) => group.python_platform = Some(platform.clone()),
            None => on_target.extend(specific.map(|wheel| wheel.name.clone())),
        }
    }
    for group in local {
        let mut specific = group.wheels.iter().filter(|wheel| !wheel.pure).peekable();
        match (&platform, specific.peek()) {
            (_, None) => {}
            (Some(platform), _) => group.python_platform = Some(platform.clone()),
            (None, _) => on_target.extend(specific.map(|wheel| wheel.name.clone())),
        }
    }
    let compiled = |built: &&Built| {
        let versions = inputs.lock.packages.iter().filter(|package| package.name.as_str() == built.name);
        versions.flat_map(|package| &package.wheels).any(|wheel| !wheel.is_pure()) || uses_compiled(&built.settings)
    };
    on_target.extend(built.iter().filter(compiled).map(|built| built.name.clone()));
    let of_compiled =
        |member: &&Member| matches!(&member.how, How::Install { settings, .. } if uses_compiled(settings));
    on_target.extend(first_party.iter().filter(of_compiled).map(|member| member.name.clone()));
    on_target
}

/// Whether a build finds locked wheels beside it that only run on the target's CPU.
fn uses_compiled(settings: &Settings) -> bool {
    let environment = settings.environment.iter().flat_map(|environment| &environment.wheels);
    settings.wheels.iter().chain(environment).any(|wheel| !wheel.pure)
}

/// The CPU of a platform such as `linux/arm/v7`.
pub(super) fn arch(platform: &str) -> Option<Arch> {
    let mut parts = platform.split('/').skip(1);
    Arch::from_oci(parts.next()?, parts.next().unwrap_or_default())
}

/// Whether an installed package is for any platform: what its `WHEEL` file says (PEP 427). One that cannot be read is not.
pub fn is_portable(wheel_file: &[u8]) -> bool {
    let text = String::from_utf8_lossy(wheel_file);
    let mut tags = text.lines().filter_map(|line| line.strip_prefix("Tag:")).map(str::trim).peekable();
    tags.peek().is_some() && tags.all(|tag| tag.ends_with("-any"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::closure::Python;

    fn platform(arch: Arch, libc: Libc) -> Option<String> {
        python_platform(&Target { python: Python::new("3.13.5", false).unwrap(), arch, libc })
    }

    #[test]
    fn targets_in_the_words_of_uv() {
        let glibc = |minor| Libc::Glibc { major: 2, minor };
        let musl = Libc::Musl { major: 1, minor: 2 };
        for (arch, libc, expected) in [
            (Arch::Aarch64, glibc(36), Some("aarch64-manylinux_2_36")),
            (Arch::Aarch64, glibc(41), Some("aarch64-manylinux_2_40")),
            (Arch::X86_64, glibc(30), Some("x86_64-manylinux_2_28")),
            (Arch::X86_64, glibc(12), None),
            (Arch::Aarch64, musl, Some("aarch64-unknown-linux-musl")),
            (Arch::Riscv64, glibc(41), Some("riscv64-unknown-linux")),
            (Arch::Riscv64, glibc(36), None),
            (Arch::Riscv64, musl, None),
            (Arch::Armv7l, glibc(41), None),
            (Arch::S390x, glibc(41), None),
        ] {
            assert_eq!(platform(arch, libc).as_deref(), expected, "{arch} {libc}");
        }
    }

    #[test]
    fn the_tags_of_an_installed_wheel() {
        let wheel = |tags: &str| is_portable(format!("Wheel-Version: 1.0\nRoot-Is-Purelib: true\n{tags}").as_bytes());
        assert!(wheel("Tag: py3-none-any\n"));
        assert!(wheel("Tag: py2-none-any\r\nTag: py3-none-any\r\n"));
        assert!(!wheel("Tag: cp313-cp313-linux_x86_64\n"));
        assert!(!wheel("Tag: py3-none-any\nTag: py3-none-linux_x86_64\n"));
        assert!(!wheel(""));
        assert!(!is_portable(b"\xff"));
    }
}
