//! What an image is built for: one Python on one CPU with one C library. From it follow the values of environment
//! markers and the list of wheel tags that fit.

use std::fmt;

use serde::{Serialize, Serializer};
use uv_pep440::Version;
use uv_pep508::{MarkerEnvironment, MarkerEnvironmentBuilder};
use uv_platform_tags::{Arch as TagArch, Os, Platform, Tags, TagsOptions};

use crate::diagnostic::Diagnostic;

/// The Python, CPU and C library of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Target {
    /// The interpreter.
    pub python: Python,
    /// The CPU.
    pub arch: Arch,
    /// The C library.
    pub libc: Libc,
}

/// A CPython.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Python {
    version: Version,
    minor: (u8, u8),
    free_threaded: bool,
}

impl Python {
    /// A CPython of a full version such as `3.13.5`; `free_threaded` for the build without GIL (3.13t).
    ///
    /// # Errors
    /// A diagnostic (without place) when the version has no minor number or is not one that CPython can have.
    pub fn new(version: &str, free_threaded: bool) -> Result<Self, Diagnostic> {
        let error = || {
            Diagnostic::new(format!("{version:?} is not the version of a CPython"))
                .help("give the full version of the interpreter, for example 3.13.5")
        };
        let parsed: Version = version.parse().map_err(|_| error())?;
        let minor = match *parsed.release() {
            [major, minor, ..] => u8::try_from(major).ok().zip(u8::try_from(minor).ok()),
            _ => None,
        };
        let minor = minor.filter(|(major, _)| *major == 3).ok_or_else(error)?;
        Ok(Self { version: parsed, minor, free_threaded })
    }

    /// The full version, for example `3.13.5`.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// Major and minor version, for example `(3, 13)`.
    pub fn minor(&self) -> (u8, u8) {
        self.minor
    }

    /// Whether it is the build without GIL.
    pub fn is_free_threaded(&self) -> bool {
        self.free_threaded
    }
}

impl fmt::Display for Python {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CPython {}.{}{}", self.minor.0, self.minor.1, if self.free_threaded { "t" } else { "" })
    }
}

impl Serialize for Python {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}{}", self.version, if self.free_threaded { "t" } else { "" }))
    }
}

/// A CPU as Linux and wheels name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Arch {
    /// 64-bit x86 (`amd64`).
    #[serde(rename = "x86_64")]
    X86_64,
    /// 64-bit ARM (`arm64`).
    Aarch64,
    /// 32-bit ARM with hardware floats (`arm/v7`).
    Armv7l,
    /// Older 32-bit ARM (`arm/v6`).
    Armv6l,
    /// 32-bit x86 (`386`).
    I686,
    /// POWER, little endian.
    Ppc64le,
    /// IBM Z.
    S390x,
    /// 64-bit RISC-V.
    Riscv64,
    /// 64-bit LoongArch.
    Loongarch64,
}

impl Arch {
    /// The architecture of an OCI platform: `amd64`, `arm64`, `arm` + `v7`, …
    pub fn from_oci(architecture: &str, variant: &str) -> Option<Self> {
        Some(match (architecture, variant) {
            ("amd64", _) => Self::X86_64,
            ("arm64", _) => Self::Aarch64,
            ("arm", "v6") => Self::Armv6l,
            ("arm", "" | "v7" | "v8") => Self::Armv7l,
            ("386", _) => Self::I686,
            ("ppc64le", _) => Self::Ppc64le,
            ("s390x", _) => Self::S390x,
            ("riscv64", _) => Self::Riscv64,
            ("loong64", _) => Self::Loongarch64,
            _ => return None,
        })
    }

    /// The value of `platform_machine`, and the last part of platform tags.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
            Self::Armv7l => "armv7l",
            Self::Armv6l => "armv6l",
            Self::I686 => "i686",
            Self::Ppc64le => "ppc64le",
            Self::S390x => "s390x",
            Self::Riscv64 => "riscv64",
            Self::Loongarch64 => "loongarch64",
        }
    }

    pub(super) fn for_tags(self) -> TagArch {
        match self {
            Self::X86_64 => TagArch::X86_64,
            Self::Aarch64 => TagArch::Aarch64,
            Self::Armv7l => TagArch::Armv7L,
            Self::Armv6l => TagArch::Armv6L,
            Self::I686 => TagArch::X86,
            Self::Ppc64le => TagArch::Powerpc64Le,
            Self::S390x => TagArch::S390X,
            Self::Riscv64 => TagArch::Riscv64,
            Self::Loongarch64 => TagArch::LoongArch64,
        }
    }
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The C library of the base image, with its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Libc {
    /// The GNU C library; Debian 12 has 2.36, Debian 13 has 2.41.
    Glibc {
        /// 2, always.
        major: u16,
        /// The part after the dot.
        minor: u16,
    },
    /// musl; Alpine has 1.2.
    Musl {
        /// 1, always.
        major: u16,
        /// The part after the dot.
        minor: u16,
    },
}

impl fmt::Display for Libc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Glibc { major, minor } => write!(f, "glibc {major}.{minor}"),
            Self::Musl { major, minor } => write!(f, "musl {major}.{minor}"),
        }
    }
}

/// `CPython 3.13 on linux x86_64 (glibc 2.36)`
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on linux {} ({})", self.python, self.arch, self.libc)
    }
}

impl Target {
    /// The values of environment markers, as uv assumes them for a Linux that it cannot ask: the kernel's release and
    /// version are empty.
    ///
    /// # Errors
    /// None in practice: the versions have been parsed before.
    pub fn markers(&self) -> Result<MarkerEnvironment, Diagnostic> {
        let full = self.python.version.to_string();
        let minor = format!("{}.{}", self.python.minor.0, self.python.minor.1);
        MarkerEnvironment::try_from(MarkerEnvironmentBuilder {
            implementation_name: "cpython",
            implementation_version: &full,
            os_name: "posix",
            platform_machine: self.arch.as_str(),
            platform_python_implementation: "CPython",
            platform_release: "",
            platform_system: "Linux",
            platform_version: "",
            python_full_version: &full,
            python_version: &minor,
            sys_platform: "linux",
        })
        .map_err(|error| Diagnostic::new(format!("markers cannot be evaluated for {self}: {error}")))
    }

    /// The wheel tags that fit, best first.
    ///
    /// # Errors
    /// None in practice: only platforms that have tags can be named.
    pub fn tags(&self) -> Result<Tags, Diagnostic> {
        let os = match self.libc {
            Libc::Glibc { major, minor } => Os::Manylinux { major, minor: minor.min(MAX_MINOR) },
            Libc::Musl { major, minor } => Os::Musllinux { major, minor: minor.min(MAX_MINOR) },
        };
        let options = TagsOptions {
            manylinux_compatible: true,
            gil_disabled: self.python.free_threaded,
            debug_enabled: false,
            is_cross: true,
        };
        let platform = Platform::new(os, self.arch.for_tags());
        Tags::from_env(platform, self.python.minor, "cpython", self.python.minor, options)
            .map_err(|error| Diagnostic::new(format!("there are no wheel tags for {self}: {error}")))
    }
}

/// Tags are listed one by one; no C library will ever have a minor version above this.
const MAX_MINOR: u16 = 999;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_told_in_words() {
        let python = Python::new("3.13.5", false).unwrap();
        let target = Target { python, arch: Arch::X86_64, libc: Libc::Glibc { major: 2, minor: 36 } };
        assert_eq!(target.to_string(), "CPython 3.13 on linux x86_64 (glibc 2.36)");
        let python = Python::new("3.14.0rc1", true).unwrap();
        let target = Target { python, arch: Arch::Armv7l, libc: Libc::Musl { major: 1, minor: 2 } };
        assert_eq!(target.to_string(), "CPython 3.14t on linux armv7l (musl 1.2)");
    }

    #[test]
    fn versions_that_no_cpython_has_are_refused() {
        for bad in ["", "3", "2.7.18", "3.999.1", "4.0", "x"] {
            assert!(Python::new(bad, false).is_err(), "{bad}");
        }
    }

    #[test]
    fn tags_go_down_from_the_image_s_own_glibc() {
        let python = Python::new("3.13.5", false).unwrap();
        let target = Target { python, arch: Arch::Aarch64, libc: Libc::Glibc { major: 2, minor: 36 } };
        let tags = target.tags().unwrap().to_string();
        assert!(tags.starts_with("cp313-cp313-manylinux_2_36_aarch64\n"), "{tags}");
        assert!(tags.contains("cp32-abi3-manylinux2014_aarch64\n"));
        assert!(!tags.contains("manylinux_2_37"));
    }
}
