//! `cargo xtask engine`: a Docker to build on. One that is there already is used as it is; on a Debian machine without
//! one, a private engine is made from Debian's packages and kept in the state directory.
//!
//! A private engine is a dockerd in a mount and a process namespace of its own, with a root file system of its
//! Debian release. When the first process of the namespace ends, by `engine down` or by a kill, the kernel takes
//! containerd, shims, containers and every mount with it: there is nothing stale to clean up. Engines have separate
//! bridges and run side by side.

mod certificate;
mod client;
mod daemon;
pub(crate) mod init;
pub(crate) mod mounts;
mod network;
mod rootfs;

pub(crate) use self::client::describe;
pub(crate) use self::rootfs::linked;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use self::network::Network;
use crate::arguments::Arguments;
use crate::process::capture;
use crate::progress::note;
use crate::standin;
use crate::state::State;

/// The kinds of private engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Debian trixie's Docker with the containerd image store.
    Containerd,
    /// Debian trixie's Docker with the classic graph driver store.
    Graphdriver,
    /// Debian forky's Docker with the containerd image store.
    Newest,
    /// One for tests that break it: that of trixie with all it stores in memory, so that it can be filled up. What is in there
    /// is gone when it goes down.
    Scratch,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Containerd, Self::Graphdriver, Self::Newest, Self::Scratch];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Containerd => "containerd",
            Self::Graphdriver => "graphdriver",
            Self::Newest => "newest",
            Self::Scratch => "scratch",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The Debian release whose Docker it is.
    fn suite(self) -> &'static str {
        match self {
            Self::Containerd | Self::Graphdriver | Self::Scratch => "trixie",
            Self::Newest => "forky",
        }
    }

    /// Whether images live in containerd's store, which is what Merge and Diff need.
    fn containerd_store(self) -> bool {
        self != Self::Graphdriver
    }

    /// The size in bytes of the memory that it stores everything in; `None` for the disk.
    fn memory(self) -> Option<u64> {
        (self == Self::Scratch).then_some(2 << 30)
    }
}

/// A Docker engine, and how to talk to it.
#[derive(Clone, Debug)]
pub(crate) enum Engine {
    /// The machine's own; the address is the one of `$PYFRONT_ENGINE`, else docker finds it as it always does.
    Existing { address: Option<String> },
    /// One of ours, by its directory in the state directory.
    Private { kind: Kind, directory: PathBuf },
}

impl Engine {
    /// Decides which engine is meant, and starts nothing. `asked` is the value of `--engine`.
    pub(crate) fn choose(asked: Option<&str>) -> Result<Self> {
        let wanted = asked.map(str::to_owned).or_else(|| std::env::var("PYFRONT_ENGINE").ok());
        let state = State::open()?;
        let private =
            |kind: Kind| -> Self { Self::Private { kind, directory: state.path("engines").join(kind.name()) } };
        if let Some(wanted) = wanted.filter(|wanted| !wanted.is_empty()) {
            if let Some(kind) = Kind::parse(&wanted) {
                return Ok(private(kind));
            }
            if !wanted.contains("://") {
                bail!(
                    "there is no engine `{wanted}`: take containerd, graphdriver, newest, scratch, or an address as in DOCKER_HOST"
                );
            }
            let engine = Self::Existing { address: Some(wanted.clone()) };
            return if engine.works() {
                Ok(engine)
            } else {
                bail!("the engine {wanted} does not answer `docker version`, or docker has no buildx")
            };
        }
        let host = std::env::var("DOCKER_HOST").unwrap_or_default();
        // A shell that evaluated `engine env` means that engine, running or not.
        let ours = Kind::ALL.into_iter().map(private).find(|engine| engine.address().as_deref() == Some(host.as_str()));
        if let Some(engine) = ours {
            return Ok(engine);
        }
        let existing = Self::Existing { address: None };
        if existing.works() {
            return Ok(existing);
        }
        if !host.is_empty() {
            bail!(
                "DOCKER_HOST={host} does not answer `docker version`, or docker has no buildx: start it, or unset DOCKER_HOST"
            );
        }
        Ok(private(Kind::Containerd))
    }

    /// Chooses an engine, and makes it answer.
    pub(crate) fn up(asked: Option<&str>) -> Result<Self> {
        let engine = Self::choose(asked)?;
        if let Self::Private { kind, directory } = &engine {
            daemon::up(&State::open()?, *kind, directory)?;
        }
        Ok(engine)
    }

    /// A name for people and for file names.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Existing { .. } => "existing",
            Self::Private { kind, .. } => kind.name(),
        }
    }

    /// Whether images can be pulled is unknown for an existing engine; a private one never tries.
    pub(crate) fn is_private(&self) -> bool {
        matches!(self, Self::Private { .. })
    }

    /// Whether images live in containerd's store: only then can an image have several platforms, or be written as an OCI archive.
    pub(crate) fn has_containerd_store(&self) -> bool {
        let status = capture(&mut self.docker(["info", "--format", "{{json .DriverStatus}}"]));
        status.is_ok_and(|status| status.contains("io.containerd.snapshotter"))
    }

    /// How long a private engine, and all that it has started and seen end, has been on the processor, in seconds.
    pub(crate) fn processor_time(&self) -> Option<f64> {
        let Self::Private { directory, .. } = self else { return None };
        daemon::processor_time(daemon::find(directory).ok()??)
    }

    /// The address for DOCKER_HOST; `None` when docker finds the engine by itself.
    pub(crate) fn address(&self) -> Option<String> {
        match self {
            Self::Existing { address } => address.clone(),
            Self::Private { directory, .. } => Some(format!("unix://{}", client::socket(directory).display())),
        }
    }

    /// Where containers of a private engine reach this machine.
    pub(crate) fn gateway_address(&self) -> Option<String> {
        match self {
            Self::Private { kind, .. } => Some(Network::of(*kind).gateway_address()),
            Self::Existing { .. } => None,
        }
    }

    /// A program that talks to this engine: `docker`, or anything that runs docker. Contexts are paths of this machine.
    pub(crate) fn command(&self, program: &str) -> Command {
        let own = match self {
            Self::Private { directory, .. } => Some(client::programs(directory).join(program)),
            Self::Existing { .. } => None,
        };
        let mut command = match own.filter(|path| path.exists()) {
            Some(path) => Command::new(path),
            None => Command::new(program),
        };
        for (name, value) in self.environment() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }

    /// `docker WORDS...` on this engine.
    pub(crate) fn docker<const N: usize>(&self, words: [&str; N]) -> Command {
        let mut command = self.command("docker");
        command.args(words);
        command
    }

    /// The variables that make `docker` and `docker buildx` talk to this engine; `None` is a variable to remove.
    pub(crate) fn environment(&self) -> Vec<(&'static str, Option<String>)> {
        match self {
            Self::Existing { address: None } => Vec::new(),
            Self::Existing { address } => vec![("DOCKER_HOST", address.clone()), ("DOCKER_CONTEXT", None)],
            Self::Private { directory, .. } => {
                let programs = client::programs(directory).display().to_string();
                let path = std::env::var("PATH").unwrap_or_default();
                let path =
                    if path.split(':').next() == Some(programs.as_str()) { path } else { format!("{programs}:{path}") };
                vec![
                    ("DOCKER_HOST", self.address()),
                    ("DOCKER_CONFIG", Some(client::configuration(directory).display().to_string())),
                    ("DOCKER_CONTEXT", None),
                    ("BUILDX_BUILDER", None),
                    ("BUILDX_CONFIG", None),
                    ("PATH", Some(path)),
                    ("PYFRONT_TEST_CERTIFICATE", Some(certificate::path(directory).display().to_string())),
                    ("PYFRONT_TEST_ENGINE_LOG", Some(daemon::log(directory).display().to_string())),
                ]
            }
        }
    }

    /// Whether docker reaches the engine and has buildx.
    fn works(&self) -> bool {
        client::answers(self) && client::has_buildx(self)
    }
}

/// Makes sure that a directory of private engines is there.
fn directory(state: &State, kind: Kind) -> Result<PathBuf> {
    state.directory(Path::new("engines").join(kind.name()))
}

pub(crate) fn command(mut arguments: Arguments) -> Result<()> {
    let asked = arguments.value("--engine")?;
    match arguments.word().as_deref() {
        Some("up") => {
            let bare = arguments.flag("--no-images");
            arguments.finish()?;
            up(asked.as_deref(), bare)
        }
        Some("down") => {
            let purge = arguments.flag("--purge");
            arguments.finish()?;
            down(asked.as_deref(), purge)
        }
        Some("kill") => {
            arguments.finish()?;
            let name = asked.context("say which: --engine NAME")?;
            daemon::kill(&State::open()?, private_kind(&name)?)
        }
        Some("status") => {
            arguments.finish()?;
            status()
        }
        Some("env") => {
            arguments.finish()?;
            print!("{}", exports(&Engine::choose(asked.as_deref())?));
            Ok(())
        }
        Some(other) => bail!("`engine {other}` is not known; take up, down, kill, status or env"),
        None => bail!("say what to do with the engine: up, down, kill, status or env"),
    }
}

fn up(asked: Option<&str>, bare: bool) -> Result<()> {
    let engine = if bare {
        Engine::up(asked)?
    } else {
        // Stand-ins need no engine while they are made: both at a time uses the machine better.
        std::thread::scope(|scope| {
            let choice = Engine::choose(asked)?;
            let images = choice.is_private().then(|| scope.spawn(standin::prepare));
            let engine = Engine::up(asked)?;
            if let Some(images) = images {
                images.join().map_err(|_| anyhow::anyhow!("making the stand-in images panicked"))??;
            }
            standin::ensure(&engine, &standin::usual())?;
            anyhow::Ok(engine)
        })?
    };
    let about = client::describe(&engine)?;
    println!("engine {}: {about}", engine.name());
    println!("to use it in this shell: eval \"$(cargo xtask engine env)\"");
    Ok(())
}

fn private_kind(name: &str) -> Result<Kind> {
    Kind::parse(name).with_context(|| format!("there is no private engine `{name}`"))
}

fn down(asked: Option<&str>, purge: bool) -> Result<()> {
    let state = State::open()?;
    let kinds = match asked {
        None => Kind::ALL.to_vec(),
        Some(name) => vec![private_kind(name)?],
    };
    for kind in &kinds {
        if state.path("engines").join(kind.name()).exists() {
            daemon::down(&state, *kind, purge)?;
        }
    }
    if purge {
        rootfs::purge(&state)?;
        if asked.is_none() {
            standin::purge(&state)?;
        }
        note("purged");
    }
    Ok(())
}

fn status() -> Result<()> {
    let state = State::open()?;
    for kind in Kind::ALL {
        let directory = state.path("engines").join(kind.name());
        let engine = Engine::Private { kind, directory: directory.clone() };
        let line = match daemon::find(&directory)? {
            None if kind.memory().is_some() => "down, with nothing in it".to_owned(),
            None if directory.exists() => "down (its images and caches are kept)".to_owned(),
            None => "not made".to_owned(),
            Some(supervisor) if client::answers(&engine) => format!(
                "up, process {supervisor}, {}\n             {}",
                client::describe(&engine)?,
                engine.address().unwrap_or_default()
            ),
            Some(supervisor) => format!("process {supervisor} runs, but does not answer; `engine up` restarts it"),
        };
        println!("{:<12} {line}", kind.name());
    }
    let host = std::env::var("DOCKER_HOST").unwrap_or_default();
    let ours = format!("unix://{}", state.path("engines").display());
    if !host.starts_with(&ours) {
        let existing = Engine::Existing { address: None };
        let line =
            if existing.works() { client::describe(&existing)? } else { "no Docker with buildx answers".to_owned() };
        println!("{:<12} {line}", "existing");
    }
    Ok(())
}

/// Shell lines that set [`Engine::environment`].
fn exports(engine: &Engine) -> String {
    let quote = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
    let mut lines: Vec<String> = engine
        .environment()
        .into_iter()
        .map(|(name, value)| match (value, engine) {
            // The shell's own PATH goes on behind, whatever it is by then.
            (Some(_), Engine::Private { directory, .. }) if name == "PATH" => {
                format!("export PATH={}:\"$PATH\"\n", quote(&client::programs(directory).display().to_string()))
            }
            (Some(value), _) => format!("export {name}={}\n", quote(&value)),
            (None, _) => format!("unset {name}\n"),
        })
        .collect();
    if lines.is_empty() {
        lines.push("# the Docker of this machine is used as it is\n".to_owned());
    }
    lines.concat()
}

/// The root file system of the default engine, for what else is in it.
pub(crate) fn docker_rootfs(state: &State) -> Result<PathBuf> {
    rootfs::ensure(state, Kind::Containerd.suite())
}

/// The id of an image in the engine's store, when it is there.
pub(crate) fn image_id(engine: &Engine, name: &str) -> Option<String> {
    capture(&mut engine.docker(["image", "inspect", "--format", "{{.Id}}", name])).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exports_can_be_evaluated_by_a_shell() {
        let engine = Engine::Private { kind: Kind::Newest, directory: "/state/it's here".into() };
        let text = exports(&engine);
        assert!(text.starts_with("export DOCKER_HOST='unix:///state/it'\\''s here/run/docker.sock'\n"), "{text}");
        assert!(text.contains("unset DOCKER_CONTEXT\n"), "{text}");
        let existing = exports(&Engine::Existing { address: None });
        assert_eq!(existing, "# the Docker of this machine is used as it is\n");
    }

    #[test]
    fn kinds_are_named_as_people_type_them() {
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.name()), Some(kind));
        }
        assert_eq!(Kind::parse("docker"), None);
    }
}
