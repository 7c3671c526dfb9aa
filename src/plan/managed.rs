//! uv's managed Python, for a base image that has no Python of its own.
//!
//! uv knows where its Pythons are fetched from, and the SHA-256 of each: so the version of uv says which patch of a minor it
//! is, and its exact bytes. A version with a patch asks for that patch.

use serde::Serialize;

use crate::closure::{Arch, Libc};
use crate::diagnostic::Diagnostic;
use crate::project::document::{Located, quoted};
use crate::project::python_version::PythonVersion;
use crate::project::uv::UvSettings;

/// Where it lies in the image: a path that says neither patch nor CPU, so that no link to it changes with those.
pub const DIRECTORY: &str = "/opt/python";

/// A Python that uv fetches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ManagedPython {
    /// The download, as uv names it: `cpython-3.13-linux-x86_64-gnu`. Without a patch it is the newest that this uv knows.
    pub download: String,
    /// Where it is fetched from, in the place of where uv knows it to be: `python-install-mirror` of `[tool.uv]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mirror: Option<String>,
    /// A list of downloads in the place of uv's own: `python-downloads-json-url` of `[tool.uv]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list: Option<String>,
}

impl ManagedPython {
    /// The Python for an image with a C library and a CPU.
    ///
    /// # Errors
    /// Files of the user's machine in the place of a mirror or a list, which no build step sees; addresses with passwords.
    pub fn new(version: PythonVersion, libc: Libc, arch: Arch, settings: &UvSettings) -> Result<Self, Diagnostic> {
        Ok(Self {
            download: format!("cpython-{version}-linux-{}-{}", cpu(arch), c_library(libc, arch)),
            mirror: url("python-install-mirror", settings.python_install_mirror.as_ref())?,
            list: url("python-downloads-json-url", settings.python_downloads_json_url.as_ref())?,
        })
    }

    /// What it is, for people.
    pub fn describe(&self) -> String {
        format!("install {}, which uv manages, into {DIRECTORY}", self.download)
    }
}

/// A CPU as uv's downloads are named.
fn cpu(arch: Arch) -> &'static str {
    match arch {
        Arch::Armv7l => "armv7",
        Arch::Ppc64le => "powerpc64le",
        arch => arch.as_str(),
    }
}

/// A C library as uv's downloads are named, and its `UV_LIBC`.
pub fn c_library(libc: Libc, arch: Arch) -> &'static str {
    match (libc, arch) {
        (Libc::Glibc { .. }, Arch::Armv7l) => "gnueabihf",
        (Libc::Glibc { .. }, _) => "gnu",
        (Libc::Musl { .. }, Arch::Armv7l) => "musleabihf",
        (Libc::Musl { .. }, _) => "musl",
    }
}

/// A setting that a step with network can use.
fn url(key: &str, setting: Option<&Located<String>>) -> Result<Option<String>, Diagnostic> {
    let Some(Located { value, location }) = setting else { return Ok(None) };
    let host = value.split_once("://").map_or("", |(_, rest)| rest.split('/').next().unwrap_or_default());
    if host.contains('@') {
        return Err(Diagnostic::new(format!(
            "[tool.uv] {key} has a user or a password in it, who would be seen in the build"
        ))
        .at_location(Some(location.clone()))
        .help("write the address without them; a build fetches Python from servers that ask nobody who they are"));
    }
    if value.starts_with("https://") || value.starts_with("http://") {
        return Ok(Some(value.clone()));
    }
    Err(Diagnostic::new(format!("[tool.uv] {key}: {} is no address of a server", quoted(value)))
        .at_location(Some(location.clone()))
        .note("the Python is fetched by a build step, which sees no files of this machine")
        .help("write an address that begins with https://"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Location, SourceFile};

    const GLIBC: Libc = Libc::Glibc { major: 2, minor: 39 };
    const MUSL: Libc = Libc::Musl { major: 1, minor: 2 };

    #[test]
    fn passwords_are_neither_used_nor_shown() {
        let mirror = Located::new(
            "https://me:hunter2@mirror.example/python".to_owned(),
            Location::new(&SourceFile::new("x", "x"), 0..1),
        );
        let settings = UvSettings { python_install_mirror: Some(mirror), ..UvSettings::default() };
        let version = PythonVersion::parse("3.13").unwrap();
        let error = ManagedPython::new(version, GLIBC, Arch::X86_64, &settings).unwrap_err().to_string();
        assert!(error.contains("python-install-mirror") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn downloads_are_named_as_uv_names_them() {
        let download = |version: &str, libc, arch| {
            let version = PythonVersion::parse(version).unwrap();
            ManagedPython::new(version, libc, arch, &UvSettings::default()).unwrap().download
        };
        assert_eq!(download("3.13", GLIBC, Arch::X86_64), "cpython-3.13-linux-x86_64-gnu");
        assert_eq!(download("3.12.4", MUSL, Arch::Aarch64), "cpython-3.12.4-linux-aarch64-musl");
        assert_eq!(download("3.13", GLIBC, Arch::Armv7l), "cpython-3.13-linux-armv7-gnueabihf");
        assert_eq!(download("3.13", GLIBC, Arch::Ppc64le), "cpython-3.13-linux-powerpc64le-gnu");
    }
}
