//! What a build would make, without making it: for the command line.

use std::collections::BTreeMap;

use buildkit_frontend::{FrontendError, Gateway};

use super::platforms::Platforms;
use super::{plan, read, targets};
use crate::lint::Finding;
use crate::plan::input::Input;
use crate::plan::{Plan, start, target};

/// What would be made for one platform.
#[derive(Debug, Clone)]
pub struct Preview {
    /// What the image is.
    pub plan: Plan,
    /// What a build would warn of.
    pub findings: Vec<Finding>,
    /// Sizes of the files to fetch in bytes, by file name, as far as the lock has them.
    pub sizes: BTreeMap<String, u64>,
    /// The text of the file that the target is instead of an image.
    pub file: Option<String>,
    /// The targets of the project's own, by name.
    pub own_targets: Vec<String>,
    /// The files in which the start command was looked for.
    pub sources: start::Files,
    /// How uv installs the same.
    pub install: Install,
}

/// How a person installs with uv what the plan installs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Install {
    /// `uv sync` with these options.
    Sync(Vec<String>),
    /// `uv pip install -r` with this file of the lock's directory.
    File(String),
    /// The lock of this script.
    Script(String),
}

impl Preview {
    /// The plan as the target `plan` exports it.
    pub fn json(&self) -> String {
        targets::json(&self.plan)
    }
}

/// Decides everything that a build would decide before its first step, for each platform.
///
/// # Errors
/// What would fail the build.
pub async fn preview(gateway: &Gateway) -> Result<Vec<Preview>, FrontendError> {
    let platforms = Platforms::of(gateway)?;
    let written = read::project(gateway).await?;
    let planned = Box::pin(plan(gateway, &written, &platforms)).await?;
    let wheels = written.lock.packages.iter().flat_map(|package| &package.wheels);
    let sizes: BTreeMap<String, u64> =
        wheels.filter_map(|wheel| Some((wheel.filename.to_string(), wheel.size?))).collect();
    let listed = target::list(&written.config).into_iter().filter(|listed| listed.location.is_some());
    let own_targets: Vec<String> = listed.map(|listed| listed.target.name).collect();
    let sources = read::start_files(&written).await?;
    let install = match (&written.script, &written.input) {
        (Some(script), _) => Install::Script(script.value.clone()),
        (None, Input::Lock) => Install::Sync(written.request().uv_sync()),
        (None, Input::Pylock(_) | Input::Requirements(_)) => Install::File(written.lock.file.name().to_owned()),
    };
    let shown = |findings: &[Finding]| -> Vec<Finding> {
        written.checks.shown(written.findings.iter().chain(findings)).into_iter().cloned().collect()
    };
    let previews = planned.images.into_iter().map(|image| Preview {
        findings: shown(&image.findings),
        plan: image.plan,
        sizes: sizes.clone(),
        file: image.file.map(|(_, text)| text),
        own_targets: own_targets.clone(),
        sources: sources.clone(),
        install: install.clone(),
    });
    Ok(previews.collect())
}
