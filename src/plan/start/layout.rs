//! Where a project's modules lie, and by which name an installed or copied one can be imported. A project that is a package
//! is in the image as its wheel only, so a file counts when the wheel is known to hold it. One that is none is copied whole
//! and started in its root; there the question is which directory its imports are written for.

use std::collections::BTreeSet;

use crate::project::pyproject::Pyproject;

use super::Files;
use super::python::{Module, is_dotted_name, is_identifier, is_stdlib};

/// A package (or single module) that the project's wheel holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Package {
    /// Its path in the project, without suffix: `src/api`.
    pub(super) path: String,
    /// Its dotted name: `api`.
    pub(super) module: String,
}

/// How a file's module can be imported in the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The dotted module.
    pub(super) module: String,
    /// The directory to import from, when it is not the one that the process starts in.
    pub(super) directory: Option<String>,
}

/// The packages that the project's wheel can hold, by the build backend's settings or its defaults. Most paths are
/// guesses: only one of `src/api` and `api` exists.
pub(super) fn packages(pyproject: &Pyproject) -> Vec<Package> {
    let mut found = BTreeSet::new();
    let backend = pyproject.build_system.as_ref().and_then(|system| system.build_backend.as_ref());
    let uv_build = backend.is_some_and(|backend| backend.value == "uv_build");
    let root = pyproject.modules.root.as_deref().map(clean);
    let roots: Vec<String> = match root {
        Some(root) => vec![root],
        None if uv_build => vec!["src".to_owned()],
        None => vec!["src".to_owned(), String::new()],
    };
    let mut add = |path: String, module: String| {
        if is_dotted_name(&module) && path.split('/').all(is_clean) {
            found.insert(Package { path, module });
        }
    };
    for declared in &pyproject.modules.packages {
        let declared = clean(declared);
        if declared.contains('/') {
            let module = declared.rsplit('/').next().unwrap_or_default().to_owned();
            add(declared, module);
        } else {
            for root in &roots {
                add(join(root, &declared.replace('.', "/")), declared.clone());
            }
        }
    }
    let mut names = BTreeSet::new();
    if let Some(project) = &pyproject.project {
        names.insert(project.name.value.as_dist_info_name().into_owned());
        // A script's object is in the wheel, or the script would not work.
        for script in &project.scripts {
            names.extend(script.object.split([':', '.']).next().filter(|name| is_identifier(name)).map(str::to_owned));
        }
    }
    // What is declared replaces the default; the rest are guesses that only hold without a declaration.
    if pyproject.modules.packages.is_empty() {
        for name in &names {
            for root in &roots {
                add(join(root, name), name.clone());
            }
        }
    }
    found.into_iter().collect()
}

/// How a file can be imported, or why that is not known.
pub(super) fn place(
    pyproject: &Pyproject,
    files: &Files,
    path: &str,
    module: &Module,
    installed: &dyn Fn(&str) -> bool,
) -> Result<Place, String> {
    if pyproject.is_package() {
        installed_place(&packages(pyproject), path)
    } else {
        copied_place(files, path, module, installed)
    }
}

fn installed_place(packages: &[Package], path: &str) -> Result<Place, String> {
    let stem = stem(path);
    packages
        .iter()
        .find_map(|package| {
            let rest = stem.strip_prefix(package.path.as_str())?;
            let rest = if rest.is_empty() { rest } else { rest.strip_prefix('/')? };
            let module = if rest.is_empty() {
                package.module.clone()
            } else {
                format!("{}.{}", package.module, rest.replace('/', "."))
            };
            is_dotted_name(&module).then_some(Place { module, directory: None })
        })
        .ok_or_else(|| "it is not known to be part of the package that is installed".to_owned())
}

fn copied_place(files: &Files, path: &str, module: &Module, installed: &dyn Fn(&str) -> bool) -> Result<Place, String> {
    let stem = stem(path);
    let parts: Vec<&str> = stem.split('/').collect();
    if !parts.iter().all(|part| is_identifier(part)) {
        return Err("its path is no name that can be imported".to_owned());
    }
    let directories = path.split('/').count() - 1;
    let at = |depth: usize| Place {
        module: parts[depth..].join("."),
        directory: (depth > 0).then(|| parts[..depth].join("/")),
    };
    // An import of one of the file's own directories says which directory the imports start from.
    if let Some(depth) = parts.iter().take(directories).position(|part| module.heads.contains(*part)) {
        return Ok(at(depth));
    }
    // A directory with `__init__.py` is a package; the topmost of its parents that is one is imported from outside.
    let is_package = |depth: usize| files.contains_key(&format!("{}/__init__.py", parts[..=depth].join("/")));
    let depth = (0..directories).rev().take_while(|depth| is_package(*depth)).last();
    if let Some(depth) = depth {
        return Ok(at(depth));
    }
    if directories == 0 {
        return Ok(at(0));
    }
    // No package: the imports may be written for the file's own directory, where its neighbours lie.
    let known =
        |head: &str| is_stdlib(head) || installed(&head.replace('_', "-")) || distribution(head).is_some_and(installed);
    match module.heads.iter().find(|head| !known(head)) {
        Some(head) => {
            Err(format!("it is in a directory without __init__.py and imports {head:?}, which may lie next to it"))
        }
        None => Ok(at(0)),
    }
}

/// The distribution of some well-known modules that are named otherwise.
fn distribution(module: &str) -> Option<&'static str> {
    const MODULES: &[(&str, &str)] = &[
        ("PIL", "pillow"),
        ("attr", "attrs"),
        ("bs4", "beautifulsoup4"),
        ("dateutil", "python-dateutil"),
        ("dotenv", "python-dotenv"),
        ("fasthtml", "python-fasthtml"),
        ("jose", "python-jose"),
        ("jwt", "pyjwt"),
        ("multipart", "python-multipart"),
        ("prometheus_client", "prometheus-client"),
        ("psycopg2", "psycopg2-binary"),
        ("sklearn", "scikit-learn"),
        ("yaml", "pyyaml"),
    ];
    MODULES.iter().find(|(name, _)| *name == module).map(|(_, distribution)| *distribution)
}

/// A path without `.py` and without a trailing `/__init__`.
fn stem(path: &str) -> &str {
    let stem = path.strip_suffix(".py").unwrap_or(path);
    stem.strip_suffix("/__init__").unwrap_or(stem)
}

fn is_clean(part: &str) -> bool {
    !matches!(part, "" | "." | "..") && !part.chars().any(char::is_control)
}

fn clean(path: &str) -> String {
    path.trim_start_matches("./").trim_matches('/').to_owned()
}

fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() || directory == "." { name.to_owned() } else { format!("{directory}/{name}") }
}
