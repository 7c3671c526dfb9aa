//! What to install of a lock: whose dependencies, which extras, which dependency groups, and whether packages may be
//! built from source. The words and their meaning are those of `uv sync`.

use std::collections::BTreeMap;

use uv_normalize::{ExtraName, GroupName, PackageName};
use uv_pep440::VersionSpecifiers;

use crate::project::document::Located;
use crate::project::lock::DefaultGroups;

/// What to install.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// Whose dependencies.
    pub root: Root,
    /// Which extras of the roots.
    pub extras: Extras,
    /// Which dependency groups.
    pub groups: Groups,
    /// What may be built from source.
    pub build: BuildPolicy,
}

impl Request {
    /// The options of `uv sync` that install the same.
    pub fn uv_sync(&self) -> Vec<String> {
        fn named<'n>(
            option: &'n str,
            names: impl IntoIterator<Item: ToString> + 'n,
        ) -> impl Iterator<Item = String> + 'n {
            names.into_iter().flat_map(move |name| [option.to_owned(), name.to_string()])
        }
        let mut options: Vec<String> = match &self.root {
            Root::Project => Vec::new(),
            Root::Member(name) => named("--package", [name]).collect(),
            Root::Members(names) => named("--package", names).collect(),
            Root::Workspace => vec!["--all-packages".to_owned()],
        };
        if self.extras.all {
            options.push("--all-extras".to_owned());
        }
        options.extend(named("--extra", &self.extras.include));
        options.extend(named("--no-extra", &self.extras.exclude));
        let Groups { defaults, all, include, exclude, only, .. } = &self.groups;
        let dev = *all || include.iter().any(|group| group.as_str() == "dev");
        match defaults {
            Defaults::Production if !dev => options.push("--no-dev".to_owned()),
            Defaults::Production | Defaults::Development => {}
            Defaults::None => options.push("--no-default-groups".to_owned()),
        }
        if *all {
            options.push("--all-groups".to_owned());
        }
        options.extend(named("--group", include));
        options.extend(named("--no-group", exclude));
        options.extend(named("--only-group", only));
        options
    }
}

/// The projects whose dependencies are installed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Root {
    /// What `uv sync` installs in the lock's directory: the project there; the script's requirements for the lock of a
    /// script; all members when the workspace's root is no project.
    #[default]
    Project,
    /// One member: `uv sync --package <name>`.
    Member(PackageName),
    /// Several members.
    Members(Vec<PackageName>),
    /// All members: `uv sync --all-packages`.
    Workspace,
}

/// Extras of the root projects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extras {
    /// Every extra.
    pub all: bool,
    /// These extras.
    pub include: Vec<ExtraName>,
    /// Not these, whatever else says so.
    pub exclude: Vec<ExtraName>,
}

impl Extras {
    pub(super) fn contains(&self, extra: &ExtraName) -> bool {
        !self.exclude.contains(extra) && (self.all || self.include.contains(extra))
    }
}

/// Dependency groups.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Groups {
    /// What to do with the default groups.
    pub defaults: Defaults,
    /// `tool.uv.default-groups` of the project's `pyproject.toml`. With `None` the lock is asked (it says so since
    /// revision 5), and after that uv's default counts: `["dev"]`.
    pub declared: Option<DefaultGroups>,
    /// `tool.uv.dependency-groups.<name>.requires-python` of each project's `pyproject.toml`, for locks that do not have it
    /// (they do since revision 5). `None` is the workspace's root that is no project.
    pub requires_python: BTreeMap<(Option<PackageName>, GroupName), Located<VersionSpecifiers>>,
    /// Every group.
    pub all: bool,
    /// These groups: `--group`.
    pub include: Vec<GroupName>,
    /// Not these, whatever else says so: `--no-group`.
    pub exclude: Vec<GroupName>,
    /// These groups and nothing else, not even the project: `--only-group`.
    pub only: Vec<GroupName>,
}

/// What to do with the default groups.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Defaults {
    /// The default groups without `dev`: what belongs into an image.
    #[default]
    Production,
    /// All of them, as a plain `uv sync`.
    Development,
    /// None: `--no-default-groups`.
    None,
}

/// Which packages may be built, and which must be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuildPolicy {
    /// Only wheels: `no-build`. Projects of the workspace are exempt.
    pub no_build: bool,
    /// Only wheels for these packages: `no-build-package`.
    pub no_build_packages: Vec<PackageName>,
    /// No wheels: `no-binary`.
    pub no_binary: bool,
    /// No wheels for these packages: `no-binary-package`.
    pub no_binary_packages: Vec<PackageName>,
}

impl BuildPolicy {
    pub(super) fn forbids_build(&self, name: &PackageName) -> bool {
        self.no_build || self.no_build_packages.contains(name)
    }

    pub(super) fn forbids_wheel(&self, name: &PackageName) -> bool {
        self.no_binary || self.no_binary_packages.contains(name)
    }
}
