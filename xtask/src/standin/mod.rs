//! Stand-ins for the official images that pyfront builds on, for machines that reach no image registry. They are made
//! from Debian's packages and PyPI's uv, look like the originals where a build can tell, and carry the same names.

mod alpine;
mod official;
mod pair;
mod python;
mod uv;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::arguments::Arguments;
use crate::debian::remove_tree;
use crate::engine::{Engine, image_id};
use crate::process::{capture, run, succeeds};
use crate::progress::{note, step};
use crate::state::State;

/// What can be stood in for, by the name that a Dockerfile would use.
const IMAGES: &[(&str, Origin)] = &[
    ("python:3.13-slim", Origin::Python(python::Release { minor: "3.13", suite: "trixie" })),
    ("python:3.11-slim", Origin::Python(python::Release { minor: "3.11", suite: "bookworm" })),
    ("python:3.14-slim", Origin::Python(python::Release { minor: "3.14", suite: "forky" })),
    (alpine::IMAGE, Origin::Alpine),
    (pair::IMAGE, Origin::Pair),
    (uv::IMAGE, Origin::Uv { cpu: std::env::consts::ARCH }),
    (uv::ARM64_IMAGE, Origin::Uv { cpu: "aarch64" }),
];

#[derive(Clone, Copy, Debug)]
enum Origin {
    Python(python::Release),
    Alpine,
    Pair,
    Uv { cpu: &'static str },
}

impl Origin {
    fn key(self) -> String {
        match self {
            Self::Python(release) => official::key(&release.key()),
            Self::Alpine => alpine::key(),
            Self::Pair => pair::key(),
            Self::Uv { cpu } => uv::key(cpu),
        }
    }
}

/// An image's only layer and its configuration, in a directory of the state directory.
pub(crate) struct Archive(PathBuf);

impl Archive {
    /// The archive of `name` made from what `key` stands for; `make` fills an empty directory when it is not there yet.
    /// Archives of earlier recipes are deleted then.
    fn ensure(state: &State, name: &str, key: &str, make: impl FnOnce(&Self) -> Result<()>) -> Result<Self> {
        let parent = state.directory("standin")?;
        let finished = Self::path(state, name, key);
        let _lock = state.lock(&format!("standin-{name}"))?;
        if !finished.exists() {
            for entry in fs::read_dir(&parent)? {
                let path = entry?.path();
                if path.file_stem().is_some_and(|stem| stem == name) {
                    remove_tree(&path)?;
                }
            }
            let partial = parent.join(format!("{name}.partial"));
            fs::create_dir(&partial)?;
            make(&Self(partial.clone()))?;
            fs::rename(&partial, &finished)?;
        }
        Ok(Self(finished))
    }

    /// Where it is when it is made. The key takes the place of an extension.
    fn path(state: &State, name: &str, key: &str) -> PathBuf {
        state.path("standin").join(format!("{name}.{key}"))
    }

    fn directory(&self) -> &Path {
        &self.0
    }

    fn layer(&self) -> PathBuf {
        self.0.join("layer.tar")
    }

    /// Dockerfile instructions for the configuration, one a line.
    fn changes(&self) -> PathBuf {
        self.0.join("changes")
    }
}

/// What demo and tests build on.
pub(crate) fn usual() -> [&'static str; 3] {
    ["python:3.13-slim", "python:3.11-slim", uv::IMAGE]
}

/// What the tests build on in addition, where the engine can keep images of several platforms.
pub(crate) const SEVERAL_PLATFORMS: &str = pair::IMAGE;

/// uv's official image.
pub(crate) const UV: &str = uv::IMAGE;

/// What Dockerfiles for arm64 take uv from, on an emulator.
pub(crate) const UV_FOR_ARM64: &str = uv::ARM64_IMAGE;

/// What the tests build on in addition, where it can be made.
pub(crate) const MUSL: &str = alpine::IMAGE;

/// Makes the archives of the [`usual`] images that need no engine.
pub(crate) fn prepare() -> Result<()> {
    let state = State::open()?;
    for name in usual() {
        match find(name)? {
            Origin::Python(release) => drop(release.archive(&state)?),
            Origin::Alpine => drop(alpine::archive(&state)?),
            Origin::Pair => drop(pair::archive(&state)?),
            Origin::Uv { cpu } => drop(uv::archive(&state, None, cpu)?),
        }
    }
    Ok(())
}

/// Makes sure that a build on `engine` finds `names`: in its store, in a registry, or as stand-ins.
pub(crate) fn ensure(engine: &Engine, names: &[&str]) -> Result<()> {
    let state = State::open()?;
    for name in names {
        let origin = find(name)?;
        let _lock = state.lock(&format!("images-{}", engine.name()))?;
        let record = record(&state, engine, name)?;
        let present = image_id(engine, name);
        if let Some(id) = &present {
            let ours = fs::read_to_string(&record).unwrap_or_default();
            let current = ours == entry(id, origin);
            // An image that xtask did not load belongs to the person, and is what they want.
            if current || (ours.is_empty() && !engine.is_private()) {
                continue;
            }
        } else if !engine.is_private() && pullable(engine, name) {
            continue;
        }
        load(&state, engine, name, origin)?;
        if present.is_some() && engine.is_private() {
            // Results of the former image are as good for this one, but a cache that they are exported to is for the former.
            run(&mut engine.docker(["buildx", "prune", "--all", "--force"]))?;
        }
        let id = image_id(engine, name).with_context(|| format!("{name} was loaded, but is not there"))?;
        fs::write(&record, entry(&id, origin))?;
    }
    Ok(())
}

fn find(name: &str) -> Result<Origin> {
    match IMAGES.iter().find(|(known, _)| *known == name) {
        Some((_, origin)) => Ok(*origin),
        None => bail!("there is no stand-in for {name}; `cargo xtask standin` lists them"),
    }
}

fn load(state: &State, engine: &Engine, name: &str, origin: Origin) -> Result<()> {
    let archive = match origin {
        Origin::Python(release) => {
            let archive = release.archive(state)?;
            return step(format!("loading {name} into the {} engine", engine.name()), || {
                official::load(state, engine, name, &archive, release.suite)
            });
        }
        Origin::Alpine => alpine::archive(state)?,
        Origin::Pair => {
            pair::archive(state)?;
            return step(format!("loading {name} into the {} engine", engine.name()), || pair::load(state, engine));
        }
        Origin::Uv { cpu } => match uv::archive(state, None, cpu)? {
            Some(archive) => archive,
            None => uv::archive(state, Some(engine), cpu)?.context("the uv wheel cannot be downloaded")?,
        },
    };
    let platform = match origin {
        Origin::Uv { cpu } => platform_of(cpu),
        _ => platform(),
    };
    step(format!("loading {name} into the {} engine", engine.name()), || {
        let mut import = engine.docker(["import", "--platform", platform]);
        for change in fs::read_to_string(archive.changes())?.lines() {
            import.args(["--change", change]);
        }
        let layer =
            File::open(archive.layer()).with_context(|| format!("cannot read {}", archive.layer().display()))?;
        let output = import.args(["-", name]).stdin(layer).output()?;
        if !output.status.success() {
            bail!("docker import of {name} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(())
    })
}

/// Whether a registry has the image; then BuildKit pulls it when a build needs it.
fn pullable(engine: &Engine, name: &str) -> bool {
    let found = succeeds(&mut engine.docker(["buildx", "imagetools", "inspect", name]), Duration::from_secs(30));
    if !found {
        note(format!("no registry answers for {name}: a stand-in is loaded"));
    }
    found
}

/// The file that remembers which stand-in was loaded under a name.
fn record(state: &State, engine: &Engine, name: &str) -> Result<PathBuf> {
    let directory = state.directory(Path::new("engines").join(engine.name()).join("images"))?;
    Ok(directory.join(name.replace(['/', ':'], "_")))
}

fn entry(id: &str, origin: Origin) -> String {
    format!("{id} {}\n", origin.key())
}

/// This machine's platform as OCI names it.
pub(crate) fn platform() -> &'static str {
    platform_of(std::env::consts::ARCH)
}

fn platform_of(cpu: &str) -> &'static str {
    match cpu {
        "aarch64" => "linux/arm64",
        _ => "linux/amd64",
    }
}

/// Deletes all archives.
pub(crate) fn purge(state: &State) -> Result<()> {
    remove_tree(&state.path("standin"))
}

/// Any time will do that is the same every time, and that zip can express.
const TIME: &str = "--mtime=@1600000000";

/// Archives `tree` the same way every time it has the same files: sorted, with one time, owners as numbers.
fn pack(tree: &Path, names: &[&str], archive: &Archive) -> Result<()> {
    let mut tar = std::process::Command::new("tar");
    tar.arg("--create").arg("--file").arg(archive.layer()).arg("--directory").arg(tree);
    tar.args(["--sort=name", TIME, "--numeric-owner", "--exclude=./dev/*", "--one-file-system"]).args(names);
    capture(&mut tar).map(drop)
}

pub(crate) fn command(mut arguments: Arguments) -> Result<()> {
    let asked = arguments.value("--engine")?;
    let names = arguments.words();
    arguments.finish()?;
    if names.is_empty() {
        for (name, _) in IMAGES {
            println!("{name}");
        }
        return Ok(());
    }
    let engine = Engine::up(asked.as_deref())?;
    ensure(&engine, &names.iter().map(String::as_str).collect::<Vec<_>>())
}
