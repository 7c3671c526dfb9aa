//! Packages that are built from their sources, because the lock has no wheel of them for the target: source
//! distributions of an index, archives by URL, and commits of git repositories. Each is one step and one layer.

use serde::Serialize;

use super::local::{self, LocalFile};
use super::make::Inputs;
use super::settings::{self, Settings};
use crate::closure::{ArchiveFile, Artifact, Locked};
use crate::diagnostic::{Diagnostic, Location};
use crate::plan::indexes::{Access, Indexes};
use crate::project::lock::{FileLocation, GitSource, Hash, Lock};

/// A package that is built from its source and installed into a layer of its own.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Built {
    /// Normalised package name.
    pub name: String,
    /// Version, as the lock spells it.
    pub version: String,
    /// What it is built from.
    pub source: BuildSource,
    /// Who wants it: the shortest way to it from the project.
    pub wanted_by: String,
    /// What its build is told.
    #[serde(skip_serializing_if = "Settings::is_empty")]
    pub settings: Settings,
    /// Its entry in the lock file.
    #[serde(serialize_with = "super::as_text")]
    pub origin: Location,
}

/// What a package is built from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BuildSource {
    /// A source distribution, or another archive of sources.
    #[serde(rename_all = "kebab-case")]
    Archive {
        /// Where it is fetched from.
        url: String,
        /// The file's name; a plain name, never a path.
        filename: String,
        /// `sha256:…` of the file; an index may not have given one.
        #[serde(skip_serializing_if = "Option::is_none")]
        digest: Option<String>,
        /// The credentials that it is fetched with; without any it is a source of BuildKit's own.
        #[serde(skip_serializing_if = "Option::is_none")]
        access: Option<Access>,
        /// The directory in the archive that holds the package.
        subdirectory: Option<String>,
    },
    /// An archive of sources among the user's files.
    #[serde(rename_all = "kebab-case")]
    File {
        /// Where it is.
        file: LocalFile,
        /// The file's name; a plain name, never a path.
        filename: String,
        /// `<algorithm>:<hexadecimal>` of the file. The lock has none for the files of an index that is a directory.
        digest: Option<String>,
    },
    /// A commit of a git repository.
    #[serde(rename_all = "kebab-case")]
    Git {
        /// The repository's https, http or ssh URL.
        remote: String,
        /// The full commit hash.
        commit: String,
        /// The directory in the repository that holds the package.
        subdirectory: Option<String>,
        /// Whether files of Git LFS are fetched, too.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        lfs: bool,
    },
}

/// How a package of the closure is built. `directory` is that of the lock in the build context.
///
/// # Errors
/// Sources that pyfront cannot build from, with their place in the lock.
pub(super) fn from_source(inputs: &Inputs<'_>, package: &Locked) -> Result<Built, Diagnostic> {
    let (source, origin) = source(inputs.lock, inputs.directory, inputs.indexes, package)?;
    Ok(Built {
        name: package.name.to_string(),
        version: version(package, &origin)?,
        source,
        wanted_by: package.chain.to_string(),
        settings: settings::of_locked(inputs, package)?,
        origin,
    })
}

/// What a package is built from, and its place in the lock. `directory` is the lock's, in the build context.
fn source(
    lock: &Lock,
    directory: &str,
    indexes: &Indexes<'_>,
    package: &Locked,
) -> Result<(BuildSource, Location), Diagnostic> {
    match &package.artifact {
        Artifact::Sdist(ArchiveFile { location: FileLocation::Path(path), filename, hash, range, .. })
        | Artifact::Path(ArchiveFile { location: FileLocation::Path(path), filename, hash, range, .. }) => {
            let file = local::file(directory, package.name.as_str(), path);
            let digest = hash.as_ref().map(ToString::to_string);
            let origin = Location::new(&lock.file, range.clone());
            Ok((BuildSource::File { file, filename: filename.clone(), digest }, origin))
        }
        Artifact::Sdist(file) | Artifact::Url(file) => {
            let origin = Location::new(&lock.file, file.range.clone());
            let what = package.artifact.describe();
            let remote = remote(package, what, &file.location, file.hash.as_ref(), &origin)?;
            let source = BuildSource::Archive {
                access: indexes.access(&package.source, &remote.url),
                url: remote.url,
                filename: file.filename.clone(),
                digest: remote.digest,
                subdirectory: file.subdirectory.clone(),
            };
            Ok((source, origin))
        }
        Artifact::Git(git) => Ok((commit(package, git)?, package.location.clone())),
        artifact => {
            let message =
                format!("{} is locked as {}, which pyfront cannot build yet", title(package), artifact.describe());
            Err(refusal(package, &package.location, message)
                .help("lock a release of the package from an index instead, then run uv lock"))
        }
    }
}

fn commit(package: &Locked, git: &GitSource) -> Result<BuildSource, Diagnostic> {
    let refuse = |why: &str| refusal(package, &package.location, format!("{} {why}", title(package)));
    // uv's own locks have the plain scheme; `git+https` is how requirements spell it.
    let remote = git.url.strip_prefix("git+").unwrap_or(&git.url);
    if !["https://", "http://", "ssh://"].iter().any(|scheme| remote.starts_with(scheme)) {
        return Err(refuse("comes from a git repository that is reached neither over https nor over ssh")
            .help("give the repository's https or ssh address in [tool.uv.sources], then run uv lock"));
    }
    if git.lfs && remote.starts_with("ssh://") {
        return Err(refuse(
            "comes from a git repository over ssh with lfs = true; Git LFS files are fetched over https only",
        )
        .help("give the repository's https address in [tool.uv.sources], then run uv lock"));
    }
    if git.path.is_some() {
        return Err(refuse("is an archive inside a git repository, which pyfront cannot install yet")
            .help("lock a release of the package from an index instead, then run uv lock"));
    }
    Ok(BuildSource::Git {
        remote: remote.to_owned(),
        commit: git.commit.to_string(),
        subdirectory: git.subdirectory.as_deref().map(str::to_owned),
        lfs: git.lfs,
    })
}

/// A file that BuildKit itself can fetch and check.
pub(super) struct Remote {
    pub(super) url: String,
    /// `sha256:…`; `None` when the lock has no hash.
    pub(super) digest: Option<String>,
}

/// Where a file of the lock is fetched from, and what it must be. `what` says in messages what kind of file it is.
pub(super) fn remote(
    package: &Locked,
    what: &str,
    location: &FileLocation,
    hash: Option<&Hash>,
    origin: &Location,
) -> Result<Remote, Diagnostic> {
    let title = title(package);
    let FileLocation::Url(url) = location else {
        let message = format!("{title} is {what} in the file system, which pyfront cannot install yet");
        return Err(refusal(package, origin, message).help("lock the package from an index, then run uv lock"));
    };
    if !url.starts_with("https://") && !url.starts_with("http://") {
        let message = format!("{title} is locked at an address that is neither http nor https");
        return Err(refusal(package, origin, message).help("lock the package from an index, then run uv lock"));
    }
    // Some indexes give no hashes; uv installs their files unchecked, and so does a build, with a warning. One of another
    // kind must not be passed over.
    let digest = hash.map(|hash| {
        hash.as_sha256_digest().ok_or_else(|| {
            let message = format!("{title} has no sha256 hash in the lock, so what is fetched could not be checked");
            refusal(package, origin, message).help("run uv lock against an index that gives sha256 hashes")
        })
    });
    let digest = digest.transpose()?;
    Ok(Remote { url: url.to_string(), digest })
}

/// The version of a package, which only source trees may lack.
pub(super) fn version(package: &Locked, origin: &Location) -> Result<String, Diagnostic> {
    let version = package.version.as_ref().map(ToString::to_string);
    version.ok_or_else(|| refusal(package, origin, format!("{} has no version in the lock", package.name)))
}

fn refusal(package: &Locked, origin: &Location, message: String) -> Diagnostic {
    Diagnostic::new(message).at_location(Some(origin.clone())).note(format!("wanted by: {}", package.chain))
}

fn title(package: &Locked) -> String {
    package.version.as_ref().map_or_else(|| package.name.to_string(), |version| format!("{} {version}", package.name))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::closure::{Arch, Libc, Python, Request, Target, resolve};
    use crate::diagnostic::SourceFile;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    /// What becomes of a package that is locked with these lines, or why nothing does.
    fn built(lines: &str) -> Result<BuildSource, String> {
        let text = format!(
            "version = 1\nrevision = 3\nrequires-python = \">=3.11\"\n\n[[package]]\nname = \"app\"\nversion = \"1\"\n\
             source = {{ virtual = \".\" }}\ndependencies = [{{ name = \"parcel\" }}]\n\n[[package]]\nname = \"parcel\"\n\
             version = \"1.4\"\n{lines}\n"
        );
        let lock = Lock::read(&SourceFile::new("uv.lock", text)).unwrap();
        let target = Target {
            python: Python::new("3.13.5", false).unwrap(),
            arch: Arch::X86_64,
            libc: Libc::Glibc { major: 2, minor: 36 },
        };
        let closure = resolve(&lock, &Request::default(), &target).unwrap();
        let package = closure.get("parcel").unwrap();
        assert_eq!(package.chain.to_string(), "app → parcel");
        let none = BTreeSet::new();
        let indexes = Indexes::new(&[], &none, &lock);
        source(&lock, "", &indexes, package).map(|(source, _)| source).map_err(|problem| problem.to_string())
    }

    #[test]
    fn commits_of_git_repositories() {
        let git = |query: &str| built(&format!("source = {{ git = \"https://host/parcel.git{query}#{COMMIT}\" }}"));
        let expected = |subdirectory: Option<&str>| BuildSource::Git {
            remote: "https://host/parcel.git".to_owned(),
            commit: COMMIT.to_owned(),
            subdirectory: subdirectory.map(str::to_owned),
            lfs: false,
        };
        assert_eq!(git("?tag=v1.4"), Ok(expected(None)));
        assert_eq!(git("?subdirectory=python&rev=main"), Ok(expected(Some("python"))));
        assert!(matches!(git("?lfs=true"), Ok(BuildSource::Git { lfs: true, .. })));
        let ssh = built(&format!("source = {{ git = \"ssh://git@host/parcel.git?lfs=true#{COMMIT}\" }}"));
        insta::assert_snapshot!(ssh.unwrap_err());
        for scheme in ["ssh", "git+ssh"] {
            let ssh = built(&format!("source = {{ git = \"{scheme}://git@host/parcel.git#{COMMIT}\" }}"));
            let remote = "ssh://git@host/parcel.git".to_owned();
            assert_eq!(ssh, Ok(BuildSource::Git { remote, commit: COMMIT.to_owned(), subdirectory: None, lfs: false }));
        }
        let git = built(&format!("source = {{ git = \"git://host/parcel.git#{COMMIT}\" }}"));
        insta::assert_snapshot!(git.unwrap_err());
    }

    #[test]
    fn archives() {
        let hash = format!("sha256:{}", "ab".repeat(32));
        let source = "source = { url = \"https://host/a/parcel.tar.gz\", subdirectory = \"python\" }";
        assert_eq!(
            built(&format!("{source}\nsdist = {{ hash = \"{hash}\" }}")),
            Ok(BuildSource::Archive {
                url: "https://host/a/parcel.tar.gz".to_owned(),
                filename: "parcel.tar.gz".to_owned(),
                digest: Some(hash),
                access: None,
                subdirectory: Some("python".to_owned()),
            })
        );
        let index =
            "source = { registry = \"https://host/simple\" }\nsdist = { url = \"https://host/parcel-1.4.tar.gz\" }";
        assert!(matches!(built(index), Ok(BuildSource::Archive { digest: None, .. })), "uv installs it");
        let weak = format!("{source}\nsdist = {{ hash = \"md5:{}\" }}", "ab".repeat(16));
        insta::assert_snapshot!(built(&weak).unwrap_err());
    }

    #[test]
    fn a_tree_beside_the_project() {
        insta::assert_snapshot!(built("source = { directory = \"../parcel\" }").unwrap_err());
    }
}
