//! Bad input: each is one error for the person at the terminal, with the place in their file that buildx draws.

use std::fmt::Write as _;

use base64::Engine as _;
use buildkit_frontend::image::ImageReference;
use buildkit_frontend::testing::{Action, Call, FakeDaemon, FakeImage, Fault, Outcome};
use buildkit_proto::rpc;
use prost::Message as _;
use prost_types::Any;
use serde_json::Value;

use crate::projects::{BASE, BASE_IMAGE, Project};
use crate::run;

/// The type of the detail that places an error in a file.
const SOURCE: &str = "github.com/moby/buildkit/errdefs.Source+json";

/// The places of an error, in the order in which clients show them: file name, first line, last line, and these lines as they
/// were sent.
fn places(error: &rpc::Status) -> Vec<(String, usize, usize, Vec<String>)> {
    let mut places = Vec::new();
    for detail in error.details.iter().rev().filter(|detail| detail.type_url == SOURCE) {
        let json: Value = serde_json::from_slice(&detail.value).unwrap();
        let data = json["info"]["data"].as_str().unwrap_or_default();
        let data = String::from_utf8(base64::engine::general_purpose::STANDARD.decode(data).unwrap()).unwrap();
        for range in json["ranges"].as_array().unwrap() {
            let line = |end: &str| usize::try_from(range[end]["line"].as_u64().unwrap_or_default()).unwrap();
            let (first, last) = (line("start"), line("end"));
            let lines = data.lines().skip(first.saturating_sub(1)).take(last + 1 - first).map(str::to_owned);
            places.push((json["info"]["filename"].as_str().unwrap().to_owned(), first, last, lines.collect()));
        }
    }
    places
}

/// An error as text. Of the registry that images come from, no name is shown.
pub(crate) fn shown(outcome: &Outcome) -> String {
    let error = outcome.error();
    assert_eq!(error.code, 2, "any other code gets its name put in front of the message");
    let full = ImageReference::parse("python").unwrap().to_string();
    let mut text = error.message.replace(full.split('/').next().unwrap(), "registry");
    for (file, first, last, lines) in places(error) {
        let _ = write!(text, "\n\n{file}, lines {first} to {last}:");
        for line in lines {
            let _ = write!(text, "\n>>> {line}");
        }
    }
    text
}

fn refused(project: &Project) -> String {
    shown(&run(&project.build("pyproject.toml")))
}

fn refused_dockerfile(text: &str) -> String {
    shown(&run(&Project::example("virtual").with("Dockerfile", text).build("Dockerfile")))
}

#[test]
fn no_lock() {
    insta::assert_snapshot!(refused(&Project::example("virtual").without("uv.lock")));
}

#[test]
fn lock_that_is_ignored() {
    let ignored = Project::example("virtual").with(".dockerignore", "# comment\n*.md\n*.lock\n");
    insta::assert_snapshot!(refused(&ignored));
    let specific = Project::example("virtual").with("pyproject.toml.dockerignore", "*\n!pyproject.toml\n");
    insta::assert_snapshot!("lock_that_is_ignored_by_the_file_for_this_entry", refused(&specific));
}

#[test]
fn project_that_is_not_there() {
    let nothing = Project::example("virtual").without("pyproject.toml");
    insta::assert_snapshot!(shown(&run(&nothing.build("Dockerfile"))));
    let ignored = Project::example("virtual").with("Dockerfile", "# syntax=a\n").with(".dockerignore", "*.toml\n");
    let hidden = shown(&run(&ignored.build("Dockerfile")));
    assert_eq!(hidden, shown(&run(&ignored.build("pyproject.toml"))), "whether or not it is the entry file too");
    insta::assert_snapshot!("project_that_is_ignored", hidden);
}

#[test]
fn broken_toml() {
    let project = Project::example("virtual");
    insta::assert_snapshot!(refused(&project.clone().edit("pyproject.toml", "name = \"tick\"", "name = \"tick")));
    insta::assert_snapshot!("broken_lock", refused(&project.edit("uv.lock", "[[package]]", "[[package]")));
}

#[test]
fn lock_of_a_future_version() {
    insta::assert_snapshot!(refused(&Project::example("virtual").edit("uv.lock", "version = 1", "version = 2")));
}

#[test]
fn unknown_keys() {
    let project = Project::example("fastapi").edit("pyproject.toml", "healthcheck =", "healtcheck =");
    insta::assert_snapshot!(refused(&project));
    let two = project.edit("pyproject.toml", "labels =", "lables =");
    insta::assert_snapshot!("two_unknown_keys", refused(&two));
}

#[test]
fn error_in_the_body_of_a_dockerfile() {
    insta::assert_snapshot!(refused_dockerfile(
        "# syntax=org/pyfront\n\n# who runs it\nuser = \"nobody\"\nport = 80\n"
    ));
    insta::assert_snapshot!(
        "broken_toml_in_a_dockerfile",
        refused_dockerfile("# syntax=org/pyfront\nworkdir = \"/srv\"\nuser = \n")
    );
    // It contradicts the project, which is another file.
    insta::assert_snapshot!(
        "dockerfile_against_the_project",
        refused_dockerfile("# syntax=org/pyfront\ngroups = [\"worker\"]\n")
    );
}

#[test]
fn dockerfile_with_instructions() {
    insta::assert_snapshot!(refused_dockerfile("# syntax=org/pyfront\n\nFROM python:3.13\nRUN pip install humanize\n"));
}

#[test]
fn entry_that_is_not_the_project_of_the_context() {
    let project = Project::example("virtual");
    let other = project.clone().edit("pyproject.toml", "0.1.0", "0.2.0").files();
    insta::assert_snapshot!(shown(&run(&project.build("pyproject.toml").local("dockerfile", other))));
    let none = project.clone().without("pyproject.toml").files();
    insta::assert_snapshot!(
        "entry_without_a_project_in_the_context",
        shown(&run(&project.build("pyproject.toml").local("context", none)))
    );
}

#[test]
fn base_image_without_the_wanted_python() {
    let older = FakeImage::new(BASE.replace("3.13.5", "3.12.11"));
    let project = Project::example("virtual");
    insta::assert_snapshot!(shown(&run(&project.build("pyproject.toml").image(BASE_IMAGE, older.clone()))));
    let configured =
        project.edit("pyproject.toml", "[project]", "[tool.pyfront]\nbase = \"team/python:1\"\n\n[project]");
    let daemon = configured.build("pyproject.toml").image("team/python:1", older);
    insta::assert_snapshot!("configured_base_image_without_the_wanted_python", shown(&run(&daemon)));
}

#[test]
fn base_image_that_is_not_there() {
    let project = Project::example("virtual").edit(
        "pyproject.toml",
        "[project]",
        "[tool.pyfront]\nbase = \"team/gone:1\"\n\n[project]",
    );
    insta::assert_snapshot!(refused(&project));
    insta::assert_snapshot!(
        "base_image_that_cannot_be_one",
        refused(&project.edit("pyproject.toml", "team/gone:1", "Team//gone"))
    );
}

/// What BuildKit knows about the failure reaches the client, next to the place that is ours.
#[test]
fn base_image_that_cannot_be_resolved_keeps_the_details() {
    let detail = Any { type_url: "example/detail+json".to_owned(), value: br#"{"a":1}"#.to_vec() };
    let message = "pull access denied";
    let status = rpc::Status { code: 7, message: message.to_owned(), details: vec![detail.clone()] };
    let status = tonic::Status::with_details(tonic::Code::PermissionDenied, message, status.encode_to_vec().into());
    for nth in [1, 2] {
        let fault = Fault::at_nth(Call::ResolveSourceMeta, nth, Action::Fail(status.clone()));
        let outcome = run(&Project::example("virtual").build("pyproject.toml").fault(fault));
        let error = outcome.error();
        assert_eq!((error.code, &error.details[0]), (7, &detail));
        assert!(error.message.lines().next().unwrap().ends_with(message), "{}", error.message);
        let what = ["base image python:3.13-slim", "image of uv astral/uv:0.13.8"];
        assert!(what.iter().any(|what| error.message.contains(what)), "{}", error.message);
        if error.message.contains(what[0]) {
            // 3.13 stands in this file.
            assert_eq!(places(error)[0], (".python-version".to_owned(), 1, 1, vec!["3.13".to_owned()]));
        }
    }
}

#[test]
fn package_that_cannot_be_installed() {
    let project = Project::example("virtual");
    let windows = project.clone().edit("uv.lock", "-py3-none-any.whl", "-cp313-cp313-win_amd64.whl");
    // With its source distribution it would be built.
    let windows = windows.edit("uv.lock", "\nsdist = ", "\nunknown = ");
    insta::assert_snapshot!(refused(&windows));
    let stale = project.edit("uv.lock", "source = { virtual = \".\" }", "source = { virtual = \"other\" }");
    insta::assert_snapshot!("lock_without_the_project", refused(&stale));
}

#[test]
fn start_command_that_is_not_there() {
    insta::assert_snapshot!(refused(&Project::example("virtual").with("main.py", "VALUE = 1\n")));
}

/// An engine's own words about a broken ignore file would not name it.
#[test]
fn broken_ignore_file() {
    let daemon: FakeDaemon = Project::example("virtual").with(".dockerignore", "ok\n[\n").build("pyproject.toml");
    insta::assert_snapshot!(shown(&run(&daemon)));
}

fn stale() -> Project {
    Project::example("hatchling").edit("pyproject.toml", "\"markupsafe\"", "\"markupsafe>=3\"")
}

#[test]
fn a_stale_lock() {
    insta::assert_snapshot!(refused(&stale()));
}

/// `locked = false`, or a build argument, makes it a warning, and what the lock has is built.
#[test]
fn a_stale_lock_that_need_not_fit() {
    let allowed = stale().edit("pyproject.toml", "[build-system]", "[tool.pyfront]\nlocked = false\n\n[build-system]");
    let warnings = |daemon: &FakeDaemon| {
        let outcome = run(daemon);
        assert!(!outcome.graph(None).sources().is_empty());
        outcome.warnings()
    };
    let shown = warnings(&allowed.build("pyproject.toml"));
    insta::assert_snapshot!(shown.join("\n"));
    let argument = "build-arg:PYFRONT_LOCKED";
    assert_eq!(warnings(&stale().build("pyproject.toml").option(argument, "false")), shown);
    assert_eq!(run(&allowed.build("pyproject.toml").option(argument, "true")).error().code, 2);
    assert_eq!(run(&stale().build("pyproject.toml").option(argument, "maybe")).error().code, 2);
}
