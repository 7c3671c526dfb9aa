//! Which project of a workspace the image is of, and the project files of the members that it may need.

use std::collections::BTreeMap;
use std::str::FromStr as _;

use buildkit_frontend::context::{Context, Selection};
use buildkit_frontend::{FrontendError, Gateway};
use uv_normalize::PackageName;

use super::new_members;
use super::place::{self, Place};
use super::{PYPROJECT, PYTHON_VERSION, hidden_or};
use crate::closure::Root;
use crate::diagnostic::Diagnostic;
use crate::gateway::report;
use crate::project::config::Config;
use crate::project::document::quoted;
use crate::project::lock::{Lock, Package};
use crate::project::place::{join, within};
use crate::project::pyproject::Pyproject;
use crate::project::stale::NewMember;
use crate::project::workspace::{self, PACKAGE};

/// Which projects are installed.
pub(super) struct Selected {
    pub(super) root: Root,
    /// The project that the image is of, when it is not the one beside the lock.
    pub(super) member: Option<PackageName>,
}

/// Chooses the project: by the build argument, the Dockerfile, the entry file, or the root's configuration.
pub(super) fn select(
    gateway: &Gateway,
    place: &Place,
    dockerfile: Option<&Config>,
    root: &Pyproject,
    lock: &Lock,
) -> Result<Selected, Diagnostic> {
    let argument = gateway.options().build_args.get(PACKAGE).filter(|name| !name.is_empty());
    let named = dockerfile.and_then(|config| config.package.as_ref());
    let directory = &place.manifests.directory;
    let entry = place.entry.as_ref().filter(|entry| *entry != directory);
    let package = if let Some(text) = argument {
        let who = format!("the build argument {PACKAGE}");
        let name = PackageName::from_str(text).map_err(|_| {
            Diagnostic::new(format!("{who} is {}, which is not a name for a package", quoted(text)))
                .note(workspace::list(lock))
                .help("name one of the members")
        })?;
        workspace::member(lock, &name, &who, None)?
    } else if let Some(name) = named {
        workspace::member(lock, &name.value, "package", Some(name.location.clone()))?
    } else if let Some(entry) = entry {
        let found = workspace::members(lock, directory).find(|(_, tree)| tree == entry);
        found.map(|(package, _)| package).ok_or_else(|| Diagnostic::new("the lock does not know the entry file"))?
    } else if let Some(name) = &root.config.package {
        workspace::member(lock, &name.value, "package", Some(name.location.clone()))?
    } else {
        return all_or_one(dockerfile, root, lock);
    };
    let is_root = package.source.tree_path().and_then(|path| within(directory, path)).as_ref() == Some(directory);
    if is_root {
        return Ok(Selected { root: Root::Project, member: None });
    }
    Ok(Selected { root: Root::Member(package.name.clone()), member: Some(package.name.clone()) })
}

/// What `uv sync` does in the lock's directory.
fn all_or_one(dockerfile: Option<&Config>, root: &Pyproject, lock: &Lock) -> Result<Selected, Diagnostic> {
    let selected = |member: Option<PackageName>| Selected { root: Root::Project, member };
    if root.project.is_some() {
        return Ok(selected(None));
    }
    let declared = |config: &Config| config.command.is_some() || config.entrypoint.is_some();
    match lock.manifest.members.as_slice() {
        [] => Ok(selected(None)),
        [only] => Ok(selected(Some(only.clone()))),
        [..] if declared(&root.config) || dockerfile.is_some_and(declared) => Ok(selected(None)),
        [..] => Err(workspace::undecided(lock, root)),
    }
}

/// What was read of the members.
#[derive(Default)]
pub(super) struct Members {
    /// Project files by name, those that there are.
    pub(super) pyprojects: BTreeMap<PackageName, Pyproject>,
    /// `.python-version` of the project that the image is of, with its path.
    pub(super) python_version: Option<(String, Vec<u8>)>,
    /// The members that there are, and that the lock does not know.
    pub(super) new: Vec<NewMember>,
}

/// Reads the project files of what the image may need of the user's own projects, besides the one beside the lock.
pub(super) async fn read(
    context: &Context,
    directory: &str,
    selected: &Selected,
    root: &Pyproject,
    lock: &Lock,
) -> Result<Members, FrontendError> {
    let roots: Vec<&PackageName> = match (&selected.root, lock.root()) {
        (Root::Member(name), _) => vec![name],
        (_, Some(root)) => vec![&root.name],
        (_, None) => lock.members(),
    };
    let place = |package: &Package| within(directory, package.source.tree_path()?);
    let trees: Vec<(&PackageName, String)> = workspace::reachable(lock, &roots)
        .into_iter()
        .filter_map(|package| Some((&package.name, place(package)?)))
        .filter(|(_, tree)| tree != directory)
        .collect();
    if trees.is_empty() && new_members::patterns(root).is_empty() {
        return Ok(Members::default());
    }
    let own = |name: &PackageName| selected.member.as_ref() == Some(name);
    let paths = trees.iter().flat_map(|(name, tree)| {
        std::iter::once(join(tree, PYPROJECT)).chain(own(name).then(|| join(tree, PYTHON_VERSION)))
    });
    let selection =
        Selection::paths(paths).hint("members").titled("[internal] load pyproject.toml of the members").small();
    let files = context.open(&new_members::select(selection, root, directory)).await?;
    let mut members = Members { new: new_members::find(&files, root, directory, lock).await?, ..Members::default() };
    for (name, tree) in trees {
        let path = join(&tree, PYPROJECT);
        match files.read_optional_file(&path).await? {
            Some(bytes) => {
                members.pyprojects.insert(name.clone(), place::parse(&tree, &bytes)?);
            }
            None if own(name) || context.ignore().is_some_and(|ignore| ignore.excluding_rule(&path).is_some()) => {
                let missing =
                    Diagnostic::new(format!("the build context has no {path}, which the member {name} needs"));
                let missing = missing.at_location(Some(lock_place(lock, name)));
                return Err(report::one(hidden_or(
                    context,
                    &path,
                    missing.help("give the workspace's root as the build context; run uv lock if the member is gone"),
                )));
            }
            None => {}
        }
        if own(name) {
            let path = join(&tree, PYTHON_VERSION);
            members.python_version = files.read_optional_file(&path).await?.map(|bytes| (path, bytes));
        }
    }
    Ok(members)
}

fn lock_place(lock: &Lock, name: &PackageName) -> crate::diagnostic::Location {
    let range = lock.packages_named(name).next().map_or(0..0, |package| package.range.clone());
    lock.location(&range)
}
