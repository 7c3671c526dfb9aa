//! `web:` of a Procfile, as platforms read it. What needs a shell is not started: there may be none in the image.

use crate::diagnostic::{Diagnostic, Location};

use super::StartCommand;
use super::evidence::Evidence;
use super::refusal::{Candidate, refuse};

/// Programs, and the package that brings each: one that is not locked would only be missed when the container starts.
const PROGRAMS: &[(&str, &str)] = &[
    ("celery", "celery"),
    ("daphne", "daphne"),
    ("flask", "flask"),
    ("granian", "granian"),
    ("gunicorn", "gunicorn"),
    ("hypercorn", "hypercorn"),
    ("streamlit", "streamlit"),
    ("uvicorn", "uvicorn"),
    ("waitress-serve", "waitress"),
];

/// The start command of a Procfile; `None` without one.
pub(super) fn start(evidence: &Evidence<'_>) -> Option<Result<StartCommand, Diagnostic>> {
    let file = evidence.project.files.get("Procfile")?;
    let mut at = 0;
    for line in file.text().split_inclusive('\n') {
        if let Some(command) = line.strip_prefix("web:") {
            return Some(web(evidence, command.trim(), Location::new(file, at..at + line.trim_end().len())));
        }
        at += line.len();
    }
    None
}

fn web(evidence: &Evidence<'_>, written: &str, location: Location) -> Result<StartCommand, Diagnostic> {
    let (command, port) = with_port(written, evidence);
    let needs_shell = command.contains(['$', '|', '&', ';', '<', '>', '`', '*']);
    let words = shlex::split(&command).filter(|words| !needs_shell && !words.is_empty());
    let Some(words) = words.filter(|words| !words[0].contains('=')) else {
        let words = ["sh", "-c", written].map(str::to_owned);
        let message = "the web line of the Procfile needs a shell, and so is not started by itself";
        return Err(refuse(evidence, message, Some(location), &[Candidate::new(&words, "its web line")]));
    };
    if let Some((program, package)) = PROGRAMS.iter().find(|(program, _)| *program == words[0])
        && !evidence.installed(package)
    {
        let message =
            format!("the Procfile starts {program}, but {package} is not among the locked packages of the image");
        return Err(refuse(evidence, message, Some(location), &[]).help(format!("or add it: uv add {package}")));
    }
    if evidence.project.pyproject.is_package() {
        let message = "the Procfile names files of the project, which is a package: only its wheel is in the image";
        return Err(refuse(evidence, message, Some(location), &[Candidate::new(&words, "its web line")]));
    }
    Ok(StartCommand {
        command: words,
        reason: format!("web of the Procfile ({location})"),
        port,
        location: Some(location),
        ..StartCommand::none()
    })
}

/// The line with its port, which platforms set and a container does not need to be told.
fn with_port(written: &str, evidence: &Evidence<'_>) -> (String, Option<u16>) {
    let mut text = written.to_owned();
    let mut port = None;
    while let Some((before, rest)) = text.split_once("${PORT:-") {
        let Some((default, after)) = rest.split_once('}') else { break };
        let Ok(number) = default.parse::<u16>() else { break };
        let number = evidence.configured_port().unwrap_or(number);
        port = Some(number);
        text = format!("{before}{number}{after}");
    }
    for variable in ["${PORT}", "$PORT"] {
        if text.contains(variable) {
            let number = port.unwrap_or(evidence.port());
            port = Some(number);
            text = text.replace(variable, &number.to_string());
        }
    }
    (text, port.or(evidence.configured_port()))
}
