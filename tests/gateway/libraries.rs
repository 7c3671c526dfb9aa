//! System libraries that installed packages lack: what looks for them, and what is said of them.

use buildkit_frontend::testing::{FakeDaemon, FakeImage, Files, Graph, Outcome};

use crate::projects::{BASE, BASE_IMAGE, Project, UV_IMAGE};
use crate::run;

const LOOK: &str = "look for missing system libraries";

/// What the step has found.
fn found(daemon: FakeDaemon) -> FakeDaemon {
    let finding = "{\"package\": \"markupsafe\", \"message\": \"markupsafe needs libgomp.so.1, which the image does not have\", \
                   \"note\": \"the first file that needs one is /opt/venv/x.so\", \
                   \"help\": \"add to packages in [tool.pyfront]: \\\"libgomp1\\\"\"}";
    daemon.step(
        LOOK,
        Files::from([("missing.json", format!("{{\"findings\": [{finding}], \"install\": [\"libgomp1\"]}}"))]),
    )
}

fn hatchling() -> FakeDaemon {
    found(Project::example("hatchling").build("pyproject.toml"))
}

/// The graph of the step that looks, and its name.
fn look(outcome: &Outcome) -> Option<(Graph, String)> {
    let named = |graph: Graph| {
        let name = graph.result.as_ref().and_then(|result| graph.name(&result.digest)).unwrap_or_default().to_owned();
        name.contains(LOOK).then_some((graph, name))
    };
    outcome.solved().into_iter().find_map(named)
}

fn is_found(outcome: &Outcome) -> bool {
    outcome.warnings().iter().any(|warning| warning.contains("MissingSystemLibrary"))
}

#[test]
fn a_build_names_the_library_and_the_package_once_for_all_platforms() {
    let both = hatchling()
        .option("platform", "linux/amd64,linux/arm64")
        .image_for(BASE_IMAGE, "linux/amd64", FakeImage::new(BASE))
        .image_for(BASE_IMAGE, "linux/arm64", FakeImage::new(BASE.replace("amd64", "arm64")))
        .image_for(UV_IMAGE, "linux/amd64", FakeImage::new(r#"{"architecture":"amd64","os":"linux"}"#))
        .step("install greeter", {
            let wheel = "opt/venv/lib/python3.13/site-packages/greeter-1.0.dist-info/WHEEL";
            Files::from([(wheel, "Wheel-Version: 1.0\nTag: py3-none-any\n".to_owned())])
        });
    let warnings = run(&both).warnings();
    // The wheels of the platforms stand in two lines of the lock.
    assert_eq!(warnings.len(), 2, "{warnings:#?}");
    insta::assert_snapshot!(run(&hatchling()).warnings().join("\n"));
}

#[test]
fn the_step_depends_on_compiled_packages_and_the_base_alone() {
    let outcome = run(&hatchling());
    let (graph, _) = look(&outcome).expect("it looks");
    let names = graph.names().join("\n");
    assert!(names.contains("install markupsafe"), "{names}");
    assert!(!names.contains("install click") && !names.contains("greeter"), "{names}");
    let image = outcome.graph(None);
    assert!(!image.names().iter().any(|name| name.contains(LOOK)), "no layer depends on it");
    // Nothing is executed for the image's own CPU, and nothing comes from the network.
    assert!(graph.execs().iter().all(|(_, exec)| exec.network == 2), "{names}");
}

#[test]
fn it_looks_only_where_something_can_be_missing_and_somebody_wants_to_know() {
    let looks = |daemon: FakeDaemon| look(&run(&daemon)).is_some();
    assert!(!looks(Project::example("virtual").build("pyproject.toml")), "nothing is compiled");
    assert!(!looks(hatchling().option("target", "venv")), "there is no image");
    assert!(!looks(hatchling().option("build-arg:BUILDKIT_DOCKERFILE_CHECK", "skip=MissingSystemLibrary")));
    let caches = r#"[{"Type":"registry","Attrs":{"ref":"team/cache"}}]"#;
    assert!(!looks(hatchling().option("cache-imports", caches)), "layers that are in a cache stay there");
    assert!(looks(hatchling().option("target", "dev")));
}

#[test]
fn it_can_end_the_build() {
    let outcome = run(&hatchling().option("build-arg:BUILDKIT_DOCKERFILE_CHECK", "error=true"));
    assert_eq!(outcome.error().message, "lint violation found for rules: MissingSystemLibrary");
    assert!(is_found(&outcome));
}

#[test]
fn what_is_missing_is_installed_where_that_is_asked_for() {
    let configured = |config: &str| {
        let project = Project::example("hatchling");
        let text = project.text("pyproject.toml").to_owned();
        project.with("pyproject.toml", format!("{text}\n[tool.pyfront]\n{config}"))
    };
    let installs = |outcome: &Outcome| {
        let name =
            outcome.graph(None).names().into_iter().find(|name| name.contains("system packages")).map(str::to_owned);
        name.unwrap_or_default()
    };
    let asked = run(&found(configured("packages = [\"auto\", \"tzdata\"]\n").build("pyproject.toml")));
    assert_eq!(installs(&asked), "[system] install system packages libgomp1, tzdata");
    let history = asked.image_config(None)["history"].to_string();
    assert!(history.contains("install system packages libgomp1, tzdata"), "{history}");
    // The first look is without them, the second with them.
    let looks: Vec<Graph> =
        asked.solved().into_iter().filter(|graph| graph.names().iter().any(|name| name.contains(LOOK))).collect();
    let with = |graph: &Graph| graph.names().iter().any(|name| name.contains("libgomp1"));
    assert_eq!(looks.iter().map(with).collect::<Vec<_>>(), [false, true]);

    let not_asked = run(&found(configured("packages = [\"tzdata\"]\n").build("pyproject.toml")));
    assert_eq!(installs(&not_asked), "[system] install system packages tzdata");
    // It is no check that could be left out.
    let caches = r#"[{"Type":"registry","Attrs":{"ref":"team/cache"}}]"#;
    let daemon = found(configured("packages = \"auto\"\n").build("pyproject.toml"));
    assert_eq!(installs(&run(&daemon.option("cache-imports", caches))), "[system] install system packages libgomp1");
    let nothing = configured("packages = \"auto\"\n").build("pyproject.toml");
    assert_eq!(installs(&run(&nothing)), "");
}

#[test]
fn packages_for_a_cpu_that_cannot_be_run_are_refused() {
    let project = Project::example("hatchling");
    let text = project.text("pyproject.toml").to_owned();
    let project = project.with("pyproject.toml", format!("{text}\n[tool.pyfront]\npackages = \"auto\"\n"));
    let daemon = found(project.build("pyproject.toml"))
        .option("platform", "linux/arm64")
        .image_for(BASE_IMAGE, "linux/amd64", FakeImage::new(BASE))
        .image_for(BASE_IMAGE, "linux/arm64", FakeImage::new(BASE.replace("amd64", "arm64")))
        .platforms(["linux/amd64"]);
    let outcome = run(&daemon);
    let message = &outcome.error().message;
    assert!(
        message.contains("the system packages libgomp1 can only be built or installed on linux/arm64"),
        "{message}"
    );
}
