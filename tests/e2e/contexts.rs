//! Where a build's files come from: archives that are fetched or piped in, and named contexts in the place of images, of
//! dependencies and of the project itself.

use std::path::Path;
use std::process::Command;

use crate::engine::{Engine, example, tag};
use crate::served::Served;

/// The files of a directory as an archive, as `tar -C DIRECTORY -cz .` writes it.
fn archive(directory: &Path) -> Vec<u8> {
    let output = Command::new("tar").arg("-C").arg(directory).args(["-cz", "."]).output().expect("tar can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn an_archive_is_fetched() {
    let Some(engine) = Engine::get() else { return };
    let project = example("hatchling");
    let served = Served::new();
    served.content("greeter.tar.gz", &archive(project.path()));
    let url = format!("{}/greeter.tar.gz", served.url);
    let build = engine.build(Path::new(&url), &tag("fetched"), &["--file", "pyproject.toml"]);
    assert_eq!(engine.run(&build.tag, &[]), "Hello, world!");
    // It is the same image as from a directory.
    let local = engine.build_pyproject(project.path(), &tag("fetched-local"));
    assert_eq!(engine.layers(&build.tag), engine.layers(&local.tag));

    let missing = format!("{}/missing.tar.gz", served.url);
    let failed = engine.try_build(Path::new(&missing), &tag("fetched"), &["--file", "pyproject.toml"]);
    assert!(!failed.success && failed.log.contains("404"), "{}", failed.log);
}

#[test]
fn an_archive_is_piped_in() {
    let Some(engine) = Engine::get() else { return };
    let project = example("virtual");
    let archive = archive(project.path());
    let build = engine.build_from_stdin(&archive, &tag("piped"), &["--file", "pyproject.toml", "-"]);
    assert!(build.success, "{}", build.log);
    let local = engine.build_pyproject(project.path(), &tag("piped-local"));
    assert_eq!(engine.layers(&build.tag), engine.layers(&local.tag));

    // The entry file alone can be piped in as well.
    let directory = project.path().display().to_string();
    let dockerfile = b"# syntax=org/pyfront\nenv = { PIPED = \"yes\" }\n";
    let build = engine.build_from_stdin(dockerfile, &tag("piped-file"), &["--file", "-", &directory]);
    assert!(build.success, "{}", build.log);
    assert_eq!(engine.run(&build.tag, &["python", "-c", "import os; print(os.environ['PIPED'])"]), "yes");
}
