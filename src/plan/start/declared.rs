//! Start commands that somebody wrote down: in the configuration, or for FastAPI's own command line.

use crate::diagnostic::Diagnostic;
use crate::project::config::Config;
use crate::project::document::{Located, quoted};

use super::StartCommand;
use super::evidence::Evidence;
use super::frameworks::Kind;
use super::python::is_dotted_name;
use super::refusal::no_server;
use super::servers::{self, Server, Target};

/// What the user wrote.
pub(super) fn configured(config: &Config) -> Option<StartCommand> {
    let written = config.command.as_ref().or(config.entrypoint.as_ref())?;
    let key = if config.command.is_some() { "command" } else { "entrypoint" };
    Some(StartCommand {
        entrypoint: config.entrypoint.as_ref().map(|argv| argv.to_vec()).unwrap_or_default(),
        command: config.command.as_ref().map(|argv| argv.to_vec()).unwrap_or_default(),
        reason: format!("{key} is configured ({})", written.location),
        port: config.ports.as_ref().and_then(|ports| ports.first_tcp()),
        location: Some(written.location.clone()),
        ..StartCommand::none()
    })
}

/// `[tool.fastapi] entrypoint = "module:object"`.
pub(super) fn declared_fastapi(
    evidence: &Evidence<'_>,
    entrypoint: &Located<String>,
) -> Result<StartCommand, Diagnostic> {
    let at = Some(entrypoint.location.clone());
    let target = entrypoint.split_once(':').filter(|(module, object)| is_dotted_name(module) && is_dotted_name(object));
    let Some((module, object)) = target else {
        return Err(Diagnostic::new(format!("tool.fastapi.entrypoint {} is not an import string", quoted(entrypoint)))
            .at_location(at)
            .help("write module and object, for example entrypoint = \"app.main:app\""));
    };
    let target = Target { module: module.to_owned(), object: object.to_owned(), factory: false, directory: None };
    let port = evidence.port();
    let (server, command) = if evidence.installed("uvicorn") {
        ("uvicorn", Server::Uvicorn.command(&target, port))
    } else if evidence.installed("fastapi-cli") {
        let port = port.to_string();
        let run = ["fastapi", "run", "--entrypoint", entrypoint.as_str(), "--host", "0.0.0.0", "--port", &port];
        ("fastapi-cli", Some(run.map(str::to_owned).to_vec()))
    } else {
        let server = servers::choose(Kind::Asgi, &|name| evidence.direct(name), &|name| evidence.installed(name));
        server.map_or(("", None), |server| (server.name(), server.command(&target, port)))
    };
    let Some(command) = command else {
        return Err(no_server(&format!("[tool.fastapi] entrypoint is {}", quoted(entrypoint)), at, Kind::Asgi));
    };
    Ok(StartCommand {
        command,
        reason: format!("[tool.fastapi] entrypoint is declared ({}), and {server} is locked", entrypoint.location),
        port: Some(port),
        location: at,
        ..StartCommand::none()
    })
}
