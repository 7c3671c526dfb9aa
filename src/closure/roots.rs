//! Where the walk begins: the projects that a request means, and which extras and dependency groups of theirs are in.
//! Names that do not exist are refused here, with the nearest one that does.

use std::collections::BTreeSet;

use uv_normalize::{ExtraName, GroupName, PackageName};
use uv_pep440::VersionSpecifiers;

use super::{Defaults, Request, Root, Target};
use crate::diagnostic::{Diagnostic, Diagnostics, nearest};
use crate::project::lock::{DefaultGroups, Lock, Package};

/// The first revision of a lock that says which Python a dependency group needs.
const GROUPS_HAVE_PYTHON: u32 = 5;

/// The beginning of a walk.
pub(super) struct Roots<'l> {
    /// The projects, as indices of packages, sorted by name.
    pub(super) projects: Vec<usize>,
    /// The workspace's root, when only its groups are wanted: a member was asked for, and a group that it does not
    /// have itself.
    pub(super) group_root: Option<usize>,
    /// Whether the projects and their dependencies are in (not only groups).
    pub(super) production: bool,
    /// Whether the request means all members there are, rather than some by name.
    pub(super) whole_workspace: bool,
    /// The one project that was asked for.
    selected: Option<&'l Package>,
    default_groups: DefaultGroups,
}

impl Roots<'_> {
    /// Whether a group of a package is in; `None` is the workspace's root that is no project.
    pub(super) fn includes_group(&self, request: &Request, package: Option<&PackageName>, group: &GroupName) -> bool {
        let because_default = self.is_default(request, group);
        if !wanted(request, group) && !because_default {
            return false;
        }
        let Some(selected) = self.selected else { return true };
        if package == Some(&selected.name) {
            return true;
        }
        // The root's groups go to a member only when asked for by name, and not when the member has its own.
        wanted(request, group) && !selected.groups().contains(&group)
    }

    fn is_default(&self, request: &Request, group: &GroupName) -> bool {
        let groups = &request.groups;
        if !groups.only.is_empty() || groups.exclude.contains(group) {
            return false;
        }
        let listed = match &self.default_groups {
            DefaultGroups::All => true,
            DefaultGroups::List(list) => list.contains(group),
        };
        match groups.defaults {
            Defaults::None => false,
            Defaults::Development => listed,
            Defaults::Production => listed && group.as_str() != "dev",
        }
    }

    /// Whether a group is in, wherever it is defined.
    pub(super) fn any_group(&self, request: &Request, group: &GroupName) -> bool {
        wanted(request, group) || self.is_default(request, group)
    }

    /// All groups that are in.
    pub(super) fn active_groups(&self, lock: &Lock, request: &Request) -> Vec<GroupName> {
        let mut active = BTreeSet::new();
        for index in self.projects.iter().chain(&self.group_root) {
            let package = &lock.packages[*index];
            active.extend(
                package.groups().into_iter().filter(|group| self.includes_group(request, Some(&package.name), group)),
            );
        }
        let manifest = lock.manifest.dependency_groups.keys();
        active.extend(manifest.filter(|group| self.includes_group(request, None, group)));
        active.into_iter().cloned().collect()
    }
}

/// Whether a group was asked for by name (or by "all").
fn wanted(request: &Request, group: &GroupName) -> bool {
    let groups = &request.groups;
    !groups.exclude.contains(group) && (groups.all || groups.include.contains(group) || groups.only.contains(group))
}

/// Finds the roots of a request.
pub(super) fn select<'l>(lock: &'l Lock, request: &Request, target: &Target) -> Result<Roots<'l>, Diagnostics> {
    let mut selected = None;
    let mut projects = Vec::new();
    match &request.root {
        Root::Project => {
            if let Some(root) = lock.root() {
                projects.push(index_of(lock, &root.name)?);
                selected = Some(root);
            } else if !lock.manifest.members.is_empty() {
                projects = all_members(lock)?;
            } else if !is_script(lock) && !lock.packages.is_empty() {
                return Err(Diagnostic::new("the lock has no project at its root, no members and no requirements")
                    .at(&lock.file, 0..0)
                    .help("run `uv lock` in the project's directory")
                    .into());
            }
        }
        Root::Member(name) => {
            let index = member(lock, name)?;
            projects.push(index);
            selected = Some(&lock.packages[index]);
        }
        Root::Members(names) => {
            projects = names.iter().map(|name| member(lock, name)).collect::<Result<_, _>>()?;
        }
        Root::Workspace => projects = all_members(lock)?,
    }
    projects.sort_by(|left, right| lock.packages[*left].name.cmp(&lock.packages[*right].name));
    projects.dedup();

    let default_groups = default_groups(lock, request, selected.or_else(|| lock.root()));
    let mut roots = Roots {
        projects,
        group_root: None,
        whole_workspace: selected.is_none() && !matches!(request.root, Root::Members(_)),
        production: request.groups.only.is_empty(),
        selected,
        default_groups,
    };
    if let (Some(selected), Some(root)) = (selected, lock.root())
        && selected.name != root.name
        && root.groups().into_iter().any(|group| roots.includes_group(request, Some(&root.name), group))
    {
        roots.group_root = Some(index_of(lock, &root.name)?);
    }

    let mut problems = Vec::new();
    check_extras(lock, request, &roots, &mut problems);
    check_groups(lock, request, &roots, &mut problems);
    check_group_python(lock, request, &roots, target, &mut problems);
    Diagnostics::into_result(problems)?;
    Ok(roots)
}

fn is_script(lock: &Lock) -> bool {
    !lock.manifest.requirements.is_empty() || !lock.manifest.dependency_groups.is_empty()
}

fn index_of(lock: &Lock, name: &PackageName) -> Result<usize, Diagnostic> {
    let mut found = lock.packages.iter().enumerate().filter(|(_, package)| package.name == *name);
    let Some((index, package)) = found.next() else {
        return Err(Diagnostic::new(format!("the project {name} is not in the lock"))
            .at(&lock.file, 0..0)
            .help("run `uv lock` to bring the lock file up to date"));
    };
    if found.next().is_some() {
        return Err(Diagnostic::new(format!("there is more than one package named {name} in the lock"))
            .at(&lock.file, package.range.clone())
            .help("run `uv lock` to write the lock file anew"));
    }
    Ok(index)
}

fn member(lock: &Lock, name: &PackageName) -> Result<usize, Diagnostic> {
    let members = lock.members();
    if members.contains(&name) {
        return index_of(lock, name);
    }
    let known = members.iter().map(|member| member.as_str());
    let mut diagnostic = Diagnostic::new(format!("the workspace has no member {name}"));
    diagnostic = match nearest(name.as_str(), known.clone()) {
        Some(near) => diagnostic.help(format!("did you mean {near}?")),
        None => diagnostic.help("name one of the members"),
    };
    Err(diagnostic.note(format!("members in {}: {}", lock.file.name(), known.collect::<Vec<_>>().join(", "))))
}

fn all_members(lock: &Lock) -> Result<Vec<usize>, Diagnostic> {
    lock.members().into_iter().map(|name| index_of(lock, name)).collect()
}

fn default_groups(lock: &Lock, request: &Request, project: Option<&Package>) -> DefaultGroups {
    let locked = match project {
        Some(project) => project.default_groups.as_ref(),
        None => lock.manifest.default_groups.as_ref(),
    };
    request
        .groups
        .declared
        .as_ref()
        .or(locked)
        .cloned()
        .unwrap_or_else(|| DefaultGroups::List("dev".parse().into_iter().collect()))
}

fn check_extras(lock: &Lock, request: &Request, roots: &Roots<'_>, problems: &mut Vec<Diagnostic>) {
    let known: BTreeSet<&str> =
        roots.projects.iter().flat_map(|index| lock.packages[*index].extras()).map(ExtraName::as_str).collect();
    for extra in request.extras.include.iter().chain(&request.extras.exclude) {
        if !known.contains(extra.as_str()) {
            problems.push(unknown("extra", extra.as_str(), &known, lock, roots));
        }
    }
}

fn check_groups(lock: &Lock, request: &Request, roots: &Roots<'_>, problems: &mut Vec<Diagnostic>) {
    let root = lock.root().filter(|_| roots.selected.is_some());
    let known: BTreeSet<&str> = roots
        .projects
        .iter()
        .map(|index| &lock.packages[*index])
        .chain(root)
        .flat_map(Package::groups)
        .chain(lock.manifest.dependency_groups.keys())
        .map(GroupName::as_str)
        .collect();
    let groups = &request.groups;
    // `dev` may be excluded everywhere, like `--no-dev`.
    let excluded = groups.exclude.iter().filter(|group| group.as_str() != "dev");
    for group in groups.include.iter().chain(&groups.only).chain(excluded) {
        if !known.contains(group.as_str()) {
            problems.push(unknown("dependency group", group.as_str(), &known, lock, roots));
        }
    }
}

fn unknown(what: &str, name: &str, known: &BTreeSet<&str>, lock: &Lock, roots: &Roots<'_>) -> Diagnostic {
    let owner = match roots.projects.as_slice() {
        [] => "a script".to_owned(),
        [index] => lock.packages[*index].name.to_string(),
        [..] => "the workspace".to_owned(),
    };
    let diagnostic = Diagnostic::new(format!("{owner} has no {what} {name}"));
    if known.is_empty() {
        return diagnostic
            .note(format!("{} knows no {what}s of it", lock.file.name()))
            .help(format!("add it to pyproject.toml and run `uv lock`, or ask for no {what}"));
    }
    let all = known.iter().copied().collect::<Vec<_>>().join(", ");
    let diagnostic = diagnostic.note(format!("{what}s in {}: {all}", lock.file.name()));
    match nearest(name, known.iter().copied()) {
        Some(near) => diagnostic.help(format!("did you mean {near}?")),
        None => diagnostic.help("name one of these, or add it to pyproject.toml and run `uv lock`"),
    }
}

/// A group may ask for a newer Python than the project (`tool.uv.dependency-groups.<name>.requires-python`).
fn check_group_python(
    lock: &Lock,
    request: &Request,
    roots: &Roots<'_>,
    target: &Target,
    problems: &mut Vec<Diagnostic>,
) {
    let version = target.python.version().only_release();
    let projects = roots.projects.iter().chain(&roots.group_root).map(|index| &lock.packages[*index]);
    let of_projects = projects.flat_map(|package| {
        let place = package.range.clone();
        package.group_requires_python.iter().map(move |entry| (Some(&package.name), place.clone(), entry))
    });
    let of_manifest = lock.manifest.group_requires_python.iter().map(|entry| (None, 0..0, entry));
    let problem = |group: &GroupName, specifiers: &VersionSpecifiers| {
        Diagnostic::new(format!(
            "the dependency group {group} needs Python {specifiers}, but the image has Python {}",
            target.python.version()
        ))
        .help(format!("choose another Python, or leave the group {group} out"))
    };
    for (package, place, (group, specifiers)) in of_projects.chain(of_manifest) {
        if roots.includes_group(request, package, group) && !specifiers.contains(&version) {
            problems.push(problem(group, specifiers).at(&lock.file, place));
        }
    }
    if lock.revision >= GROUPS_HAVE_PYTHON {
        return;
    }
    // What older locks leave to `pyproject.toml`.
    let names: Vec<&PackageName> =
        roots.projects.iter().chain(&roots.group_root).map(|index| &lock.packages[*index].name).collect();
    for ((project, group), specifiers) in &request.groups.requires_python {
        let project = project.as_ref();
        if project.is_some_and(|project| !names.contains(&project)) {
            continue;
        }
        if roots.includes_group(request, project, group) && !specifiers.value.contains(&version) {
            problems.push(problem(group, &specifiers.value).at_location(Some(specifiers.location.clone())));
        }
    }
}
