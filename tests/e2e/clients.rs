//! Clients other than `docker buildx build`: bake, compose, and what talks to a BuildKit of its own. Each is told that
//! `pyproject.toml` takes the place of a Dockerfile.

use std::io::{BufRead as _, BufReader};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::engine::{Engine, example, tag};
use crate::outages;
use crate::projects::write;
use crate::registry::Registry;
use crate::served::{Served, gateway};
use crate::source::append;

/// Runs a program in a directory. Returns all that it printed.
#[track_caller]
fn run(program: &mut Command, directory: &Path) -> String {
    let output = program.current_dir(directory).output().expect("it can be started");
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program:?}:\n{text}");
    text.into_owned()
}

/// A tag's last part, which no other test has.
fn unique() -> String {
    tag("clients").split(':').next_back().expect("a tag has a last part").to_owned()
}

fn bake(directory: &Path, tag: &str, arguments: &[&str]) {
    let mut docker = Command::new("docker");
    run(docker.args(["buildx", "bake", "--progress=plain"]).args(arguments).env("TAG", tag), directory);
}

#[test]
fn bake_builds_what_its_file_says() {
    let Some(engine) = Engine::get() else { return };
    let (project, tag) = (example("clients"), unique());
    bake(project.path(), &tag, &[]);
    assert_eq!(engine.run(&format!("clock:{tag}"), &["ls"]), "main.py\npyproject.toml\nuv.lock");
    bake(project.path(), &tag, &["requirements"]);
    let requirements = std::fs::read_to_string(project.path().join("dist/requirements.txt")).unwrap();
    assert!(requirements.contains("humanize==4.17.0"), "{requirements}");
}

#[test]
fn a_matrix_of_bake_builds_an_image_for_each_python() {
    let Some(engine) = Engine::get() else { return };
    let (project, tag) = (example("clients"), unique());
    bake(project.path(), &tag, &["pythons"]);
    let version = ["python", "-c", "import sys, humanize; print(sys.version_info[:2])"];
    assert_eq!(engine.run(&format!("clock:{tag}-python3.11"), &version), "(3, 11)");
    assert_eq!(engine.run(&format!("clock:{tag}-python3.13"), &version), "(3, 13)");
}

/// A compose project, until it is dropped.
pub(crate) struct Composed<'a> {
    directory: &'a Path,
    name: String,
    watch: Option<Child>,
}

impl<'a> Composed<'a> {
    /// Ports of this machine could be taken, so none are published.
    pub(crate) fn new(directory: &'a Path) -> Self {
        let text = std::fs::read_to_string(directory.join("compose.yaml")).unwrap();
        let lines: Vec<&str> = text.lines().filter(|line| !line.contains("ports:")).collect();
        write(directory, "compose.yaml", &lines.join("\n"));
        Self { directory, name: format!("pyfront-{}", unique()), watch: None }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut docker = Command::new("docker");
        docker.args(["compose", "--progress=plain", "--project-name", &self.name]).args(arguments);
        docker.current_dir(self.directory);
        docker
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        run(&mut self.command(arguments), self.directory)
    }

    /// Begins to watch, and returns when it does.
    fn watch(&mut self) {
        let mut watch = self.command(&["watch"]);
        let mut child = watch.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (said, heard) = std::sync::mpsc::channel();
        let outputs: [Box<dyn std::io::Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for output in outputs {
            let said = said.clone();
            std::thread::spawn(move || {
                // Read to the end, though nobody may listen any more: who cannot print stands still.
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    let _ = said.send(line);
                }
            });
        }
        drop(said);
        self.watch = Some(child);
        let mut log = String::new();
        while !log.to_lowercase().contains("watch enabled") {
            let line = heard.recv_timeout(Duration::from_mins(5)).unwrap_or_else(|_| panic!("no watch:\n{log}"));
            log.extend([line.as_str(), "\n"]);
        }
    }

    /// Asks a service from within until it gives the answer.
    fn wait_for(&self, service: &str, answer: &str) {
        const ASK: &str = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:8000/').read().decode())";
        let end = Instant::now() + Duration::from_secs(90);
        loop {
            // While it is started again there is nobody to ask.
            let asked = self.command(&["exec", "-T", service, "python", "-c", ASK]).output().unwrap();
            if String::from_utf8_lossy(&asked.stdout).contains(answer) {
                return;
            }
            assert!(Instant::now() < end, "{answer} is not the answer: {asked:?}\n{}", self.run(&["logs"]));
            std::thread::sleep(Duration::from_millis(300));
        }
    }
}

impl Drop for Composed<'_> {
    fn drop(&mut self) {
        if let Some(watch) = &mut self.watch {
            // Who is gone already needs no end.
            let _ = watch.kill();
            let _ = watch.wait();
        }
        let _ = self.command(&["down", "--timeout", "0", "--rmi", "local", "--volumes"]).output();
    }
}

#[test]
fn compose_builds_and_starts_a_service() {
    let Some(_engine) = Engine::get() else { return };
    let project = example("clients");
    let composed = Composed::new(project.path());
    composed.run(&["up", "--build", "--detach"]);
    composed.wait_for("clock", "up for");
}

#[test]
fn compose_brings_edits_into_the_container_for_development() {
    let Some(_engine) = Engine::get() else { return };
    let project = example("dev");
    let mut composed = Composed::new(project.path());
    composed.watch();
    composed.wait_for("api", "Hello");
    let container = composed.run(&["ps", "--quiet", "api"]);

    let main = std::fs::read_to_string(project.path().join("src/hot/main.py")).unwrap();
    write(project.path(), "src/hot/main.py", &main.replace("Hello", "Changed"));
    composed.wait_for("api", "Changed");
    assert_eq!(composed.run(&["ps", "--quiet", "api"]), container, "the container is the same");
    let owner = "import os; print(os.stat('src/hot/main.py').st_uid == os.getuid())";
    assert_eq!(composed.run(&["exec", "-T", "api", "python", "-c", owner]).trim(), "True");

    // Another lock is another image.
    let lock = std::fs::read_to_string(project.path().join("uv.lock")).unwrap();
    write(project.path(), "uv.lock", &format!("{lock}# changed\n"));
    let end = Instant::now() + Duration::from_secs(90);
    while composed.run(&["ps", "--quiet", "api"]) == container {
        assert!(Instant::now() < end, "the container has not been replaced: {}", composed.run(&["logs"]));
        std::thread::sleep(Duration::from_millis(300));
    }
    composed.wait_for("api", "Changed");
}

/// A BuildKit behind a plain socket, as standalone ones are.
struct Standalone {
    _directory: tempfile::TempDir,
    address: String,
    /// Has the images that this BuildKit cannot know.
    registry: Option<Registry>,
    /// For `--build-arg`.
    frontend: String,
    /// For `--build-context`.
    contexts: Vec<String>,
}

impl Standalone {
    /// The one of `PYFRONT_TEST_BUILDKIT`, which has to run on this machine; else that of the engine, of which docker makes a
    /// plain socket.
    fn new(engine: &Engine) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let Some(address) = std::env::var("PYFRONT_TEST_BUILDKIT").ok().filter(|address| !address.is_empty()) else {
            let path = directory.path().join("buildkit.sock");
            serve(&path);
            let address = format!("unix://{}", path.display());
            let frontend = "org/pyfront".to_owned();
            return Self { _directory: directory, address, registry: None, frontend, contexts: Vec::new() };
        };
        let registry = Registry::new();
        let push = |name: &str| {
            let image = format!("{}/{name}", registry.address);
            engine.docker(&["tag", name, &image]);
            engine.docker(&["push", &image]);
            engine.docker(&["rmi", &image]);
            image
        };
        let frontend = push("org/pyfront");
        let contexts = ["python:3.13-slim", "astral/uv:0.13.8"];
        let contexts = contexts.map(|name| format!("{name}=docker-image://{}", push(name))).to_vec();
        Self { _directory: directory, address, registry: Some(registry), frontend, contexts }
    }

    fn is_given(&self) -> bool {
        self.registry.is_some()
    }
}

/// Serves the engine's BuildKit at a socket. Ends with the tests.
fn serve(path: &PathBuf) {
    let listener = UnixListener::bind(path).expect("the directory is new");
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut dial = Command::new("docker");
            dial.args(["buildx", "dial-stdio"]).stderr(Stdio::null());
            let input = stream.try_clone().expect("a socket can be cloned");
            dial.stdin(std::os::fd::OwnedFd::from(input)).stdout(std::os::fd::OwnedFd::from(stream));
            let mut dial = dial.spawn().expect("docker can be started");
            std::thread::spawn(move || dial.wait());
        }
    });
}

#[test]
fn the_remote_driver_builds_on_a_buildkit_of_its_own() {
    let Some(engine) = Engine::get() else { return };
    let standalone = Standalone::new(&engine);
    let project = example("clients");
    let settings = tempfile::tempdir().unwrap();
    let buildx = |arguments: &[&str]| {
        let mut docker = Command::new("docker");
        run(docker.arg("buildx").args(arguments).env("BUILDX_CONFIG", settings.path()), project.path())
    };
    buildx(&["create", "--name", "remote", "--driver", "remote", &standalone.address]);
    let syntax = format!("BUILDKIT_SYNTAX={}", standalone.frontend);
    let mut build = vec!["build", "--builder", "remote", "--progress=plain", "--provenance=false"];
    build.extend(["--file", "pyproject.toml", "--build-arg", &syntax]);
    for context in &standalone.contexts {
        build.extend(["--build-context", context]);
    }
    buildx(&[&build[..], &["--target", "requirements", "--output", "dist", "."]].concat());
    let requirements = std::fs::read_to_string(project.path().join("dist/requirements.txt")).unwrap();
    assert!(requirements.contains("humanize==4.17.0"), "{requirements}");
    if engine.is_graphdriver() && !standalone.is_given() {
        return;
    }
    let image = tag("remote");
    buildx(&[&build[..], &["--load", "--tag", &image, "."]].concat());
    assert_eq!(engine.run(&image, &["python", "-c", "import humanize; print(humanize.intcomma(1000))"]), "1,000");
}

/// Debian has no buildctl, so this needs one to be installed next to the BuildKit that is given.
#[test]
fn buildctl_builds_where_a_buildkit_is_given() {
    let Some(engine) = Engine::get() else { return };
    let standalone = Standalone::new(&engine);
    if !standalone.is_given() {
        eprintln!("SKIPPED: no PYFRONT_TEST_BUILDKIT, hence no buildctl");
        return;
    }
    let project = example("clients");
    let mut buildctl = Command::new("buildctl");
    buildctl.args(["--addr", &standalone.address, "build", "--progress=plain", "--frontend", "gateway.v0"]);
    let source = format!("source={}", standalone.frontend);
    buildctl.args(["--opt", &source, "--local", "context=.", "--local", "dockerfile=."]);
    buildctl.args(["--opt", "filename=pyproject.toml"]);
    for context in &standalone.contexts {
        let (name, image) = context.split_once('=').unwrap();
        buildctl.args(["--opt", &format!("context:{name}={image}")]);
    }
    let image = tag("buildctl");
    buildctl.args(["--output", &format!("type=docker,name={image},dest=image.tar")]);
    run(&mut buildctl, project.path());
    engine.docker(&["load", "--input", &project.path().join("image.tar").display().to_string()]);
    assert_eq!(engine.run(&image, &["python", "-c", "import humanize; print(humanize.intcomma(1000))"]), "1,000");
}

const WITH_SECRETS: &str = "
services:
  courier:
    image: courier:${TAG}
    build:
      context: .
      dockerfile: pyproject.toml
      secrets: [UV_INDEX_INTERNAL_USERNAME, UV_INDEX_INTERNAL_PASSWORD]
secrets:
  UV_INDEX_INTERNAL_USERNAME: { environment: UV_INDEX_INTERNAL_USERNAME }
  UV_INDEX_INTERNAL_PASSWORD: { environment: UV_INDEX_INTERNAL_PASSWORD }
";

/// With each way of writing it down, a project is built that no engine can know.
#[test]
fn compose_and_bake_hand_over_the_credentials_of_an_index() {
    let Some(engine) = Engine::get() else { return };
    let header = format!("Basic {}", BASE64.encode("reader:hunter2"));
    for file in ["compose.yaml", "docker-bake.hcl"] {
        let served = Served::private(&gateway(&engine), &header);
        let (project, name) = outages::project(&served, "");
        let index = format!("[[tool.uv.index]]\nname = \"internal\"\nurl = \"{}/simple\"\n", served.url);
        append(project.path(), &index);
        let tag = unique();
        let mut docker = Command::new("docker");
        docker
            .env("TAG", &tag)
            .env("UV_INDEX_INTERNAL_USERNAME", "reader")
            .env("UV_INDEX_INTERNAL_PASSWORD", "hunter2");
        if file == "compose.yaml" {
            write(project.path(), file, WITH_SECRETS);
            docker.args(["compose", "build"]);
        } else {
            let secrets = ["USERNAME", "PASSWORD"].map(|part| format!("\"id=UV_INDEX_INTERNAL_{part}\""));
            let target = format!(
                "dockerfile = \"pyproject.toml\"\nsecret = [{}]\ntags = [\"courier:{tag}\"]",
                secrets.join(", ")
            );
            write(project.path(), file, &format!("target \"default\" {{\n{target}\n}}\n"));
            docker.args(["buildx", "bake"]);
        }
        let log = run(&mut docker, project.path());
        assert!(!log.contains("hunter2"), "{log}");
        assert_eq!(engine.run(&format!("courier:{tag}"), &[]), name);
    }
}
