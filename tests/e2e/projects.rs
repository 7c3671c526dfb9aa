//! Each example becomes an image that runs, by every way in.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::engine::{Engine, example, tag};

/// What of an image must not depend on the way in.
fn identity(engine: &Engine, tag: &str) -> (Value, Vec<String>) {
    (engine.inspect(tag)["Config"].clone(), engine.layers(tag))
}

#[test]
fn three_ways_in_make_the_same_image() {
    let Some(engine) = Engine::get() else { return };
    let project = example("fastapi");
    let pyproject = engine.build_pyproject(project.path(), &tag("pyproject"));
    let dockerfile = engine.build(project.path(), &tag("dockerfile"), &[]);
    // An older buildx reads the entry file before it asks for the frontend that the build argument names.
    std::fs::write(project.path().join("Dockerfile"), "# nothing\n").unwrap();
    let argument = engine.build(project.path(), &tag("argument"), &["--build-arg", "BUILDKIT_SYNTAX=org/pyfront"]);
    let expected = identity(&engine, &pyproject.tag);
    assert_eq!(identity(&engine, &dockerfile.tag), expected, "a one-line Dockerfile");
    assert_eq!(identity(&engine, &argument.tag), expected, "BUILDKIT_SYNTAX");
}

#[test]
fn the_web_service_runs_as_an_ordinary_user_and_becomes_healthy() {
    let Some(engine) = Engine::get() else { return };
    let project = example("fastapi");
    let build = engine.build_pyproject(project.path(), &tag("service"));
    let config = &engine.inspect(&build.tag)["Config"];
    assert_eq!(config["User"], "10001:10001");
    assert_eq!(config["WorkingDir"], "/app");
    assert_eq!(config["Cmd"], json!(["uvicorn", "api.main:app", "--host", "0.0.0.0", "--port", "8000"]));
    assert_eq!(config["ExposedPorts"], json!({"8000/tcp": {}}));
    assert_eq!(config["Labels"]["org.opencontainers.image.vendor"], "Example");
    assert_eq!(config["Healthcheck"]["Test"][0], "CMD");

    let container = engine.docker(&["run", "--detach", "--network=none", &build.tag]);
    let health = engine.health(&container);
    let ask = "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:8000/health').read().decode())";
    let answer = engine.docker(&["exec", &container, "python", "-c", ask]);
    let asked_to_stop = Instant::now();
    engine.docker(&["stop", &container]);
    let stopped = asked_to_stop.elapsed();
    engine.docker(&["rm", "--force", &container]);

    assert_eq!(health, "healthy");
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["status"], "ok");
    assert_eq!(answer["uid"], 10001);
    assert_eq!(answer["prefix"], "/opt/venv");
    assert!(stopped < Duration::from_secs(8), "SIGTERM did not stop it: {stopped:?}");
}

#[test]
fn the_user_has_a_name_a_home_and_a_writable_work_directory() {
    let Some(engine) = Engine::get() else { return };
    let project = example("fastapi");
    let build = engine.build_pyproject(project.path(), &tag("user"));
    let script = "import os, pwd, grp, pathlib
user = pwd.getpwuid(os.getuid())
pathlib.Path('written').write_text('x')
pathlib.Path.home().joinpath('written').write_text('x')
print(user.pw_name, user.pw_uid, grp.getgrgid(os.getgid()).gr_name, user.pw_dir, os.environ['HOME'], os.getcwd())
try:
    pathlib.Path('/opt/venv/written').write_text('x')
except PermissionError:
    print('the venv is read-only')";
    let output = engine.run(&build.tag, &["python", "-c", script]);
    assert_eq!(output, "app 10001 app /home/app /home/app /app\nthe venv is read-only");
    let prefix = engine.run(&build.tag, &["python", "-c", "import sys, fastapi; print(sys.prefix)"]);
    assert_eq!(prefix, "/opt/venv");
}

#[test]
fn a_project_built_with_hatchling_runs_its_script() {
    let Some(engine) = Engine::get() else { return };
    let project = example("hatchling");
    let build = engine.build_pyproject(project.path(), &tag("hatchling"));
    assert_eq!(engine.inspect(&build.tag)["Config"]["Cmd"], json!(["greeter"]));
    assert_eq!(engine.run(&build.tag, &[]), "Hello, world!");
}

#[test]
fn a_project_without_build_system_is_copied() {
    let Some(engine) = Engine::get() else { return };
    let project = example("virtual");
    write(project.path(), ".env", "SECRET=1\n");
    write(project.path(), "notes.txt", "kept\n");
    write(project.path(), "ignored.txt", "ignored\n");
    write(project.path(), ".dockerignore", "ignored.txt\n");
    let build = engine.build_pyproject(project.path(), &tag("virtual"));
    assert!(engine.run(&build.tag, &[]).contains("years"), "{}", engine.run(&build.tag, &[]));
    let files = engine.run(&build.tag, &["python", "-c", "import os; print(sorted(os.listdir('.')))"]);
    assert!(files.contains("'main.py'") && files.contains("'notes.txt'"), "{files}");
    assert!(!files.contains(".env") && !files.contains("ignored"), "{files}");
}

#[test]
fn what_is_excluded_is_not_there() {
    let Some(engine) = Engine::get() else { return };
    let project = example("virtual");
    for (name, text) in [("tests/test_main.py", ""), ("tests/data/sample.csv", "1"), ("NOTES.md", "")] {
        std::fs::create_dir_all(project.path().join(name).parent().unwrap()).unwrap();
        write(project.path(), name, text);
    }
    let pyproject = std::fs::read_to_string(project.path().join("pyproject.toml")).unwrap();
    let keys = "\n[tool.pyfront]\nexclude = [\"tests\", \"!tests/data\", \"**/*.md\"]\n[tool.pyfront.targets.whole]\n\
                exclude = []\n";
    write(project.path(), "pyproject.toml", &(pyproject + keys));
    let files = "import glob; print(*sorted(glob.glob('**', recursive=True)))";
    let build = engine.build_pyproject(project.path(), &tag("excluded"));
    let left = "main.py pyproject.toml tests tests/data tests/data/sample.csv uv.lock";
    assert_eq!(engine.run(&build.tag, &["python", "-c", files]), left, "{}", build.log);

    let file = project.path().join("pyproject.toml").display().to_string();
    let whole = engine.build(project.path(), &tag("whole"), &["--file", &file, "--target", "whole"]);
    let all = engine.run(&whole.tag, &["python", "-c", files]);
    assert!(all.contains("NOTES.md") && all.contains("tests/test_main.py"), "{all}");
}

#[test]
fn configuration_in_the_dockerfile_wins() {
    let Some(engine) = Engine::get() else { return };
    let project = example("virtual");
    write(
        project.path(),
        "Dockerfile",
        "# syntax=org/pyfront\nentrypoint = [\"python\"]\ncommand = [\"main.py\"]\nports = [\"53/udp\"]\nuser = \"1234:5678\"\n\
         env = { GREETING = \"hi\" }\nstop-signal = \"SIGINT\"\nhealthcheck = false\nworkdir = \"/srv\"\n",
    );
    let build = engine.build(project.path(), &tag("configured"), &["--label", "a=b"]);
    let config = &engine.inspect(&build.tag)["Config"];
    assert_eq!(config["Entrypoint"], json!(["python"]));
    assert_eq!(config["Cmd"], json!(["main.py"]));
    assert_eq!(config["ExposedPorts"], json!({"53/udp": {}}));
    assert_eq!(config["User"], "1234:5678");
    assert_eq!(config["WorkingDir"], "/srv");
    assert_eq!(config["StopSignal"], "SIGINT");
    assert_eq!(config["Healthcheck"]["Test"], json!(["NONE"]));
    assert_eq!(config["Labels"]["a"], "b");
    let env = config["Env"].as_array().unwrap();
    assert!(env.contains(&json!("GREETING=hi")) && env.contains(&json!("VIRTUAL_ENV=/opt/venv")), "{env:?}");
    assert!(engine.run(&build.tag, &[]).contains("years"));
}

pub(crate) fn write(project: &Path, name: &str, text: &str) {
    std::fs::write(project.join(name), text).expect("the project can be written");
}
