//! Questions that a client asks instead of building (`docker buildx build --call=…`, `--check`). The frontend supplies the
//! content; the JSON and the text for the terminal are made here, in the form of BuildKit's `frontend/subrequests`.
//!
//! A frontend should answer all of them: what it refuses, buildx asks the Dockerfile frontend.

mod describe;
mod lint;
mod outline;
mod table;
mod targets;

use buildkit_llb::Range;
use serde::{Serialize, Serializer};

pub use describe::{Capability, describe};
pub use lint::{LintError, LintReport, LintSource, LintWarning};
pub use outline::{Outline, OutlineArg, OutlineCache, OutlineSecret};
pub use targets::{Target, Targets};

use crate::error::{FrontendError, RangeJson};
use crate::result::BuildResult;

/// The version of all questions known here.
const VERSION: &str = "1.0.0";

/// What the client wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// An image.
    Build,
    /// Which questions there are: answer with [`describe`].
    Describe,
    /// Which parameters the build has: answer with an [`Outline`].
    Outline,
    /// What can be built: answer with [`Targets`].
    Targets,
    /// What could be better: answer with a [`LintReport`].
    Lint,
    /// Another question.
    Other(String),
}

impl Request {
    /// Reads the option `requestid`.
    pub fn from_id(id: Option<&str>) -> Self {
        match id {
            None => Self::Build,
            Some(describe::ID) => Self::Describe,
            Some(outline::ID) => Self::Outline,
            Some(targets::ID) => Self::Targets,
            Some(lint::ID) => Self::Lint,
            Some(other) => Self::Other(other.to_owned()),
        }
    }

    /// The error for a question that the frontend does not answer.
    pub fn unsupported(&self) -> FrontendError {
        FrontendError::unsupported_subrequest(match self {
            Self::Build => "build",
            Self::Describe => describe::ID,
            Self::Outline => outline::ID,
            Self::Targets => targets::ID,
            Self::Lint => lint::ID,
            Self::Other(id) => id,
        })
    }
}

/// A place in one of the files that an answer lists.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AnswerLocation {
    #[serde(rename = "sourceIndex", skip_serializing_if = "is_first")]
    source_index: i32,
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "ranges_json")]
    ranges: Vec<Range>,
}

impl AnswerLocation {
    /// Some ranges of the file with this number in the answer's list, from 0.
    pub fn new(source_index: usize, ranges: impl IntoIterator<Item = Range>) -> Self {
        Self { source_index: i32::try_from(source_index).unwrap_or(-1), ranges: ranges.into_iter().collect() }
    }

    /// No file at all.
    pub fn none() -> Self {
        Self { source_index: -1, ranges: Vec::new() }
    }

    /// Whether it is in a file.
    pub fn is_some(&self) -> bool {
        self.index().is_some()
    }

    fn index(&self) -> Option<usize> {
        usize::try_from(self.source_index).ok()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_first(index: &i32) -> bool {
    *index == 0
}

fn ranges_json<S: Serializer>(ranges: &[Range], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(ranges.iter().map(RangeJson::from))
}

/// Bytes as Go writes them in JSON.
fn base64_list<S: Serializer>(list: &[Vec<u8>], serializer: S) -> Result<S::Ok, S::Error> {
    use base64::Engine as _;
    serializer.collect_seq(list.iter().map(|bytes| base64::engine::general_purpose::STANDARD.encode(bytes)))
}

fn answer(value: &impl Serialize, text: String) -> BuildResult {
    // Plain data with string keys; it always serialises.
    let json = serde_json::to_vec_pretty(value).unwrap_or_default();
    BuildResult::answer(json, text, VERSION)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The two forms of an answer.
    pub(super) fn forms(result: BuildResult) -> (serde_json::Value, String) {
        let message = result.into_message(false);
        assert_eq!(message.metadata["version"], b"1.0.0");
        let json = serde_json::from_slice(&message.metadata["result.json"]).unwrap();
        (json, String::from_utf8(message.metadata["result.txt"].clone()).unwrap())
    }

    #[test]
    fn ids() {
        assert_eq!(Request::from_id(None), Request::Build);
        assert_eq!(Request::from_id(Some("frontend.subrequests.describe")), Request::Describe);
        assert_eq!(Request::from_id(Some("frontend.outline")), Request::Outline);
        assert_eq!(Request::from_id(Some("frontend.targets")), Request::Targets);
        assert_eq!(Request::from_id(Some("frontend.lint")), Request::Lint);
        let other = Request::from_id(Some("x.schema"));
        assert_eq!(other, Request::Other("x.schema".into()));
        assert_eq!(other.unsupported().message(), "unsupported request x.schema");
    }

    #[test]
    fn locations() {
        let json = |location| serde_json::to_string(&location).unwrap();
        assert_eq!(json(AnswerLocation::none()), r#"{"sourceIndex":-1}"#);
        assert_eq!(
            json(AnswerLocation::new(0, [Range::line(3)])),
            r#"{"ranges":[{"start":{"line":3},"end":{"line":3}}]}"#
        );
        assert!(json(AnswerLocation::new(1, [])).contains(r#""sourceIndex":1"#));
    }
}
