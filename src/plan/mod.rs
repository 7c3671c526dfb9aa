//! What the image is: base images, layers, steps, user and command, as one serialisable value.
//!
//! The plan knows nothing of BuildKit. `emit` turns it into build operations, the gateway into an image config; both
//! follow it to the letter, so a test that reads a plan has read the image.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::diagnostic::Location;

pub use self::build::{BuildSource, Built};
pub use self::indexes::Access;
pub use self::local::{How, LocalFile, LocalGroup, LocalWheel, Member, Tree};
pub use self::managed::ManagedPython;
pub use self::resolved::Resolved;
pub use self::settings::{Environment, Settings};
pub use self::target::BuildTarget;

pub mod build;
pub mod cross;
mod env;
pub mod export;
pub mod indexes;
pub mod input;
pub mod labels;
mod layer_wishes;
pub mod layers;
pub mod libc;
pub mod local;
pub mod make;
pub mod managed;
pub mod python;
pub mod repositories;
pub mod resolved;
pub mod sbom;
pub mod settings;
pub mod start;
pub mod steps;
pub mod target;
pub mod uv;

/// Where the virtual environment lies in every image: outside the source tree, so that no mount over `/app` hides it.
pub const VENV: &str = "/opt/venv";

/// Everything that decides what the image holds, for one platform.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Plan {
    /// The normalised name of the project that the image is of.
    pub project: String,
    /// What of it is built.
    pub target: BuildTarget,
    /// The platform of the image, as `linux/amd64`.
    pub platform: String,
    /// The platform that builds, where its CPU is another one: all steps run on it but those of `runs_on_target`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_platform: Option<String>,
    /// Packages that only the image's own CPU can build or install, where another one builds the image.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub runs_on_target: BTreeSet<String>,
    /// The image below ours, and why this one.
    pub base: Base,
    /// The uv that builds and installs.
    pub uv: Uv,
    /// What the caches of build steps are shared by: `0.13.8-glibc-x86_64`.
    pub cache: String,
    /// System packages of the running program, in order of names: one layer, right on top of the base image.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<SystemPackage>,
    /// Where it is asked that packages with missing libraries are added to these, which shows only when the wheels are
    /// installed.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_optional_text")]
    pub auto_packages: Option<Location>,
    /// System packages of the steps that build; nothing of them gets into the image.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub build_packages: Vec<SystemPackage>,
    /// Where these come from, besides the repositories that the base image knows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub repositories: Vec<repositories::Repository>,
    /// Locked wheels in image order: one layer each.
    pub groups: Vec<Group>,
    /// Wheels of the user's own files, on top of the locked ones: one layer each group.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub local: Vec<LocalGroup>,
    /// Packages that are built from their sources, in order of names, on top of the wheels: one step each.
    pub built: Vec<Built>,
    /// Requirements without lock, which uv resolves and installs in one step with network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolved: Option<Resolved>,
    /// The secrets with which uv fetches what those builds require, or those requirements.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub build_secrets: Vec<String>,
    /// The user's own projects, in image order: one step each, the project that the image is of last.
    pub first_party: Vec<Member>,
    /// How many layers there are for what.
    #[serde(skip)]
    pub layers: layers::Parameters,
    /// Who runs the container, and where.
    pub account: Account,
    /// The working directory, owned by the account.
    pub workdir: String,
    /// Further directories that the account owns.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub writable: Vec<String>,
    /// Files that are copied into the image, in order: one layer each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub copies: Vec<steps::CopyStep>,
    /// Commands that run in the image, in order: one layer each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub runs: Vec<steps::RunStep>,
    /// What the image's config says.
    pub config: Config,
}

impl Plan {
    /// Whether there is something that has no wheel: a package, or the project itself.
    pub fn is_built_from_source(&self) -> bool {
        !self.built.is_empty() || self.first_party.iter().any(|member| matches!(member.how, How::Install { .. }))
    }

    /// Whether the image has bytecode of the standard library: where a server starts again with every edit. Bytecode is trusted
    /// to be of the sources beside it, and those of the base image for another CPU may be of another patch.
    pub fn compiles_library(&self) -> bool {
        self.target.kind == target::Kind::Dev && self.build_platform.is_none()
    }

    /// Whether something runs on the image's own CPU, where another one builds.
    pub fn needs_target(&self) -> bool {
        self.build_platform.is_some()
            && (!self.runs_on_target.is_empty()
                || !self.packages.is_empty()
                || self.runs.iter().any(|run| !run.on_builder))
    }

    /// What is fetched without being checked, since the lock has no hash of it: name, version and place in the lock.
    pub fn unchecked(&self) -> Vec<(&str, &str, &Location)> {
        let wheels = self.groups.iter().flat_map(|group| &group.wheels).filter(|wheel| wheel.digest.is_none());
        let wheels = wheels.map(|wheel| (wheel.name.as_str(), wheel.version.as_str(), &wheel.origin));
        let archives =
            self.built.iter().filter(|built| matches!(built.source, BuildSource::Archive { digest: None, .. }));
        wheels.chain(archives.map(|built| (built.name.as_str(), built.version.as_str(), &built.origin))).collect()
    }

    /// The directory of the project's own files in the image: where its tests run.
    pub fn project_directory(&self) -> &str {
        match self.first_party.last().map(|member| &member.how) {
            Some(How::Install { editable: Some(directory), .. }) => directory,
            _ => &self.workdir,
        }
    }

    /// The packages that are built from source, as they share layers.
    pub fn built_layers(&self) -> Vec<Vec<&Built>> {
        let names: Vec<&str> = self.built.iter().map(|built| built.name.as_str()).collect();
        let layers = layers::spread(&names, self.layers.built);
        layers.into_iter().map(|layer| layer.into_iter().filter_map(|index| self.built.get(index)).collect()).collect()
    }

    /// The user's own projects, as they share layers. The one that the image is of is alone, and on top.
    pub fn first_party_layers(&self) -> Vec<Vec<&Member>> {
        let (project, others): (Vec<_>, Vec<_>) =
            self.first_party.iter().partition(|member| member.name == self.project);
        let names: Vec<&str> = others.iter().map(|member| member.name.as_str()).collect();
        let layers = layers::spread(&names, self.layers.members).into_iter();
        let layers = layers.map(|layer| layer.into_iter().filter_map(|index| others.get(index).copied()).collect());
        layers.chain(project.into_iter().map(|project| vec![project])).collect()
    }

    /// The C library and CPU of `cache`, for what has nothing to do with uv.
    pub fn cache_platform(&self) -> &str {
        self.cache.split_once('-').map_or("", |(_, platform)| platform)
    }
}

/// A package of the base image's distribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemPackage {
    /// Its name, and perhaps a version: `libpq5=17.6-0+deb13u1`.
    pub name: String,
    /// Where it is asked for.
    pub origin: Location,
}

impl Serialize for SystemPackage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.name)
    }
}

/// An image by reference, as it is shown to people and as it was resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Image {
    /// The reference as a person would write it, without digest.
    pub reference: String,
    /// `sha256:…` of what the reference named when the build began. An engine that keeps no digests has none.
    pub digest: Option<String>,
}

/// The base image and the Python in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Base {
    /// The image.
    pub image: Image,
    /// Its full reference, registry included, without digest. A directory in its place has none.
    #[serde(skip)]
    pub name: Option<String>,
    /// `major.minor` of its interpreter.
    pub python: String,
    /// Why this Python: what the user wrote, and where.
    pub reason: String,
    /// The Python that is put on the image, where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub managed_python: Option<ManagedPython>,
    /// Its environment, with `PATH` as the image has it.
    #[serde(skip)]
    pub env: BTreeMap<String, String>,
}

/// The uv that builds and installs; it never becomes part of the image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Uv {
    /// Its version.
    pub version: String,
    /// The image that it comes from, always for the platform that builds.
    pub image: Image,
}

/// Wheels that are installed by one step into one layer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Group {
    /// Why these are together.
    pub kind: layers::Kind,
    /// The wheels, in order of names.
    pub wheels: Vec<Wheel>,
    /// What uv has to be told of the image's platform (`--python-platform`) where another CPU builds; `None` where that does
    /// not matter, which is so for wheels that are for any platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub python_platform: Option<String>,
}

/// A wheel of the lock, as it will be fetched, checked and installed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Wheel {
    /// Normalised package name.
    pub name: String,
    /// Version, as the lock spells it.
    pub version: String,
    /// The wheel's file name; a plain name, never a path.
    pub filename: String,
    /// Where it is fetched from.
    pub url: String,
    /// `sha256:…` of the file; an index may not have given one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Whether it is for any platform.
    #[serde(skip)]
    pub pure: bool,
    /// The credentials that it is fetched with; without any it is a source of BuildKit's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<Access>,
    /// Its entry in the lock file.
    #[serde(serialize_with = "as_text")]
    pub origin: Location,
}

/// The account that the container runs as.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Account {
    /// Login name.
    pub name: String,
    /// User id; 0 is root.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Home directory.
    pub home: String,
}

/// The part of the image config that pyfront decides; the rest is inherited from the base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Config {
    /// Environment, on top of the base's. `PATH` is put in front of the base's by the gateway, which knows it.
    pub env: BTreeMap<String, String>,
    /// Exec-form entrypoint; empty for none.
    pub entrypoint: Vec<String>,
    /// Exec-form command.
    pub command: Vec<String>,
    /// Why this command: what was found, and where.
    pub command_reason: String,
    /// Files that the command reads, by their path in the image.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, String>,
    /// `8000/tcp`.
    pub ports: Vec<String>,
    /// Directories for data that outlives the container.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Health check; `None` keeps the base's.
    pub healthcheck: Option<Healthcheck>,
    /// For example `SIGTERM`; `None` keeps the base's.
    pub stop_signal: Option<String>,
}

impl Config {
    /// What the container starts, as JSON.
    pub fn argv(&self) -> String {
        let words: Vec<&String> = self.entrypoint.iter().chain(&self.command).collect();
        serde_json::to_string(&words).unwrap_or_default()
    }

    /// What the container starts, and why; `None` for what is not started.
    pub fn start(&self) -> Option<String> {
        let starts = !(self.entrypoint.is_empty() && self.command.is_empty());
        starts.then(|| format!("start {}: {}", self.argv(), self.command_reason))
    }
}

/// A health check in exec form. Without a command the base image's check is switched off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Healthcheck {
    /// The argument vector.
    pub command: Vec<String>,
    /// Time between two checks.
    pub interval: Option<Duration>,
    /// How long one check may take.
    pub timeout: Option<Duration>,
    /// How long failures do not count after the start.
    pub start_period: Option<Duration>,
    /// Time between two checks during the start period.
    pub start_interval: Option<Duration>,
    /// How many failures in a row make the container unhealthy.
    pub retries: Option<u32>,
}

impl Healthcheck {
    /// No check, also not the base image's.
    pub fn disabled() -> Self {
        Self {
            command: Vec::new(),
            interval: None,
            timeout: None,
            start_period: None,
            start_interval: None,
            retries: None,
        }
    }
}

#[expect(clippy::ref_option, reason = "serde hands it over like this")]
fn as_optional_text<S: Serializer>(location: &Option<Location>, serializer: S) -> Result<S::Ok, S::Error> {
    match location {
        Some(location) => as_text(location, serializer),
        None => serializer.serialize_none(),
    }
}

fn as_text<S: Serializer>(location: &Location, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(location)
}
