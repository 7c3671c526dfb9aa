//! Start commands that need no framework: a program of `[project.scripts]`, a package with `__main__.py`, a script file.

use crate::diagnostic::Location;
use crate::project::pyproject::{Pyproject, Script};

use super::StartCommand;
use super::candidates::SCRIPTS;
use super::evidence::Evidence;
use super::layout::packages;
use super::python::{is_dotted_name, is_identifier};
use super::refusal::Candidate;

/// The programs that the project installs: none unless it is a package, and only those whose name and object are what
/// Python's packaging allows.
pub(super) fn scripts(pyproject: &Pyproject) -> Vec<&Script> {
    let scripts = pyproject.project.iter().flat_map(|project| &project.scripts);
    if pyproject.is_package() { scripts.filter(|script| is_plain(script)).collect() } else { Vec::new() }
}

/// The script that is meant to be the start: called `start`, `serve` or like the project. `None` when there are several.
pub(super) fn preferred<'a>(pyproject: &Pyproject, scripts: &[&'a Script]) -> Option<&'a Script> {
    let project = pyproject.project.as_ref().map(|project| project.name.value.as_str().to_owned()).unwrap_or_default();
    let normal = |name: &str| name.to_ascii_lowercase().replace(['_', '.'], "-");
    let mut preferred = scripts.iter().filter(|script| {
        let name = normal(&script.name);
        name == project || name == "start" || name == "serve"
    });
    let first = preferred.next()?;
    preferred.next().is_none().then_some(*first)
}

/// The project's own package that `python -m` can run, and its `__main__.py`.
pub(super) fn main_package(evidence: &Evidence<'_>) -> Option<(String, String)> {
    if !evidence.project.pyproject.is_package() {
        return None;
    }
    let mut found = packages(evidence.project.pyproject).into_iter().filter_map(|package| {
        let path = format!("{}/__main__.py", package.path);
        evidence.modules.contains_key(path.as_str()).then_some((package.module, path))
    });
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// What there is of script files in the root of a project that is copied: the only one that is beyond doubt, or all.
pub(super) fn files<'a>(evidence: &'a Evidence<'_>) -> Result<&'a str, Vec<&'a str>> {
    if evidence.project.pyproject.is_package() {
        return Err(Vec::new());
    }
    let modules: Vec<_> = SCRIPTS
        .iter()
        .filter_map(|name| evidence.modules.get_key_value(*name))
        .map(|(path, module)| (*path, module))
        .collect();
    let guarded: Vec<&str> =
        modules.iter().filter(|(_, module)| module.main_guard.is_some()).map(|(path, _)| *path).collect();
    match (guarded.as_slice(), modules.as_slice()) {
        ([one], _) => Ok(one),
        ([], [(one, module)]) if module.acts.is_some() => Ok(one),
        ([], _) => Err(modules.iter().filter(|(_, module)| module.acts.is_some()).map(|(path, _)| *path).collect()),
        (several, _) => Err(several.to_vec()),
    }
}

/// Starts a program of `[project.scripts]`, which has `count` of them.
pub(super) fn run_script(script: &Script, count: usize) -> StartCommand {
    let which = if count == 1 { "the only one of [project.scripts]" } else { "the start among [project.scripts]" };
    StartCommand {
        command: vec![script.name.value.clone()],
        reason: format!("the program {} is {which} ({})", script.name, script.name.location),
        location: Some(script.name.location.clone()),
        ..StartCommand::none()
    }
}

/// Starts a package that has a `__main__.py`.
pub(super) fn run_package(evidence: &Evidence<'_>, module: String, path: &str) -> StartCommand {
    StartCommand {
        reason: format!("{path} makes the package {module} a program"),
        command: vec!["python".to_owned(), "-m".to_owned(), module],
        location: evidence.project.files.get(path).map(|file| Location::new(file, 0..0)),
        ..StartCommand::none()
    }
}

/// Starts a script file.
pub(super) fn run_file(evidence: &Evidence<'_>, path: &str) -> StartCommand {
    let module = evidence.modules.get(path);
    let range = module.and_then(|module| module.main_guard.clone().or_else(|| module.acts.clone()));
    let location = evidence.project.files.get(path).map(|file| Location::new(file, range.unwrap_or(0..0)));
    StartCommand {
        command: vec!["python".to_owned(), path.to_owned()],
        reason: match &location {
            Some(location) => format!("{path} is the only script of the project ({location})"),
            None => format!("{path} is the only script of the project"),
        },
        location,
        ..StartCommand::none()
    }
}

/// The programs and script files that could be meant.
pub(super) fn script_candidates(evidence: &Evidence<'_>, scripts: &[&Script]) -> Vec<Candidate> {
    let mut candidates: Vec<Candidate> = scripts
        .iter()
        .map(|script| Candidate::new(&[&script.name.value], format!("the program of {}", script.name.location)))
        .collect();
    if let Some((module, path)) = main_package(evidence) {
        candidates.push(Candidate::new(&["python", "-m", &module], path));
    }
    let files = files(evidence).map_or_else(|several| several, |one| vec![one]);
    candidates.extend(files.into_iter().map(|path| Candidate::new(&["python", path], format!("the file {path}"))));
    candidates
}

/// Whether name and object reference follow the entry points specification; both become part of a command.
fn is_plain(script: &Script) -> bool {
    let name = script.name.as_bytes();
    let first = name.first().is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let rest = name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    let object = script.object.split('[').next().unwrap_or_default().trim();
    let reference = object
        .split_once(':')
        .is_some_and(|(module, object)| is_dotted_name(module.trim()) && object.trim().split('.').all(is_identifier));
    first && rest && reference
}
