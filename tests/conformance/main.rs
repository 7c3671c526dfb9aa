//! `docs/conformance.md` is made from the table of the end-to-end tests, and the table names tests that exist and run where it
//! says. `cargo xtask codegen` writes the page anew.

mod engines;
mod rows;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use self::engines::{ENGINES, Suite};
use self::rows::{ROWS, Row, SECTIONS};

const INTRODUCTION: &str = "\
# What a build can be asked for, and where it was seen to work

<!-- Made from tests/conformance/rows.rs by `cargo xtask codegen`. -->

Each line is an option or a context of `docker buildx build`, with the end-to-end tests in `tests/e2e/` that prove it. `cargo xtask
test`, which is what CI runs, runs them on three engines:

- **26.1 containerd**: Docker 26.1 (BuildKit 0.13) that keeps images in the containerd store;
- **26.1 graph driver**: the same with Docker's older store;
- **28.5 containerd**: Docker 28.5 (BuildKit 0.25).

*pass*: these tests run there, and CI is red when one fails. *not offered*: the engine itself does not have it. *not run*:
CI does not run these tests there. An option that cannot be honoured is an error, or a warning of the check
[IgnoredOption](checks/ignored-option.md) or [UnknownBuildArg](checks/unknown-build-arg.md).

Limits on memory and CPU of steps need BuildKit 0.31, which none of them has. They are tested with a fake daemon alone, in
`tests/gateway/options.rs`: it gets what the client sent, and an older one that gets them is answered with a warning. The buildx of
these engines takes `--memory`, `--cpu-quota` and the like, and drops them without a word, as it does with a Dockerfile.

The driver `remote` is tested with the engine's BuildKit behind a plain socket. `PYFRONT_TEST_BUILDKIT=unix:///…` gives the tests
`clients::` a standalone BuildKit of this machine instead, and lets them use `buildctl`, which has to be installed then.
";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The text of each end-to-end test by its name (`module::test`).
fn tests() -> BTreeMap<String, String> {
    let mut tests = BTreeMap::new();
    for entry in std::fs::read_dir(root().join("tests/e2e")).expect("the tests are there") {
        let path = entry.expect("the directory can be listed").path();
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let module = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).expect("the file can be read");
        for function in text.split("#[test]\nfn ").skip(1) {
            let (name, rest) = function.split_once("()").expect("a test has no arguments");
            let body = rest.split_once("\n}\n").map_or(rest, |(body, _)| body);
            tests.insert(format!("{module}::{name}"), body.to_owned());
        }
    }
    tests
}

/// Whether `cargo xtask test` runs a test on an engine.
fn runs(suite: &Suite, test: &str) -> bool {
    let has_one_of = |parts: &[&str]| parts.iter().any(|part| test.contains(part));
    (suite.only.is_empty() || has_one_of(suite.only)) && !has_one_of(suite.without)
}

fn cell(row: &Row, suite: &Suite) -> &'static str {
    if row.not_offered_by.contains(&suite.engine) {
        return "not offered";
    }
    if row.tests.iter().all(|test| runs(suite, test)) { "pass" } else { "not run" }
}

#[test]
fn the_page_is_that_of_the_table() {
    let mut text = INTRODUCTION.to_owned();
    for section in SECTIONS {
        write!(text, "\n## {section}\n\n| | 26.1 containerd | 26.1 graph driver | 28.5 containerd | tests |\n")
            .unwrap();
        text.push_str("|---|---|---|---|---|\n");
        for row in ROWS.iter().filter(|row| row.section == *section) {
            let cells = ENGINES.map(|suite| cell(row, &suite));
            let tests: Vec<String> = row.tests.iter().map(|test| format!("`{test}`")).collect();
            let note = if row.note.is_empty() { String::new() } else { format!(": {}", row.note) };
            writeln!(text, "| {}{note} | {} | {} |", row.what, cells.join(" | "), tests.join(", ")).unwrap();
        }
    }
    let path = root().join("docs/conformance.md");
    if std::env::var_os("PYFRONT_UPDATE_GENERATED").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let checked_in = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(checked_in == text, "docs/conformance.md is stale: run `cargo xtask codegen`");
}

#[test]
fn the_table_names_tests_that_exist() {
    let tests = tests();
    for row in ROWS {
        assert!(SECTIONS.contains(&row.section), "{}", row.what);
        assert!(!row.tests.is_empty(), "{}: nothing proves it", row.what);
        for test in row.tests {
            assert!(tests.contains_key(*test), "{}: there is no test {test}", row.what);
        }
        for engine in row.not_offered_by {
            assert!(ENGINES.iter().any(|suite| suite.engine == *engine), "{}: {engine}", row.what);
        }
    }
}

/// What no engine runs is not tested, and what is named and has no test is out of date.
#[test]
fn each_test_runs_on_an_engine() {
    let tests = tests();
    for test in tests.keys() {
        assert!(ENGINES.iter().any(|suite| runs(suite, test)), "{test} runs on no engine");
    }
    for part in ENGINES.iter().flat_map(|suite| suite.only.iter().chain(suite.without)) {
        assert!(tests.keys().any(|test| test.contains(part)), "there is no test {part}");
    }
}

/// What a test leaves out on an engine, the table must not claim there.
#[test]
fn the_table_does_not_claim_what_a_test_skips() {
    let tests = tests();
    for row in ROWS {
        let skips =
            row.tests.iter().any(|test| tests[*test].contains("is_graphdriver") || test.starts_with("platforms::"));
        let said = row.not_offered_by.contains(&"graphdriver") || row.looked_at;
        assert!(!skips || said, "{}: a test of it does something else on graphdriver", row.what);
    }
}
