//! What says which packages are installed, when it is not `uv.lock`: `pylock.toml`, or `requirements.txt` with the files that
//! it names. Such a project may have no `[project]` table, or no `pyproject.toml` at all.

use std::collections::BTreeMap;

use buildkit_frontend::FrontendError;
use buildkit_frontend::context::{Context, Entry as EntryFile, Selection};
use uv_normalize::PackageName;

use super::place::Manifests;
use super::{PYPROJECT, PYTHON_VERSION, Written, hidden_or, python_version};
use crate::closure::Root;
use crate::diagnostic::{Diagnostic, Location, SourceFile};
use crate::gateway::checks::Checks;
use crate::gateway::report;
use crate::plan::BuildTarget;
use crate::plan::input::Input;
use crate::project::asked_for;
use crate::project::bare;
use crate::project::config::Config;
use crate::project::document::{Located, quoted};
use crate::project::entry::Entry;
use crate::project::lock::Lock;
use crate::project::pylock::Pylock;
use crate::project::pyproject::{Dependency, Pyproject};
use crate::project::python_version::RequiresPython;
use crate::project::requirements::{self, Requirements};

/// The lock of PEP 751.
pub(super) const PYLOCK: &str = "pylock.toml";
/// Requirements.
pub(super) const REQUIREMENTS: &str = "requirements.txt";

/// Reads a project whose packages come from one of these files; a `pylock.toml` wins. A project without a table gets its name
/// and dependencies from it.
pub(super) async fn read(
    entry: EntryFile,
    context: Context,
    checks: Checks,
    manifests: Manifests,
    mut pyproject: Pyproject,
    dockerfile: Option<Config>,
) -> Result<Written, FrontendError> {
    let mut config = pyproject.config.clone();
    if let Some(dockerfile) = dockerfile {
        config = config.overlay(dockerfile);
    }
    asked_for::check(&config, &pyproject, None).map_err(|error| report::error(&error))?;
    let (lock, input) = match (manifests.pylock, manifests.requirements) {
        (Some(bytes), _) => {
            let name = Some(entry.filename()).filter(|name| Entry::is_pylock(name)).unwrap_or(PYLOCK);
            pylock(name, &bytes, &mut pyproject)?
        }
        (None, requirements) => {
            let requirements = read_requirements(&context, &requirements.unwrap_or_default()).await?;
            check_selection(&config).map_err(report::one)?;
            let dependencies =
                requirements.list.iter().map(|one| bare::dependency(&one.name, &one.text, &one.location)).collect();
            complete(&mut pyproject, &requirements.location(), dependencies, None);
            (Lock::of_packages(&requirements.file, Vec::new()), Input::Requirements(requirements))
        }
    };
    let version = manifests.python_version.map(|bytes| (PYTHON_VERSION.to_owned(), bytes));
    Ok(Written {
        target: BuildTarget::default(),
        targets: Vec::new(),
        pyproject,
        workspace: None,
        members: BTreeMap::new(),
        config,
        lock,
        input,
        directory: String::new(),
        project: String::new(),
        python_version: python_version(version)?,
        script: None,
        entry,
        checks,
        findings: Vec::new(),
        context,
        root: Root::default(),
    })
}

/// The project of a context without `pyproject.toml`.
pub(super) fn without_pyproject() -> Result<Pyproject, FrontendError> {
    Pyproject::parse(&SourceFile::new(PYPROJECT, "")).map_err(|error| report::error(&error))
}

fn pylock(name: &str, bytes: &[u8], pyproject: &mut Pyproject) -> Result<(Lock, Input), FrontendError> {
    let file = SourceFile::from_bytes(name, bytes).map_err(report::one)?;
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
            let file = SourceFile::from_bytes(path.value.clone(), bytes).map_err(report::one)?;
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
