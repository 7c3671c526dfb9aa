//! Where ops come from in the user's files. BuildKit prints the place when an op fails, even long after the frontend
//! has returned.

use std::collections::BTreeMap;
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

/// Places with fewer lines between them than an excerpt has around each are shown in one excerpt.
const CLOSE: i32 = 4;

impl Location {
    /// Places as they read best: BuildKit's clients print an excerpt for each location, so what is close together in a file
    /// becomes one location with several ranges. What has been gathered stays as it is when it is gathered again.
    pub fn gathered<'a>(locations: impl IntoIterator<Item = &'a Self>) -> Vec<Self> {
        let mut gathered: Vec<Self> = Vec::new();
        for location in locations {
            if gathered.iter().any(|known| known.has_all_of(location)) {
                continue;
            }
            let mut next = location.clone();
            // What has grown may have come close to the one before.
            while let Some(mut last) = gathered.pop_if(|last| last.is_close_to(&next)) {
                let new = next.ranges.iter().filter(|range| !last.ranges.contains(range));
                let new: Vec<Range> = new.copied().collect();
                last.ranges.extend(new);
                next = last;
            }
            gathered.push(next);
        }
        gathered
    }

    fn is_in_file_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.file, &other.file) || self.file == other.file
    }

    fn has_all_of(&self, other: &Self) -> bool {
        other.ranges.iter().all(|range| self.ranges.contains(range)) && self.is_in_file_of(other)
    }

    fn is_close_to(&self, other: &Self) -> bool {
        let lines = |location: &Self| {
            let first = location.ranges.iter().map(|range| range.start.0).min()?;
            Some((first, location.ranges.iter().map(|range| range.end.0).max()?))
        };
        let (Some(one), Some(two)) = (lines(self), lines(other)) else { return false };
        (two.0 - one.1).max(one.0 - two.1) <= CLOSE && self.is_in_file_of(other)
    }
}

/// Collects the locations of a whole graph into the one message that BuildKit wants: files listed once, in the order
/// they are met.
#[derive(Default)]
pub(crate) struct SourceMap {
    files: Vec<Arc<SourceFile>>,
    /// By the digests of ops.
    locations: BTreeMap<String, Vec<Location>>,
}

impl SourceMap {
    /// Adds what is known of one op. The same op can be met several times.
    pub(crate) fn add(&mut self, digest: &str, locations: &[Location]) {
        for location in locations {
            if self.index(&location.file).is_none() {
                self.files.push(Arc::clone(&location.file));
            }
            self.locations.entry(digest.to_owned()).or_default().push(location.clone());
        }
    }

    fn index(&self, file: &Arc<SourceFile>) -> Option<usize> {
        self.files.iter().position(|known| Arc::ptr_eq(known, file) || known == file)
    }

    /// The message, or none when no op has a location.
    pub(crate) fn finish(self) -> Option<pb::Source> {
        let of_op = |locations: &Vec<Location>| {
            let message = |location: Location| pb::Location {
                source_index: self
                    .index(&location.file)
                    .and_then(|index| i32::try_from(index).ok())
                    .unwrap_or(i32::MAX),
                ranges: location.ranges.iter().map(|range| range.to_pb()).collect(),
            };
            pb::Locations { locations: Location::gathered(locations).into_iter().map(message).collect() }
        };
        let locations = self.locations.iter().map(|(digest, locations)| (digest.clone(), of_op(locations))).collect();
        let infos: Vec<_> = self.files.iter().map(|file| file.to_pb()).collect();
        (!infos.is_empty()).then_some(pb::Source { locations, infos })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_close_together_is_one_excerpt() {
        let file = SourceFile::new("pyproject.toml", "TOML", "");
        let other = SourceFile::new("uv.lock", "TOML", "");
        let at = |file: &Arc<SourceFile>, line: i32| Location::new(file, [Range::line(line)]);
        let places =
            [at(&file, 13), at(&file, 14), at(&file, 13), at(&file, 18), at(&file, 30), at(&other, 30), at(&other, 26)];
        let lines = |location: &Location| location.ranges.iter().map(|range| range.start.0).collect::<Vec<_>>();
        let gathered = Location::gathered(&places);
        assert_eq!(gathered.iter().map(lines).collect::<Vec<_>>(), [vec![13, 14, 18], vec![30], vec![30, 26]]);
        assert_eq!(gathered.iter().filter(|location| location.file == other).count(), 1);
        assert_eq!(Location::gathered(&gathered), gathered);
        // What has been apart is brought together by what comes in between.
        let grown = Location::gathered(&[at(&file, 10), at(&file, 20), at(&file, 16), at(&file, 14)]);
        assert_eq!(grown.iter().map(lines).collect::<Vec<_>>(), [vec![10, 20, 16, 14]]);
    }
}
