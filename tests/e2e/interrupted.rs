//! Builds that the user calls off with Ctrl-C, while a file is fetched and while a step runs. The same build works afterwards, with
//! nothing to clean up.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::engine::{Build, Engine, tag};
use crate::projects::write;
use crate::served::{Fault, Served, gateway};
use crate::source::{append, courier};
use crate::wheels::locked;

/// Longer than anybody waits.
const FOREVER: Fault = Fault::Slow(Duration::from_hours(1));
const FILE: &str = "files/parcel-1.4-py3-none-any.whl";
const CODE: &str = "import parcel\nif __name__ == \"__main__\":\n    print(parcel.NAME)\n";

/// A project that needs `parcel` of a server, of which no earlier run knew anything.
fn project(served: &Served) -> (tempfile::TempDir, String) {
    let name = format!("a parcel of {} {:?}", std::process::id(), std::time::Instant::now());
    (courier(&[("parcel", locked(served, "parcel", "1.4", &format!("NAME = {name:?}\n")))], CODE), name)
}

fn build(engine: &Engine, project: &Path) -> Build {
    let file = project.join("pyproject.toml").display().to_string();
    engine.try_build(project, &tag("interrupted"), &["--file", &file])
}

/// Starts a build as from a terminal, and presses Ctrl-C when its log says `moment`. Returns the log.
fn interrupt(project: &Path, moment: &str) -> String {
    let mut buildx = Command::new("docker");
    buildx.args(["buildx", "build", "--progress=plain", "--file"]).arg(project.join("pyproject.toml")).arg(project);
    // A terminal tells all processes of the group.
    let mut running = buildx.process_group(0).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = String::new();
    let mut is_told = false;
    for line in BufReader::new(running.stderr.take().unwrap()).lines().map_while(Result::ok) {
        log.extend([line.as_str(), "\n"]);
        if !is_told && line.contains(moment) {
            let mut kill = Command::new("kill");
            assert!(kill.args(["-INT", "--", &format!("-{}", running.id())]).status().unwrap().success());
            is_told = true;
        }
    }
    let status = running.wait().unwrap();
    assert!(is_told && !status.success(), "{log}");
    log
}

#[test]
fn while_a_file_is_fetched() {
    let Some(engine) = Engine::get() else { return };
    let served = Served::new();
    let (project, name) = project(&served);
    served.fail(FILE, Some(FOREVER));
    let log = interrupt(project.path(), "[deps] fetch parcel 1.4");
    assert!(log.contains("ERROR: failed to") && log.contains("context canceled"), "{log}");
    served.fail(FILE, None);
    let built = build(&engine, project.path());
    assert!(built.success, "{}", built.log);
    assert_eq!(engine.run(&built.tag, &[]), name);
}

#[test]
fn while_a_step_runs() {
    let Some(engine) = Engine::get() else { return };
    // Steps reach the address of the engine's bridge.
    let served = Served::open(&gateway(&engine));
    let (project, name) = project(&served);
    let text = format!("model of {name}");
    served.text("model", &text);
    let run = "[[tool.pyfront.run]]\ncommand = [\"python\", \"fetch.py\"]\nnetwork = true\n";
    append(project.path(), run);
    let url = &served.url;
    let fetch = format!(
        "import urllib.request\nprint(\"the model is coming\", flush=True)\n\
         open(\"half\", \"w\").write(\"left\")\nurllib.request.urlretrieve(\"{url}/model\", \"model\")\n"
    );
    write(project.path(), "fetch.py", &fetch);
    let code = "import os, parcel\nif __name__ == \"__main__\":\n    print(open(\"model\").read())\n";
    write(project.path(), "main.py", code);

    served.fail("model", Some(FOREVER));
    let log = interrupt(project.path(), "the model is coming");
    assert!(log.contains("CANCELED") || log.contains("context canceled"), "{log}");
    served.fail("model", None);
    let built = build(&engine, project.path());
    assert!(built.success, "{}", built.log);
    // What was done before is there still.
    let ran = built.steps_that_ran();
    assert!(ran.iter().all(|step| !step.contains("install parcel")), "{ran:?}\n{}", built.log);
    assert_eq!(engine.run(&built.tag, &[]), text);
}
