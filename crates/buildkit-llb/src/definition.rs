//! A marshalled graph: what is sent to the daemon, what a client passes in as an input, and what the frontend's own
//! image is described by.

use std::collections::HashMap;
use std::sync::Arc;

use buildkit_proto::pb;
use prost::Message as _;

use crate::digest::Digest;
use crate::error::DefinitionError;
use crate::graph::{Output, Vertex};
use crate::platform::Platform;
use crate::sourcemap::{Location, Range, SourceFile};

/// A marshalled graph that is known to be well formed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Definition(pb::Definition);

impl Definition {
    /// The empty file system.
    pub fn scratch() -> Self {
        Self::default()
    }

    /// A definition that this crate has made.
    pub(crate) fn trusted(definition: pb::Definition) -> Self {
        Self(definition)
    }

    /// Checks a definition that somebody else has made.
    pub fn from_pb(definition: pb::Definition) -> Result<Self, DefinitionError> {
        decode(&definition)?;
        Ok(Self(definition))
    }

    /// Reads a definition from its encoded form.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DefinitionError> {
        let definition = pb::Definition::decode(bytes)
            .map_err(|error| DefinitionError::Undecodable { what: "a definition", why: error.to_string() })?;
        Self::from_pb(definition)
    }

    /// The encoded form. Deterministic.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.encode_to_vec()
    }

    /// The message.
    pub fn as_pb(&self) -> &pb::Definition {
        &self.0
    }

    /// The message.
    pub fn into_pb(self) -> pb::Definition {
        self.0
    }

    /// Whether it is the empty file system.
    pub fn is_scratch(&self) -> bool {
        self.0.def.is_empty()
    }

    /// The digests of all ops in their order, the terminal one last.
    pub fn digests(&self) -> impl Iterator<Item = Digest> + '_ {
        self.0.def.iter().map(|bytes| Digest::of(bytes))
    }

    /// The result of the graph, for use as an input of more ops; `None` is the empty file system. Its ops stay exactly
    /// as they are, with their metadata and source locations, and whatever capabilities they list.
    pub fn output(&self) -> Result<Option<Output>, DefinitionError> {
        decode(&self.0)
    }
}

/// Builds the graph of a definition, checking that it is one.
fn decode(definition: &pb::Definition) -> Result<Option<Output>, DefinitionError> {
    let Some((terminal, ops)) = definition.def.split_last() else { return Ok(None) };
    let mut locations = locations(definition)?;
    // Each vertex with its op's platform.
    let mut vertices: HashMap<String, (Arc<Vertex>, Option<Platform>)> = HashMap::new();
    let find = |vertices: &HashMap<String, (Arc<Vertex>, Option<Platform>)>, input: &pb::Input| {
        let (vertex, platform) =
            vertices.get(&input.digest).ok_or_else(|| DefinitionError::UnknownInput(input.digest.clone()))?;
        Ok(Output {
            vertex: Arc::clone(vertex),
            index: u32::try_from(input.index).map_err(|_| DefinitionError::InvalidIndex(input.index))?,
            platform: platform.clone(),
        })
    };
    for bytes in ops {
        let op = decode_op(bytes)?;
        let inputs: Vec<Output> =
            op.inputs.iter().map(|input| find(&vertices, input)).collect::<Result<_, DefinitionError>>()?;
        let own = op.platform.as_ref().map(Platform::from);
        let platform = own.or_else(|| inputs.iter().find_map(|input| input.platform.clone()));
        let digest = Digest::of(bytes);
        let key = digest.to_string();
        let vertex = Vertex {
            digest,
            bytes: bytes.clone(),
            inputs,
            metadata: definition.metadata.get(&key).cloned().unwrap_or_default(),
            locations: locations.remove(&key).unwrap_or_default(),
            needs: Vec::new(),
            uses: Vec::new(),
        };
        vertices.insert(key, (Arc::new(vertex), platform));
    }
    let terminal = decode_op(terminal)?;
    match (&terminal.op, terminal.inputs.as_slice()) {
        (None, [result]) => find(&vertices, result).map(Some),
        _ => Err(DefinitionError::NoTerminal),
    }
}

fn decode_op(bytes: &[u8]) -> Result<pb::Op, DefinitionError> {
    pb::Op::decode(bytes).map_err(|error| DefinitionError::Undecodable { what: "an op", why: error.to_string() })
}

/// The source locations of a definition, by op digest.
fn locations(definition: &pb::Definition) -> Result<HashMap<String, Vec<Location>>, DefinitionError> {
    let Some(source) = &definition.source else { return Ok(HashMap::new()) };
    let files: Vec<Arc<SourceFile>> = source
        .infos
        .iter()
        .map(|info| {
            Arc::new(SourceFile {
                filename: info.filename.clone(),
                data: info.data.clone(),
                language: info.language.clone(),
                definition: info.definition.clone().map(Definition),
            })
        })
        .collect();
    let location = |location: &pb::Location| {
        let file = usize::try_from(location.source_index)
            .ok()
            .and_then(|index| files.get(index))
            .ok_or(DefinitionError::UnknownSource(location.source_index))?;
        Ok(Location::new(file, location.ranges.iter().map(Range::from_pb)))
    };
    source
        .locations
        .iter()
        .map(|(digest, of_op)| {
            Ok((digest.clone(), of_op.locations.iter().map(location).collect::<Result<_, DefinitionError>>()?))
        })
        .collect()
}
