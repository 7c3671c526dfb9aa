//! A build graph as it arrived: decoded, checked the way the daemon checks it, and easy to ask about.

use std::collections::BTreeMap;

use buildkit_llb::{Digest, encode_op};
use buildkit_proto::pb;
use prost::Message as _;

/// A decoded build graph.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Graph {
    /// The ops in the order in which they came, without the terminal one, each with the digest of its bytes.
    pub ops: Vec<(String, pb::Op)>,
    /// What the graph results in; `None` is the empty file system.
    pub result: Option<pb::Input>,
    /// What is said about ops, by digest.
    pub metadata: BTreeMap<String, pb::OpMetadata>,
    /// Where ops come from.
    pub source: pb::Source,
}

impl Graph {
    /// Decodes a definition. The error says what a daemon would refuse.
    pub fn decode(definition: &pb::Definition) -> Result<Self, String> {
        let mut graph = Self {
            ops: Vec::new(),
            result: None,
            metadata: definition.metadata.clone(),
            source: definition.source.clone().unwrap_or_default(),
        };
        let Some((terminal, ops)) = definition.def.split_last() else { return Ok(graph) };
        let decode = |bytes: &[u8]| match pb::Op::decode(bytes) {
            Ok(op) if encode_op(&op) == bytes => Ok(op),
            // On purpose: see `Http::encoded_as_before_0_17`.
            Ok(op) if is_download(&op) && op.encode_to_vec() == bytes => Ok(op),
            // A daemon encodes it again; the digest would be another one.
            Ok(op) => Err(format!("an op is not encoded as BuildKit does: {op:?}")),
            Err(error) => Err(format!("an op does not decode: {error}")),
        };
        for bytes in ops {
            let op = decode(bytes)?;
            graph.check_inputs(&op)?;
            check_exec(&op)?;
            graph.ops.push((Digest::of(bytes).to_string(), op));
        }
        let terminal = decode(terminal)?;
        graph.check_inputs(&terminal)?;
        match (terminal.op, &terminal.inputs[..]) {
            (None, [result]) => graph.result = Some(result.clone()),
            _ => return Err("the last op is not a terminal one".to_owned()),
        }
        let count = graph.source.infos.len();
        let indices = graph.source.locations.values().flat_map(|it| &it.locations).map(|it| it.source_index);
        if indices.into_iter().any(|index| usize::try_from(index).map_or(true, |index| index >= count)) {
            return Err("a location points at a source file that is not there".to_owned());
        }
        Ok(graph)
    }

    fn check_inputs(&self, op: &pb::Op) -> Result<(), String> {
        for input in &op.inputs {
            if input.index < 0 {
                return Err("an input has a negative index".to_owned());
            }
            if self.op(&input.digest).is_none() {
                return Err(format!("the input {} comes from nowhere", input.digest));
            }
        }
        Ok(())
    }

    /// The op with a digest.
    pub fn op(&self, digest: &str) -> Option<&pb::Op> {
        self.ops.iter().find(|(known, _)| known == digest).map(|(_, op)| op)
    }

    /// The identifiers of all sources, in order.
    pub fn sources(&self) -> Vec<&str> {
        self.ops.iter().filter_map(|(_, op)| source(op)).map(|it| it.identifier.as_str()).collect()
    }

    /// The attributes of the first source with an identifier.
    pub fn source_attrs(&self, identifier: &str) -> Option<&BTreeMap<String, String>> {
        self.ops.iter().filter_map(|(_, op)| source(op)).find(|it| it.identifier == identifier).map(|it| &it.attrs)
    }

    /// All steps, in order, with their digests.
    pub fn execs(&self) -> Vec<(&str, &pb::ExecOp)> {
        let mut execs = Vec::new();
        for (digest, op) in &self.ops {
            if let Some(pb::op::Op::Exec(exec)) = &op.op {
                execs.push((digest.as_str(), exec));
            }
        }
        execs
    }

    /// The name that progress shows for an op.
    pub fn name(&self, digest: &str) -> Option<&str> {
        self.metadata.get(digest)?.description.get("llb.customname").map(String::as_str)
    }

    /// The names of all ops that have one, in order.
    pub fn names(&self) -> Vec<&str> {
        self.ops.iter().filter_map(|(digest, _)| self.name(digest)).collect()
    }
}

/// What the daemon wants of every step.
fn check_exec(op: &pb::Op) -> Result<(), String> {
    let Some(pb::op::Op::Exec(exec)) = &op.op else { return Ok(()) };
    let meta = exec.meta.as_ref().ok_or("a step has no meta")?;
    let is_root = |mount: &&pb::Mount| mount.dest == "/" && mount.mount_type == pb::MountType::Bind as i32;
    if meta.args.is_empty() {
        return Err("a step has no command".to_owned());
    }
    if !meta.cwd.starts_with('/') {
        return Err(format!("a step's working directory is {:?}", meta.cwd));
    }
    if exec.mounts.iter().filter(is_root).count() != 1 {
        return Err("a step does not have exactly one root".to_owned());
    }
    Ok(())
}

fn source(op: &pb::Op) -> Option<&pb::SourceOp> {
    match &op.op {
        Some(pb::op::Op::Source(source)) => Some(source),
        _ => None,
    }
}

fn is_download(op: &pb::Op) -> bool {
    matches!(&op.op, Some(pb::op::Op::Source(source)) if source.identifier.starts_with("http"))
}
