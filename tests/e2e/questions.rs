//! Questions about a build, asked with the client's own flags: `--check` and `--call` of newer clients, `--print` of older ones.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::engine::{Engine, example};

/// Each example with its entry file.
const EXAMPLES: [(&str, &str); 8] = [
    ("fastapi", "pyproject.toml"),
    ("hatchling", "pyproject.toml"),
    ("pylock", "Dockerfile"),
    ("requirements", "Dockerfile"),
    ("script", "report.py"),
    ("source", "pyproject.toml"),
    ("virtual", "pyproject.toml"),
    ("workspace", "pyproject.toml"),
];

fn buildx(arguments: &[&str]) -> Output {
    let mut command = Command::new("docker");
    command.args(["buildx", "build", "--progress=plain"]).args(arguments).env("BUILDX_EXPERIMENTAL", "1");
    command.output().unwrap()
}

/// Whether the client has `--call`, as buildx has since 0.15.
fn has_call() -> bool {
    String::from_utf8_lossy(&buildx(&["--help"]).stdout).contains("--call")
}

/// The exit code and what was printed.
fn ask(question: &str, project: &Path, entry: &str, more: &[&str]) -> (Option<i32>, String) {
    let flag = if has_call() { "--call" } else { "--print" };
    let file = project.join(entry).display().to_string();
    let directory = project.display().to_string();
    let output = buildx(&[&[flag, question, "--file", &file][..], more, &[&directory]].concat());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // Clients that do not know the question print its text alone, and of a project without faults there is none.
    let silent = text.is_empty() && !question.starts_with("lint");
    assert!(!silent, "{question} {entry}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    (output.status.code(), text)
}

fn json(question: &str, project: &Path, entry: &str) -> Value {
    let (code, text) = ask(&format!("{question},format=json"), project, entry, &[]);
    assert_eq!(code, Some(0), "{question} {entry}: {text}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{question} {entry}: {error}\n{text}"))
}

#[test]
fn targets_and_parameters_of_every_example() {
    let Some(_engine) = Engine::get() else { return };
    for (name, entry) in EXAMPLES {
        let project = example(name);
        let (code, text) = ask("targets", project.path(), entry, &[]);
        assert!(code == Some(0) && text.contains("runtime (default)"), "{name}: {text}");
        let targets = json("targets", project.path(), entry);
        assert_eq!(targets["targets"][0]["name"], "runtime", "{name}: {targets}");
        let (code, text) = ask("outline", project.path(), entry, &[]);
        assert!(code == Some(0) && text.contains("PYTHON_VERSION"), "{name}: {text}");
        assert_eq!(json("outline", project.path(), entry)["name"], "runtime", "{name}");
    }
}

#[test]
fn no_example_is_found_fault_with() {
    let Some(_engine) = Engine::get() else { return };
    for (name, entry) in EXAMPLES {
        let project = example(name);
        if !has_call() {
            assert_eq!(ask("lint", project.path(), entry, &[]), (Some(0), String::new()), "{name}");
            continue;
        }
        let report = json("check", project.path(), entry);
        assert_eq!(report["warnings"], serde_json::json!([]), "{name}: {report:#}");
        assert_eq!(report.get("buildError"), None, "{name}: {report:#}");
    }
}

#[test]
fn a_check_that_finds_something_ends_with_exit_code_1() {
    let Some(_engine) = Engine::get() else { return };
    let project = example("virtual");
    let dockerfile = "# syntax=org/pyfront\nuser = \"root\"\n";
    std::fs::write(project.path().join("Dockerfile"), dockerfile).unwrap();
    std::fs::create_dir(project.path().join("data")).unwrap();
    let large = std::fs::File::create(project.path().join("data/model.bin")).unwrap();
    large.set_len(51 << 20).unwrap();
    let question = if has_call() { "check" } else { "lint" };
    let (code, text) = ask(question, project.path(), "Dockerfile", &[]);
    // Clients without --check know nothing of a status.
    assert_eq!(code, Some(i32::from(has_call())), "{text}");
    assert!(text.contains("WARNING: RootUser - docs/checks/root-user.md"), "{text}");
    assert!(text.contains(">>> user = \"root\""), "{text}");
    assert!(text.contains("WARNING: LargeContextFile"), "{text}");
    let skipped = ["--build-arg", "BUILDKIT_DOCKERFILE_CHECK=skip=RootUser,LargeContextFile"];
    let (code, text) = ask(question, project.path(), "Dockerfile", &skipped);
    assert!(code == Some(0) && !text.contains("WARNING"), "{text}");
}

#[test]
fn a_build_warns_with_the_rule_and_the_line() {
    let Some(engine) = Engine::get() else { return };
    let project = example("virtual");
    std::fs::write(project.path().join("Dockerfile"), "# syntax=org/pyfront\nuser = \"root\"\n").unwrap();
    let build = engine.build(project.path(), "e2e/questions", &["--build-arg", "PYTHON_VERSON=3.13"]);
    // buildx lists warnings at the end. Those that come while the entry file is still being loaded it shows there as well.
    let listed = build.log.lines().filter(|line| !line.starts_with('#'));
    let root = listed.filter(|line| line.contains("RootUser: Dockerfile:2: the container runs as root"));
    assert_eq!(root.count(), 1, "{}", build.log);
    assert!(build.log.contains("UnknownBuildArg: nothing reads the build argument \"PYTHON_VERSON\""), "{}", build.log);
    let failed =
        engine.try_build(project.path(), "e2e/questions", &["--build-arg", "BUILDKIT_DOCKERFILE_CHECK=error=true"]);
    assert!(!failed.success && failed.log.contains("lint violation found for rules: RootUser"), "{}", failed.log);
}

#[test]
fn the_plan_and_the_schema_are_answers_too() {
    let Some(_engine) = Engine::get() else { return };
    let project = example("virtual");
    let schema = json("pyfront.schema", project.path(), "pyproject.toml");
    assert_eq!(schema["title"], "[tool.pyfront]");
    let plan = json("pyfront.plan", project.path(), "pyproject.toml");
    assert_eq!((plan["project"].as_str(), plan["platform"].as_str()), (Some("tick"), Some("linux/amd64")));
}
