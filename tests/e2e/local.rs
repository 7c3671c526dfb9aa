//! Dependencies among the user's own files: wheels and archives by path, an index that is a directory, a source tree
//! outside of the build context.

use crate::engine::{Build, Engine, fixture, tag};
use crate::fidelity::same_venv;
use crate::projects::write;

fn build(engine: &Engine, directory: &tempfile::TempDir, more: &[&str]) -> Build {
    let app = directory.path().join("app");
    let file = app.join("pyproject.toml").display().to_string();
    let mut arguments = vec!["--file", &file];
    arguments.extend(more);
    engine.try_build(&app, &tag("local"), &arguments)
}

fn pallet(directory: &tempfile::TempDir) -> String {
    format!("pallet={}", directory.path().join("pallet").display())
}

/// What buildx prints at the end.
fn end(build: &Build) -> &str {
    assert!(!build.success, "{}", build.log);
    build.log.rsplit_once("------\n").map_or(build.log.as_str(), |(_, end)| end)
}

#[test]
fn wheels_archives_and_trees_by_path() {
    let Some(engine) = Engine::get() else { return };
    let directory = fixture("local");
    let pallet = pallet(&directory);
    let first = build(&engine, &directory, &["--build-context", &pallet]);
    assert!(first.success, "{}", first.log);
    assert_eq!(engine.run(&first.tag, &[]), "carton lid pallet tape");

    // Another file beside them is nobody's business; the project's own files are copied.
    write(&directory.path().join("app/vendor"), "notes.txt", "x\n");
    let again = build(&engine, &directory, &["--build-context", &pallet]);
    let ran = again.steps_that_ran();
    assert!(ran.iter().all(|step| step.contains(" app")), "{ran:?}\n{}", again.log);

    write(&directory.path().join("pallet/src/pallet"), "__init__.py", "NAME = \"common\"\n");
    let edited = build(&engine, &directory, &["--build-context", &pallet]);
    let ran = edited.steps_that_ran();
    assert!(ran.iter().all(|step| step.contains(" pallet") || step.contains("assemble")), "{ran:?}\n{}", edited.log);
    assert_eq!(engine.run(&edited.tag, &[]), "carton lid common tape");
}

#[test]
fn the_venv_is_what_uv_makes() {
    let Some(engine) = Engine::get() else { return };
    let directory = fixture("local");
    let pallet = pallet(&directory);
    let ours = build(&engine, &directory, &["--build-context", &pallet]);
    assert!(ours.success, "{}", ours.log);
    let oracle = crate::fidelity::ORACLE.replace("COPY . .", "COPY . .\nWORKDIR /src/app");
    same_venv(&engine, &ours.tag, directory.path(), &oracle);
}

#[test]
fn a_tree_outside_of_the_context_needs_a_context_of_its_own() {
    let Some(engine) = Engine::get() else { return };
    let directory = fixture("local");
    let refused = build(&engine, &directory, &[]);
    for expected in [
        "pallet lies outside of the build context, at \"../pallet\"",
        "docker buildx build --build-context pallet=../pallet",
        ">>> pallet = { path = \"../pallet\" }",
    ] {
        assert!(end(&refused).contains(expected) || refused.log.contains(expected), "{expected}\n{}", refused.log);
    }
}

#[test]
fn a_wheel_that_was_changed_is_not_installed() {
    let Some(engine) = Engine::get() else { return };
    let directory = fixture("local");
    let vendor = directory.path().join("app/vendor");
    std::fs::copy(vendor.join("wheels/lid-2.0-py3-none-any.whl"), vendor.join("carton-1.0-py3-none-any.whl")).unwrap();
    let refused = build(&engine, &directory, &["--build-context", &pallet(&directory)]);
    assert!(!refused.success);
    assert!(refused.log.contains("carton-1.0-py3-none-any.whl is not the file that was locked"), "{}", refused.log);
}
