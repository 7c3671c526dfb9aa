//! Where ops come from in the user's files. BuildKit prints the place when an op fails, even long after the frontend
//! has returned.

use std::sync::Arc;

use buildkit_proto::pb;

use crate::definition::Definition;

/// A file of the user with its content. All of it is sent along with every graph, so it should be small.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceFile {
    /// As the user named it.
    pub filename: String,
    /// The whole content.
    pub data: Vec<u8>,
    /// For colouring, in the words of github-linguist, for example `TOML`; may be empty.
    pub language: String,
    /// How BuildKit can get the file again; optional.
    pub definition: Option<Definition>,
}

impl Eq for SourceFile {}

impl SourceFile {
    /// A file to point into.
    pub fn new(filename: impl Into<String>, language: impl Into<String>, data: impl Into<Vec<u8>>) -> Arc<Self> {
        Arc::new(Self { filename: filename.into(), data: data.into(), language: language.into(), definition: None })
    }

    /// The message for errors and warnings.
    pub fn to_pb(&self) -> pb::SourceInfo {
        pb::SourceInfo {
            filename: self.filename.clone(),
            data: self.data.clone(),
            definition: self.definition.as_ref().map(|definition| definition.as_pb().clone()),
            language: self.language.clone(),
        }
    }
}

/// From one place of a file to another, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Range {
    /// Line (from 1) and character (from 0) of the first place.
    pub start: (i32, i32),
    /// Line (from 1) and character (from 0) of the last place.
    pub end: (i32, i32),
}

impl Range {
    /// A whole line, counted from 1.
    pub const fn line(line: i32) -> Self {
        Self::lines(line, line)
    }

    /// Whole lines, counted from 1, both included.
    pub const fn lines(first: i32, last: i32) -> Self {
        Self { start: (first, 0), end: (last, 0) }
    }

    /// The message for errors and warnings.
    pub fn to_pb(self) -> pb::Range {
        let position = |(line, character)| Some(pb::Position { line, character });
        pb::Range { start: position(self.start), end: position(self.end) }
    }

    pub(crate) fn from_pb(range: &pb::Range) -> Self {
        let place = |position: &Option<pb::Position>| position.as_ref().map_or((0, 0), |p| (p.line, p.character));
        Self { start: place(&range.start), end: place(&range.end) }
    }
}

/// Some ranges of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The file.
    pub file: Arc<SourceFile>,
    /// The places in it.
    pub ranges: Vec<Range>,
}

impl Location {
    /// Some ranges of a file.
    pub fn new(file: &Arc<SourceFile>, ranges: impl IntoIterator<Item = Range>) -> Self {
        Self { file: Arc::clone(file), ranges: ranges.into_iter().collect() }
    }
}

/// Collects the locations of a whole graph into the one message that BuildKit wants: files listed once, in the order
/// they are met.
#[derive(Default)]
pub(crate) struct SourceMap {
    files: Vec<Arc<SourceFile>>,
    source: pb::Source,
}

impl SourceMap {
    /// Adds what is known of one op.
    pub(crate) fn add(&mut self, digest: &str, locations: &[Location]) {
        if locations.is_empty() {
            return;
        }
        for location in locations {
            let known = self.files.iter().position(|file| Arc::ptr_eq(file, &location.file) || file == &location.file);
            let index = known.unwrap_or_else(|| {
                self.files.push(Arc::clone(&location.file));
                self.source.infos.push(location.file.to_pb());
                self.files.len() - 1
            });
            let location = pb::Location {
                source_index: i32::try_from(index).unwrap_or(i32::MAX),
                ranges: location.ranges.iter().map(|range| range.to_pb()).collect(),
            };
            let of_op = &mut self.source.locations.entry(digest.to_owned()).or_default().locations;
            if !of_op.contains(&location) {
                of_op.push(location);
            }
        }
    }

    /// The message, or none when no op has a location.
    pub(crate) fn finish(self) -> Option<pb::Source> {
        (!self.files.is_empty()).then_some(self.source)
    }
}
