//! What is said about an op without being part of its identity: how progress shows it, whether its cache counts, and
//! where in the user's files it comes from.

use std::collections::BTreeMap;

use buildkit_proto::pb;

use crate::sourcemap::Location;

/// The key of the name that progress shows.
pub(crate) const CUSTOM_NAME: &str = "llb.customname";

/// Steps that progress shows as one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgressGroup {
    /// Same id, same group.
    pub id: String,
    /// What the user reads.
    pub name: String,
    /// Gives way to another group when the same op is in both.
    pub weak: bool,
}

impl ProgressGroup {
    /// A group.
    pub fn new(id: impl Into<String>, name: impl Into<String>) -> Self {
        Self { id: id.into(), name: name.into(), weak: false }
    }
}

/// Everything that is said about one op.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notes {
    pub(crate) ignore_cache: bool,
    pub(crate) description: BTreeMap<String, String>,
    pub(crate) export_cache: Option<bool>,
    pub(crate) progress_group: Option<ProgressGroup>,
    pub(crate) linux_resources: Option<pb::LinuxResources>,
    pub(crate) locations: Vec<Location>,
}

impl Notes {
    /// The metadata message, without capabilities.
    pub(crate) fn to_pb(&self) -> pb::OpMetadata {
        pb::OpMetadata {
            ignore_cache: self.ignore_cache,
            description: self.description.clone(),
            export_cache: self.export_cache.map(|value| pb::ExportCache { value }),
            caps: BTreeMap::new(),
            progress_group: self.progress_group.as_ref().map(|group| pb::ProgressGroup {
                id: group.id.clone(),
                name: group.name.clone(),
                weak: group.weak,
            }),
            linux_resources: self.linux_resources.clone(),
        }
    }
}

/// Every op builder can be annotated. A later call of a single-valued method wins.
pub trait Annotate: Sized {
    /// The notes so far.
    fn notes_mut(&mut self) -> &mut Notes;

    /// Takes over prepared notes instead of the present ones.
    #[must_use]
    fn with_notes(mut self, notes: Notes) -> Self {
        *self.notes_mut() = notes;
        self
    }

    /// The line that progress shows for the op.
    #[must_use]
    fn named(self, name: impl Into<String>) -> Self {
        self.described(CUSTOM_NAME, name)
    }

    /// A free text for progress displays and tools, by key.
    #[must_use]
    fn described(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.notes_mut().description.insert(key.into(), value.into());
        self
    }

    /// Whether the op runs even if its result is cached. On an exec this also empties its cache mounts.
    #[must_use]
    fn ignore_cache(mut self, yes: bool) -> Self {
        self.notes_mut().ignore_cache = yes;
        self
    }

    /// Whether the result may go into an exported cache.
    #[must_use]
    fn export_cache(mut self, yes: bool) -> Self {
        self.notes_mut().export_cache = Some(yes);
        self
    }

    /// Limits on memory and CPU of a step. Needs BuildKit 0.31 ([`Cap::ExecMetaLinuxResources`](crate::Cap)).
    #[must_use]
    fn linux_resources(mut self, limits: pb::LinuxResources) -> Self {
        self.notes_mut().linux_resources = Some(limits);
        self
    }

    /// The group of steps that it is shown in.
    #[must_use]
    fn in_group(mut self, group: &ProgressGroup) -> Self {
        self.notes_mut().progress_group = Some(group.clone());
        self
    }

    /// A place in the user's files that it comes from; there can be several.
    #[must_use]
    fn at(mut self, location: Location) -> Self {
        self.notes_mut().locations.push(location);
        self
    }
}

impl Annotate for Notes {
    fn notes_mut(&mut self) -> &mut Notes {
        self
    }
}
