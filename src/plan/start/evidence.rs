//! Everything that was seen of a project before a start command is chosen: the text of its modules, the objects in them
//! that a server could run, and what is installed.

use std::collections::BTreeMap;

use crate::diagnostic::Location;
use crate::project::document::quoted;

use super::Project;
use super::frameworks::{ASGI_PACKAGES, Kind, framework_of};
use super::layout::{Place, place};
use super::python::Module;
use super::servers::Target;

/// The port that a found server listens on, when the configuration names none.
const DEFAULT_PORT: u16 = 8000;

/// What was seen.
pub(super) struct Evidence<'a> {
    pub(super) project: &'a Project<'a>,
    /// The Python files that exist, by path.
    pub(super) modules: BTreeMap<&'a str, Module>,
    /// Objects of known frameworks.
    pub(super) found: Vec<Found>,
}

/// An object that could be served, or a function that makes one.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) framework: &'static str,
    pub(super) kind: Kind,
    pub(super) object: String,
    pub(super) factory: bool,
    /// How its module is imported in the image, or why that is not known.
    pub(super) place: Result<Place, String>,
    pub(super) path: String,
    pub(super) location: Location,
}

impl Found {
    /// What a server is told, if the module can be imported.
    pub(super) fn target(&self) -> Option<Target> {
        let place = self.place.as_ref().ok()?;
        Some(Target {
            module: place.module.clone(),
            object: self.object.clone(),
            factory: self.factory,
            directory: place.directory.clone(),
        })
    }

    /// Whether a server of ASGI objects can run it.
    pub(super) fn is_asgi(&self) -> bool {
        matches!(self.kind, Kind::Asgi | Kind::Sanic)
    }

    /// "the FastAPI object app in main.py:3".
    pub(super) fn describe(&self) -> String {
        let what = if self.factory { "factory" } else { "object" };
        format!("the {} {what} {} in {}", self.framework, self.object, self.location)
    }
}

impl<'a> Evidence<'a> {
    /// Looks at a project.
    pub(super) fn gather(project: &'a Project<'a>) -> Self {
        let python = |path: &str| std::path::Path::new(path).extension().is_some_and(|extension| extension == "py");
        let modules: BTreeMap<&str, Module> = project
            .files
            .iter()
            .filter(|(path, _)| python(path))
            .map(|(path, file)| (path.as_str(), Module::read(file.text())))
            .collect();
        let mut evidence = Self { project, modules, found: Vec::new() };
        evidence.found = evidence.modules.iter().flat_map(|(path, module)| evidence.look_at(path, module)).collect();
        evidence
    }

    /// Whether the image will hold a package.
    pub(super) fn installed(&self, name: &str) -> bool {
        self.project.closure.iter().any(|package| package.as_str() == name)
    }

    /// Whether the project itself asks for a package that the image will hold.
    pub(super) fn direct(&self, name: &str) -> bool {
        let declared = self.project.pyproject.direct_dependencies();
        declared.iter().any(|package| package.as_str() == name) && self.installed(name)
    }

    /// The first of a list that the project itself asks for.
    pub(super) fn direct_of(&self, names: impl IntoIterator<Item = &'static str>) -> Option<&'static str> {
        names.into_iter().find(|name| self.direct(name))
    }

    /// The port that a server is told to listen on.
    pub(super) fn port(&self) -> u16 {
        self.configured_port().unwrap_or(DEFAULT_PORT)
    }

    /// The port that is configured.
    pub(super) fn configured_port(&self) -> Option<u16> {
        self.project.config.ports.as_ref().and_then(|ports| ports.first_tcp())
    }

    /// What was seen, as lines for an error.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let files: Vec<String> =
            self.project.files.keys().map(|path| quoted(path).trim_matches('"').to_owned()).collect();
        let files = if files.is_empty() { "no Python file in a usual place".to_owned() } else { files.join(", ") };
        notes.push(format!("looked at: command, [tool.fastapi] entrypoint, [project.scripts], {files}"));
        for found in &self.found {
            notes.push(match &found.place {
                Ok(_) => format!("found: {}", found.describe()),
                Err(reason) => format!("found: {}, but {reason}", found.describe()),
            });
        }
        notes
    }

    fn look_at(&self, path: &str, module: &Module) -> Vec<Found> {
        let Some(file) = self.project.files.get(path) else { return Vec::new() };
        let installed = |name: &str| self.installed(name);
        let place = place(self.project.pyproject, self.project.files, path, module, &installed);
        let make = |framework, kind, object: &str, factory, range: &std::ops::Range<usize>| Found {
            framework,
            kind,
            object: object.to_owned(),
            factory,
            place: place.clone(),
            path: path.to_owned(),
            location: Location::new(file, range.clone()),
        };
        let factories: Vec<_> = module
            .functions
            .iter()
            .filter(|function| function.plain)
            .filter_map(|function| {
                let made = function.makes.iter().find_map(|makes| framework_of(module, makes))?;
                Some((function, made))
            })
            .collect();
        let name = path.rsplit('/').next().unwrap_or(path);
        let mut objects = Vec::new();
        for object in &module.objects {
            let local = || factories.iter().find(|(function, _)| function.name == object.callee).map(|(_, made)| *made);
            // Files called asgi.py and wsgi.py exist to hold such an object, wherever it was made.
            let by_file = || match (name, object.name.as_str()) {
                ("asgi.py", "app" | "api" | "application")
                    if ASGI_PACKAGES.iter().any(|package| self.installed(package)) || self.installed("django") =>
                {
                    Some(("ASGI", Kind::Asgi))
                }
                ("wsgi.py", "app" | "api" | "application") => Some(("WSGI", Kind::Wsgi)),
                _ => None,
            };
            if let Some((framework, kind)) = framework_of(module, &object.callee).or_else(local).or_else(by_file) {
                objects.push(make(framework, kind, &object.name, false, &object.range));
            }
        }
        let named = |names: &[&str], list: &[Found]| -> Option<Found> {
            names.iter().find_map(|name| list.iter().find(|found| found.object == *name).cloned())
        };
        if objects.iter().any(Found::is_asgi) {
            objects.retain(|found| found.kind != Kind::Own);
        }
        if !objects.is_empty() {
            return named(&["app", "api", "application"], &objects).map_or(objects, |found| vec![found]);
        }
        let made: Vec<Found> = factories
            .iter()
            .map(|(function, (framework, kind))| make(framework, *kind, &function.name, true, &function.range))
            .collect();
        named(&["create_app", "make_app", "create_application", "get_app", "get_application", "build_app"], &made)
            .map_or(made, |found| vec![found])
    }
}
