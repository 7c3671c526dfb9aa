//! What `--target` can ask for: images, parts of them, and files about them.

use buildkit_frontend::testing::{FakeDaemon, Outcome};
use buildkit_proto::pb::{self, file_action};
use serde_json::json;

use crate::projects::Project;
use crate::run;

fn fastapi() -> Project {
    Project::example("fastapi")
}

fn target(project: &Project, name: &str) -> FakeDaemon {
    project.build("pyproject.toml").option("target", name)
}

/// The names of the steps.
fn steps(outcome: &Outcome) -> Vec<String> {
    let graph = outcome.graph(None);
    graph.execs().into_iter().map(|(digest, _)| graph.name(digest).unwrap().to_owned()).collect()
}

/// The only file of a graph that does nothing but write it.
fn written(outcome: &Outcome) -> (String, String) {
    let graph = outcome.graph(None);
    assert!(graph.sources().is_empty() && graph.execs().is_empty(), "nothing is fetched and nothing runs");
    let mut files = graph.ops.iter().filter_map(|(_, op)| match &op.op {
        Some(pb::op::Op::File(file)) => Some(file),
        _ => None,
    });
    let [action] = &files.next().unwrap().actions[..] else { panic!("one action") };
    assert!(files.next().is_none());
    match &action.action {
        Some(file_action::Action::Mkfile(file)) => (file.path.clone(), String::from_utf8(file.data.clone()).unwrap()),
        other => panic!("{other:?}"),
    }
}

/// `[tool.pyfront]` of the example with more below it.
fn configured(more: &str) -> Project {
    let project = fastapi();
    let text = format!("{}\n{more}", project.text("pyproject.toml"));
    project.with("pyproject.toml", text)
}

#[test]
fn a_target_of_the_project_shares_all_layers_with_the_others() {
    let worker = "[tool.pyfront.targets.worker]\ncommand = [\"python\", \"-m\", \"api.worker\"]\nhealthcheck = false\n\
                  env = { QUEUE = \"mail\" }\n";
    let project = configured(worker);
    let worker = run(&target(&project, "WORKER"));
    let runtime = run(&project.build("pyproject.toml"));
    let graphs = [&worker, &runtime]
        .map(|outcome| outcome.graph(None).ops.iter().map(|(digest, _)| digest.clone()).collect::<Vec<_>>());
    assert_eq!(graphs[0], graphs[1]);
    let config = &worker.image_config(None)["config"];
    assert_eq!(config["Cmd"], json!(["python", "-m", "api.worker"]));
    assert_eq!(config["Healthcheck"]["Test"], json!(["NONE"]));
    assert!(config["Env"].as_array().unwrap().contains(&json!("QUEUE=mail")));
    assert_eq!(config["Labels"], runtime.image_config(None)["config"]["Labels"]);
    assert_eq!(runtime.image_config(None)["config"]["Cmd"][0], "uvicorn");
}

#[test]
fn a_target_that_does_not_exist() {
    let project = configured("[tool.pyfront.targets.worker]\ncommand = [\"w\"]\n");
    insta::assert_snapshot!(run(&target(&project, "wroker")).error().message);
}

#[test]
fn the_environment_alone() {
    let outcome = run(&target(&fastapi(), "venv"));
    let runtime = run(&fastapi().build("pyproject.toml"));
    // The same steps make it, so what is in the cache of one is in the cache of the other.
    assert_eq!(steps(&outcome), steps(&runtime));
    let graph = outcome.graph(None);
    let merge = graph.ops.iter().find_map(|(_, op)| match &op.op {
        Some(pb::op::Op::Merge(merge)) => Some(merge.inputs.len()),
        _ => None,
    });
    let runtime = runtime.graph(None);
    let with_base = runtime.ops.iter().find_map(|(_, op)| match &op.op {
        Some(pb::op::Op::Merge(merge)) => Some(merge.inputs.len()),
        _ => None,
    });
    assert_eq!(merge.unwrap() + 1, with_base.unwrap());
    let config = outcome.image_config(None);
    assert_eq!(
        config["config"],
        json!({"Env": ["PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin", "VIRTUAL_ENV=/opt/venv"]})
    );
}

#[test]
fn the_wheel_needs_nothing_but_the_project() {
    let outcome = run(&target(&fastapi(), "wheel"));
    let library = "[internal] prepare Python and uv for all steps";
    assert_eq!(steps(&outcome), [library, "[project] build and install api"]);
    // No start command is looked for: the project need not have one.
    assert!(!outcome.solved().iter().any(|graph| format!("{graph:?}").contains("look for the start command")));
    insta::assert_snapshot!(run(&target(&Project::example("virtual"), "wheel")).error().message);
}

#[test]
fn the_requirements_are_the_closure_with_all_hashes() {
    let (path, text) = written(&run(&target(&Project::example("virtual"), "requirements")));
    assert_eq!(path, "/requirements.txt");
    insta::assert_snapshot!(text);
    let refused = run(&Project::example("requirements").build("Dockerfile").option("target", "requirements"));
    insta::assert_snapshot!(refused.error().message);
}

#[test]
fn the_requirements_of_every_platform() {
    let daemon = target(&Project::example("hatchling"), "requirements").option("platform", "linux/amd64,linux/arm64");
    let outcome = run(&daemon.image(
        crate::projects::BASE_IMAGE,
        buildkit_frontend::testing::FakeImage::new(crate::projects::BASE.replace(r#""architecture":"amd64","#, "")),
    ));
    for platform in ["linux/amd64", "linux/arm64"] {
        let graph = format!("{:?}", outcome.graph(Some(platform)));
        assert!(graph.contains("[requirements.txt] write"), "{graph}");
    }
}

#[test]
fn the_plan_is_that_of_the_image() {
    let (path, text) = written(&run(&target(&configured("[tool.pyfront.targets.runtime]\nports = [81]\n"), "plan")));
    assert_eq!(path, "/plan.json");
    let plan: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&plan["project"], &plan["target"]), (&json!("api"), &json!("runtime")));
    assert_eq!(plan["config"]["ports"], json!(["81/tcp"]));
}

/// The step whose name contains this.
fn step(outcome: &Outcome, name: &str) -> pb::ExecOp {
    let graph = outcome.graph(None);
    let found = graph.execs().into_iter().find(|(digest, _)| graph.name(digest).is_some_and(|is| is.contains(name)));
    found.unwrap_or_else(|| panic!("{name}: {:?}", steps(outcome))).1.clone()
}

#[test]
fn development_has_the_dev_group_an_editable_project_and_a_server_that_reloads() {
    let outcome = run(&target(&fastapi(), "dev"));
    let config = &outcome.image_config(None)["config"];
    let command = config["Cmd"].as_array().unwrap();
    assert_eq!((&command[0], command.last()), (&json!("uvicorn"), Some(&json!("--reload"))));
    assert!(config["Env"].as_array().unwrap().contains(&json!("PYTHONDONTWRITEBYTECODE=1")));
    assert!(steps(&outcome).iter().any(|name| name.contains("pytest")), "{:?}", steps(&outcome));
    let editable = step(&outcome, "[project] install api, editable in /app");
    assert_eq!(editable.meta.unwrap().args[4..], ["api", "/app"]);
    // Nothing of this is in production.
    let runtime = run(&fastapi().build("pyproject.toml"));
    assert!(!steps(&runtime).iter().any(|name| name.contains("pytest") || name.contains("editable")));
    assert!(!runtime.image_config(None).to_string().contains("reload"));
    // Docker before 28 can't synchronize files into a container whose user has a group.
    assert_eq!(
        (&config["User"], &runtime.image_config(None)["config"]["User"]),
        (&json!("10001"), &json!("10001:10001"))
    );

    // What is written for the target is taken as it is.
    let dev = "[tool.pyfront.targets.dev]\ncommand = [\"uvicorn\", \"api.main:app\"]\nports = [8000]\n";
    let project = configured(dev);
    let config = run(&target(&project, "dev")).image_config(None);
    assert_eq!(config["config"]["Cmd"], json!(["uvicorn", "api.main:app"]));
}

#[test]
fn the_members_of_a_workspace_lie_as_they_do_in_it() {
    let daemon = Project::example("workspace").build("Dockerfile").option("target", "dev");
    let outcome = run(&daemon);
    let mut names: Vec<_> = steps(&outcome).into_iter().filter(|name| name.contains("editable")).collect();
    names.sort();
    insta::assert_snapshot!(names.join("\n"));
}

#[test]
fn tests_run_in_the_image_and_what_they_leave_is_the_result() {
    let outcome = run(&target(&fastapi(), "test"));
    let tests = step(&outcome, "[test] python -m pytest");
    let meta = tests.meta.unwrap();
    assert_eq!(meta.args, ["python", "-m", "pytest", "--junit-xml=/reports/junit.xml"]);
    assert_eq!((meta.user.as_str(), meta.cwd.as_str()), ("10001:10001", "/app"));
    assert!(meta.env.iter().any(|variable| variable.starts_with("PATH=/opt/venv/bin:")), "{:?}", meta.env);
    assert!(meta.env.contains(&"PYTHON_VERSION=3.13.5".to_owned()), "{:?}", meta.env);
    assert!(meta.env.contains(&"HOME=/home/app".to_owned()), "{:?}", meta.env);
    assert!(tests.mounts.iter().any(|mount| mount.dest == "/reports" && mount.output >= 0));
    assert_eq!(outcome.image_config(None).get("config"), Some(&json!({})));

    let again = run(&target(&fastapi(), "test").option("no-cache", "test"));
    let graph = again.graph(None);
    for (digest, _) in graph.execs() {
        let name = graph.name(digest).unwrap();
        assert_eq!(graph.metadata[digest].ignore_cache, name.starts_with("[test]"), "{name}");
    }
}

#[test]
fn what_tests_is_configured_or_pytest() {
    let project = configured("[tool.pyfront.targets.test]\ncommand = [\"python\", \"-m\", \"unittest\"]\n");
    let outcome = run(&target(&project, "test"));
    assert_eq!(step(&outcome, "[test] python -m unittest").meta.unwrap().args, ["python", "-m", "unittest"]);
    insta::assert_snapshot!(run(&target(&Project::example("hatchling"), "test")).error().message);
}

#[test]
fn tests_for_another_cpu_need_an_emulator() {
    let daemon = target(&fastapi(), "test").option("platform", "linux/arm64");
    let daemon = daemon.image(
        crate::projects::BASE_IMAGE,
        buildkit_frontend::testing::FakeImage::new(crate::projects::BASE.replace(r#""architecture":"amd64","#, "")),
    );
    insta::assert_snapshot!(run(&daemon).error().message);
}
