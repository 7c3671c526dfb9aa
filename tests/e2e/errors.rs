//! What the terminal shows when something the user wrote is wrong: taken through real buildx, compared with snapshots.

use std::path::Path;

use crate::engine::{Engine, example, tag};
use crate::projects::write;

/// Changes a copy of an example, builds it, and returns what a person reads at the end of the log.
fn message(engine: &Engine, example_name: &str, change: impl FnOnce(&Path)) -> String {
    let project = example(example_name);
    change(project.path());
    let file = project.path().join("pyproject.toml").display().to_string();
    let build = engine.try_build(project.path(), &tag("error"), &["--file", &file]);
    assert!(!build.success, "this should not build:\n{}", build.log);
    // Everything before is progress; with a place, the excerpt comes first: `pyproject.toml:3` and a ruler.
    let lines: Vec<&str> = build.log.lines().collect();
    let ruler = |index: &usize| {
        lines[*index].starts_with("--------------------") && *index > 0 && lines[*index - 1].contains(':')
    };
    let excerpt = (0..lines.len()).find(ruler).map(|index| index - 1);
    let error = lines.iter().position(|line| line.starts_with("ERROR: "));
    let start = excerpt.or(error).expect("a failed build prints an error");
    let shown: Vec<&str> = lines[start..].iter().map(|line| line.trim_end()).collect();
    // Later versions of buildx say twice that it failed, and which of its two halves notices first is a matter of chance.
    shown
        .join("\n")
        .replace("ERROR: failed to build: ", "ERROR: ")
        .replace("ERROR: failed to run Build function: ", "ERROR: failed to solve: ")
}

fn edit(project: &Path, name: &str, from: &str, to: &str) {
    let text = std::fs::read_to_string(project.join(name)).expect("the file can be read");
    assert!(text.contains(from), "{name} has no {from:?}");
    write(project, name, &text.replacen(from, to, 1));
}

#[test]
fn no_lock() {
    let Some(engine) = Engine::get() else { return };
    insta::assert_snapshot!(message(&engine, "virtual", |project| {
        std::fs::remove_file(project.join("uv.lock")).unwrap();
    }));
}

#[test]
fn broken_pyproject() {
    let Some(engine) = Engine::get() else { return };
    insta::assert_snapshot!(message(&engine, "virtual", |project| {
        edit(project, "pyproject.toml", "name = \"tick\"", "name = \"tick");
    }));
}

#[test]
fn broken_lock() {
    let Some(engine) = Engine::get() else { return };
    insta::assert_snapshot!(message(&engine, "virtual", |project| {
        edit(project, "uv.lock", "[[package]]", "[[package]");
    }));
}

#[test]
fn lock_of_a_future_version() {
    let Some(engine) = Engine::get() else { return };
    insta::assert_snapshot!(message(&engine, "virtual", |project| {
        edit(project, "uv.lock", "version = 1", "version = 2");
    }));
}

#[test]
fn unknown_key() {
    let Some(engine) = Engine::get() else { return };
    insta::assert_snapshot!(message(&engine, "fastapi", |project| {
        edit(project, "pyproject.toml", "healthcheck =", "healtcheck =");
    }));
}

#[test]
fn stale_lock() {
    let Some(engine) = Engine::get() else { return };
    insta::assert_snapshot!(message(&engine, "virtual", |project| {
        edit(project, "pyproject.toml", "[\"humanize\"]", "[\"humanize\", \"rich\"]");
    }));
}

#[test]
fn python_that_no_base_has() {
    let Some(engine) = Engine::get() else { return };
    insta::assert_snapshot!(message(&engine, "virtual", |project| {
        std::fs::remove_file(project.join(".python-version")).unwrap();
        edit(project, "pyproject.toml", ">=3.11", ">=3.99");
        edit(project, "uv.lock", ">=3.11", ">=3.99");
    }));
}

#[test]
fn package_without_a_wheel_for_the_platform() {
    let Some(engine) = Engine::get() else { return };
    insta::assert_snapshot!(message(&engine, "virtual", |project| {
        edit(project, "uv.lock", "-py3-none-any.whl", "-cp313-cp313-win_amd64.whl");
        let lock = std::fs::read_to_string(project.join("uv.lock")).unwrap();
        let without_sdist: Vec<&str> = lock.lines().filter(|line| !line.starts_with("sdist = ")).collect();
        write(project, "uv.lock", &without_sdist.join("\n"));
    }));
}

#[test]
fn no_start_command() {
    let Some(engine) = Engine::get() else { return };
    insta::assert_snapshot!(message(&engine, "virtual", |project| {
        std::fs::rename(project.join("main.py"), project.join("library.py")).unwrap();
        write(project, "library.py", "VALUE = 1\n");
    }));
}

#[test]
fn wheel_that_does_not_have_the_locked_hash() {
    let Some(engine) = Engine::get() else { return };
    let shown = message(&engine, "virtual", |project| {
        let lock = std::fs::read_to_string(project.join("uv.lock")).unwrap();
        let wheel = lock.lines().find(|line| line.contains("-py3-none-any.whl")).unwrap();
        let (_, hash) = wheel.split_once("sha256:").unwrap();
        let hash = &hash[..64];
        write(project, "uv.lock", &lock.replace(hash, &"0".repeat(64)));
    });
    assert!(shown.contains("uv.lock:"), "{shown}");
    assert!(shown.contains(&"0".repeat(64)), "{shown}");
    assert!(shown.contains(">>>"), "{shown}");
}
