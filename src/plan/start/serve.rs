//! Serving an object: exactly one must be in question, it must be clear how its module is imported, and a server for it must
//! be locked.

use crate::diagnostic::Diagnostic;
use crate::project::document::quoted;
use crate::project::pyproject::Script;

use super::StartCommand;
use super::chosen::choose;
use super::evidence::{Evidence, Found};
use super::refusal::{Candidate, no_server, refuse};
use super::script::script_candidates;
use super::servers::Target;

/// An object, if exactly one is in question.
pub(super) fn serve(
    evidence: &Evidence<'_>,
    served: &[&Found],
    preferred: Option<&Script>,
) -> Result<StartCommand, Diagnostic> {
    let port = evidence.port();
    let server = |found: &Found| choose(evidence, found.kind);
    let mut candidates: Vec<Candidate> = Vec::new();
    for found in served {
        let Some(target) = found.target() else { continue };
        let command = server(found).and_then(|server| server.command(&target, port));
        candidates.extend(command.map(|command| Candidate { command, why: format!("serves {}", found.describe()) }));
    }
    // In a package only what its wheel holds can be started. Where everything is copied, any doubt is a doubt.
    let package = evidence.project.pyproject.is_package();
    let possible: Vec<&Found> = served.iter().copied().filter(|found| !package || found.place.is_ok()).collect();
    let objects: Vec<&Found> = possible.iter().copied().filter(|found| !found.factory).collect();
    let possible = if objects.is_empty() { possible } else { objects };
    if let Some(script) = preferred {
        let mut all = script_candidates(evidence, &[script]);
        all.append(&mut candidates);
        let message =
            format!("both the script {} and {} could be the start", quoted(&script.name), served[0].describe());
        return Err(refuse(evidence, message, Some(script.name.location.clone()), &all));
    }
    let found = match possible.as_slice() {
        [] => {
            let message = format!("{} can't be started: {}", served[0].describe(), reason(served[0]));
            return Err(refuse(evidence, message, Some(served[0].location.clone()), &candidates)
                .help("or move it into the package, or make the project no package: package = false under [tool.uv]"));
        }
        [one] => *one,
        _ => return Err(refuse(evidence, "several objects could be served", None, &candidates)),
    };
    let Some(target) = found.target() else {
        let message = format!("how to import {} is not clear: {}", found.describe(), reason(found));
        return Err(refuse(evidence, message, Some(found.location.clone()), &import_candidates(evidence, found, port)));
    };
    let Some(server) = server(found) else {
        return Err(no_server(&format!("{} was found", found.describe()), Some(found.location.clone()), found.kind));
    };
    let Some(command) = server.command(&target, port) else {
        let message = format!("{} can't serve {} without more settings", server.name(), found.describe());
        return Err(refuse(evidence, message, Some(found.location.clone()), &candidates));
    };
    Ok(StartCommand {
        command,
        reason: format!("{} was found, and {} is locked", found.describe(), server.name()),
        port: Some(port),
        location: Some(found.location.clone()),
        ..StartCommand::none()
    })
}

/// Both ways to import a module whose directory is in doubt.
fn import_candidates(evidence: &Evidence<'_>, found: &Found, port: u16) -> Vec<Candidate> {
    let Some(server) = choose(evidence, found.kind) else { return Vec::new() };
    let path = found.path.trim_end_matches(".py");
    let Some((directory, module)) = path.rsplit_once('/') else { return Vec::new() };
    let target = |module: &str, directory: Option<&str>| Target {
        module: module.to_owned(),
        object: found.object.clone(),
        factory: found.factory,
        directory: directory.map(str::to_owned),
    };
    [
        (target(&path.replace('/', "."), None), "if its imports start from the project's root".to_owned()),
        (target(module, Some(directory)), format!("if its imports start from {directory}")),
    ]
    .into_iter()
    .filter_map(|(target, why)| Some(Candidate { command: server.command(&target, port)?, why }))
    .collect()
}

fn reason(found: &Found) -> &str {
    found.place.as_ref().err().map_or("its module can't be imported", String::as_str)
}
