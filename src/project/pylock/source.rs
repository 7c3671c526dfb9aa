//! Sources that are no index: a repository, a directory, a single archive.

use super::{accepted, path, printable, url};
use crate::project::document::{Problems, Value, quoted};
use crate::project::lock::text::{self, UrlUse};
use crate::project::lock::{FileLocation, GitReference, GitSource, Source};

/// Reads `packages.vcs`.
pub(super) fn vcs(value: &Value<'_>, problems: &mut Problems) -> Option<GitSource> {
    let table = value.table("a table", problems)?;
    let kind = table.get("type");
    match kind.as_ref().map(|kind| printable(kind, problems)) {
        Some(Some("git")) => {}
        Some(Some(other)) => {
            problems.push(value.problem(format_args!("is of type {}, and only git is supported", quoted(other))));
            return None;
        }
        Some(None) => return None,
        None => {
            problems.push(value.problem("has no type"));
            return None;
        }
    }
    let Some(address) = table.get("url") else {
        problems.push(value.problem("has no url").help("lock the package from a repository that has a URL"));
        return None;
    };
    let remote = url(&address, UrlUse::Git, problems)?;
    if remote.contains(['?', '#']) {
        problems.push(address.problem("has a query or a fragment"));
        return None;
    }
    let commit = table.get("commit-id").and_then(|commit| commit.as_str()).unwrap_or_default();
    if commit.len() != 40 || !commit.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        problems.push(value.problem("has no full commit-id"));
        return None;
    }
    let revision = table.get("requested-revision");
    let reference = match revision.as_ref().and_then(Value::as_str) {
        Some(revision) => GitReference::Rev(revision.into()),
        None => GitReference::DefaultBranch,
    };
    Some(GitSource {
        url: remote.into(),
        commit: commit.to_ascii_lowercase().into(),
        reference,
        subdirectory: subdirectory(value, problems),
        path: None,
        lfs: false,
    })
}

/// Reads `packages.directory`.
pub(super) fn directory(value: &Value<'_>, problems: &mut Problems) -> Option<Source> {
    let table = value.table("a table", problems)?;
    let Some(place) = table.get("path") else {
        problems.push(value.problem("has no path"));
        return None;
    };
    let base = path(&place, problems)?.trim_end_matches('/');
    let base = base.strip_prefix("./").unwrap_or(base);
    let base = if base.is_empty() { "." } else { base };
    let path: Box<str> = match subdirectory(value, problems) {
        Some(inside) if base == "." => inside,
        Some(inside) => format!("{base}/{inside}").into(),
        None => base.into(),
    };
    let editable = table.get("editable").and_then(|editable| editable.as_bool()).unwrap_or_default();
    Some(if editable { Source::Editable { path } } else { Source::Directory { path } })
}

/// The directory inside a source that holds the package.
pub(super) fn subdirectory(value: &Value<'_>, problems: &mut Problems) -> Option<Box<str>> {
    let value = value.as_table()?.get("subdirectory")?;
    let text = path(&value, problems)?;
    accepted(&value, text::path(text), problems)?;
    Some(text.into())
}

/// The source of a package that is one file.
pub(super) fn of_file(location: &FileLocation, subdirectory: Option<Box<str>>) -> Source {
    match location {
        FileLocation::Url(url) => Source::Url { url: url.clone(), subdirectory },
        FileLocation::Path(path) => Source::Path { path: path.clone() },
    }
}
