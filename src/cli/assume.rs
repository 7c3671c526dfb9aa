//! What is assumed of images that nobody has asked for: the C library that a base image has, by what its reference says.

use std::collections::BTreeMap;

use buildkit_frontend::image::ImageReference;
use buildkit_frontend::offline::AssumedImage;
use buildkit_llb::Platform;

use crate::closure::{Arch, Libc};
use crate::plan::libc::candidates;

/// C libraries by a word of a reference's tag or name.
const WORDS: &[(&str, &str, Libc)] = &[
    ("alpine", "Alpine", Libc::Musl { major: 1, minor: 2 }),
    ("trixie", "Debian 13", glibc(41)),
    ("debian13", "Debian 13", glibc(41)),
    ("bookworm", "Debian 12", glibc(36)),
    ("debian12", "Debian 12", glibc(36)),
    ("bullseye", "Debian 11", glibc(31)),
    ("noble", "Ubuntu 24.04", glibc(39)),
    ("24.04", "Ubuntu 24.04", glibc(39)),
    ("jammy", "Ubuntu 22.04", glibc(35)),
    ("22.04", "Ubuntu 22.04", glibc(35)),
];
/// What official images are made of that name no release.
const OFFICIAL: (&str, Libc) = ("Debian 13", glibc(41));
/// What is assumed of images whose reference says nothing: that of Debian 12, which most images of the time have or exceed.
const UNKNOWN: Libc = glibc(36);

const fn glibc(minor: u16) -> Libc {
    Libc::Glibc { major: 2, minor }
}

/// What is assumed of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Assumed {
    pub(super) libc: Libc,
    /// The distribution that has it; none if the reference says nothing.
    pub(super) distribution: Option<&'static str>,
}

/// By its reference, as people write it.
pub(super) fn of(reference: &str) -> Assumed {
    let name = reference.rsplit('/').next().unwrap_or(reference);
    let mut words = name.split([':', '-', '_', '@']);
    let word = words.find_map(|word| {
        let exact = WORDS.iter().find(|(known, ..)| word == *known);
        // Also `alpine3.22`.
        exact.or_else(|| WORDS.iter().find(|(known, ..)| *known == "alpine" && word.starts_with(known)))
    });
    if let Some((_, distribution, libc)) = word {
        return Assumed { libc: *libc, distribution: Some(distribution) };
    }
    let official = ["python", "debian"].iter().any(|known| name == *known || name.starts_with(&format!("{known}:")));
    if official && !reference.contains('/') {
        return Assumed { libc: OFFICIAL.1, distribution: Some(OFFICIAL.0) };
    }
    Assumed { libc: UNKNOWN, distribution: None }
}

/// Images of distributions, which have no Python.
const PLAIN: &[&str] =
    &["almalinux", "alpine", "amazonlinux", "base", "cc", "debian", "fedora", "rockylinux", "ubuntu", "wolfi-base"];

/// Whether an image has no Python, by its name without tag and digest, and without the release of `cc-debian12`.
fn is_plain(reference: &str) -> bool {
    let name = reference.rsplit('/').next().unwrap_or(reference);
    let name = name.split([':', '@']).next().unwrap_or(name);
    let name = name.split_once("-debian").map_or(name, |(name, _)| name);
    PLAIN.contains(&name)
}

/// Reads `--libc`: `glibc-2.41`, `musl-1.2`.
pub(super) fn parse(text: &str) -> Option<Libc> {
    let version = |text: &str| {
        let (major, minor) = text.trim_start_matches(['-', ' ']).split_once('.')?;
        Some((major.parse::<u16>().ok()?, minor.parse::<u16>().ok()?))
    };
    if let Some(rest) = text.strip_prefix("glibc") {
        return version(rest).map(|(major, minor)| Libc::Glibc { major, minor });
    }
    version(text.strip_prefix("musl")?).map(|(major, minor)| Libc::Musl { major, minor })
}

/// The image, as far as a frontend looks into it: its C library says what it is.
pub(super) fn image(libc: Option<Libc>, reference: &ImageReference, platform: &Platform) -> Option<AssumedImage> {
    let arch = Arch::from_oci(&platform.architecture, &platform.variant)?;
    let libc = libc.unwrap_or_else(|| of(&reference.familiar()).libc);
    let mut paths = candidates(arch).into_iter();
    let musl = paths.next();
    let (path, text) = match libc {
        Libc::Glibc { major, minor } => {
            (paths.next(), format!("GNU C Library (assumed) stable release version {major}.{minor}."))
        }
        Libc::Musl { major, minor } => (musl, format!("musl libc\0{major}.{minor}.0\0")),
    };
    let mut files = BTreeMap::from_iter(path.map(|path| (path, text.into_bytes())));
    if !is_plain(&reference.familiar()) {
        files.insert("/usr/local/bin/python3".to_owned(), Vec::new());
    }
    Some(AssumedImage { config_json: br#"{"os":"linux"}"#.to_vec(), files })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_references_say() {
        let all = [
            "python:3.13-slim",
            "python:3.13-alpine",
            "python:3.13-alpine3.22",
            "python:3.11.4-slim-bookworm",
            "debian:bullseye-slim",
            "ubuntu:24.04",
            "example.org/distroless/python3-debian12:nonroot",
            "acme/python:1",
            "registry.example/base",
        ]
        .map(|reference| {
            let Assumed { libc, distribution } = of(reference);
            format!("{reference}: {libc}, {distribution:?}")
        });
        insta::assert_snapshot!(all.join("\n"));
    }

    #[test]
    fn distributions_have_no_python() {
        let plain =
            ["ubuntu:24.04", "debian:trixie-slim", "example.org/distroless/cc-debian12:nonroot", "alpine@sha256:a"];
        assert!(plain.into_iter().all(is_plain));
        assert!(
            !["python:3.13-alpine", "example.org/distroless/python3-debian12", "acme/api"].into_iter().any(is_plain)
        );
    }

    #[test]
    fn c_libraries_are_written_in_several_ways() {
        assert_eq!(parse("glibc-2.39"), Some(glibc(39)));
        assert_eq!(parse("glibc2.39"), Some(glibc(39)));
        assert_eq!(parse("musl-1.2"), Some(Libc::Musl { major: 1, minor: 2 }));
        assert!(["", "glibc", "glibc-2", "uclibc-1.0", "musl-x.y"].iter().all(|text| parse(text).is_none()));
    }
}
