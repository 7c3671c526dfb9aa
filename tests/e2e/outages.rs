//! What a build stands on fails in the middle of it. It ends with a message that says so, and the same build works as soon as
//! that is well again, with nothing to clean up.

use std::path::Path;

use crate::engine::{Build, Engine};
use crate::registry::Registry;
use crate::served::Served;
use crate::source::courier;
use crate::wheels::locked;

const CODE: &str = "import parcel\nif __name__ == \"__main__\":\n    print(parcel.NAME)\n";

/// A project that needs `parcel` of a server, of which no earlier run knew anything.
fn project(served: &Served) -> (tempfile::TempDir, String) {
    let name = format!("a parcel of {} {:?}", std::process::id(), std::time::Instant::now());
    (courier(&[("parcel", locked(served, "parcel", "1.4", &format!("NAME = {name:?}\n")))], CODE), name)
}

fn push(engine: &Engine, project: &Path, tag: &str) -> Build {
    let file = project.join("pyproject.toml").display().to_string();
    engine.try_build(project, tag, &["--file", &file, "--push"])
}

#[test]
fn a_registry_that_is_gone_in_the_middle_of_a_push() {
    let Some(engine) = Engine::get() else { return };
    let served = Served::new();
    let (project, name) = project(&served);
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
