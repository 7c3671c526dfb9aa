//! Where a locked package comes from: an index, a git repository, a URL, or a path in the project. One key of the
//! `source` table decides which.

use serde::Serialize;

use super::reader::{Reader, Result};
use super::text::UrlUse;
use super::tree::{Node, Table};

/// The source of a package.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Source {
    /// An index: a URL, or a directory with files (`find-links`, flat index).
    Registry {
        /// Which one.
        registry: Registry,
    },
    /// A commit of a git repository.
    Git(GitSource),
    /// An archive or a wheel by its URL.
    Url {
        /// The file's URL.
        url: Box<str>,
        /// The directory in the archive that holds the project.
        #[serde(skip_serializing_if = "Option::is_none")]
        subdirectory: Option<Box<str>>,
    },
    /// An archive or a wheel in the file system.
    Path {
        /// The file, relative to the lock's directory (or absolute).
        path: Box<str>,
    },
    /// A source tree that is built and installed.
    Directory {
        /// The tree's root, relative to the lock's directory; `.` is that directory.
        path: Box<str>,
    },
    /// A source tree that uv installs in editable mode: workspace members, as a rule.
    Editable {
        /// The tree's root, relative to the lock's directory; `.` is that directory.
        path: Box<str>,
    },
    /// A source tree that is not installed at all; only its dependencies are.
    Virtual {
        /// The tree's root, relative to the lock's directory; `.` is that directory.
        path: Box<str>,
    },
}

/// The location of an index.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Registry {
    /// Its URL, for example `https://index.example/simple`.
    Url(Box<str>),
    /// A directory, relative to the lock's directory (or absolute).
    Path(Box<str>),
}

/// A commit of a git repository.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct GitSource {
    /// The repository's URL, without query and fragment.
    pub url: Box<str>,
    /// The full commit hash: 40 lower-case hexadecimal digits.
    pub commit: Box<str>,
    /// What the user asked for; the commit is what it meant when the lock was written.
    pub reference: GitReference,
    /// The directory of the repository that holds the project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subdirectory: Option<Box<str>>,
    /// An archive or wheel inside the repository (newer uv).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<Box<str>>,
    /// Whether Git LFS objects are needed.
    pub lfs: bool,
}

/// How a git source was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GitReference {
    /// A tag.
    Tag(Box<str>),
    /// A branch.
    Branch(Box<str>),
    /// A commit, tag or branch: `rev = "…"`.
    Rev(Box<str>),
    /// Nothing: the default branch.
    DefaultBranch,
}

impl Source {
    /// Whether the package is a tree of files in the project: a workspace member or a path dependency.
    pub fn is_source_tree(&self) -> bool {
        self.tree_path().is_some()
    }

    /// The root of a source tree.
    pub fn tree_path(&self) -> Option<&str> {
        match self {
            Self::Directory { path } | Self::Editable { path } | Self::Virtual { path } => Some(path),
            Self::Registry { .. } | Self::Git(_) | Self::Url { .. } | Self::Path { .. } => None,
        }
    }

    pub(super) fn read(reader: &Reader, node: &Node<'_>) -> Result<Self> {
        let table = reader.table(node, "source")?;
        if let Some(node) = table.get("registry") {
            let text = reader.string(node, "registry")?;
            let registry = if text.contains("://") {
                Registry::Url(reader.url(node, "registry", UrlUse::Http)?.into())
            } else {
                Registry::Path(reader.path(node, "registry")?.into())
            };
            return Ok(Self::Registry { registry });
        }
        if let Some(node) = table.get("git") {
            return Ok(Self::Git(GitSource::read(reader, node)?));
        }
        if let Some(node) = table.get("url") {
            let url = reader.url(node, "url", UrlUse::Http)?.into();
            return Ok(Self::Url { url, subdirectory: optional_path(reader, table, "subdirectory")? });
        }
        for (key, make) in PATH_KINDS {
            if let Some(node) = table.get(key) {
                return Ok(make(reader.path(node, key)?.into()));
            }
        }
        let known = "registry, git, url, path, directory, editable or virtual";
        Err(reader
            .error(&node.range, "this kind of source is not known")
            .note(format!("known kinds: {known}"))
            .help("if the lock was written by a newer uv, a newer pyfront may read it"))
    }
}

type MakePath = fn(Box<str>) -> Source;

const PATH_KINDS: [(&str, MakePath); 4] = [
    ("path", |path| Source::Path { path }),
    ("directory", |path| Source::Directory { path }),
    ("editable", |path| Source::Editable { path }),
    ("virtual", |path| Source::Virtual { path }),
];

fn optional_path(reader: &Reader, table: &Table<'_>, key: &str) -> Result<Option<Box<str>>> {
    table.get(key).map(|node| reader.path(node, key).map(Into::into)).transpose()
}

impl GitSource {
    /// Reads `<url>?<key>=<value>&…#<commit>`, uv's notation.
    fn read(reader: &Reader, node: &Node<'_>) -> Result<Self> {
        let text = reader.url(node, "git", UrlUse::Git)?;
        let (rest, commit) = text.split_once('#').unwrap_or((text, ""));
        if commit.len() != 40 || !commit.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(reader.error(&node.range, "this git source does not end in # and a full commit hash"));
        }
        let (url, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut source = Self {
            url: url.into(),
            commit: commit.to_ascii_lowercase().into(),
            reference: GitReference::DefaultBranch,
            subdirectory: None,
            path: None,
            lfs: false,
        };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value =
                super::text::query_value(value).and_then(|value| super::text::path(&value).map(|()| value)).map_err(
                    |refused| reader.error(&node.range, format!("a value in this git source {}", refused.reason())),
                )?;
            let value: Box<str> = value.as_ref().into();
            match key {
                "tag" => source.reference = GitReference::Tag(value),
                "branch" => source.reference = GitReference::Branch(value),
                "rev" => source.reference = GitReference::Rev(value),
                "subdirectory" => source.subdirectory = Some(value),
                "path" => source.path = Some(value),
                "lfs" => source.lfs = value.eq_ignore_ascii_case("true"),
                _ => {}
            }
        }
        let full = |text: &str| text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if let GitReference::Rev(rev) = &source.reference
            && full(rev)
            && !rev.eq_ignore_ascii_case(&source.commit)
        {
            return Err(reader.error(&node.range, "this git source asks for one commit and locks another"));
        }
        Ok(source)
    }
}
