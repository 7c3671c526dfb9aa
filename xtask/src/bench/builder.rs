//! Builds on the engine that is measured, and looks at what each did: how long it took until the image was in the registry,
//! what was pushed for it, what a node would pull, which steps ran.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context as _, Result};

use crate::bench::base::{self, MovedBase};
use crate::bench::contender::Contender;
use crate::bench::contents::{Image, Storage, added};
use crate::bench::emulator::Emulator;
use crate::bench::log;
use crate::bench::project::Template;
use crate::bench::scenario::Scenario;
use crate::engine::Engine;
use crate::process::{capture, run};
use crate::registry::BENCH;
use crate::standin;
use crate::state::State;

/// The engines, the registry, and a directory for contexts.
pub(crate) struct Builder {
    engine: Engine,
    /// The one without Merge and Diff, when a contender builds there.
    fallback: Option<Engine>,
    storage: Storage,
    state: State,
    directory: PathBuf,
    certificates: Option<PathBuf>,
    /// Part of every repository's name: clients remember what they have pushed to which repository, and the registry has
    /// forgotten it.
    generation: usize,
}

/// What is built.
#[derive(Clone, Copy)]
pub(crate) struct Order<'a> {
    pub(crate) project: &'a str,
    pub(crate) contender: &'a Contender,
    pub(crate) scenario: Scenario,
    /// Makes edits and tags differ.
    pub(crate) turn: usize,
    pub(crate) cache: Cache,
}

/// What is done with the cache in the registry.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cache {
    Unused,
    Export,
    Import,
}

/// What a build did.
pub(crate) struct Built {
    pub(crate) seconds: f64,
    /// Seconds on the processor, of the engine and of all that it ran.
    pub(crate) processor: Option<f64>,
    /// Bytes that are new in the registry.
    pub(crate) pushed: u64,
    pub(crate) image: Image,
    /// What the registry calls the image.
    pub(crate) reference: String,
    pub(crate) steps: Vec<String>,
}

/// A build that worked, or why it did not.
pub(crate) type Outcome = std::result::Result<Built, String>;

impl Builder {
    /// Makes the registry answer.
    pub(crate) fn new(engine: Engine, fallback: Option<Engine>, state: &State) -> Result<Self> {
        BENCH.up(state)?;
        let certificates = std::env::var_os("SSL_CERT_FILE")
            .map_or_else(|| PathBuf::from("/etc/ssl/certs/ca-certificates.crt"), PathBuf::from);
        Ok(Self {
            engine,
            fallback,
            storage: Storage::new(BENCH.storage(state)),
            state: state.clone(),
            directory: state.directory("bench")?,
            certificates: certificates.exists().then_some(certificates),
            generation: usize::try_from(std::process::id())?,
        })
    }

    /// The engine that a contender builds on.
    fn engine(&self, contender: &Contender) -> &Engine {
        self.fallback.as_ref().filter(|_| contender.on_fallback).unwrap_or(&self.engine)
    }

    /// Empties the build caches, the registry, and the engines of what the bench has built.
    pub(crate) fn reset(&mut self) -> Result<()> {
        for engine in [Some(&self.engine), self.fallback.as_ref()].into_iter().flatten() {
            forget(engine)?;
        }
        self.storage.clear()?;
        self.generation += 1;
        Ok(())
    }

    /// Makes a contender's builder a fresh one; the registry keeps what it has.
    pub(crate) fn forget(&self, contender: &Contender) -> Result<()> {
        forget(self.engine(contender))
    }

    /// Ends the registry and deletes what the bench has left behind.
    pub(crate) fn finish(mut self, state: &State) -> Result<()> {
        self.reset()?;
        BENCH.down(state, true)
    }

    /// Builds and pushes.
    pub(crate) fn build(&self, order: Order<'_>) -> Result<Outcome> {
        let engine = self.engine(order.contender);
        let template = match order.scenario {
            Scenario::SecondProject => Template::of(order.project).second(),
            _ => Template::of(order.project),
        };
        let module = template.module()?;
        let context = self.directory.join(&module).join(&order.contender.name);
        template.write(&context, order.scenario, order.turn, order.contender.needs_requirements())?;
        let _base = match order.scenario {
            Scenario::BaseBump => Some(MovedBase::tag(engine)?),
            _ => None,
        };

        let repository = format!("{module}-{}-{}", order.contender.name, self.generation);
        let tag = format!("{}-{}", order.scenario.name(), order.turn);
        let mut command = engine.docker(["buildx", "build", "--progress=plain", "--provenance=false", "--push"]);
        let reference = format!("{}/{repository}:{tag}", BENCH.address);
        command.args(["--tag", &reference]);
        if let Some(path) = &self.certificates {
            command.arg("--secret").arg(format!("id=ca-certificates,src={}", path.display()));
        }
        if order.scenario == Scenario::Arm64 {
            command.arg("--platform=linux/arm64");
            // The usual stand-in is for this machine alone.
            command.arg(format!("--build-context={}=docker-image://{}", base::BASE, standin::SEVERAL_PLATFORMS));
            if order.contender.is_by_hand() {
                command.arg(format!("--build-context={}=docker-image://{}", standin::UV, standin::UV_FOR_ARM64));
            }
        }
        // There is an emulator while a Dockerfile is built for another CPU, and never else: what pyfront would run of that CPU
        // does not start.
        let _emulator = (order.scenario == Scenario::Arm64 && order.contender.is_by_hand())
            .then(|| Emulator::register(&self.state))
            .transpose()?;
        let cache = format!("type=registry,ref={}/{repository}:cache", BENCH.address);
        match order.cache {
            Cache::Unused => {}
            Cache::Export => drop(command.arg(format!("--cache-to={cache},mode=max"))),
            Cache::Import => drop(command.arg(format!("--cache-from={cache}"))),
        }
        order.contender.prepare(&mut command, &self.directory, &context, &module)?;
        command.arg(&context).stdin(Stdio::null());

        let before = self.storage.blobs()?;
        // What an earlier build has left to be written is not this one's.
        rustix::fs::sync();
        let worked = engine.processor_time();
        let began = Instant::now();
        let output = command.output().context("cannot run docker")?;
        let seconds = began.elapsed().as_secs_f64();
        let processor = worked.zip(engine.processor_time()).map(|(before, after)| after - before);
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        self.keep(&order, &log)?;
        if !output.status.success() {
            return Ok(Err(log::reason(&log)));
        }
        let pushed = added(&before, &self.storage.blobs()?);
        let architecture = if order.scenario == Scenario::Arm64 { "arm64" } else { native() };
        let image = self.storage.image(&repository, &tag, architecture)?;
        Ok(Ok(Built { seconds, processor, pushed, image, reference, steps: log::steps_that_ran(&log) }))
    }

    /// Keeps the log of the last build of each kind, for whoever wonders about a figure.
    fn keep(&self, order: &Order<'_>, log: &str) -> Result<()> {
        let directory = self.directory.join("logs");
        fs::create_dir_all(&directory)?;
        let name = format!("{}-{}-{}.log", order.project, order.scenario.name(), order.contender.name);
        let path: &Path = &directory.join(name);
        fs::write(path, log).with_context(|| format!("cannot write {}", path.display()))
    }
}

/// Empties an engine's build cache, and deletes what the bench has built there.
fn forget(engine: &Engine) -> Result<()> {
    let filter = format!("reference={}/*", BENCH.address);
    let format = "{{.Repository}}:{{.Tag}}";
    let images = capture(&mut engine.docker(["image", "ls", "--format", format, "--filter", &filter]))?;
    if !images.is_empty() {
        run(engine.docker(["image", "rm", "--force"]).args(images.lines()))?;
    }
    run(&mut engine.docker(["buildx", "prune", "--all", "--force"]))
}

/// This machine's architecture as OCI names it.
fn native() -> &'static str {
    crate::standin::platform().trim_start_matches("linux/")
}
