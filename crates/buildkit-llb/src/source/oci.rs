//! An image in an OCI layout that the client offers (named contexts of the form `oci-layout://…`).

use super::{Attrs, annotate};
use crate::caps::Cap;
use crate::digest::Digest;
use crate::error::OpError;
use crate::graph::Output;
use crate::notes::Notes;
use crate::platform::Platform;

/// Builder of an OCI layout source. Needs BuildKit 0.11.
#[derive(Debug, Clone)]
pub struct OciLayout {
    name: String,
    digest: Digest,
    platform: Platform,
    session: Option<String>,
    store: Option<String>,
    layer_limit: Option<u32>,
    notes: Notes,
}

annotate!(OciLayout);

impl OciLayout {
    /// An image by its digest. The name is only for people; it has the form of an image reference without tag.
    pub fn new(name: impl Into<String>, digest: Digest, platform: Platform) -> Self {
        Self {
            name: name.into(),
            digest,
            platform,
            session: None,
            store: None,
            layer_limit: None,
            notes: Notes::default(),
        }
    }

    /// Which client has the layout, and its name there.
    #[must_use]
    pub fn store(mut self, session: impl Into<String>, store: impl Into<String>) -> Self {
        self.session = Some(session.into());
        self.store = Some(store.into());
        self
    }

    /// Only the lowest layers, so many of them.
    #[must_use]
    pub fn layer_limit(mut self, layers: u32) -> Self {
        self.layer_limit = Some(layers);
        self
    }

    /// Finishes the op.
    pub fn build(self) -> Result<Output, OpError> {
        if self.name.is_empty() {
            return Err(OpError::Empty("the name of an OCI layout"));
        }
        let mut attrs = Attrs { needs: vec![Cap::SourceOciLayout], ..Attrs::default() };
        attrs.set_some("oci.session", self.session, &[])?;
        attrs.set_some("oci.store", self.store, &[])?;
        attrs.set_some("oci.layerlimit", self.layer_limit.map(|limit| limit.to_string()), &[])?;
        let identifier = format!("oci-layout://{}@{}", self.name, self.digest);
        Ok(attrs.source(identifier, Some(self.platform), self.notes))
    }
}
