//! Projects that have no `[project]` table: scripts, and directories with a `pylock.toml` or a `requirements.txt` and no
//! more. They are no packages; their files are copied.

use std::collections::{BTreeMap, BTreeSet};

use uv_normalize::PackageName;

use crate::diagnostic::Location;
use crate::project::document::Located;
use crate::project::pyproject::{Dependency, Project};

/// What a project is called that has no name. It is the venv's prompt, and stands in messages.
pub const NAME: &str = "app";

/// A project with nothing but a name; `None` for a name that is none. `location` stands for the table that is not there.
pub fn project(name: &str, location: Location) -> Option<Project> {
    Some(Project {
        name: Located::new(name.parse().ok()?, location.clone()),
        location,
        version: None,
        dynamic: BTreeSet::new(),
        requires_python: None,
        dependencies: Vec::new(),
        dependencies_location: None,
        optional_dependencies: BTreeMap::new(),
        extra_locations: BTreeMap::new(),
        optional_dependencies_location: None,
        scripts: Vec::new(),
        gui_scripts: Vec::new(),
        description: None,
        readme: None,
        license: None,
        license_files: Vec::new(),
        authors: Vec::new(),
        urls: BTreeMap::new(),
    })
}

/// The name of a script's project: the file's name without its ending.
pub fn name_of_script(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    let stem = file.strip_suffix(".py").unwrap_or(file);
    if stem.parse::<PackageName>().is_ok() { stem.to_owned() } else { NAME.to_owned() }
}

/// A dependency that is known from elsewhere, by its text.
pub fn dependency(name: &PackageName, text: &str, location: &Location) -> Dependency {
    Dependency { name: name.clone(), requirement: Located::new(text.to_owned(), location.clone()) }
}
