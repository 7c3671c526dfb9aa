//! What says which packages are installed, when it is not `uv.lock`: `pylock.toml`, or `requirements.txt` with the files that
//! it names. Such a project may have no `[project]` table, or no `pyproject.toml` at all.

use std::collections::BTreeMap;

use buildkit_frontend::FrontendError;
use buildkit_frontend::context::{Context, Selection};
use uv_normalize::PackageName;

use super::{PYPROJECT, hidden_or, lock};
use crate::diagnostic::{Diagnostic, Location, SourceFile};
use crate::gateway::report;
use crate::plan::input::Input;
use crate::project::bare;
use crate::project::config::Config;
use crate::project::document::{Located, quoted};
use crate::project::lock::Lock;
use crate::project::pylock::Pylock;
use crate::project::pyproject::{Dependency, Pyproject};
use crate::project::python_version::RequiresPython;
use crate::project::requirements::{self, Requirements};

/// The lock of PEP 751.
pub(super) const PYLOCK: &str = "pylock.toml";
/// Requirements.
pub(super) const REQUIREMENTS: &str = "requirements.txt";

/// The files as they were found at the root of the context.
pub(super) struct Found {
    pub(super) lock: Option<Vec<u8>>,
    pub(super) pylock: Option<Vec<u8>>,
    pub(super) requirements: Option<Vec<u8>>,
}

impl Found {
    /// Whether the packages come from something else than `uv.lock`, which wins when it is there.
    pub(super) fn is_other(&self) -> bool {
        self.lock.is_none() && (self.pylock.is_some() || self.requirements.is_some())
    }

    /// Reads the first that is there. A project without a table gets its name and dependencies from it.
    pub(super) async fn read(
        self,
        context: &Context,
        pyproject: &mut Pyproject,
        config: &Config,
    ) -> Result<(Lock, Input), FrontendError> {
        match self {
            Self { lock: None, pylock: Some(bytes), .. } => pylock(&bytes, pyproject),
            Self { lock: None, requirements: Some(bytes), .. } => {
                let requirements = read_requirements(context, &bytes).await?;
                check_selection(config).map_err(report::one)?;
                let dependencies =
                    requirements.list.iter().map(|one| bare::dependency(&one.name, &one.text, &one.location)).collect();
                complete(pyproject, &requirements.location(), dependencies, None);
                Ok((Lock::of_packages(&requirements.file, Vec::new()), Input::Requirements(requirements)))
            }
            Self { lock, .. } => Ok((lock::parse(context, pyproject, lock.as_deref())?, Input::Lock)),
        }
    }
}

/// The project of a context without `pyproject.toml`.
pub(super) fn without_pyproject() -> Result<Pyproject, FrontendError> {
    Pyproject::parse(&SourceFile::new(PYPROJECT, "")).map_err(|error| report::error(&error))
}

fn pylock(bytes: &[u8], pyproject: &mut Pyproject) -> Result<(Lock, Input), FrontendError> {
    let file = SourceFile::from_bytes(PYLOCK, bytes).map_err(report::one)?;
    let pylock = Pylock::read(&file).map_err(|error| report::error(&error))?;
    let place = Location::new(&file, 0..0);
    // Which of the packages were asked for is not in the file.
    let names: BTreeMap<&PackageName, Location> = pylock
        .packages
        .iter()
        .map(|entry| (&entry.package.name, Location::new(&file, entry.package.range.clone())))
        .collect();
    let dependencies = names.iter().map(|(name, place)| bare::dependency(name, name.as_str(), place)).collect();
    let requires = pylock
        .requires_python
        .clone()
        .map(|requires| requires.map(|specifiers| RequiresPython { text: specifiers.to_string(), specifiers }));
    complete(pyproject, &place, dependencies, requires);
    let packages = pylock.packages.iter().map(|entry| entry.package.clone()).collect();
    Ok((Lock::of_packages(&file, packages), Input::Pylock(pylock)))
}

/// Fills in what a project without `[project]` table does not say.
fn complete(
    pyproject: &mut Pyproject,
    place: &Location,
    dependencies: Vec<Dependency>,
    requires_python: Option<Located<RequiresPython>>,
) {
    if pyproject.project.is_none() {
        pyproject.project = bare::project(bare::NAME, place.clone()).map(|mut project| {
            project.dependencies = dependencies;
            project.requires_python = requires_python;
            project
        });
    }
}

/// Reads the file and all that it names, each file once.
async fn read_requirements(context: &Context, bytes: &[u8]) -> Result<Requirements, FrontendError> {
    let root = SourceFile::from_bytes(REQUIREMENTS, bytes).map_err(report::one)?;
    let mut files = requirements::Files::from([(REQUIREMENTS.to_owned(), root)]);
    loop {
        let missing = requirements::missing(&files).map_err(|error| report::error(&error))?;
        if missing.is_empty() {
            return Requirements::read(REQUIREMENTS, &files).map_err(|error| report::error(&error));
        }
        let selection = Selection::paths(missing.iter().map(|path| path.as_str()))
            .hint("requirements")
            .titled("[internal] load requirements files")
            .small();
        let opened = context.open(&selection).await?;
        for path in missing {
            let Some(bytes) = opened.read_optional_file(&path).await? else {
                let problem = Diagnostic::new(format!("the build context has no {}", quoted(&path)))
                    .at_location(Some(path.location.clone()))
                    .help("add the file, or correct the line; paths are relative to the file that names them");
                return Err(report::one(hidden_or(context, &path, problem)));
            };
            let file = SourceFile::from_bytes(path.value.clone(), &bytes).map_err(report::one)?;
            files.insert(path.value, file);
        }
    }
}

/// Requirements have neither extras nor groups of a project.
fn check_selection(config: &Config) -> Result<(), Diagnostic> {
    let extras = config.extras.as_ref().map(|extras| ("extras", &extras.location));
    let groups = config.groups.as_ref().map(|groups| ("groups", &groups.location));
    let Some((key, place)) = extras.or(groups) else { return Ok(()) };
    Err(Diagnostic::new(format!("{key} is set, and {REQUIREMENTS} has none to choose from"))
        .at_location(Some(place.clone()))
        .help(format!("remove {key} and list what is needed in {REQUIREMENTS}, or lock the project with uv lock")))
}
