//! The conversation with the daemon: reads what the user wrote, resolves the images, lets the pure stages decide, and
//! hands back the result. All I/O of pyfront is in here and in `buildkit-frontend`.

mod advice;
mod checks;
mod chosen;
mod cross;
pub mod image;
mod libc;
mod libraries;
mod local;
mod managed;
mod platforms;
pub mod preview;
mod questions;
mod read;
pub mod report;
mod resolve;
mod sbom;
mod secrets;
mod sizes;
mod targets;
mod versions;

use std::collections::BTreeMap;
use std::sync::Arc;

use buildkit_frontend::options::{NoCache, SourceDateEpoch};
use buildkit_frontend::subrequest::Request;
use buildkit_frontend::{BuildResult, FrontendError, Gateway, PlatformImage, Reference};
use buildkit_llb::{Cap, OpError, Output, Platform};
use futures_util::future::{join, try_join_all};
use uv_normalize::PackageName;

use crate::closure::{Closure, Target};
use crate::diagnostic::{Diagnostic, Diagnostics, Location};
use crate::emit::{self, LocalSources, Machine, StepOptions};
use crate::lint::rules::{HIDDEN_BUILD_FILE, NO_START_COMMAND, UNCHECKED_FILE};
use crate::lint::{self, Finding};
use crate::plan::indexes::Indexes;
use crate::plan::make::Inputs;
use crate::plan::python::PythonChoice;
use crate::plan::settings::tells_version;
use crate::plan::start::StartCommand;
use crate::plan::target::{self, Kind};
use crate::plan::{self, Base, BuildTarget, Plan, Uv, labels, make, start};

use self::advice::Advice;
use self::platforms::Platforms;
use self::read::Written;
use self::report::Excerpt;
use self::resolve::{Builder, Resolved};

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
    let platforms = Platforms::of(gateway)?;
    let written = read::project(gateway).await?;
    let planned = Box::pin(plan(gateway, &written, &platforms)).await?;
    written.checks.warn(gateway, &written.entry, planned.findings(&written)).await?;
    let tasks = planned.images.iter().map(|image| Task { gateway, written: &written, planned: &planned, image });
    let images: Vec<Built> = try_join_all(tasks.map(Task::build)).await?;
    written.checks.warn(gateway, &written.entry, images.iter().flat_map(|built| &built.findings)).await?;
    let annotations = annotations(gateway, &planned)?;
    let result = BuildResult::images(images.into_iter().map(|built| built.image));
    Ok(annotations.into_iter().fold(result, |result, (key, value)| result.with_metadata(key, value)))
}

/// The build argument that says whether the image's manifests are annotated.
const ANNOTATIONS: &str = "PYFRONT_ANNOTATIONS";

/// Whether it lets them be.
fn is_annotated(gateway: &Gateway) -> Result<bool, FrontendError> {
    Ok(gateway.options().switch(ANNOTATIONS)?.unwrap_or(true))
}

/// What the images say about themselves in the OCI's terms, as annotations of their manifests: those of their labels that
/// they have in common. A frontend's annotations win over the client's, so the client can do without them.
fn annotations(gateway: &Gateway, planned: &Planned) -> Result<BTreeMap<String, String>, FrontendError> {
    if !is_annotated(gateway)? {
        return Ok(BTreeMap::new());
    }
    let mut labels = planned.images.iter().map(|image| &image.plan.config.labels);
    let first = labels.next().into_iter().flatten().filter(|(key, value)| {
        key.starts_with(labels::PREFIX) && labels.clone().all(|other| other.get(*key) == Some(value))
    });
    Ok(first.map(|(key, value)| (format!("annotation-manifest.{key}"), value.clone())).collect())
}

/// What is to be built for each platform, and what that is built with.
struct Planned {
    builder: Builder,
    images: Vec<Image>,
}

impl Planned {
    /// What could be better. What holds for all platforms is there for each of them.
    fn findings<'a>(&'a self, written: &'a Written) -> impl Iterator<Item = &'a Finding> {
        written.findings.iter().chain(self.images.iter().flat_map(|image| &image.findings))
    }

    /// Whether something is built on the builder for another CPU, which is only known to be right when it is there.
    fn is_tried(&self) -> bool {
        let mut crossing = self.images.iter().filter(|image| image.plan.build_platform.is_some());
        crossing.any(|image| image.plan.is_built_from_source())
    }
}

/// A platform, its plan, and what that stands on.
struct Image {
    platform: Platform,
    plan: Plan,
    /// What the plan is made of.
    closure: Closure,
    base: Resolved,
    /// The user's own files in it.
    local: LocalSources,
    /// What is installed from the lock, if a list of it is wanted.
    parts: Vec<sbom::Part>,
    /// What could be better.
    findings: Vec<Finding>,
    /// The file that the target is instead of an image: its name and its text.
    file: Option<(&'static str, String)>,
}

/// Reads, resolves and decides everything short of operations, for all platforms.
async fn plan(gateway: &Gateway, written: &Written, platforms: &Platforms) -> Result<Planned, FrontendError> {
    let python = resolve::python(gateway, written, &platforms.targets)?;
    let uv = resolve::uv(written)?;
    let (images, files, secrets) = tokio::join!(
        resolve::images(gateway, written, &python, &uv, platforms),
        read::start_files(written),
        secrets::given(gateway, &written.root().uv.indexes),
    );
    let ((mut builder, mut bases), files) = (images?, files?);
    managed::complete(gateway, written, &python, platforms, &mut builder, &mut bases).await?;
    let uv = Uv { version: uv, image: builder.uv.shown.clone() };
    let indexes = Indexes::new(&written.root().uv.indexes, &secrets, &written.lock);
    let images = platforms.targets.iter().zip(bases).map(async |(platform, base)| {
        let build = platforms.is_foreign(platform).then(|| platforms.build.to_string());
        let target = resolve::target(gateway, written, &python, &base, platform).await?;
        let chosen = Chosen { python: &python, uv: &uv, files: &files, indexes: &indexes, target, base: &base };
        let Decided { plan, closure, parts, mut findings, file } =
            plan_for(gateway, written, &chosen, platform, build.as_deref())?;
        let mut local = LocalSources::default();
        if file.is_none() {
            platforms::check_runnable(gateway, &plan, platform)?;
            platforms::check_tests(gateway, &plan, platform)?;
            findings.extend(versions::unknown(written, &plan).await?);
            let hidden;
            (local, hidden) = local::sources(gateway, written, &plan).await?;
            if written.checks.tolerates(&HIDDEN_BUILD_FILE) {
                findings.extend(hidden.into_iter().map(|hidden| HIDDEN_BUILD_FILE.finding(hidden)));
            } else {
                Diagnostics::into_result(hidden).map_err(|error| report::error(&error))?;
            }
        }
        Ok::<_, FrontendError>(Image { platform: platform.clone(), plan, closure, base, local, parts, findings, file })
    });
    let mut images = try_join_all(images).await?;
    // What is no image needs none of them.
    if let Some(image) = images.first_mut().filter(|image| image.file.is_none()) {
        image.findings.extend(unused_contexts(gateway, &image.plan));
    }
    Ok(Planned { builder, images })
}

/// `--build-context` of names that nothing is called by.
fn unused_contexts(gateway: &Gateway, plan: &Plan) -> Vec<Finding> {
    let (unused, mut names) = gateway.unused_named_contexts();
    names.extend(plan.first_party.iter().map(|member| member.name.clone()));
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    lint::unused_contexts(&unused, &names)
}

/// What a plan follows from, besides what the user wrote.
struct Chosen<'a> {
    python: &'a PythonChoice,
    uv: &'a Uv,
    files: &'a start::Files,
    indexes: &'a Indexes<'a>,
    target: Target,
    base: &'a Resolved,
}

/// What follows for one platform.
struct Decided {
    plan: Plan,
    closure: Closure,
    parts: Vec<sbom::Part>,
    /// What could be better.
    findings: Vec<Finding>,
    /// The file that the target is instead of an image: its name and its text.
    file: Option<(&'static str, String)>,
}

/// Decides for one platform. `build` is the platform that builds, where its CPU is another one.
fn plan_for(
    gateway: &Gateway,
    written: &Written,
    chosen: &Chosen<'_>,
    platform: &Platform,
    build: Option<&str>,
) -> Result<Decided, FrontendError> {
    let lock = &written.lock;
    let installed =
        written.input.resolve(lock, &written.request(), &chosen.target).map_err(|error| report::error(&error))?;
    if let (Some(resolved), Some(_)) = (&installed.resolved, build) {
        return Err(report::one(
            Diagnostic::new(format!("requirements without a lock cannot be installed for {platform} on this builder"))
                .at_location(Some(resolved.origin.clone()))
                .note("which packages have to be compiled is not known before uv has resolved them")
                .help("lock the project with uv lock, or build on a builder of that platform"),
        ));
    }
    let mut findings = installed.findings.clone();
    let mut start = match &written.script {
        _ if written.target.kind == Kind::Test => {
            start::of_tests(&written.pyproject, &written.config, &installed.names).map_err(report::one)?
        }
        _ if !written.target.kind.starts() => StartCommand::none(),
        Some(script) => start::of_script(script, &script.location, &written.config),
        None => {
            let project = start::Project {
                pyproject: &written.pyproject,
                config: &written.config,
                closure: &installed.names,
                files: chosen.files,
            };
            match start::detect(&project) {
                Ok(start) => start,
                Err(refusal) if written.checks.tolerates(&NO_START_COMMAND) => {
                    findings.push(NO_START_COMMAND.finding(refusal));
                    StartCommand::none()
                }
                Err(refusal) => return Err(report::one(refusal)),
            }
        }
    };
    if written.target.kind == Kind::Dev && !written.target.has_command(&written.config) {
        start.reload(&installed.names);
    }
    let labels: BTreeMap<String, String> = gateway.options().labels.clone();
    let mut plan = make::make(&Inputs {
        build_target: &written.target,
        pyproject: &written.pyproject,
        workspace: written.root(),
        members: &written.members,
        directory: &written.directory,
        config: &written.config,
        lock: &written.lock,
        closure: &installed.closure,
        resolved: installed.resolved.as_ref(),
        platform: &platform.to_string(),
        build_platform: build,
        base: &Base {
            image: chosen.base.shown.clone(),
            name: resolve::full_name(&chosen.base.shown),
            python: chosen.python.version.minor_text(),
            reason: chosen.python.reason.clone(),
            managed_python: chosen.base.managed_python.clone(),
            env: image::env(&chosen.base.config),
        },
        uv: chosen.uv,
        start: &start,
        build_args: &gateway.options().build_args,
        indexes: chosen.indexes,
        labels: &labels,
    })
    .map_err(|error| report::error(&error))?;
    let contexts = &gateway.options().named_contexts;
    plan::local::replace(&mut plan.first_party, |name| contexts.get(name, None).is_some());
    let project = written.pyproject.project.as_ref().map(|project| project.location.clone());
    let project = project.unwrap_or_else(|| Location::new(&written.pyproject.file, 0..0));
    written.target.narrow(&mut plan, &project).map_err(report::one)?;
    let file = targets::file(&plan, &installed.closure, written).map_err(report::one)?;
    let unchecked = plan.unchecked().into_iter().map(|(name, version, origin)| {
        UNCHECKED_FILE.finding(
            Diagnostic::new(format!("{name} {version} has no hash in the lock, so what is fetched is not checked"))
                .at_location(Some(origin.clone()))
                .help("use an index that gives hashes, and run uv lock"),
        )
    });
    findings.extend(unchecked);
    let arguments: BTreeMap<&str, &str> = gateway.options().user_build_args().collect();
    let names: Vec<&PackageName> = installed.closure.first_party().map(|package| &package.name).collect();
    let is_version = |argument: &str| names.iter().any(|name| tells_version(argument, name));
    let base = &chosen.base.config.config;
    findings.extend(lint::check(&lint::Subject {
        target: &written.target,
        pyproject: &written.pyproject,
        config: &written.config,
        plan: &plan,
        start: start.location.as_ref(),
        python: chosen.python.location.as_ref(),
        base: lint::BaseImage {
            on_build: &base.on_build,
            has_healthcheck: base.healthcheck.as_ref().is_some_and(|check| check.test != ["NONE"]),
        },
        packages: lint::Packages {
            input: &written.input,
            lock: &written.lock,
            request: &written.request(),
            target: &chosen.target,
            closure: &installed.closure,
        },
        arguments: &arguments,
        asked: &lint::Asked {
            no_cache: match &gateway.options().no_cache {
                NoCache::Stages(stages) => stages,
                NoCache::Never | NoCache::Everything => &[],
            },
            targets: written.targets.iter().map(String::as_str).collect(),
            time_of_context: gateway.options().source_date_epoch == Some(SourceDateEpoch::Context),
            limits_ignored: gateway.options().linux_resources.is_some() && !limits_resources(gateway),
        },
        tells_version: &arguments.keys().copied().filter(|argument| is_version(argument)).collect(),
        now: checks::now(),
    }));
    let parts = gateway.options().sbom.iter().flat_map(|_| sbom::parts(&installed.closure, chosen.indexes)).collect();
    Ok(Decided { plan, closure: installed.closure, parts, findings, file })
}

/// The image for one platform.
struct Built {
    image: PlatformImage,
    /// What could be better, as far as only the build tells.
    findings: Vec<Finding>,
}

impl From<PlatformImage> for Built {
    fn from(image: PlatformImage) -> Self {
        Self { image, findings: Vec::new() }
    }
}

/// What became of the plan for one platform.
struct Solved {
    /// The image's files, as an operation and as the daemon's result.
    files: Output,
    reference: Reference,
    /// The plan as it was in the end.
    plan: Plan,
}

/// The work for one platform.
#[derive(Clone, Copy)]
struct Task<'a> {
    gateway: &'a Gateway,
    written: &'a Written,
    planned: &'a Planned,
    image: &'a Image,
}

impl Task<'_> {
    async fn build(self) -> Result<Built, FrontendError> {
        let Image { platform, base, .. } = self.image;
        if let Some((name, text)) = &self.image.file {
            let reference = self.gateway.solve_output(Some(&emit::file(name, text.clone())?)).await?;
            return Ok(PlatformImage::new(platform.clone(), Some(reference), image::of_files(None)).into());
        }
        let indexes = &self.written.root().uv.indexes;
        let advice = Advice::new(&self.image.plan, &self.image.closure, &self.written.pyproject, indexes);
        let solve = async {
            let solved = self.solve().await?;
            if self.looks_for_libraries() {
                let (evaluated, findings) =
                    join(solved.reference.evaluate(), self.missing_libraries(&solved.plan)).await;
                if let (Err(_), Ok(findings)) = (&evaluated, &findings) {
                    // A missing library may be why a command fails.
                    self.written.checks.warn(self.gateway, &self.written.entry, findings).await?;
                }
                return evaluated.and(findings).map(|findings| (solved, findings));
            }
            if advice.is_possible() {
                // What fails is told by the daemon alone, unless it is built while this process is still there.
                solved.reference.evaluate().await?;
            }
            Ok((solved, Vec::new()))
        };
        let (fetched, solved) = join(self.fetch_projects(), solve).await;
        let (solved, findings) = solved.map_err(|error| advice.on(error))?;
        fetched?;
        let Solved { files, reference, plan } = solved;
        match self.written.target.kind {
            Kind::Venv => {
                let config = image::of_files(Some(&base.config));
                return Ok(PlatformImage::new(platform.clone(), Some(reference), config).into());
            }
            Kind::Wheel | Kind::Test => {
                return Ok(PlatformImage::new(platform.clone(), Some(reference), image::of_files(None)).into());
            }
            Kind::Runtime | Kind::Dev | Kind::Requirements | Kind::Plan => {}
        }
        let mut config = image::config(&plan, &base.config, platform);
        if let Some(SourceDateEpoch::Seconds(seconds)) = self.gateway.options().source_date_epoch {
            image::set_time(&mut config, seconds);
        }
        let attestations = sbom::attestations(self, &files, &plan).await?;
        let mut image = PlatformImage::new(platform.clone(), Some(reference), config);
        image.attestations = attestations;
        image.base_config = Some(base.config_json.clone()).filter(|json| !json.is_empty());
        Ok(Built { image, findings })
    }

    /// Turns a plan into operations, by one of the functions of [`emit`]. `uv` is uv's image for the platform of the image,
    /// where something runs on that.
    fn emit<T>(
        &self,
        plan: &Plan,
        uv: Option<&Resolved>,
        emit: impl FnOnce(&Plan, &emit::Context<'_>) -> Result<T, OpError>,
    ) -> Result<T, FrontendError> {
        let Self { gateway, written, planned, image } = *self;
        let wheels = plan.groups.iter().flat_map(|group| &group.wheels).map(|wheel| &wheel.origin);
        let local_wheels = plan.local.iter().flat_map(|group| &group.wheels).map(|wheel| &wheel.origin);
        let places = wheels.chain(local_wheels).chain(plan.built.iter().map(|built| &built.origin));
        let places = places.chain(plan.resolved.iter().flat_map(|resolved| &resolved.places));
        let excerpt = Excerpt::new(&written.lock.file, places);
        let build = gateway.build_platform();
        let suffix = format!("-{}", image.platform).replace('/', "-");
        let label = (planned.images.len() > 1).then(|| image.platform.to_string());
        let context = emit::Context {
            base: &image.base.output,
            builder: machine(&planned.builder.base, Some(&planned.builder.uv), &build, ""),
            target: plan.build_platform.is_some().then(|| machine(&image.base, uv, &image.platform, &suffix)),
            label: label.as_deref(),
            local: &image.local,
            steps: &step_options(gateway, &plan.target),
            env: &image::config(plan, &image.base.config, &image.platform).config.env,
            caps: gateway.llb_caps(),
            place: &|origin: &Location| {
                let in_lock = Arc::ptr_eq(&origin.file, &written.lock.file);
                Some(if in_lock { excerpt.place(origin) } else { report::place(origin) })
            },
        };
        emit(plan, &context).map_err(|error| FrontendError::new(format!("the plan cannot be built: {error}")))
    }
}

fn machine<'a>(
    base: &'a Resolved,
    uv: Option<&'a Resolved>,
    platform: &'a Platform,
    cache_suffix: &'a str,
) -> Machine<'a> {
    let path = image::path(&base.config);
    Machine { base: &base.output, uv: uv.map(|uv| &uv.output), platform: Some(platform), path, cache_suffix }
}

/// Whether the daemon can limit memory and CPU of steps.
fn limits_resources(gateway: &Gateway) -> bool {
    gateway.llb_caps().supports(Cap::ExecMetaLinuxResources)
}

/// What the client wants of every step, for a target: `--no-cache-filter` names targets.
fn step_options(gateway: &Gateway, target: &BuildTarget) -> StepOptions {
    let options = gateway.options();
    StepOptions {
        network: options.network,
        proxy: options.proxy.clone(),
        extra_hosts: options.extra_hosts.clone(),
        ulimits: options.ulimits.clone(),
        hostname: options.hostname.clone(),
        cgroup_parent: options.cgroup_parent.clone(),
        shm_size: options.shm_size,
        linux_resources: options.linux_resources.clone().filter(|_| limits_resources(gateway)),
        no_cache: options.no_cache.applies_to(match target.kind {
            // To run the tests again is not to make the image again that they run on.
            Kind::Test => target::DEFAULT,
            _ => &target.name,
        }),
        no_cache_for_tests: options.no_cache.applies_to(&target.name),
        cache_namespace: options.cache_mount_namespace.clone(),
    }
}
