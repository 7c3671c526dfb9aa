//! Replays what fuzzing found (`fuzz/`), without a fuzzer: every input of every corpus goes through the function that it
//! was made for, and none may make it panic or take long. Inputs that are bad because they are large are made here.

// Helpers of tests may panic like the tests themselves.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

#[path = "../fuzz/src/lib.rs"]
mod targets;

/// An input takes milliseconds; this allows for a busy machine and a build without optimisation.
const LONGEST: Duration = Duration::from_secs(10);
/// The stack of the threads that pyfront's runtime uses.
const STACK: usize = 2 << 20;

/// Runs a target on one input after the other. An input that takes too long ends the test with its name; the
/// thread that is stuck ends with the process.
fn run(target: fn(&[u8]), inputs: Vec<(String, Vec<u8>)>) {
    let (sender, receiver) = channel();
    let names: Vec<String> = inputs.iter().map(|(name, _)| name.clone()).collect();
    let worker = std::thread::Builder::new()
        .stack_size(STACK)
        .spawn(move || {
            for (_, data) in inputs {
                target(&data);
                if sender.send(()).is_err() {
                    return;
                }
            }
        })
        .unwrap();
    for name in names {
        match receiver.recv_timeout(LONGEST) {
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout) => panic!("{name} takes longer than {LONGEST:?}"),
            Err(RecvTimeoutError::Disconnected) => {
                drop(worker.join());
                panic!("{name} makes it panic");
            }
        }
    }
}

#[test]
fn the_corpus_is_survived() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (name, target) in targets::TARGETS {
        let mut paths: Vec<_> = fs::read_dir(corpus.join(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        assert!(!paths.is_empty(), "{name} has no corpus");
        run(target, paths.iter().map(|path| (path.display().to_string(), fs::read(path).unwrap())).collect());
    }
}

/// What no fuzzer would come upon, since it begins with small inputs: depth, length, number.
#[test]
fn large_hostile_inputs_are_survived() {
    const MANY: usize = 100_000;
    let all = |list: Vec<(&str, String)>| -> Vec<(String, Vec<u8>)> {
        list.into_iter().map(|(name, text)| (name.to_owned(), text.into_bytes())).collect()
    };
    let lines = |count: usize, line: &dyn Fn(usize) -> String| (0..count).map(line).collect::<String>();
    let toml = || {
        vec![
            ("nested arrays", format!("a = {}", "[".repeat(MANY))),
            ("nested arrays, closed", format!("a = {}{}", "[".repeat(MANY), "]".repeat(MANY))),
            ("nested inline tables", format!("a = {}", "{ a = ".repeat(MANY))),
            ("a dotted key", format!("{}a = 1\n", "a.".repeat(MANY))),
            ("a dotted header", format!("[{}a]\n", "a.".repeat(MANY))),
            ("a dotted header of arrays", format!("[[{}a]]\n", "a.".repeat(MANY))),
            ("deeper and deeper headers", (1..1000).map(|depth| format!("[a{}]\n", ".a".repeat(depth))).collect()),
            ("many keys", lines(MANY / 5, &|index| format!("k{index} = 1\n"))),
            ("many broken lines", "=\n".repeat(MANY)),
            ("a long number", format!("a = {}\n", "9".repeat(10 * MANY))),
            ("a long key", format!("{} = 1\n", "k".repeat(10 * MANY))),
            ("an open string", format!("a = \"{}", "x".repeat(10 * MANY))),
        ]
    };
    run(targets::pyproject, all(toml()));
    run(targets::entry, all(toml()));
    run(targets::lock, all(toml()));
    run(
        targets::source,
        all(vec![
            ("open f-strings", "f\"{a\" ".repeat(MANY)),
            ("open brackets", "a = [".repeat(MANY)),
            ("many objects", lines(MANY / 5, &|index| format!("a{index} = b()\n"))),
            ("many functions", lines(MANY / 5, &|index| format!("def a{index}():\n return FastAPI()\n"))),
        ]),
    );
}
