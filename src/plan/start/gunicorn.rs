//! gunicorn: its command line, and the settings that environment variables change when the container starts. gunicorn itself
//! reads two of them (`WEB_CONCURRENCY`, and `GUNICORN_CMD_ARGS` with options); a file of settings, which is Python, reads the
//! others, so no shell is needed between the container and the server.

use super::evidence::Evidence;
use super::servers::Target;
use super::{Files, StartCommand};

/// Where the settings lie in the image.
pub(super) const SETTINGS: &str = "/etc/gunicorn.conf.py";
/// The settings.
const TEXT: &str = include_str!("gunicorn.conf.py");
/// What gunicorn reads by itself from the directory that it starts in.
const OWN: &str = "gunicorn.conf.py";

/// The command line.
pub(super) fn command(target: &Target, bind: &str, worker: Option<&str>) -> Vec<String> {
    let call = if target.factory { "()" } else { "" };
    let path = format!("{}:{}{call}", target.module, target.object);
    let mut command = vec!["gunicorn", &path, "--bind", bind];
    if let Some(worker) = worker {
        command.extend(["--worker-class", worker]);
    }
    if let Some(directory) = &target.directory {
        command.extend(["--chdir", directory]);
    }
    command.into_iter().map(str::to_owned).collect()
}

/// Adds the settings to a command that was found, unless the project has its own.
pub(super) fn with_settings(mut start: StartCommand, evidence: &Evidence<'_>) -> StartCommand {
    if start.command.first().is_none_or(|program| program != "gunicorn") {
        return start;
    }
    if has_own(evidence.project.files) {
        if !evidence.project.pyproject.is_package() {
            return start;
        }
        start.reason = format!("{}; {OWN} is no part of the package, and so not in the image", start.reason);
    }
    start.command.splice(1..1, ["--config", SETTINGS].map(str::to_owned));
    start.files = vec![(SETTINGS, TEXT)];
    start
}

fn has_own(files: &Files) -> bool {
    files.contains_key(OWN)
}
