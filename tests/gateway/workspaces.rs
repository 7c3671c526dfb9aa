//! Workspaces and the user's other files: which project is meant, which directories of the client are asked for, and what
//! is said when that cannot be known.

use std::path::Path;

use buildkit_frontend::testing::{FakeDaemon, Outcome};
use buildkit_proto::pb::op::Op;
use serde_json::json;

use crate::projects::Project;
use crate::refusals::shown;
use crate::run;

fn project() -> Project {
    Project::example("workspace")
}

fn undecided() -> Project {
    project().edit("pyproject.toml", "package = \"api\"\n", "")
}

fn package(daemon: FakeDaemon, name: &str) -> FakeDaemon {
    daemon.option("build-arg:PYFRONT_PACKAGE", name)
}

/// The directories of the client that the image is made of, and what of each.
pub(crate) fn locals(outcome: &Outcome) -> String {
    let graph = outcome.graph(None);
    let mut found: Vec<String> = graph
        .ops
        .iter()
        .filter_map(|(_, op)| match &op.op {
            Some(Op::Source(source)) if source.identifier.starts_with("local://") => Some(source),
            _ => None,
        })
        .map(|source| {
            let get = |key: &str| source.attrs.get(key).map_or("-", String::as_str);
            let own = get("local.excludepatterns").rsplit_once("\"**/.env.*\"").map_or("-", |(_, own)| own);
            let hint = get("local.sharedkeyhint");
            format!("{} {hint}\n  include {}\n  exclude …{own}", source.identifier, get("local.includepattern"))
        })
        .collect();
    found.sort();
    found.join("\n")
}

fn command(outcome: &Outcome) -> serde_json::Value {
    outcome.image_config(None)["config"]["Cmd"].clone()
}

#[test]
fn only_the_closure_is_asked_of_the_client() {
    let outcome = run(&project().build("pyproject.toml"));
    assert_eq!(command(&outcome), json!(["api"]));
    insta::assert_snapshot!(locals(&outcome));
    insta::assert_snapshot!("operations_of_a_member", outcome.graph(None).names().join("\n"));
}

#[test]
fn a_member_is_chosen_in_each_of_four_ways() {
    let worker = |daemon: &FakeDaemon| {
        let outcome = run(daemon);
        assert_eq!(command(&outcome), json!(["worker"]));
        outcome.graph(None)
    };
    let expected = worker(&package(project().build("pyproject.toml"), "worker"));
    // What the root says is the default.
    let by_file = project().build_in("packages/worker", "pyproject.toml");
    assert_eq!(worker(&by_file), expected);
    let in_checkout =
        by_file.option("vcs:localdir:context", "mono").option("vcs:localdir:dockerfile", "mono/packages/worker");
    assert_eq!(worker(&in_checkout), expected);
    let dockerfile = project().with("Dockerfile", "# syntax=org/pyfront\npackage = \"worker\"\n");
    assert_eq!(worker(&dockerfile.build("Dockerfile")), expected);
    let root = undecided().edit("pyproject.toml", "[tool.pyfront]", "[tool.pyfront]\npackage = \"Worker\"");
    assert_eq!(worker(&root.build("pyproject.toml")), expected);
    // The argument wins over everything.
    assert_eq!(command(&run(&package(project().build_in("packages/worker", "pyproject.toml"), "api"))), json!(["api"]));
}

#[test]
fn all_members_when_it_is_said_what_to_start() {
    let outcome = run(&undecided()
        .edit("pyproject.toml", "[tool.pyfront]", "[tool.pyfront]\ncommand = [\"api\"]")
        .build("pyproject.toml"));
    let graph = outcome.graph(None);
    let built: Vec<&str> = graph.names().into_iter().filter(|name| name.contains("build and install")).collect();
    assert_eq!(built.len(), 3, "{built:?}");
}

#[test]
fn the_root_of_a_workspace_without_the_directories_of_the_others() {
    let root = "[project]\nname = \"mono\"\nversion = \"1\"\nrequires-python = \">=3.11\"\ndependencies = [\"core\"]\n\n\
                [tool.uv.sources]\ncore = { workspace = true }\n\n[tool.uv.workspace]\nmembers = [\"packages/*\"]\n";
    let entry = "[[package]]\nname = \"mono\"\nversion = \"1\"\nsource = { virtual = \".\" }\n\
                 dependencies = [{ name = \"core\" }]\n\n[package.metadata]\n\
                 requires-dist = [{ name = \"core\", editable = \"packages/core\" }]\n\n[[package]]\nname = \"worker\"";
    let mono = project()
        .with("pyproject.toml", root)
        .with("main.py", "print('mono')\n")
        .edit("uv.lock", "    \"core\",\n", "    \"core\",\n    \"mono\",\n")
        .edit("uv.lock", "[[package]]\nname = \"worker\"", entry);
    let outcome = run(&mono.build("pyproject.toml"));
    assert_eq!(command(&outcome), json!(["python", "main.py"]));
    insta::assert_snapshot!(locals(&outcome));
}

#[test]
fn a_project_in_a_directory_of_the_context() {
    let moved = Project::example("hatchling").moved_to("services/greeter");
    let daemon = moved.build_in("services/greeter", "pyproject.toml");
    let daemon = daemon.option("vcs:localdir:context", ".").option("vcs:localdir:dockerfile", "services/greeter");
    let outcome = run(&daemon);
    assert_eq!(command(&outcome), json!(["greeter"]));
    insta::assert_snapshot!(locals(&outcome));
    let broken = moved.edit("services/greeter/pyproject.toml", "\"markupsafe\"", "\"markupsafe>=3\"");
    let daemon = broken.build_in("services/greeter", "pyproject.toml");
    let daemon = daemon.option("vcs:localdir:context", ".").option("vcs:localdir:dockerfile", "services/greeter");
    assert!(shown(&run(&daemon)).contains("services/greeter/pyproject.toml:"), "{}", shown(&run(&daemon)));
}

#[test]
fn undecided_members() {
    let plain = |project: &Project| shown(&run(&project.build("pyproject.toml")));
    insta::assert_snapshot!("no_member_is_chosen", plain(&undecided()));
    insta::assert_snapshot!("unknown_member", shown(&run(&package(project().build("pyproject.toml"), "wroker"))));
    insta::assert_snapshot!(
        "unknown_member_in_the_configuration",
        plain(&project().edit("pyproject.toml", "package = \"api\"", "package = \"backend\""))
    );
    insta::assert_snapshot!(
        "name_that_is_none",
        shown(&run(&package(project().build("pyproject.toml"), "packages/api")))
    );
    let twins = project();
    let api = twins.text("packages/api/pyproject.toml").to_owned();
    let twins = twins.with("packages/worker/pyproject.toml", api);
    insta::assert_snapshot!("equal_files_of_members", shown(&run(&twins.build_in("packages/api", "pyproject.toml"))));
    let stranger = project().with("tools/pyproject.toml", "[project]\nname = \"tools\"\nversion = \"1\"\n");
    insta::assert_snapshot!("entry_that_is_no_member", shown(&run(&stranger.build_in("tools", "pyproject.toml"))));
}

#[test]
fn members_that_do_not_fit() {
    let stale = project().edit("packages/core/pyproject.toml", "\"humanize\"", "\"humanize>=4\"");
    insta::assert_snapshot!("stale_lock_of_a_member", shown(&run(&stale.build("pyproject.toml"))));
    let other = project().edit("packages/worker/pyproject.toml", "\"core\"", "\"core\", \"click\"");
    run(&other.build("pyproject.toml")).result();
    let removed = project().edit("pyproject.toml", "\"packages/*\"", "\"packages/api\", \"packages/core\"");
    let building = project().edit("packages/worker/pyproject.toml", "[\"hatchling\"]", "[\"hatchling\", \"core\"]");
    let outcome = run(&package(building.build("pyproject.toml"), "worker"));
    insta::assert_snapshot!("member_that_another_one_is_built_with", shown(&outcome));
    insta::assert_snapshot!("member_that_only_the_lock_has", shown(&run(&removed.build("pyproject.toml"))));
    let hidden = project().with(".dockerignore", "packages/c*\n");
    insta::assert_snapshot!("member_that_is_ignored", shown(&run(&hidden.build("pyproject.toml"))));
    let gone = project().without("packages/api/pyproject.toml");
    insta::assert_snapshot!("member_that_is_gone", shown(&run(&gone.build("pyproject.toml"))));
}

#[test]
fn members_that_the_lock_does_not_know() {
    let new = "[project]\nname = \"mailer\"\nversion = \"1\"\n";
    let added = project().with("packages/mailer/pyproject.toml", new);
    insta::assert_snapshot!("member_that_the_lock_does_not_know", shown(&run(&added.build("pyproject.toml"))));
    // uv finds all of these to be no members.
    let fits = |project: &Project| {
        run(&project.build("pyproject.toml")).result();
    };
    fits(&added.clone().edit(
        "pyproject.toml",
        "members = [\"packages/*\"]",
        "members = [\"packages/*\"]\nexclude = [\"packages/m*\"]",
    ));
    fits(&project().with("packages/notes/README.md", "no project"));
    fits(&project().with("packages/mailer/pyproject.toml", format!("{new}[tool.uv]\nmanaged = false\n")));
    fits(&project().with("packages/deep/mailer/pyproject.toml", new));
    fits(&added.with(".dockerignore", "packages/mailer\n"));
    let everywhere = project().edit("pyproject.toml", "\"packages/*\"", "\"./packages/**\"");
    fits(&everywhere);
    let deep = everywhere.with("packages/deep/mailer/pyproject.toml", new);
    assert!(shown(&run(&deep.build("pyproject.toml"))).contains("mailer"));
    let named = project().edit("pyproject.toml", "\"packages/*\"", "\"packages/*\", \"tools\"");
    fits(&named);
    assert!(shown(&run(&named.with("tools/pyproject.toml", new).build("pyproject.toml"))).contains("mailer"));
}

#[test]
fn a_project_without_a_workspace_is_asked_for_no_members() {
    let outcome = run(&Project::example("hatchling").build("pyproject.toml"));
    let members = outcome.requests.iter().filter(|request| format!("{request:?}").contains("of the members"));
    assert_eq!(members.count(), 0);
}

#[test]
fn groups_of_the_root_for_a_member() {
    let lock = "[manifest]\nmembers = [\n    \"api\",\n    \"core\",\n    \"worker\",\n]\n";
    let root = "\n[manifest.dependency-groups]\nextra = [{ name = \"humanize\" }]\n";
    let with_group = project().edit("uv.lock", lock, &format!("{lock}{root}")).edit(
        "pyproject.toml",
        "[tool.uv.workspace]",
        "[dependency-groups]\nextra = [\"humanize\"]\n\n[tool.uv.workspace]",
    );
    let asks = |group: &str| {
        let member = with_group.text("packages/worker/pyproject.toml").to_owned();
        let member = format!("{member}\n[tool.pyfront]\ngroups = [\"{group}\"]\n");
        let project = with_group.clone().with("packages/worker/pyproject.toml", member);
        run(&package(project.build("pyproject.toml"), "worker"))
    };
    asks("extra").result();
    insta::assert_snapshot!("group_of_nobody", shown(&asks("extr")));
}

#[test]
fn groups_of_several_members_each_with_a_python() {
    let lock = project();
    let entry = lock.text("uv.lock").split("name = \"worker\"\n").nth(1).unwrap().split("[package.metadata]").next();
    let (entry, group) = (entry.unwrap().to_owned(), "lint = [{ name = \"humanize\" }]\n");
    let group = format!("{entry}[package.dev-dependencies]\n{group}\n[package.metadata.requires-dev]\n{group}\n");
    let all = undecided()
        .edit("pyproject.toml", "[tool.pyfront]", "[tool.pyfront]\ncommand = [\"api\"]\ngroups = [\"lint\"]")
        .edit("uv.lock", "revision = 5", "revision = 3")
        .edit("uv.lock", &entry, &group);
    let worker = all.text("packages/worker/pyproject.toml").to_owned();
    let with = |python: &str| {
        let settings = format!("[tool.uv.dependency-groups]\nlint = {{ requires-python = \"{python}\" }}\n");
        let groups = format!("{worker}\n[dependency-groups]\nlint = [\"humanize\"]\n{settings}");
        run(&all.clone().with("packages/worker/pyproject.toml", groups).build("pyproject.toml"))
    };
    with(">=3.12").result();
    insta::assert_snapshot!("group_of_a_member_needs_another_python", shown(&with(">=3.99")));
}

#[test]
fn outline_names_the_argument() {
    let outcome = run(&project().build("pyproject.toml").option("requestid", "frontend.outline"));
    let text = String::from_utf8(outcome.result().metadata["result.txt"].clone()).unwrap();
    assert!(text.lines().any(|line| line.contains("PYFRONT_PACKAGE") && line.contains("api")), "{text}");
}

fn local() -> Project {
    Project::of(Path::new("tests/fixtures/local/app"))
}

fn with_pallet(daemon: FakeDaemon) -> FakeDaemon {
    daemon
        .option("context:pallet", "local:pallet")
        .local("pallet", [("pyproject.toml", "[project]\nname = \"pallet\"\n")])
}

#[test]
fn files_of_the_client_are_asked_for_one_by_one() {
    let outcome = run(&with_pallet(local().build("pyproject.toml")));
    assert_eq!(command(&outcome), json!(["python", "main.py"]));
    insta::assert_snapshot!(locals(&outcome));
    insta::assert_snapshot!("operations_of_local_files", outcome.graph(None).names().join("\n"));
}

#[test]
fn local_files_that_are_not_there() {
    insta::assert_snapshot!("tree_outside_of_the_context", shown(&run(&local().build("pyproject.toml"))));
    let absolute = local().edit("uv.lock", "{ directory = \"../pallet\" }\n", "{ directory = \"/srv/pallet\" }\n");
    insta::assert_snapshot!("tree_at_an_absolute_path", shown(&run(&absolute.build("pyproject.toml"))));
    let missing = local().without("vendor/carton-1.0-py3-none-any.whl");
    insta::assert_snapshot!("wheel_that_is_not_there", shown(&run(&with_pallet(missing.build("pyproject.toml")))));
    let ignored = local().with(".dockerignore", "*.md\n**/*.whl\n");
    insta::assert_snapshot!("wheel_that_is_ignored", shown(&run(&with_pallet(ignored.build("pyproject.toml")))));
}
