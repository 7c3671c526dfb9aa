//! The error of a start command that is not beyond doubt: what was looked at, what was found, and the line to write.

use crate::diagnostic::{Diagnostic, Location};
use crate::project::config::argv::to_toml;

use super::evidence::Evidence;
use super::frameworks::Kind;

/// A command that may be the right one.
pub(super) struct Candidate {
    /// The argument vector.
    pub(super) command: Vec<String>,
    /// What speaks for it: "runs the script api".
    pub(super) why: String,
}

impl Candidate {
    /// A candidate from its words.
    pub(super) fn new<S: AsRef<str>>(command: &[S], why: impl Into<String>) -> Self {
        Self { command: command.iter().map(|word| word.as_ref().to_owned()).collect(), why: why.into() }
    }
}

/// At most so many candidates are shown.
const MOST: usize = 6;

/// The error. It points at `location`, else at the project's name: the configuration belongs into the same file.
pub(super) fn refuse(
    evidence: &Evidence<'_>,
    message: impl Into<String>,
    location: Option<Location>,
    candidates: &[Candidate],
) -> Diagnostic {
    let pyproject = evidence.project.pyproject;
    let mut diagnostic = Diagnostic::new(message).at(&pyproject.file, 0..0);
    diagnostic = diagnostic.at_location(pyproject.project.as_ref().map(|project| project.name.location.clone()));
    diagnostic = diagnostic.at_location(location);
    for note in evidence.notes() {
        diagnostic = diagnostic.note(note);
    }
    for candidate in candidates.iter().take(MOST) {
        diagnostic = diagnostic.help(format!(
            "under [tool.pyfront] write command = {} ({})",
            to_toml(&candidate.command),
            candidate.why
        ));
    }
    if candidates.is_empty() {
        diagnostic = diagnostic.help(
            "say what to run: under [tool.pyfront] write command = [\"program\", \"argument\"], \
             for example command = [\"python\", \"-m\", \"package.module\"]",
        );
    }
    diagnostic
}

/// The error for an object that nothing installed can serve. `found` begins the sentence.
pub(super) fn no_server(found: &str, location: Option<Location>, kind: Kind) -> Diagnostic {
    let (known, usual) = match kind {
        Kind::Asgi | Kind::Sanic => ("uvicorn, hypercorn, granian, gunicorn with uvicorn-worker, daphne", "uvicorn"),
        Kind::Wsgi | Kind::Own => ("gunicorn, waitress, granian, uwsgi", "gunicorn"),
    };
    Diagnostic::new(format!("{found}, but no server for it is among the locked packages of the image"))
        .at_location(location)
        .note(format!("looked for: {known}"))
        .help(format!("add one: uv add {usual}"))
        .help("or say what to run: under [tool.pyfront] write command = [\"program\", \"argument\"]")
}
