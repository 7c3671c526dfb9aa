//! Who wants a package: the shortest way to it from a root, over the edges that the walk took. For error messages, and
//! for people who wonder why something is in their image.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::roots::Roots;
use super::walk::{Taken, Walked};
use super::{Chain, Link};
use crate::project::lock::Lock;

/// Every package has its way, so that long ones would take the square of the lock in memory. Real ones have a dozen links.
const LONGEST: usize = 100;

/// The ways to all packages of a walk.
pub(super) struct Chains<'w, 'l> {
    lock: &'l Lock,
    /// The edge over which a package is first reached.
    reached_by: HashMap<usize, &'w Taken<'l>>,
}

impl<'w, 'l> Chains<'w, 'l> {
    pub(super) fn new(lock: &'l Lock, roots: &Roots<'l>, walked: &'w Walked<'l>) -> Self {
        let mut leaving: BTreeMap<Option<usize>, Vec<&'w Taken<'l>>> = BTreeMap::new();
        for edge in &walked.edges {
            leaving.entry(edge.from).or_default().push(edge);
        }
        for edges in leaving.values_mut() {
            // Production first, then extras, then groups; by name among equals, whatever the order in the lock.
            edges.sort_by_key(|edge| (edge.group, edge.extra, &lock.packages[edge.to].name));
        }
        let mut reached_by = HashMap::new();
        let mut queue: VecDeque<Option<usize>> =
            roots.projects.iter().chain(&roots.group_root).copied().map(Some).chain([None]).collect();
        while let Some(from) = queue.pop_front() {
            for edge in leaving.get(&from).into_iter().flatten() {
                let start = roots.projects.contains(&edge.to) || roots.group_root == Some(edge.to);
                if !start && !reached_by.contains_key(&edge.to) {
                    reached_by.insert(edge.to, *edge);
                    queue.push_back(Some(edge.to));
                }
            }
        }
        Self { lock, reached_by }
    }

    /// The way to a package, both ends included; only its end when it is absurdly long.
    pub(super) fn to(&self, index: usize) -> Chain {
        let mut links = vec![self.link(Some(index), None)];
        let mut at = index;
        while let Some(edge) = self.reached_by.get(&at).filter(|_| links.len() < LONGEST) {
            links.push(self.link(edge.from, Some(edge)));
            match edge.from {
                Some(from) => at = from,
                None => break,
            }
        }
        links.reverse();
        Chain(links)
    }

    fn link(&self, package: Option<usize>, edge: Option<&Taken<'_>>) -> Link {
        Link {
            package: package.map(|index| self.lock.packages[index].name.clone()),
            extra: edge.and_then(|edge| edge.extra.cloned()),
            group: edge.and_then(|edge| edge.group.cloned()),
        }
    }
}
