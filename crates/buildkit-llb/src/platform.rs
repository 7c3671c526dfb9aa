//! An operating system and CPU, in the terms of the OCI image spec, with the text forms of containerd's `platforms`
//! package: that is what BuildKit uses for options (`linux/arm64`), for result keys and for what the user reads.

use std::fmt;
use std::str::FromStr;

use buildkit_proto::pb;

/// What an image is chosen for, or a step runs as.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform {
    /// For example `linux`.
    pub os: String,
    /// For example `amd64`.
    pub architecture: String,
    /// For example `v7` on arm; empty when there is none to speak of.
    pub variant: String,
    /// Only on Windows.
    pub os_version: String,
    /// Only on Windows.
    pub os_features: Vec<String>,
}

/// A text that is no platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("“{0}” is not a platform (expected something like “linux/amd64” or “linux/arm/v7”)")]
pub struct InvalidPlatform(pub String);

impl Platform {
    /// A platform from its operating system and CPU, normalised.
    pub fn new(os: &str, architecture: &str) -> Self {
        Self {
            os: os.to_owned(),
            architecture: architecture.to_owned(),
            variant: String::new(),
            os_version: String::new(),
            os_features: Vec::new(),
        }
        .normalized()
    }

    /// The platform that this program was compiled for.
    pub fn of_this_process() -> Self {
        Self::new(std::env::consts::OS, std::env::consts::ARCH)
    }

    /// One spelling for each platform, as containerd's `Normalize`: `aarch64` becomes `arm64`, and the variant that
    /// every CPU of an architecture has (`v8` of arm64, `v1` of amd64) goes away.
    #[must_use]
    pub fn normalized(&self) -> Self {
        let os = match self.os.to_lowercase().as_str() {
            "macos" => "darwin".to_owned(),
            "" => go_os(),
            os => os.to_owned(),
        };
        let (architecture, variant) = normalize_arch(&self.architecture, &self.variant);
        let mut os_features = self.os_features.clone();
        os_features.sort();
        os_features.dedup();
        Self { os, architecture, variant, os_version: self.os_version.clone(), os_features }
    }
}

/// The operating system of this process in Go's words.
fn go_os() -> String {
    match std::env::consts::OS {
        "macos" => "darwin",
        os => os,
    }
    .to_owned()
}

/// containerd's `normalizeArch`.
fn normalize_arch(architecture: &str, variant: &str) -> (String, String) {
    let architecture = architecture.to_lowercase();
    let variant = variant.to_lowercase();
    let (architecture, variant) = match (architecture.as_str(), variant.as_str()) {
        // `x86` is Rust's name; containerd never sees it.
        ("i386", _) | ("x86", "") => ("386", ""),
        ("x86_64" | "x86-64" | "amd64", "v1") => ("amd64", ""),
        ("x86_64" | "x86-64" | "amd64", variant) => ("amd64", variant),
        ("aarch64" | "arm64", "8" | "v8" | "v8.0") => ("arm64", ""),
        ("aarch64" | "arm64", "9" | "9.0" | "v9.0") => ("arm64", "v9"),
        ("aarch64" | "arm64", variant) => ("arm64", variant),
        ("armhf", _) | ("arm", "" | "7") => ("arm", "v7"),
        ("armel", _) | ("arm", "6") => ("arm", "v6"),
        ("arm", "5") => ("arm", "v5"),
        ("arm", "8") => ("arm", "v8"),
        other => other,
    };
    (architecture.to_owned(), variant.to_owned())
}

/// Operating systems that may stand alone.
const KNOWN_OS: [&str; 17] = [
    "aix",
    "android",
    "darwin",
    "dragonfly",
    "freebsd",
    "hurd",
    "illumos",
    "ios",
    "js",
    "linux",
    "nacl",
    "netbsd",
    "openbsd",
    "plan9",
    "solaris",
    "windows",
    "zos",
];

/// Architectures that may stand alone.
const KNOWN_ARCH: [&str; 24] = [
    "386",
    "amd64",
    "amd64p32",
    "arm",
    "armbe",
    "arm64",
    "arm64be",
    "ppc64",
    "ppc64le",
    "loong64",
    "mips",
    "mipsle",
    "mips64",
    "mips64le",
    "mips64p32",
    "mips64p32le",
    "ppc",
    "riscv",
    "riscv64",
    "s390",
    "s390x",
    "sparc",
    "sparc64",
    "wasm",
];

impl FromStr for Platform {
    type Err = InvalidPlatform;

    /// Reads `os`, `arch`, `os/arch` or `os/arch/variant`; a missing half is this process' own. Options of the
    /// operating system (`windows(10.0.17763+win32k)`) are understood as far as they need no percent-encoding.
    fn from_str(text: &str) -> Result<Self, InvalidPlatform> {
        let invalid = || InvalidPlatform(text.to_owned());
        let word =
            |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
        let parts: Vec<&str> = text.split('/').collect();
        let (os, options) = match parts[0].split_once('(') {
            Some((os, rest)) => (os, Some(rest.strip_suffix(')').ok_or_else(invalid)?)),
            None => (parts[0], None),
        };
        if !word(os) || os.contains('.') || !parts[1..].iter().all(|part| word(part)) {
            return Err(invalid());
        }
        let (os_version, os_features) = match options {
            None => (String::new(), Vec::new()),
            Some(options) => {
                let mut options = options.split('+');
                let version = options.next().unwrap_or_default();
                let features: Vec<String> = options.map(str::to_owned).collect();
                if !(version.is_empty() || word(version)) || !features.iter().all(|feature| word(feature)) {
                    return Err(invalid());
                }
                (version.to_owned(), features)
            }
        };
        let platform = |os: &str, architecture: &str, variant: &str| {
            let (architecture, variant) = normalize_arch(architecture, variant);
            Self {
                os: if os == "macos" { "darwin".to_owned() } else { os.to_owned() },
                architecture,
                variant,
                os_version: os_version.clone(),
                os_features: os_features.clone(),
            }
        };
        // Like containerd: a variant that was not written is not added, one that was written is kept.
        let without_default = |mut platform: Self| {
            if platform.architecture == "arm" && platform.variant == "v7" {
                platform.variant.clear();
            }
            platform
        };
        let os = os.to_lowercase();
        match parts[1..] {
            [] if KNOWN_OS.contains(&os.as_str()) || os == "macos" => {
                Ok(without_default(platform(&os, std::env::consts::ARCH, "")))
            }
            [] => {
                let platform = without_default(platform(&go_os(), &os, ""));
                if KNOWN_ARCH.contains(&platform.architecture.as_str()) { Ok(platform) } else { Err(invalid()) }
            }
            [architecture] => Ok(without_default(platform(&os, architecture, ""))),
            [architecture, variant] => {
                let mut platform = platform(&os, architecture, variant);
                if platform.architecture == "arm64" && platform.variant.is_empty() {
                    "v8".clone_into(&mut platform.variant);
                }
                Ok(platform)
            }
            _ => Err(invalid()),
        }
    }
}

impl fmt::Display for Platform {
    /// `os/arch` or `os/arch/variant`, with the options of the operating system where there are any: containerd's
    /// `FormatAll`, which BuildKit's result keys use.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.os.is_empty() {
            return f.write_str("unknown");
        }
        f.write_str(&self.os)?;
        if !self.os_version.is_empty() || !self.os_features.is_empty() {
            f.write_str("(")?;
            f.write_str(&self.os_version)?;
            let mut features: Vec<&String> = self.os_features.iter().collect();
            features.sort();
            features.dedup();
            for feature in features {
                write!(f, "+{feature}")?;
            }
            f.write_str(")")?;
        }
        for part in [&self.architecture, &self.variant] {
            if !part.is_empty() {
                write!(f, "/{part}")?;
            }
        }
        Ok(())
    }
}

impl From<&Platform> for pb::Platform {
    fn from(platform: &Platform) -> Self {
        Self {
            architecture: platform.architecture.clone(),
            os: platform.os.clone(),
            variant: platform.variant.clone(),
            os_version: platform.os_version.clone(),
            os_features: platform.os_features.clone(),
        }
    }
}

impl From<&pb::Platform> for Platform {
    fn from(platform: &pb::Platform) -> Self {
        Self {
            os: platform.os.clone(),
            architecture: platform.architecture.clone(),
            variant: platform.variant.clone(),
            os_version: platform.os_version.clone(),
            os_features: platform.os_features.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips() {
        for text in [
            "linux/amd64",
            "linux/arm64",
            "linux/arm64/v8",
            "linux/arm/v6",
            "linux/arm",
            "windows/amd64",
            "windows(10.0.17763)/amd64",
            "windows(10.0.17763+win32k)/amd64",
            "linux/riscv64",
        ] {
            assert_eq!(text.parse::<Platform>().unwrap().to_string(), text);
        }
    }

    /// The rows of containerd's own tests that matter to us.
    #[test]
    fn parses_like_containerd() {
        for (text, os, architecture, variant) in [
            ("linux/aarch64", "linux", "arm64", ""),
            ("Linux/x86_64", "linux", "amd64", ""),
            ("linux/arm64/8", "linux", "arm64", "v8"),
            ("linux/arm64/v9.0", "linux", "arm64", "v9"),
            ("linux/amd64/v1", "linux", "amd64", ""),
            ("linux/amd64/v3", "linux", "amd64", "v3"),
            ("linux/arm/v7", "linux", "arm", "v7"),
            ("linux/arm/7", "linux", "arm", "v7"),
            ("linux/armhf", "linux", "arm", ""),
            ("linux/armel", "linux", "arm", "v6"),
            ("macos/aarch64", "darwin", "arm64", ""),
            ("linux/i386", "linux", "386", ""),
        ] {
            let platform: Platform = text.parse().unwrap();
            assert_eq!(
                (platform.os.as_str(), platform.architecture.as_str(), platform.variant.as_str()),
                (os, architecture, variant),
                "{text}"
            );
        }
        let own = Platform::of_this_process();
        assert_eq!(own.os, "arm64".parse::<Platform>().unwrap().os);
        assert_eq!(own.architecture, "linux".parse::<Platform>().unwrap().architecture);
    }

    #[test]
    fn normalizes_like_containerd() {
        for (text, normal) in
            [("linux/arm64/v8", "linux/arm64"), ("linux/arm", "linux/arm/v7"), ("linux/amd64", "linux/amd64")]
        {
            assert_eq!(text.parse::<Platform>().unwrap().normalized().to_string(), normal);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "/", "linux/", "linux/*", "nonsense", "linux/arm/v7/x", "linux(/amd64", "li nux/amd64"] {
            assert_eq!(text.parse::<Platform>(), Err(InvalidPlatform(text.to_owned())), "{text}");
        }
    }
}
