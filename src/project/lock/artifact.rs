//! The files that a lock offers for a package: wheels with their tags, and source distributions. Names are checked
//! here, once; what is left is a plain file name that fits its package.

use std::borrow::Cow;
use std::ops::Range;

use serde::Serialize;
use uv_distribution_filename::WheelFilename;
use uv_normalize::PackageName;
use uv_pep440::Version;
use uv_platform_tags::PlatformTag;

use super::reader::{Reader, Result};
use super::text::UrlUse;
use super::tree::{Node, Table};
use super::{Hash, Registry, Source};

/// Where a file is fetched from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileLocation {
    /// An absolute http, https or file URL.
    Url(Box<str>),
    /// A path relative to the lock's directory (or absolute).
    Path(Box<str>),
}

/// A wheel of the lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wheel {
    /// The file name as published, percent-decoded.
    pub filename: Box<str>,
    /// The file name taken apart.
    pub parsed: WheelFilename,
    /// Where it is.
    pub location: FileLocation,
    /// Its hash. An index may not have given one.
    pub hash: Option<Hash>,
    /// Its size in bytes. Often missing.
    pub size: Option<u64>,
    /// The wheel's entry in the lock.
    pub range: Range<usize>,
}

impl Wheel {
    /// Whether it is for any platform (`…-any.whl`).
    pub fn is_pure(&self) -> bool {
        self.parsed.platform_tags().iter().all(|tag| *tag == PlatformTag::Any)
    }
}

/// The source distribution of the lock, or the archive that a url or path source names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sdist {
    /// The file name, percent-decoded.
    pub filename: Box<str>,
    /// Where it is.
    pub location: FileLocation,
    /// Its hash. An index may not have given one.
    pub hash: Option<Hash>,
    /// Its size in bytes. Often missing.
    pub size: Option<u64>,
    /// The entry in the lock.
    pub range: Range<usize>,
}

/// The package that artifacts are read for.
pub(super) struct Owner<'p> {
    pub(super) name: &'p PackageName,
    pub(super) version: Option<&'p Version>,
    pub(super) source: &'p Source,
}

impl Wheel {
    pub(super) fn read(reader: &Reader, node: &Node<'_>, owner: &Owner<'_>) -> Result<Self> {
        let table = reader.table(node, "wheels")?;
        let located = locate(reader, node, table, owner)?.ok_or_else(|| {
            reader.error(&node.range, format!("this wheel of {} has neither url, path nor filename", owner.name))
        })?;
        let Some(parsed) = located.filename.parse::<WheelFilename>().ok() else {
            return Err(reader.error(&located.range, format!("this is not the name of a wheel: {}", located.filename)));
        };
        if parsed.name != *owner.name {
            return Err(
                reader.error(&located.range, format!("this wheel is of {}, not of {}", parsed.name, owner.name))
            );
        }
        if let Some(version) = owner.version
            && parsed.version != *version
            && parsed.version.clone().without_local() != *version
        {
            let message =
                format!("this wheel is version {}, but {} is locked at {version}", parsed.version, owner.name);
            return Err(reader.error(&located.range, message));
        }
        let (hash, size) = hash_and_size(reader, table)?;
        Ok(Self {
            filename: located.filename.as_ref().into(),
            parsed,
            location: located.location,
            hash,
            size,
            range: node.range.clone(),
        })
    }
}

impl Sdist {
    /// Reads `sdist = { … }`. Git sources have none, or one without a place: `None`.
    pub(super) fn read(reader: &Reader, node: &Node<'_>, owner: &Owner<'_>) -> Result<Option<Self>> {
        let table = reader.table(node, "sdist")?;
        let (hash, size) = hash_and_size(reader, table)?;
        let Some(located) = locate(reader, node, table, owner)? else { return Ok(None) };
        let filename = located.filename.as_ref().into();
        Ok(Some(Self { filename, location: located.location, hash, size, range: node.range.clone() }))
    }
}

struct Located<'n> {
    filename: Cow<'n, str>,
    location: FileLocation,
    /// The value that holds the name.
    range: Range<usize>,
}

/// Finds a file's name and place: its own `url`, `path` or `filename`, or the place that the source names.
fn locate<'n>(
    reader: &Reader,
    node: &'n Node<'_>,
    table: &'n Table<'_>,
    owner: &Owner<'n>,
) -> Result<Option<Located<'n>>> {
    if let Some(node) = table.get("url") {
        let url = reader.url(node, "url", UrlUse::Http)?;
        let filename = reader.url_file_name(url, &node.range)?;
        return Ok(Some(Located { filename, location: FileLocation::Url(url.into()), range: node.range.clone() }));
    }
    if let Some(node) = table.get("path") {
        let path = reader.path(node, "path")?;
        let filename = path.rsplit('/').next().unwrap_or_default();
        reader.file_name(filename, &node.range)?;
        let location = match owner.source {
            Source::Registry { registry: Registry::Path(index) } => FileLocation::Path(join(index, path)),
            _ => FileLocation::Path(path.into()),
        };
        return Ok(Some(Located { filename: filename.into(), location, range: node.range.clone() }));
    }
    let name = table.get("filename");
    let range = name.map_or(&node.range, |node| &node.range);
    let given = name.map(|node| reader.string(node, "filename")).transpose()?;
    if let Some(given) = given {
        reader.file_name(given, range)?;
    }
    let (location, own) = match owner.source {
        Source::Url { url, .. } => (FileLocation::Url(url.clone()), reader.url_file_name(url, range)?),
        Source::Path { path } => (FileLocation::Path(path.clone()), path.rsplit('/').next().unwrap_or_default().into()),
        _ => return Ok(None),
    };
    let filename = given.map_or(own, Cow::Borrowed);
    reader.file_name(&filename, range)?;
    Ok(Some(Located { filename, location, range: range.clone() }))
}

fn hash_and_size(reader: &Reader, table: &Table<'_>) -> Result<(Option<Hash>, Option<u64>)> {
    let hash = table.get("hash").map(|node| reader.parsed(node, "hash", "this hash")).transpose()?;
    let size = table.get("size").map(|node| reader.unsigned(node, "size")).transpose()?;
    Ok((hash, size))
}

/// A file of a find-links directory, relative to the lock.
fn join(index: &str, path: &str) -> Box<str> {
    if path.starts_with('/') || index == "." {
        return path.into();
    }
    format!("{}/{path}", index.trim_end_matches('/')).into()
}
