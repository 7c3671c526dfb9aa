//! What a build stands on fails in the middle of it. It ends with a message that says so, and the same build works as soon as
//! that is well again, with nothing to clean up.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::time::Duration;

use crate::engine::{Build, Engine};
use crate::projects::write;
use crate::registry::Registry;
use crate::scratch::Scratch;
use crate::served::{Fault, Served, gateway};
use crate::source::{append, courier};
use crate::wheels::locked;

const CODE: &str = "import parcel\nif __name__ == \"__main__\":\n    print(parcel.NAME)\n";

/// A project that needs `parcel` of a server, of which no earlier run knew anything. `more` makes it as large as it has to be.
pub(crate) fn project(served: &Served, more: &str) -> (tempfile::TempDir, String) {
    let name = format!("a parcel of {} {:?}", std::process::id(), std::time::Instant::now());
    let entry = locked(served, "parcel", "1.4", &format!("NAME = {name:?}\n{more}\n"));
    (courier(&[("parcel", entry)], CODE), name)
}

fn push(engine: &Engine, project: &Path, tag: &str) -> Build {
    let file = project.join("pyproject.toml").display().to_string();
    engine.try_build(project, tag, &["--file", &file, "--push"])
}

#[test]
fn a_registry_that_is_gone_in_the_middle_of_a_push() {
    let Some(engine) = Engine::get() else { return };
    let served = Served::new();
    let (project, name) = project(&served, "");
    let mut registry = Registry::new();
    let image = format!("{}/courier:1", registry.address);
    registry.fail_after(2);
    let failed = push(&engine, project.path(), &image);
    assert!(!failed.success, "{}", failed.log);
    let (_, end) = failed.log.split_once("\n------\n").expect("the failed step is named at the end");
    assert!(end.contains(&image) && end.contains("ERROR: "), "{}", failed.log);

    registry.mend();
    let pushed = push(&engine, project.path(), &image);
    assert!(pushed.success, "{}", pushed.log);
    // The work of the first build is not done again.
    assert_eq!(pushed.steps_that_ran(), Vec::<String>::new(), "{}", pushed.log);
    // What is there now is the whole image.
    let here = engine.docker(&["image", "ls", "--quiet", &image]);
    if !here.is_empty() {
        engine.docker(&["image", "rm", "--force", &image]);
    }
    engine.docker(&["pull", &image]);
    assert_eq!(engine.run(&image, &[]), name);
}

#[test]
fn a_daemon_that_is_killed_while_a_step_runs() {
    let Some(engine) = Engine::get() else { return };
    let Some(scratch) = Scratch::new(&engine) else { return };
    // Steps reach the address of a bridge.
    let served = Served::open(&gateway(&engine));
    let (project, name) = project(&served, "");
    served.text("model", "a model");
    append(project.path(), "[[tool.pyfront.run]]\ncommand = [\"python\", \"fetch.py\"]\nnetwork = true\n");
    let url = &served.url;
    let fetch = format!(
        "import urllib.request\nprint(\"the model is coming\", flush=True)\nurllib.request.urlretrieve(\"{url}/model\", \"model\")\n"
    );
    write(project.path(), "fetch.py", &fetch);
    served.fail("model", Some(Fault::Slow(Duration::from_hours(1))));

    let mut build = scratch.build_command(project.path(), "killed").spawn().unwrap();
    let mut log = String::new();
    for line in BufReader::new(build.stderr.take().unwrap()).lines().map_while(Result::ok) {
        log.extend([line.as_str(), "\n"]);
        if line.contains("the model is coming") {
            scratch.kill();
        }
    }
    assert!(!build.wait().unwrap().success() && log.contains("ERROR: failed to"), "{log}");

    served.fail("model", None);
    scratch.start();
    let built = scratch.build(project.path(), &[]);
    assert!(built.success, "{}", built.log);
    assert_eq!(scratch.run(&built.tag), name);
}

#[test]
fn a_disk_that_is_full() {
    let Some(engine) = Engine::get() else { return };
    let Some(scratch) = Scratch::new(&engine) else { return };
    let served = Served::new();
    let size = 64 << 20;
    let (project, name) = project(&served, &"#".repeat(size));
    // Enough to fetch the file, and not to install it.
    let ballast = scratch.fill(u64::try_from(size + size / 2).unwrap());
    let failed = scratch.build(project.path(), &[]);
    assert!(!failed.success, "{}", failed.log);
    let (_, end) = failed.log.split_once("\n------\n").expect("the failed step is named at the end");
    assert!(end.contains(" > [deps 1/1] install parcel 1.4:"), "{}", failed.log);
    assert!(end.contains("No space left on device"), "{}", failed.log);
    assert!(
        end.contains("pyfront: the builder's disk is full") && end.contains("docker buildx prune"),
        "{}",
        failed.log
    );

    drop(ballast);
    let built = scratch.build(project.path(), &[]);
    assert!(built.success, "{}", built.log);
    assert_eq!(scratch.run(&built.tag), name);
}
