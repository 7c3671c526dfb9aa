//! Change one thing, and one layer changes: what ran and what moved, as the build log and the image's digests tell.

use crate::engine::{Engine, example, tag};
use crate::projects::write;

#[test]
fn an_unchanged_project_runs_nothing() {
    let Some(engine) = Engine::get() else { return };
    let project = example("fastapi");
    let first = engine.build_pyproject(project.path(), &tag("unchanged"));
    let second = engine.build_pyproject(project.path(), &tag("unchanged"));
    assert_eq!(second.steps_that_ran(), Vec::<String>::new(), "{}", second.log);
    assert_eq!(engine.layers(&first.tag), engine.layers(&second.tag));
}

#[test]
fn a_code_edit_rebuilds_the_project_and_moves_only_its_layer() {
    let Some(engine) = Engine::get() else { return };
    let project = example("fastapi");
    let before = engine.build_pyproject(project.path(), &tag("edit"));
    let code = std::fs::read_to_string(project.path().join("src/api/main.py")).unwrap();
    write(&project.path().join("src/api"), "main.py", &code.replace("Hello", &format!("Hello {}", std::process::id())));
    let after = engine.build_pyproject(project.path(), &tag("edit"));

    let ran = after.steps_that_ran();
    assert!(!ran.is_empty() && ran.iter().all(|step| step.contains(" api")), "{ran:?}\n{}", after.log);
    let (before, after) = (engine.layers(&before.tag), engine.layers(&after.tag));
    assert_eq!(before.len(), after.len());
    assert_eq!(before[..before.len() - 1], after[..after.len() - 1]);
    assert_ne!(before.last(), after.last());
}

#[test]
fn without_cache_the_layers_come_out_the_same() {
    let Some(engine) = Engine::get() else { return };
    let project = example("fastapi");
    let first = engine.build_pyproject(project.path(), &tag("again"));
    let file = project.path().join("pyproject.toml").display().to_string();
    let again = engine.build(project.path(), &tag("again"), &["--no-cache", "--file", &file]);
    assert!(!again.steps_that_ran().is_empty(), "--no-cache ran nothing:\n{}", again.log);
    assert_eq!(engine.layers(&first.tag), engine.layers(&again.tag));
}

#[test]
fn an_engine_without_merge_gets_copies() {
    let Some(engine) = Engine::get() else { return };
    let project = example("virtual");
    let build = engine.build_pyproject(project.path(), &tag("fallback"));
    let assembled = build.log.lines().filter(|line| line.ends_with("[project] assemble tick")).count();
    // One merge of everything, or one copy for each layer: humanize, the runtime, the project.
    assert_eq!(assembled, if engine.is_graphdriver() { 3 } else { 1 }, "{}", build.log);
}

#[test]
fn history_reads_well() {
    let Some(engine) = Engine::get() else { return };
    let project = example("hatchling");
    let build = engine.build_pyproject(project.path(), &tag("history"));
    let history = engine.docker(&["history", "--no-trunc", "--format", "{{.CreatedBy}}|{{.Comment}}", &build.tag]);
    let ours: Vec<&str> = history.lines().filter(|line| line.ends_with("|pyfront.v0")).collect();
    assert_eq!(
        ours,
        [
            "start [\"greeter\"]|pyfront.v0",
            "install greeter|pyfront.v0",
            "venv /opt/venv, user app (10001:10001), /app|pyfront.v0",
            "install click 8.5.1|pyfront.v0",
            "install markupsafe 3.0.4|pyfront.v0",
        ],
        "{history}"
    );
}
