//! Several platforms, and others than the builder's: one plan each, steps on the builder's own CPU, and what happens to
//! packages that have to be compiled.

use std::collections::BTreeMap;

use buildkit_frontend::testing::{FakeDaemon, FakeImage, Graph, Outcome, Request};
use buildkit_proto::gateway;
use buildkit_proto::pb;

use crate::projects::{BASE, BASE_IMAGE, Project, UV_IMAGE};
use crate::run;

const ARM: &str = "linux/arm64";
const BOTH: &str = "linux/amd64,linux/arm64";

/// The base image for another CPU.
fn base_for(architecture: &str) -> FakeImage {
    FakeImage::new(BASE.replace("amd64", architecture))
}

/// A builder for amd64 that emulates nothing, and images for both platforms. What the project's build makes is pure.
fn build(project: &Project, platforms: &str) -> FakeDaemon {
    let uv = FakeImage::new(r#"{"architecture":"arm64","os":"linux"}"#);
    project
        .build("pyproject.toml")
        .option("platform", platforms)
        .image_for(BASE_IMAGE, "linux/amd64", FakeImage::new(BASE))
        .image_for(BASE_IMAGE, ARM, base_for("arm64"))
        .image_for(UV_IMAGE, ARM, uv)
        .step("install greeter", wheel("greeter-1.0", "py3-none-any"))
}

fn hatchling(platforms: &str) -> FakeDaemon {
    build(&Project::example("hatchling"), platforms)
}

/// The example with no wheel of markupsafe for the target, but for other platforms.
fn without_wheel() -> Project {
    let project = Project::example("hatchling");
    let lock = project.text("uv.lock").to_owned();
    let kept: Vec<&str> = lock.lines().filter(|line| !line.contains("aarch64.whl")).collect();
    project.with("uv.lock", kept.join("\n") + "\n")
}

/// What an installed wheel says of itself.
fn wheel(name: &str, tag: &str) -> BTreeMap<String, String> {
    let path = format!("opt/venv/lib/python3.13/site-packages/{name}.dist-info/WHEEL");
    BTreeMap::from([(path, format!("Wheel-Version: 1.0\nTag: {tag}\n"))])
}

/// The steps of a graph: name, digest, and the CPU that each runs on.
fn steps(graph: &Graph) -> Vec<(String, String, String)> {
    let of = |(digest, _): (&str, &pb::ExecOp)| {
        let platform = graph.op(digest).unwrap().platform.as_ref().unwrap();
        (graph.name(digest).unwrap().to_owned(), digest.to_owned(), platform.architecture.clone())
    };
    graph.execs().into_iter().map(of).collect()
}

#[test]
fn every_platform_has_its_own_list_of_parts() {
    let outcome = run(&hatchling(BOTH).option("attest:sbom", ""));
    let lists = &outcome.result().attestations;
    let references: Vec<_> = lists.values().map(|list| list.attestation[0].r#ref.clone().unwrap().id).collect();
    assert_eq!(lists.keys().collect::<Vec<_>>(), ["linux/amd64", ARM]);
    assert_ne!(references[0], references[1]);
}

fn step<'s>(steps: &'s [(String, String, String)], name: &str) -> &'s (String, String, String) {
    let mut found = steps.iter().filter(|(known, ..)| known.contains(name));
    found.next().unwrap_or_else(|| panic!("no step {name:?} in {steps:#?}"))
}

fn variable<'g>(graph: &'g Graph, digest: &str, name: &str) -> Option<&'g str> {
    let execs = graph.execs();
    let (_, exec) = execs.into_iter().find(|(known, _)| *known == digest).unwrap();
    exec.meta.as_ref().unwrap().env.iter().find_map(|variable| variable.strip_prefix(name)?.strip_prefix('='))
}

/// Whether a graph with steps was handed over.
fn ran_something(outcome: &Outcome) -> bool {
    outcome.solved().iter().any(|graph| !graph.execs().is_empty())
}

#[test]
fn two_platforms_are_one_index_and_share_what_is_pure() {
    let outcome = run(&hatchling(BOTH));
    let result = outcome.result();
    let Some(gateway::result::Result::Refs(refs)) = &result.result else { panic!("{result:?}") };
    assert_eq!(refs.refs.keys().collect::<Vec<_>>(), ["linux/amd64", ARM]);
    let platforms: serde_json::Value = serde_json::from_slice(&result.metadata["refs.platforms"]).unwrap();
    assert_eq!(platforms["Platforms"][1]["ID"], ARM);
    for (platform, architecture) in [("linux/amd64", "amd64"), (ARM, "arm64")] {
        let config = outcome.image_config(Some(platform));
        assert_eq!(config["architecture"], architecture);
        assert_eq!(config["config"]["Cmd"], serde_json::json!(["greeter"]));
        let base = &result.metadata[&format!("containerimage.base.config/{platform}")];
        assert_eq!(*base, base_for(architecture).config);
    }

    let (amd, arm) = (outcome.graph(Some("linux/amd64")), outcome.graph(Some(ARM)));
    let (amd_steps, arm_steps) = (steps(&amd), steps(&arm));
    assert!(amd_steps.iter().chain(&arm_steps).all(|(.., cpu)| cpu == "amd64"), "{arm_steps:#?}");
    for common in ["install click", "install greeter"] {
        assert_eq!(step(&amd_steps, common), step(&arm_steps, common));
        assert!(!step(&arm_steps, common).0.contains("linux/"), "{arm_steps:#?}");
    }
    let (name, digest, _) = step(&arm_steps, "install markupsafe");
    assert_eq!(name, "[linux/arm64 deps 1/2] install markupsafe 3.0.4");
    assert_eq!(variable(&arm, digest, "PYFRONT_PYTHON_PLATFORM"), Some("aarch64-manylinux_2_36"));
    assert!(arm.sources().iter().any(|source| source.contains("markupsafe") && source.contains("aarch64")));
    assert!(!arm.sources().iter().any(|source| source.contains("markupsafe") && source.contains("x86_64")));
    // Which of the builder's platforms an image is for is nothing that the native plan says.
    let (name, digest, _) = step(&amd_steps, "install markupsafe");
    assert_eq!(name, "[linux/amd64 deps 1/2] install markupsafe 3.0.4");
    assert_eq!(variable(&amd, digest, "PYFRONT_PYTHON_PLATFORM"), None);
    assert!(outcome.warnings().is_empty(), "{:?}", outcome.warnings());
}

#[test]
fn the_native_image_is_the_same_alone_and_with_others() {
    let both = run(&hatchling(BOTH)).graph(Some("linux/amd64"));
    let alone = run(&hatchling("linux/amd64"));
    assert_eq!(both.result, alone.graph(None).result);
    assert!(alone.graph(None).names().iter().all(|name| !name.contains("linux/")));
}

#[test]
fn another_platform_alone_is_no_index() {
    let outcome = run(&hatchling(ARM));
    let graph = outcome.graph(None);
    assert_eq!(outcome.image_config(None)["architecture"], "arm64");
    assert!(steps(&graph).iter().all(|(name, _, cpu)| cpu == "amd64" && !name.contains("linux/")));
    assert_eq!(graph.result, run(&hatchling(BOTH)).graph(Some(ARM)).result);
    // The layers lie on the image for arm64; the steps ran on the one for amd64.
    let base = |digest: &str| graph.op(digest).unwrap().platform.as_ref().unwrap().architecture.clone();
    let merge = graph.op(&graph.result.as_ref().unwrap().digest).unwrap();
    assert_eq!(base(&merge.inputs[0].digest), "arm64");
}

#[test]
fn what_was_built_for_the_builder_alone_is_built_again_on_the_target() {
    let compiled = |daemon: FakeDaemon| {
        let native = wheel("greeter-1.0", "cp313-cp313-linux_x86_64");
        daemon.step("build and install greeter", native)
    };
    let without = run(&compiled(hatchling(ARM)));
    insta::assert_snapshot!(without.error().message);

    let outcome = run(&compiled(hatchling(ARM)).platforms(["linux/amd64", ARM]));
    let graph = outcome.graph(None);
    let steps = steps(&graph);
    let (_, digest, cpu) = step(&steps, "install greeter");
    assert_eq!(cpu, "arm64");
    let images: Vec<String> = graph
        .op(digest)
        .unwrap()
        .inputs
        .iter()
        .filter_map(|input| {
            let op = graph.op(&input.digest).unwrap();
            let is_image = graph.name(&input.digest).is_some_and(|name| name.contains("] FROM "));
            is_image.then(|| op.platform.as_ref().unwrap().architecture.clone())
        })
        .collect();
    assert_eq!(images, ["arm64", "arm64"], "its root and its uv");
    assert!(steps.iter().all(|(name, _, cpu)| cpu == "amd64" || name.contains("greeter")), "{steps:#?}");
    insta::assert_snapshot!(outcome.warnings().join("\n"));
}

#[test]
fn a_package_with_wheels_for_other_platforms_is_compiled_on_the_target_at_once() {
    let without = run(&build(&without_wheel(), ARM));
    assert!(!ran_something(&without));
    let error = without.error();
    insta::assert_snapshot!(error.message);

    let outcome = run(&build(&without_wheel(), BOTH).platforms(["linux/amd64", ARM]));
    let (amd, arm) = (outcome.graph(Some("linux/amd64")), outcome.graph(Some(ARM)));
    let (name, _, cpu) = &step(&steps(&arm), "build markupsafe").clone();
    assert_eq!(
        (name.as_str(), cpu.as_str()),
        ("[linux/arm64 deps] build markupsafe 3.0.4, wanted by greeter → markupsafe", "arm64")
    );
    assert!(amd.names().iter().any(|name| name.contains("install markupsafe")));
    insta::assert_snapshot!(outcome.warnings().join("\n"));
}

#[test]
fn a_cpu_that_uv_cannot_install_for_from_elsewhere() {
    let daemon =
        |project: &Project| build(project, "linux/arm/v7").image_for(BASE_IMAGE, "linux/arm/v7", base_for("arm"));
    let outcome = run(&daemon(&Project::example("hatchling")));
    assert!(!ran_something(&outcome));
    insta::assert_snapshot!(outcome.error().message);
    // Pure wheels are all the same to it.
    let outcome = run(&daemon(&Project::example("virtual")));
    assert_eq!(outcome.image_config(None)["variant"], "v7");
    assert!(steps(&outcome.graph(None)).iter().all(|(.., cpu)| cpu == "amd64"));
}

#[test]
fn images_for_other_platforms_are_refused() {
    let refused = [
        run(&hatchling(ARM).image_for(BASE_IMAGE, ARM, FakeImage::new(BASE))),
        run(&hatchling(ARM).image_for(BASE_IMAGE, "linux/amd64", base_for("arm64"))),
    ];
    insta::assert_snapshot!(refused.map(|outcome| outcome.error().message.clone()).join("\n\n"));
}

#[test]
fn questions_are_answered_for_several_platforms() {
    for question in ["frontend.outline", "frontend.targets", "frontend.lint"] {
        let outcome = run(&hatchling(BOTH).option("requestid", question));
        assert!(outcome.result().metadata.contains_key("result.json"), "{question}");
        assert!(!ran_something(&outcome));
    }
    let lint = run(&build(&without_wheel(), BOTH).option("requestid", "frontend.lint"));
    let answer = String::from_utf8(lint.result().metadata["result.json"].clone()).unwrap();
    assert!(answer.contains("can only be built or installed on linux/arm64 itself"), "{answer}");
    assert!(!lint.requests.iter().any(|request| matches!(request, Request::Evaluate(_))));
}

/// What of it has to be compiled is not known before uv has resolved it.
#[test]
fn requirements_without_a_lock_for_another_cpu() {
    let project = Project::example("requirements");
    let daemon = project.build("Dockerfile").option("platform", ARM);
    let daemon = daemon.image_for(BASE_IMAGE, "linux/amd64", FakeImage::new(BASE));
    let outcome = run(&daemon.image_for(BASE_IMAGE, ARM, base_for("arm64")));
    insta::assert_snapshot!(outcome.error().message);
}
