//! Declared conflicts: which extras, groups and projects are active, in the form in which markers ask for them, and
//! whether two active ones exclude each other.
//!
//! uv writes conflicts into markers as pseudo-extras: `extra == 'extra-3-app-cpu'` is the extra `cpu` of `app`, the
//! number being the length of the package's name (uv's `universal_marker.rs`).

use std::collections::{BTreeSet, HashSet};

use uv_normalize::{ExtraName, GroupName, PackageName};

use super::Request;
use super::roots::Roots;
use crate::diagnostic::Diagnostic;
use crate::project::lock::{ConflictItem, ConflictKind, ConflictSet, Edge, Lock};

/// The active conflict items.
#[derive(Default)]
pub(super) struct Activation<'l> {
    encoded: Vec<ExtraName>,
    extras: HashSet<(&'l PackageName, &'l ExtraName)>,
}

impl<'l> Activation<'l> {
    pub(super) fn project(&mut self, package: &PackageName) {
        self.encode(format!("project-{}-{package}", package.as_str().len()));
    }

    pub(super) fn group(&mut self, package: &PackageName, group: &GroupName) {
        self.encode(format!("group-{}-{package}-{group}", package.as_str().len()));
    }

    pub(super) fn extra(&mut self, package: &'l PackageName, extra: &'l ExtraName) {
        if self.extras.insert((package, extra)) {
            self.encode(format!("extra-{}-{package}-{extra}", package.as_str().len()));
        }
    }

    /// Names joined by dashes are always a name again.
    fn encode(&mut self, name: String) {
        self.encoded.extend(ExtraName::from_owned(name));
    }

    /// The items as pseudo-extras.
    pub(super) fn encoded(&self) -> &[ExtraName] {
        &self.encoded
    }

    /// Asks a question with the extras of an edge active, too. They stay active when the answer is yes.
    pub(super) fn try_edge(
        &mut self,
        package: &'l PackageName,
        edge: &'l Edge,
        question: impl FnOnce(&[ExtraName]) -> bool,
    ) -> bool {
        let before = self.encoded.len();
        let added: Vec<&'l ExtraName> =
            edge.extras.iter().filter(|extra| !self.extras.contains(&(package, extra))).collect();
        for extra in &added {
            self.extra(package, extra);
        }
        let yes = question(&self.encoded);
        if !yes {
            self.encoded.truncate(before);
            for extra in added {
                self.extras.remove(&(package, extra));
            }
        }
        yes
    }

    /// Two extras that were activated along the way and exclude each other.
    pub(super) fn check(&self, lock: &Lock) -> Result<(), Diagnostic> {
        for set in &lock.conflicts {
            let active: BTreeSet<&ConflictItem> = set
                .items
                .iter()
                .filter(|item| match &item.kind {
                    ConflictKind::Extra(extra) => self.extras.contains(&(&item.package, extra)),
                    ConflictKind::Project | ConflictKind::Group(_) => false,
                })
                .collect();
            if active.len() > 1 {
                return Err(conflict(lock, set, &active));
            }
        }
        Ok(())
    }
}

/// Refuses a request that asks for things that exclude each other (uv's `detect_conflicts`: `packages` are the members
/// that can be reached on any platform).
pub(super) fn check_request(
    lock: &Lock,
    request: &Request,
    roots: &Roots<'_>,
    packages: &HashSet<&PackageName>,
) -> Result<(), Diagnostic> {
    for set in &lock.conflicts {
        let active: BTreeSet<&ConflictItem> = set
            .items
            .iter()
            .filter(|item| packages.contains(&item.package))
            .filter(|item| match &item.kind {
                ConflictKind::Project => roots.production,
                ConflictKind::Extra(extra) => request.extras.contains(extra),
                ConflictKind::Group(group) => roots.any_group(request, group),
            })
            .collect();
        if active.len() > 1 {
            return Err(conflict(lock, set, &active));
        }
    }
    Ok(())
}

fn conflict(lock: &Lock, set: &ConflictSet, active: &BTreeSet<&ConflictItem>) -> Diagnostic {
    let names: Vec<String> = active.iter().map(ToString::to_string).collect();
    let (last, rest) = names.split_last().map_or(("", &[][..]), |(last, rest)| (last.as_str(), rest));
    Diagnostic::new(format!("{} and {last} exclude each other (tool.uv.conflicts)", rest.join(", ")))
        .at(&lock.file, set.range.clone())
        .help("ask for only one of them")
}
