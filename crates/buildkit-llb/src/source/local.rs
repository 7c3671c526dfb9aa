//! Files of the client: the build context and its like. The client applies the patterns before it sends anything.

use super::{Attrs, annotate};
use crate::caps::Cap;
use crate::encode::go_json_array;
use crate::error::OpError;
use crate::graph::Output;
use crate::notes::Notes;

/// How the client finds out what it need not send again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Differ {
    /// It sends everything: right for a few small files.
    None,
    /// It compares size, time, mode and owner: the daemon's default.
    Metadata,
}

/// Builder of a local source.
#[derive(Debug, Clone)]
pub struct Local {
    name: String,
    session: Option<String>,
    unique: Option<String>,
    include: Vec<String>,
    exclude: Vec<String>,
    follow: Vec<String>,
    shared_key_hint: Option<String>,
    differ: Option<Differ>,
    metadata_only: Option<Vec<String>>,
    notes: Notes,
}

annotate!(Local);

/// A list of patterns, owned.
fn owned<S: Into<String>>(patterns: impl IntoIterator<Item = S>) -> Vec<String> {
    patterns.into_iter().map(Into::into).collect()
}

impl Local {
    /// A directory that the client offers under a name, such as `context` or `dockerfile`.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            session: None,
            unique: None,
            include: Vec::new(),
            exclude: Vec::new(),
            follow: Vec::new(),
            shared_key_hint: None,
            differ: None,
            metadata_only: None,
            notes: Notes::default(),
        }
    }

    /// The client that has the directory.
    #[must_use]
    pub fn session(mut self, id: impl Into<String>) -> Self {
        self.session = Some(id.into());
        self
    }

    /// Instead of a session: any text that no other build uses.
    #[must_use]
    pub fn unique(mut self, id: impl Into<String>) -> Self {
        self.unique = Some(id.into());
        self
    }

    /// Only what matches one of these patterns; no patterns, no restriction.
    #[must_use]
    pub fn include<S: Into<String>>(mut self, patterns: impl IntoIterator<Item = S>) -> Self {
        self.include = owned(patterns);
        self
    }

    /// Not what matches one of these patterns.
    #[must_use]
    pub fn exclude<S: Into<String>>(mut self, patterns: impl IntoIterator<Item = S>) -> Self {
        self.exclude = owned(patterns);
        self
    }

    /// Only these paths and whatever they link to; no paths, no restriction.
    #[must_use]
    pub fn follow<S: Into<String>>(mut self, paths: impl IntoIterator<Item = S>) -> Self {
        self.follow = owned(paths);
        self
    }

    /// Tells uploads of the same directory with different filters apart: each combination should have its own.
    #[must_use]
    pub fn shared_key_hint(mut self, hint: impl Into<String>) -> Self {
        self.shared_key_hint = Some(hint.into());
        self
    }

    /// How changes are found. A daemon that does not know it compares metadata.
    #[must_use]
    pub fn differ(mut self, differ: Differ) -> Self {
        self.differ = Some(differ);
        self
    }

    /// Names, sizes and times of files without their contents, except of the files that match a pattern. Needs
    /// BuildKit 0.21.
    #[must_use]
    pub fn metadata_only<S: Into<String>>(mut self, except: impl IntoIterator<Item = S>) -> Self {
        self.metadata_only = Some(owned(except));
        self
    }

    /// Finishes the op.
    pub fn build(self) -> Result<Output, OpError> {
        if self.name.is_empty() {
            return Err(OpError::Empty("the name of a local source"));
        }
        if self.session.is_none() && self.unique.is_none() {
            return Err(OpError::NoSession(self.name));
        }
        let list = |patterns: &[String]| (!patterns.is_empty()).then(|| go_json_array(patterns));
        let mut attrs = Attrs { needs: vec![Cap::SourceLocal], ..Attrs::default() };
        attrs.set_some("local.session", self.session, &[Cap::SourceLocalSessionId])?;
        attrs.set_some("local.unique", self.unique, &[Cap::SourceLocalUnique])?;
        attrs.set_some("local.includepattern", list(&self.include), &[Cap::SourceLocalIncludePatterns])?;
        attrs.set_some("local.excludepatterns", list(&self.exclude), &[Cap::SourceLocalExcludePatterns])?;
        attrs.set_some("local.followpaths", list(&self.follow), &[Cap::SourceLocalFollowPaths])?;
        attrs.set_some("local.sharedkeyhint", self.shared_key_hint, &[Cap::SourceLocalSharedKeyHint])?;
        if let Some(differ) = self.differ {
            let differ = match differ {
                Differ::None => "none",
                Differ::Metadata => "metadata",
            };
            attrs.set("local.differ", differ)?;
            attrs.uses.push(Cap::SourceLocalDiffer);
        }
        if let Some(except) = self.metadata_only {
            attrs.set_if_true(true, "local.metadatatransfer", Cap::SourceLocalMetadataTransfer)?;
            attrs.set_some("local.metadatatransferexclude", list(&except), &[])?;
        }
        Ok(attrs.source(format!("local://{}", self.name), None, self.notes))
    }
}
