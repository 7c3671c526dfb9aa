//! The engine under test: runs docker and buildx, and keeps what they said.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Steps of parallel builds compete for two cores and one cache, so tests that look at what ran take turns.
static TURN: Mutex<()> = Mutex::new(());

/// An engine to build and run on, held for the length of a test.
pub(crate) struct Engine {
    _turn: MutexGuard<'static, ()>,
}

/// What a build printed, and whether it worked.
pub(crate) struct Build {
    pub(crate) tag: String,
    pub(crate) log: String,
    pub(crate) success: bool,
}

impl Engine {
    /// The engine that `cargo xtask test` made; `None` (said loudly) where there is none.
    pub(crate) fn get() -> Option<Self> {
        if std::env::var_os("PYFRONT_TEST_ENGINE").is_none() {
            let message = "SKIPPED: no engine to test on; run `cargo xtask test`, which makes one";
            assert!(std::env::var_os("CI").is_none(), "{message}");
            eprintln!("{message}");
            return None;
        }
        Some(Self { _turn: TURN.lock().unwrap_or_else(PoisonError::into_inner) })
    }

    /// Whether the engine keeps images in Docker's own graph driver store, which can neither merge nor diff.
    pub(crate) fn is_graphdriver(&self) -> bool {
        let status = self.docker(&["info", "--format", "{{json .DriverStatus}}"]);
        !status.contains("io.containerd.snapshotter")
    }

    /// Runs docker and returns what it printed on stdout.
    pub(crate) fn docker(&self, arguments: &[&str]) -> String {
        let output = docker(arguments);
        assert!(output.status.success(), "docker {arguments:?}:\n{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// Builds a project with further arguments for `docker buildx build`; the result is tagged `tag`.
    pub(crate) fn try_build(&self, project: &Path, tag: &str, arguments: &[&str]) -> Build {
        let mut all = vec!["buildx", "build", "--progress=plain", "--provenance=false", "--tag", tag];
        let certificates = ca_certificates();
        let secret = format!("id=ca-certificates,src={}", certificates.path().display());
        all.extend(["--secret", &secret]);
        all.extend(arguments);
        let project = project.display().to_string();
        all.push(&project);
        let output = docker(&all);
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        Build { tag: tag.to_owned(), log, success: output.status.success() }
    }

    /// Builds with arguments of one's own, all of them, and with something to read from standard input: `-` among the arguments.
    pub(crate) fn build_from_stdin(&self, input: &[u8], tag: &str, arguments: &[&str]) -> Build {
        let mut command = Command::new("docker");
        command.args(["buildx", "build", "--progress=plain", "--provenance=false", "--tag", tag]).args(arguments);
        let mut process = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("docker can be started");
        let mut stdin = process.stdin.take().expect("it is a pipe");
        let input = input.to_owned();
        // Who fails early does not read on; the output says why.
        let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let output = process.wait_with_output().expect("docker ends");
        writer.join().expect("the writer ends");
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        Build { tag: tag.to_owned(), log, success: output.status.success() }
    }

    /// Builds a project that must build.
    pub(crate) fn build(&self, project: &Path, tag: &str, arguments: &[&str]) -> Build {
        let build = self.try_build(project, tag, arguments);
        assert!(build.success, "the build of {} failed:\n{}", project.display(), build.log);
        build
    }

    /// Builds through `-f pyproject.toml`.
    pub(crate) fn build_pyproject(&self, project: &Path, tag: &str) -> Build {
        let file = project.join("pyproject.toml").display().to_string();
        self.build(project, tag, &["--file", &file])
    }

    /// What `docker image inspect` says of an image.
    pub(crate) fn inspect(&self, tag: &str) -> Value {
        let text = self.docker(&["image", "inspect", tag]);
        let mut list: Vec<Value> = serde_json::from_str(&text).expect("docker image inspect prints JSON");
        list.remove(0)
    }

    /// The digests of an image's layers, bottom first.
    pub(crate) fn layers(&self, tag: &str) -> Vec<String> {
        let inspect = self.inspect(tag);
        let layers = inspect["RootFS"]["Layers"].as_array().expect("an image has layers");
        layers.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// The files of each layer of an image, bottom first, as `tar` lists them: mode, owner, size, time in UTC, path.
    pub(crate) fn listings(&self, tag: &str) -> Vec<Vec<String>> {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let saved = directory.path().join("saved.tar");
        self.docker(&["image", "save", "--output", &saved.display().to_string(), tag]);
        let tar = |arguments: &[&str]| {
            let mut tar = Command::new("tar");
            let output =
                tar.env("TZ", "UTC").current_dir(directory.path()).args(arguments).output().expect("tar starts");
            assert!(output.status.success(), "tar {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        tar(&["-xf", "saved.tar"]);
        let manifest = std::fs::read_to_string(directory.path().join("manifest.json")).expect("docker save writes one");
        let manifest: Value = serde_json::from_str(&manifest).expect("it is JSON");
        let layers = manifest[0]["Layers"].as_array().expect("an image has layers");
        let list = |path| tar(&["--numeric-owner", "--full-time", "-tvf", path]).lines().map(str::to_owned).collect();
        layers.iter().filter_map(Value::as_str).map(list).collect()
    }

    /// Two images must have the same layers; says which files differ.
    #[track_caller]
    pub(crate) fn assert_same_layers(&self, tag: &str, other: &str) {
        let (layers, others) = (self.layers(tag), self.layers(other));
        if layers != others {
            let differ = layers.iter().zip(&others).map(|(layer, other)| layer != other);
            let files = self.listings(tag).into_iter().zip(self.listings(other)).zip(differ);
            let files: Vec<_> = files.filter(|(_, differ)| *differ).map(|(files, _)| files).collect();
            panic!("{layers:#?} are not {others:#?}; those that differ have {files:#?}");
        }
    }

    /// Runs a program in a fresh container of an image and returns its stdout.
    pub(crate) fn run(&self, tag: &str, program: &[&str]) -> String {
        let mut arguments = vec!["run", "--rm", "--network=none", tag];
        arguments.extend(program);
        self.docker(&arguments)
    }

    /// What becomes of a container that is starting: `healthy` or `unhealthy`.
    pub(crate) fn health(&self, container: &str) -> String {
        let end = Instant::now() + Duration::from_secs(90);
        loop {
            let health = self.docker(&["inspect", "--format", "{{.State.Health.Status}}", container]);
            if health != "starting" || Instant::now() > end {
                return health;
            }
            std::thread::sleep(Duration::from_millis(300));
        }
    }
}

impl Build {
    /// The steps that really ran: vertices that were not taken from the cache. Sources do not count: BuildKit asks each for
    /// its cache key, and has done with that.
    pub(crate) fn steps_that_ran(&self) -> Vec<String> {
        let mut names: Vec<(String, String)> = Vec::new();
        let mut cached: Vec<String> = Vec::new();
        for line in self.log.lines() {
            let Some((number, rest)) = line.strip_prefix('#').and_then(|line| line.split_once(' ')) else { continue };
            // What was called off had begun to ask for its cache key, and was not needed.
            if matches!(rest, "CACHED" | "CANCELED") {
                cached.push(number.to_owned());
            } else if rest.starts_with('[') && !names.iter().any(|(known, _)| known == number) {
                names.push((number.to_owned(), rest.to_owned()));
            }
        }
        names
            .into_iter()
            .filter(|(number, name)| {
                let is_source = ["[internal]", "[base]", "[tools]", "[deps] fetch", "[context "]
                    .iter()
                    .any(|prefix| name.starts_with(prefix));
                !cached.contains(number) && !is_source
            })
            .map(|(_, name)| name)
            .collect()
    }
}

/// What runc says when it starts a container whose first process is gone before it could set itself up. It happens to one
/// container in some thousands, whatever is in it, on machines that start many of them.
const NEVER_STARTED: &str = "waiting for init preliminary setup";

/// Runs docker; once more, and says so, if the engine failed to start a container.
fn docker(arguments: &[&str]) -> Output {
    let run = || {
        let mut docker = Command::new("docker");
        docker.args(arguments).output().expect("docker can be started: PATH is set by cargo xtask test")
    };
    let logged = daemon_log().len();
    let output = run();
    if output.status.success() {
        return output;
    }
    // The runtime of a frontend writes into the daemon's log, that of a step into the step's output.
    let log = daemon_log();
    let texts = [&output.stderr[..], &output.stdout, log.get(logged..).unwrap_or_default()];
    if !texts.iter().any(|text| String::from_utf8_lossy(text).contains(NEVER_STARTED)) {
        return output;
    }
    eprintln!("AGAIN: docker {arguments:?}, for runc did not start a container: \"{NEVER_STARTED}\"");
    run()
}

/// What the daemon has written, where `cargo xtask test` says where that is.
fn daemon_log() -> Vec<u8> {
    std::env::var_os("PYFRONT_TEST_ENGINE_LOG").and_then(|path| std::fs::read(path).ok()).unwrap_or_default()
}

/// Stands in the certificates that every build gets, and must stand in no image.
pub(crate) const MARK: &str = "certificates of the end-to-end tests";

/// What networked steps need where TLS is intercepted: this machine's own certificates, marked.
fn ca_certificates() -> tempfile::NamedTempFile {
    let path =
        std::env::var_os("SSL_CERT_FILE").map_or_else(|| "/etc/ssl/certs/ca-certificates.crt".into(), PathBuf::from);
    let bundle = std::fs::read_to_string(path).unwrap_or_default();
    // That of the servers of these tests; the key stands before it.
    let own = std::env::var_os("PYFRONT_TEST_CERTIFICATE").and_then(|path| std::fs::read_to_string(path).ok());
    let own = own.as_deref().and_then(|text| text.find("-----BEGIN CERTIFICATE-----").map(|start| &text[start..]));
    let file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    std::fs::write(file.path(), format!("{bundle}\n{}\n# {MARK}\n", own.unwrap_or_default()))
        .expect("the temporary file can be written");
    file
}

/// A copy of an example that a test may change.
pub(crate) fn example(name: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name), directory.path());
    directory
}

/// The same for a directory of `tests/fixtures`.
pub(crate) fn fixture(name: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name), directory.path());
    directory
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("the example exists") {
        let entry = entry.expect("the example can be listed");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a file has a type").is_dir() {
            std::fs::create_dir(&target).expect("a directory can be made");
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).expect("a file can be copied");
        }
    }
}

/// A tag that no other test uses.
pub(crate) fn tag(name: &str) -> String {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    static RUN: OnceLock<u32> = OnceLock::new();
    let run = RUN.get_or_init(std::process::id);
    format!("pyfront-test/{name}:{run}-{}", COUNTER.fetch_add(1, Ordering::Relaxed))
}
