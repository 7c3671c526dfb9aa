//! What the user adds to an image by hand: files that are copied, and commands that run while it is built.

use std::collections::BTreeMap;

use serde::Serialize;

use super::env;
use super::make::Inputs;
use super::{Account, Plan};
use crate::diagnostic::{Diagnostic, Location};
use crate::project::config::copy::Owner;
use crate::project::config::run::{At, RunPlatform};

/// The points in the making of an image at which something is added, in order.
pub const POINTS: [At; 3] = [At::Dependencies, At::Project, At::Runtime];

/// A command that runs in the image. What it changes is its layer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RunStep {
    /// The argument vector.
    pub command: Vec<String>,
    /// When it runs.
    pub at: At,
    /// Whether it has a network.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub network: bool,
    /// Secrets that it gets as files.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
    /// Directories that are kept between builds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cache: Vec<String>,
    /// Its own variables.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Whether it runs on the builder's CPU where that is another one than the image's.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub on_builder: bool,
    /// Where it is asked for.
    #[serde(serialize_with = "super::as_text")]
    pub origin: Location,
}

/// Files that are copied into the image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CopyStep {
    /// What they come from.
    #[serde(flatten)]
    pub source: CopySource,
    /// Their place: absolute; a directory to copy into when it ends in a slash.
    pub dest: String,
    /// User and group id of their owner.
    pub owner: (u32, u32),
    /// Their permission bits; `None` for those they have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<u32>,
    /// When they are copied.
    pub at: At,
    /// Where it is asked for.
    #[serde(serialize_with = "super::as_text")]
    pub origin: Location,
}

/// Where files are copied from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CopySource {
    /// An image or a named context; `None` for the build context.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The path in it, which begins with a slash.
    pub src: String,
}

impl Plan {
    /// What is copied at a point.
    pub fn copies_at(&self, at: At) -> impl Iterator<Item = &CopyStep> {
        self.copies.iter().filter(move |copy| copy.at == at)
    }

    /// What runs at a point, after what is copied.
    pub fn runs_at(&self, at: At) -> impl Iterator<Item = &RunStep> {
        self.runs.iter().filter(move |run| run.at == at)
    }
}

/// The commands that the configuration asks for. `container` are the variables that pyfront and the configuration set.
pub(super) fn runs(
    inputs: &Inputs<'_>,
    container: &BTreeMap<String, String>,
    problems: &mut Vec<Diagnostic>,
) -> Vec<RunStep> {
    if !inputs.build_target.kind.is_on_base() {
        return Vec::new();
    }
    let asked = inputs.config.run.iter().flat_map(|runs| &runs.value.0);
    asked
        .map(|run| {
            let mut env = container.clone();
            env::add(&run.env, &mut env, inputs.base, problems);
            env.retain(|name, _| run.env.0.contains_key(name));
            RunStep {
                command: run.command.clone(),
                at: run.at,
                network: run.network,
                secrets: run.secrets.clone(),
                cache: run.cache.clone(),
                env,
                on_builder: run.platform == RunPlatform::Build,
                origin: run.location.clone(),
            }
        })
        .collect()
}

/// What the configuration asks to be copied.
pub(super) fn copies(inputs: &Inputs<'_>, account: &Account, workdir: &str) -> Vec<CopyStep> {
    if !inputs.build_target.kind.is_on_base() {
        return Vec::new();
    }
    let asked = inputs.config.copy.iter().flat_map(|copies| &copies.value.0);
    asked
        .map(|copy| CopyStep {
            source: CopySource { from: copy.from.clone(), src: copy.src.clone() },
            dest: match copy.dest.strip_prefix("./").unwrap_or(&copy.dest) {
                absolute if absolute.starts_with('/') => absolute.to_owned(),
                "" | "." => format!("{workdir}/"),
                relative => format!("{workdir}/{relative}"),
            },
            owner: match copy.owner {
                Owner::Root => (0, 0),
                Owner::User => (account.uid, account.gid),
                Owner::Ids(uid, gid) => (uid, gid),
            },
            mode: copy.mode,
            at: copy.at,
            origin: copy.location.clone(),
        })
        .collect()
}
