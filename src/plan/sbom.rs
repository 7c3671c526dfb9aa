//! The list of what is installed, as far as the closure knows it: the packages with their versions, hashes and sources, and
//! who needs whom. What only the installed files tell (licences, and what uv resolved without a lock) is added by a step.

use serde::Serialize;
use std::fmt::Write as _;

use crate::closure::{ArchiveFile, Artifact, Closure, Locked};
use crate::plan::indexes::Indexes;
use crate::project::lock::{FileLocation, Registry, Source};

/// A part of the image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// The normalised name.
    pub name: String,
    /// The version; a project with a dynamic version has none.
    pub version: Option<String>,
    /// What it was installed or built from: a URL, or a repository with its commit as SPDX spells it.
    pub location: Option<String>,
    /// `<algorithm>:<hexadecimal>` of that file.
    pub digest: Option<String>,
    /// Its package URL. The user's own projects have none: an index may have another one of the same name.
    pub purl: Option<String>,
    /// The names of the parts that it needs.
    pub needs: Vec<String>,
}

/// The parts of a closure, by name. What installs nothing is no part.
pub fn parts(closure: &Closure, indexes: &Indexes<'_>) -> Vec<Part> {
    let packages = closure.packages.iter().filter(|package| !matches!(package.artifact, Artifact::Virtual(_)));
    packages.map(|package| part(package, indexes)).collect()
}

fn part(package: &Locked, indexes: &Indexes<'_>) -> Part {
    let version = package.version.as_ref().map(ToString::to_string);
    let (location, digest) = match &package.artifact {
        Artifact::Wheel(file) => (Some(&file.location), file.hash.as_ref()),
        Artifact::Sdist(ArchiveFile { location, hash, .. })
        | Artifact::Url(ArchiveFile { location, hash, .. })
        | Artifact::Path(ArchiveFile { location, hash, .. }) => (Some(location), hash.as_ref()),
        _ => (None, None),
    };
    let location = match (location, &package.artifact) {
        (Some(FileLocation::Url(url)), _) => Some(url.to_string()),
        (_, Artifact::Git(git)) => {
            Some(format!("git+{}@{}", git.url.strip_prefix("git+").unwrap_or(&git.url), git.commit))
        }
        _ => None,
    };
    let qualifier = match &package.source {
        // Without a declaration it is uv's default index, or a mirror of it.
        Source::Registry { registry: Registry::Url(url) } if indexes.has(url) => {
            Some(format!("?repository_url={}", encoded(url)))
        }
        Source::Registry { registry: Registry::Url(_) } => Some(String::new()),
        Source::Git(_) => location.as_deref().map(|url| format!("?vcs_url={}", encoded(url))),
        Source::Url { .. } => location.as_deref().map(|url| format!("?download_url={}", encoded(url))),
        _ => None,
    };
    let purl = qualifier.filter(|_| !package.first_party).map(|qualifier| {
        let version = version.as_deref().map(|version| format!("@{}", encoded(version))).unwrap_or_default();
        format!("pkg:pypi/{}{version}{qualifier}", package.name)
    });
    Part {
        name: package.name.to_string(),
        version,
        location,
        digest: digest.map(ToString::to_string),
        purl,
        needs: package.dependencies.iter().map(ToString::to_string).collect(),
    }
}

/// Percent-encodes what has a meaning in a package URL.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b".-_~:/".contains(&byte) {
            out.push(byte.into());
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::closure::{Arch, Libc, Python, Request, Target, resolve};
    use crate::diagnostic::SourceFile;
    use crate::project::lock::Lock;
    use crate::project::pyproject::Pyproject;

    const LOCK: &str = r#"version = 1
revision = 3
requires-python = ">=3.13"

[[package]]
name = "app"
version = "0.1.0"
source = { editable = "." }
dependencies = [{ name = "cli" }, { name = "linked" }, { name = "repo" }, { name = "secret" }]

[[package]]
name = "cli"
version = "1.0+local"
source = { registry = "https://default.example/simple" }
dependencies = [{ name = "secret" }]
wheels = [{ url = "https://files.example/cli-1.0%2Blocal-py3-none-any.whl", hash = "sha256:1111111111111111111111111111111111111111111111111111111111111111" }]

[[package]]
name = "linked"
version = "2"
source = { url = "https://files.example/linked-2-py3-none-any.whl" }
wheels = [{ url = "https://files.example/linked-2-py3-none-any.whl", hash = "sha256:2222222222222222222222222222222222222222222222222222222222222222" }]

[[package]]
name = "repo"
version = "3"
source = { git = "https://git.example/repo?rev=v3#3333333333333333333333333333333333333333" }

[[package]]
name = "secret"
version = "4"
source = { registry = "https://own.example/simple" }
wheels = [{ url = "https://own.example/secret-4-py3-none-any.whl", hash = "sha256:4444444444444444444444444444444444444444444444444444444444444444" }]
"#;

    #[test]
    fn each_source_has_its_purl() {
        let lock = Lock::read(&SourceFile::new("uv.lock", LOCK)).unwrap();
        let declared = "[[tool.uv.index]]\nname = 'own'\nurl = 'https://own.example/simple'\n";
        let pyproject = Pyproject::parse(&SourceFile::new("pyproject.toml", declared)).unwrap();
        let python = Python::new("3.13.5", false).unwrap();
        let target = Target { python, arch: Arch::X86_64, libc: Libc::Glibc { major: 2, minor: 36 } };
        let closure = resolve(&lock, &Request::default(), &target).unwrap();
        let given = BTreeSet::new();
        let parts = parts(&closure, &Indexes::new(&pyproject.uv.indexes, &given, &lock));
        let lines: Vec<String> = parts
            .iter()
            .map(|part| {
                let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
                let digest = text(&part.digest);
                let digest = digest.get(..9).unwrap_or(&digest);
                format!(
                    "{} {} {digest} {}\n  {}\n  {}",
                    part.name,
                    text(&part.version),
                    part.needs.join(","),
                    text(&part.purl),
                    text(&part.location)
                )
            })
            .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }
}
