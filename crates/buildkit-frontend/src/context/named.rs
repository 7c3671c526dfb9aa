//! Named contexts (`--build-context name=…`): what stands in for an image, or adds a tree of files.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use buildkit_llb::{Annotate as _, Http, Image, OciLayout, Output, Platform};

use super::main::{git_source, is_http};
use super::{Context, LocalDirectory, Origin, git};
use crate::error::FrontendError;
use crate::gateway::{Gateway, ResolveImage, ResolvedImage};
use crate::ignore;
use crate::image::{ImageConfig, ImageReference};
use crate::options::{NamedSource, normalized_name};

/// What a named context is.
#[derive(Debug, Clone)]
pub enum NamedContext {
    /// Nothing at all.
    Scratch,
    /// An image.
    Image {
        /// What is known about it.
        image: ResolvedImage,
        /// Its files.
        output: Output,
    },
    /// Files. An input that another build made can have the configuration of an image.
    Files {
        /// The files.
        context: Context,
        /// The configuration that came along, as it came and read.
        config: Option<(Vec<u8>, ImageConfig)>,
    },
}

/// The names that named contexts were asked for by.
#[derive(Debug, Default)]
pub(crate) struct LookedFor(Mutex<BTreeSet<String>>);

impl LookedFor {
    fn names(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gateway {
    /// The named contexts that nothing has asked for so far, as the client sent them; and the names that were asked for. The
    /// context that replaced this frontend's own image was used by the daemon.
    pub fn unused_named_contexts(&self) -> (Vec<&str>, BTreeSet<String>) {
        let names = self.looked_for().names().clone();
        let own = self.options().source.as_deref().map(normalized_name);
        let is_used = |key: &str| {
            let name = key.split_once("::").map_or(key, |(name, _)| name);
            names.contains(name) || own.as_deref() == Some(name)
        };
        let keys = self.options().named_contexts.iter().map(|(key, _)| key);
        (keys.filter(|key| !is_used(key)).collect(), names)
    }

    /// The named context of a name, if the client passed one. One for this platform (`name::os/arch`) wins.
    ///
    /// A base image should be looked for here first: `--build-context python:3.13-slim=…` replaces it.
    pub async fn named_context(
        &self,
        name: &str,
        platform: Option<&Platform>,
    ) -> Result<Option<NamedContext>, FrontendError> {
        self.looked_for().names().insert(normalized_name(name));
        let Some((key, source)) = self.options().named_contexts.get(name, platform) else { return Ok(None) };
        let loaded = self.load_named(key, name, source, platform).await;
        loaded
            .map(Some)
            .map_err(|error| if error.is_connection_lost() { error } else { error.context(format!("context {key}")) })
    }

    async fn load_named(
        &self,
        key: &str,
        name: &str,
        source: &NamedSource,
        platform: Option<&Platform>,
    ) -> Result<NamedContext, FrontendError> {
        let files = |output, config| NamedContext::Files { context: Context::fetched(self, output), config };
        match source {
            NamedSource::Scratch => Ok(NamedContext::Scratch),
            NamedSource::Image(reference) => {
                let platform = platform.cloned().unwrap_or_else(|| self.build_platform());
                let how = ResolveImage {
                    platform: Some(platform.clone()),
                    log_name: Some(format!("[context {key}] load metadata for {}", reference.familiar())),
                    mode: None,
                };
                let image = self.resolve_image(reference, how).await?;
                let output = Image::new(image.pinned().to_string(), platform)
                    .resolve_mode(self.options().resolve_mode)
                    .named(format!("[context {key}] {}", reference.familiar()))
                    .build()?;
                Ok(NamedContext::Image { image, output })
            }
            NamedSource::OciLayout(spec) => self.load_layout(key, name, spec, platform).await,
            NamedSource::Local(local) => {
                let shared_key = self.options().shared_keys.get(key).map(String::as_str).unwrap_or_default();
                let mut directory = LocalDirectory {
                    name: local.clone(),
                    hint: format!("context:{key}"),
                    title: format!("[context {key}] load from client"),
                    ignore: None,
                };
                directory.read_ignore_file(self, format!("[context {key}] load {}", ignore::DEFAULT_NAME)).await?;
                directory.hint = format!("context:{key}-{shared_key}");
                let context = Context { gateway: self.clone(), origin: Origin::Local(directory) };
                Ok(NamedContext::Files { context, config: None })
            }
            NamedSource::Input(input) => {
                let definition = self.inputs().await?.get(input);
                let definition =
                    definition.ok_or_else(|| FrontendError::new(format!("the client sent no input {input}")))?;
                let output = definition.output().map_err(|error| FrontendError::new(error.to_string()))?;
                let metadata = self.options().input_metadata.get(input);
                let config = match metadata.and_then(|metadata| metadata.get("containerimage.config")) {
                    None => None,
                    Some(json) => Some((json.clone(), read_config(json)?)),
                };
                Ok(output.map_or(NamedContext::Scratch, |output| files(output, config)))
            }
            NamedSource::Url(url) => match git::parse(url) {
                Some(context) => {
                    Ok(files(git_source(&context?, &format!("[context {key}] load git source {url}"))?, None))
                }
                None if is_http(url) => {
                    let source = Http::new(url).filename("context").named(format!("[context {key}] {url}")).build()?;
                    Ok(files(source, None))
                }
                None => Err(FrontendError::new(format!("{url} is neither a git repository nor an http URL"))),
            },
        }
    }

    /// An image in a layout on the client's disk: `store[:tag]@digest`.
    async fn load_layout(
        &self,
        key: &str,
        name: &str,
        spec: &str,
        platform: Option<&Platform>,
    ) -> Result<NamedContext, FrontendError> {
        let (store, digest) = spec.split_once('@').unwrap_or((spec, ""));
        let store = store.split(':').next().unwrap_or(store);
        let digest = digest.parse().map_err(|error| FrontendError::new(format!("oci-layout://{spec}: {error}")))?;
        // The name is for people; what counts is the digest.
        let shown = ImageReference::parse(name)?.with_digest(&format!("{digest}"))?;
        let platform = platform.cloned().unwrap_or_else(|| self.build_platform());
        let log_name = format!("[context {key}] load metadata for {}", shown.familiar());
        let image = self.resolve_layout(&shown, store, &platform, log_name).await?;
        let output = OciLayout::new(shown.name(), digest, platform)
            .store(self.session_id(), store)
            .named(format!("[context {key}] OCI load from client"))
            .build()?;
        Ok(NamedContext::Image { image, output })
    }
}

fn read_config(json: &[u8]) -> Result<ImageConfig, FrontendError> {
    ImageConfig::from_json(json)
        .map_err(|error| FrontendError::new(format!("cannot read the image configuration that came along: {error}")))
}
