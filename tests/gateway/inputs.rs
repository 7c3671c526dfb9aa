//! Projects without `uv.lock`: what is read of them, what is built, and what is refused.

use std::fmt::Write as _;

use buildkit_frontend::testing::{Outcome, Request};
use serde_json::json;

use crate::projects::Project;
use crate::refusals::shown;
use crate::run;

const HASH: &str = "--hash=sha256:946d195a0d259cbba61165e88e65941f16e9b36ea6ddb97f00452bae8b1287d3";
const DOCKERFILE: &str = "# syntax=org/pyfront\npython = \"3.13\"\n";
const SCRIPT: &str = "#!/usr/bin/env python3\n# syntax=org/pyfront\n# /// script\n# dependencies = []\n# [tool.pyfront]\n\
                      # python = \"3.13\"\n# ///\nprint()\n";
const EMPTY_LOCK: &str = "version = 1\nrevision = 3\nrequires-python = \">=3.11\"\n";

fn names(outcome: &Outcome) -> String {
    outcome.graph(None).names().join("\n")
}

/// A project with these requirements and a program.
fn requirements(text: &str) -> Project {
    Project::with_files(&[("Dockerfile", DOCKERFILE), ("requirements.txt", text), ("main.py", "print()\n")])
}

#[test]
fn a_script_and_its_lock_are_all_that_is_asked_for() {
    let project = Project::example("script").with("notes.txt", "not for the image");
    let outcome = run(&project.build("report.py"));
    let graph = outcome.graph(None);
    let config = &outcome.image_config(None)["config"];
    assert_eq!(config["Cmd"], json!(["python", "report.py"]));
    assert!(config["Env"].as_array().unwrap().contains(&json!("UNIT=bytes")), "{config}");
    assert_eq!(outcome.warnings(), Vec::<String>::new());
    for solved in outcome.solved() {
        for source in solved.sources().into_iter().filter(|source| source.starts_with("local://")) {
            let follow = &solved.source_attrs(source).unwrap()["local.followpaths"];
            assert!(!follow.contains("notes.txt"), "{follow}");
        }
    }
    insta::assert_snapshot!(graph.names().join("\n"));
}

#[test]
fn what_is_configured_in_a_script_wins() {
    let script = SCRIPT.replace("# ///\nprint", "# command = [\"python\", \"-V\"]\n# ///\nprint");
    let outcome = run(&Project::with_files(&[("a.py", &script), ("a.py.lock", EMPTY_LOCK)]).build("a.py"));
    assert_eq!(outcome.image_config(None)["config"]["Cmd"], json!(["python", "-V"]));
}

#[test]
fn scripts_that_are_refused() {
    let lock = Project::with_files(&[("a.py", SCRIPT), ("a.py.lock", EMPTY_LOCK)]);
    let mut text = String::new();
    for (title, project) in [
        ("no lock", lock.clone().without("a.py.lock")),
        ("hidden lock", lock.clone().with(".dockerignore", "*.lock\n")),
        ("no metadata", lock.clone().with("a.py", "# syntax=org/pyfront\nprint()\n")),
        ("wrong key", lock.clone().edit("a.py", "python = ", "pyton = ")),
        ("stale", lock.clone().edit("a.py", "dependencies = []", "dependencies = [\"httpx\"]")),
        (
            "another Python",
            lock.clone().edit("a.py", "# dependencies", "# requires-python = \">=3.12\"\n# dependencies"),
        ),
        (
            "still locked",
            lock.clone()
                .with("a.py.lock", format!("{EMPTY_LOCK}\n[manifest]\nrequirements = [{{ name = \"idna\" }}]\n")),
        ),
    ] {
        writeln!(text, "{title}\n{}\n", shown(&run(&project.build("a.py")))).unwrap();
    }
    insta::assert_snapshot!(text);
    let stale = lock.edit("a.py", "dependencies = []", "dependencies = [\"httpx\"]");
    let outcome = run(&stale.build("a.py").option("build-arg:PYFRONT_LOCKED", "false"));
    outcome.result();
    assert_eq!(outcome.warnings().len(), 1, "{:?}", outcome.warnings());
}

#[test]
fn pylock_needs_no_pyproject() {
    let outcome = run(&Project::example("pylock").build("Dockerfile"));
    assert_eq!(outcome.image_config(None)["config"]["Cmd"], json!(["python", "main.py"]));
    insta::assert_snapshot!(names(&outcome));
}

#[test]
fn uv_lock_wins_over_pylock_and_that_over_requirements() {
    let with_all = Project::example("virtual").with("pylock.toml", "nonsense").with("requirements.txt", "-e .");
    let alone = run(&Project::example("virtual").build("pyproject.toml"));
    assert_eq!(names(&run(&with_all.build("pyproject.toml"))), names(&alone));
    let both = Project::example("pylock").with("requirements.txt", "-e .");
    assert_eq!(names(&run(&both.build("Dockerfile"))), names(&run(&Project::example("pylock").build("Dockerfile"))));
}

#[test]
fn a_pylock_that_is_the_entry_file_wins_over_all_others() {
    let example = Project::example("pylock").with(".python-version", "3.13\n");
    let text = example.text("pylock.toml").to_owned();
    let expected = names(&run(&example.clone().with("Dockerfile", "# syntax=org/pyfront\n").build("Dockerfile")));
    let project = example.with("pylock.toml", "nonsense").with("uv.lock", "nonsense").with("pylock.prod.toml", text);
    assert_eq!(names(&run(&project.build("pylock.prod.toml"))), expected);
    let broken = run(&project
        .edit("pylock.prod.toml", "lock-version = \"1.0\"", "lock-version = \"2.0\"")
        .build("pylock.prod.toml"));
    assert!(shown(&broken).contains("pylock.prod.toml:"), "{}", shown(&broken));
}

#[test]
fn requirements_are_one_step_that_sees_nothing_but_them() {
    let text = format!("-r more/base.txt\nidna==3.10 {HASH}\n");
    let project = requirements(&text).with("more/base.txt", format!("-c ../limits.txt\ncertifi==2025.1.31 {HASH}\n"));
    let outcome = run(&project.with("limits.txt", "idna<4\n").build("Dockerfile"));
    assert_eq!(outcome.warnings(), Vec::<String>::new());
    insta::assert_snapshot!(names(&outcome));

    let step = |text: &str| {
        let outcome = run(&requirements(text).build("Dockerfile"));
        let graph = outcome.graph(None);
        let steps = graph.execs().into_iter().filter(|(digest, _)| {
            graph.name(digest).is_some_and(|name| name.contains("requirements of requirements.txt"))
        });
        steps.map(|(digest, _)| digest.to_owned()).collect::<Vec<_>>()
    };
    let first = step(&format!("idna==3.10 {HASH}\n"));
    assert_eq!(first.len(), 1);
    let equal = step(&format!("# a comment\nidna==3.10 \\\n    {HASH}\ncolorama ; sys_platform == 'win32'\n"));
    assert_eq!(first, equal, "what does not count does not make the step run again");
    assert_ne!(first, step(&format!("idna==3.9 {HASH}\n")));
}

#[test]
fn requirements_without_hashes_are_a_warning_with_its_line() {
    let outcome = run(&requirements("--pre\nidna==3.10\n").build("Dockerfile"));
    outcome.result();
    let warned: Vec<String> = outcome
        .requests
        .iter()
        .filter_map(|request| {
            let Request::Warn(warning) = request else { return None };
            let file = &warning.info.as_ref().unwrap().filename;
            let line = warning.ranges[0].start.as_ref().unwrap().line;
            Some(format!("{file}:{line}: {}", String::from_utf8_lossy(&warning.short)))
        })
        .collect();
    insta::assert_snapshot!(warned.join("\n"));
}

#[test]
fn the_start_command_is_found_by_what_is_required() {
    let code = "from fastapi import FastAPI\napp = FastAPI()\n";
    let project = requirements("fastapi\nuvicorn[standard]\n").with("main.py", code);
    let config = run(&project.build("Dockerfile")).image_config(None);
    assert_eq!(config["config"]["Cmd"][0], "uvicorn", "{config}");
}

#[test]
fn nothing_to_install_is_no_step() {
    let outcome = run(&requirements("# nothing yet\n").build("Dockerfile"));
    assert!(!names(&outcome).contains("[deps]"), "{}", names(&outcome));
}

#[test]
fn inputs_that_are_refused() {
    let mut text = String::new();
    for (title, project) in [
        ("a file that is not there", requirements("idna\n-r base.txt\n")),
        (
            "a file that is hidden",
            requirements("-r base.txt\n").with("base.txt", "").with(".dockerignore", "base.txt\n"),
        ),
        ("a path", requirements("-e .\n")),
        ("a password", requirements("-i https://me:secret@index.example/simple\n")),
        ("extras", requirements("idna\n").with("Dockerfile", format!("{DOCKERFILE}extras = [\"web\"]\n"))),
        (
            "an unknown extra",
            Project::example("pylock").with("Dockerfile", format!("{DOCKERFILE}extras = [\"web\"]\n")),
        ),
        ("a broken pylock.toml", Project::example("pylock").with("pylock.toml", "lock-version = \"2.0\"\n")),
    ] {
        writeln!(text, "{title}\n{}\n", shown(&run(&project.build("Dockerfile")))).unwrap();
    }
    insta::assert_snapshot!(text);
}
