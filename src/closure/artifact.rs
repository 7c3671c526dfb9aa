//! The file or tree that stands for a package in a closure. Every kind is represented; which of them can be installed
//! is for the plan to say, with the location that each package carries.

use std::ops::Range;

use serde::Serialize;

use crate::project::lock::{FileLocation, GitSource, Hash};

/// What is installed for a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Artifact {
    /// A wheel: from an index, by URL, or in the file system.
    Wheel(WheelFile),
    /// A source distribution from an index, to be built. The package has no wheel for the target.
    Sdist(ArchiveFile),
    /// A commit of a git repository, to be built.
    Git(GitSource),
    /// A source archive by URL, to be built.
    Url(ArchiveFile),
    /// A source archive in the file system, to be built.
    Path(ArchiveFile),
    /// A source tree, to be built.
    Directory(Tree),
    /// A source tree that uv installs in editable mode; an image builds it.
    Editable(Tree),
    /// A source tree that is no package: nothing is installed for it.
    Virtual(Tree),
}

impl Artifact {
    /// Whether a build has to run.
    pub fn needs_build(&self) -> bool {
        !matches!(self, Self::Wheel(_) | Self::Virtual(_))
    }

    /// What it is, in words for messages.
    pub fn describe(&self) -> &'static str {
        match self {
            Self::Wheel(_) => "a wheel",
            Self::Sdist(_) => "a source distribution",
            Self::Git(_) => "a git repository",
            Self::Url(_) => "a source archive by URL",
            Self::Path(_) => "a source archive in the file system",
            Self::Directory(_) => "a source tree",
            Self::Editable(_) => "an editable source tree",
            Self::Virtual(_) => "a project that is not a package",
        }
    }
}

/// A wheel that fits the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct WheelFile {
    /// The file name as published; a plain name, never a path.
    pub filename: String,
    /// Where it is.
    pub location: FileLocation,
    /// Its hash; an index may not have given one.
    pub hash: Option<Hash>,
    /// Its size in bytes; often missing.
    pub size: Option<u64>,
    /// Whether it is for any platform (`…-any.whl`).
    pub pure: bool,
    /// Its entry in the lock.
    #[serde(skip)]
    pub range: Range<usize>,
}

/// A source archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ArchiveFile {
    /// The file name; a plain name, never a path.
    pub filename: String,
    /// Where it is.
    pub location: FileLocation,
    /// Its hash; an index may not have given one.
    pub hash: Option<Hash>,
    /// Its size in bytes; often missing.
    pub size: Option<u64>,
    /// The directory in the archive that holds the project (URL sources only).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subdirectory: Option<String>,
    /// Its entry in the lock.
    #[serde(skip)]
    pub range: Range<usize>,
}

/// A source tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Tree {
    /// Its root, relative to the lock's directory (or absolute); `.` is that directory.
    pub path: String,
}

impl Tree {
    /// Whether the path leads out of the lock's directory, after `..` has been followed.
    pub fn is_outside(&self) -> bool {
        let mut depth = 0_i64;
        for part in self.path.split('/') {
            match part {
                "" | "." => {}
                ".." => depth -= 1,
                _ => depth += 1,
            }
            if depth < 0 {
                return true;
            }
        }
        self.path.starts_with('/')
    }
}
