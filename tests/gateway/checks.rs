//! What could be better about a project: every rule finds it in a bad project and not in a good one, as a warning of a build and
//! as an answer to `--check`; and what a project says about the rules is done.

use std::fmt::Write as _;

use buildkit_frontend::testing::{FakeDaemon, FakeImage, Files, Outcome, Request};
use pyfront::lint::RULES;
use serde_json::Value;

use crate::projects::{BASE, BASE_IMAGE, Project};
use crate::run;

const BAD: &str = "## Bad";
const GOOD: &str = "## Good";
const ALL: &str = "experimental=all";
const ARGUMENT: &str = "build-arg:BUILDKIT_DOCKERFILE_CHECK";

/// The configuration that a rule's page shows.
fn shown(rule: &str, part: &str) -> String {
    let rule = RULES.iter().find(|known| known.name == rule).unwrap();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join(rule.page())).unwrap();
    let (_, section) = page.split_once(part).unwrap();
    let (_, block) = section.split_once("```toml\n").unwrap();
    block.split_once("```").unwrap().0.to_owned()
}

/// An example with such configuration, on images that may be named in it.
fn configured(example: &str, config: &str) -> FakeDaemon {
    let project = Project::example(example);
    let text = project.text("pyproject.toml").split("[tool.pyfront]").next().unwrap().to_owned();
    let daemon = project.with("pyproject.toml", format!("{text}\n{config}")).build("pyproject.toml");
    daemon.image("team/python:latest", FakeImage::new(BASE)).image("team/python:3.13", FakeImage::new(BASE))
}

fn build(project: &Project) -> FakeDaemon {
    project.build("pyproject.toml")
}

fn requirements(text: &str) -> FakeDaemon {
    let dockerfile = "# syntax=org/pyfront\npython = \"3.13\"\n";
    Project::with_files(&[("Dockerfile", dockerfile), ("requirements.txt", text), ("main.py", "print()\n")])
        .build("Dockerfile")
}

/// A base image with another C library.
fn old_base(version: &str) -> FakeImage {
    let mut image = FakeImage::new(BASE.replace("# debian.sh", "# unknown"));
    let library = format!("GNU C Library (GNU libc) stable release version {version}.\n");
    image.files = Files::from([("lib64/libc.so.6", library)]);
    image
}

/// The project with two files that may be started.
fn with_two_starts(project: Project) -> Project {
    project.without("main.py").with("one.py", "print()\n").with("other.py", "print()\n")
}

/// A bad project and a good one of a rule.
fn projects(rule: &str) -> [FakeDaemon; 2] {
    let hatchling = || Project::example("hatchling");
    let virtual_ = || Project::example("virtual");
    match rule {
        "DevDependenciesInProduction" => {
            [configured("fastapi", "[tool.pyfront]\ngroups = [\"dev\"]\n"), configured("fastapi", "")]
        }
        "EmulatedBuild" => {
            let arm = FakeImage::new(BASE.replace("amd64", "arm64"));
            let lock = hatchling().text("uv.lock").to_owned();
            let kept: Vec<&str> = lock.lines().filter(|line| !line.contains("aarch64.whl")).collect();
            let without = hatchling().with("uv.lock", kept.join("\n") + "\n");
            [without, hatchling()].map(|project| {
                build(&project)
                    .option("platform", "linux/arm64")
                    .image_for(BASE_IMAGE, "linux/amd64", FakeImage::new(BASE))
                    .image_for(BASE_IMAGE, "linux/arm64", arm.clone())
                    .platforms(["linux/amd64", "linux/arm64"])
            })
        }
        "EndOfLifePython" => {
            let old = virtual_().without(".python-version").edit("pyproject.toml", "\">=3.11\"", "\"==3.9.*\"").edit(
                "uv.lock",
                "requires-python = \">=3.11\"",
                "requires-python = \"==3.9.*\"",
            );
            let image = FakeImage::new(BASE.replace("3.13.5", "3.9.21"));
            [build(&old).image("python:3.9-slim", image), build(&virtual_())]
        }
        "HiddenBuildFile" => [
            build(&hatchling().with(".dockerignore", "*.md\n")),
            build(&hatchling().with(".dockerignore", "*.md\n!README.md\n")),
        ],
        "IgnoredOnBuild" => {
            let base = BASE.replace(r#""Cmd":"#, r#""OnBuild":["RUN x"],"Cmd":"#);
            [build(&virtual_()).image(BASE_IMAGE, FakeImage::new(base)), build(&virtual_())]
        }
        "IgnoredRequirementOption" => [requirements("--pre\nidna==3.10\n"), requirements("idna==3.10\n")],
        "IgnoredOption" => ["tests", "Test"].map(|name| build(&virtual_()).option("no-cache", name)),
        "LargeContextFile" => {
            let large = build(&virtual_().with("data/model.bin", "x".repeat(51 << 20)));
            let hidden = virtual_().with("data/model.bin", "x".repeat(51 << 20)).with(".dockerignore", "/data\n");
            [large, build(&hidden)]
        }
        "LibcWithoutWheels" => [
            build(&hatchling()).image(BASE_IMAGE, old_base("2.12")),
            build(&hatchling()).image(BASE_IMAGE, old_base("2.31")),
        ],
        "MissingLock" => {
            let hash = "--hash=sha256:946d195a0d259cbba61165e88e65941f16e9b36ea6ddb97f00452bae8b1287d3";
            [requirements("httpx>=0.28\n"), requirements(&format!("idna==3.10 {hash}\n"))]
        }
        "NoStartCommand" => {
            let two = with_two_starts(virtual_());
            let start = "[project]\n";
            let named = format!("[tool.pyfront]\ncommand = [\"python\", \"other.py\"]\n\n{start}");
            [build(&two), build(&two.clone().edit("pyproject.toml", start, &named))]
        }
        "StaleLock" => {
            let stale = hatchling().edit("pyproject.toml", "\"markupsafe\"", "\"markupsafe>=3\"");
            [build(&stale).option("build-arg:PYFRONT_LOCKED", "false"), build(&hatchling())]
        }
        "UncheckedFile" => {
            let hash = ", hash = \"sha256:02d0899527760efe18011944f882df4970943b4cdff7b5a0ba7fed43a576ef98\"";
            [build(&virtual_().edit("uv.lock", hash, "")), build(&virtual_())]
        }
        "UnknownBuildArg" => [
            build(&virtual_()).option("build-arg:PYTHON_VERSON", "3.12"),
            build(&virtual_()).option("build-arg:PYFRONT_LOCKED", "1").option("build-arg:no_proxy", "*"),
        ],
        "UnknownVersion" => {
            let dynamic = hatchling()
                .edit("pyproject.toml", "version = \"1.2.0\"", "dynamic = [\"version\"]")
                .edit("pyproject.toml", "[\"hatchling\"]", "[\"hatchling\", \"hatch-vcs\"]")
                .edit("pyproject.toml", "[build-system]", "[tool.hatch.version]\nsource = \"vcs\"\n\n[build-system]")
                .edit("uv.lock", "version = \"1.2.0\"\n", "");
            let told = build(&dynamic).option("build-arg:SETUPTOOLS_SCM_PRETEND_VERSION", "1.4");
            [build(&dynamic), told]
        }
        _ => [BAD, GOOD].map(|part| {
            // A digest is part of the reference that is asked for.
            let config = shown(rule, part);
            let pinned = config.split('"').find(|text| text.contains("@sha256:")).map(str::to_owned);
            let example = if rule == "LibcWithoutWheels" { "hatchling" } else { "virtual" };
            let daemon = configured(example, &config);
            match pinned {
                Some(reference) => daemon.image(&reference, FakeImage::new(BASE)),
                None => daemon,
            }
        }),
    }
}

fn check(daemon: FakeDaemon) -> Outcome {
    run(&daemon.option("requestid", "frontend.lint"))
}

fn report(outcome: &Outcome) -> Value {
    serde_json::from_slice(&outcome.result().metadata["result.json"]).unwrap()
}

fn rules(report: &Value) -> Vec<&str> {
    report["warnings"].as_array().unwrap().iter().map(|warning| warning["ruleName"].as_str().unwrap()).collect()
}

fn status(outcome: &Outcome) -> &str {
    std::str::from_utf8(&outcome.result().metadata["result.statuscode"]).unwrap()
}

#[test]
fn every_rule_finds_what_is_bad_and_nothing_in_what_is_good() {
    let mut text = String::new();
    for rule in RULES {
        if rule.build_only {
            // `tests/gateway/libraries.rs`
            continue;
        }
        let [bad, good] = projects(rule.name);
        let asked = check(bad.option(ARGUMENT, ALL));
        let found = report(&asked);
        assert!(rules(&found).contains(&rule.name), "{}: {found:#}", rule.name);
        assert_eq!((status(&asked), found.get("buildError")), ("1", None), "{}: {found:#}", rule.name);
        for warning in found["warnings"].as_array().unwrap() {
            if warning["ruleName"] == rule.name {
                let place = &warning["location"];
                let file = place.get("sourceIndex").and_then(Value::as_i64).unwrap_or_default();
                let file = usize::try_from(file).ok().map(|file| found["sources"][file]["filename"].clone());
                let line = &place["ranges"][0]["start"]["line"];
                let detail = warning["detail"].as_str().unwrap();
                writeln!(text, "{} {} {line}\n{detail}\n", rule.name, file.unwrap_or_default()).unwrap();
            }
        }
        let good = check(good.option(ARGUMENT, ALL));
        let found = report(&good);
        assert!(!rules(&found).contains(&rule.name), "{}: {found:#}", rule.name);
        assert_eq!(found.get("buildError"), None, "{}: {found:#}", rule.name);
    }
    insta::assert_snapshot!(text);
}

#[test]
fn the_examples_are_as_they_should_be() {
    for (example, entry) in [
        ("celery", "pyproject.toml"),
        ("cli", "pyproject.toml"),
        ("dev", "pyproject.toml"),
        ("django", "pyproject.toml"),
        ("fastapi", "pyproject.toml"),
        ("flask", "pyproject.toml"),
        ("gunicorn", "pyproject.toml"),
        ("hatchling", "pyproject.toml"),
        ("numeric", "pyproject.toml"),
        ("pylock", "Dockerfile"),
        ("requirements", "Dockerfile"),
        ("script", "report.py"),
        ("sandbox", "pyproject.toml"),
        ("source", "pyproject.toml"),
        ("streamlit", "pyproject.toml"),
        ("virtual", "pyproject.toml"),
        ("workspace", "pyproject.toml"),
    ] {
        let outcome = check(Project::example(example).build(entry));
        let report = report(&outcome);
        assert_eq!((rules(&report), report.get("buildError"), status(&outcome)), (Vec::new(), None, "0"), "{report:#}");
    }
}

fn root_user() -> Project {
    Project::example("virtual").edit("pyproject.toml", "[project]", "[tool.pyfront]\nuser = \"root\"\n\n[project]")
}

/// The warnings of a build, with the place and the page that go with each.
fn warnings(outcome: &Outcome) -> Vec<String> {
    let of = |request: &Request| {
        let Request::Warn(warning) = request else { return None };
        let place = warning.info.as_ref().map(|info| {
            let line = warning.ranges.first().and_then(|range| range.start.as_ref()).map(|start| start.line);
            format!("{}:{}", info.filename, line.unwrap_or_default())
        });
        let short = String::from_utf8_lossy(&warning.short);
        let detail: Vec<_> = warning.detail.iter().map(|line| String::from_utf8_lossy(line)).collect();
        Some(format!("{short}\n{}\n{}\n{}", detail.join("\n"), warning.url, place.unwrap_or_default()))
    };
    outcome.requests.iter().filter_map(of).collect()
}

#[test]
fn a_build_warns_once_with_the_line() {
    let arm = FakeImage::new(BASE.replace("amd64", "arm64"));
    let daemon = build(&root_user()).option("platform", "linux/amd64,linux/arm64");
    let outcome = run(&daemon.image_for(BASE_IMAGE, "linux/amd64", FakeImage::new(BASE)).image_for(
        BASE_IMAGE,
        "linux/arm64",
        arm,
    ));
    outcome.result();
    insta::assert_snapshot!(warnings(&outcome).join("\n\n"));
}

#[test]
fn the_line_of_the_entry_file_decides_and_the_build_argument_in_its_place() {
    let with =
        |check: &str| root_user().edit("pyproject.toml", "[tool.pyfront]", &format!("# check={check}\n[tool.pyfront]"));
    let build = |check: &str| build(&with(check));
    assert_eq!(run(&build("skip=RootUser")).warnings(), Vec::<String>::new());
    assert_eq!(run(&build("skip=all")).warnings(), Vec::<String>::new());
    assert_eq!(run(&build("skip=StaleLock")).warnings().len(), 1);
    assert_eq!(run(&build("skip=RootUser").option(ARGUMENT, "skip=StaleLock")).warnings().len(), 1);
    assert_eq!(run(&build("skip=StaleLock").option(ARGUMENT, "skip=all")).warnings(), Vec::<String>::new());
    insta::assert_snapshot!(run(&build("skip")).error().message);
    // Dockerfiles of ours have the line, too.
    let dockerfile = Project::example("virtual")
        .with("Dockerfile", "# syntax=org/pyfront\n# check=skip=RootUser\nuser = \"root\"\n")
        .build("Dockerfile");
    assert_eq!(run(&dockerfile).warnings(), Vec::<String>::new());
}

#[test]
fn options_that_have_no_effect_are_told() {
    let told = |options: &[(&str, &str)]| {
        let daemon = build(&Project::example("virtual")).without_cap("exec.meta.linux.resources");
        run(&options.iter().fold(daemon, |daemon, (key, value)| daemon.option(*key, *value))).warnings().join("\n")
    };
    let some = [("no-cache", "runtime,wokrer"), ("memory", "1000000"), ("build-arg:SOURCE_DATE_EPOCH", "context")];
    insta::assert_snapshot!(told(&some));
    assert_eq!(told(&[("no-cache", ""), ("build-arg:SOURCE_DATE_EPOCH", "1700000000")]), "");
}

#[test]
fn findings_end_the_build_when_they_are_errors() {
    let daemon = build(&root_user()).option(ARGUMENT, "error=true");
    let outcome = run(&daemon);
    assert_eq!(outcome.warnings().len(), 1, "they are shown nevertheless");
    let error = outcome.error();
    assert_eq!(error.message, "lint violation found for rules: RootUser");
    assert!(error.details[0].type_url.ends_with("errdefs.Source+json"), "{error:?}");
    assert!(outcome.solved().iter().all(|graph| graph.execs().is_empty()));

    let asked = check(daemon);
    let report = report(&asked);
    assert_eq!((rules(&report), status(&asked)), (vec!["RootUser"], "1"));
    assert_eq!(report["buildError"]["message"], "lint violation found for rules: RootUser");
    run(&build(&Project::example("virtual")).option(ARGUMENT, "error=true")).result();
}

#[test]
fn what_ends_a_build_is_a_finding_among_others() {
    let project = with_two_starts(root_user()).edit("pyproject.toml", "\"humanize\"", "\"humanize>=4\"");
    assert_eq!(run(&build(&project)).error().code, 2);
    let found = report(&check(build(&project)));
    assert_eq!((rules(&found), found.get("buildError")), (vec!["RootUser", "NoStartCommand", "StaleLock"], None));
    // What is left out of the findings is still what ends the build.
    let found = report(&check(build(&project).option(ARGUMENT, "skip=StaleLock")));
    assert!(found["buildError"]["message"].as_str().unwrap().contains("uv.lock"), "{found:#}");
}
