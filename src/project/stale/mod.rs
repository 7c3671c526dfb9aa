//! Whether `uv.lock` still fits `pyproject.toml`, which is what `uv lock --check` asks, without network and without uv:
//! the project's name and version, `requires-python`, requirements, extras and groups are compared with what the lock
//! has recorded of them (`[package.metadata]`). The rules are those of uv's `Lock::satisfies`
//! (crates/uv-resolver/src/lock/mod.rs), with one difference: where the files do not say enough, the lock is not stale.
//! A mistake in the other direction would stop a build that is right.

mod members;
mod requirement;

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use uv_normalize::{DEV_DEPENDENCIES, ExtraName, GroupName, PackageName};
use uv_pep440::Version;

use crate::diagnostic::{Diagnostic, Diagnostics, Location};
use crate::project::document::quoted;
use crate::project::lock::{Lock, Metadata, Package, Requirement};
use crate::project::pyproject::{Dependency, Project, Pyproject};

pub use members::{NewMember, check_members, check_new_members, is_excluded, member_patterns, name_matches};
use requirement::{Freedom, Locked, Place, Pythons, Wanted};

/// What to do about it.
const HELP: &str = "run `uv lock`, and commit the uv.lock that it writes";
/// More differences than this say nothing new.
const MAX_PROBLEMS: usize = 10;
/// From this revision on the lock lists extras, and groups without requirements.
const LISTS_EXTRAS: u32 = 1;
/// From this revision on a lock may have no metadata, on purpose.
const MAY_OMIT_METADATA: u32 = 4;
/// Backends that write requirements into the metadata as the project has them.
const FAITHFUL_BACKENDS: &[&str] = &[
    "flit_core.buildapi",
    "hatchling.build",
    "maturin",
    "pdm.backend",
    "scikit_build_core.build",
    "setuptools.build_meta",
    "uv_build",
];

/// Compares a project with its lock.
///
/// # Errors
/// What `pyproject.toml` has and the lock does not know, or the other way round: at most ten differences, each with its
/// place in `pyproject.toml`.
pub fn check(pyproject: &Pyproject, lock: &Lock) -> Result<(), Diagnostics> {
    check_tree(pyproject, lock, None)
}

/// Compares the project file of a workspace's member with the lock. `root` is the file of the workspace's root, whose
/// settings hold for its members.
///
/// # Errors
/// The same.
pub fn check_member(
    name: &PackageName,
    pyproject: &Pyproject,
    root: &Pyproject,
    lock: &Lock,
) -> Result<(), Diagnostics> {
    let package = lock.packages_named(name).find(|package| package.source.is_source_tree());
    package.map_or(Ok(()), |package| check_tree(pyproject, lock, Some((package, root))))
}

/// All that was found in several files.
///
/// # Errors
/// What any of them has: at most ten differences.
pub fn all(checked: impl IntoIterator<Item = Result<(), Diagnostics>>) -> Result<(), Diagnostics> {
    let problems = checked.into_iter().filter_map(Result::err);
    let mut all: Vec<Diagnostic> = problems.flat_map(|problems| problems.iter().cloned().collect::<Vec<_>>()).collect();
    all.truncate(MAX_PROBLEMS);
    Diagnostics::into_result(all)
}

/// Compares a project file with the lock: with what it has of a `member`, or of the project at its root.
fn check_tree<'c>(
    pyproject: &'c Pyproject,
    lock: &'c Lock,
    member: Option<(&'c Package, &'c Pyproject)>,
) -> Result<(), Diagnostics> {
    let root = member.map_or(pyproject, |(_, root)| root);
    if root.uv.managed.as_ref().is_some_and(|managed| !managed.value) {
        return Ok(());
    }
    let mut check = Check { pyproject, root, lock, pythons: Pythons::of(&lock.requires_python), problems: Vec::new() };
    match (&pyproject.project, member) {
        (Some(project), Some((package, _))) => check.package(project, package),
        (None, Some(_)) => {}
        (Some(project), None) => check.project(project),
        (None, None) => check.groups(&lock.manifest.dependency_groups, true),
    }
    finish(check.problems, HELP)
}

/// Compares a script's metadata with the script's lock.
///
/// # Errors
/// As [`check`], with places in the script.
pub fn check_script(script: &Pyproject, lock: &Lock) -> Result<(), Diagnostics> {
    let pythons = Pythons::of(&lock.requires_python);
    let mut check = Check { pyproject: script, root: script, lock, pythons, problems: Vec::new() };
    if let Some(project) = &script.project {
        check.script(project);
    }
    let name = script.file.name();
    finish(check.problems, &format!("run `uv lock --script {name}`, and commit the {name}.lock that it writes"))
}

fn finish(mut problems: Vec<Diagnostic>, help: &str) -> Result<(), Diagnostics> {
    problems.sort_by_key(|problem| problem.location().map(|location| location.range.start));
    let more = problems.len().saturating_sub(MAX_PROBLEMS);
    problems.truncate(MAX_PROBLEMS);
    if let Some(last) = problems.pop() {
        problems.push(if more > 0 { last.note(format!("there are {more} more differences")) } else { last });
    }
    Diagnostics::into_result(problems.into_iter().map(|problem| problem.help(help)).collect())
}

struct Check<'c> {
    pyproject: &'c Pyproject,
    /// That of the workspace's root; else the same.
    root: &'c Pyproject,
    lock: &'c Lock,
    pythons: Option<Pythons>,
    problems: Vec<Diagnostic>,
}

/// How far the requirements in the lock can be compared with those of `pyproject.toml`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trust {
    /// Word for word.
    All,
    /// The lock has what the build backend made of them; only the names are sure.
    Names,
    /// Not at all.
    Nothing,
}

impl<'c> Check<'c> {
    fn problem(&mut self, message: String, location: Option<&Location>, note: String) {
        self.problems.push(Diagnostic::new(message).at_location(location.cloned()).note(note));
    }

    fn project(&mut self, project: &'c Project) {
        let lock = self.lock;
        let Some(root) = lock.packages.iter().find(|package| package.source.tree_path() == Some(".")) else {
            // The lock of a project further up has it among its members; whether that fits is not ours to say.
            let member = lock.packages_named(&project.name).any(|package| package.source.is_source_tree());
            if !member {
                self.problem(
                    format!("uv.lock does not know the project {}", quoted(project.name.as_str())),
                    Some(&project.name.location),
                    "it has no project in this directory".to_owned(),
                );
            }
            return;
        };
        if !lock.manifest.members.is_empty() && self.pyproject.uv.workspace.is_none() {
            let members: Vec<&str> = lock.manifest.members.iter().map(PackageName::as_str).collect();
            self.problem(
                "uv.lock is of a workspace, and there is no [tool.uv.workspace]".to_owned(),
                Some(&project.location),
                format!("its members are {}", quoted(&members.join(", "))),
            );
        }
        self.package(project, root);
    }

    /// A project, wherever it is.
    fn package(&mut self, project: &'c Project, root: &'c Package) {
        let lock = self.lock;
        if root.name != project.name.value {
            self.problem(
                format!("uv.lock does not know the project {}", quoted(project.name.as_str())),
                Some(&project.name.location),
                format!("it has {} in this directory", quoted(root.name.as_str())),
            );
            return;
        }
        self.version(project, root);
        self.requires_python(project, root);
        if !root.metadata.present && lock.revision >= MAY_OMIT_METADATA {
            // The lock of a project without requirements looks the same as one without metadata.
            self.presence(project);
            return;
        }
        if root.metadata.present || lock.revision >= LISTS_EXTRAS {
            let unknown = self.extras(project, &root.metadata);
            self.requirements(project, &root.metadata, &unknown);
            self.groups(&root.metadata.requires_dev, false);
        }
    }

    fn version(&mut self, project: &Project, root: &Package) {
        let (Some(written), Some(locked)) = (&project.version, &root.version) else { return };
        let Ok(version) = Version::from_str(written) else { return };
        if version != *locked && !project.dynamic.contains("version") {
            self.problem(
                format!("uv.lock does not know version {} of the project", quoted(written)),
                Some(&written.location),
                format!("it has version {locked}"),
            );
        }
    }

    fn requires_python(&mut self, project: &Project, root: &Package) {
        if project.dynamic.contains("requires-python") {
            return;
        }
        // Others may have narrowed what the lock is for: members of the workspace, or groups.
        let alone = self.lock.manifest.members.is_empty()
            && root.group_requires_python.is_empty()
            && !self.pyproject.uv.group_settings;
        self.compare_pythons(project, alone);
    }

    /// Compares `requires-python`: with that of the whole lock, or with a lock that may be for fewer versions.
    fn compare_pythons(&mut self, project: &Project, alone: bool) {
        let Some(requires) = &project.requires_python else { return };
        let (Some(ours), Some(locked)) = (Pythons::of(&requires.specifiers), &self.pythons) else { return };
        let fits = if alone { *locked == ours } else { locked.within(&ours) };
        if !fits {
            self.problem(
                format!("{} does not know requires-python = {}", self.lock.file.name(), quoted(&requires.text)),
                Some(&requires.location),
                format!("it is for {}", quoted(&self.lock.requires_python.to_string())),
            );
        }
    }

    /// Compares what a script asks for.
    fn script(&mut self, project: &'c Project) {
        self.compare_pythons(project, true);
        let lock = self.lock;
        let wanted: Vec<Wanted<'c>> =
            project.dependencies.iter().map(|dependency| self.wanted(dependency, Place::Dependencies)).collect();
        let locked = self.locked(&lock.manifest.requirements, None);
        self.compare(&wanted, &locked);
    }

    /// Compares the names of extras, and returns those that the lock does not know.
    fn extras(&mut self, project: &Project, metadata: &Metadata) -> BTreeSet<ExtraName> {
        let dynamic = project.dynamic.contains("optional-dependencies") || self.trust(project) == Trust::Nothing;
        if dynamic || self.lock.revision < LISTS_EXTRAS {
            return BTreeSet::new();
        }
        let locked: BTreeSet<&ExtraName> = metadata.provides_extras.iter().flatten().collect();
        let mut unknown = BTreeSet::new();
        let known = names(locked.iter().map(|extra| extra.as_str()), "extras");
        for extra in project.optional_dependencies.keys().filter(|extra| !locked.contains(extra)) {
            self.problem(
                format!("uv.lock does not know the extra {}", quoted(extra.as_str())),
                project.extra_locations.get(extra),
                known.clone(),
            );
            unknown.insert(extra.clone());
        }
        for extra in locked.into_iter().filter(|extra| !project.optional_dependencies.contains_key(*extra)) {
            let place = project.optional_dependencies_location.as_ref().unwrap_or(&project.location);
            self.problem(
                format!("uv.lock still has the extra {}", quoted(extra.as_str())),
                Some(place),
                "pyproject.toml does not have it".to_owned(),
            );
            unknown.insert(extra.clone());
        }
        unknown
    }

    fn trust(&self, project: &Project) -> Trust {
        let dynamic = |field: &str| project.dynamic.contains(field);
        if dynamic("dependencies") || dynamic("optional-dependencies") {
            return Trust::Nothing;
        }
        if !dynamic("version") && !dynamic("requires-python") {
            return Trust::All;
        }
        // uv asked the build backend. Some rewrite requirements, and some resolve extras that name extras of the project.
        let backend = self.pyproject.build_system.as_ref().and_then(|build| build.build_backend.as_ref());
        let faithful = backend.is_none_or(|backend| FAITHFUL_BACKENDS.contains(&backend.as_str()));
        let mut all = project.dependencies.iter().chain(project.optional_dependencies.values().flatten());
        let itself = all.any(|dependency| dependency.name == project.name.value);
        if faithful && !itself { Trust::All } else { Trust::Names }
    }

    fn requirements(&mut self, project: &'c Project, metadata: &'c Metadata, unknown: &BTreeSet<ExtraName>) {
        let mut wanted: Vec<Wanted<'c>> =
            project.dependencies.iter().map(|dependency| self.wanted(dependency, Place::Dependencies)).collect();
        for (extra, dependencies) in &project.optional_dependencies {
            wanted.extend(dependencies.iter().map(|dependency| self.wanted(dependency, Place::Extra(extra.clone()))));
        }
        let locked = self.locked(&metadata.requires_dist, None);
        let trust = self.trust(project);
        if trust == Trust::Nothing {
            return;
        }
        let fits = |wanted: &Wanted<'_>, locked: &Locked<'_>| match trust {
            Trust::Names => *wanted.name() == locked.requirement.name,
            _ => wanted.fits(locked),
        };
        // Backends resolve names of the project itself.
        let skipped = |name: &PackageName, place: &Place| {
            (trust == Trust::Names && *name == project.name.value)
                || matches!(place, Place::Extra(extra) if unknown.contains(extra))
        };
        let missing: Vec<&Wanted<'_>> = wanted
            .iter()
            .filter(|wanted| {
                !wanted.may_be_absent()
                    && !skipped(wanted.name(), &wanted.place)
                    && !locked.iter().any(|locked| fits(wanted, locked))
            })
            .collect();
        let left: Vec<&Locked<'_>> = locked
            .iter()
            .filter(|locked| {
                !skipped(&locked.requirement.name, &locked.place) && !wanted.iter().any(|wanted| fits(wanted, locked))
            })
            .collect();
        self.report(&missing, &left);
    }

    fn wanted(&self, dependency: &'c Dependency, place: Place) -> Wanted<'c> {
        let uv = &self.pyproject.uv;
        let sourced = uv.sources.contains_key(&dependency.name) || self.root.uv.sources.contains_key(&dependency.name);
        let narrowed = sourced || (uv.group_settings && matches!(place, Place::Group(_)));
        Wanted::new(dependency, place, Freedom { sourced, narrowed }, self.pythons.as_ref())
    }

    fn locked(&self, requirements: &'c [Requirement], group: Option<&GroupName>) -> Vec<Locked<'c>> {
        requirements.iter().map(|requirement| Locked::new(requirement, group, self.pythons.as_ref())).collect()
    }

    /// Compares the groups. Those of a root that is no project are in the lock only when they have requirements.
    fn groups(&mut self, locked: &'c BTreeMap<GroupName, Vec<Requirement>>, projectless: bool) {
        let lists_all = self.lock.revision >= LISTS_EXTRAS;
        let pyproject = self.pyproject;
        let mut names: BTreeSet<&GroupName> = pyproject.dependency_groups.keys().collect();
        if pyproject.uv.dev_dependencies.is_some() {
            names.insert(&DEV_DEPENDENCIES);
        }
        let known = self::names(locked.keys().map(GroupName::as_str), "groups");
        for name in &names {
            // A group that includes what is not there is none that uv could have locked.
            let Some(dependencies) = flatten(pyproject, name) else { continue };
            match locked.get(*name) {
                Some(requirements) => self.group(name, &dependencies, requirements),
                None if !lists_all || (dependencies.is_empty() && (projectless || **name == *DEV_DEPENDENCIES)) => {}
                None => {
                    let place = pyproject.dependency_groups.get(*name).map(|group| &group.location);
                    let first = dependencies.first().map(|dependency| &dependency.requirement.location);
                    self.problem(
                        format!("uv.lock does not know the dependency group {}", quoted(name.as_str())),
                        place.or(first),
                        known.clone(),
                    );
                }
            }
        }
        for (name, requirements) in locked.iter().filter(|(name, _)| !names.contains(name)) {
            if requirements.is_empty() && (projectless || !lists_all || *name == *DEV_DEPENDENCIES) {
                continue;
            }
            let project = pyproject.project.as_ref().map(|project| &project.location);
            let place = pyproject.dependency_groups_location.as_ref().or(project).cloned();
            let place = place.unwrap_or_else(|| Location::new(&pyproject.file, 0..0));
            self.problem(
                format!("uv.lock still has the dependency group {}", quoted(name.as_str())),
                Some(&place),
                "pyproject.toml does not have it".to_owned(),
            );
        }
    }

    fn group(&mut self, name: &GroupName, dependencies: &[&'c Dependency], requirements: &'c [Requirement]) {
        let wanted: Vec<Wanted<'c>> =
            dependencies.iter().map(|dependency| self.wanted(dependency, Place::Group(name.clone()))).collect();
        let locked = self.locked(requirements, Some(name));
        self.compare(&wanted, &locked);
    }

    fn compare(&mut self, wanted: &[Wanted<'_>], locked: &[Locked<'_>]) {
        let missing: Vec<&Wanted<'_>> = wanted
            .iter()
            .filter(|wanted| !wanted.may_be_absent() && !locked.iter().any(|locked| wanted.fits(locked)))
            .collect();
        let left: Vec<&Locked<'_>> =
            locked.iter().filter(|locked| !wanted.iter().any(|wanted| wanted.fits(locked))).collect();
        self.report(&missing, &left);
    }

    fn report(&mut self, missing: &[&Wanted<'_>], left: &[&Locked<'_>]) {
        let lock = self.lock.file.name();
        for wanted in missing {
            let location = &wanted.dependency.requirement.location;
            // A requirement of a group may come up again in the groups that include it.
            if self.problems.iter().any(|problem| problem.location() == Some(location)) {
                continue;
            }
            let same = left.iter().filter(|locked| locked.requirement.name == *wanted.name());
            let texts: Vec<String> = same.map(|locked| quoted(&locked.text())).collect();
            let note = if texts.is_empty() {
                format!("it has no such requirement in {}", shown(&wanted.place))
            } else {
                format!("it has {}", texts.join(", "))
            };
            // Whoever draws the place would print a secret that is written there.
            let secret = wanted.has_credentials();
            let text = if secret { format!("{} @ …", wanted.name()) } else { quoted(&wanted.dependency.requirement) };
            let location = Some(location).filter(|_| !secret);
            self.problem(format!("{lock} does not know the requirement {text}"), location, note);
        }
        for locked in left {
            if missing.iter().any(|wanted| *wanted.name() == locked.requirement.name) {
                continue;
            }
            let place = self.table(&locked.place);
            self.problem(
                format!("{lock} still has the requirement {}", quoted(&locked.text())),
                Some(&place),
                format!("{} does not have it in {}", self.pyproject.file.name(), shown(&locked.place)),
            );
        }
    }

    /// The table or list of `pyproject.toml` that something was removed from.
    fn table(&self, place: &Place) -> Location {
        let pyproject = self.pyproject;
        let project = pyproject.project.as_ref();
        let found = match place {
            Place::Dependencies => project.and_then(|project| project.dependencies_location.as_ref()),
            Place::Extra(extra) => project.and_then(|project| {
                project.extra_locations.get(extra).or(project.optional_dependencies_location.as_ref())
            }),
            Place::Group(group) => pyproject
                .dependency_groups
                .get(group)
                .map(|group| &group.location)
                .or(pyproject.dependency_groups_location.as_ref()),
        };
        let found = found.or(project.map(|project| &project.location));
        found.cloned().unwrap_or_else(|| Location::new(&pyproject.file, 0..0))
    }

    /// For locks without metadata: what the project always needs must at least be among the packages.
    fn presence(&mut self, project: &'c Project) {
        if self.root.uv.overrides || self.trust(project) == Trust::Nothing {
            return;
        }
        let groups = self.pyproject.dependency_groups.iter();
        let groups = groups.flat_map(|(name, group)| {
            group.dependencies.iter().map(|dependency| (dependency, Place::Group(name.clone())))
        });
        let extras = project.optional_dependencies.iter().flat_map(|(extra, dependencies)| {
            dependencies.iter().map(|dependency| (dependency, Place::Extra(extra.clone())))
        });
        let always = project.dependencies.iter().map(|dependency| (dependency, Place::Dependencies));
        let all: Vec<Wanted<'c>> =
            always.chain(extras).chain(groups).map(|(dependency, place)| self.wanted(dependency, place)).collect();
        let lock = self.lock;
        let missing: Vec<&Wanted<'_>> = all
            .iter()
            .filter(|wanted| wanted.is_unconditional() && lock.packages_named(wanted.name()).next().is_none())
            .collect();
        self.report(&missing, &[]);
    }
}

/// The requirements of a group and of those that it includes. `None` when an include leads nowhere.
fn flatten<'p>(pyproject: &'p Pyproject, name: &GroupName) -> Option<Vec<&'p Dependency>> {
    let mut found = Vec::new();
    if *name == *DEV_DEPENDENCIES {
        found.extend(pyproject.uv.dev_dependencies.iter().flatten());
        if !pyproject.dependency_groups.contains_key(name) {
            return Some(found);
        }
    }
    let mut seen = BTreeSet::new();
    let mut queue = vec![name];
    while let Some(name) = queue.pop() {
        if seen.insert(name) {
            let group = pyproject.dependency_groups.get(name)?;
            found.extend(&group.dependencies);
            queue.extend(group.includes.iter().map(|include| &include.value));
        }
    }
    Some(found)
}

fn shown(place: &Place) -> String {
    match place {
        Place::Dependencies => "the project's dependencies".to_owned(),
        Place::Extra(extra) => format!("the extra {}", quoted(extra.as_str())),
        Place::Group(group) => format!("the dependency group {}", quoted(group.as_str())),
    }
}

fn names<'n>(names: impl Iterator<Item = &'n str>, what: &str) -> String {
    let names: Vec<&str> = names.take(20).collect();
    if names.is_empty() { format!("it has no {what}") } else { format!("it has the {what} {}", names.join(", ")) }
}
