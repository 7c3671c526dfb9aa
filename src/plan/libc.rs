//! Which C library a base image has. Official images say it in the history of their configuration (the Debian release, or
//! Alpine's root file system), so that nothing has to be pulled to know it; of every other image the library itself is
//! read. The reading is the gateway's; what the bytes mean is decided here.

use crate::closure::{Arch, Libc};

/// Debian's releases and the glibc of each (packages.debian.org, `libc6`), as the tool that makes the official Debian
/// images, debuerreotype, names them in the history.
const DEBIAN: &[(&str, u16)] = &[("buster", 28), ("bullseye", 31), ("bookworm", 36), ("trixie", 41)];
/// The longest a version in a library is looked for after the words before it, in bytes.
const NEAR: usize = 120;

/// What the history of an image says, oldest entry first: how its lowest layer was made.
pub fn from_history<'h>(created_by: impl IntoIterator<Item = &'h str>) -> Option<Libc> {
    let first = created_by.into_iter().find(|entry| !entry.is_empty())?;
    if let Some(command) = first.strip_prefix("# debian.sh ") {
        let mut words = command.split_whitespace().map(|word| word.trim_matches('\''));
        return words
            .find_map(|word| DEBIAN.iter().find(|(suite, _)| *suite == word))
            .map(|(_, minor)| Libc::Glibc { major: 2, minor: *minor });
    }
    musl_of_alpine(first.split("alpine-minirootfs-3.").nth(1)?)
}

/// The musl of a release of Alpine 3, by what stands behind `3.`. It has been 1.2 since 3.13, from 2021; wheels know of
/// nothing finer.
fn musl_of_alpine(release: &str) -> Option<Libc> {
    let minor: u32 = release.split('.').next()?.parse().ok()?;
    (minor >= 13).then_some(Libc::Musl { major: 1, minor: 2 })
}

/// Where an image names its distribution (os-release(5)). `/etc/os-release` is a link to it.
pub const OS_RELEASE: &str = "/usr/lib/os-release";

/// What the name of the distribution says: Debian's releases and Alpine's have one C library each.
pub fn from_os_release(text: &str) -> Option<Libc> {
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        line.map(|value| value.trim().trim_matches(['"', '\'']))
    };
    match value("ID")? {
        "debian" => {
            let suite = value("VERSION_CODENAME")?;
            let (_, minor) = DEBIAN.iter().find(|(known, _)| *known == suite)?;
            Some(Libc::Glibc { major: 2, minor: *minor })
        }
        "alpine" => musl_of_alpine(value("VERSION_ID")?.strip_prefix("3.")?),
        _ => None,
    }
}

/// Where a C library may lie in an image for a CPU: musl's loader first, whose name is sure, then glibc's places in Debian
/// and its kin, in Fedora's and in others.
pub fn candidates(arch: Arch) -> Vec<String> {
    let mut paths = vec![format!("/lib/ld-musl-{}.so.1", musl_name(arch))];
    for triplet in triplets(arch) {
        paths.push(format!("/lib/{triplet}/libc.so.6"));
        paths.push(format!("/usr/lib/{triplet}/libc.so.6"));
    }
    paths.extend(
        ["/lib64/libc.so.6", "/usr/lib64/libc.so.6", "/lib/libc.so.6", "/usr/lib/libc.so.6"].map(str::to_owned),
    );
    paths
}

fn musl_name(arch: Arch) -> &'static str {
    match arch {
        Arch::Armv7l | Arch::Armv6l => "armhf",
        Arch::I686 => "i386",
        Arch::Ppc64le => "powerpc64le",
        other => other.as_str(),
    }
}

fn triplets(arch: Arch) -> &'static [&'static str] {
    match arch {
        Arch::X86_64 => &["x86_64-linux-gnu"],
        Arch::Aarch64 => &["aarch64-linux-gnu"],
        Arch::Armv7l | Arch::Armv6l => &["arm-linux-gnueabihf"],
        Arch::I686 => &["i386-linux-gnu"],
        Arch::Ppc64le => &["powerpc64le-linux-gnu"],
        Arch::S390x => &["s390x-linux-gnu"],
        Arch::Riscv64 => &["riscv64-linux-gnu"],
        Arch::Loongarch64 => &["loongarch64-linux-gnu"],
    }
}

/// What a library says of itself. glibc has a banner (`… stable release version 2.41.`); musl has its version as a text
/// of its own (`1.2.5`), beside the words `musl libc`.
pub fn from_library(bytes: &[u8]) -> Option<Libc> {
    if let Some(banner) = position(bytes, b"GNU C Library").and_then(|start| bytes.get(start..)) {
        let near = banner.get(..NEAR).unwrap_or(banner);
        let version = near.get(position(near, b"version ")? + b"version ".len()..)?;
        let (major, minor) = version_at(version)?;
        return Some(Libc::Glibc { major, minor });
    }
    position(bytes, b"musl libc")?;
    bytes
        .split(|byte| *byte == 0)
        .filter(|text| text.len() < 16 && text.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.'))
        .filter(|text| text.split(|byte| *byte == b'.').count() == 3)
        .find_map(version_at)
        .map(|(major, minor)| Libc::Musl { major, minor })
}

fn position(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// The `2.41` at the beginning of some bytes.
fn version_at(bytes: &[u8]) -> Option<(u16, u16)> {
    let end = bytes.iter().position(|byte| !byte.is_ascii_digit() && *byte != b'.').unwrap_or(bytes.len());
    let text = std::str::from_utf8(bytes.get(..end)?).ok()?;
    let mut parts = text.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn glibc(minor: u16) -> Libc {
        Libc::Glibc { major: 2, minor }
    }
    const MUSL: Libc = Libc::Musl { major: 1, minor: 2 };

    #[test]
    fn official_images_say_it_in_their_history() {
        let bookworm = ["# debian.sh --arch 'amd64' out/ 'bookworm' '@1749513600'", "ENV PATH=/usr/local/bin"];
        assert_eq!(from_history(bookworm), Some(glibc(36)));
        assert_eq!(from_history(["# debian.sh --arch 'arm64' out/ 'trixie' '@1'"]), Some(glibc(41)));
        assert_eq!(from_history(["ADD alpine-minirootfs-3.22.1-x86_64.tar.gz / # buildkit"]), Some(MUSL));
        // A release that is not known yet is read, and so is an image that says nothing, or says it further up.
        assert_eq!(from_history(["# debian.sh --arch 'amd64' out/ 'sid' '@1'"]), None);
        assert_eq!(from_history(["", "/bin/sh -c #(nop) ADD file:6f1f in /"]), None);
        assert_eq!(from_history(["RUN make", "# debian.sh --arch 'amd64' out/ 'trixie' '@1'"]), None);
        assert_eq!(from_history([]), None);
    }

    #[test]
    fn libraries_say_it_themselves() {
        let debian = b"\x7fELF..GNU C Library (Debian GLIBC 2.36-9+deb12u10) stable release version 2.36.\nCopyright";
        assert_eq!(from_library(debian), Some(glibc(36)));
        let development = b"GNU C Library (GNU libc) development release version 2.42.9000.\n";
        assert_eq!(from_library(development), Some(glibc(42)));
        let musl = b"\x7fELF\x001.2.5\x00/lib:/usr\x00musl libc (x86_64)\nVersion %s\nDynamic Program Loader\x00";
        assert_eq!(from_library(musl), Some(MUSL));
        assert_eq!(from_library(b"GNU C Library"), None);
        assert_eq!(from_library(b"\x001.2.5\x00"), None);
    }

    #[test]
    fn the_library_of_this_machine() {
        let found = candidates(Arch::X86_64).into_iter().find_map(|path| std::fs::read(path).ok());
        // A machine with another CPU has none of these files.
        assert!(found.is_none_or(|bytes| from_library(&bytes).is_some()));
    }
}
