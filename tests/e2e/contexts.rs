//! Where a build's files come from: archives that are fetched or piped in, and named contexts in the place of images, of
//! dependencies and of the project itself.

use std::path::Path;
use std::process::Command;

use crate::engine::{Build, Engine, example, tag};
use crate::projects::write;
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
    engine.assert_same_layers(&build.tag, &local.tag);

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
    engine.assert_same_layers(&build.tag, &local.tag);

    // The entry file alone can be piped in as well.
    let directory = project.path().display().to_string();
    let dockerfile = b"# syntax=org/pyfront\nenv = { PIPED = \"yes\" }\n";
    let build = engine.build_from_stdin(dockerfile, &tag("piped-file"), &["--file", "-", &directory]);
    assert!(build.success, "{}", build.log);
    assert_eq!(engine.run(&build.tag, &["python", "-c", "import os; print(os.environ['PIPED'])"]), "yes");
}

/// What a program prints in a container of the image.
fn program(engine: &Engine, build: &Build, code: &str) -> String {
    engine.run(&build.tag, &["python", "-c", code])
}

#[test]
fn a_directory_of_a_repository_is_the_context() {
    let Some(engine) = Engine::get() else { return };
    let project = example("virtual");
    let files = tempfile::tempdir().unwrap();
    let below = files.path().join("services/tick");
    std::fs::create_dir_all(below.parent().unwrap()).unwrap();
    std::fs::rename(project.path(), &below).unwrap();
    let served = Served::new();
    served.repository("team.git", files.path());
    let url = format!("{}/team.git#main:services/tick", served.url);
    let build = engine.build(Path::new(&url), &tag("subdirectory"), &["--file", "pyproject.toml"]);
    assert!(engine.run(&build.tag, &[]).contains("years"));
}

/// An image in the place of the base image, one from a layout on the disk of the client, and one in the place of uv's.
#[test]
fn images_are_replaced_by_images() {
    let Some(engine) = Engine::get() else { return };
    let project = example("virtual");
    let file = project.path().join("pyproject.toml").display().to_string();
    let other = tempfile::tempdir().unwrap();
    write(other.path(), "Dockerfile", "FROM python:3.13-slim\nENV TEAM=ours\n");
    let base = engine.build(other.path(), &tag("team-base"), &[]);
    let uv = tag("team-uv");
    engine.docker(&["tag", "astral/uv:0.13.8", &uv]);
    let contexts =
        [format!("python:3.13-slim=docker-image://{}", base.tag), format!("astral/uv:0.13.8=docker-image://{uv}")];
    let arguments = ["--file", &file, "--build-context", &contexts[0], "--build-context", &contexts[1]];
    let build = engine.build(project.path(), &tag("replaced"), &arguments);
    assert_eq!(program(&engine, &build, "import os; print(os.environ['TEAM'])"), "ours");
    assert!(build.log.contains(&format!("[context astral/uv:0.13.8] load metadata for {uv}")), "{}", build.log);
    assert!(!build.log.contains("IgnoredOption"), "{}", build.log);
}

#[test]
fn a_layout_on_disk_is_the_base_image() {
    let Some(engine) = Engine::get() else { return };
    if engine.is_graphdriver() {
        return;
    }
    let project = example("virtual");
    let file = project.path().join("pyproject.toml").display().to_string();
    let other = tempfile::tempdir().unwrap();
    write(other.path(), "Dockerfile", "FROM python:3.13-slim\nENV TEAM=layout\n");
    let layout = other.path().join("layout");
    let output = format!("type=oci,tar=false,dest={}", layout.display());
    engine.build(other.path(), &tag("layout"), &["--output", &output]);
    let context = format!("python:3.13-slim=oci-layout://{}", layout.display());
    let build = engine.build(project.path(), &tag("of-layout"), &["--file", &file, "--build-context", &context]);
    assert_eq!(program(&engine, &build, "import os; print(os.environ['TEAM'])"), "layout");
}

#[test]
fn a_directory_is_the_base_image() {
    let Some(engine) = Engine::get() else { return };
    let image = "python:3.13-alpine";
    if engine.docker(&["image", "ls", "--quiet", image]).is_empty() {
        eprintln!("SKIPPED: {image} is not on this engine");
        return;
    }
    let project = example("virtual");
    let file = project.path().join("pyproject.toml").display().to_string();
    let files = tempfile::tempdir().unwrap();
    let container = engine.docker(&["create", image]);
    let archive = files.path().join("rootfs.tar").display().to_string();
    engine.docker(&["export", "--output", &archive, &container]);
    engine.docker(&["rm", &container]);
    let rootfs = files.path().join("rootfs");
    std::fs::create_dir(&rootfs).unwrap();
    let unpacked = Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(&rootfs).status().unwrap();
    assert!(unpacked.success());
    let context = format!("python:3.13-slim={}", rootfs.display());
    let build = engine.build(project.path(), &tag("of-rootfs"), &["--file", &file, "--build-context", &context]);
    assert!(engine.run(&build.tag, &[]).contains("years"));
    assert_eq!(program(&engine, &build, "import os; print(os.path.exists('/etc/alpine-release'))"), "True");
}

#[test]
fn the_project_itself_is_replaced_and_unused_contexts_are_warned_of() {
    let Some(engine) = Engine::get() else { return };
    let project = example("hatchling");
    let file = project.path().join("pyproject.toml").display().to_string();
    let other = example("hatchling");
    let code = other.path().join("src/greeter/cli.py");
    let text = std::fs::read_to_string(&code).unwrap();
    assert!(text.contains("Hello"));
    std::fs::write(&code, text.replace("Hello", "Good morning")).unwrap();
    let context = format!("greeter={}", other.path().display());
    let unused = format!("greter={}", other.path().display());
    let arguments = ["--file", &file, "--build-context", &context, "--build-context", &unused];
    let build = engine.build(project.path(), &tag("elsewhere"), &arguments);
    assert_eq!(engine.run(&build.tag, &[]), "Good morning, world!");
    let warning = "IgnoredOption: nothing uses the build context \"greter\" (did you mean --build-context greeter=…?)";
    assert!(build.log.contains(warning), "{}", build.log);
}

/// What another target of a bake file builds is the base image.
#[test]
fn another_target_of_a_bake_file_is_the_base_image() {
    let Some(engine) = Engine::get() else { return };
    let project = example("virtual");
    let tag = tag("baked");
    write(
        project.path(),
        "docker-bake.hcl",
        &format!(
            "target \"base\" {{\n  dockerfile-inline = \"FROM python:3.13-slim\\nENV TEAM=baked\\n\"\n}}\n\
             target \"default\" {{\n  dockerfile = \"pyproject.toml\"\n  tags = [\"{tag}\"]\n  \
             contexts = {{ \"python:3.13-slim\" = \"target:base\" }}\n}}\n"
        ),
    );
    let mut bake = Command::new("docker");
    bake.args(["buildx", "bake", "--progress=plain", "--provenance=false"]).current_dir(project.path());
    let output = bake.output().expect("docker can be started");
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{log}");
    assert_eq!(engine.run(&tag, &["python", "-c", "import os; print(os.environ['TEAM'])"]), "baked");
}
