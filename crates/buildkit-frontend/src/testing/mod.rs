//! A fake of BuildKit's daemon, for tests: it starts a frontend's real binary as the daemon does, talks to it over real
//! pipes, serves files and images from a script, breaks what it is told to break, and records everything.
//!
//! ```no_run
//! use buildkit_frontend::testing::{FakeDaemon, FakeImage};
//!
//! let outcome = FakeDaemon::new()
//!     .option("filename", "pyproject.toml")
//!     .local("dockerfile", [("pyproject.toml", "# syntax=org/frontend")])
//!     .local("context", [("pyproject.toml", "# syntax=org/frontend"), ("uv.lock", "version = 1")])
//!     .image("python:3.13-slim", FakeImage::new(r#"{"architecture":"amd64","os":"linux"}"#))
//!     .run("target/debug/frontend");
//! let result = outcome.result();
//! assert!(result.metadata.contains_key("containerimage.config"));
//! ```
//!
//! Nothing is built: a reference is evaluated by a small interpreter that understands sources, file operations, merges and
//! diffs; a step (`exec`) adds the files that the script says, if any.

mod bridge;
mod faults;
mod files;
mod graph;
mod process;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use buildkit_llb::{Cap, Digest};
use buildkit_proto::{gateway, pb, rpc};

use crate::caps::GatewayCap;
use crate::image::ImageReference;

pub use faults::{Action, Call, Fault};
pub use files::Files;
pub use graph::Graph;

/// The session id that frontends are given.
pub const SESSION_ID: &str = "fake-session";

/// A daemon to run a frontend against. See the [module](self) for an example.
#[derive(Debug, Clone)]
pub struct FakeDaemon {
    options: Vec<(String, String)>,
    locals: BTreeMap<String, Files>,
    sources: BTreeMap<String, Files>,
    images: BTreeMap<(String, Option<String>), FakeImage>,
    steps: Vec<(String, Files)>,
    inputs: BTreeMap<String, pb::Definition>,
    secrets: BTreeSet<String>,
    gateway_caps: BTreeSet<String>,
    llb_caps: BTreeSet<String>,
    disabled_caps: BTreeMap<String, String>,
    platforms: Vec<String>,
    faults: Vec<Fault>,
    unknown_fields: bool,
    first_bytes: Option<Vec<u8>>,
    over_socket: bool,
    time_limit: Duration,
}

/// An image that a [`FakeDaemon`] knows.
#[derive(Debug, Clone)]
pub struct FakeImage {
    /// Its digest; `None` is a daemon that has none to tell.
    pub digest: Option<Digest>,
    /// Its configuration.
    pub config: Vec<u8>,
    /// Its files.
    pub files: Files,
}

impl FakeImage {
    /// An image without files whose digest is that of its configuration.
    pub fn new(config: impl Into<Vec<u8>>) -> Self {
        let config = config.into();
        Self { digest: Some(Digest::of(&config)), config, files: Files::default() }
    }
}

impl Default for FakeDaemon {
    fn default() -> Self {
        Self::new()
    }
}

impl FakeDaemon {
    /// A daemon with all capabilities, on `linux/amd64`, without files and images.
    pub fn new() -> Self {
        Self {
            options: Vec::new(),
            locals: BTreeMap::new(),
            sources: BTreeMap::new(),
            images: BTreeMap::new(),
            steps: Vec::new(),
            inputs: BTreeMap::new(),
            secrets: BTreeSet::new(),
            gateway_caps: GatewayCap::ALL.iter().map(|cap| cap.id().to_owned()).collect(),
            llb_caps: Cap::ALL.iter().map(|cap| cap.id().to_owned()).collect(),
            disabled_caps: BTreeMap::new(),
            platforms: vec!["linux/amd64".to_owned()],
            faults: Vec::new(),
            unknown_fields: false,
            first_bytes: None,
            over_socket: false,
            time_limit: Duration::from_secs(30),
        }
    }

    /// Passes an option (`--opt key=value`).
    #[must_use]
    pub fn option(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.push((key.into(), value.into()));
        self
    }

    /// The files of a local source.
    #[must_use]
    pub fn local(mut self, name: impl Into<String>, files: impl Into<Files>) -> Self {
        self.locals.insert(name.into(), files.into());
        self
    }

    /// The files of another source, by its identifier (`git://…`, `https://…`).
    #[must_use]
    pub fn source(mut self, identifier: impl Into<String>, files: impl Into<Files>) -> Self {
        self.sources.insert(identifier.into(), files.into());
        self
    }

    /// What steps whose name contains a text add to each of their results.
    #[must_use]
    pub fn step(mut self, name: impl Into<String>, files: impl Into<Files>) -> Self {
        self.steps.push((name.into(), files.into()));
        self
    }

    /// An image for every platform.
    #[must_use]
    pub fn image(mut self, reference: &str, image: FakeImage) -> Self {
        self.images.insert((image_key(reference), None), image);
        self
    }

    /// An image for one platform.
    #[must_use]
    pub fn image_for(mut self, reference: &str, platform: &str, image: FakeImage) -> Self {
        self.images.insert((image_key(reference), Some(platform.to_owned())), image);
        self
    }

    /// A graph that the client passes in.
    #[must_use]
    pub fn input(mut self, name: impl Into<String>, definition: pb::Definition) -> Self {
        self.inputs.insert(name.into(), definition);
        self
    }

    /// A secret that the client gives (`--secret id=…`).
    #[must_use]
    pub fn secret(mut self, id: impl Into<String>) -> Self {
        self.secrets.insert(id.into());
        self
    }

    /// Takes a capability away, of the gateway or of build graphs, by id.
    #[must_use]
    pub fn without_cap(mut self, id: &str) -> Self {
        self.gateway_caps.remove(id);
        self.llb_caps.remove(id);
        self
    }

    /// Lists a capability of build graphs as disabled, as dockerd does without the containerd store.
    #[must_use]
    pub fn disabled_cap(mut self, id: &str, reason: &str) -> Self {
        self.disabled_caps.insert(id.to_owned(), reason.to_owned());
        self
    }

    /// The platforms of the worker, its own first.
    #[must_use]
    pub fn platforms<'a>(mut self, platforms: impl IntoIterator<Item = &'a str>) -> Self {
        self.platforms = platforms.into_iter().map(str::to_owned).collect();
        self
    }

    /// Breaks something.
    #[must_use]
    pub fn fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// Appends fields that nobody knows to every answer.
    #[must_use]
    pub fn unknown_fields(mut self) -> Self {
        self.unknown_fields = true;
        self
    }

    /// Sends these bytes and nothing else, instead of speaking the protocol.
    #[must_use]
    pub fn only_bytes(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.first_bytes = Some(bytes.into());
        self
    }

    /// Connects the frontend by one socket instead of two pipes.
    #[must_use]
    pub fn over_socket(mut self) -> Self {
        self.over_socket = true;
        self
    }

    /// After this time the frontend is killed, and [`Outcome::timed_out`] is set. 30 seconds at first.
    #[must_use]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// Runs a frontend to its end. To be called outside of any async runtime.
    ///
    /// # Panics
    ///
    /// If the program cannot be started.
    pub fn run(&self, program: impl AsRef<Path>) -> Outcome {
        process::run(self, program.as_ref())
    }
}

fn image_key(reference: &str) -> String {
    match ImageReference::parse(reference) {
        Ok(reference) => reference.with_default_tag().to_string(),
        Err(_) => reference.to_owned(),
    }
}

/// How a frontend's life went.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Its exit code; `None` if it was killed.
    pub exit_code: Option<i32>,
    /// True if it had to be killed because it did not end.
    pub timed_out: bool,
    /// How long it lived.
    pub duration: Duration,
    /// What it wrote to standard error.
    pub stderr: String,
    /// What was wrong with its HTTP/2, if anything.
    pub protocol_error: Option<String>,
    /// Every call that arrived, in order, answered or not.
    pub received: Vec<Call>,
    /// When each of these arrived, counted from the start of the process.
    pub arrivals: Vec<Duration>,
    /// How long the process had had a processor by then. All threads together.
    pub processor_times: Vec<Duration>,
    /// The most memory that it had in use until its first `Return`, in KiB, where the system tells.
    pub peak_memory: Option<u64>,
    /// The content of the calls that were answered, or failed on purpose after they were read.
    pub requests: Vec<Request>,
    /// The graphs behind the references, by id.
    references: BTreeMap<String, pb::Definition>,
}

/// A call of a frontend.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names are those of the protocol")]
#[non_exhaustive]
pub enum Request {
    Ping,
    Inputs,
    ResolveImageConfig(gateway::ResolveImageConfigRequest),
    ResolveSourceMeta(gateway::ResolveSourceMetaRequest),
    Solve(gateway::SolveRequest),
    ReadFile(gateway::ReadFileRequest),
    ReadDir(gateway::ReadDirRequest),
    StatFile(gateway::StatFileRequest),
    Evaluate(gateway::EvaluateRequest),
    NewContainer(gateway::NewContainerRequest),
    ReleaseContainer(gateway::ReleaseContainerRequest),
    Warn(gateway::WarnRequest),
    Return(gateway::ReturnRequest),
}

impl Outcome {
    /// Every `Return` that was read.
    pub fn returns(&self) -> Vec<&gateway::ReturnRequest> {
        let mut returns = Vec::new();
        for request in &self.requests {
            if let Request::Return(returned) = request {
                returns.push(returned);
            }
        }
        returns
    }

    /// How often a call arrived.
    pub fn count(&self, call: Call) -> usize {
        self.received.iter().filter(|received| **received == call).count()
    }

    /// Checks what must hold for every conversation that came to its end: one `Return`, exit code 0, in time, and nothing
    /// but HTTP/2 on standard output. Gives what was returned.
    ///
    /// # Panics
    ///
    /// If one of it does not hold.
    #[track_caller]
    pub fn returned(&self) -> &gateway::ReturnRequest {
        assert!(!self.timed_out, "the frontend had to be killed after {:?}; stderr:\n{}", self.duration, self.stderr);
        assert_eq!(self.protocol_error, None, "stderr:\n{}", self.stderr);
        assert_eq!(self.exit_code, Some(0), "stderr:\n{}", self.stderr);
        assert_eq!(self.count(Call::Return), 1, "{:?}", self.received);
        let returns = self.returns();
        assert_eq!(returns.len(), 1);
        returns[0]
    }

    /// The result that was returned. Checks as [`returned`](Self::returned) does.
    ///
    /// # Panics
    ///
    /// If an error was returned.
    #[track_caller]
    pub fn result(&self) -> &gateway::Result {
        let returned = self.returned();
        match (&returned.result, &returned.error) {
            (Some(result), None) => result,
            (_, error) => panic!("the frontend returned an error: {error:#?}"),
        }
    }

    /// The error that was returned. Checks as [`returned`](Self::returned) does.
    ///
    /// # Panics
    ///
    /// If a result was returned.
    #[track_caller]
    pub fn error(&self) -> &rpc::Status {
        let returned = self.returned();
        match (&returned.result, &returned.error) {
            (None, Some(error)) => error,
            (result, _) => panic!("the frontend returned a result: {result:#?}"),
        }
    }

    /// The graphs that were solved, in order, decoded.
    ///
    /// # Panics
    ///
    /// If one cannot be decoded.
    #[track_caller]
    pub fn solved(&self) -> Vec<Graph> {
        let of = |request: &Request| match request {
            Request::Solve(solve) => Some(Graph::decode(solve.definition.as_ref()?).expect("a graph that decodes")),
            _ => None,
        };
        self.requests.iter().filter_map(of).collect()
    }

    /// The graph behind a returned reference: the only one for `None`, else that of the platform id.
    ///
    /// # Panics
    ///
    /// If there is no such reference.
    #[track_caller]
    pub fn graph(&self, platform: Option<&str>) -> Graph {
        let id = match (&self.result().result, platform) {
            (Some(gateway::result::Result::Ref(reference)), None) => &reference.id,
            (Some(gateway::result::Result::Refs(refs)), Some(platform)) => &refs.refs[platform].id,
            (result, _) => panic!("no such reference: {result:?}"),
        };
        match self.references.get(id) {
            Some(definition) => Graph::decode(definition).expect("a graph that decodes"),
            None => Graph::default(),
        }
    }

    /// The image configuration that was returned: the only one for `None`, else that of the platform id.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[track_caller]
    pub fn image_config(&self, platform: Option<&str>) -> serde_json::Value {
        let key = match platform {
            None => "containerimage.config".to_owned(),
            Some(platform) => format!("containerimage.config/{platform}"),
        };
        serde_json::from_slice(&self.result().metadata[&key]).expect("a configuration in JSON")
    }

    /// The warnings that were shown: their one-line forms.
    pub fn warnings(&self) -> Vec<String> {
        let of = |request: &Request| match request {
            Request::Warn(warning) => Some(String::from_utf8_lossy(&warning.short).into_owned()),
            _ => None,
        };
        self.requests.iter().filter_map(of).collect()
    }
}
