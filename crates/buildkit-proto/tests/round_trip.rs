//! Compares our messages with those of an independent crate, `bollard-buildkit-proto`, whose `.proto` files are
//! BuildKit's own. Messages with every field filled go from our type to theirs and back; nothing may get lost, and both
//! must print the same text, which has the names of all fields in it.

#![allow(clippy::unwrap_used)] // a test through and through

use std::any::type_name;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::path::PathBuf;

use bollard_buildkit_proto as theirs;
use buildkit_proto as ours;
use proptest::prelude::*;
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto};

/// Fields that are newer than the other crate (which is as of BuildKit 0.29), and what their absence prints as.
const NOT_IN_THEIRS: [(&str, &str); 3] = [
    ("pb.Op.passthrough", ""),
    ("pb.OpMetadata.linux_resources", ", linux_resources: None"),
    ("moby.buildkit.v1.types.BuildkitVersion.dockerfileVersion", ", dockerfile_version: \"\""),
];

/// Messages that are newer than the other crate.
const MESSAGES_NOT_IN_THEIRS: [&str; 2] = [".pb.LinuxResources", ".pb.PassthroughOp"];

/// What fields that we leave out print as.
const NOT_IN_OURS: [&str; 2] =
    [", source_policies: []", ", network: Unset, platform: None, constraints: None, extra_hosts: [], hostname: \"\""];

/// Descriptors of all messages by full name, with a leading dot; and the numbers of all enums.
struct Schema {
    messages: BTreeMap<String, DescriptorProto>,
    enums: BTreeMap<String, Vec<i32>>,
}

impl Schema {
    fn load() -> Self {
        let protos = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../proto");
        let mut schema = Self { messages: BTreeMap::new(), enums: BTreeMap::new() };
        for file in protox::compile(["gateway.proto"], [protos]).unwrap().file {
            let scope = format!(".{}", file.package());
            for message in &file.message_type {
                schema.add_message(&scope, message);
            }
            for values in &file.enum_type {
                schema.add_enum(&scope, values);
            }
        }
        schema
    }

    fn add_message(&mut self, scope: &str, message: &DescriptorProto) {
        let name = format!("{scope}.{}", message.name());
        for nested in &message.nested_type {
            self.add_message(&name, nested);
        }
        for values in &message.enum_type {
            self.add_enum(&name, values);
        }
        self.messages.insert(name, message.clone());
    }

    fn add_enum(&mut self, scope: &str, values: &prost_types::EnumDescriptorProto) {
        let numbers = values.value.iter().map(prost_types::EnumValueDescriptorProto::number).collect();
        self.enums.insert(format!("{scope}.{}", values.name()), numbers);
    }

    /// The wire form of a message in which every field says something. `seed` chooses the values and, in each oneof, the
    /// member; recursion ends at `depth`.
    fn fill(&self, name: &str, seed: &mut Seed, depth: u8) -> Vec<u8> {
        let message = &self.messages[name];
        let mut bytes = Vec::new();
        let chosen: BTreeMap<i32, i32> = (0..)
            .zip(&message.oneof_decl)
            .map(|(oneof, _)| {
                let members: Vec<i32> = message
                    .field
                    .iter()
                    .filter(|field| field.oneof_index == Some(oneof) && !new_in_ours(name, field))
                    .map(FieldDescriptorProto::number)
                    .collect();
                (oneof, members[seed.below(members.len())])
            })
            .collect();
        for field in &message.field {
            if new_in_ours(name, field) || field.oneof_index.is_some_and(|oneof| chosen[&oneof] != field.number()) {
                continue;
            }
            // More than one entry of a map would print in any order.
            let map = field.r#type() == Type::Message
                && self.messages[field.type_name()]
                    .options
                    .as_ref()
                    .is_some_and(prost_types::MessageOptions::map_entry);
            let count = if field.label() == Label::Repeated && !map { 1 + seed.below(3) } else { 1 };
            for _ in 0..count {
                self.fill_field(field, seed, depth, &mut bytes);
            }
        }
        bytes
    }

    fn fill_field(&self, field: &FieldDescriptorProto, seed: &mut Seed, depth: u8, bytes: &mut Vec<u8>) {
        let number = u32::try_from(field.number()).unwrap();
        let mut delimited = |content: Vec<u8>| {
            encode_key(number, WireType::LengthDelimited, bytes);
            encode_varint(content.len() as u64, bytes);
            bytes.extend(content);
        };
        match field.r#type() {
            Type::String => delimited(format!("text {}", seed.next()).into_bytes()),
            Type::Bytes => delimited(seed.next().to_le_bytes().to_vec()),
            Type::Message if depth == 0 => {}
            Type::Message => delimited(self.fill(field.type_name(), seed, depth - 1)),
            kind => {
                let value = match kind {
                    Type::Bool => 1,
                    Type::Enum => {
                        let numbers = &self.enums[field.type_name()];
                        u64::try_from(numbers[1 + seed.below(numbers.len() - 1)]).unwrap()
                    }
                    Type::Int64 | Type::Uint64 => seed.next() | 1,
                    Type::Uint32 => (seed.next() >> 33) | 1,
                    // Some of them negative.
                    Type::Int32 => (i64::from(seed.next().to_le_bytes()[0]) - 300).cast_unsigned(),
                    other => panic!("no values for {other:?}"),
                };
                encode_key(number, WireType::Varint, bytes);
                encode_varint(value, bytes);
            }
        }
    }
}

fn new_in_ours(message: &str, field: &FieldDescriptorProto) -> bool {
    NOT_IN_THEIRS.iter().any(|(known, _)| *known == format!("{}.{}", &message[1..], field.name()))
}

/// A stream of numbers (splitmix64).
struct Seed(u64);

impl Seed {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }
}

/// Ours → theirs → ours, and the texts of both.
fn compare<O, T>(bytes: &[u8])
where
    O: Message + Default + PartialEq + Debug,
    T: Message + Default + Debug,
{
    let name = type_name::<O>();
    let our = O::decode(bytes).unwrap();
    assert_eq!(our.encoded_len(), canonical_len::<O>(bytes), "{name}");
    let their = T::decode(our.encode_to_vec().as_slice()).unwrap();
    let our_text = NOT_IN_THEIRS
        .iter()
        .fold(format!("{our:?}"), |text, (_, absent)| if absent.is_empty() { text } else { text.replace(absent, "") });
    let their_text = NOT_IN_OURS.iter().fold(format!("{their:?}"), |text, absent| text.replace(absent, ""));
    if our_text != their_text {
        let same = our_text.bytes().zip(their_text.bytes()).take_while(|(a, b)| a == b).count();
        let from = |text: &str| text.chars().skip(same.saturating_sub(80)).take(200).collect::<String>();
        panic!("{name}\n ours: …{}…\ntheirs: …{}…", from(&our_text), from(&their_text));
    }
    assert_eq!(O::decode(their.encode_to_vec().as_slice()).unwrap(), our, "{name}");
}

/// The length after one more decoding and encoding: what is not lost in the second pass was not lost in the first.
fn canonical_len<M: Message + Default>(bytes: &[u8]) -> usize {
    M::decode(M::decode(bytes).unwrap().encode_to_vec().as_slice()).unwrap().encoded_len()
}

/// Declares the table of messages that both crates have.
macro_rules! shared {
    ($($package:literal: $our:path, $their:path { $($message:ident)* })*) => {
        /// Full name → comparison.
        fn shared() -> BTreeMap<String, fn(&[u8])> {
            let mut table: BTreeMap<String, fn(&[u8])> = BTreeMap::new();
            $({
                use $our as our;
                use $their as their;
                $(table.insert(
                    format!(".{}.{}", $package, stringify!($message)),
                    compare::<our::$message, their::$message>,
                );)*
            })*
            table
        }
    };
}

shared! {
    "pb": ours::pb, theirs::pb {
        Op Platform Input ExecOp Meta Ulimit SecretEnv Mount TmpfsOpt CacheOpt SecretOpt SourceOp BuildOp BuildInput
        OpMetadata Source Locations SourceInfo Location Range Position ExportCache ProgressGroup ProxyEnv
        WorkerConstraints Definition FileOp FileAction FileActionCopy FileActionMkFile FileActionMkDir FileActionRm
        FileActionSymlink ChownOpt UserOpt NamedUserOpt MergeInput MergeOp LowerDiffInput UpperDiffInput DiffOp
        CdiDevice HostIp SshOpt
    }
    "moby.buildkit.v1.frontend": ours::gateway, theirs::moby::buildkit::v1::frontend {
        Result RefMapDeprecated Ref RefMap Attestations Attestation InTotoSubject ReturnRequest ReturnResponse
        InputsRequest InputsResponse ResolveImageConfigRequest ResolveImageConfigResponse ResolveSourceMetaRequest
        ResolveSourceMetaResponse SolveRequest CacheOptionsEntry SolveResponse ReadFileRequest FileRange
        ReadFileResponse ReadDirRequest ReadDirResponse StatFileRequest StatFileResponse EvaluateRequest
        EvaluateResponse PingRequest PongResponse WarnRequest WarnResponse ResolveSourceImageRequest
        ResolveSourceImageResponse AttestationChain ResolveSourceGitRequest ResolveSourceGitResponse
        ResolveSourceHttpRequest ResolveSourceHttpResponse ChecksumRequest ChecksumResponse Blob Descriptor
        NewContainerRequest NewContainerResponse ReleaseContainerRequest ReleaseContainerResponse
    }
    "moby.buildkit.v1.types": ours::types, theirs::moby::buildkit::v1::types {
        WorkerRecord GcPolicy BuildkitVersion CdiDevice
    }
    "moby.buildkit.v1.apicaps": ours::apicaps, theirs::moby::buildkit::v1::apicaps { ApiCap }
    "fsutil.types": ours::fsutil, theirs::fsutil::types { Stat }
    "google.rpc": ours::rpc, theirs::google::rpc { Status }
}

/// prost's spelling of a message's name, where it differs.
fn rust_name(name: &str) -> String {
    for (proto, rust) in [
        ("CDIDevice", "CdiDevice"),
        ("HostIP", "HostIp"),
        ("SSHOpt", "SshOpt"),
        ("GCPolicy", "GcPolicy"),
        ("APICap", "ApiCap"),
        ("SourceHTTP", "SourceHttp"),
    ] {
        if name.contains(proto) {
            return name.replace(proto, rust);
        }
    }
    name.to_owned()
}

/// Every message of ours is compared.
#[test]
fn no_message_is_forgotten() {
    let own: BTreeSet<String> = Schema::load()
        .messages
        .iter()
        .filter(|(name, message)| {
            let entry = message.options.as_ref().is_some_and(prost_types::MessageOptions::map_entry);
            !entry && !name.starts_with(".google.protobuf")
        })
        .map(|(name, _)| rust_name(name))
        .collect();
    let compared: BTreeSet<String> = shared().into_keys().collect();
    let missing: Vec<_> = own.difference(&compared).collect();
    assert_eq!(missing, MESSAGES_NOT_IN_THEIRS);
    assert!(compared.is_subset(&own));
}

fn compare_all(seed: u64) {
    let schema = Schema::load();
    let table = shared();
    for name in schema.messages.keys() {
        if let Some(compare) = table.get(&rust_name(name)) {
            compare(&schema.fill(name, &mut Seed(seed), 8));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_values(seed: u64) {
        compare_all(seed);
    }
}
