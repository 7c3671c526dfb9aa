//! What a build says about the image: the list of its parts (`--sbom`), labels and annotations.

use buildkit_frontend::testing::{FakeDaemon, FakeImage, Outcome};
use buildkit_proto::gateway::{Attestation, AttestationKind};
use serde_json::{Value, json};

use crate::projects::Project;
use crate::run;

fn hatchling() -> FakeDaemon {
    Project::example("hatchling").build("pyproject.toml")
}

fn attestations(outcome: &Outcome, platform: &str) -> Vec<Attestation> {
    outcome.result().attestations.get(platform).map(|list| list.attestation.clone()).unwrap_or_default()
}

/// The parts that the step gets which writes the list.
fn parts(outcome: &Outcome) -> Vec<Value> {
    let graphs = outcome.solved();
    let files = graphs.iter().flat_map(|graph| &graph.ops).find_map(|(_, op)| match &op.op {
        Some(buildkit_proto::pb::op::Op::File(file)) => file.actions.iter().find_map(|action| match &action.action {
            Some(buildkit_proto::pb::file_action::Action::Mkfile(file)) if file.path == "/parts.json" => {
                Some(file.data.clone())
            }
            _ => None,
        }),
        _ => None,
    });
    serde_json::from_slice(&files.unwrap()).unwrap()
}

#[test]
fn a_list_of_parts_is_made_when_it_is_asked_for() {
    assert!(run(&hatchling()).result().attestations.is_empty());
    for option in ["attest:sbom", "build-arg:BUILDKIT_ATTEST_SBOM"] {
        let outcome = run(&hatchling().option(option, ""));
        let [list] = &attestations(&outcome, "linux/amd64")[..] else { panic!("{option}") };
        assert_eq!(list.kind(), AttestationKind::InToto);
        assert_eq!(list.in_toto_predicate_type, "https://spdx.dev/Document");
        assert_eq!(list.path, "sbom.spdx.json");
        let id = &list.r#ref.as_ref().unwrap().id;
        assert_ne!(id, "");
        let graphs = outcome.solved();
        let names: Vec<_> = graphs.iter().flat_map(|graph| graph.names()).collect();
        assert!(names.iter().any(|name| name.starts_with("[sbom] list the packages of ")), "{names:?}");
        let parts = parts(&outcome);
        let part = |name: &str| parts.iter().find(|part| part["name"] == name).unwrap();
        assert_eq!(part("greeter")["needs"], json!(["click", "markupsafe"]));
        assert_eq!(part("greeter")["purl"], Value::Null);
        assert!(part("click")["digest"].as_str().unwrap().starts_with("sha256:"), "{}", part("click"));
        assert_eq!(part("click")["purl"], "pkg:pypi/click@8.5.1");
    }
}

#[test]
fn a_scanner_that_is_named_runs_as_well() {
    let scanner = FakeImage::new(
        r#"{"architecture":"amd64","os":"linux","config":{"Entrypoint":["/scan"],"Cmd":["-v"],"Env":["A=1"],"WorkingDir":"/w"}}"#,
    );
    let daemon = hatchling().image("team/scanner:1", scanner).option("attest:sbom", "generator=team/scanner:1,DEPTH=2");
    let outcome = run(&daemon);
    let list = attestations(&outcome, "linux/amd64");
    let kinds: Vec<_> = list.iter().map(|one| (one.kind(), one.path.as_str())).collect();
    assert_eq!(kinds, [(AttestationKind::Bundle, ""), (AttestationKind::InToto, "sbom-python.spdx.json")]);
    assert_eq!(list[0].metadata["sbom-core"], b"sbom");
    let graphs = outcome.solved();
    let execs: Vec<_> = graphs.iter().flat_map(|graph| graph.execs()).map(|(_, exec)| exec).collect();
    let scan = execs.iter().find(|exec| exec.meta.as_ref().unwrap().args == ["/scan", "-v"]).unwrap();
    let meta = scan.meta.as_ref().unwrap();
    assert_eq!(meta.cwd, "/w");
    for expected in [
        "A=1",
        "BUILDKIT_SCAN_DESTINATION=/run/out/",
        "BUILDKIT_SCAN_SOURCE=/run/src/core/sbom",
        "BUILDKIT_SCAN_DEPTH=2",
    ] {
        assert!(meta.env.iter().any(|text| text == expected), "{expected}: {:?}", meta.env);
    }
    let dests: Vec<_> = scan.mounts.iter().map(|mount| mount.dest.as_str()).collect();
    assert!(dests.contains(&"/run/src/core/sbom") && dests.contains(&"/run/out"), "{dests:?}");

    let refused = run(&hatchling().option("attest:sbom", "generator=team/none"));
    assert!(refused.error().message.contains("the generator of the SBOM team/none"), "{}", refused.error().message);
}

#[test]
fn the_project_describes_its_image() {
    let project = Project::example("hatchling").edit(
        "pyproject.toml",
        "[project]\n",
        "[project]\nlicense = \"MIT\"\nurls = { Repository = \"https://example.org/greeter.git\" }\n",
    );
    let outcome = run(&project.build("pyproject.toml").option("label:org.opencontainers.image.version", "7"));
    let labels = outcome.image_config(None)["config"]["Labels"].clone();
    let label = |key: &str| labels[format!("org.opencontainers.image.{key}")].as_str().unwrap_or_default().to_owned();
    assert_eq!((label("title").as_str(), label("version").as_str()), ("greeter", "7"));
    assert_eq!((label("licenses").as_str(), label("source").as_str()), ("MIT", "https://example.org/greeter.git"));
    assert!(label("base.name").ends_with("/library/python:3.13-slim"), "{labels}");
    assert!(label("base.digest").starts_with("sha256:"), "{labels}");
    let metadata = &outcome.result().metadata;
    let annotation = |key: &str| {
        let value = metadata.get(&format!("annotation-manifest.org.opencontainers.image.{key}"));
        value.map(|value| String::from_utf8_lossy(value).into_owned())
    };
    assert_eq!(annotation("version").as_deref(), Some("7"));
    assert_eq!(annotation("base.digest"), Some(label("base.digest")));
    assert!(
        !metadata.keys().any(|key| key.rsplit_once('.').is_some_and(|(_, last)| last == "base")),
        "the base image's own labels are no annotations"
    );

    let without = run(&project.build("pyproject.toml").option("build-arg:PYFRONT_ANNOTATIONS", "false"));
    assert!(!without.result().metadata.keys().any(|key| key.starts_with("annotation")));
    let wrong = run(&project.build("pyproject.toml").option("build-arg:PYFRONT_ANNOTATIONS", "no"));
    assert!(wrong.error().message.contains("--build-arg PYFRONT_ANNOTATIONS"), "{}", wrong.error().message);
}

#[test]
fn what_describes_the_image_is_part_of_no_step() {
    let digests = |outcome: &Outcome| {
        let graph = outcome.graph(None);
        graph.execs().into_iter().map(|(digest, _)| digest.to_owned()).collect::<Vec<_>>()
    };
    let project = Project::example("virtual");
    let plain = run(&project.clone().build("pyproject.toml"));
    let described =
        project.edit("pyproject.toml", "[project]\n", "[project]\nurls = { Home = \"https://example.org\" }\n");
    assert_eq!(digests(&plain), digests(&run(&described.build("pyproject.toml"))));
}
