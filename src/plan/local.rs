//! What comes from the user's own files: the projects (workspace members and path dependencies), each built from its own
//! directory into a layer of its own, and wheels that lie in the build context.

use std::collections::BTreeSet;

use serde::Serialize;
use uv_normalize::PackageName;

use super::make::{self, Inputs};
use super::settings::{self, Settings};
use super::uv;
use crate::closure::{Artifact, Locked};
use crate::diagnostic::{Diagnostic, Location};
use crate::project::lock::Source;
use crate::project::place;
use crate::project::pyproject::Pyproject;

/// A project of the user's, and how it gets into the image.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Member {
    /// Normalised package name.
    pub name: String,
    /// How it gets in.
    pub how: How,
    /// Its files.
    #[serde(flatten)]
    pub tree: Tree,
    /// Its entry in the lock file.
    #[serde(skip)]
    pub origin: Location,
    /// What to show when its step fails: what says how it is built, or else where it is described.
    #[serde(skip)]
    pub place: Location,
}

/// How a project gets into the image.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// It is a package: it is built from the sources and installed.
    Install {
        /// The build backend, as `[build-system]` names it; for people. Not known of a directory without `pyproject.toml`.
        #[serde(skip_serializing_if = "Option::is_none")]
        backend: Option<String>,
        /// Whether uv builds it itself: then nothing is fetched for it, and its step has no network.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        direct: bool,
        /// The secrets with which uv fetches what the build requires.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        secrets: Vec<String>,
        /// What its build is told.
        #[serde(skip_serializing_if = "Settings::is_empty")]
        settings: Settings,
        /// The directory of the image that its files are imported from, for development. Else its wheel is installed.
        #[serde(skip_serializing_if = "Option::is_none")]
        editable: Option<String>,
    },
    /// It is no package: its files are copied to the working directory.
    Copy,
}

/// A directory of the user's.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Tree {
    /// The named context (`--build-context`) that it is; `None` for a directory of the build context.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// Its path in the context, with slashes; empty for the context's root.
    pub directory: String,
    /// Directories in it that belong to others, by their paths in the context.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<String>,
    /// What is taken of it, where that is not all: patterns in the language of ignore files.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<String>,
    /// What else is left out: patterns of an ignore file in the directory.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
}

impl Tree {
    /// All of a named context.
    fn of_context(name: &str) -> Self {
        Self { context: Some(name.to_owned()), ..Self::default() }
    }
}

/// A file of the user's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LocalFile {
    /// The named context (`--build-context`) that it is in; `None` for the build context.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// Its path in the context, with slashes.
    pub path: String,
}

/// Local wheels that are installed by one step into one layer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LocalGroup {
    /// The wheels, in order of names.
    pub wheels: Vec<LocalWheel>,
    /// The platform to install for, in uv's words, where it is not the builder's and a wheel depends on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub python_platform: Option<String>,
}

/// A wheel that lies among the user's files, as it will be checked and installed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LocalWheel {
    /// Normalised package name.
    pub name: String,
    /// Version, as the lock spells it.
    pub version: String,
    /// The wheel's file name; a plain name, never a path.
    pub filename: String,
    /// Whether it is for any platform.
    #[serde(skip)]
    pub pure: bool,
    /// Where it is.
    pub file: LocalFile,
    /// `<algorithm>:<hexadecimal>` of the file. The lock has none for the files of an index that is a directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Its entry in the lock file.
    #[serde(serialize_with = "super::as_text")]
    pub origin: Location,
}

/// Where a file of the lock is: `path` is relative to the lock's directory `base`, or absolute. What is not in the build
/// context is expected in a named context that is called like the package and stands for the file's directory.
pub(super) fn file(base: &str, package: &str, path: &str) -> LocalFile {
    match place::within(base, path) {
        Some(path) => LocalFile { context: None, path },
        None => LocalFile {
            context: Some(package.to_owned()),
            path: path.rsplit('/').next().unwrap_or_default().to_owned(),
        },
    }
}

/// The projects of the closure in image order: libraries by name, then the project that the image is of.
///
/// # Errors
/// Settings of a build that cannot be followed.
pub(super) fn members(inputs: &Inputs<'_>) -> Result<Vec<Member>, Diagnostic> {
    let selected = inputs.pyproject.project.as_ref().map(|project| &project.name.value);
    let is_selected = |package: &Locked| package.root && Some(&package.name) == selected;
    let mut members: Vec<(bool, Member)> = Vec::new();
    for package in &inputs.closure.packages {
        let (Artifact::Directory(tree) | Artifact::Editable(tree) | Artifact::Virtual(tree)) = &package.artifact else {
            continue;
        };
        let selected = is_selected(package);
        let pyproject = if selected { Some(inputs.pyproject) } else { inputs.members.get(&package.name) };
        let how = match (&package.artifact, pyproject.filter(|_| selected)) {
            (_, Some(pyproject)) if !pyproject.is_package() => How::Copy,
            (Artifact::Virtual(_), None) => continue,
            _ => install(inputs, &package.name, pyproject)?,
        };
        let path = &tree.path;
        let mut tree = self::tree(inputs, package.name.as_str(), path, &how);
        if selected {
            tree = chosen(inputs, tree);
        }
        // uv installs other trees from a wheel, too.
        let how = if matches!(package.artifact, Artifact::Directory(_)) { how } else { edited(inputs, how, &tree) };
        let origin = package.location.clone();
        let place = pyproject.and_then(described).unwrap_or_else(|| origin.clone());
        members.push((selected, Member { name: package.name.to_string(), how, tree, origin, place }));
    }
    if let (Some(name), true) = (selected, members.iter().all(|(selected, _)| !selected)) {
        // Of a project without uv.lock nothing but its dependencies is listed.
        let how =
            if inputs.pyproject.is_package() { install(inputs, name, Some(inputs.pyproject))? } else { How::Copy };
        let tree = chosen(inputs, self::tree(inputs, name.as_str(), ".", &how));
        let how = edited(inputs, how, &tree);
        let origin = inputs.pyproject.project.as_ref().map(|project| project.location.clone());
        let origin = origin.unwrap_or_else(|| Location::new(&inputs.pyproject.file, 0..0));
        let place = described(inputs.pyproject).unwrap_or_else(|| origin.clone());
        members.push((true, Member { name: name.to_string(), how, tree, origin, place }));
    }
    members.sort_by(|left, right| (left.0, &left.1.name).cmp(&(right.0, &right.1.name)));
    Ok(members.into_iter().map(|(_, member)| member).collect())
}

/// What of a project says how it is built, or else who it is.
fn described(pyproject: &Pyproject) -> Option<Location> {
    let backend = pyproject.build_system.as_ref().map(|system| match &system.build_backend {
        Some(backend) => &backend.location,
        None => &system.location,
    });
    backend.or(pyproject.project.as_ref().map(|project| &project.location)).cloned()
}

/// Takes the files of a project from a named context, if there is one of its name.
pub fn replace(members: &mut [Member], is_given: impl Fn(&str) -> bool) {
    for member in members.iter_mut().filter(|member| is_given(&member.name)) {
        let Tree { include, exclude, .. } = std::mem::take(&mut member.tree);
        member.tree = Tree { include, exclude, ..Tree::of_context(&member.name) };
        // What is in there may be built by another backend.
        if let How::Install { direct, .. } = &mut member.how {
            *direct = false;
        }
    }
}

/// How a project is built and installed; `pyproject` as far as it was read.
fn install(inputs: &Inputs<'_>, name: &PackageName, pyproject: Option<&Pyproject>) -> Result<How, Diagnostic> {
    if let Some(pyproject) = pyproject {
        check_build_requirements(inputs, name, pyproject)?;
    }
    let backend = pyproject.map(|pyproject| {
        let backend = pyproject.build_system.as_ref().and_then(|system| system.build_backend.as_ref());
        backend.map_or("setuptools", |backend| backend.as_str()).to_owned()
    });
    let settings = settings::of_project(inputs, name)?;
    let system = pyproject.and_then(|pyproject| pyproject.build_system.as_ref());
    let direct = settings.is_empty() && system.is_some_and(|system| uv::builds_itself(system, &inputs.uv.version));
    Ok(How::Install { backend, direct, secrets: inputs.indexes.build_secrets(true), settings, editable: None })
}

/// The step that builds a project sees nothing of the user's other files, so a build cannot require them.
fn check_build_requirements(inputs: &Inputs<'_>, name: &PackageName, pyproject: &Pyproject) -> Result<(), Diagnostic> {
    let is_local = |required: &PackageName| {
        let own = pyproject.uv.sources.contains_key(required);
        // What the project says itself goes before what the workspace says for all.
        if own { &pyproject.uv } else { &inputs.workspace.uv }.local_sources.contains(required)
    };
    let requires = pyproject.build_system.iter().flat_map(|system| &system.requires);
    match requires.into_iter().find(|dependency| is_local(&dependency.name)) {
        None => Ok(()),
        Some(dependency) => Err(Diagnostic::new(format!(
            "the build of {name} requires {}, which [tool.uv.sources] takes from the workspace or from a path; a build sees \
             no other project's files",
            dependency.name
        ))
        .at_location(Some(dependency.requirement.location.clone()))
        .help(format!("let the build take {} from an index or a git repository", dependency.name))
        .help("or move what the build needs of it into the project (backend-path in [build-system])")),
    }
}

/// For development, a project is imported from its files. They lie in the working directory as they do in the project, or in
/// the workspace.
fn edited(inputs: &Inputs<'_>, mut how: How, tree: &Tree) -> How {
    if let (How::Install { editable, .. }, true, None) =
        (&mut how, inputs.build_target.kind.is_for_development(), &tree.context)
    {
        let workdir = make::workdir(inputs.config);
        *editable = if tree.directory == inputs.directory {
            Some(workdir.to_owned())
        } else {
            place::below(inputs.directory, &tree.directory).map(|path| place::join(workdir, path))
        };
    }
    how
}

/// What the configuration takes and leaves out of the project that the image is of.
fn chosen(inputs: &Inputs<'_>, tree: Tree) -> Tree {
    let include = inputs.config.include.iter().flat_map(|include| &include.value.0);
    let exclude = inputs.config.exclude.iter().flat_map(|exclude| &exclude.value.0);
    Tree {
        include: include.map(|pattern| pattern.value.clone()).collect(),
        exclude: exclude.map(|pattern| pattern.value.clone()).collect(),
        ..tree
    }
}

fn tree(inputs: &Inputs<'_>, name: &str, path: &str, how: &How) -> Tree {
    let Some(directory) = place::within(inputs.directory, path) else {
        return Tree::of_context(name);
    };
    // Nothing else brings the files of a project that is no package, so a copy of what is around it keeps them.
    let kept = |source: &Source, name: &str| {
        *how == How::Copy && matches!(source, Source::Virtual { .. }) && inputs.closure.get(name).is_some()
    };
    let without: BTreeSet<String> = inputs
        .lock
        .packages
        .iter()
        .filter(|package| !kept(&package.source, package.name.as_str()))
        .filter_map(|package| place::within(inputs.directory, package.source.tree_path()?))
        .filter(|other| place::below(&directory, other).is_some())
        .collect();
    Tree { directory, without: without.into_iter().collect(), ..Tree::default() }
}
