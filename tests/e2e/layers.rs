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
    engine.assert_same_layers(&first.tag, &second.tag);
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
    engine.assert_same_layers(&first.tag, &again.tag);
}

/// The layers with third-party packages, bottom first: what each is said to hold, and its digest.
fn packages(engine: &Engine, tag: &str) -> Vec<(String, String)> {
    let history = engine.docker(&["history", "--no-trunc", "--format", "{{.CreatedBy}}|{{.Comment}}", tag]);
    // The newest are first: the project, the venv's skeleton, and below that the packages.
    let ours = history.lines().filter_map(|line| line.strip_suffix("|pyfront.v0"));
    let packages: Vec<&str> = ours.skip_while(|line| !line.starts_with("venv ")).skip(1).collect();
    let layers = engine.layers(tag);
    let digests = layers[..layers.len() - 2].iter().rev();
    packages.into_iter().map(str::to_owned).zip(digests.cloned()).rev().collect()
}

/// The digests of the layers with third-party packages, bottom first.
fn third_party(engine: &Engine, tag: &str) -> Vec<String> {
    packages(engine, tag).into_iter().map(|(_, digest)| digest).collect()
}

#[test]
fn projects_share_the_layers_of_packages_that_they_have_in_common() {
    let Some(engine) = Engine::get() else { return };
    let [first, second] = ["gunicorn", "celery"].map(|name| engine.build_pyproject(example(name).path(), &tag(name)));
    let (ours, theirs) = (packages(&engine, &first.tag), packages(&engine, &second.tag));
    let is_shared = |(title, _): &&(String, String)| theirs.iter().any(|(other, _)| other == title);
    let shared: Vec<_> = ours.iter().filter(is_shared).collect();
    // With a layer of its own whatever else there is.
    assert!(shared.iter().any(|(title, _)| title.starts_with("install pydantic-core ")), "{ours:?}\n{theirs:?}");
    for layer in shared {
        assert!(theirs.contains(layer), "{layer:?} is another one in {theirs:?}");
        assert!(!second.steps_that_ran().iter().any(|step| step.ends_with(&layer.0)), "{layer:?}:\n{}", second.log);
    }
}

#[test]
fn layers_are_the_same_on_every_engine_whatever_the_project_is_called() {
    let Some(engine) = Engine::get() else { return };
    let project = example("fastapi");
    let first = engine.build_pyproject(project.path(), &tag("same"));
    let layers = third_party(&engine, &first.tag);
    // These digests were written down on another day and another machine. They change with the example's lock, with the programs of
    // the steps, with uv and with the Python of the stand-in image, and with nothing else.
    insta::assert_snapshot!(layers.join("\n"));

    let other = example("fastapi");
    for file in ["pyproject.toml", "uv.lock"] {
        let text = std::fs::read_to_string(other.path().join(file)).unwrap();
        write(other.path(), file, &text.replace("name = \"api\"", "name = \"another\""));
    }
    std::fs::rename(other.path().join("src/api"), other.path().join("src/another")).unwrap();
    let file = other.path().join("pyproject.toml").display().to_string();
    let second = engine.build(other.path(), &tag("same"), &["--no-cache", "--file", &file]);
    assert_eq!(third_party(&engine, &second.tag), layers);
}

#[test]
fn an_engine_without_merge_gets_copies() {
    let Some(engine) = Engine::get() else { return };
    let project = example("virtual");
    let build = engine.build_pyproject(project.path(), &tag("fallback"));
    let assembled = build.log.lines().filter(|line| line.contains("[project] assemble tick")).count();
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
