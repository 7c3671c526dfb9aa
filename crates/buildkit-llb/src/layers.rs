//! Ops that put file systems on top of each other, or take one away from another, without copying. A Docker that still
//! stores images in graph drivers has neither: `Caps` say so, and a chain of copies is the fallback.

use buildkit_proto::pb;

use crate::caps::Cap;
use crate::graph::{Base, Draft, Output, number};
use crate::notes::Notes;
use crate::source::annotate;

/// Builder of a merge: file systems on top of each other, where later ones win.
#[derive(Debug, Clone)]
pub struct Merge {
    layers: Vec<Output>,
    notes: Notes,
}

annotate!(Merge);

impl Merge {
    /// These file systems, the lowest first. Empty ones are left out.
    pub fn of<B: Into<Base>>(layers: impl IntoIterator<Item = B>) -> Self {
        let layers = layers.into_iter().filter_map(|layer| layer.into().0).collect();
        Self { layers, notes: Notes::default() }
    }

    /// Finishes the op. Of nothing it makes nothing, and of a single layer that layer: then there is no op, and nothing
    /// for the notes to belong to.
    pub fn build(self) -> Option<Output> {
        if self.layers.len() < 2 {
            return self.layers.into_iter().next();
        }
        let inputs = (0..self.layers.len()).map(|index| pb::MergeInput { input: number(index) }).collect();
        let platform = self.layers.iter().find_map(|layer| layer.platform.clone());
        let draft = Draft {
            inputs: self.layers,
            op: pb::op::Op::Merge(pb::MergeOp { inputs }),
            platform: None,
            needs: vec![Cap::MergeOp],
            uses: Vec::new(),
            notes: self.notes,
        };
        Some(draft.output(platform))
    }
}

/// [`Merge`] without notes.
pub fn merge<B: Into<Base>>(layers: impl IntoIterator<Item = B>) -> Option<Output> {
    Merge::of(layers).build()
}

/// Builder of a diff: what changed from one file system to another, deletions included.
#[derive(Debug, Clone)]
pub struct Diff {
    lower: Base,
    upper: Base,
    notes: Notes,
}

annotate!(Diff);

impl Diff {
    /// What `upper` changed over `lower`.
    pub fn between(lower: impl Into<Base>, upper: impl Into<Base>) -> Self {
        Self { lower: lower.into(), upper: upper.into(), notes: Notes::default() }
    }

    /// Finishes the op. From nothing, it is `upper` itself.
    pub fn build(self) -> Option<Output> {
        let (Base(lower), Base(upper)) = (self.lower, self.upper);
        let Some(lower) = lower else { return upper };
        let platform = lower.platform.clone().or_else(|| upper.as_ref()?.platform.clone());
        let diff = pb::DiffOp {
            lower: Some(pb::LowerDiffInput { input: 0 }),
            upper: Some(pb::UpperDiffInput { input: if upper.is_some() { 1 } else { -1 } }),
        };
        let draft = Draft {
            inputs: std::iter::once(lower).chain(upper).collect(),
            op: pb::op::Op::Diff(diff),
            platform: None,
            needs: vec![Cap::DiffOp],
            uses: Vec::new(),
            notes: self.notes,
        };
        Some(draft.output(platform))
    }
}

/// [`Diff`] of two file systems that are there, without notes.
pub fn diff(lower: &Output, upper: &Output) -> Output {
    // With a lower file system there is always an op; the fallback is never taken.
    Diff::between(lower, upper).build().unwrap_or_else(|| upper.clone())
}
