//! The bytes of an op. They are its identity, so they must be the ones that BuildKit's Go code writes when it encodes
//! the same op again: the daemon does so before it looks up source locations and warnings by digest.
//!
//! prost and Go agree on almost everything (ascending fields, sorted maps, packed lists, omitted defaults). They differ
//! in two points: Go writes the members of a oneof after all other fields, which matters for [`pb::Op`] alone, and Go
//! writes key and value of a map entry even when they are empty, so the builders never let an empty one in.

use buildkit_proto::pb;
use prost::Message as _;

/// Encodes an op as Go does. No map in it may have an empty key or value.
pub fn encode_op(op: &pb::Op) -> Vec<u8> {
    let first = pb::Op { op: None, ..op.clone() };
    let last = pb::Op { op: op.op.clone(), ..pb::Op::default() };
    let mut bytes = Vec::with_capacity(first.encoded_len() + last.encoded_len());
    bytes.extend(first.encode_to_vec());
    bytes.extend(last.encode_to_vec());
    bytes
}

/// Encodes an op as BuildKit did before 0.17, when another code generator wrote all fields by their numbers.
pub(crate) fn encode_op_by_number(op: &pb::Op) -> Vec<u8> {
    op.encode_to_vec()
}

/// A JSON array as Go's `encoding/json` writes it: it also escapes what would be special in HTML or JavaScript.
pub(crate) fn go_json_array(items: &[String]) -> String {
    serde_json::Value::from(items.to_vec())
        .to_string()
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}
