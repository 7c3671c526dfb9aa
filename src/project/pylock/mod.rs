//! `pylock.toml` (PEP 751), typed, with places: the lock that any tool can write. Its packages become the same types as
//! those of `uv.lock`, so that one piece of code chooses their files. Keys that are not known are ignored; another major
//! version of the format is refused.

mod file;
mod package;
mod source;

use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use uv_normalize::{ExtraName, GroupName};
use uv_pep440::VersionSpecifiers;

use crate::diagnostic::{Diagnostic, Diagnostics, SourceFile};
use crate::project::credentials;
use crate::project::document::{self, Document, Located, Problems, Table, Value, quoted};
use crate::project::lock::text::{self, Refused, UrlUse};
use crate::project::lock::{Expression, Package};

/// What to do about nearly everything that is wrong in such a file.
const WRITE_ANEW: &str = "write the file anew, for example with `uv export --format pylock.toml -o pylock.toml`";
/// More problems than this say nothing new.
const MAX_PROBLEMS: usize = 10;

/// A `pylock.toml`.
#[derive(Debug, Clone)]
pub struct Pylock {
    /// The file that it was read from.
    pub file: Arc<SourceFile>,
    /// The Python versions that it is for.
    pub requires_python: Option<Located<VersionSpecifiers>>,
    /// The environments that it is for; none means all.
    pub environments: Vec<Located<Expression>>,
    /// The extras that markers may ask for.
    pub extras: Vec<ExtraName>,
    /// The dependency groups that markers may ask for.
    pub dependency_groups: Vec<GroupName>,
    /// The groups that are installed when nothing else is said.
    pub default_groups: Vec<GroupName>,
    /// All packages, in the file's order.
    pub packages: Vec<Entry>,
}

/// A package, and where it is installed.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The package with its files.
    pub package: Package,
    /// The marker, which may ask for `extras` and `dependency_groups`.
    pub marker: Option<Located<Expression>>,
    /// The Python versions that the package is for.
    pub requires_python: Option<Located<VersionSpecifiers>>,
}

impl Pylock {
    /// Reads the file.
    ///
    /// # Errors
    /// Broken TOML, a version of the format that is not known, values that do not fit it or that nobody should trust (at
    /// most ten). When any URL of the file has credentials in it, that is the only diagnostic, without place.
    pub fn read(file: &Arc<SourceFile>) -> Result<Self, Diagnostics> {
        if let Some(refusal) = credentials::refuse(file) {
            return Err(refusal.into());
        }
        let document = Document::parse(file)?;
        let root = document.root();
        check_version(file, &root)?;
        let mut problems = Problems::new();
        let pylock = Self {
            file: Arc::clone(file),
            requires_python: parsed_key(&root, "requires-python", "a version specifier", &mut problems),
            environments: markers(&root, &mut problems),
            extras: names(&root, "extras", &mut problems),
            dependency_groups: names(&root, "dependency-groups", &mut problems),
            default_groups: names(&root, "default-groups", &mut problems),
            packages: packages(&root, &mut problems),
        };
        problems.truncate(MAX_PROBLEMS);
        document::finish(pylock, problems.into_iter().map(advised).collect())
    }
}

fn advised(problem: Diagnostic) -> Diagnostic {
    if problem.helps().is_empty() { problem.help(WRITE_ANEW) } else { problem }
}

fn check_version(file: &Arc<SourceFile>, root: &Table<'_>) -> Result<(), Diagnostics> {
    let Some(value) = root.get("lock-version") else {
        return Err(Diagnostic::new("the file has no lock-version").at(file, 0..0).help(WRITE_ANEW).into());
    };
    let mut problems = Problems::new();
    let version = value.string("a string", &mut problems);
    document::finish((), problems)?;
    let version = version.unwrap_or_default();
    if version.split('.').next() == Some("1") {
        return Ok(());
    }
    Err(value
        .problem(format_args!("is {}, and only version 1 of the format is known", quoted(version)))
        .help("use a newer pyfront, or write the file with a tool that writes version 1")
        .into())
}

fn packages(root: &Table<'_>, problems: &mut Problems) -> Vec<Entry> {
    let items = match root.get("packages") {
        Some(value) => value.array("an array of tables", problems).unwrap_or_default(),
        None => Vec::new(),
    };
    let mut entries = Vec::with_capacity(items.len());
    for item in items {
        entries.extend(package::read(&item, problems));
        if problems.len() >= MAX_PROBLEMS {
            break;
        }
    }
    entries
}

fn markers(root: &Table<'_>, problems: &mut Problems) -> Vec<Located<Expression>> {
    let Some(value) = root.get("environments") else { return Vec::new() };
    let items = value.array("an array of markers", problems).unwrap_or_default();
    items.iter().filter_map(|item| marker(item, problems)).collect()
}

fn marker(value: &Value<'_>, problems: &mut Problems) -> Option<Located<Expression>> {
    let text = printable(value, problems)?;
    match Expression::parse(text) {
        Ok(expression) => Some(value.located(expression)),
        Err(reason) => {
            problems.push(value.problem(format_args!("cannot be understood: {reason}")));
            None
        }
    }
}

fn names<T: FromStr>(root: &Table<'_>, key: &str, problems: &mut Problems) -> Vec<T>
where
    T::Err: Display,
{
    let Some(value) = root.get(key) else { return Vec::new() };
    let items = value.array("an array of names", problems).unwrap_or_default();
    items.iter().filter_map(|item| parsed(item, "a name", problems)).collect()
}

/// A string of a type with rules: a name, a version, a specifier.
fn parsed<T: FromStr>(value: &Value<'_>, what: &str, problems: &mut Problems) -> Option<T>
where
    T::Err: Display,
{
    let text = printable(value, problems)?;
    if let Ok(parsed) = text.parse() {
        Some(parsed)
    } else {
        problems.push(value.problem(format_args!("is {}, which is not {what}", quoted(text))));
        None
    }
}

fn parsed_key<T: FromStr>(table: &Table<'_>, key: &str, what: &str, problems: &mut Problems) -> Option<Located<T>>
where
    T::Err: Display,
{
    let value = table.get(key)?;
    Some(value.located(parsed(&value, what, problems)?))
}

fn printable<'a>(value: &Value<'a>, problems: &mut Problems) -> Option<&'a str> {
    let text = value.string("a string", problems)?;
    accepted(value, text::printable(text), problems)?;
    Some(text)
}

fn url<'a>(value: &Value<'a>, purpose: UrlUse, problems: &mut Problems) -> Option<&'a str> {
    let text = value.string("a URL", problems)?;
    accepted(value, text::url(text, purpose), problems)?;
    Some(text)
}

fn path<'a>(value: &Value<'a>, problems: &mut Problems) -> Option<&'a str> {
    let text = value.string("a path", problems)?;
    accepted(value, text::path(text), problems)?;
    Some(if text.is_empty() { "." } else { text })
}

fn accepted<T>(value: &Value<'_>, result: Result<T, Refused>, problems: &mut Problems) -> Option<T> {
    result.map_err(|refused| problems.push(value.problem(refused.reason()))).ok()
}
