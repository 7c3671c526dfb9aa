//! What says which packages are installed: `uv.lock` (of a project or of a script), `pylock.toml`, or `requirements.txt`; and
//! what becomes of each on a target.

use std::collections::BTreeSet;

use uv_normalize::PackageName;

use super::resolved::{self, Resolved};
use crate::closure::{self, Closure, Request, Target};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lint::Finding;
use crate::lint::rules::{IGNORED_REQUIREMENT_OPTION, MISSING_LOCK};
use crate::project::lock::Lock;
use crate::project::pylock::Pylock;
use crate::project::requirements::Requirements;

/// What says which packages are installed.
#[derive(Debug, Clone)]
pub enum Input {
    /// uv's own lock.
    Lock,
    /// The lock of PEP 751.
    Pylock(Pylock),
    /// Requirements, pinned or not.
    Requirements(Requirements),
}

/// What is installed on a target.
#[derive(Debug, Clone)]
pub struct Installed {
    /// Packages whose files are known.
    pub closure: Closure,
    /// What uv resolves and installs, where there is no lock.
    pub resolved: Option<Resolved>,
    /// The names of packages from outside the project, as far as they are known.
    pub names: BTreeSet<PackageName>,
    /// What the user should know.
    pub findings: Vec<Finding>,
}

impl Input {
    /// Resolves a request on a target. `lock` is the lock, or what stands for it.
    ///
    /// # Errors
    /// Those of [`closure::resolve`], [`closure::resolve_pylock`] and [`resolved::select`].
    pub fn resolve(&self, lock: &Lock, request: &Request, target: &Target) -> Result<Installed, Diagnostics> {
        let closure = match self {
            Self::Lock => closure::resolve(lock, request, target)?,
            Self::Pylock(pylock) => closure::resolve_pylock(pylock, request, target)?,
            Self::Requirements(requirements) => return requirements_on(requirements, target),
        };
        let names = closure.third_party().map(|package| package.name.clone()).collect();
        Ok(Installed { closure, resolved: None, names, findings: Vec::new() })
    }
}

fn requirements_on(requirements: &Requirements, target: &Target) -> Result<Installed, Diagnostics> {
    let selected = resolved::select(requirements, target)?;
    let ignored = requirements.ignored.iter().map(|option| {
        let diagnostic = Diagnostic::new(format!("{option} is ignored, as uv ignores it"));
        IGNORED_REQUIREMENT_OPTION
            .finding(diagnostic.at_location(Some(option.location.clone())).help("remove the line"))
    });
    let unlocked = selected.warning().map(|warning| MISSING_LOCK.finding(warning));
    Ok(Installed {
        closure: Closure { target: target.clone(), packages: Vec::new(), groups: Vec::new() },
        resolved: selected.resolved(),
        names: selected.names().cloned().collect(),
        findings: unlocked.into_iter().chain(ignored).collect(),
    })
}
