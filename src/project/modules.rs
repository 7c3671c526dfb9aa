//! Where the build backend's own table says that a project's packages lie.

use crate::project::document::Table;

/// What the build backend's own table says about the packages that the project's wheel will hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeclaredModules {
    /// Directories or dotted names of packages, relative to the project: `src/api`, `api`.
    pub packages: Vec<String>,
    /// The directory that packages lie in, when it is said.
    pub root: Option<String>,
}

/// Reads what the common build backends are told about packages. It only helps to find the start command, so what is not
/// understood is left out.
pub(super) fn read(tool: &Table<'_>) -> DeclaredModules {
    let texts = |path: &[&str]| -> Vec<String> {
        match tool.at(path) {
            Some(value) => match (value.as_str(), value.as_array()) {
                (Some(text), _) => vec![text.to_owned()],
                (None, Some(items)) => items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect(),
                (None, None) => Vec::new(),
            },
            None => Vec::new(),
        }
    };
    let mut packages = Vec::new();
    for path in [
        &["uv", "build-backend", "module-name"][..],
        &["hatch", "build", "targets", "wheel", "packages"],
        &["setuptools", "packages"],
        &["setuptools", "py-modules"],
        &["flit", "module", "name"],
    ] {
        packages.extend(texts(path));
    }
    for item in tool.at(&["poetry", "packages"]).and_then(|value| value.as_array()).unwrap_or_default() {
        let text = |key: &str| item.as_table().and_then(|table| table.get(key)).and_then(|value| value.as_str());
        if let Some(include) = text("include") {
            packages.push(text("from").map_or_else(|| include.to_owned(), |from| format!("{from}/{include}")));
        }
    }
    let root = texts(&["uv", "build-backend", "module-root"]);
    let found = texts(&["setuptools", "packages", "find", "where"]);
    DeclaredModules { packages, root: root.into_iter().chain(found).next() }
}
