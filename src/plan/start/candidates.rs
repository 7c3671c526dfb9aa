//! The bounded list of files whose text is looked at. It depends on `pyproject.toml` alone, so that the files can be read
//! before anything is decided.

use std::collections::BTreeSet;

use crate::project::config::Config;
use crate::project::pyproject::Pyproject;

use super::layout::packages;

/// Files in the project's root: everything that a start command may name.
pub(super) const ROOT: &[&str] = &[
    "Home.py",
    "Procfile",
    "__main__.py",
    "api.py",
    "app.py",
    "application.py",
    "asgi.py",
    "bot.py",
    "gunicorn.conf.py",
    "hello.py",
    "main.py",
    "manage.py",
    "run.py",
    "server.py",
    "start.py",
    "streamlit_app.py",
    "worker.py",
    "wsgi.py",
];

/// Scripts that `python` may start, when they are in the root.
pub(super) const SCRIPTS: &[&str] =
    &["main.py", "app.py", "start.py", "run.py", "server.py", "bot.py", "hello.py", "worker.py"];

/// Modules of a package that may hold an object to serve, relative to the package.
const MODULES: &[&str] = &[
    "__init__.py",
    "__main__.py",
    "api.py",
    "app.py",
    "application.py",
    "asgi.py",
    "main.py",
    "server.py",
    "wsgi.py",
    "api/__init__.py",
    "api/main.py",
    "app/__init__.py",
    "app/main.py",
];

/// Directories that hold a service in many projects, whatever these are called.
const DIRECTORIES: &[&str] = &["api", "app", "backend", "server", "service", "src"];

/// The list must stay short: every entry may be a question to the daemon.
const MOST: usize = 200;

/// The paths, relative to the project, whose text is wanted. Not all of them exist.
pub(super) fn candidate_files(pyproject: &Pyproject, config: &Config) -> Vec<String> {
    if config.command.is_some() || config.entrypoint.is_some() || pyproject.fastapi_entrypoint.is_some() {
        return Vec::new();
    }
    let mut paths: Vec<String> = ROOT.iter().map(ToString::to_string).collect();
    let mut directories: Vec<String> = DIRECTORIES.iter().map(ToString::to_string).collect();
    for package in packages(pyproject) {
        // A single-file module.
        paths.push(format!("{}.py", package.path));
        directories.push(package.path);
    }
    // Both layouts, also for a project that is no package.
    if let Some(project) = &pyproject.project {
        let name = project.name.value.as_dist_info_name();
        directories.extend([name.to_string(), format!("src/{name}")]);
    }
    directories.push("api/src".to_owned());
    directories.push("src/app".to_owned());
    for directory in directories {
        paths.extend(MODULES.iter().map(|module| format!("{directory}/{module}")));
    }
    let mut seen = BTreeSet::new();
    paths.retain(|path| seen.insert(path.clone()));
    paths.truncate(MOST);
    paths
}
