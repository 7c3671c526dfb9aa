//! One line of a requirements file: a requirement, or an option.

use std::sync::Arc;

use uv_normalize::PackageName;

use super::lines::{self, Line};
use super::requirement::{self, Requirement};
use crate::diagnostic::{Diagnostic, Location, SourceFile};
use crate::project::document::{Located, quoted};
use crate::project::lock::text::{self, UrlUse};

/// What a line says.
pub(super) enum Statement {
    Requirement(Requirement),
    /// `-r`
    Requirements(Located<String>),
    /// `-c`
    Constraints(Located<String>),
    /// An option for uv, normalised.
    Option(Located<String>),
    RequireHashes,
    /// An option that uv knows and ignores.
    Ignored(Located<String>),
}

/// Options with a value, under all their names.
const WITH_VALUE: &[(&str, &[&str])] = &[
    ("-r", &["--requirement", "-r"]),
    ("-c", &["--constraint", "-c"]),
    ("-e", &["--editable", "-e"]),
    ("--index-url", &["--index-url", "-i"]),
    ("--extra-index-url", &["--extra-index-url"]),
    ("--find-links", &["--find-links", "-f"]),
    ("--no-binary", &["--no-binary"]),
    ("--only-binary", &["--only-binary"]),
];
/// Options that uv ignores, and says so.
const IGNORED: &[&str] = &["--prefer-binary", "--pre", "--trusted-host", "--use-feature"];

/// Reads the lines of a file; what is wrong is collected.
pub(super) fn read(file: &Arc<SourceFile>, problems: &mut Vec<Diagnostic>) -> Vec<Statement> {
    let mut statements = Vec::new();
    for line in lines::logical(file.text()) {
        match statement(file, &line) {
            Ok(statement) => statements.push(statement),
            Err(problem) => problems.push(problem),
        }
    }
    statements
}

fn statement(file: &Arc<SourceFile>, line: &Line) -> Result<Statement, Diagnostic> {
    let location = Location::new(file, line.range.clone());
    let problem = |says: String| Diagnostic::new(says).at_location(Some(location.clone()));
    if text::printable(&line.text).is_err() {
        return Err(problem("the line contains control characters".to_owned()).help("remove them"));
    }
    if line.text.contains("${") {
        return Err(problem("the line refers to an environment variable, and a build has none of yours".to_owned())
            .help("write the value itself; a secret does not belong into this file in any form"));
    }
    if !line.text.starts_with('-') {
        return requirement::parse(&line.text, &location).map(Statement::Requirement);
    }
    for (canonical, names) in WITH_VALUE {
        for name in *names {
            if let Some(value) = value(&line.text, name) {
                let value = unquoted(value);
                if value.is_empty() {
                    return Err(problem(format!("{name} has no value")).help("write the value on the same line"));
                }
                return with_value(canonical, value, &location);
            }
        }
    }
    let word = line.text.split([' ', '\t', '=']).next().unwrap_or_default();
    match word {
        "--require-hashes" => Ok(Statement::RequireHashes),
        "--no-index" => Ok(Statement::Option(Located::new("--no-index".to_owned(), location))),
        word if IGNORED.contains(&word) => Ok(Statement::Ignored(Located::new(word.to_owned(), location))),
        word => Err(problem(format!("the option {} is not known", quoted(word)))
            .note("uv refuses it, too")
            .help("remove the line")),
    }
}

/// The value of an option that is written `--name value`, `--name=value` or, for one letter, `-nvalue`.
fn value<'t>(line: &'t str, name: &str) -> Option<&'t str> {
    let rest = line.strip_prefix(name)?;
    let separated = rest.is_empty() || rest.starts_with([' ', '\t', '=']);
    let short = name.len() == 2;
    if !separated && !short {
        return None;
    }
    Some(rest.trim_start().strip_prefix('=').unwrap_or(rest).trim())
}

fn unquoted(text: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some(inner) = text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            return inner;
        }
    }
    text
}

fn with_value(option: &str, value: &str, location: &Location) -> Result<Statement, Diagnostic> {
    let problem = |says: String| Diagnostic::new(says).at_location(Some(location.clone()));
    let located = |text: String| Located::new(text, location.clone());
    match option {
        "-r" => Ok(Statement::Requirements(located(value.to_owned()))),
        "-c" => Ok(Statement::Constraints(located(value.to_owned()))),
        "-e" => Err(requirement::local(value, location)),
        "--no-binary" | "--only-binary" => {
            let known = |name: &str| matches!(name, ":all:" | ":none:") || name.parse::<PackageName>().is_ok();
            if let Some(bad) = value.split(',').map(str::trim).find(|name| !known(name)) {
                return Err(problem(format!("{option}: {} is not the name of a package", quoted(bad)))
                    .help("write names of packages with commas between them, or :all:"));
            }
            let names: Vec<&str> = value.split(',').map(str::trim).collect();
            // uv takes one name at a time in such files.
            Ok(Statement::Option(located(
                names.iter().map(|name| format!("{option} {name}")).collect::<Vec<_>>().join("\n"),
            )))
        }
        _ => text::url(value, UrlUse::Http)
            .map_err(|refused| {
                problem(format!("the URL of {option} {}", refused.reason()))
                    .help("write a URL that begins with https://")
            })
            .and_then(|()| {
                if value.starts_with("file:") {
                    Err(problem(format!("{option} names a place in the file system, which a build does not have"))
                        .help("use an index that is reached over https, or lock the project with uv.lock"))
                } else {
                    Ok(Statement::Option(located(format!("{option} {value}"))))
                }
            }),
    }
}
