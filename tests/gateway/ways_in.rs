//! Builds that succeed, by each way in: what is returned, what is solved, and that the way makes no difference.

use buildkit_frontend::testing::{Call, FakeDaemon, FakeImage, Outcome, Request, SESSION_ID};
use buildkit_proto::gateway;
use serde_json::{Value, json};

use crate::projects::{BASE, BASE_IMAGE, Project, UV_IMAGE, base_image, source_of, uv_image};
use crate::run;

/// `-f pyproject.toml`, a one-line Dockerfile, and no entry file at all. The build context is the same each time.
fn ways(project: &Project) -> [(&'static str, FakeDaemon); 3] {
    let none = project.clone().without("Dockerfile").without("pyproject.toml").files();
    let argument = "build-arg:BUILDKIT_SYNTAX";
    [
        ("pyproject.toml", project.build("pyproject.toml")),
        ("Dockerfile", project.build("Dockerfile")),
        ("no file", project.build("Dockerfile").local("dockerfile", none).option(argument, "org/pyfront")),
    ]
}

/// The configuration as it came, byte for byte.
fn config(outcome: &Outcome) -> &[u8] {
    &outcome.result().metadata["containerimage.config"]
}

fn pretty(config: &Value) -> String {
    serde_json::to_string_pretty(config).unwrap()
}

#[test]
fn every_way_in_gives_the_same_image() {
    let project = Project::example("fastapi");
    let outcomes = ways(&project).map(|(way, daemon)| (way, run(&daemon)));
    let first = &outcomes[0].1;
    for (way, outcome) in &outcomes {
        let result = outcome.result();
        let Some(gateway::result::Result::Ref(reference)) = &result.result else { panic!("{way}: {result:?}") };
        assert!(!reference.id.is_empty(), "{way}");
        let platforms: Value = serde_json::from_slice(&result.metadata["refs.platforms"]).unwrap();
        let platform = json!({"architecture": "amd64", "os": "linux"});
        assert_eq!(platforms, json!({"Platforms": [{"ID": "linux/amd64", "Platform": platform}]}), "{way}");
        assert_eq!(result.metadata["containerimage.base.config"], BASE.as_bytes(), "{way}");
        assert_eq!(config(outcome), config(first), "{way}");
        assert_eq!(outcome.graph(None), first.graph(None), "{way}");
        assert!(outcome.solved().contains(&outcome.graph(None)), "{way}: the image is solved");
        assert_eq!(outcome.stderr, "", "{way}");
        assert_eq!(outcome.warnings(), Vec::<String>::new(), "{way}");
    }
    insta::assert_snapshot!(pretty(&first.image_config(None)));
}

/// The name of an operation without the line that it is there for.
fn without_reason(name: &str) -> String {
    name.split(": ").next().unwrap_or_default().to_owned()
}

#[test]
fn configuration_in_a_dockerfile_is_as_good_as_in_the_project() {
    let keys = "command = [\"python\", \"-V\"]\nports = [\"53/udp\"]\nuser = \"5:6\"\nworkdir = \"/srv\"\n\
                env = { A = \"b\" }\nstop-signal = \"SIGINT\"\nhealthcheck = false\n";
    let project = Project::example("virtual");
    let own = format!("{}\n[tool.pyfront]\n{keys}", project.text("pyproject.toml"));
    let in_project = run(&project.clone().with("pyproject.toml", own).build("pyproject.toml"));
    let in_dockerfile = project.with("Dockerfile", format!("# syntax=org/pyfront\n{keys}"));
    let in_dockerfile = run(&in_dockerfile.build("Dockerfile"));
    assert_eq!(config(&in_project), config(&in_dockerfile));
    // The files below are others, so the ops that are compared are those before the project's files come in.
    let names = |outcome: &Outcome| outcome.graph(None).names().into_iter().map(without_reason).collect::<Vec<_>>();
    assert_eq!(names(&in_project), names(&in_dockerfile));
    insta::assert_snapshot!(pretty(&in_project.image_config(None)));
}

#[test]
fn a_body_wins_over_the_project_key_by_key() {
    let body = "# syntax=org/pyfront\n\nhealthcheck = \"/ready\"\nlabels = { team = \"a\" }\n";
    let outcome = run(&Project::example("fastapi").with("Dockerfile", body).build("Dockerfile"));
    let config = &outcome.image_config(None)["config"];
    assert!(config["Healthcheck"]["Test"].to_string().contains("/ready"), "{config}");
    let labels = &config["Labels"];
    assert_eq!((&labels["base"], &labels["team"]), (&json!("yes"), &json!("a")));
    assert_eq!(labels["org.opencontainers.image.vendor"], "Example");
}

#[test]
fn operations_in_words() {
    for (example, command) in [("virtual", json!(["python", "main.py"])), ("hatchling", json!(["greeter"]))] {
        let outcome = run(&Project::example(example).build("pyproject.toml"));
        assert_eq!(outcome.image_config(None)["config"]["Cmd"], command, "{example}");
        insta::assert_snapshot!(format!("operations_of_{example}"), outcome.graph(None).names().join("\n"));
    }
}

#[test]
fn every_solve_carries_the_cache_imports() {
    let imports = r#"[{"Type":"registry","Attrs":{"ref":"team/cache"}},{"Type":"local","Attrs":{"src":"c"}}]"#;
    let outcome = run(&Project::example("virtual").build("pyproject.toml").option("cache-imports", imports));
    outcome.result();
    let mut solves = 0;
    for request in &outcome.requests {
        let Request::Solve(solve) = request else { continue };
        solves += 1;
        let kinds: Vec<&str> = solve.cache_imports.iter().map(|import| import.r#type.as_str()).collect();
        assert_eq!(kinds, ["registry", "local"]);
        assert_eq!(solve.cache_imports[0].attrs["ref"], "team/cache");
    }
    assert_eq!(solves, outcome.count(Call::Solve));
}

#[test]
fn a_wheel_points_at_its_line_of_the_lock() {
    let project = Project::example("fastapi");
    let outcome = run(&project.build("pyproject.toml"));
    let graph = outcome.graph(None);
    let lock: Vec<&str> = project.text("uv.lock").lines().collect();
    let mut wheels = 0;
    for (digest, op) in &graph.ops {
        let Some(buildkit_proto::pb::op::Op::Source(source)) = &op.op else { continue };
        if !source.identifier.starts_with("https://") {
            continue;
        }
        wheels += 1;
        let [place] = &graph.source.locations[digest].locations[..] else { panic!("{}", source.identifier) };
        let file = &graph.source.infos[usize::try_from(place.source_index).unwrap()];
        assert_eq!((file.filename.as_str(), file.language.as_str()), ("uv.lock", "TOML"));
        let start = place.ranges[0].start.as_ref().unwrap().line;
        let end = place.ranges[0].end.as_ref().unwrap().line;
        assert_eq!(start, end, "{}", source.identifier);
        let index = usize::try_from(start).unwrap() - 1;
        assert!(lock[index].contains(&source.identifier), "{} is not in {}", source.identifier, lock[index]);
        // The lock is too big to be sent whole; the line that is sent must have its true number.
        let sent = std::str::from_utf8(&file.data).unwrap();
        assert_eq!(sent.lines().nth(index), Some(lock[index]));
    }
    assert!(wheels > 10, "{wheels}");
}

#[test]
fn images_are_pinned_by_the_digest_that_was_answered() {
    let project = Project::example("virtual");
    let outcome = run(&project.build("pyproject.toml"));
    let graph = outcome.graph(None);
    for pinned in [source_of(BASE_IMAGE, &base_image()), source_of(UV_IMAGE, &uv_image())] {
        assert!(pinned.contains("@sha256:") && graph.sources().contains(&pinned.as_str()), "{:?}", graph.sources());
    }

    let unknown = |image| FakeImage { digest: None, ..image };
    let (base, uv) = (unknown(base_image()), unknown(uv_image()));
    let outcome = run(&project.build("pyproject.toml").image(BASE_IMAGE, base.clone()).image(UV_IMAGE, uv.clone()));
    let graph = outcome.graph(None);
    for image in [source_of(BASE_IMAGE, &base), source_of(UV_IMAGE, &uv)] {
        assert!(!image.contains('@') && graph.sources().contains(&image.as_str()), "{:?}", graph.sources());
    }
}

#[test]
fn only_what_is_needed_is_asked_of_the_client() {
    let outcome =
        run(&Project::example("virtual").build("Dockerfile").local("dockerfile", [("Dockerfile", "# syntax=a")]));
    let transfers: Vec<String> = outcome
        .solved()
        .iter()
        .flat_map(|graph| {
            let locals = graph.sources().into_iter().filter(|source| source.starts_with("local://"));
            let shown = locals.map(|source| {
                let attrs = graph.source_attrs(source).unwrap();
                assert_eq!(attrs["local.session"], SESSION_ID);
                let get = |key: &str| attrs.get(key).map_or("-", String::as_str);
                format!(
                    "{source} {}\n  follow {}\n  exclude {}",
                    get("local.sharedkeyhint"),
                    get("local.followpaths"),
                    get("local.excludepatterns")
                )
            });
            shown.collect::<Vec<_>>()
        })
        .collect();
    insta::assert_snapshot!(transfers.join("\n"));
}
