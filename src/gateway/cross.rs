//! Solves the plan of one platform. For another CPU than the builder's, whatever has no wheel is built on the builder first,
//! once for all platforms: most of it is good for any. What turns out to be compiled is built again on the CPU that it is
//! for, with a warning; without an emulator that is an error.

use buildkit_frontend::{FrontendError, Reference};
use buildkit_llb::Output;
use futures_util::future::{join, try_join_all};

use super::resolve::Resolved;
use super::{Solved, Task, platforms, resolve};
use crate::emit;
use crate::plan::{Plan, VENV, cross};

impl Task<'_> {
    /// The files of the image, and the plan as it was in the end.
    pub(super) async fn solve(&self) -> Result<Solved, FrontendError> {
        let plan = self.with_missing_packages(self.image.plan.clone()).await?;
        if plan.build_platform.is_some() {
            return self.solve_foreign(plan).await;
        }
        let root = self.emit(&plan, None, emit::target)?;
        let reference = self.gateway.solve_output(Some(&root)).await?;
        if self.planned.is_tried() {
            // The other platforms are building already; this one would wait for them.
            reference.evaluate().await?;
        }
        Ok(Solved { files: root, reference, plan })
    }

    async fn solve_foreign(&self, mut plan: Plan) -> Result<Solved, FrontendError> {
        let root = self.files(&plan).await?;
        let tried = self.emit(&plan, None, emit::built_on_builder)?;
        let reference = self.gateway.solve_output(Some(&root)).await?;
        if tried.is_empty() {
            return Ok(Solved { files: root, reference, plan });
        }
        // Everything else need not wait for the answer.
        let compiled = async {
            let compiled = self.compiled(&plan.base.python, tried).await?;
            let mut plan = plan.clone();
            plan.runs_on_target.extend(compiled);
            platforms::check_runnable(self.gateway, &plan, &self.image.platform)?;
            Ok::<_, FrontendError>(plan.runs_on_target)
        };
        // An error waits for the steps that run: BuildKit 0.13 was seen to lose the files of a step that ended while its
        // build was given up, and then every later build failed that found the step in the cache (compare
        // moby/buildkit#6821).
        let (on_target, evaluated) = join(compiled, reference.evaluate()).await;
        let on_target = on_target?;
        evaluated?;
        if on_target == plan.runs_on_target {
            return Ok(Solved { files: root, reference, plan });
        }
        plan.runs_on_target = on_target;
        let root = self.files(&plan).await?;
        let reference = self.gateway.solve_output(Some(&root)).await?;
        Ok(Solved { files: root, reference, plan })
    }

    /// The files of an image for another CPU. Warns if something has to run on that.
    async fn files(&self, plan: &Plan) -> Result<Output, FrontendError> {
        let platform = &self.image.platform;
        let emulated = platforms::emulated(self.gateway, plan, platform);
        self.written.checks.warn(self.gateway, &self.written.entry, &emulated).await?;
        let uv = self.uv_on_target(plan).await?;
        self.emit(plan, uv.as_ref(), emit::target)
    }

    /// uv for the image's own CPU, if anything of the plan needs it.
    pub(super) async fn uv_on_target(&self, plan: &Plan) -> Result<Option<Resolved>, FrontendError> {
        if plan.runs_on_target.is_empty() {
            return Ok(None);
        }
        resolve::uv_for(self.gateway, &plan.uv.version, &self.image.platform).await.map(Some)
    }

    /// Looks into what was built on the builder, and names what is not good for any platform.
    async fn compiled(&self, python: &str, tried: Vec<(String, Output)>) -> Result<Vec<String>, FrontendError> {
        let packages = format!("{VENV}/lib/python{python}/site-packages");
        let look = tried.into_iter().map(async |(name, output)| {
            let files = self.gateway.solve_output(Some(&output)).await?;
            let portable = is_portable(&files, &packages).await?;
            Ok::<_, FrontendError>((name, portable))
        });
        let found = try_join_all(look).await?;
        Ok(found.into_iter().filter(|(_, portable)| !portable).map(|(name, _)| name).collect())
    }
}

/// Whether all packages of a layer are for any platform.
async fn is_portable(layer: &Reference, packages: &str) -> Result<bool, FrontendError> {
    let entries = match layer.read_dir(packages, None).await {
        Ok(entries) => entries,
        Err(error) if error.is_not_found() => return Ok(false),
        Err(error) => return Err(error),
    };
    let mut portable = false;
    for entry in entries.iter().filter(|entry| entry.path.ends_with(".dist-info")) {
        let wheel = layer.read_optional_file(&format!("{packages}/{}/WHEEL", entry.path)).await?;
        if !wheel.is_some_and(|wheel| cross::is_portable(&wheel)) {
            return Ok(false);
        }
        portable = true;
    }
    Ok(portable)
}
