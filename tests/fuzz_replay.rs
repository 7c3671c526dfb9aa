//! Replays what fuzzing found (`fuzz/`), without a fuzzer: every input of every corpus goes through the function that it
//! was made for, and none may make it panic or take long. Inputs that are bad because they are large are made here.

// Helpers of tests may panic like the tests themselves.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

// Public for the fuzzers, which have a crate of their own.
#[allow(unreachable_pub)]
#[path = "../fuzz/src/lib.rs"]
mod targets;

/// Most inputs take milliseconds. This allows for a very busy machine and a build without optimisation.
const LONGEST: Duration = Duration::from_mins(1);
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
        let begin = Instant::now();
        match receiver.recv_timeout(LONGEST) {
            Ok(()) if begin.elapsed() > Duration::from_secs(1) => eprintln!("{name}: {:?}", begin.elapsed()),
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
    let toml = || {
        vec![
            ("nested arrays", format!("a = {}", "[".repeat(MANY))),
            ("nested arrays, closed", format!("a = {}{}", "[".repeat(MANY), "]".repeat(MANY))),
            ("nested inline tables", format!("a = {}", "{ a = ".repeat(MANY))),
            ("a dotted key", format!("{}a = 1\n", "a.".repeat(MANY))),
            ("a dotted header", format!("[{}a]\n", "a.".repeat(MANY))),
            ("a dotted header of arrays", format!("[[{}a]]\n", "a.".repeat(MANY))),
            ("deeper and deeper headers", lines(300, |depth| format!("[a{}]\n", ".a".repeat(depth)))),
            ("many keys", lines(MANY / 20, |index| format!("k{index} = 1\n"))),
            ("many broken lines", "=\n".repeat(MANY / 5)),
            ("a long number", format!("a = {}\n", "9".repeat(3 * MANY))),
            ("a long key", format!("{} = 1\n", "k".repeat(3 * MANY))),
            ("an open string", format!("a = \"{}", "x".repeat(3 * MANY))),
        ]
    };
    run(targets::pyproject, all(toml()));
    run(targets::entry, all(toml()));
    run(targets::lock, all(toml()));
    run(targets::lock, all(hostile_locks()));
    run(
        targets::source,
        all(vec![
            ("open f-strings", "f\"{a\" ".repeat(MANY / 10)),
            ("open brackets", "a = [".repeat(MANY)),
            ("many objects", lines(MANY / 5, |index| format!("a{index} = b()\n"))),
            ("many functions", lines(MANY / 5, |index| format!("def a{index}():\n return FastAPI()\n"))),
        ]),
    );
}

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect()
}

/// Locks in uv's layout that nobody would write.
fn hostile_locks() -> Vec<(&'static str, String)> {
    let root = "[[package]]\nname = \"a\"\nversion = \"1\"\nsource = { virtual = \".\" }\n";
    let head = "version = 1\nrequires-python = \">=3.8\"\n";
    let conflicts = "conflicts = [[{ package = \"a\", extra = \"x0\" }, { package = \"a\", extra = \"y0\" }]]\n";
    let extras = |pairs: usize| {
        lines(pairs, |index| format!("x{index} = [{{ name = \"p0\" }}]\ny{index} = [{{ name = \"p0\" }}]\n"))
    };
    let chain = |count: usize, edge: &dyn Fn(usize) -> String| {
        lines(count, |index| {
            format!(
                "\n[[package]]\nname = \"p{index}\"\nversion = \"1\"\nsource = {{ virtual = \"p{index}\" }}\ndependencies = \
                 [{}]\n",
                edge(index)
            )
        })
    };
    let next = |index: usize, count: usize, marker: &str| {
        format!("{{ name = \"p{}\", marker = \"{marker}\" }}", (index + 1) % count)
    };
    // The order in which the extras are first seen is the worst for the pairs that follow.
    let pairs = |count: usize| {
        let one = |letter: char| {
            (0..count).map(|index| format!("extra == 'extra-1-a-{letter}{index}'")).collect::<Vec<_>>().join(" or ")
        };
        let both = (0..count)
            .map(|index| format!("(extra == 'extra-1-a-x{index}' and extra == 'extra-1-a-y{index}')"))
            .collect::<Vec<_>>()
            .join(" or ");
        let dependencies =
            [one('x'), one('y'), both.clone(), both.replace(" or ", " and ").replace(" and extra", " or extra")]
                .map(|marker| format!("{{ name = \"p0\", marker = \"{marker}\" }}"))
                .join(", ");
        format!(
            "{head}{conflicts}\n{root}dependencies = [{dependencies}]\n\n[package.optional-dependencies]\n{}{}",
            extras(count),
            chain(1, &|_| String::new())
        )
    };
    let ring = |count: usize, conflicts: &str, marker: &dyn Fn(usize) -> String| {
        format!(
            "{head}{conflicts}\n{root}dependencies = [{{ name = \"p0\" }}]\n\n[package.optional-dependencies]\n{}{}",
            extras(2),
            chain(count, &|index| next(index, count, &marker(index)))
        )
    };
    vec![
        ("90 pairs of conflicting extras", pairs(90)),
        ("200 pairs of conflicting extras", pairs(200)),
        ("a ring of 1000 packages", ring(1000, "", &|_| "os_name == 'posix'".to_owned())),
        (
            "a ring of 200 packages, each behind an extra",
            ring(200, conflicts, &|index| format!("extra == 'extra-1-a-x{index}' or extra != 'extra-1-a-y{index}'")),
        ),
        (
            "everything depends on everything",
            format!(
                "{head}{conflicts}\n{root}dependencies = [{{ name = \"p0\" }}]\n\n[package.optional-dependencies]\n{}{}",
                extras(60),
                chain(60, &|_| {
                    (0..60)
                        .map(|to| {
                            format!("{{ name = \"p{to}\", marker = \"extra == 'extra-1-a-x{to}' or extra != 'extra-1-a-y{to}'\" }}")
                        })
                        .collect::<Vec<_>>()
                        .join(", ")
                })
            ),
        ),
        (
            "deep parentheses",
            ring(2, "", &|_| format!("{}os_name == 'posix'{}", "(".repeat(50_000), ")".repeat(50_000))),
        ),
        ("a long version", ring(2, "", &|_| format!("python_full_version >= '{}'", "9".repeat(200_000)))),
        ("a version of many parts", ring(2, "", &|_| format!("python_full_version >= '3{}'", ".1".repeat(100_000)))),
        (
            "5000 extras of one edge",
            format!(
                "{head}{conflicts}\n{root}dependencies = [{{ name = \"a\", extra = [{}] }}]\n\n\
                 [package.optional-dependencies]\n{}{}",
                lines(5000, |index| format!("\"x{}\", ", index % 900)),
                extras(450),
                chain(1, &|_| String::new())
            ),
        ),
    ]
}
