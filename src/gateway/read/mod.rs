//! Reads what the user wrote: the entry file, and from the build context the project's manifests and, when the start
//! command has to be found, a bounded list of Python files.

use std::collections::BTreeMap;

use buildkit_frontend::context::{Context, Entry as EntryFile};
use buildkit_frontend::{FrontendError, Gateway};
use uv_normalize::{GroupName, PackageName};
use uv_pep440::VersionSpecifiers;

mod hidden;
mod input;
mod lock;
mod members;
mod new_members;
mod place;
mod script;
mod start;

pub(super) use self::hidden::{hidden_build_files, hidden_or};
pub(super) use self::lock::{LOCKED, is_locked};
pub(super) use self::start::start_files;

use self::place::{Manifests, Place};
use super::checks::Checks;
use super::report;
use crate::closure::{BuildPolicy, Defaults, Extras, Groups, Request, Root};
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::lint::Finding;
use crate::plan::BuildTarget;
use crate::plan::input::Input;
use crate::plan::target::{self, Kind};
use crate::project::config::Config;
use crate::project::config::selection::Selection as Names;
use crate::project::document::Located;
use crate::project::entry::Entry;
use crate::project::lock::{DefaultGroups, Lock};
use crate::project::place::join;
use crate::project::pyproject::Pyproject;
use crate::project::python_version::{PythonRequest, RequiresPython, read_python_version_file};
use crate::project::{asked_for, stale, workspace};

pub(crate) const PYPROJECT: &str = "pyproject.toml";
const PYTHON_VERSION: &str = ".python-version";

/// Everything that the user wrote.
pub(super) struct Written {
    /// What of it is to be built.
    pub(super) target: BuildTarget,
    /// The names of all targets, once one of them is chosen.
    pub(super) targets: Vec<String>,
    /// The project file of the project that the image is of; that of the workspace's root when it is of all members.
    pub(super) pyproject: Pyproject,
    /// The project file beside the lock, when that is another one.
    workspace: Option<Pyproject>,
    /// The project files of others among the user's projects, as far as they are there. The image may need them.
    pub(super) members: BTreeMap<PackageName, Pyproject>,
    /// `[tool.pyfront]` of the workspace's root, with that of the project on top, then what a Dockerfile says, and above
    /// all what these say for the target.
    pub(super) config: Config,
    /// The lock, or what stands for it when the packages are said elsewhere.
    pub(super) lock: Lock,
    /// What says which packages are installed.
    pub(super) input: Input,
    /// The directory of the lock in the context; empty for its root.
    pub(super) directory: String,
    /// The directory of the project in the context.
    pub(super) project: String,
    pub(super) python_version: Option<Located<PythonRequest>>,
    /// The script that is the whole project.
    pub(super) script: Option<Located<String>>,
    pub(super) entry: EntryFile,
    /// What is to be done with findings.
    pub(super) checks: Checks,
    /// What was found while reading.
    pub(super) findings: Vec<Finding>,
    pub(super) context: Context,
    root: Root,
}

impl Written {
    /// The project file beside the lock, which holds the settings of uv.
    pub(super) fn root(&self) -> &Pyproject {
        self.workspace.as_ref().unwrap_or(&self.pyproject)
    }

    /// Which Pythons the image may have. All members of a workspace share one range, which the lock has.
    pub(super) fn requires_python(&self) -> Option<Located<RequiresPython>> {
        let own = self.pyproject.project.as_ref().and_then(|project| project.requires_python.as_ref());
        if self.lock.manifest.members.is_empty()
            || own.is_some_and(|own| own.value.specifiers == self.lock.requires_python)
        {
            return own.cloned();
        }
        let specifiers = self.lock.requires_python.clone();
        let location = self.lock.location(&self.lock.requires_python_range);
        Some(Located::new(RequiresPython { text: specifiers.to_string(), specifiers }, location))
    }

    /// The Python versions that dependency groups of the user's projects ask for.
    fn group_pythons(&self) -> BTreeMap<(Option<PackageName>, GroupName), Located<VersionSpecifiers>> {
        let own = |file: &Pyproject| file.project.as_ref().map(|project| project.name.value.clone());
        let files = std::iter::once(&self.pyproject).chain(&self.workspace).map(|file| (own(file), file));
        let members = self.members.iter().map(|(name, file)| (Some(name.clone()), file));
        files
            .chain(members)
            .flat_map(|(name, file)| {
                let groups = file.uv.group_requires_python.iter();
                groups.map(move |(group, python)| ((name.clone(), group.clone()), python.clone()))
            })
            .collect()
    }

    /// What to install of the lock.
    pub(super) fn request(&self) -> Request {
        let config = &self.config;
        let extras = match config.extras.as_ref().map(|extras| &extras.value) {
            None => Extras::default(),
            Some(Names::All) => Extras { all: true, ..Extras::default() },
            Some(Names::Names(names)) => Extras { include: values(names), ..Extras::default() },
        };
        let mut groups = Groups {
            declared: self.pyproject.uv.default_groups.as_ref().map(|groups| match &groups.value {
                Names::All => DefaultGroups::All,
                Names::Names(names) => DefaultGroups::List(values(names)),
            }),
            requires_python: self.group_pythons(),
            ..Groups::default()
        };
        if config.no_default_groups.as_ref().is_some_and(|no| no.value) {
            groups.defaults = Defaults::None;
        }
        match config.groups.as_ref().map(|groups| &groups.value) {
            None => {}
            Some(Names::All) => groups.all = true,
            Some(Names::Names(names)) => groups.include = values(names),
        }
        if self.target.kind.is_for_development() && groups.defaults == Defaults::Production {
            groups.defaults = Defaults::Development;
        }
        if self.target.kind == Kind::Test {
            // What these groups are for is in their name.
            let declared = self.pyproject.dependency_groups.keys();
            let of_tests = declared.filter(|group| matches!(group.as_str(), "test" | "tests" | "testing"));
            groups.include.extend(of_tests.cloned());
        }
        let uv = &self.root().uv.build;
        let build = BuildPolicy {
            no_build: uv.no_build,
            no_build_packages: uv.no_build_package.iter().cloned().collect(),
            no_binary: uv.no_binary,
            no_binary_packages: uv.no_binary_package.iter().cloned().collect(),
        };
        Request { root: self.root.clone(), extras, groups, build }
    }
}

fn values<T: Clone>(names: &[Located<T>]) -> Vec<T> {
    names.iter().map(|name| name.value.clone()).collect()
}

/// Reads the project, for the target that the client names.
pub(super) async fn project(gateway: &Gateway) -> Result<Written, FrontendError> {
    let mut written = any_target(gateway).await?;
    written.target = BuildTarget::choose(gateway.options().target.as_deref(), &written.config).map_err(report::one)?;
    written.targets = target::list(&written.config).into_iter().map(|listed| listed.target.name).collect();
    written.config = written.target.config(&written.config);
    Ok(written)
}

/// Reads the project, whatever the target.
pub(super) async fn any_target(gateway: &Gateway) -> Result<Written, FrontendError> {
    Box::pin(read(gateway)).await
}

async fn read(gateway: &Gateway) -> Result<Written, FrontendError> {
    let (entry, context, look) = gateway.entry_and_context("TOML", Manifests::of_root()).await?;
    let checks = Checks::of(gateway, &entry)?;
    let own = match entry.file() {
        Some(file) => Some(Entry::read(entry.filename(), &file.data).map_err(|error| report::error(&error))?),
        // Without an entry file (`BUILDKIT_SYNTAX` and nothing else) the project's own is all there is.
        None => None,
    };
    if let Some(Entry::Script(script)) = own {
        return Box::pin(script::read(gateway, entry, context, checks, *script)).await;
    }
    let mut manifests = Manifests::read_root(&look).await?;
    if let (Some(Entry::Pylock), Some(file)) = (&own, entry.file()) {
        manifests = manifests.with_pylock(file.data.clone());
    }
    let mut place = match &own {
        Some(Entry::Pyproject(own)) => place::find(gateway, &context, &entry, own, manifests).await?,
        _ => Place { manifests, entry: None },
    };
    let directory = place.manifests.directory.clone();
    let (beside, dockerfile) = match own {
        // At the root of the context both names of the file are the same.
        Some(Entry::Pyproject(own)) if place.entry.as_deref() == Some("") => (*own, None),
        Some(Entry::Dockerfile(dockerfile)) => (parse_pyproject(&context, &place.manifests)?, Some(dockerfile.config)),
        _ => (parse_pyproject(&context, &place.manifests)?, None),
    };
    if place.manifests.is_other() {
        return Box::pin(input::read(entry, context, checks, place.manifests, beside, dockerfile)).await;
    }
    let lock = lock::parse(&context, &beside, &directory, place.manifests.lock.take())?;
    let selected = members::select(gateway, &place, dockerfile.as_ref(), &beside, &lock).map_err(report::one)?;
    let mut found = members::read(&context, &directory, &selected, &beside, &lock).await?;

    let mut checked = vec![stale::check(&beside, &lock), stale::check_members(&beside, &lock)];
    checked.push(stale::check_new_members(&found.new));
    let is_member = |name: &PackageName| lock.manifest.members.contains(name);
    let of_members = found.pyprojects.iter().filter(|(name, _)| is_member(name));
    checked.extend(of_members.map(|(name, member)| stale::check_member(name, member, &beside, &lock)));

    let member = selected.member.as_ref().and_then(|name| found.pyprojects.remove(name));
    let (pyproject, beside) = match member {
        Some(member) => (member, Some(beside)),
        None => (beside, None),
    };
    let mut config = pyproject.config.clone();
    if let Some(beside) = &beside {
        config = beside.config.clone().overlay(config);
    }
    if let Some(dockerfile) = dockerfile {
        config = config.overlay(dockerfile);
    }
    asked_for::check(&config, &pyproject, beside.as_ref()).map_err(|error| report::error(&error))?;
    let findings = lock::stale(gateway, &checks, &config, stale::all(checked))?;
    let version = place.manifests.python_version.map(|bytes| (join(&directory, PYTHON_VERSION), bytes));
    let python_version = python_version(found.python_version.or(version))?;
    let project = selected.member.as_ref().and_then(|name| {
        let mut trees = workspace::trees(&lock, &directory);
        trees.find(|(package, _)| package.name == *name).map(|(_, tree)| tree)
    });
    let project = project.unwrap_or_else(|| directory.clone());
    let (members, root) = (found.pyprojects, selected.root);
    Ok(Written {
        target: BuildTarget::default(),
        targets: Vec::new(),
        pyproject,
        workspace: beside,
        members,
        config,
        lock,
        directory,
        project,
        input: Input::Lock,
        python_version,
        script: None,
        entry,
        checks,
        findings,
        context,
        root,
    })
}

/// Reads a `.python-version`, by its path in the context.
fn python_version(file: Option<(String, Vec<u8>)>) -> Result<Option<Located<PythonRequest>>, FrontendError> {
    let Some((path, bytes)) = file else { return Ok(None) };
    let file = SourceFile::from_bytes(path, bytes).map_err(report::one)?;
    read_python_version_file(&file).map_err(report::one)
}

fn parse_pyproject(context: &Context, manifests: &Manifests) -> Result<Pyproject, FrontendError> {
    let Some(bytes) = &manifests.pyproject else {
        if manifests.is_other() {
            return input::without_pyproject();
        }
        let path = join(&manifests.directory, PYPROJECT);
        let missing = Diagnostic::new(format!("the build context has no {path}"))
            .help("give the project's directory as the build context, the last argument of docker buildx build");
        return Err(report::one(hidden_or(context, &path, missing)));
    };
    place::parse(&manifests.directory, bytes)
}
