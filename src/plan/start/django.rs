//! Django: `manage.py` names the settings, beside them lie `wsgi.py` and `asgi.py`, and the locked server says which of the two
//! it wants. Migrations are never run: several containers may start at once.

use crate::diagnostic::Diagnostic;

use super::chosen::choose;
use super::evidence::{Evidence, Found};
use super::frameworks::Kind;
use super::python::is_dotted_name;
use super::refusal::{Candidate, no_server, refuse};
use super::servers::Target;
use super::{Files, StartCommand};

/// The packages, from the outermost on, in which the settings that `manage.py` names lie.
fn packages(manage: &str) -> Vec<String> {
    let Some((_, rest)) = manage.split_once("DJANGO_SETTINGS_MODULE") else { return Vec::new() };
    // `", "shop.settings")`, or `"] = "shop.settings"`.
    let rest = rest.trim_start_matches(['"', '\'', ']', ',', '=', ' ', '\t', '\r', '\n']);
    let settings = rest.split(['"', '\'']).next().unwrap_or_default();
    if !is_dotted_name(settings) {
        return Vec::new();
    }
    settings.match_indices('.').map(|(index, _)| settings[..index].replace('.', "/")).collect()
}

/// What else is wanted once the first files are known: `wsgi.py` and `asgi.py` of the package that `manage.py` names.
pub(super) fn further_files(files: &Files) -> Vec<String> {
    let Some(manage) = files.get("manage.py") else { return Vec::new() };
    let mut wanted = Vec::new();
    for package in packages(manage.text()) {
        for module in ["__init__.py", "wsgi.py", "asgi.py", "wsgi/__init__.py", "asgi/__init__.py"] {
            wanted.push(format!("{package}/{module}"));
        }
    }
    wanted.retain(|path| !files.contains_key(path));
    wanted
}

/// The start command of a Django project; `None` for what is none.
pub(super) fn start(evidence: &Evidence<'_>) -> Option<Result<StartCommand, Diagnostic>> {
    let manage = evidence.modules.contains_key("manage.py");
    let django: Vec<&Found> = evidence.found.iter().filter(|found| found.framework.starts_with("Django")).collect();
    let is_django = evidence.installed("django") && (evidence.direct("django") || manage || !django.is_empty());
    is_django.then(|| served(evidence, manage))
}

fn served(evidence: &Evidence<'_>, manage: bool) -> Result<StartCommand, Diagnostic> {
    let port = evidence.port();
    let named = |name: &str| -> Vec<&Found> {
        let file = |found: &&Found| {
            found.path.ends_with(&format!("/{name}.py")) || found.path.ends_with(&format!("/{name}/__init__.py"))
        };
        evidence.found.iter().filter(file).filter(|found| found.place.is_ok() && !found.factory).collect()
    };
    let (synchronous, asynchronous) = (named("wsgi"), named("asgi"));
    let by = |kind: Kind, found: &Found| served_by(evidence, kind, &found.target()?);
    let by_wsgi = |found: &Found| by(Kind::Wsgi, found);
    let by_asgi = |found: &Found| by(Kind::Asgi, found);
    let candidates: Vec<Candidate> = (synchronous.iter().filter_map(|found| Some((found, by_wsgi(found)?))))
        .chain(asynchronous.iter().filter_map(|found| Some((found, by_asgi(found)?))))
        .map(|(found, (_, command))| Candidate { command, why: format!("serves {}", found.describe()) })
        .collect();
    if synchronous.len() > 1 || asynchronous.len() > 1 {
        return Err(refuse(evidence, "there are several Django projects", None, &candidates));
    }
    let (synchronous, asynchronous) = (synchronous.first().copied(), asynchronous.first().copied());
    let Some(any) = synchronous.or(asynchronous) else {
        let seen = if manage { "manage.py" } else { "the dependency django" };
        let message =
            format!("this is a Django project ({seen}), but no wsgi.py or asgi.py beside its settings was found");
        return Err(refuse(evidence, message, None, &usual(evidence)));
    };
    // Whoever adds one of these wants ASGI; whoever adds gunicorn and uvicorn may want either.
    let wants_asgi = ["channels", "daphne", "uvicorn-worker"].iter().any(|name| evidence.direct(name));
    let both = evidence.direct("gunicorn") && evidence.direct("uvicorn") && !wants_asgi;
    if both && synchronous.is_some() && asynchronous.is_some() {
        let message = "gunicorn and uvicorn are dependencies, and either could serve this Django project";
        return Err(refuse(evidence, message, None, &candidates));
    }
    let first = if wants_asgi { asynchronous.and_then(|found| Some((found, by_asgi(found)?))) } else { None };
    let chosen = first
        .or_else(|| synchronous.and_then(|found| Some((found, by_wsgi(found)?))))
        .or_else(|| asynchronous.and_then(|found| Some((found, by_asgi(found)?))));
    let Some((found, (server, command))) = chosen else {
        return Err(no_server(&format!("{} was found", any.describe()), Some(any.location.clone()), any.kind));
    };
    Ok(StartCommand {
        command,
        reason: format!("{} was found, and {server} is locked", found.describe()),
        port: Some(port),
        location: Some(found.location.clone()),
        ..StartCommand::none()
    })
}

/// The server for an object of this kind, and its command.
fn served_by(evidence: &Evidence<'_>, kind: Kind, target: &Target) -> Option<(&'static str, Vec<String>)> {
    let server = choose(evidence, kind)?;
    Some((server.name(), server.command(target, evidence.port())?))
}

/// What the command could be, where the package of the settings is not known.
fn usual(evidence: &Evidence<'_>) -> Vec<Candidate> {
    let target = |module: &str| Target {
        module: format!("project.{module}"),
        object: "application".to_owned(),
        factory: false,
        directory: None,
    };
    let wsgi = served_by(evidence, Kind::Wsgi, &target("wsgi"));
    let asgi = served_by(evidence, Kind::Asgi, &target("asgi"));
    (wsgi.into_iter().chain(asgi))
        .map(|(server, command)| Candidate {
            command,
            why: format!("{server} is locked; put the settings' package for project"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manage_py_names_the_settings() {
        let of = |text: &str| packages(text).join(" ");
        assert_eq!(of("os.environ.setdefault(\"DJANGO_SETTINGS_MODULE\", \"shop.settings\")"), "shop");
        assert_eq!(of("os.environ['DJANGO_SETTINGS_MODULE'] = 'config.settings.local'"), "config config/settings");
        assert_eq!(of("os.environ.setdefault(\n    'DJANGO_SETTINGS_MODULE',\n    '../x.settings')"), "");
        assert_eq!(of("os.environ.setdefault('DJANGO_SETTINGS_MODULE', NAME)"), "");
        assert_eq!(of("import os"), "");
    }
}
