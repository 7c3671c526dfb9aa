//! The conversation with the daemon: reads what the user wrote, resolves the images, lets the pure stages decide, and
//! hands back the result. All I/O of pyfront is in here and in `buildkit-frontend`.

mod advice;
pub mod image;
mod libc;
mod local;
mod questions;
mod read;
pub mod report;
mod resolve;
mod secrets;

use std::collections::BTreeMap;

use buildkit_frontend::subrequest::Request;
use buildkit_frontend::{BuildResult, FrontendError, Gateway, PlatformImage};
use buildkit_llb::{Output, Platform, marshal};

use crate::diagnostic::{Diagnostic, Location};
use crate::emit::{self, LocalSources, StepOptions};
use crate::plan::indexes::Indexes;
use crate::plan::make::Inputs;
use crate::plan::{Base, Plan, Uv, make, start};

use self::advice::Advice;
use self::read::Written;
use self::report::Excerpt;
use self::resolve::Images;

/// The only target so far, and the default one.
pub(crate) const TARGET: &str = "runtime";

/// Answers the daemon's request: an image, or a question about it.
///
/// # Errors
/// What the user should know, with places in their files.
pub async fn build(gateway: &Gateway) -> Result<BuildResult, FrontendError> {
    match gateway.request() {
        Request::Build => Box::pin(build_image(gateway)).await,
        question => Box::pin(questions::answer(gateway, &question)).await,
    }
}

async fn build_image(gateway: &Gateway) -> Result<BuildResult, FrontendError> {
    check_target(gateway)?;
    let platform = platform(gateway)?;
    let written = read::project(gateway).await?;
    let planned = Box::pin(plan(gateway, &written, &platform)).await?;
    for warning in &planned.warnings {
        warn(gateway, &written, warning).await;
    }
    let root = file_system(gateway, &written, &planned)?;
    let definition = marshal(Some(&root), gateway.llb_caps()).map_err(|error| FrontendError::new(error.to_string()))?;
    let reference = gateway.solve(&definition).await?;
    let advice = Advice::new(&planned.plan, &written.root().uv.indexes);
    if advice.is_possible() {
        // What fails is told by the daemon alone, unless it is built while this process is still there.
        reference.evaluate().await.map_err(|error| advice.on(error))?;
    }
    let config = image::config(&planned.plan, &planned.images.base.config, &platform);
    let mut image = PlatformImage::new(platform, Some(reference), config);
    image.base_config = Some(planned.images.base.config_json).filter(|json| !json.is_empty());
    Ok(BuildResult::images([image]))
}

/// Shows a warning at its place, with what to do about it.
async fn warn(gateway: &Gateway, written: &Written, warning: &Diagnostic) {
    // buildx shows the place only on request.
    let place = warning.location().map(|place| format!("{place}: ")).unwrap_or_default();
    let mut short = format!("{place}{}", warning.message());
    for help in warning.helps() {
        short = format!("{short} ({help})");
    }
    gateway.warn_at(&written.entry, short, warning.location().map(report::place)).await;
}

fn check_target(gateway: &Gateway) -> Result<(), FrontendError> {
    match gateway.options().target.as_deref() {
        None | Some("" | TARGET) => Ok(()),
        Some(other) => Err(FrontendError::new(format!("there is no target {other:?}; the targets are: {TARGET}"))),
    }
}

/// The platform to build for: one, and the one that builds.
fn platform(gateway: &Gateway) -> Result<Platform, FrontendError> {
    let build = gateway.build_platform();
    match gateway.target_platforms().as_slice() {
        [only] if *only == build => Ok(build),
        [only] => Err(FrontendError::new(format!(
            "this pyfront cannot build for {only} on a builder for {build} yet; use a builder of that platform"
        ))),
        several => Err(FrontendError::new(format!(
            "this pyfront builds for one platform at a time yet, not for {}; build for each on its own",
            several.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        ))),
    }
}

/// A plan, the images that it stands on, and the user's own files in it.
struct Planned {
    plan: Plan,
    images: Images,
    local: LocalSources,
    /// What the user should know.
    warnings: Vec<Diagnostic>,
}

/// Reads, resolves and decides everything short of operations.
async fn plan(gateway: &Gateway, written: &Written, platform: &Platform) -> Result<Planned, FrontendError> {
    let python = resolve::python(gateway, written, platform)?;
    let uv = resolve::uv(written)?;
    let (images, files, secrets) = tokio::join!(
        resolve::images(gateway, written, &python, &uv, platform),
        read::start_files(written),
        secrets::given(gateway, &written.root().uv.indexes),
    );
    let (images, files) = (images?, files?);
    let target = resolve::target(gateway, written, &python, &images.base, platform).await?;
    let installed =
        written.input.resolve(&written.lock, &written.request(), &target).map_err(|error| report::error(&error))?;
    let start = match &written.script {
        Some(script) => start::of_script(script, &script.location, &written.config),
        None => start::detect(&start::Project {
            pyproject: &written.pyproject,
            config: &written.config,
            closure: &installed.names,
            files: &files,
        })
        .map_err(report::one)?,
    };
    let labels: BTreeMap<String, String> = gateway.options().labels.clone();
    let plan = make::make(&Inputs {
        pyproject: &written.pyproject,
        workspace: written.root(),
        members: &written.members,
        directory: &written.directory,
        config: &written.config,
        lock: &written.lock,
        closure: &installed.closure,
        resolved: installed.resolved.as_ref(),
        platform: &platform.to_string(),
        base: &Base {
            image: images.base.shown.clone(),
            python: python.version.minor_text(),
            reason: python.reason.clone(),
        },
        uv: &Uv { version: uv, image: images.uv.shown.clone() },
        start: &start,
        build_args: &gateway.options().build_args,
        indexes: &Indexes::new(&written.root().uv.indexes, &secrets, &written.lock),
        labels: &labels,
    })
    .map_err(|error| report::error(&error))?;
    let local = local::sources(gateway, written, &plan).await?;
    Ok(Planned { plan, images, local, warnings: installed.warnings })
}

/// The plan as operations.
fn file_system(gateway: &Gateway, written: &Written, planned: &Planned) -> Result<Output, FrontendError> {
    let Planned { plan, images, local, .. } = planned;
    let wheels = plan.groups.iter().flat_map(|group| &group.wheels).map(|wheel| &wheel.origin);
    let local_wheels = plan.local.iter().flat_map(|group| &group.wheels).map(|wheel| &wheel.origin);
    let places = wheels.chain(local_wheels).chain(plan.built.iter().map(|built| &built.origin));
    let places = places.chain(plan.resolved.iter().map(|resolved| &resolved.origin));
    let excerpt = Excerpt::new(&written.lock.file, places);
    emit::image(
        plan,
        &emit::Context {
            base: &images.base.output,
            builder: &images.base.output,
            uv: &images.uv.output,
            local,
            steps: &step_options(gateway, images),
            caps: gateway.llb_caps(),
            place: &|origin: &Location| Some(excerpt.place(origin)),
        },
    )
    .map_err(|error| FrontendError::new(format!("the plan cannot be built: {error}")))
}

fn step_options(gateway: &Gateway, images: &Images) -> StepOptions {
    let options = gateway.options();
    StepOptions {
        platform: Some(gateway.build_platform()),
        network: options.network,
        proxy: options.proxy.clone(),
        extra_hosts: options.extra_hosts.clone(),
        ulimits: options.ulimits.clone(),
        hostname: options.hostname.clone(),
        cgroup_parent: options.cgroup_parent.clone(),
        shm_size: options.shm_size,
        no_cache: options.no_cache.applies_to(TARGET),
        cache_namespace: options.cache_mount_namespace.clone(),
        path: image::path(&images.base.config).to_owned(),
    }
}
