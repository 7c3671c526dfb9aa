//! Tells which system libraries the installed packages need and the image lacks. A step looks for them while the image is
//! made; what it has found is a warning, since it shows only when a package is imported, and need not then.

use std::collections::BTreeMap;

use buildkit_frontend::FrontendError;
use buildkit_llb::Output;
use serde::Deserialize;

use super::{Task, platforms};
use crate::diagnostic::{Diagnostic, Location};
use crate::emit;
use crate::lint::Finding;
use crate::lint::rules::MISSING_SYSTEM_LIBRARY;
use crate::plan::{Plan, SystemPackage};

/// What the step leaves (`src/emit/steps/libraries.py`).
#[derive(Debug, Default, Deserialize)]
struct Report {
    findings: Vec<Missing>,
    /// The system packages that would help, as far as they are known.
    install: Vec<String>,
}

/// What one package lacks.
#[derive(Debug, Deserialize)]
struct Missing {
    /// The package, normalised.
    package: String,
    message: String,
    note: String,
    help: String,
}

impl Task<'_> {
    /// The plan with the system packages of missing libraries, where that is asked for. What is missing nevertheless is told
    /// like everything that is missing.
    pub(super) async fn with_missing_packages(&self, mut plan: Plan) -> Result<Plan, FrontendError> {
        let Some(origin) = plan.auto_packages.clone() else { return Ok(plan) };
        let uv = self.uv_on_target(&plan).await?;
        let Some(step) = self.emit(&plan, uv.as_ref(), emit::missing_libraries)? else { return Ok(plan) };
        let install = self.report(&step).await?.install;
        plan.packages.extend(install.into_iter().map(|name| SystemPackage { name, origin: origin.clone() }));
        plan.packages.sort_by(|a, b| a.name.cmp(&b.name));
        platforms::check_runnable(self.gateway, &plan, &self.image.platform)?;
        Ok(plan)
    }

    /// Whether anybody wants to know. With caches of another machine nobody does: the layers of packages are fetched from there only
    /// when somebody looks into them, and nobody else may.
    pub(super) fn looks_for_libraries(&self) -> bool {
        self.written.target.kind.is_image()
            && self.written.checks.reports(&MISSING_SYSTEM_LIBRARY)
            && self.gateway.options().cache_imports.is_empty()
    }

    /// What the step has found that looks, where there is anything to look at.
    pub(super) async fn missing_libraries(&self, plan: &Plan) -> Result<Vec<Finding>, FrontendError> {
        // The daemon gets to work on the image before another graph is made.
        tokio::task::yield_now().await;
        let uv = self.uv_on_target(plan).await?;
        let Some(step) = self.emit(plan, uv.as_ref(), emit::missing_libraries)? else { return Ok(Vec::new()) };
        let places = places(plan);
        let finding = |missing: Missing| {
            let place = places.get(missing.package.as_str()).map(|place| (*place).clone());
            let diagnostic = Diagnostic::new(missing.message).at_location(place);
            MISSING_SYSTEM_LIBRARY.finding(diagnostic.note(missing.note).help(missing.help))
        };
        Ok(self.report(&step).await?.findings.into_iter().map(finding).collect())
    }

    async fn report(&self, step: &Output) -> Result<Report, FrontendError> {
        let found = self.gateway.solve_output(Some(step)).await?.read_optional_file(emit::MISSING).await?;
        let Some(found) = found else { return Ok(Report::default()) };
        serde_json::from_slice(&found)
            .map_err(|error| FrontendError::new(format!("what was found of missing libraries cannot be read: {error}")))
    }
}

/// Where packages stand in the lock.
fn places(plan: &Plan) -> BTreeMap<&str, &Location> {
    let wheels = plan.groups.iter().flat_map(|group| &group.wheels).map(|wheel| (wheel.name.as_str(), &wheel.origin));
    let local = plan.local.iter().flat_map(|group| &group.wheels).map(|wheel| (wheel.name.as_str(), &wheel.origin));
    let built = plan.built.iter().map(|built| (built.name.as_str(), &built.origin));
    wheels.chain(local).chain(built).collect()
}
