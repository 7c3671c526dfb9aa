//! The lock file, and whether it fits the project.

use buildkit_frontend::context::Context;
use buildkit_frontend::{FrontendError, Gateway};

use super::hidden_or;
use crate::diagnostic::{Diagnostic, Diagnostics, SourceFile};
use crate::gateway::checks::Checks;
use crate::gateway::report;
use crate::lint::Finding;
use crate::lint::rules::STALE_LOCK;
use crate::project::config::Config;
use crate::project::document::quoted;
use crate::project::lock::Lock;
use crate::project::place::join;
use crate::project::pyproject::Pyproject;

/// Its name.
pub(super) const FILE: &str = "uv.lock";
/// The build argument that says whether the lock must fit the project.
pub(crate) const LOCKED: &str = "PYFRONT_LOCKED";

/// Reads the lock beside a project.
pub(super) fn parse(
    context: &Context,
    pyproject: &Pyproject,
    directory: &str,
    bytes: Option<Vec<u8>>,
) -> Result<Lock, FrontendError> {
    let path = join(directory, FILE);
    let Some(bytes) = bytes else {
        return Err(report::one(hidden_or(
            context,
            &path,
            Diagnostic::new("the project has no uv.lock, so what to install is not known")
                .at(&pyproject.file, 0..0)
                .help("run uv lock, and commit the uv.lock that it writes next to pyproject.toml")
                .help("or put a pylock.toml or a requirements.txt there, which are built, too (docs/inputs.md)"),
        )));
    };
    read(&path, bytes)
}

/// Reads a lock. `path` is its place in the context.
pub(super) fn read(path: &str, bytes: impl Into<Vec<u8>>) -> Result<Lock, FrontendError> {
    let file = SourceFile::from_bytes(path, bytes).map_err(report::one)?;
    Lock::read(&file).map_err(|error| report::error(&error))
}

/// A lock that was found not to fit the project is an error, or a finding when the user said that it need not fit.
pub(super) fn stale(
    gateway: &Gateway,
    checks: &Checks,
    config: &Config,
    fits: Result<(), Diagnostics>,
) -> Result<Vec<Finding>, FrontendError> {
    stale_by(gateway, checks, config, fits, "run uv lock")
}

/// The same for any lock. `renew` is the command that brings it up to date.
pub(super) fn stale_by(
    gateway: &Gateway,
    checks: &Checks,
    config: &Config,
    fits: Result<(), Diagnostics>,
    renew: &str,
) -> Result<Vec<Finding>, FrontendError> {
    let argument = gateway.options().build_args.get(LOCKED).map(String::as_str);
    let locked = is_locked(argument, config).map_err(report::one)?;
    let Err(stale) = fits else { return Ok(Vec::new()) };
    if locked && !checks.tolerates(&STALE_LOCK) {
        return Err(report::error(&stale));
    }
    let finding = |problem: &Diagnostic| {
        let diagnostic = Diagnostic::new(problem.message()).at_location(problem.location().cloned());
        let diagnostic = problem.notes().iter().fold(diagnostic, Diagnostic::note);
        STALE_LOCK.finding(diagnostic.help(format!("{renew} to bring it up to date")))
    };
    Ok(stale.iter().map(finding).collect())
}

/// Whether the lock must fit: what the build argument says, else the configuration.
pub(crate) fn is_locked(argument: Option<&str>, config: &Config) -> Result<bool, Diagnostic> {
    match argument.map(str::to_ascii_lowercase).as_deref() {
        None | Some("") => Ok(config.locked.as_ref().is_none_or(|locked| locked.value)),
        Some("true" | "1") => Ok(true),
        Some("false" | "0") => Ok(false),
        Some(other) => Err(Diagnostic::new(format!("the build argument {LOCKED} is {}", quoted(other)))
            .help(format!("write --build-arg {LOCKED}=true or --build-arg {LOCKED}=false"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_build_argument_wins_over_the_configuration() {
        let config = |body: &str| Config::read_body(&SourceFile::new("Dockerfile", body)).unwrap();
        let strict = |argument, body: &str| is_locked(argument, &config(body)).unwrap();
        assert!(strict(None, "") && strict(None, "locked = true") && !strict(None, "locked = false"));
        assert!(
            strict(Some("1"), "locked = false") && !strict(Some("False"), "") && !strict(Some(""), "locked = false")
        );
        insta::assert_snapshot!(is_locked(Some("no\u{1b}"), &config("")).unwrap_err().to_string());
    }
}
