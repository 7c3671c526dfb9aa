//! What stands outside the project: the base image and uv's image, and the Python, CPU and C library that follow.

use buildkit_frontend::context::{NamedContext, Selection};
use buildkit_frontend::image::{ImageConfig, ImageReference};
use buildkit_frontend::{FrontendError, Gateway, ResolveImage, ResolvedImage};
use buildkit_llb::{Annotate as _, Image, Output, Platform};

use futures_util::future::{try_join, try_join_all};

use super::platforms::{Platforms, arch};
use super::read::Written;
use super::report;
use crate::closure::{Libc, Python, Target};
use crate::diagnostic::{Diagnostic, Location};
use crate::plan::python::{PythonChoice, Wishes, choose, image};
use crate::plan::{self, ManagedPython, uv};
use crate::project::python_version::PythonVersion;

/// The build argument that chooses the Python.
pub(super) const PYTHON_VERSION: &str = "PYTHON_VERSION";
/// The C library that is assumed before the base image is known, when only the presence of wheels is asked for: that of
/// Debian 12, the oldest release that official Python images are made of.
const ASSUMED_LIBC: Libc = Libc::Glibc { major: 2, minor: 36 };

/// The resolved images that every platform has in common.
pub(super) struct Builder {
    /// The base image for the platform that builds: what steps run on.
    pub(super) base: Resolved,
    pub(super) uv: Resolved,
}

/// An image, from wherever it comes: a registry, the daemon's store, or a named context in its place.
#[derive(Clone)]
pub(super) struct Resolved {
    /// As people read it.
    pub(super) shown: plan::Image,
    /// Its files.
    pub(super) output: Output,
    pub(super) config: ImageConfig,
    /// The config as it came.
    pub(super) config_json: Vec<u8>,
    /// Its C library, once that was looked for.
    pub(super) libc: Option<Libc>,
    /// The Python that was put on it, since it has none.
    pub(super) managed_python: Option<ManagedPython>,
}

/// Which Python: what the user asks for, or the newest that the lock has wheels for, on every platform that it has wheels
/// for at all.
pub(super) fn python(
    gateway: &Gateway,
    written: &Written,
    platforms: &[Platform],
) -> Result<PythonChoice, FrontendError> {
    let build_arg = gateway.options().build_args.get(PYTHON_VERSION).map(|value| (PYTHON_VERSION, value.as_str()));
    let requires = written.requires_python();
    let choice = choose(&Wishes {
        build_arg,
        config: written.config.python.as_ref(),
        file: written.python_version.as_ref(),
        requires: requires.as_ref(),
    })
    .map_err(report::one)?;
    // The base image, which knows its patch, is not resolved yet; for the presence of wheels a patch hardly matters.
    let has_wheels = |version: PythonVersion, platform: &Platform| {
        let patch = version.patch.unwrap_or_default();
        let target = assumed_target(&format!("3.{}.{patch}", version.minor), platform);
        let request = written.request();
        let installed = target.ok().and_then(|target| written.input.resolve(&written.lock, &request, &target).ok());
        installed
            .is_some_and(|installed| !installed.closure.third_party().any(|package| package.artifact.needs_build()))
    };
    let [platforms @ .., last] = platforms else { return Ok(choice) };
    if platforms.is_empty() {
        return Ok(choice.stepping_back_to(|version| has_wheels(version, last)));
    }
    let candidates: Vec<PythonVersion> = std::iter::once(choice.version).chain(choice.older.iter().copied()).collect();
    let say: Vec<&Platform> = platforms
        .iter()
        .chain([last])
        .filter(|platform| candidates.iter().any(|version| has_wheels(*version, platform)))
        .collect();
    Ok(choice.stepping_back_to(|version| say.iter().all(|platform| has_wheels(version, platform))))
}

/// Which uv.
pub(super) fn uv(written: &Written) -> Result<String, FrontendError> {
    let configured = written.config.uv.as_ref().map(|version| (version.as_str(), version.location.clone()));
    let required = written.root().uv.required_version.as_ref();
    let required = required.map(|version| (version.value.as_str(), version.location.clone()));
    uv::choose(configured, required).map_err(report::one)
}

/// Resolves the base image for the builder and for each platform to build for, and uv's image, all at once.
pub(super) async fn images(
    gateway: &Gateway,
    written: &Written,
    python: &PythonChoice,
    uv: &str,
    platforms: &Platforms,
) -> Result<(Builder, Vec<Resolved>), FrontendError> {
    let base = written.config.base.as_ref();
    let wanted = image(base.map(|base| &base.value), &python.version);
    let place = base.map(|base| base.location.clone()).or_else(|| python.location.clone());
    let asked = base.map(|base| format!("base is set ({}), and ", base.location)).unwrap_or_default();
    let chosen = Role { reason: Some(format!("{asked}{}", python.reason)), ..BASE };
    let several = platforms.targets.len() > 1;
    let others = platforms.targets.iter().filter(|platform| **platform != platforms.build);
    let others = others.map(|platform| {
        let role = Role { label: several.then(|| platform.to_string()), ..chosen.clone() };
        let (wanted, place) = (&wanted, place.clone());
        async move { role.resolve(gateway, wanted, platform, place).await.map(|image| (platform, image)) }
    });
    let builds_for_itself = platforms.targets.contains(&platforms.build);
    let label = (several && builds_for_itself).then(|| platforms.build.to_string());
    let role = Role { label, ..if builds_for_itself { chosen.clone() } else { BUILDER } };
    let ((base, uv), others) = try_join(
        try_join(
            role.resolve(gateway, &wanted, &platforms.build, place.clone()),
            uv_for(gateway, uv, &platforms.build),
        ),
        try_join_all(others),
    )
    .await?;
    let of = |platform: &Platform| {
        let other = others.iter().find(|(other, _)| *other == platform);
        other.map_or_else(|| base.clone(), |(_, image)| image.clone())
    };
    let bases = platforms.targets.iter().map(of).collect();
    Ok((Builder { base, uv }, bases))
}

/// What files are copied from: a named context, or an image for the platform of the image that is made.
pub(super) async fn copied_from(
    gateway: &Gateway,
    name: &str,
    platform: &Platform,
    place: &Location,
) -> Result<Output, FrontendError> {
    Ok(COPIED.resolve(gateway, name, platform, Some(place.clone())).await?.output)
}

/// The image of uv for a platform.
pub(super) async fn uv_for(gateway: &Gateway, version: &str, platform: &Platform) -> Result<Resolved, FrontendError> {
    UV.resolve(gateway, &plan::uv::image(version), platform, None).await
}

/// What an image is for.
#[derive(Clone)]
struct Role {
    /// The stage that progress shows it in.
    stage: &'static str,
    /// In messages.
    name: &'static str,
    /// The platform, where progress has to tell it from others.
    label: Option<String>,
    /// Why this image, for progress.
    reason: Option<String>,
}

const BASE: Role = Role { stage: "base", name: "base image", label: None, reason: None };
/// The base image for the platform that builds, when that is none of those to build for.
const BUILDER: Role =
    Role { stage: "tools", name: "base image for the platform that builds,", label: None, reason: None };
/// What files are copied from.
const COPIED: Role = Role { stage: "copy", name: "image to copy from,", label: None, reason: None };
const UV: Role = Role { stage: "tools", name: "image of uv", label: None, reason: None };

impl Role {
    async fn resolve(
        &self,
        gateway: &Gateway,
        text: &str,
        platform: &Platform,
        place: Option<Location>,
    ) -> Result<Resolved, FrontendError> {
        let what = self.name;
        let at = |error: FrontendError| match &place {
            Some(place) if !error.is_connection_lost() => {
                error.context(format!("{place}: {what} {text}")).with_source(report::place(place))
            }
            _ => error.context(format!("{what} {text}")),
        };
        let reference = ImageReference::parse(text).map_err(|error| at(FrontendError::new(error.to_string())))?;
        if let Some(context) = gateway.named_context(text, Some(platform)).await.map_err(at)? {
            let image = replaced(text, context).map_err(at)?;
            return is_for(&image.config, platform).map(|()| image).map_err(at);
        }
        let how = ResolveImage { platform: Some(platform.clone()), ..ResolveImage::default() };
        let image = gateway.resolve_image(&reference, how).await.map_err(|error| {
            let is_lost = error.is_connection_lost();
            let error = at(error);
            if is_lost { error } else { error.help(how_to_get(text)) }
        })?;
        is_for(&image.config, platform).map_err(at)?;
        let label = self.label.as_ref().map(|label| format!("{label} ")).unwrap_or_default();
        let reason = self.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        let output = Image::new(image.pinned().to_string(), platform.clone())
            .resolve_mode(gateway.options().resolve_mode)
            .named(format!("[{label}{}] FROM {}{reason}", self.stage, image.reference.familiar()))
            .build()
            .map_err(|error| at(FrontendError::new(error.to_string())))?;
        Ok(found(image, output))
    }
}

/// What helps with an image that does not come. Why it does not the registry has said.
fn how_to_get(text: &str) -> String {
    format!(
        "see what docker pull {text} says; a private registry wants docker login first, and \
         --build-context {text}=docker-image://… puts another image in its place"
    )
}

/// An engine that keeps one platform of an image takes that for every platform; so do images with a wrong label.
fn is_for(config: &ImageConfig, platform: &Platform) -> Result<(), FrontendError> {
    if config.architecture.is_empty() {
        return Ok(());
    }
    let own = Platform::new("linux", &config.architecture);
    if own.architecture == platform.architecture {
        return Ok(());
    }
    Err(FrontendError::new(format!(
        "this image is for {own}, not for {platform}; pull it for that platform (docker pull --platform {platform}), or use \
         an image or an engine that has both"
    )))
}

fn found(image: ResolvedImage, output: Output) -> Resolved {
    let digest = image.digest.map(|digest| digest.to_string());
    Resolved {
        shown: plan::Image { reference: image.reference.familiar(), digest },
        output,
        config: image.config,
        config_json: image.config_json,
        libc: None,
        managed_python: None,
    }
}

/// An image's name with its registry and tag, as a label of the image tells it; none of a directory.
pub(super) fn full_name(image: &plan::Image) -> Option<String> {
    let reference = ImageReference::parse(&image.reference).ok()?;
    let tag = reference.tag().map(|tag| format!(":{tag}")).unwrap_or_default();
    Some(format!("{}{tag}", reference.name()))
}

/// What `--build-context NAME=…` gives in the place of an image.
fn replaced(name: &str, context: NamedContext) -> Result<Resolved, FrontendError> {
    match context {
        NamedContext::Image { image, output } => Ok(found(image, output)),
        NamedContext::Files { context, config } => {
            let (config_json, config) = config.unwrap_or_default();
            let shown = plan::Image { reference: format!("{name} (a build context)"), digest: None };
            let output = context.files(&Selection::everything())?;
            Ok(Resolved { shown, output, config, config_json, libc: None, managed_python: None })
        }
        NamedContext::Scratch => Err(FrontendError::new("the build context of this name is empty")
            .help(format!("name an image or a directory with files in it: --build-context {name}=docker-image://…"))),
    }
}

/// What wheels are chosen for: the base image's Python and C library, and the platform's CPU.
pub(super) async fn target(
    gateway: &Gateway,
    written: &Written,
    python: &PythonChoice,
    base: &Resolved,
    platform: &Platform,
) -> Result<Target, FrontendError> {
    let place = written.config.base.as_ref().map(|base| base.location.clone()).or_else(|| python.location.clone());
    let minor = python.version.minor_text();
    // Official images say which Python they have; of others the minor is taken on trust and checked while building.
    let version = match base.config.config.env("PYTHON_VERSION").filter(|version| !version.is_empty()) {
        Some(version) if version == minor || version.starts_with(&format!("{minor}.")) => version.to_owned(),
        Some(version) => {
            return Err(report::one(
                Diagnostic::new(format!("the base image {} has Python {version}, not {minor}", base.shown.reference))
                    .at_location(place)
                    .note(format!("{minor} was chosen because {}", python.reason))
                    .help("choose a base image with this Python, or the Python that the image has"),
            ));
        }
        None => python.version.patch.map_or_else(|| format!("{minor}.0"), |_| python.version.to_string()),
    };
    let place = written.config.base.as_ref().map(|base| &base.location);
    let libc = super::libc::of_base(gateway, base, platform, place).await?;
    Ok(Target { libc, ..assumed_target(&version, platform)? })
}

/// A platform with the C library that is assumed of base images.
fn assumed_target(version: &str, platform: &Platform) -> Result<Target, FrontendError> {
    let python = Python::new(version, false).map_err(report::one)?;
    Ok(Target { python, arch: arch(platform)?, libc: ASSUMED_LIBC })
}
