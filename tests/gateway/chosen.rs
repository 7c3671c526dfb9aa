//! Which files of a project `include` and `exclude` choose.

use buildkit_frontend::testing::FakeDaemon;

use crate::projects::Project;
use crate::refusals::shown;
use crate::run;
use crate::workspaces::locals;

const KEYS: &str = "[tool.pyfront]\nexclude = [\"tests\", \"**/*.md\", \"!docs/index.md\"]\n\
                    [tool.pyfront.targets.whole]\nexclude = []\n\n[project]";

/// The patterns that the client gets for what is copied.
fn patterns(daemon: &FakeDaemon) -> Vec<String> {
    let graph = run(daemon).graph(None);
    let attrs = graph.source_attrs("local://context").expect("the project is copied");
    serde_json::from_str(&attrs["local.excludepatterns"]).unwrap()
}

#[test]
fn patterns_of_the_projects_own_directory() {
    let project =
        Project::example("virtual").edit("pyproject.toml", "[project]", KEYS).with(".dockerignore", "!tests\n");
    let found = patterns(&project.build("pyproject.toml"));
    // They stand behind those of .dockerignore, so what these bring back is left out nevertheless.
    assert_eq!(found[found.len() - 4..], ["!tests", "tests", "**/*.md", "!docs/index.md"]);
    let whole = patterns(&project.build("pyproject.toml").option("target", "whole"));
    assert_eq!(whole, found[..found.len() - 3]);
}

#[test]
fn patterns_of_a_member_are_those_of_its_directory() {
    let keys = "[tool.pyfront]\nexclude = [\"tests\", \"!tests/data\"]\n";
    let project = Project::example("workspace").edit("packages/api/pyproject.toml", "[tool.pyfront]\n", keys);
    let locals = locals(&run(&project.build("pyproject.toml")));
    assert!(locals.contains("\"packages/api/tests\",\"!packages/api/tests/data\""), "{locals}");
    assert_eq!(locals.matches("tests").count(), 2, "other members are whole: {locals}");
}

#[test]
fn what_a_build_needs_cannot_be_left_out() {
    let keys = KEYS.replace("\"tests\", ", "");
    let project = Project::example("hatchling").edit("pyproject.toml", "[project]", &keys);
    insta::assert_snapshot!(shown(&run(&project.build("pyproject.toml"))));
}

#[test]
fn a_pattern_that_is_none() {
    let project = Project::example("virtual").edit("pyproject.toml", "[project]", &KEYS.replace("\"tests\"", "\"a[\""));
    insta::assert_snapshot!(shown(&run(&project.build("pyproject.toml"))));
}

/// The patterns of what the client sends.
fn included(daemon: &FakeDaemon) -> String {
    run(daemon).graph(None).source_attrs("local://context").expect("the project is copied")["local.includepattern"]
        .clone()
}

#[test]
fn what_is_included_is_all_that_is_sent() {
    let keys = "[tool.pyfront]\ninclude = [\"main.py\", \"/data/*.csv\"]\nexclude = [\"data/large.csv\"]\n\
                [tool.pyfront.targets.whole]\ninclude = [\"*\"]\n\n[project]";
    let project = Project::example("virtual").edit("pyproject.toml", "[project]", keys);
    let build = project.build("pyproject.toml");
    assert_eq!(included(&build), "[\"main.py\",\"data/*.csv\"]");
    // Secrets in what is included stay out: what is left out is said besides.
    let left_out = patterns(&build);
    assert!(
        left_out.contains(&"**/.env".to_owned()) && left_out.ends_with(&["data/large.csv".to_owned()]),
        "{left_out:?}"
    );
    assert_eq!(included(&project.build("pyproject.toml").option("target", "whole")), "[\"*\"]");
}

#[test]
fn what_a_build_needs_comes_along() {
    let keys = "[tool.pyfront]\ninclude = [\"src\"]\n\n[project]";
    let project = Project::example("hatchling").edit("pyproject.toml", "[project]", keys);
    assert_eq!(included(&project.build("pyproject.toml")), "[\"src\",\"pyproject.toml\",\"README.md\"]");

    let keys = "[tool.pyfront]\ninclude = [\"src\"]\n";
    let project = Project::example("workspace").edit("packages/api/pyproject.toml", "[tool.pyfront]\n", keys);
    let locals = locals(&run(&project.build("pyproject.toml")));
    assert!(locals.contains("[\"packages/api/src\",\"packages/api/pyproject.toml\"]"), "{locals}");
    assert!(locals.contains("[\"packages/core\"]"), "other members are whole: {locals}");
}

#[test]
fn what_is_included_must_be_there() {
    let keys = "[tool.pyfront]\ninclude = [\n  \"main.py\",\n  \"scr\",\n  \"*.txt\",\n  \"data\",\n]\n\n[project]";
    let project = Project::example("virtual").edit("pyproject.toml", "[project]", keys);
    let project = project.with(".dockerignore", "data\n").with("data/x.csv", "");
    insta::assert_snapshot!(shown(&run(&project.build("pyproject.toml"))));
}
