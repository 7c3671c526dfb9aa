//! Questions about a build (`docker buildx build --call=…`, `--check`): they are answered as text and as JSON, and build
//! nothing.

use buildkit_frontend::testing::{FakeDaemon, Outcome};
use serde_json::{Value, json};

use crate::projects::Project;
use crate::run;

fn ask(daemon: FakeDaemon, question: &str) -> Outcome {
    run(&daemon.option("requestid", question))
}

fn project() -> FakeDaemon {
    Project::example("fastapi").build("pyproject.toml")
}

fn json_of(outcome: &Outcome) -> Value {
    serde_json::from_slice(&outcome.result().metadata["result.json"]).unwrap()
}

/// An answer in both its forms. No image goes with it, and nothing but files of the client was solved.
fn answer(outcome: &Outcome) -> String {
    let metadata = &outcome.result().metadata;
    assert!(!metadata.contains_key("containerimage.config") && !metadata.contains_key("refs.platforms"));
    for graph in outcome.solved() {
        assert!(graph.sources().iter().all(|source| source.starts_with("local://")), "{:?}", graph.sources());
    }
    let text = std::str::from_utf8(&metadata["result.txt"]).unwrap();
    let version = std::str::from_utf8(&metadata["version"]).unwrap();
    format!("{version}\n{text}\n{}", serde_json::to_string_pretty(&json_of(outcome)).unwrap())
}

#[test]
fn describe() {
    insta::assert_snapshot!(answer(&ask(project(), "frontend.subrequests.describe")));
    // It needs no project.
    let nothing = FakeDaemon::new().local("dockerfile", [("a", "")]).local("context", [("a", "")]);
    ask(nothing, "frontend.subrequests.describe").result();
}

#[test]
fn targets() {
    insta::assert_snapshot!(answer(&ask(project(), "frontend.targets")));
}

#[test]
fn outline() {
    insta::assert_snapshot!(answer(&ask(project(), "frontend.outline")));
    let outcome = ask(project().option("target", "prod"), "frontend.outline");
    assert!(outcome.error().message.contains("\"prod\""), "{}", outcome.error().message);
}

#[test]
fn lint_of_a_project_that_builds() {
    let outcome = ask(project(), "frontend.lint");
    answer(&outcome);
    let report = json_of(&outcome);
    assert_eq!((&report["warnings"], report.get("buildError")), (&json!([]), None), "{report}");
}

#[test]
fn lint_of_a_project_that_does_not_build() {
    let project =
        Project::example("virtual").edit("pyproject.toml", "[project]", "[tool.pyfront]\nport = 8000\n\n[project]");
    let outcome = ask(project.build("pyproject.toml"), "frontend.lint");
    insta::assert_snapshot!(answer(&outcome));
    // The line that is reported is the line of the file.
    let place = &json_of(&outcome)["buildError"]["location"]["ranges"][0];
    let line = usize::try_from(place["start"]["line"].as_u64().unwrap()).unwrap();
    assert_eq!(project.text("pyproject.toml").lines().nth(line - 1), Some("port = 8000"));
}

#[test]
fn the_schema_of_the_configuration() {
    for question in ["frontend.pyfront.schema", "pyfront.schema"] {
        let outcome = ask(project(), question);
        let schema = json_of(&outcome);
        assert_eq!(schema["properties"]["command"]["type"], "array", "{schema:#}");
        assert!(outcome.solved().is_empty(), "it needs no project");
    }
}

#[test]
fn the_plan_of_each_platform() {
    let daemon = project();
    let plan = json_of(&ask(daemon.clone(), "frontend.pyfront.plan"));
    assert_eq!((&plan["project"], &plan["target"]), (&json!("api"), &json!("runtime")));
    let dev = json_of(&ask(daemon.clone().option("target", "dev"), "frontend.pyfront.plan"));
    assert_eq!(dev["target"], "dev");
    let both = json_of(&ask(daemon.option("platform", "linux/amd64,linux/amd64/v3"), "frontend.pyfront.plan"));
    assert_eq!(both["linux/amd64/v3"]["platform"], "linux/amd64/v3");
    assert_eq!(both["linux/amd64"], plan);
}

#[test]
fn unknown_questions() {
    let outcome = ask(project(), "frontend.horoscope");
    let error = outcome.error();
    assert_eq!((error.code, error.message.as_str()), (12, "unsupported request frontend.horoscope"));
    assert_eq!(error.details[0].type_url, "github.com/moby/buildkit/errdefs.Subrequest+json");
    assert_eq!(outcome.solved(), []);
}
