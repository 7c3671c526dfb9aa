//! `requirements.txt` as pip and uv read it, with the files that it names by `-r` and `-c`. It says which versions may be
//! installed, and perhaps which hashes their files must have, but not where those files are: so it is installed by uv in
//! one step with network. What such a step could not do, or should not, is refused here with its line.

mod lines;
mod requirement;
mod statement;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use self::requirement::Requirement;
use self::statement::Statement;
use crate::diagnostic::{Diagnostic, Diagnostics, Location, SourceFile};
use crate::project::credentials;
use crate::project::document::{Located, quoted};

/// More files than any project has.
const MAX_FILES: usize = 100;
/// More problems than this say nothing new.
const MAX_PROBLEMS: usize = 10;

/// Files by their path in the build context.
pub type Files = BTreeMap<String, Arc<SourceFile>>;

/// What the files ask for.
#[derive(Debug, Clone)]
pub struct Requirements {
    /// The file that names the others.
    pub file: Arc<SourceFile>,
    /// What is to be installed, in the order of the files.
    pub list: Vec<Requirement>,
    /// What limits the versions of whatever is installed.
    pub constraints: Vec<Requirement>,
    /// Options about indexes and kinds of files, ready to be handed to uv: `--index-url …`.
    pub options: Vec<Located<String>>,
    /// Whether `--require-hashes` is set.
    pub require_hashes: bool,
    /// Options that uv ignores with a warning.
    pub ignored: Vec<Located<String>>,
}

/// The paths of files that these files name and that are not among them; in the order in which they are named.
///
/// # Errors
/// Paths that lead out of the build context, more files than make sense, and URLs with credentials (see
/// [`Requirements::read`]).
pub fn missing(files: &Files) -> Result<Vec<Located<String>>, Diagnostics> {
    Diagnostics::into_result(files.values().filter_map(credentials::refuse).collect())?;
    let mut missing: Vec<Located<String>> = Vec::new();
    let mut problems = Vec::new();
    for file in files.values() {
        for statement in statement::read(file, &mut Vec::new()) {
            let (Statement::Requirements(name) | Statement::Constraints(name)) = statement else { continue };
            match beside(file, &name) {
                Ok(path) if files.contains_key(&path) || missing.iter().any(|known| known.value == path) => {}
                Ok(path) => missing.push(Located::new(path, name.location)),
                Err(problem) => problems.push(problem),
            }
        }
    }
    if let Some(first) = missing.first()
        && files.len() + missing.len() > MAX_FILES
    {
        problems.push(
            Diagnostic::new(format!("there are more than {MAX_FILES} requirements files"))
                .at_location(Some(first.location.clone()))
                .help("put the requirements into fewer files"),
        );
    }
    Diagnostics::into_result(problems)?;
    Ok(missing)
}

/// The path of a file that another one names. Paths are relative to the file that names them.
fn beside(file: &SourceFile, name: &Located<String>) -> Result<String, Diagnostic> {
    let refuse =
        |says: &str| Diagnostic::new(format!("{} {says}", quoted(name))).at_location(Some(name.location.clone()));
    if name.contains("://") {
        return Err(refuse("is a URL, and what it has may change at any time").help("save the file in the project"));
    }
    let outside = || {
        refuse("is outside of the build context")
            .help("move the file into the project, or give a directory further up as build context")
    };
    if name.starts_with(['/', '~']) || name.contains(['\\', '\0']) {
        return Err(outside());
    }
    let mut parts: Vec<&str> = file.name().split('/').collect();
    parts.pop();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().ok_or_else(outside)?;
            }
            part => parts.push(part),
        }
    }
    if parts.is_empty() {
        return Err(refuse("is not the name of a file").help("name a file"));
    }
    Ok(parts.join("/"))
}

impl Requirements {
    /// Reads the file called `root` and all that it names; `files` has them all (see [`missing`]).
    ///
    /// # Errors
    /// Everything that is wrong or cannot be built (at most ten), with lines. When any URL has credentials in it, that is
    /// the only diagnostic of its file, without place.
    pub fn read(root: &str, files: &Files) -> Result<Self, Diagnostics> {
        let Some(file) = files.get(root) else {
            return Err(Diagnostic::new(format!("there is no {root}")).help("create the file").into());
        };
        Diagnostics::into_result(files.values().filter_map(credentials::refuse).collect())?;
        let mut requirements = Self {
            file: Arc::clone(file),
            list: Vec::new(),
            constraints: Vec::new(),
            options: Vec::new(),
            require_hashes: false,
            ignored: Vec::new(),
        };
        let mut problems = Vec::new();
        let mut visited = Visited::default();
        requirements.add(root, Kind::Requirements, files, &mut visited, &mut problems);
        problems.truncate(MAX_PROBLEMS);
        Diagnostics::into_result(problems)?;
        requirements.check_index()?;
        Ok(requirements)
    }

    fn add(&mut self, path: &str, kind: Kind, files: &Files, visited: &mut Visited, problems: &mut Vec<Diagnostic>) {
        let Some(file) = files.get(path) else { return };
        if !visited.0.insert((path.to_owned(), kind)) {
            return;
        }
        for statement in statement::read(file, problems) {
            match statement {
                Statement::Requirement(requirement) if kind == Kind::Constraints => self.constraints.push(requirement),
                Statement::Requirement(requirement) => self.list.push(requirement),
                Statement::Requirements(name) | Statement::Constraints(name) if kind == Kind::Constraints => {
                    self.include(file, &name, Kind::Constraints, files, visited, problems);
                }
                Statement::Requirements(name) => self.include(file, &name, kind, files, visited, problems),
                Statement::Constraints(name) => {
                    self.include(file, &name, Kind::Constraints, files, visited, problems);
                }
                Statement::Option(option) => self.options.push(option),
                Statement::RequireHashes => self.require_hashes = true,
                Statement::Ignored(option) => self.ignored.push(option),
            }
        }
    }

    fn include(
        &mut self,
        file: &SourceFile,
        name: &Located<String>,
        kind: Kind,
        files: &Files,
        visited: &mut Visited,
        problems: &mut Vec<Diagnostic>,
    ) {
        // What is wrong with a path was said when the files were collected.
        if let Ok(path) = beside(file, name) {
            self.add(&path, kind, files, visited, problems);
        }
    }

    fn check_index(&self) -> Result<(), Diagnostic> {
        let mut indexes = self.options.iter().filter(|option| option.starts_with("--index-url "));
        let Some(first) = indexes.next() else { return Ok(()) };
        match indexes.find(|other| other.value != first.value) {
            None => Ok(()),
            Some(other) => Err(Diagnostic::new("there are two different values of --index-url")
                .at_location(Some(other.location.clone()))
                .note(format!("the other one is at {}", first.location))
                .help("keep one, and make the other --extra-index-url")),
        }
    }

    /// The place to point at when something is said about the file as a whole.
    pub fn location(&self) -> Location {
        Location::new(&self.file, 0..0)
    }
}

/// How a file was named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Requirements,
    Constraints,
}

/// Files that have been read; naming one again changes nothing.
#[derive(Default)]
struct Visited(std::collections::BTreeSet<(String, Kind)>);

#[cfg(test)]
mod tests;
