//! What must hold for every lock, also for those that nobody would write: reading and walking end in a value or in
//! diagnostics, never in a panic, and the order of packages in the file means nothing.

// Helpers of tests may panic like the tests themselves.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::Index;
use pyfront::closure::{Arch, Defaults, Libc, Python, Request, Root, Target, resolve};
use pyfront::diagnostic::SourceFile;
use pyfront::project::lock::Lock;

fn locks() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/locks");
    let mut paths: Vec<_> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path().join("uv.lock")).collect();
    paths.sort();
    paths
        .into_iter()
        .filter_map(|path| fs::read_to_string(path).ok())
        // Long ones are slow, and hold nothing that short ones do not.
        .filter(|text| text.len() < 70_000)
        .collect()
}

fn targets() -> [Target; 2] {
    let target = |python, arch, libc| Target { python: Python::new(python, false).unwrap(), arch, libc };
    [
        target("3.13.0", Arch::X86_64, Libc::Glibc { major: 2, minor: 36 }),
        target("3.11.7", Arch::Aarch64, Libc::Musl { major: 1, minor: 2 }),
    ]
}

fn requests(lock: &Lock) -> Vec<Request> {
    let mut everything = Request { root: Root::Workspace, ..Request::default() };
    everything.extras.all = true;
    everything.groups.all = true;
    let mut development = Request::default();
    development.groups.defaults = Defaults::Development;
    let mut list = vec![Request::default(), development, everything];
    for member in lock.members() {
        list.push(Request { root: Root::Member(member.clone()), ..Request::default() });
        for extra in lock.packages_named(member).flat_map(|package| package.extras()) {
            let mut request = Request { root: Root::Member(member.clone()), ..Request::default() };
            request.extras.include.push(extra.clone());
            list.push(request);
        }
    }
    list
}

/// Everything that can be asked of a lock, as text.
fn answers(text: &str) -> Result<Vec<String>, String> {
    let lock = Lock::read(&SourceFile::new("uv.lock", text)).map_err(|problems| problems.to_string())?;
    let mut answers = Vec::new();
    for target in targets() {
        for request in requests(&lock) {
            answers.push(match resolve(&lock, &request, &target) {
                Ok(closure) => serde_json::to_string(&closure).unwrap(),
                Err(problems) => problems.iter().map(|problem| problem.message().to_owned()).collect(),
            });
        }
    }
    Ok(answers)
}

#[derive(Debug, Clone)]
enum Mutation {
    Insert(Index, String),
    Delete(Index, Index),
    Duplicate(Index, Index, Index),
    SwapLines(Index, Index),
    Replace(Index, Index),
}

/// Words that mean something in a lock.
const WORDS: [&str; 24] = [
    "extra",
    "marker = \"extra == 'extra-4-conf-old'\", ",
    "name",
    "version",
    "source",
    "editable",
    "virtual",
    "registry",
    "url",
    "path",
    "..",
    "/",
    "%2F",
    "%00",
    "\\u0000",
    "=",
    "\"",
    "'",
    "[",
    "]",
    "{",
    "}",
    "999999999999999999999",
    "\u{202e}",
];

fn mutation() -> impl Strategy<Value = Mutation> {
    let word = prop::sample::select(WORDS.to_vec()).prop_map(str::to_owned);
    prop_oneof![
        (any::<Index>(), prop_oneof![word, "\\PC{0,3}", "[ -~\n]{0,3}"])
            .prop_map(|(at, text)| Mutation::Insert(at, text)),
        (any::<Index>(), any::<Index>()).prop_map(|(at, length)| Mutation::Delete(at, length)),
        (any::<Index>(), any::<Index>(), any::<Index>())
            .prop_map(|(at, length, to)| Mutation::Duplicate(at, length, to)),
        (any::<Index>(), any::<Index>()).prop_map(|(one, other)| Mutation::SwapLines(one, other)),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Mutation::Replace(from, to)),
    ]
}

/// The `"…"` strings of a text, without the quotes.
fn strings(text: &str) -> Vec<std::ops::Range<usize>> {
    let quotes: Vec<usize> = text.match_indices('"').map(|(at, _)| at).collect();
    quotes.chunks_exact(2).map(|pair| pair[0] + 1..pair[1]).collect()
}

fn mutate(text: &mut String, mutation: &Mutation) {
    if text.is_empty() {
        return;
    }
    let at = |index: &Index, text: &str| text.floor_char_boundary(index.index(text.len()));
    match mutation {
        Mutation::Insert(index, word) => text.insert_str(at(index, text), word),
        Mutation::Delete(index, length) => {
            let start = at(index, text);
            let end = text.floor_char_boundary((start + length.index(60)).min(text.len()));
            text.replace_range(start..end, "");
        }
        Mutation::Duplicate(index, length, to) => {
            let start = at(index, text);
            let end = text.floor_char_boundary((start + length.index(400)).min(text.len()));
            let copy = text[start..end].to_owned();
            text.insert_str(at(to, text), &copy);
        }
        Mutation::SwapLines(one, other) => {
            let mut lines: Vec<&str> = text.split('\n').collect();
            let (one, other) = (one.index(lines.len()), other.index(lines.len()));
            lines.swap(one, other);
            *text = lines.join("\n");
        }
        Mutation::Replace(from, to) => {
            let strings = strings(text);
            if !strings.is_empty() {
                let (from, to) = (strings[from.index(strings.len())].clone(), strings[to.index(strings.len())].clone());
                let copy = text[from].to_owned();
                text.replace_range(to, &copy);
            }
        }
    }
}

/// Files that a person has touched are read by the general TOML reader, and mean the same; old locks say
/// `distribution`; keys of later revisions are passed over.
#[test]
fn other_ways_to_write_a_lock_mean_the_same() {
    for lock in locks() {
        let plain = answers(&lock).unwrap();
        let edited = lock.replace("\n[[package]]\n", "\n[[ package ]] # touched\n");
        let old = lock.replace("\n[[package]]\n", "\n[[distribution]]\n").replace("\n[package.", "\n[distribution.");
        let windows = lock.replace('\n', "\r\n");
        let later = lock
            .replacen("version = 1\n", "version = 1\nmood = \"good\"\n", 1)
            .replace("\n[[package]]\n", "\n[[package]]\nmood = { of = [1, 2.5, 1979-05-27] }\n")
            .replace("{ name = ", "{ mood = [], name = ")
            .replace("{ url = ", "{ mood = true, url = ");
        for (way, text) in [("edited", edited), ("old", old), ("windows", windows), ("later", later)] {
            assert_eq!(plain, answers(&text).unwrap(), "{way}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_lock_makes_the_reader_or_the_walk_panic(
        lock in prop::sample::select(locks()),
        mutations in prop::collection::vec(mutation(), 0..6),
    ) {
        let mut text = lock;
        for mutation in &mutations {
            mutate(&mut text, mutation);
        }
        let _ = answers(&text);
    }

    #[test]
    fn text_that_is_no_lock_is_refused(text in "\\PC{0,200}") {
        prop_assert!(answers(&text).is_err());
    }

    #[test]
    fn the_order_of_packages_means_nothing(
        lock in prop::sample::select(locks()),
        seed in any::<u64>(),
    ) {
        let (head, packages) = lock.split_once("[[package]]").unwrap();
        let mut packages: Vec<&str> = packages.split("[[package]]").collect();
        let mut state = seed | 1;
        for index in (1..packages.len()).rev() {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            packages.swap(index, usize::try_from(state % (index as u64 + 1)).unwrap());
        }
        let packages: Vec<&str> = packages.iter().map(|package| package.trim_end()).collect();
        let shuffled = format!("{head}[[package]]{}\n", packages.join("\n\n[[package]]"));
        prop_assert_eq!(answers(&lock).unwrap(), answers(&shuffled).unwrap());
    }
}
