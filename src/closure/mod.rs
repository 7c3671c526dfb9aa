//! The lock file × one target: exactly the packages that `uv sync --frozen` would install, each with its artifact.
//!
//! The walk is uv's (`installable.rs`): from the roots along the edges whose markers hold, extras and groups included,
//! with a pass before it that finds out which extras are active when the lock declares conflicts. No I/O, no BuildKit.

use std::fmt;

use serde::{Serialize, Serializer};
use uv_normalize::{ExtraName, GroupName, PackageName};
use uv_pep440::Version;

use crate::diagnostic::{Diagnostics, Location};
use crate::project::lock::{Lock, Source};

mod activation;
mod artifact;
mod chain;
mod choice;
mod diagram;
mod explain;
mod markers;
mod pylock;
mod request;
mod roots;
mod target;
mod walk;

pub use self::artifact::{ArchiveFile, Artifact, Tree, WheelFile};
pub use self::pylock::resolve as resolve_pylock;
pub use self::request::{BuildPolicy, Defaults, Extras, Groups, Request, Root};
pub use self::target::{Arch, Libc, Python, Target};

/// What is installed for a request on a target.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Closure {
    /// What it is for.
    pub target: Target,
    /// The packages by name; each name once.
    pub packages: Vec<Locked>,
    /// The dependency groups that are in, by name.
    pub groups: Vec<GroupName>,
}

impl Closure {
    /// The package of a name.
    pub fn get(&self, name: &str) -> Option<&Locked> {
        self.packages
            .binary_search_by(|package| package.name.as_str().cmp(name))
            .ok()
            .and_then(|index| self.packages.get(index))
    }

    /// The packages from outside the project: everything that is no root, no workspace member and no local tree.
    pub fn third_party(&self) -> impl Iterator<Item = &Locked> {
        self.packages.iter().filter(|package| !package.first_party)
    }

    /// The roots, workspace members and local trees.
    pub fn first_party(&self) -> impl Iterator<Item = &Locked> {
        self.packages.iter().filter(|package| package.first_party)
    }
}

/// A package of a closure.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Locked {
    /// The normalised name.
    pub name: PackageName,
    /// The version; source trees with a dynamic version have none.
    pub version: Option<Version>,
    /// Where it comes from.
    pub source: Source,
    /// What is installed.
    pub artifact: Artifact,
    /// Its extras that somebody asked for, by name.
    pub extras: Vec<ExtraName>,
    /// The packages of the closure that it needs, by name.
    pub dependencies: Vec<PackageName>,
    /// Who wants it: the shortest way from a root.
    pub chain: Chain,
    /// Whether it is one of the projects that were asked for.
    pub root: bool,
    /// Whether it is a project of the user's: a root, a workspace member, or a local tree.
    pub first_party: bool,
    /// Its entry in the lock.
    #[serde(skip)]
    pub location: Location,
}

/// The way from a root to a package, both included. Displayed as `app[web] → fastapi → starlette`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Chain(pub Vec<Link>);

/// A package on the way, and the door through which the way goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The package; `None` for the workspace's root that is no project, or for a script.
    pub package: Option<PackageName>,
    /// The extra whose dependency comes next.
    pub extra: Option<ExtraName>,
    /// The dependency group whose dependency comes next.
    pub group: Option<GroupName>,
}

impl Serialize for Chain {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.package {
            Some(package) => write!(f, "{package}")?,
            None => f.write_str("the project")?,
        }
        if let Some(extra) = &self.extra {
            write!(f, "[{extra}]")?;
        }
        if let Some(group) = &self.group {
            write!(f, " (group {group})")?;
        }
        Ok(())
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, link) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(" → ")?;
            }
            link.fmt(f)?;
        }
        Ok(())
    }
}

/// Resolves a request on a target.
///
/// # Errors
/// Diagnostics with lines of the lock: a target that the lock is not for, an extra, group or member that does not
/// exist, declared conflicts, and packages that have no file for the target (all of them, not only the first).
pub fn resolve(lock: &Lock, request: &Request, target: &Target) -> Result<Closure, Diagnostics> {
    let environment = markers::Environment::new(lock, target)?;
    let roots = roots::select(lock, request, target)?;
    let walked = walk::walk(lock, request, &roots, &environment)?;
    choice::choose(lock, request, target, &roots, &walked)
}
