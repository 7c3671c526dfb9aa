//! `--target`: files that are exported, the image to develop in, and tests that run while building.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::engine::{Build, Engine, example, tag};
use crate::examples::{ByHand, SLIM, weigh};
use crate::projects::write;

/// Builds a target of a project, exported to a directory.
fn export(engine: &Engine, project: &Path, target: &str, to: &Path) -> Build {
    let file = project.join("pyproject.toml").display().to_string();
    let to = to.display().to_string();
    engine.try_build(project, &tag(target), &["--file", &file, "--target", target, "--output", &to])
}

fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn files_are_exported() {
    let Some(engine) = Engine::get() else { return };
    let project = example("hatchling");
    let (wheel, requirements, plan) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let image = engine.build_pyproject(project.path(), &tag("whole"));
    for (target, to) in [("wheel", &wheel), ("requirements", &requirements), ("plan", &plan)] {
        let build = export(&engine, project.path(), target, to.path());
        assert!(build.success, "{}", build.log);
        // None of them needs the packages that the project depends on.
        assert!(!build.log.contains("[deps"), "{target}: {}", build.log);
    }
    let [wheel_name] = &names(wheel.path())[..] else { panic!("{:?}", names(wheel.path())) };
    assert!(wheel_name.starts_with("greeter-") && wheel_name.ends_with("-py3-none-any.whl"), "{wheel_name}");

    // What is exported is what was installed.
    let text = std::fs::read_to_string(requirements.path().join("requirements.txt")).unwrap();
    let pins: Vec<&str> =
        text.lines().filter_map(|line| line.strip_suffix(" \\")?.split_once("==")).map(|(n, _)| n).collect();
    let installed = engine.run(
        &image.tag,
        &["python", "-c", "import importlib.metadata as m; print(*sorted(d.name.lower() for d in m.distributions()))"],
    );
    let mut expected = pins.clone();
    expected.push("greeter");
    expected.sort_unstable();
    assert_eq!(installed.split(' ').collect::<Vec<_>>(), expected);
    let plan: serde_json::Value =
        serde_json::from_slice(&std::fs::read(plan.path().join("plan.json")).unwrap()).unwrap();
    assert_eq!(plan["project"], "greeter");
}

#[test]
fn the_environment_alone_works_on_the_base_image() {
    let Some(engine) = Engine::get() else { return };
    let project = example("hatchling");
    let file = project.path().join("pyproject.toml").display().to_string();
    let venv = engine.build(project.path(), &tag("venv"), &["--file", &file, "--target", "venv"]);
    let dockerfile = format!("FROM python:3.13-slim\nCOPY --from={} /opt/venv /opt/venv\n", venv.tag);
    let other = tempfile::tempdir().unwrap();
    write(other.path(), "Dockerfile", &dockerfile);
    let built = engine.build(other.path(), &tag("copied"), &[]);
    let greeting = engine.run(&built.tag, &["/opt/venv/bin/greeter"]);
    let image = engine.build_pyproject(project.path(), &tag("whole"));
    assert_eq!(greeting, engine.run(&image.tag, &["greeter"]));
    assert_eq!(
        engine.layers(&venv.tag).len() + engine.layers("python:3.13-slim").len(),
        engine.layers(&image.tag).len()
    );
}

const TESTS: &str = "import os, pathlib\n\
    import api.main\n\
    def test_source():\n    assert api.main.__file__ == '/app/src/api/main.py'\n    assert os.getuid() == 10001\n\
    def test_greeting():\n    assert api.main.greeting() == {'message': 'Hello from pyfront'}\n\
    def test_more():\n    pathlib.Path('/reports/more.txt').write_text('more')\n";

#[test]
fn tests_run_while_building_and_leave_reports() {
    let Some(engine) = Engine::get() else { return };
    let project = example("fastapi");
    std::fs::create_dir(project.path().join("tests")).unwrap();
    // An engine that ran this test before must not know the answer.
    write(project.path(), "tests/test_api.py", &format!("{TESTS}# {}\n", std::process::id()));
    let reports = tempfile::tempdir().unwrap();
    let build = export(&engine, project.path(), "test", reports.path());
    assert!(build.success, "{}", build.log);
    assert!(build.log.contains("3 passed"), "{}", build.log);
    assert_eq!(names(reports.path()), ["junit.xml", "more.txt"]);
    let junit = std::fs::read_to_string(reports.path().join("junit.xml")).unwrap();
    assert!(junit.contains("tests=\"3\"") && junit.contains("failures=\"0\""), "{junit}");

    // Nothing has changed, so they need not run again; what has changed is tested.
    let again = export(&engine, project.path(), "test", reports.path());
    assert_eq!(again.steps_that_ran(), Vec::<String>::new());
    let main = std::fs::read_to_string(project.path().join("src/api/main.py")).unwrap();
    write(project.path(), "src/api/main.py", &main.replace("Hello from", "Bye from"));
    let failed = export(&engine, project.path(), "test", reports.path());
    assert!(!failed.success && failed.log.contains("1 failed, 2 passed"), "{}", failed.log);
    assert!(failed.log.contains("exit code: 1"), "{}", failed.log);
}

/// Asks a container that listens on port 8000 until it gives the answer.
fn wait_for(engine: &Engine, container: &str, answer: &str) {
    const ASK: &str = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:8000/').read().decode())";
    let end = Instant::now() + Duration::from_secs(90);
    loop {
        let asked =
            std::process::Command::new("docker").args(["exec", container, "python", "-c", ASK]).output().unwrap();
        if String::from_utf8_lossy(&asked.stdout).contains(answer) {
            return;
        }
        assert!(Instant::now() < end, "{}", engine.docker(&["logs", container]));
        std::thread::sleep(Duration::from_millis(300));
    }
}

/// Edits the source, and asks until the running server has seen it. Says how many seconds that took: the shortest of a few times,
/// for other programs run on the machine.
const EDIT: &str = r#"
import pathlib, time, urllib.request as request
source = pathlib.Path("/app/src/hot/main.py")
text = source.read_text()
times = []
while len(times) < 5 and min(times, default=1) >= 1:
    message = "Changed" + str(len(times))
    source.write_text(text.replace("Hello", message))
    began = time.monotonic()
    while time.monotonic() < began + 60:
        try:
            if message.encode() in request.urlopen("http://127.0.0.1:8000/").read():
                break
        except OSError:
            pass
        time.sleep(0.02)
    else:
        raise SystemExit("it was not seen")
    times.append(time.monotonic() - began)
print(f"{min(times):.2f}")
"#;

#[test]
fn the_server_reloads_in_development() {
    let Some(engine) = Engine::get() else { return };
    let project = example("dev");
    let file = project.path().join("pyproject.toml").display().to_string();
    let build = engine.build(project.path(), &tag("dev"), &["--file", &file, "--target", "dev"]);
    let pytest = engine.run(&build.tag, &["python", "-m", "pytest", "--version"]);
    assert!(pytest.starts_with("pytest "), "{pytest}");
    let container = engine.docker(&["run", "--detach", "--network=none", &build.tag]);
    wait_for(&engine, &container, r#"{"message":"Hello","uid":10001,"level":"debug"}"#);
    // What compose watch does, on the spot: what `docker cp` and `docker exec` take is not the server's time.
    let seconds = engine.docker(&["exec", &container, "python", "-c", EDIT]);
    println!("dev: the edit was seen after {seconds} s");
    assert!(seconds.parse::<f64>().unwrap() < 1.0, "a person waits for {seconds} s");
    engine.docker(&["rm", "--force", "--volumes", &container]);
    let dockerfile = ByHand { name: "dev", options: &[] };
    weigh(&engine, "dev", project.path(), &build.tag, &dockerfile, SLIM);
}

#[test]
fn members_of_a_workspace_are_developed_together() {
    let Some(engine) = Engine::get() else { return };
    let project = example("workspace");
    let build = engine.build(project.path(), &tag("workspace-dev"), &["--target", "dev"]);
    let program = "import api, core; print(api.__file__, core.__file__)";
    let files = engine.run(&build.tag, &["python", "-c", program]);
    assert_eq!(files, "/app/packages/api/src/api/__init__.py /app/packages/core/src/core/__init__.py");
}
