//! Any graph: its definition is deterministic, complete, without duplicates, and producers come first. And it survives
//! being encoded, decoded and taken as an input again.

#![allow(clippy::unwrap_used)] // a test through and through

use std::collections::HashSet;

use buildkit_llb::{
    Annotate, Base, Bind, Cache, Caps, Copy, Definition, Diff, Digest, Exec, File, Image, Local, Location, Merge,
    Mkdir, Output, Owner, Platform, Range, SCRATCH, Secret, SourceFile, Tmpfs, marshal,
};
use buildkit_proto::pb;
use proptest::prelude::*;
use prost::Message as _;

/// One more op; the numbers choose among the results so far.
#[derive(Debug, Clone)]
enum Step {
    Image(u8),
    Local(u8),
    Exec { root: usize, mounts: Vec<(u8, usize)>, take: usize },
    File { base: Option<usize>, copies: Vec<usize>, owner: Option<u32> },
    Merge(Vec<usize>),
    Diff(Option<usize>, Option<usize>),
}

fn step() -> impl Strategy<Value = Step> {
    let pick = any::<usize>;
    let maybe = || proptest::option::of(any::<usize>());
    prop_oneof![
        any::<u8>().prop_map(|n| Step::Image(n % 4)),
        any::<u8>().prop_map(|n| Step::Local(n % 4)),
        (pick(), proptest::collection::vec((0_u8..6, pick()), 0..6), pick())
            .prop_map(|(root, mounts, take)| Step::Exec { root, mounts, take }),
        (maybe(), proptest::collection::vec(pick(), 0..4), proptest::option::of(any::<u32>()))
            .prop_map(|(base, copies, owner)| Step::File { base, copies, owner }),
        proptest::collection::vec(pick(), 0..5).prop_map(Step::Merge),
        (maybe(), maybe()).prop_map(|(lower, upper)| Step::Diff(lower, upper)),
    ]
}

fn build(steps: &[Step]) -> Option<Output> {
    let platform = Platform::new("linux", "amd64");
    let file = SourceFile::new("pyproject.toml", "TOML", "x");
    let mut made: Vec<Output> = Vec::new();
    let mut last = None;
    for (line, step) in (1..).zip(steps) {
        let pick = |n: &usize| made.get(n % made.len().max(1)).cloned();
        let base = |n: &Option<usize>| Base::from(n.as_ref().and_then(pick));
        let at = Location::new(&file, [Range::line(line)]);
        let output = match step {
            Step::Image(n) => {
                Some(Image::new(format!("docker.io/library/i:{n}"), platform.clone()).at(at).build().unwrap())
            }
            Step::Local(n) => Some(Local::new(format!("l{n}")).session("s").build().unwrap()),
            Step::Exec { root, mounts, take } => {
                let mut exec = Exec::on(pick(root), ["run"]).platform(platform.clone()).named("run").at(at);
                let mut outputs = vec!["/".to_owned()];
                for (n, (kind, source)) in mounts.iter().enumerate() {
                    // Not in the order of their names.
                    let dest = format!("/m{}", (n * 7) % 10);
                    exec = match kind {
                        0 => exec.mount(Bind::readonly(pick(source), dest)),
                        1 => {
                            outputs.push(dest.clone());
                            exec.mount(Bind::writable(pick(source), dest))
                        }
                        2 => exec.mount(Cache::new("id", dest).seed(pick(source))),
                        3 => exec.mount(Secret::new("id", dest)),
                        4 => exec.mount(Bind::discarded(pick(source), dest)),
                        _ => exec.mount(Tmpfs::new(dest)),
                    };
                }
                Some(exec.build().unwrap().output(&outputs[take % outputs.len()]).unwrap())
            }
            Step::File { base: from, copies, owner } => {
                let mut op = File::on(base(from));
                op = match owner {
                    None => op.then(Mkdir::new("/d")),
                    Some(uid) => op.then(Mkdir::new("/d").owner(Owner::new(*uid, "group"))),
                };
                for source in copies.iter().filter_map(pick) {
                    op = op.then(Copy::new(source, "/", "/"));
                }
                Some(op.at(at).build().unwrap())
            }
            Step::Merge(layers) => Merge::of(layers.iter().map(pick)).named("merge").build(),
            Step::Diff(lower, upper) => Diff::between(base(lower), base(upper)).build(),
        };
        made.extend(output.clone());
        last = output;
    }
    last
}

/// What every definition must be.
fn check(definition: &Definition) {
    let message = definition.as_pb();
    let digests: Vec<Digest> = definition.digests().collect();
    let mut made = HashSet::new();
    let mut used = HashSet::new();
    for (number, (bytes, digest)) in message.def.iter().zip(&digests).enumerate() {
        let op = pb::Op::decode(bytes.as_slice()).unwrap();
        assert_eq!(op.op.is_none(), number == message.def.len() - 1, "the terminal op is the last one, and alone");
        for input in op.inputs {
            assert!(made.contains(&input.digest), "a producer comes after its consumer");
            used.insert(input.digest);
        }
        assert!(made.insert(digest.to_string()), "an op is there twice");
        assert!(message.metadata.contains_key(&digest.to_string()), "an op without metadata");
    }
    assert_eq!(made.len(), used.len() + usize::from(!made.is_empty()), "an op that nothing uses");
    if let Some(source) = &message.source {
        for (digest, of_op) in &source.locations {
            assert!(made.contains(digest));
            assert!(
                of_op
                    .locations
                    .iter()
                    .all(|at| usize::try_from(at.source_index).is_ok_and(|index| index < source.infos.len()))
            );
        }
    }
}

proptest! {
    #[test]
    fn any_graph(steps in proptest::collection::vec(step(), 1..24)) {
        let output = build(&steps);
        let definition = marshal(output.as_ref(), &Caps::all()).unwrap();
        check(&definition);
        prop_assert_eq!(definition.is_scratch(), output.is_none());

        // Built again from nothing, it is the same to the byte.
        let again = build(&steps);
        prop_assert_eq!(&output, &again);
        prop_assert_eq!(marshal(again.as_ref(), &Caps::all()).unwrap().to_bytes(), definition.to_bytes());

        // So it is after a journey over the wire.
        let decoded = Definition::from_bytes(&definition.to_bytes()).unwrap();
        prop_assert_eq!(&decoded, &definition);
        let foreign = decoded.output().unwrap();
        prop_assert_eq!(&foreign, &output);
        prop_assert_eq!(marshal(foreign.as_ref(), &Caps::all()).unwrap(), definition);
    }
}

/// A long chain neither overflows the stack nor takes long.
#[test]
fn long_chains() {
    let mut output: Option<Output> = None;
    for n in 0..20_000_u32 {
        let dir = Mkdir::new("/d").owner(Owner::new(n, n));
        output = Some(File::on(output).then(dir).build().unwrap());
    }
    let definition = marshal(output.as_ref(), &Caps::all()).unwrap();
    check(&definition);
    let foreign = definition.output().unwrap();
    assert_eq!(foreign, output);
    drop((output, foreign));
}

#[test]
fn scratch_is_the_empty_definition() {
    let definition = marshal(None, &Caps::default()).unwrap();
    assert!(definition.is_scratch());
    assert_eq!(definition.to_bytes(), b"");
    assert_eq!(definition.output(), Ok(None));
    assert_eq!(Merge::of([SCRATCH]).build(), None);
}
