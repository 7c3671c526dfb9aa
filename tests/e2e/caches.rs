//! Caches outside of the engine: what one engine has written, a fresh one builds from, without asking anybody for the files
//! that the first has fetched.

use std::path::Path;

use crate::engine::Engine;
use crate::outages::project;
use crate::registry::Registry;
use crate::scratch::Scratch;
use crate::served::{Fault, Served};

const FILE: &str = "files/parcel-1.4-py3-none-any.whl";

/// Builds on an engine that has nothing but images and the cache.
#[track_caller]
fn read(scratch: &Scratch, project: &Path, from: &str, name: &str) {
    scratch.docker(&["builder", "prune", "--all", "--force"]);
    let without = scratch.build(project, &[]);
    assert!(!without.success, "nobody has the file, and yet:\n{}", without.log);
    let built = scratch.build(project, &["--cache-from", from]);
    assert!(built.success, "{from}:\n{}", built.log);
    assert_eq!(built.steps_that_ran(), Vec::<String>::new(), "{from}:\n{}", built.log);
    assert_eq!(scratch.run(&built.tag), name, "{from}");
}

#[test]
fn a_fresh_engine_builds_from_a_cache_alone() {
    let Some(engine) = Engine::get() else { return };
    let Some(scratch) = Scratch::new(&engine) else { return };
    let served = Served::new();
    let (project, name) = project(&served, "");
    let file = project.path().join("pyproject.toml").display().to_string();
    let registry = Registry::new();
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path().display();
    let image = format!("{}/courier:1", registry.address);
    let cache = format!("{}/courier:cache", registry.address);

    let write =
        |arguments: &[&str]| engine.build(project.path(), &image, &[&["--file", &file][..], arguments].concat());
    write(&["--push", "--cache-to", "type=inline"]);
    write(&["--cache-to", &format!("type=local,mode=max,dest={directory}")]);
    write(&["--cache-to", &format!("type=registry,mode=max,ref={cache}")]);
    served.fail(FILE, Some(Fault::Status(404)));
    read(&scratch, project.path(), &format!("type=local,src={directory}"), &name);
    read(&scratch, project.path(), &format!("type=registry,ref={cache}"), &name);
    read(&scratch, project.path(), &format!("type=registry,ref={image}"), &name);
}
