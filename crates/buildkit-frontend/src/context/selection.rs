//! Which files of a local directory to transfer, and how the transfer is known.

/// A part of a local directory. For a context that is none it means nothing: that is always there as a whole.
///
/// Give every different selection its own [`hint`](Self::hint): BuildKit keeps the files of the last transfer by it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    pub(super) paths: Vec<String>,
    pub(super) include: Vec<String>,
    pub(super) exclude: Vec<String>,
    pub(super) exclude_always: Vec<String>,
    pub(super) hint: Option<String>,
    pub(super) title: Option<String>,
    pub(super) small: bool,
    pub(super) metadata_only: Option<Vec<String>>,
}

impl Selection {
    /// All that is not ignored.
    pub fn everything() -> Self {
        Self::default()
    }

    /// Only these paths, and what they link to. A path may be missing, and its last parts may have wildcards.
    pub fn paths<S: Into<String>>(paths: impl IntoIterator<Item = S>) -> Self {
        Self { paths: paths.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// Also what matches these patterns, in the language of ignore files.
    #[must_use]
    pub fn include<S: Into<String>>(mut self, patterns: impl IntoIterator<Item = S>) -> Self {
        self.include.extend(patterns.into_iter().map(Into::into));
        self
    }

    /// Not what matches these patterns, in the language of ignore files. They stand above the context's own ignore file,
    /// which can therefore include again what they leave out.
    #[must_use]
    pub fn exclude_by_default<S: Into<String>>(mut self, patterns: impl IntoIterator<Item = S>) -> Self {
        self.exclude.extend(patterns.into_iter().map(Into::into));
        self
    }

    /// Not what matches these patterns, whatever the context's own ignore file says.
    #[must_use]
    pub fn exclude<S: Into<String>>(mut self, patterns: impl IntoIterator<Item = S>) -> Self {
        self.exclude_always.extend(patterns.into_iter().map(Into::into));
        self
    }

    /// A word that sets this selection apart from others of the same directory.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The line that the user sees, such as `[internal] load manifests`.
    #[must_use]
    pub fn titled(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Sends the files without comparing them with those of an earlier transfer: quicker for a few small ones.
    #[must_use]
    pub fn small(mut self) -> Self {
        self.small = true;
        self
    }

    /// Names, sizes and times without the files, except for those that match these patterns. The list is read with
    /// [`Reference::metadata`](crate::Reference::metadata). Needs BuildKit 0.21
    /// ([`buildkit_llb::Cap::SourceLocalMetadataTransfer`]).
    #[must_use]
    pub fn metadata_only<S: Into<String>>(mut self, except: impl IntoIterator<Item = S>) -> Self {
        self.metadata_only = Some(except.into_iter().map(Into::into).collect());
        self
    }
}
