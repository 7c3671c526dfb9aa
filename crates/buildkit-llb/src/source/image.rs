//! The file system of a container image.

use super::{Attrs, annotate};
use crate::caps::Cap;
use crate::digest::Digest;
use crate::error::OpError;
use crate::graph::Output;
use crate::notes::Notes;
use crate::platform::Platform;

/// Where a tag is looked up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ResolveMode {
    /// The daemon's choice.
    #[default]
    Default,
    /// The registry, even when the image is there locally.
    Pull,
    /// The local store, where it has the image.
    Local,
}

/// What the daemon's list of disk usage calls the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordType {
    /// Something that the user did not ask for.
    Internal,
    /// A frontend.
    Frontend,
}

/// Builder of an image source.
#[derive(Debug, Clone)]
pub struct Image {
    reference: String,
    platform: Platform,
    resolve_mode: ResolveMode,
    record_type: Option<RecordType>,
    layer_limit: Option<u32>,
    checksum: Option<Digest>,
    notes: Notes,
}

annotate!(Image);

impl Image {
    /// An image by its complete reference: with registry and namespace, and with a tag, a digest or both, as in
    /// `docker.io/library/python:3.13-slim@sha256:…`.
    pub fn new(reference: impl Into<String>, platform: Platform) -> Self {
        Self {
            reference: reference.into(),
            platform,
            resolve_mode: ResolveMode::Default,
            record_type: None,
            layer_limit: None,
            checksum: None,
            notes: Notes::default(),
        }
    }

    /// Where to look the tag up.
    #[must_use]
    pub fn resolve_mode(mut self, mode: ResolveMode) -> Self {
        self.resolve_mode = mode;
        self
    }

    /// How disk usage lists the image.
    #[must_use]
    pub fn record_type(mut self, record_type: RecordType) -> Self {
        self.record_type = Some(record_type);
        self
    }

    /// Only the lowest layers, so many of them. Needs BuildKit 0.11.
    #[must_use]
    pub fn layer_limit(mut self, layers: u32) -> Self {
        self.layer_limit = Some(layers);
        self
    }

    /// The digest that the reference must resolve to. Needs BuildKit 0.25; a digest in the reference works everywhere.
    #[must_use]
    pub fn checksum(mut self, checksum: Digest) -> Self {
        self.checksum = Some(checksum);
        self
    }

    /// Finishes the op.
    pub fn build(self) -> Result<Output, OpError> {
        check_reference(&self.reference)?;
        let mut attrs = Attrs { needs: vec![Cap::SourceImage], ..Attrs::default() };
        match self.resolve_mode {
            ResolveMode::Default => {}
            ResolveMode::Pull => {
                attrs.set("image.resolvemode", "pull")?;
                attrs.needs.push(Cap::SourceImageResolveMode);
            }
            // A wish: a daemon that does not know it does its default.
            ResolveMode::Local => attrs.set("image.resolvemode", "local")?,
        }
        match self.record_type {
            None => {}
            Some(RecordType::Internal) => attrs.set("image.recordtype", "internal")?,
            Some(RecordType::Frontend) => attrs.set("image.recordtype", "frontend")?,
        }
        let limit = self.layer_limit.map(|limit| limit.to_string());
        attrs.set_some("image.layerlimit", limit, &[Cap::SourceImageLayerLimit])?;
        let checksum = self.checksum.map(|checksum| checksum.to_string());
        attrs.set_some("image.checksum", checksum, &[Cap::SourceImageChecksum])?;
        Ok(attrs.source(format!("docker-image://{}", self.reference), Some(self.platform), self.notes))
    }
}

/// Whether a reference is complete: BuildKit takes short names too, but they would be another op with another digest.
fn check_reference(reference: &str) -> Result<(), OpError> {
    let invalid = |why| Err(OpError::Invalid { what: "an image reference", value: reference.to_owned(), why });
    if reference.is_empty() {
        return Err(OpError::Empty("an image reference"));
    }
    if reference.contains("://") || reference.chars().any(char::is_whitespace) {
        return invalid("it must be a name, not a URL");
    }
    let Some((domain, rest)) = reference.split_once('/') else {
        return invalid("the registry is missing");
    };
    if !(domain.contains(['.', ':']) || domain == "localhost" || domain != domain.to_lowercase()) {
        return invalid("the registry is missing");
    }
    if !rest.contains([':', '@']) {
        return invalid("it has neither a tag nor a digest");
    }
    Ok(())
}
