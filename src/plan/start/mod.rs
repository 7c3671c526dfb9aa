//! What the container runs. A declared command is taken as it is; else the project is looked at, as text only: what it
//! declares, what is locked, and a bounded list of Python files. What is not beyond doubt is an error that lists what was
//! seen and the line to write: a wrong guess would only be found in production.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use uv_normalize::PackageName;

use crate::diagnostic::{Diagnostic, Location, SourceFile};
use crate::project::config::Config;
use crate::project::pyproject::Pyproject;

/// What the container runs, in exec form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartCommand {
    /// The program that always runs; empty for none.
    pub entrypoint: Vec<String>,
    /// The command, or the default arguments of the entrypoint.
    pub command: Vec<String>,
    /// Why this one: what was found, and where.
    pub reason: String,
    /// The TCP port that the command makes a server listen on.
    pub port: Option<u16>,
    /// What decided, when it has a place.
    pub location: Option<Location>,
}

/// The files that are looked at, by their path relative to the project.
pub type Files = BTreeMap<String, Arc<SourceFile>>;

/// What a start command is chosen from.
#[derive(Debug, Clone, Copy)]
pub struct Project<'a> {
    /// `pyproject.toml`.
    pub pyproject: &'a Pyproject,
    /// The configuration: that of `pyproject.toml` with a Dockerfile's on top.
    pub config: &'a Config,
    /// The packages that the image will hold.
    pub closure: &'a BTreeSet<PackageName>,
    /// The text of those files of [`candidate_files`] that exist.
    pub files: &'a Files,
}

/// The paths, relative to the project, whose text [`detect`] wants to see. Not all of them exist. Empty when the
/// configuration says what to run.
pub fn candidate_files(_pyproject: &Pyproject, _config: &Config) -> Vec<String> {
    Vec::new()
}

/// Chooses the start command.
///
/// # Errors
/// What was looked at, what was found, and the line to write.
pub fn detect(project: &Project<'_>) -> Result<StartCommand, Diagnostic> {
    configured(project.config).ok_or_else(|| {
        Diagnostic::new("no start command was found").at(&project.pyproject.file, 0..0).help("write command = [\"…\"]")
    })
}

/// Row 0: what the user wrote.
fn configured(config: &Config) -> Option<StartCommand> {
    let written = config.command.as_ref().or(config.entrypoint.as_ref())?;
    let key = if config.command.is_some() { "command" } else { "entrypoint" };
    Some(StartCommand {
        entrypoint: config.entrypoint.as_ref().map(|argv| argv.to_vec()).unwrap_or_default(),
        command: config.command.as_ref().map(|argv| argv.to_vec()).unwrap_or_default(),
        reason: format!("{key} is configured ({})", written.location),
        port: config.ports.as_ref().and_then(|ports| ports.first_tcp()),
        location: Some(written.location.clone()),
    })
}
