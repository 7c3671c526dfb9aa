//! Programs that bring a server of their own, and workers: one file, or one object, is started by the framework's own command.

use super::StartCommand;
use super::evidence::Evidence;
use crate::diagnostic::Location;

/// The command of an app or a worker that is beyond doubt.
pub(super) fn start(evidence: &Evidence<'_>, framework: &str) -> Option<StartCommand> {
    match framework {
        "streamlit" => streamlit(evidence),
        "gradio" => gradio(evidence),
        "celery" => celery(evidence),
        _ => None,
    }
}

/// The only file that imports a module. Only a project that is copied has its files where they lie.
fn importing<'a>(evidence: &Evidence<'a>, module: &str) -> Vec<&'a str> {
    if evidence.project.pyproject.is_package() {
        return Vec::new();
    }
    let modules = evidence.modules.iter().filter(|(path, read)| !path.contains('/') && read.heads.contains(module));
    modules.map(|(path, _)| *path).collect()
}

fn found(evidence: &Evidence<'_>, path: &str, name: &str, command: Vec<&str>, port: u16) -> StartCommand {
    StartCommand {
        command: command.into_iter().map(str::to_owned).collect(),
        reason: format!("{path} is the only file that imports {name}"),
        port: Some(port),
        location: evidence.project.files.get(path).map(|file| Location::new(file, 0..0)),
        ..StartCommand::none()
    }
}

fn streamlit(evidence: &Evidence<'_>) -> Option<StartCommand> {
    let [path] = importing(evidence, "streamlit")[..] else { return None };
    let port = evidence.configured_port().unwrap_or(8501);
    let text = port.to_string();
    let options = ["--server.address", "0.0.0.0", "--server.port", &text, "--server.headless", "true"];
    Some(found(evidence, path, "streamlit", [&["streamlit", "run", path][..], &options].concat(), port))
}

/// gradio reads from the environment where to listen; by itself it listens on the loopback.
fn gradio(evidence: &Evidence<'_>) -> Option<StartCommand> {
    let [path] = importing(evidence, "gradio")[..] else { return None };
    let module = evidence.modules.get(path)?;
    module.acts.as_ref().or(module.main_guard.as_ref())?;
    let port = evidence.configured_port().unwrap_or(7860);
    let mut start = found(evidence, path, "gradio", vec!["python", path], port);
    start.is_interrupted = true;
    start.env = vec![("GRADIO_SERVER_NAME", "0.0.0.0".to_owned()), ("GRADIO_SERVER_PORT", port.to_string())];
    Some(start)
}

/// A project that is nothing but tasks is a worker.
fn celery(evidence: &Evidence<'_>) -> Option<StartCommand> {
    let [found] = &evidence.found[..] else { return None };
    let target = found.target().filter(|target| target.directory.is_none() && !target.factory)?;
    if found.framework != "Celery" {
        return None;
    }
    let path = format!("{}:{}", target.module, target.object);
    Some(StartCommand {
        command: ["celery", "--app", &path, "worker", "--loglevel", "INFO"].map(str::to_owned).to_vec(),
        reason: format!("{} was found, and nothing else that could be started", found.describe()),
        location: Some(found.location.clone()),
        ..StartCommand::none()
    })
}
