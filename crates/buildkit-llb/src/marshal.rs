//! From a result to the message: all ops that it depends on, producers first, each one once, and the terminal op last.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use buildkit_proto::pb;

use crate::caps::{Cap, Caps};
use crate::definition::Definition;
use crate::digest::Digest;
use crate::encode::encode_op;
use crate::error::MissingCapability;
use crate::graph::{Output, Vertex};
use crate::notes::CUSTOM_NAME;
use crate::sourcemap::SourceMap;

/// The graph of a result, for a daemon with these capabilities. The empty file system is the empty definition.
///
/// # Errors
///
/// The first op, in the order of the definition, that needs what the daemon does not have.
pub fn marshal(result: Option<&Output>, caps: &Caps) -> Result<Definition, MissingCapability> {
    let Some(result) = result else { return Ok(Definition::scratch()) };
    let mut definition = pb::Definition::default();
    let mut sources = SourceMap::default();
    let mut done = HashSet::new();
    for vertex in producers_first(&result.vertex) {
        let digest = vertex.digest.to_string();
        let metadata = metadata(vertex, caps)?;
        match definition.metadata.get_mut(&digest) {
            Some(known) => merge_metadata(known, metadata),
            None => {
                definition.metadata.insert(digest.clone(), metadata);
            }
        }
        sources.add(&digest, &vertex.locations);
        if done.insert(vertex.digest) {
            definition.def.push(vertex.bytes.clone());
        }
    }
    let terminal = encode_op(&pb::Op { inputs: vec![result.to_input()], ..pb::Op::default() });
    let used = terminal_caps(&definition.metadata, caps);
    definition
        .metadata
        .insert(Digest::of(&terminal).to_string(), pb::OpMetadata { caps: used, ..pb::OpMetadata::default() });
    definition.def.push(terminal);
    definition.source = sources.finish();
    Ok(Definition::trusted(definition))
}

/// Every vertex that another one depends on, and that one last; no vertex before its inputs. Two vertices with the same
/// digest are both listed, since their metadata can differ.
fn producers_first(last: &Arc<Vertex>) -> Vec<&Vertex> {
    let mut seen = HashSet::new();
    let mut order = Vec::new();
    // Each vertex with the number of inputs that were already visited.
    let mut open: Vec<(&Vertex, usize)> = vec![(last, 0)];
    seen.insert(Arc::as_ptr(last));
    while let Some((vertex, visited)) = open.last_mut() {
        if let Some(input) = vertex.inputs.get(*visited) {
            *visited += 1;
            if seen.insert(Arc::as_ptr(&input.vertex)) {
                open.push((&input.vertex, 0));
            }
        } else {
            order.push(*vertex);
            open.pop();
        }
    }
    order
}

/// The metadata of an op, with the capabilities that it relies on.
fn metadata(vertex: &Vertex, caps: &Caps) -> Result<pb::OpMetadata, MissingCapability> {
    let mut metadata = vertex.metadata.clone();
    for cap in &vertex.needs {
        if !caps.supports(*cap) {
            return Err(MissingCapability {
                cap: *cap,
                reason: caps.disabled_reason(*cap).map(str::to_owned),
                digest: vertex.digest,
                op: metadata.description.get(CUSTOM_NAME).cloned(),
                locations: vertex.locations.clone(),
            });
        }
    }
    let listed = vertex.needs.iter().chain(&vertex.uses).filter(|cap| caps.supports(**cap));
    metadata.caps.extend(listed.map(|cap| (cap.id().to_owned(), true)));
    Ok(metadata)
}

/// What is said of the same op twice counts together; where both say something, the later one wins.
fn merge_metadata(known: &mut pb::OpMetadata, more: pb::OpMetadata) {
    known.ignore_cache |= more.ignore_cache;
    known.description.extend(more.description);
    known.caps.extend(more.caps);
    if more.export_cache.is_some() {
        known.export_cache = more.export_cache;
    }
    if more.progress_group.is_some() {
        known.progress_group = more.progress_group;
    }
    if more.linux_resources.is_some() {
        known.linux_resources = more.linux_resources;
    }
}

/// What the terminal op lists: the kinds of metadata that are in the definition.
fn terminal_caps(metadata: &BTreeMap<String, pb::OpMetadata>, caps: &Caps) -> BTreeMap<String, bool> {
    let any = |test: fn(&pb::OpMetadata) -> bool| metadata.values().any(test);
    [
        (true, Cap::Constraints),
        (true, Cap::Platform),
        (any(|m| m.ignore_cache), Cap::MetaIgnoreCache),
        (any(|m| !m.description.is_empty()), Cap::MetaDescription),
        (any(|m| m.export_cache.is_some()), Cap::MetaExportCache),
    ]
    .into_iter()
    .filter(|(used, cap)| *used && caps.supports(*cap))
    .map(|(_, cap)| (cap.id().to_owned(), true))
    .collect()
}
