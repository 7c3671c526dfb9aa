//! The graph itself. A [`Vertex`] is an op with its bytes and digest already computed; an [`Output`] points at one of
//! its results. Both never change, so a graph can be shared freely, and two handles are equal when they name the same
//! result of the same bytes.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::mem;
use std::sync::Arc;

use buildkit_proto::pb;

use crate::caps::Cap;
use crate::digest::Digest;
use crate::encode::encode_op;
use crate::notes::Notes;
use crate::platform::Platform;
use crate::sourcemap::Location;

/// One op, encoded.
pub(crate) struct Vertex {
    pub(crate) digest: Digest,
    pub(crate) bytes: Vec<u8>,
    pub(crate) inputs: Vec<Output>,
    /// Without the capabilities of `needs` and `uses`.
    pub(crate) metadata: pb::OpMetadata,
    pub(crate) locations: Vec<Location>,
    /// What the daemon must have.
    pub(crate) needs: Vec<Cap>,
    /// What is worth listing if the daemon has it.
    pub(crate) uses: Vec<Cap>,
}

impl Drop for Vertex {
    /// Takes long chains apart one by one: the derived way would recurse, once for each op of the chain.
    fn drop(&mut self) {
        let mut orphans = mem::take(&mut self.inputs);
        while let Some(output) = orphans.pop() {
            if let Some(mut vertex) = Arc::into_inner(output.vertex) {
                orphans.append(&mut vertex.inputs);
            }
        }
    }
}

/// A file system that an op makes. Cheap to clone.
///
/// Where BuildKit also takes the empty file system, this crate takes [`Base`], and returns `Option<Output>`.
#[derive(Clone)]
pub struct Output {
    pub(crate) vertex: Arc<Vertex>,
    pub(crate) index: u32,
    pub(crate) platform: Option<Platform>,
}

impl Output {
    /// The digest of the op that makes it.
    pub fn digest(&self) -> Digest {
        self.vertex.digest
    }

    /// Which result of the op it is.
    pub fn index(&self) -> u32 {
        self.index
    }

    /// What it was made for, as far as that is known: the platform of an image or a step, handed on by file
    /// operations, merges and diffs.
    pub fn platform(&self) -> Option<&Platform> {
        self.platform.as_ref()
    }

    pub(crate) fn to_input(&self) -> pb::Input {
        pb::Input { digest: self.vertex.digest.to_string(), index: i64::from(self.index) }
    }
}

impl PartialEq for Output {
    fn eq(&self, other: &Self) -> bool {
        self.vertex.digest == other.vertex.digest && self.index == other.index
    }
}

impl Eq for Output {}

impl Hash for Output {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.vertex.digest.hash(state);
        self.index.hash(state);
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", self.vertex.digest, self.index)
    }
}

impl From<&Output> for Output {
    /// The same handle, so that builders take it by reference or by value.
    fn from(output: &Output) -> Self {
        output.clone()
    }
}

/// What an op starts from: a file system, or nothing (`scratch`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Base(pub(crate) Option<Output>);

/// The empty file system.
pub const SCRATCH: Base = Base(None);

impl From<Output> for Base {
    fn from(output: Output) -> Self {
        Self(Some(output))
    }
}

impl From<&Output> for Base {
    fn from(output: &Output) -> Self {
        Self(Some(output.clone()))
    }
}

impl From<Option<Output>> for Base {
    fn from(output: Option<Output>) -> Self {
        Self(output)
    }
}

impl From<Option<&Output>> for Base {
    fn from(output: Option<&Output>) -> Self {
        Self(output.cloned())
    }
}

impl From<&Option<Output>> for Base {
    fn from(output: &Option<Output>) -> Self {
        Self(output.clone())
    }
}

/// An op that is about to be encoded.
pub(crate) struct Draft {
    pub(crate) inputs: Vec<Output>,
    pub(crate) op: pb::op::Op,
    /// For ops that BuildKit writes a platform for.
    pub(crate) platform: Option<Platform>,
    pub(crate) needs: Vec<Cap>,
    pub(crate) uses: Vec<Cap>,
    pub(crate) notes: Notes,
}

impl Draft {
    pub(crate) fn encode(self) -> Arc<Vertex> {
        self.encode_by(encode_op)
    }

    pub(crate) fn encode_by(self, encode: fn(&pb::Op) -> Vec<u8>) -> Arc<Vertex> {
        let op = pb::Op {
            inputs: self.inputs.iter().map(Output::to_input).collect(),
            op: Some(self.op),
            platform: self.platform.as_ref().map(pb::Platform::from),
            constraints: Some(pb::WorkerConstraints::default()),
        };
        let bytes = encode(&op);
        Arc::new(Vertex {
            digest: Digest::of(&bytes),
            bytes,
            inputs: self.inputs,
            metadata: self.notes.to_pb(),
            locations: self.notes.locations,
            needs: self.needs,
            uses: self.uses,
        })
    }

    /// For an op with a single result.
    pub(crate) fn output(self, platform: Option<Platform>) -> Output {
        Output { vertex: self.encode(), index: 0, platform }
    }
}

/// The list of an op's inputs, where each result appears once.
#[derive(Default)]
pub(crate) struct Inputs(pub(crate) Vec<Output>);

impl Inputs {
    /// The number of an input, or -1 for scratch.
    pub(crate) fn add(&mut self, base: &Base) -> i64 {
        let Base(Some(output)) = base else { return -1 };
        let index = self.0.iter().position(|known| known == output).unwrap_or_else(|| {
            self.0.push(output.clone());
            self.0.len() - 1
        });
        number(index)
    }
}

/// An index on the wire.
pub(crate) fn number(index: usize) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}
