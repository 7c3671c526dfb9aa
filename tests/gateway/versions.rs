//! Projects whose version comes from git, and git repositories as build contexts.

use buildkit_frontend::testing::{FakeDaemon, Outcome};
use buildkit_proto::pb::op::Op;

use crate::projects::Project;
use crate::run;

const CONTEXT: &str = "https://git.example/greeter.git#main";

/// A project whose version comes from git, with a fallback that would be taken silently.
fn project() -> Project {
    Project::example("hatchling")
        .edit("pyproject.toml", "version = \"1.2.0\"", "dynamic = [\"version\"]")
        .edit("pyproject.toml", "[\"hatchling\"]", "[\"hatchling\", \"uv-dynamic-versioning\"]")
        .edit(
            "pyproject.toml",
            "build-backend = \"hatchling.build\"\n",
            "build-backend = \"hatchling.build\"\n[tool.hatch.version]\nsource = \"uv-dynamic-versioning\"\n\
             [tool.uv-dynamic-versioning]\nfallback-version = \"0.0.0\"\n",
        )
        .edit("uv.lock", "version = \"1.2.0\"\n", "")
}

fn build(project: &Project) -> FakeDaemon {
    project.build("pyproject.toml")
}

fn warnings(daemon: &FakeDaemon) -> String {
    run(daemon).warnings().join("\n")
}

#[test]
fn a_version_that_git_would_know_is_a_warning_with_what_to_pass() {
    insta::assert_snapshot!(warnings(&build(&project())));
    let other = project().edit("pyproject.toml", "uv-dynamic-versioning\"]", "versioningit\"]").edit(
        "pyproject.toml",
        "source = \"uv-dynamic-versioning\"",
        "source = \"versioningit\"",
    );
    insta::assert_snapshot!("a_plugin_that_cannot_be_told", warnings(&build(&other)));
    let ignored = project().with(".dockerignore", "*.md\n!README.md\n");
    assert_eq!(warnings(&build(&ignored)).lines().count(), 1, "another ignore file brings nothing back");
}

#[test]
fn who_passes_the_version_or_git_is_not_warned() {
    let told = build(&project()).option("build-arg:UV_DYNAMIC_VERSIONING_BYPASS", "1.4");
    assert_eq!(warnings(&told), "");
    let variable =
        "[tool.uv.extra-build-variables]\ngreeter = { UV_DYNAMIC_VERSIONING_BYPASS = \"1.4\" }\n[tool.hatch.version]";
    assert_eq!(warnings(&build(&project().edit("pyproject.toml", "[tool.hatch.version]", variable))), "");
    assert_eq!(warnings(&build(&project().with(".dockerignore", "!.git\n"))), "");
    assert_eq!(warnings(&build(&Project::example("hatchling"))), "", "a version that is written down");
}

/// A build of a repository.
fn of_repository(project: &Project) -> FakeDaemon {
    build(project).option("context", CONTEXT).source("git://git.example/greeter.git#main", project.files())
}

/// What the project's files are copied without.
fn left_out(outcome: &Outcome) -> Vec<String> {
    let graph = outcome.graph(None);
    let of = |op: &Op| match op {
        Op::File(file) => file.actions.iter().find_map(|action| match &action.action {
            Some(buildkit_proto::pb::file_action::Action::Copy(copy)) if copy.dest == "/" => {
                Some(copy.exclude_patterns.clone())
            }
            _ => None,
        }),
        _ => None,
    };
    graph.ops.iter().find_map(|(_, op)| of(op.op.as_ref()?)).unwrap_or_default()
}

#[test]
fn a_repository_as_the_context_keeps_git_on_request() {
    assert_eq!(warnings(&of_repository(&project())).lines().count(), 1);
    let kept = project().with(".git/HEAD", "ref: refs/heads/main\n");
    let daemon = of_repository(&kept).option("build-arg:BUILDKIT_CONTEXT_KEEP_GIT_DIR", "1");
    let outcome = run(&daemon);
    assert_eq!(outcome.warnings(), Vec::<String>::new());
    let attrs = outcome.graph(None).source_attrs("git://git.example/greeter.git#main").unwrap().clone();
    assert_eq!(attrs["git.keepgitdir"], "true");
}

#[test]
fn locks_of_a_repository_are_no_source_of_its_project() {
    assert_eq!(left_out(&run(&of_repository(&Project::example("hatchling")))), ["**/uv.lock"]);
    // A project that is no package is copied with it, as from a directory.
    assert!(left_out(&run(&of_repository(&Project::example("virtual")))).is_empty());
}
