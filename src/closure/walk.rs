//! The walk over the lock, as uv's `installable.rs` does it: breadth first from the roots, along edges whose markers
//! hold. A lock with declared conflicts is walked twice: first to find out which extras become active on the way, then,
//! with that settled, to take edges.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::ops::Range;

use uv_normalize::{ExtraName, GroupName, PackageName};

use super::Request;
use super::activation::{Activation, check_request};
use super::diagram::Diagram;
use super::markers::{Environment, too_entangled};
use super::roots::Roots;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::project::lock::{Edge, Lock, Package, Requirement};

/// What the walk has seen.
#[derive(Default)]
pub(super) struct Walked<'l> {
    /// The packages to install, with their extras that somebody asked for.
    pub(super) packages: BTreeMap<usize, BTreeSet<&'l ExtraName>>,
    /// The edges that were taken.
    pub(super) edges: Vec<Taken<'l>>,
}

/// An edge that was taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken<'l> {
    /// The package; `None` for the workspace's root that is no project, or for a script.
    pub(super) from: Option<usize>,
    pub(super) extra: Option<&'l ExtraName>,
    pub(super) group: Option<&'l GroupName>,
    pub(super) to: usize,
}

/// A package, or one of its extras: what the walk visits.
type Stop<'l> = (usize, Option<&'l ExtraName>);

/// More steps than any lock needs for the first pass; a lock that does is broken or hostile.
const MAX_STEPS: usize = 200_000;

struct Walk<'w, 'l> {
    lock: &'l Lock,
    request: &'w Request,
    roots: &'w Roots<'l>,
    environment: &'w Environment<'l>,
    conflicts: bool,
    activation: Activation<'l>,
    queue: VecDeque<Stop<'l>>,
    seen: HashSet<Stop<'l>>,
    /// Under which condition each stop is reached; only kept for locks with conflicts.
    reachability: HashMap<Stop<'l>, Diagram>,
    walked: Walked<'l>,
}

/// Walks the lock.
pub(super) fn walk<'l>(
    lock: &'l Lock,
    request: &Request,
    roots: &Roots<'l>,
    environment: &Environment<'l>,
) -> Result<Walked<'l>, Diagnostics> {
    let mut walk = Walk {
        lock,
        request,
        roots,
        environment,
        conflicts: !lock.conflicts.is_empty(),
        activation: Activation::default(),
        queue: VecDeque::new(),
        seen: HashSet::new(),
        reachability: HashMap::new(),
        walked: Walked::default(),
    };
    if walk.conflicts {
        check_request(lock, request, roots, &walk.reachable_members())?;
        walk.activate_roots();
    }
    walk.start_at_projects()?;
    walk.start_at_manifest()?;
    if walk.conflicts {
        walk.find_active_extras()?;
    }
    walk.take_edges()?;
    Ok(walk.walked)
}

impl<'l> Walk<'_, 'l> {
    fn package(&self, index: usize) -> &'l Package {
        &self.lock.packages[index]
    }

    fn selected_extras(&self, project: usize) -> impl Iterator<Item = &'l ExtraName> + use<'l, '_> {
        let request = self.request;
        self.package(project).optional_dependencies.keys().filter(|extra| request.extras.contains(extra))
    }

    fn selected_groups(&self, project: usize) -> Vec<(&'l GroupName, &'l [Edge])> {
        let package = self.package(project);
        package
            .dependency_groups
            .iter()
            .filter(|(group, _)| self.roots.includes_group(self.request, Some(&package.name), group))
            .map(|(group, edges)| (group, edges.as_slice()))
            .collect()
    }

    fn activate_roots(&mut self) {
        for index in &self.roots.projects {
            if self.roots.production {
                let package = self.package(*index);
                self.activation.project(&package.name);
                let extras: Vec<_> = self.selected_extras(*index).collect();
                for extra in extras {
                    self.activation.extra(&package.name, extra);
                }
            }
        }
        for index in self.roots.projects.iter().chain(&self.roots.group_root) {
            for (group, _) in self.selected_groups(*index) {
                self.activation.group(&self.package(*index).name, group);
            }
        }
    }

    fn start_at_projects(&mut self) -> Result<(), Diagnostic> {
        for index in &self.roots.projects {
            if self.roots.production {
                self.walked.packages.entry(*index).or_default();
                self.reach((*index, None), Diagram::ALWAYS, &(0..0))?;
                self.queue.push_back((*index, None));
                let extras: Vec<_> = self.selected_extras(*index).collect();
                for extra in extras {
                    self.reach((*index, Some(extra)), Diagram::ALWAYS, &(0..0))?;
                    self.queue.push_back((*index, Some(extra)));
                    self.walked.packages.entry(*index).or_default().insert(extra);
                }
            }
        }
        for index in self.roots.projects.iter().chain(&self.roots.group_root) {
            for (group, edges) in self.selected_groups(*index) {
                for edge in edges {
                    if self.holds(edge)? {
                        let tree = self.reachability_of(edge)?;
                        self.enter(
                            edge,
                            Taken { from: Some(*index), extra: None, group: Some(group), to: edge.package },
                        );
                        self.visit(edge, tree)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Requirements of a script, and groups of a workspace's root that is no project.
    fn start_at_manifest(&mut self) -> Result<(), Diagnostic> {
        let lock = self.lock;
        for requirement in &lock.manifest.requirements {
            // Without "production" only groups are installed.
            self.start_at_requirement(requirement, None, self.roots.production)?;
        }
        for (group, requirements) in &lock.manifest.dependency_groups {
            if self.roots.includes_group(self.request, None, group) {
                for requirement in requirements {
                    self.start_at_requirement(requirement, Some(group), true)?;
                }
            }
        }
        Ok(())
    }

    fn start_at_requirement(
        &mut self,
        requirement: &'l Requirement,
        group: Option<&'l GroupName>,
        install: bool,
    ) -> Result<(), Diagnostic> {
        if !self.environment.holds(&*self.environment.condition(requirement.marker.as_ref())?, &[]) {
            return Ok(());
        }
        let index = self.find_by_fork(requirement)?;
        if install {
            self.walked.edges.push(Taken { from: None, extra: None, group, to: index });
            self.walked.packages.entry(index).or_default();
        }
        self.push((index, None), Diagram::ALWAYS, &requirement.range)?;
        for extra in &requirement.extras {
            if group.is_some() && self.conflicts {
                self.activation.extra(&self.package(index).name, extra);
            }
            if let Some((extra, _)) = self.package(index).optional_dependencies.get_key_value(extra) {
                self.push((index, Some(extra)), Diagram::ALWAYS, &requirement.range)?;
                if install {
                    self.walked.packages.entry(index).or_default().insert(extra);
                }
            }
        }
        Ok(())
    }

    /// The one package of a name whose fork is that of the target.
    fn find_by_fork(&self, requirement: &Requirement) -> Result<usize, Diagnostic> {
        let mut found = None;
        for (index, package) in self.lock.packages.iter().enumerate() {
            if package.name != requirement.name {
                continue;
            }
            let mut fits = package.resolution_markers.is_empty();
            for marker in &package.resolution_markers {
                fits = fits || self.environment.holds(&*self.environment.condition(Some(marker))?, &[]);
            }
            if fits && found.replace(index).is_some() {
                return Err(Diagnostic::new(format!("more than one {} fits the target", requirement.name))
                    .at(&self.lock.file, requirement.range.clone())
                    .help("run `uv lock` to write the lock file anew"));
            }
        }
        found.ok_or_else(|| {
            Diagnostic::new(format!(
                "{} is required, but the lock has no such package for the target",
                requirement.name
            ))
            .at(&self.lock.file, requirement.range.clone())
            .help("run `uv lock` to write the lock file anew")
        })
    }

    /// Whether an edge's marker holds; extras that it activates count for it, and stay active if it does.
    fn holds(&mut self, edge: &'l Edge) -> Result<bool, Diagnostic> {
        let environment = self.environment;
        let condition = environment.condition(edge.marker.as_ref())?;
        if !self.conflicts {
            return Ok(environment.holds(&condition, &[]));
        }
        let name = &self.package(edge.package).name;
        Ok(self.activation.try_edge(name, edge, |active| environment.holds(&condition, active)))
    }

    /// The marker of an edge as a condition that can be combined; only locks with conflicts need it.
    fn reachability_of(&self, edge: &'l Edge) -> Result<Diagram, Diagnostic> {
        if self.conflicts { self.environment.diagram(edge.marker.as_ref()) } else { Ok(Diagram::ALWAYS) }
    }

    /// Puts the end of an edge into the closure.
    fn enter(&mut self, edge: &'l Edge, taken: Taken<'l>) {
        self.walked.packages.entry(edge.package).or_default().extend(&edge.extras);
        self.walked.edges.push(taken);
    }

    /// Puts the end of an edge, and its extras, into the queue.
    fn visit(&mut self, edge: &'l Edge, reachability: Diagram) -> Result<(), Diagnostic> {
        self.push((edge.package, None), reachability, &edge.range)?;
        for extra in &edge.extras {
            self.push((edge.package, Some(extra)), reachability, &edge.range)?;
        }
        Ok(())
    }

    fn push(&mut self, stop: Stop<'l>, reachability: Diagram, range: &Range<usize>) -> Result<(), Diagnostic> {
        self.reach(stop, reachability, range)?;
        if self.seen.insert(stop) {
            self.queue.push_back(stop);
        }
        Ok(())
    }

    /// Notes one more condition under which a stop is reached; says whether that was news.
    fn reach(&mut self, stop: Stop<'l>, condition: Diagram, range: &Range<usize>) -> Result<bool, Diagnostic> {
        if !self.conflicts {
            return Ok(false);
        }
        let Some(known) = self.reachability.get_mut(&stop) else {
            self.reachability.insert(stop, condition);
            return Ok(true);
        };
        let combined = self.environment.or(*known, condition, range)?;
        let news = combined != *known;
        *known = combined;
        Ok(news)
    }

    /// The first pass. Markers of edges may rely on the conditions under which their package is reached, so these are
    /// carried along: an unreachable package must not activate anything.
    fn find_active_extras(&mut self) -> Result<(), Diagnostic> {
        let mut queue = self.queue.clone();
        let mut steps = 0;
        while let Some(stop) = queue.pop_front() {
            let Some(parent) = self.reachability.get(&stop).copied() else { continue };
            for edge in self.package(stop.0).edges(stop.1) {
                steps += 1;
                if steps > MAX_STEPS {
                    return Err(too_entangled(self.lock, edge.range.clone()));
                }
                let environment = self.environment;
                let tree = environment.and(self.reachability_of(edge)?, parent, &edge.range)?;
                let name = &self.package(edge.package).name;
                if !self.activation.try_edge(name, edge, |active| environment.evaluate(tree, active)) {
                    continue;
                }
                for stop in std::iter::once(None).chain(edge.extras.iter().map(Some)) {
                    if self.reach((edge.package, stop), tree, &edge.range)? {
                        queue.push_back((edge.package, stop));
                    }
                }
            }
        }
        self.activation.check(self.lock)
    }

    /// The second pass: nothing becomes active any more.
    fn take_edges(&mut self) -> Result<(), Diagnostic> {
        while let Some((index, extra)) = self.queue.pop_front() {
            for edge in self.package(index).edges(extra) {
                let condition = self.environment.condition(edge.marker.as_ref())?;
                if !self.environment.holds(&condition, self.activation.encoded()) {
                    continue;
                }
                self.enter(edge, Taken { from: Some(index), extra, group: None, to: edge.package });
                for stop in std::iter::once(None).chain(edge.extras.iter().map(Some)) {
                    if self.seen.insert((edge.package, stop)) {
                        self.queue.push_back((edge.package, stop));
                    }
                }
            }
        }
        Ok(())
    }

    /// The members that the roots lead to on any platform (uv's `InstallTarget::packages`).
    fn reachable_members(&self) -> HashSet<&'l PackageName> {
        let members: HashSet<&PackageName> = self.lock.manifest.members.iter().collect();
        if self.roots.whole_workspace {
            return members;
        }
        let mut reached: HashSet<&'l PackageName> = HashSet::new();
        let mut seen: HashSet<Stop<'l>> = HashSet::new();
        let mut queue: VecDeque<Stop<'l>> = VecDeque::new();
        for index in &self.roots.projects {
            reached.insert(&self.package(*index).name);
            if self.roots.production {
                queue.push_back((*index, None));
                queue.extend(self.selected_extras(*index).map(|extra| (*index, Some(extra))));
            }
        }
        for index in self.roots.projects.iter().chain(&self.roots.group_root) {
            for (_, edges) in self.selected_groups(*index) {
                queue.extend(edges.iter().flat_map(stops));
            }
        }
        while let Some(stop) = queue.pop_front() {
            if !seen.insert(stop) {
                continue;
            }
            let package = self.package(stop.0);
            if members.contains(&package.name) {
                reached.insert(&package.name);
            }
            queue.extend(package.edges(stop.1).iter().flat_map(stops));
        }
        reached
    }
}

fn stops(edge: &Edge) -> impl Iterator<Item = Stop<'_>> {
    std::iter::once((edge.package, None)).chain(edge.extras.iter().map(|extra| (edge.package, Some(extra))))
}
