//! Workspaces: one lock, an image for each member, and of the others only what it needs.

use serde_json::json;

use crate::engine::{Build, Engine, example, tag};
use crate::fidelity::{ORACLE, same_venv};
use crate::projects::write;

fn package(engine: &Engine, project: &tempfile::TempDir, name: &str) -> Build {
    let argument = format!("PYFRONT_PACKAGE={name}");
    let file = project.path().join("pyproject.toml").display().to_string();
    engine.build(project.path(), &tag(name), &["--file", &file, "--build-arg", &argument])
}

#[test]
fn each_member_has_an_image_of_its_own_from_one_lock() {
    let Some(engine) = Engine::get() else { return };
    let project = example("workspace");
    let api = engine.build_pyproject(project.path(), &tag("api"));
    assert_eq!(engine.run(&api.tag, &[]), "api: a parcel of 1.5 MB");
    let worker = package(&engine, &project, "worker");
    assert_eq!(engine.run(&worker.tag, &[]), "worker: a parcel of 2.0 kB");

    let find =
        "import importlib.util as u; print([bool(u.find_spec(n)) for n in ('core', 'humanize', 'click', 'api')])";
    assert_eq!(engine.run(&api.tag, &["python", "-c", find]), "[True, True, True, True]");
    assert_eq!(engine.run(&worker.tag, &["python", "-c", find]), "[True, True, False, False]");

    // The root's settings are defaults for the members, whose own win.
    let labels = |tag: &str| engine.inspect(tag)["Config"]["Labels"]["org.opencontainers.image.vendor"].clone();
    assert_eq!((labels(&api.tag), labels(&worker.tag)), (json!("Example"), json!("Example")));
    let env = |tag: &str| engine.inspect(tag)["Config"]["Env"].to_string().contains("PARCEL_SIZE");
    assert!(env(&api.tag) && !env(&worker.tag));

    // What both need are the same layers: the base's, humanize and core.
    let (api, worker) = (engine.layers(&api.tag), engine.layers(&worker.tag));
    let shared = api.iter().filter(|layer| worker.contains(layer)).count();
    let base = engine.layers("python:3.13-slim").len();
    assert_eq!(shared, base + 2, "{api:?}\n{worker:?}");
}

#[test]
fn a_change_reruns_what_it_is_in_and_nothing_else() {
    let Some(engine) = Engine::get() else { return };
    let project = example("workspace");
    let edit = |path: &str, from: &str, to: &str| {
        let text = std::fs::read_to_string(project.path().join(path)).unwrap();
        assert!(text.contains(from), "{path} has no {from}");
        write(project.path(), path, &text.replace(from, to));
    };
    let before = package(&engine, &project, "api");

    edit("packages/worker/src/worker/__init__.py", "Carries one", "Brings one");
    write(project.path(), "notes.txt", "nobody needs this\n");
    edit("pyproject.toml", "[tool.uv.workspace]", "# a comment\n[tool.uv.workspace]");
    let unrelated = package(&engine, &project, "api");
    assert_eq!(unrelated.steps_that_ran(), Vec::<String>::new(), "{}", unrelated.log);
    engine.assert_same_layers(&before.tag, &unrelated.tag);

    let text = format!("a box {} of", std::process::id());
    edit("packages/core/src/core/__init__.py", "a parcel of", &text);
    let library = package(&engine, &project, "api");
    let ran = library.steps_that_ran();
    let expected = |step: &String| step.contains(" core") || step.contains("assemble");
    assert!(ran.iter().any(|step| step.contains("install core")) && ran.iter().all(expected), "{ran:?}");
    assert!(engine.run(&library.tag, &[]).contains(&text));
    let (before, after) = (engine.layers(&before.tag), engine.layers(&library.tag));
    let moved: Vec<usize> = (0..before.len()).filter(|index| before[*index] != after[*index]).collect();
    // Docker's older store writes the files of a layer in one of two orders, so the project's layer above may count as another.
    let most = if engine.is_graphdriver() { 2 } else { 1 };
    assert_eq!(before.len(), after.len());
    assert!((1..=most).contains(&moved.len()), "{before:?}\n{after:?}");
}

#[test]
fn a_member_is_chosen_by_its_own_project_file() {
    let Some(engine) = Engine::get() else { return };
    let project = example("workspace");
    let expected = package(&engine, &project, "worker");
    let file = project.path().join("packages/worker/pyproject.toml").display().to_string();
    let by_file = engine.build(project.path(), &tag("by-file"), &["--file", &file]);
    engine.assert_same_layers(&by_file.tag, &expected.tag);
    assert_eq!(engine.inspect(&by_file.tag)["Config"], engine.inspect(&expected.tag)["Config"]);

    // In a git checkout buildx says where the file is, so two equal files are no question.
    let git = |arguments: &[&str]| {
        let status = std::process::Command::new("git").arg("-C").arg(project.path()).args(arguments).status().unwrap();
        assert!(status.success());
    };
    git(&["init", "--quiet"]);
    let in_checkout = engine.build(project.path(), &tag("by-file"), &["--file", &file]);
    engine.assert_same_layers(&in_checkout.tag, &expected.tag);
}

#[test]
fn a_root_that_is_no_project_needs_a_choice_or_a_command() {
    let Some(engine) = Engine::get() else { return };
    let project = example("workspace");
    let root = std::fs::read_to_string(project.path().join("pyproject.toml")).unwrap();
    write(project.path(), "pyproject.toml", &root.replace("package = \"api\"\n", ""));
    let file = project.path().join("pyproject.toml").display().to_string();
    let refused = engine.try_build(project.path(), &tag("undecided"), &["--file", &file]);
    assert!(!refused.success, "{}", refused.log);
    assert!(
        refused.log.contains("api (packages/api), core (packages/core), worker (packages/worker)"),
        "{}",
        refused.log
    );

    write(project.path(), "pyproject.toml", &root.replace("package = \"api\"", "command = [\"worker\"]"));
    let all = engine.build_pyproject(project.path(), &tag("all"));
    assert_eq!(engine.run(&all.tag, &[]), "worker: a parcel of 2.0 kB");
    assert_eq!(engine.run(&all.tag, &["api"]), "api: a parcel of 0 Bytes");
}

#[test]
fn the_venv_of_a_member_is_what_uv_makes() {
    let Some(engine) = Engine::get() else { return };
    let project = example("workspace");
    let ours = package(&engine, &project, "api");
    // Where the workspace has no name, uv takes that of its directory for the prompt.
    let oracle = ORACLE.replace("WORKDIR /src", "WORKDIR /api").replace("uv sync", "uv sync --package api");
    same_venv(&engine, &ours.tag, project.path(), &oracle);
}

#[test]
fn a_link_that_leads_out_of_a_member_is_named() {
    let Some(engine) = Engine::get() else { return };
    let project = example("workspace");
    write(project.path(), "common.py", "SHARED = True\n");
    let link = project.path().join("packages/worker/src/worker/shared.py");
    std::os::unix::fs::symlink("../../../../common.py", link).unwrap();
    let file = project.path().join("pyproject.toml").display().to_string();
    let arguments = ["--file", &file, "--build-arg", "PYFRONT_PACKAGE=worker"];
    let build = engine.try_build(project.path(), &tag("link"), &arguments);
    assert!(!build.success, "{}", build.log);
    let says = "missing: what src/worker/shared.py links to (../../../../common.py): a build sees the files of its project alone";
    assert!(build.log.contains(says), "{}", build.log);
}
