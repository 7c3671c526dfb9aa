//! What the container runs. A declared command is taken as it is; else the project is looked at, as text only: what it
//! declares, what is locked, and a bounded list of Python files. What is not beyond doubt is an error that lists what was
//! seen and the line to write: a wrong guess would only be found in production.

mod apps;
mod candidates;
mod chosen;
mod declared;
mod django;
mod evidence;
mod frameworks;
mod gunicorn;
mod layout;
mod procfile;
mod python;
mod refusal;
mod reload;
mod script;
mod serve;
mod servers;
mod stop;
#[cfg(test)]
mod tests;
mod tests_command;
mod wsgi;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use uv_normalize::PackageName;

use crate::diagnostic::{Diagnostic, Location, SourceFile};
use crate::project::config::Config;
use crate::project::pyproject::Pyproject;

use evidence::{Evidence, Found};
use frameworks::{Kind, UI, WEB, WORKERS};
use refusal::{Candidate, refuse};

pub use reload::{RELOADS, reloading_option};
pub use tests_command::of_tests;

/// What the container runs, in exec form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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
    /// Variables that it reads; the configuration wins.
    pub env: Vec<(&'static str, String)>,
    /// Files of settings that it reads: the path in the image, and the text.
    pub files: Vec<(&'static str, &'static str)>,
    /// Whether it is known to end by SIGINT alone.
    pub is_interrupted: bool,
}

impl StartCommand {
    /// Nothing: what is built is no container to run.
    pub fn none() -> Self {
        Self::default()
    }

    /// Makes a known server start anew when a file changes.
    pub fn reload(&mut self, closure: &BTreeSet<PackageName>) {
        reload::with_reload(self, &|name| closure.iter().any(|package| package.as_str() == name));
    }
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

/// The paths, relative to the project, whose text [`detect`] wants to see. Not all of them exist. Empty when it is
/// declared what to run.
pub fn candidate_files(pyproject: &Pyproject, config: &Config) -> Vec<String> {
    candidates::candidate_files(pyproject, config)
}

/// What else [`detect`] wants to see, once the files of [`candidate_files`] are known: the server's objects of a Django project
/// lie where its `manage.py` says.
pub fn further_files(files: &Files) -> Vec<String> {
    django::further_files(files)
}

/// The start command of a project that is one script: what is configured, else the script.
pub fn of_script(name: &str, script: &Location, config: &Config) -> StartCommand {
    declared::configured(config).unwrap_or_else(|| StartCommand {
        command: vec!["python".to_owned(), name.to_owned()],
        reason: format!("{name} is the project"),
        port: config.ports.as_ref().and_then(|ports| ports.first_tcp()),
        location: Some(script.clone()),
        ..StartCommand::none()
    })
}

/// Chooses the start command: the first of these that applies.
///
/// 1. `command` or `entrypoint` of the configuration;
/// 2. `entrypoint` of `[tool.fastapi]`;
/// 3. `web` of a Procfile, when it needs no shell;
/// 4. a Django project's `wsgi.py` or `asgi.py`, with a server that is installed;
/// 5. a program of `[project.scripts]`: the only one, or the one called `start`, `serve` or like the project, unless the
///    project is a web service or the like, whose scripts may be anything;
/// 6. an ASGI or WSGI object or factory, with a server that is installed;
/// 7. the file of a Streamlit or Gradio app, the object of a Celery worker;
/// 8. the project's package, when it has a `__main__.py`;
/// 9. a script file in the root of a project that is no package.
///
/// # Errors
/// What was looked at, what was found, and the line to write.
pub fn detect(project: &Project<'_>) -> Result<StartCommand, Diagnostic> {
    if let Some(command) = declared::configured(project.config) {
        return Ok(command);
    }
    let evidence = Evidence::gather(project);
    found(&evidence).map(|start| gunicorn::with_settings(start, &evidence))
}

/// What is found where nothing is configured.
fn found(evidence: &Evidence<'_>) -> Result<StartCommand, Diagnostic> {
    let project = evidence.project;
    if let Some(entrypoint) = &project.pyproject.fastapi_entrypoint {
        return declared::declared_fastapi(evidence, entrypoint);
    }
    if let Some(found) = procfile::start(evidence).or_else(|| django::start(evidence)) {
        return found;
    }
    let scripts = script::scripts(project.pyproject);
    let preferred = script::preferred(project.pyproject, &scripts);
    let web = evidence.direct_of(WEB.iter().copied());
    let other =
        evidence.direct_of(UI.iter().map(|(name, _)| *name)).or_else(|| evidence.direct_of(WORKERS.iter().copied()));
    let served: Vec<&Found> = evidence.found.iter().filter(|found| found.kind != Kind::Own).collect();

    if web.is_none() && served.is_empty() {
        let only = if let ([one], None) = (scripts.as_slice(), other) { Some(*one) } else { None };
        if let Some(script) = preferred.or(only) {
            return Ok(script::run_script(script, scripts.len()));
        }
    }
    if !served.is_empty() {
        return serve::serve(evidence, &served, preferred);
    }
    let candidates = script::script_candidates(evidence, &scripts);
    if let Some(framework) = web {
        let message = format!("{framework} is a dependency, but no object that a server could run was found");
        return Err(refuse(evidence, message, None, &candidates));
    }
    if let Some(other) = other {
        if let Some(start) = apps::start(evidence, other) {
            return Ok(start);
        }
        let message = format!("{other} is a dependency, and how to start its programs can't be seen from the project");
        return Err(refuse(evidence, message, None, &usual(other, candidates)));
    }
    if let Some(own) = evidence.found.first() {
        return Err(refuse(evidence, format!("how to start {} is not known", own.describe()), None, &candidates));
    }
    if scripts.len() > 1 {
        let message =
            format!("[project.scripts] has {} programs, and none of them is called like the project", scripts.len());
        return Err(refuse(evidence, message, scripts.first().map(|script| script.name.location.clone()), &candidates));
    }
    if let Some((module, path)) = script::main_package(evidence) {
        return Ok(script::run_package(evidence, module, &path));
    }
    match script::files(evidence) {
        Ok(path) => Ok(script::run_file(evidence, path)),
        Err(several) if several.len() > 1 => {
            let message = format!("several files could be the start: {}", several.join(", "));
            Err(refuse(evidence, message, None, &candidates))
        }
        Err(_) => Err(refuse(evidence, "no start command was found", None, &candidates)),
    }
}

/// The usual command of a framework, before what was found.
fn usual(framework: &str, found: Vec<Candidate>) -> Vec<Candidate> {
    let usual = UI.iter().find(|(name, _)| *name == framework);
    let mut candidates: Vec<Candidate> = usual
        .map(|(name, words)| Candidate::new(words, format!("how {name} is usually started; put in your file")))
        .into_iter()
        .collect();
    candidates.extend(found);
    candidates
}
