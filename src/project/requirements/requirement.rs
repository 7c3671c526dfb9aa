//! A requirement (PEP 508) with its hashes. The whole is handed to uv; what matters here is the name, the marker, whether
//! it is pinned, and that uv can do it in a step that has nothing but a network.

use uv_normalize::{ExtraName, PackageName};
use uv_pep440::{Operator, VersionSpecifiers};

use crate::diagnostic::{Diagnostic, Location};
use crate::project::document::quoted;
use crate::project::lock::text::{self, UrlUse};
use crate::project::lock::{Expression, Hash};

/// A requirement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The normalised name.
    pub name: PackageName,
    /// The requirement as it is written, marker included, without hashes.
    pub text: String,
    /// The marker.
    pub marker: Option<Expression>,
    /// The hashes, one of which the file must have.
    pub hashes: Vec<Hash>,
    /// Whether one version, or one file, is asked for.
    pub pinned: bool,
    /// Its place.
    pub location: Location,
}

/// Reads a requirement.
pub(super) fn parse(line: &str, location: &Location) -> Result<Requirement, Diagnostic> {
    let problem = |says: String| Diagnostic::new(says).at_location(Some(location.clone()));
    let (text, options) = split_options(line);
    let hashes = hashes(options, location)?;
    let is_name = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    let end = text.find(|character| !is_name(character)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let rest = rest.trim_start();
    let lower = name.to_ascii_lowercase();
    if name.starts_with('.') || rest.starts_with('/') || text.starts_with(['/', '~']) {
        return Err(local(text, location));
    }
    if rest.starts_with("://") || (rest.is_empty() && is_archive(&lower)) {
        return Err(problem(format!("{} has no name of a package", quoted(text)))
            .help("write it as NAME @ URL, with the URL of a wheel or a source archive"));
    }
    let Ok(parsed) = name.parse::<PackageName>() else {
        return Err(problem(format!("{} does not begin with the name of a package", quoted(text)))
            .help("write a requirement such as idna==3.10"));
    };
    if rest.is_empty() && std::path::Path::new(&lower).extension().is_some_and(|end| end == "txt" || end == "in") {
        return Err(problem(format!("{} looks like a file", quoted(text))).help(format!("write -r {name}")));
    }
    let rest = extras(rest).ok_or_else(|| {
        problem(format!("the extras of {name} cannot be read")).help("write them as in httpx[http2,brotli]")
    })?;
    // A URL may hold a semicolon; its marker stands behind a space.
    let (wanted, separator, direct) = match rest.strip_prefix('@') {
        Some(url) => (url, " ;", true),
        None => (rest, ";", false),
    };
    let (version, marker) = match wanted.split_once(separator) {
        Some((version, marker)) => (version.trim(), Some(marker.trim())),
        None => (wanted.trim(), None),
    };
    let marker = marker.map(Expression::parse).transpose().map_err(|reason| {
        problem(format!("the marker of {name} cannot be understood: {reason}"))
            .help("write a marker such as ; sys_platform == 'linux'")
    })?;
    let pinned = if direct { check_url(name, version, location)? } else { is_pinned(name, version, location)? };
    Ok(Requirement { name: parsed, text: text.to_owned(), marker, hashes, pinned, location: location.clone() })
}

/// The requirement, and the options behind it.
fn split_options(line: &str) -> (&str, &str) {
    let at = line.match_indices("--").map(|(at, _)| at).find(|at| line[..*at].ends_with([' ', '\t']));
    let (text, options) = line.split_at(at.unwrap_or(line.len()));
    (text.trim(), options.trim())
}

fn hashes(options: &str, location: &Location) -> Result<Vec<Hash>, Diagnostic> {
    let problem = |says: String| Diagnostic::new(says).at_location(Some(location.clone()));
    let mut hashes = Vec::new();
    let mut words = options.split_whitespace();
    while let Some(word) = words.next() {
        let Some(rest) = word.strip_prefix("--hash") else {
            return Err(problem(format!("the option {} is not known here", quoted(word)))
                .note("uv refuses it, too")
                .help("behind a requirement, only --hash=sha256:… may stand"));
        };
        let value = match rest.strip_prefix('=') {
            Some(value) => value,
            None if rest.is_empty() => words.next().unwrap_or_default(),
            None => rest,
        };
        hashes.push(value.parse::<Hash>().map_err(|reason| {
            problem(format!("a hash is not valid: {reason}"))
                .help("let a tool write the hashes: uv pip compile --generate-hashes")
        })?);
    }
    Ok(hashes)
}

/// What follows the extras; `None` when they cannot be read.
fn extras(rest: &str) -> Option<&str> {
    let Some(inner) = rest.strip_prefix('[') else { return Some(rest) };
    let (list, rest) = inner.split_once(']')?;
    let good = list.trim().is_empty() || list.split(',').all(|extra| extra.trim().parse::<ExtraName>().is_ok());
    good.then(|| rest.trim_start())
}

fn is_archive(name: &str) -> bool {
    [".whl", ".zip", ".tar.gz", ".tgz"].iter().any(|end| name.ends_with(end))
}

fn is_pinned(name: &str, version: &str, location: &Location) -> Result<bool, Diagnostic> {
    let inner = version.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(version);
    let specifiers: VersionSpecifiers = inner.parse().map_err(|_| {
        Diagnostic::new(format!("the version of {name} is {}, which is not a version specifier", quoted(version)))
            .at_location(Some(location.clone()))
            .help("write it as in ==3.10 or >=3,<4")
    })?;
    let one = |specifier: &uv_pep440::VersionSpecifier| {
        matches!(specifier.operator(), Operator::Equal | Operator::ExactEqual)
    };
    Ok(specifiers.len() == 1 && specifiers.iter().all(one))
}

fn check_url(name: &str, url: &str, location: &Location) -> Result<bool, Diagnostic> {
    let problem = |says: String| Diagnostic::new(says).at_location(Some(location.clone()));
    if url.starts_with("git+") || ["hg+", "svn+", "bzr+"].iter().any(|scheme| url.starts_with(scheme)) {
        return Err(problem(format!("{name} comes from a repository, which cannot be installed from this file"))
            .help("lock the project with uv.lock or pylock.toml, which name the commit"));
    }
    if url.starts_with("file:") || !url.contains("://") {
        return Err(local(url, location));
    }
    text::url(url, UrlUse::Http).map_err(|refused| {
        problem(format!("the URL of {name} {}", refused.reason())).help("write a URL that begins with https://")
    })?;
    Ok(true)
}

/// The refusal of something in the file system.
pub(super) fn local(what: &str, location: &Location) -> Diagnostic {
    let diagnostic =
        Diagnostic::new(format!("{} is in the file system, which is not installed from this file", quoted(what)))
            .at_location(Some(location.clone()));
    if matches!(what, "." | "./" | "./.") {
        diagnostic
            .note("the project itself is built and installed without this line")
            .help("put its dependencies here instead: uv pip compile pyproject.toml --generate-hashes")
    } else {
        diagnostic.help("lock the project with uv.lock, which may name paths")
    }
}
