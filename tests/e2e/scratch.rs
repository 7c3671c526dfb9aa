//! An engine of a test's own, which it may break.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::engine::{Build, Engine, tag};

/// What a build needs of the engine under test.
const IMAGES: [&str; 3] = ["org/pyfront", "python:3.13-slim", "astral/uv:0.13.8"];

/// An engine with all it stores in memory, for as long as it is held.
pub(crate) struct Scratch {
    /// The value for DOCKER_HOST.
    host: String,
    /// Where all that it stores is.
    data: PathBuf,
    /// There is one on a machine, and tests of several engines may run at once.
    _turn: File,
}

impl Scratch {
    /// A fresh one; `None` (said loudly) where engines are not made by `cargo xtask`.
    pub(crate) fn new(engine: &Engine) -> Option<Self> {
        if std::env::var("PYFRONT_TEST_ENGINE").is_ok_and(|name| name == "existing") {
            let message = "SKIPPED: this Docker is not broken on purpose; --engine containerd makes one that is";
            assert!(std::env::var_os("CI").is_none(), "{message}");
            eprintln!("{message}");
            return None;
        }
        let turn = File::create(std::env::temp_dir().join("pyfront-scratch.lock")).unwrap();
        turn.lock().unwrap();
        xtask(&["down"]);
        xtask(&["up", "--no-images"]);
        let text = xtask(&["env"]);
        let host = text.lines().find_map(|line| line.strip_prefix("export DOCKER_HOST='")?.strip_suffix('\''));
        let host = host.expect("the environment has the engine's address").to_owned();
        let run = Path::new(host.trim_start_matches("unix://")).parent().expect("a socket is in a directory");
        let scratch = Self { data: run.with_file_name("data"), host, _turn: turn };
        let images = tempfile::NamedTempFile::new().unwrap();
        let archive = images.path().display().to_string();
        engine.docker(&[&["save", "--output", &archive][..], &IMAGES].concat());
        scratch.docker(&["load", "--input", &archive]);
        Some(scratch)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut docker = Command::new("docker");
        docker.args(arguments).env("DOCKER_HOST", &self.host);
        docker
    }

    /// Runs docker on it and returns what it printed on stdout.
    #[track_caller]
    pub(crate) fn docker(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "docker {arguments:?}:\n{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// A build, to be started.
    pub(crate) fn build_command(&self, project: &Path, tag: &str) -> Command {
        let mut docker = self.command(&["buildx", "build", "--progress=plain", "--provenance=false", "--tag", tag]);
        docker.arg("--file").arg(project.join("pyproject.toml")).arg(project).stderr(Stdio::piped());
        docker
    }

    /// Builds with further arguments for `docker buildx build`.
    pub(crate) fn build(&self, project: &Path, arguments: &[&str]) -> Build {
        let tag = tag("scratch");
        let output = self.build_command(project, &tag).args(arguments).output().unwrap();
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        Build { tag, log, success: output.status.success() }
    }

    /// Runs a program in a fresh container of an image and returns its stdout.
    pub(crate) fn run(&self, tag: &str) -> String {
        self.docker(&["run", "--rm", "--network=none", tag])
    }

    /// Ends it as a crash does.
    pub(crate) fn kill(&self) {
        xtask(&["kill"]);
    }

    /// Starts it again.
    pub(crate) fn start(&self) {
        xtask(&["up", "--no-images"]);
    }

    /// Takes all of its space but for some bytes, until the file that is returned is dropped.
    pub(crate) fn fill(&self, free: u64) -> tempfile::NamedTempFile {
        let ballast = tempfile::NamedTempFile::new_in(&self.data).unwrap();
        let listed = Command::new("df").args(["--block-size=1", "--output=avail"]).arg(&self.data).output().unwrap();
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        let available: u64 = listed.lines().last().unwrap().trim().parse().unwrap();
        let size = available.checked_sub(free).expect("there is as much free").to_string();
        let filled = Command::new("fallocate").args(["--length", &size]).arg(ballast.path()).status().unwrap();
        assert!(filled.success());
        ballast
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left is taken down by the next test that wants one.
        let _ = command(&["down"]).output();
    }
}

/// `cargo xtask engine ARGUMENTS… --engine scratch`.
fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(["xtask", "engine"]).args(arguments).args(["--engine", "scratch"]);
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

/// Runs it. Returns what it printed on stdout.
#[track_caller]
fn xtask(arguments: &[&str]) -> String {
    let output = command(arguments).output().expect("cargo can be started");
    assert!(output.status.success(), "{arguments:?}:\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
