//! `pylock.toml` × one target, by the rules of PEP 751 ("Installation"): the file must be for the target, every package
//! whose marker holds is installed, and of each name there may be one. There are no edges to walk. The files are chosen as
//! for `uv.lock`.

use uv_normalize::{ExtraName, GroupName};
use uv_pep440::VersionSpecifiers;
use uv_pep508::MarkerEnvironment;

use super::{Chain, Closure, Defaults, Link, Locked, Request, Target, choice, explain};
use crate::diagnostic::{Diagnostic, Diagnostics, nearest};
use crate::project::document::Located;
use crate::project::lock::Expression;
use crate::project::pylock::{Entry, Pylock};

/// Resolves a request on a target.
///
/// # Errors
/// Diagnostics with lines of the file: a target that it is not for, an extra or group that it does not have, two packages
/// of one name, and packages that have no file for the target.
pub fn resolve(lock: &Pylock, request: &Request, target: &Target) -> Result<Closure, Diagnostics> {
    let selection = Selection::new(lock, request, target)?;
    check_target(lock, &selection, target)?;
    let tags = target.tags()?;
    let mut packages: Vec<Locked> = Vec::new();
    let mut problems = Vec::new();
    for entry in &lock.packages {
        if !entry.marker.as_ref().is_none_or(|marker| selection.holds(&marker.value)) {
            continue;
        }
        if let Some(problem) = wrong_python(entry.requires_python.as_ref(), entry.package.name.as_str(), target) {
            problems.push(problem);
            continue;
        }
        if let Some(other) = packages.iter().find(|other| other.name == entry.package.name) {
            problems.push(twice(lock, entry, other, target));
            continue;
        }
        let first_party = entry.package.source.is_source_tree();
        let chain = Chain(vec![
            Link { package: None, extra: None, group: None },
            Link { package: Some(entry.package.name.clone()), extra: None, group: None },
        ]);
        match choice::artifact(&entry.package, request, first_party, &tags) {
            Ok(artifact) => packages.push(Locked {
                name: entry.package.name.clone(),
                version: entry.package.version.clone(),
                source: entry.package.source.clone(),
                artifact,
                extras: Vec::new(),
                dependencies: Vec::new(),
                chain,
                root: entry.package.source.tree_path() == Some("."),
                first_party,
                location: location(lock, entry),
            }),
            Err(missing) => problems.push(explain::no_artifact(&lock.file, &entry.package, target, &missing, &chain)),
        }
    }
    Diagnostics::into_result(problems)?;
    packages.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(Closure { target: target.clone(), packages, groups: selection.groups })
}

fn location(lock: &Pylock, entry: &Entry) -> crate::diagnostic::Location {
    crate::diagnostic::Location::new(&lock.file, entry.package.range.clone())
}

/// What markers are evaluated with.
struct Selection {
    values: MarkerEnvironment,
    extras: Vec<ExtraName>,
    groups: Vec<GroupName>,
}

impl Selection {
    fn new(lock: &Pylock, request: &Request, target: &Target) -> Result<Self, Diagnostics> {
        let mut problems = Vec::new();
        for extra in &request.extras.include {
            if !lock.extras.contains(extra) {
                let known = lock.extras.iter().map(ExtraName::as_str);
                problems.push(unknown(lock, "extra", "extras", extra.as_str(), known.collect()));
            }
        }
        for group in request.groups.include.iter().chain(&request.groups.only) {
            if !lock.dependency_groups.contains(group) {
                let known = lock.dependency_groups.iter().map(GroupName::as_str);
                problems.push(unknown(lock, "dependency group", "dependency-groups", group.as_str(), known.collect()));
            }
        }
        Diagnostics::into_result(problems)?;
        let extras = lock.extras.iter().filter(|extra| request.extras.contains(extra)).cloned().collect();
        let mut groups: Vec<GroupName> = lock
            .dependency_groups
            .iter()
            .chain(&lock.default_groups)
            .filter(|group| wants(lock, request, group))
            .cloned()
            .collect();
        groups.sort_unstable();
        groups.dedup();
        Ok(Self { values: target.markers()?, extras, groups })
    }

    fn holds(&self, expression: &Expression) -> bool {
        match expression {
            Expression::Comparison(comparison) => {
                comparison.tree.evaluate_pep751(&self.values, &self.extras, &self.groups)
            }
            Expression::All(list) => list.iter().all(|part| self.holds(part)),
            Expression::Any(list) => list.iter().any(|part| self.holds(part)),
        }
    }
}

fn wants(lock: &Pylock, request: &Request, group: &GroupName) -> bool {
    let groups = &request.groups;
    if groups.exclude.contains(group) {
        return false;
    }
    let default = match groups.defaults {
        Defaults::None => false,
        Defaults::Development => lock.default_groups.contains(group),
        Defaults::Production => lock.default_groups.contains(group) && group.as_str() != "dev",
    };
    groups.all || groups.include.contains(group) || groups.only.contains(group) || (default && groups.only.is_empty())
}

fn unknown(lock: &Pylock, what: &str, key: &str, name: &str, known: Vec<&str>) -> Diagnostic {
    let diagnostic = Diagnostic::new(format!("{} has no {what} {name}", lock.file.name())).at(&lock.file, 0..0);
    if known.is_empty() {
        return diagnostic
            .note(format!("it has no {key} at all: what it installs was decided when it was written"))
            .help(format!(
                "write it with the {what} in it, and take the name out of the configuration; or use uv.lock"
            ));
    }
    let diagnostic = diagnostic.note(format!("{key} has: {}", known.join(", ")));
    match nearest(name, known) {
        Some(near) => diagnostic.help(format!("did you mean {near}?")),
        None => diagnostic.help("name one of these"),
    }
}

fn check_target(lock: &Pylock, selection: &Selection, target: &Target) -> Result<(), Diagnostic> {
    if let Some(problem) = wrong_python(lock.requires_python.as_ref(), lock.file.name(), target) {
        return Err(problem);
    }
    let Some(first) = lock.environments.first() else { return Ok(()) };
    if lock.environments.iter().any(|environment| selection.holds(&environment.value)) {
        return Ok(());
    }
    Err(Diagnostic::new(format!("{} is not for {target}", lock.file.name()))
        .at_location(Some(first.location.clone()))
        .note("none of its environments holds there")
        .help("write the file anew with this environment in it"))
}

fn wrong_python(wanted: Option<&Located<VersionSpecifiers>>, whose: &str, target: &Target) -> Option<Diagnostic> {
    let wanted = wanted?;
    if wanted.contains(&target.python.version().only_release()) {
        return None;
    }
    Some(
        Diagnostic::new(format!(
            "{whose} is for Python {}, but the image has Python {}",
            wanted.value,
            target.python.version()
        ))
        .at_location(Some(wanted.location.clone()))
        .help("choose a Python that fits (`.python-version`, or python in [tool.pyfront])"),
    )
}

fn twice(lock: &Pylock, entry: &Entry, other: &Locked, target: &Target) -> Diagnostic {
    Diagnostic::new(format!("two packages named {} would be installed for {target}", other.name))
        .at_location(Some(location(lock, entry)))
        .note(format!("the other one is at {}", other.location))
        .help("write the file anew: of each name, one marker may hold")
}
