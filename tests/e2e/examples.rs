//! The example folders as their users see them: what each is there to show.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use crate::engine::{Engine, example, tag};

/// The engine, unless it is the one with Docker's own store: what examples have to show does not depend on the store, and
/// other tests are about that.
fn engine() -> Option<Engine> {
    Engine::get().filter(|engine| !engine.is_graphdriver())
}

/// Builds an example that is no service.
fn program(engine: &Engine, name: &str, options: &[&str]) -> String {
    let project = example(name);
    let file = project.path().join("pyproject.toml").display().to_string();
    engine.build(project.path(), &tag(name), &[&["--file", &file], options].concat()).tag
}

#[test]
fn a_command_line_tool() {
    let Some(engine) = engine() else { return };
    let image = program(&engine, "cli", &[]);
    assert!(engine.run(&image, &[]).contains("Counts the words of standard input."));
    let mut run = Command::new("docker");
    run.args(["run", "--rm", "--interactive", "--network=none", &image, "--yaml"]);
    let mut run = run.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("docker can be started");
    run.stdin.take().expect("it is piped").write_all(b"b a b").expect("it reads");
    let output = run.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "b: 2\na: 1\n");
    let config = &engine.inspect(&image)["Config"];
    assert_eq!((&config["User"], &config["WorkingDir"]), (&"2000:2000".into(), &"/work".into()));
}

#[test]
fn files_of_another_image_and_commands() {
    let Some(engine) = engine() else { return };
    // No registry is needed: a directory takes the place of the image.
    let node = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(node.path().join("usr/local/bin")).unwrap();
    let program_of_node = node.path().join("usr/local/bin/node");
    std::fs::write(&program_of_node, "#!/bin/sh\necho v22.0.0\n").unwrap();
    std::fs::set_permissions(&program_of_node, std::fs::Permissions::from_mode(0o755)).unwrap();
    let context = format!("node:22-slim={}", node.path().display());
    let image = program(&engine, "node", &["--build-context", &context]);
    assert_eq!(engine.run(&image, &[]), "Hello from Python and Node v22.0.0; 1.0 kB");
    let look = "import os; status = os.stat('etc/renderer.json'); print(status.st_uid, oct(status.st_mode), os.listdir('__pycache__'))";
    assert_eq!(engine.run(&image, &["python", "-c", look]), "10001 0o100640 ['main.cpython-313.pyc']");
}

#[test]
fn a_sandbox() {
    let Some(engine) = engine() else { return };
    let image = program(&engine, "sandbox", &[]);
    let look = "id -un; pwd; cat /proc/1/comm; git --version; node --version; echo '{\"a\": 1}' | jq .a; echo x > /workspace/x; \
                python -c 'import httpx'; touch here; command -v gcc uv";
    let found = engine.docker(&["run", "--rm", "--network=none", &image, "bash", "-c", &format!("{look}; true")]);
    let lines: Vec<&str> = found.lines().collect();
    assert_eq!(lines[..3], ["agent", "/home/agent", "tini"], "{found}");
    assert!(lines[3].starts_with("git version") && lines[4].starts_with('v'), "{found}");
    assert_eq!(lines[5..], ["1"], "{found}");
}
