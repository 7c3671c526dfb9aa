//! `pyfront check`.

use std::fs;

use crate::command::{example, pyfront};

#[test]
fn a_project_that_would_build() {
    let text = pyfront(&example("fastapi"), &["check"]).ok();
    assert!(text.starts_with("api: nothing that would fail a build, starts uvicorn"), "{text}");
}

#[test]
fn errors_have_their_line_and_the_next_step() {
    let copy = tempfile::tempdir().unwrap();
    for name in ["pyproject.toml", "uv.lock"] {
        fs::copy(example("fastapi").join(name), copy.path().join(name)).unwrap();
    }
    let pyproject = copy.path().join("pyproject.toml");
    let text = fs::read_to_string(&pyproject).unwrap();
    let check = |text: String| {
        fs::write(&pyproject, text).unwrap();
        let run = pyfront(copy.path(), &["check"]);
        assert_eq!((run.code, run.err.as_str()), (Some(1), ""), "{}", run.out);
        run.out
    };
    let stale = check(text.replace("\"fastapi\"", "\"fastapi\", \"httpx\""));
    let unknown = check(format!("{text}comand = [\"x\"]\n"));
    let target = check(format!("{text}[tool.pyfront.targets.worker]\nhealthcheck = {{ path = \"/\", port = 0 }}\n"));
    fs::remove_file(copy.path().join("uv.lock")).unwrap();
    let no_lock = check(text);
    // The list of keys is another test's.
    let unknown: Vec<&str> = unknown.lines().filter(|line| !line.contains("known keys: ")).collect();
    let unknown = unknown.join("\n") + "\n";
    insta::assert_snapshot!([stale, unknown, target, no_lock].join("---\n"));
}
