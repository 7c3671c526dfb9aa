//! Which platforms are built for, which of them have another CPU than the builder, and whether the builder can run that CPU
//! where it has to.

use buildkit_frontend::{FrontendError, Gateway};
use buildkit_llb::Platform;

use super::report;
use crate::closure::Arch;
use crate::diagnostic::{Diagnostic, Location};
use crate::lint::Finding;
use crate::lint::rules::EMULATED_BUILD;
use crate::plan::Plan;
use crate::plan::target::Kind;

/// The platforms of a build.
pub(super) struct Platforms {
    /// The one that builds.
    pub(super) build: Platform,
    /// Those to build for, each once.
    pub(super) targets: Vec<Platform>,
}

impl Platforms {
    /// What the client asked for.
    pub(super) fn of(gateway: &Gateway) -> Result<Self, FrontendError> {
        let platforms = Self { build: gateway.build_platform(), targets: gateway.target_platforms() };
        for platform in &platforms.targets {
            arch(platform)?;
        }
        Ok(platforms)
    }

    /// Whether a platform has another CPU than the builder. Variants of the same (amd64/v3) have the same wheels and run
    /// the same steps.
    pub(super) fn is_foreign(&self, platform: &Platform) -> bool {
        arch(platform).ok() != arch(&self.build).ok()
    }
}

/// The CPU that wheels are chosen for.
pub(super) fn arch(platform: &Platform) -> Result<Arch, FrontendError> {
    let arch = Arch::from_oci(&platform.architecture, &platform.variant).filter(|_| platform.os == "linux");
    arch.ok_or_else(|| {
        report::one(
            Diagnostic::new(format!("there are no Python wheels for {platform}, so no image can be made for it"))
                .help("choose other platforms, for example --platform linux/amd64,linux/arm64"),
        )
    })
}

/// Checks that the builder can run what needs the target's own CPU.
pub(super) fn check_runnable(gateway: &Gateway, plan: &Plan, platform: &Platform) -> Result<(), FrontendError> {
    if !plan.needs_target() || can_run(gateway, platform) {
        return Ok(());
    }
    let (packages, place) = those_on_target(plan);
    let architecture = &platform.architecture;
    let builds = plan.built.iter().any(|built| plan.runs_on_target.contains(&built.name));
    Err(report::one(
        Diagnostic::new(format!(
            "{packages} can only be built or installed on {platform} itself, and this builder ({}) has no emulator for it",
            gateway.build_platform()
        ))
        .at_location(place)
        .help(format!(
            "install an emulator (docker run --privileged --rm tonistiigi/binfmt --install {architecture}), or build on a \
             node of that platform (docker buildx create --append){}",
            if builds { "; a version with a wheel for it needs neither" } else { "" }
        )),
    ))
}

/// Checks that the builder can run the tests of an image for another CPU.
pub(super) fn check_tests(gateway: &Gateway, plan: &Plan, platform: &Platform) -> Result<(), FrontendError> {
    if plan.target.kind != Kind::Test || plan.build_platform.is_none() || can_run(gateway, platform) {
        return Ok(());
    }
    let architecture = &platform.architecture;
    Err(report::one(
        Diagnostic::new(format!(
            "the tests of an image for {platform} run on that platform, and this builder ({}) has no emulator for it",
            gateway.build_platform()
        ))
        .help(format!(
            "test on the builder's own platform, install an emulator (docker run --privileged --rm tonistiigi/binfmt \
             --install {architecture}), or build on a node of that platform"
        )),
    ))
}

/// What the user should know of steps that are emulated.
pub(super) fn emulated(gateway: &Gateway, plan: &Plan, platform: &Platform) -> Option<Finding> {
    if !plan.needs_target() || runs_natively(&gateway.build_platform(), platform) {
        return None;
    }
    let (packages, place) = those_on_target(plan);
    let build = gateway.build_platform();
    let diagnostic = Diagnostic::new(format!(
        "{packages} can only be built or installed on {platform} itself, which this builder ({build}) \
         emulates; that takes several times longer than on a builder of that platform"
    ));
    Some(EMULATED_BUILD.finding(diagnostic.at_location(place)))
}

/// The packages that need the target's CPU, as a list for people, and the place of the first.
fn those_on_target(plan: &Plan) -> (String, Option<Location>) {
    let built = plan.built.iter().map(|built| (&built.name, &built.version, &built.origin));
    let wheels = plan.groups.iter().flat_map(|group| &group.wheels);
    let known: Vec<_> = built.chain(wheels.map(|wheel| (&wheel.name, &wheel.version, &wheel.origin))).collect();
    let mut place = None;
    let mut names: Vec<String> = plan
        .runs_on_target
        .iter()
        .map(|package| match known.iter().find(|(name, ..)| *name == package) {
            Some((name, version, origin)) => {
                place.get_or_insert_with(|| (*origin).clone());
                format!("{name} {version}")
            }
            None => package.clone(),
        })
        .collect();
    if let Some(first) = plan.packages.first() {
        place.get_or_insert_with(|| first.origin.clone());
        let packages: Vec<&str> = plan.packages.iter().map(|package| package.name.as_str()).collect();
        names.push(format!("the system packages {}", packages.join(", ")));
    }
    (names.join(", "), place)
}

/// Whether the default worker lists the platform. One that says nothing about itself gets the benefit of the doubt.
fn can_run(gateway: &Gateway, platform: &Platform) -> bool {
    let Some(worker) = gateway.workers().first().filter(|worker| !worker.platforms.is_empty()) else { return true };
    worker.platforms.iter().any(|known| {
        let known = known.normalized();
        known.os == platform.os && known.architecture == platform.architecture
    })
}

/// Whether the builder's CPU itself runs programs of another platform.
fn runs_natively(build: &Platform, platform: &Platform) -> bool {
    matches!((build.architecture.as_str(), platform.architecture.as_str()), ("amd64", "386") | ("arm64", "arm"))
}
