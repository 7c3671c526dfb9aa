//! What went wrong, for the person at the terminal: a message, the place in their file, and whatever details BuildKit sent
//! along with a failed call.
//!
//! [`FrontendError::to_status`] turns it into the form that `Return` wants. The details of that form are JSON in a
//! protobuf envelope (`util/grpcerrors` in BuildKit); the client draws the source excerpts from them.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use buildkit_llb::{Location, MissingCapability, OpError, Range};
use buildkit_proto::rpc;
use prost::Message as _;
use prost_types::Any;
use serde::Serialize;

/// `google.rpc.Code::UNKNOWN`. Any other code's name is put in front of the message that people read.
const CODE_UNKNOWN: i32 = 2;
/// `google.rpc.Code::UNIMPLEMENTED`.
const CODE_UNIMPLEMENTED: i32 = 12;

const SOURCE_TYPE: &str = "github.com/moby/buildkit/errdefs.Source+json";
const SUBREQUEST_TYPE: &str = "github.com/moby/buildkit/errdefs.Subrequest+json";

/// An error that ends the build: message, places in source files, and details of a failed call.
///
/// Begin messages with a lower-case clause: BuildKit prefixes them (`failed to solve: …`). Say what to do next. Always
/// attach a [source](Self::with_source) if there is one: without it BuildKit points at the `# syntax=` line.
#[derive(Debug, Clone)]
pub struct FrontendError(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    message: String,
    code: i32,
    sources: Vec<Location>,
    /// Details of a failed call, passed on as they came.
    details: Vec<Any>,
    origin: Origin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// Found by this process.
    Here,
    /// An error status that BuildKit answered a call with.
    Call,
    /// The connection is gone, so nobody can be told.
    ConnectionLost,
}

impl FrontendError {
    /// An error with a message only.
    pub fn new(message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            message: message.into(),
            code: CODE_UNKNOWN,
            sources: Vec::new(),
            details: Vec::new(),
            origin: Origin::Here,
        }))
    }

    /// The answer to a subrequest that the frontend does not have.
    pub fn unsupported_subrequest(name: &str) -> Self {
        let mut error = Self::new(format!("unsupported request {name}"));
        error.0.code = CODE_UNIMPLEMENTED;
        error.0.details.push(json_detail(SUBREQUEST_TYPE, &NameJson { name }));
        error
    }

    /// Attaches a place in a file. Several are all shown, in this order.
    ///
    /// The file's whole `data` travels with the error: for a big file give an excerpt, with adjusted lines.
    #[must_use]
    pub fn with_source(mut self, source: Location) -> Self {
        self.0.sources.push(source);
        self
    }

    /// Puts a clause in front of the message: `context: message`.
    #[must_use]
    pub fn context(mut self, context: impl fmt::Display) -> Self {
        self.0.message = format!("{context}: {}", self.0.message);
        self
    }

    /// Adds what else is known, on a line of its own.
    #[must_use]
    pub fn note(mut self, note: impl fmt::Display) -> Self {
        self.0.message = format!("{}\n  {note}", self.0.message);
        self
    }

    /// Adds a next step for the user, as an imperative sentence, on a line of its own.
    #[must_use]
    pub fn help(mut self, help: impl fmt::Display) -> Self {
        self.0.message = format!("{}\n  help: {help}", self.0.message);
        self
    }

    /// The message.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The places attached by this process. Those of a failed call stay in its details.
    pub fn sources(&self) -> &[Location] {
        &self.0.sources
    }

    /// True if BuildKit's answer already points at a source file.
    pub fn has_forwarded_source(&self) -> bool {
        self.0.details.iter().any(|detail| detail.type_url == SOURCE_TYPE)
    }

    /// The places that BuildKit's answer points at: the name of each file, and the first line, which is counted from 1.
    pub fn forwarded_places(&self) -> Vec<(String, usize)> {
        let of = |detail: &Any| {
            let source: serde_json::Value = serde_json::from_slice(&detail.value).ok()?;
            let file = source["info"]["filename"].as_str()?.to_owned();
            let ranges = source["ranges"].as_array()?.iter();
            let lines = ranges.filter_map(|range| usize::try_from(range["start"]["line"].as_u64()?).ok());
            Some(lines.map(|line| (file.clone(), line)).collect::<Vec<_>>())
        };
        let sources = self.0.details.iter().filter(|detail| detail.type_url == SOURCE_TYPE);
        sources.filter_map(of).flatten().collect()
    }

    /// True for an error status that BuildKit answered a call with.
    pub fn is_from_call(&self) -> bool {
        self.0.origin == Origin::Call
    }

    /// True if a call failed because a file or directory does not exist. BuildKit has no code for it, only the text.
    pub fn is_not_found(&self) -> bool {
        self.is_from_call()
            && (self.0.message.ends_with("no such file or directory") || self.0.message.ends_with("not a directory"))
    }

    /// True if the connection to BuildKit is gone.
    pub fn is_connection_lost(&self) -> bool {
        self.0.origin == Origin::ConnectionLost
    }

    pub(crate) fn connection_lost(reason: &str) -> Self {
        let mut error = Self::new(format!("the connection to BuildKit is lost: {reason}"));
        error.0.origin = Origin::ConnectionLost;
        error
    }

    /// The error form of a call that BuildKit answered with a status.
    pub(crate) fn from_status(status: &tonic::Status) -> Self {
        let details = rpc::Status::decode(status.details()).map(|status| status.details).unwrap_or_default();
        let mut error = Self::new(match status.message() {
            "" => status.code().description(),
            message => message,
        });
        error.0.code = match status.code() {
            tonic::Code::Ok => CODE_UNKNOWN,
            code => code.into(),
        };
        error.0.details = details;
        error.0.origin = Origin::Call;
        error
    }

    /// The form that `Return` wants.
    pub fn to_status(&self) -> rpc::Status {
        // Clients print the last one first, and so what this process knows before what BuildKit has said.
        let gathered = Location::gathered(&self.0.sources);
        let own = gathered.iter().rev().map(source_detail);
        rpc::Status {
            code: self.0.code,
            message: self.0.message.clone(),
            details: self.0.details.iter().cloned().chain(own).collect(),
        }
    }
}

impl fmt::Display for FrontendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for FrontendError {}

impl From<crate::image::ReferenceError> for FrontendError {
    fn from(error: crate::image::ReferenceError) -> Self {
        Self::new(error.to_string())
    }
}

impl From<OpError> for FrontendError {
    fn from(error: OpError) -> Self {
        Self::new(error.to_string())
    }
}

/// The places that the op comes from are attached.
impl From<MissingCapability> for FrontendError {
    fn from(error: MissingCapability) -> Self {
        error.locations.iter().cloned().fold(Self::new(error.to_string()), Self::with_source)
    }
}

impl From<crate::ignore::IgnoreError> for FrontendError {
    fn from(error: crate::ignore::IgnoreError) -> Self {
        Self::new(error.to_string())
    }
}

fn source_detail(source: &Location) -> Any {
    json_detail(
        SOURCE_TYPE,
        &SourceJson {
            info: SourceInfoJson {
                filename: &source.file.filename,
                data: BASE64.encode(&source.file.data),
                language: &source.file.language,
            },
            ranges: source.ranges.iter().map(RangeJson::from).collect(),
        },
    )
}

fn json_detail(type_url: &str, value: &impl Serialize) -> Any {
    // These structs hold strings and numbers only; they always serialise.
    Any { type_url: type_url.to_owned(), value: serde_json::to_vec(value).unwrap_or_default() }
}

// Go's `encoding/json` form of BuildKit's messages: names as in the .proto files, empty members left out, bytes as base64.

#[derive(Serialize)]
struct NameJson<'a> {
    name: &'a str,
}

#[derive(Serialize)]
struct SourceJson<'a> {
    info: SourceInfoJson<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ranges: Vec<RangeJson>,
}

/// JSON form of `pb.SourceInfo`.
#[derive(Serialize)]
pub(crate) struct SourceInfoJson<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) filename: &'a str,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) data: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) language: &'a str,
}

/// JSON form of `pb.Range`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct RangeJson {
    start: PositionJson,
    end: PositionJson,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct PositionJson {
    #[serde(skip_serializing_if = "is_zero")]
    line: i32,
    #[serde(skip_serializing_if = "is_zero")]
    character: i32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(number: &i32) -> bool {
    *number == 0
}

impl From<&Range> for RangeJson {
    fn from(range: &Range) -> Self {
        let position = |(line, character)| PositionJson { line, character };
        Self { start: position(range.start), end: position(range.end) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use buildkit_llb::SourceFile;
    use serde_json::{Value, json};

    #[test]
    fn a_source_becomes_go_json() {
        let file = SourceFile::new("pyproject.toml", "TOML", "[tool.x]\nbase = 1\n");
        let error = FrontendError::new("[tool.x] base: unknown image")
            .context("pyproject.toml")
            .with_source(Location::new(&file, [Range { start: (2, 7), end: (2, 8) }]));
        let status = error.to_status();
        assert_eq!(status.code, 2);
        assert_eq!(status.message, "pyproject.toml: [tool.x] base: unknown image");
        assert_eq!(status.details.len(), 1);
        assert_eq!(status.details[0].type_url, "github.com/moby/buildkit/errdefs.Source+json");
        let value: Value = serde_json::from_slice(&status.details[0].value).unwrap();
        assert_eq!(
            value,
            json!({
                "info": {"filename": "pyproject.toml", "data": "W3Rvb2wueF0KYmFzZSA9IDEK", "language": "TOML"},
                "ranges": [{"start": {"line": 2, "character": 7}, "end": {"line": 2, "character": 8}}],
            })
        );
    }

    #[test]
    fn places_are_sent_last_first_for_clients_turn_them_around() {
        let file = SourceFile::new("pyproject.toml", "TOML", "");
        let at = |line| Location::new(&file, [Range::line(line)]);
        let places = [at(3), at(40), at(41)];
        let error = places.into_iter().fold(FrontendError::new("x"), FrontendError::with_source);
        let first_lines = error.to_status().details.into_iter().map(|detail| {
            let value: Value = serde_json::from_slice(&detail.value).unwrap();
            value["ranges"].as_array().unwrap().iter().map(|range| range["start"]["line"].clone()).collect::<Vec<_>>()
        });
        assert_eq!(first_lines.collect::<Vec<_>>(), [vec![json!(40), json!(41)], vec![json!(3)]]);
    }

    #[test]
    fn empty_members_are_left_out() {
        let source = Location::new(&SourceFile::new("", "", ""), [Range::lines(3, 4)]);
        let status = FrontendError::new("x").with_source(source).to_status();
        let value: Value = serde_json::from_slice(&status.details[0].value).unwrap();
        assert_eq!(value, json!({"info": {}, "ranges": [{"start": {"line": 3}, "end": {"line": 4}}]}));
    }

    #[test]
    fn an_unsupported_subrequest_has_its_code_and_detail() {
        let status = FrontendError::unsupported_subrequest("frontend.nope").to_status();
        assert_eq!(status.code, 12);
        assert_eq!(status.details[0].type_url, "github.com/moby/buildkit/errdefs.Subrequest+json");
        assert_eq!(status.details[0].value, br#"{"name":"frontend.nope"}"#);
    }

    #[test]
    fn a_status_is_forwarded_with_its_details_untouched() {
        let detail = Any { type_url: "github.com/moby/buildkit/errdefs.Vertex+json".into(), value: b"{ }".to_vec() };
        let details = rpc::Status { code: 9, message: "inner".into(), details: vec![detail.clone()] }.encode_to_vec();
        let status = tonic::Status::with_details(tonic::Code::FailedPrecondition, "no such thing", details.into());
        let error = FrontendError::from_status(&status).context("resolve x");
        let status = error.to_status();
        assert_eq!((status.code, status.message.as_str()), (9, "resolve x: no such thing"));
        assert_eq!(status.details, [detail]);
        assert!(error.is_from_call() && !error.is_connection_lost() && !error.has_forwarded_source());
    }

    #[test]
    fn the_places_of_an_answer_are_known() {
        let place = Location::new(&SourceFile::new("uv.lock", "TOML", "a\n"), [Range::lines(3, 4), Range::line(7)]);
        let details = FrontendError::new("x").with_source(place).to_status().encode_to_vec();
        let status = tonic::Status::with_details(tonic::Code::Unknown, "x", details.into());
        let error = FrontendError::from_status(&status);
        assert_eq!(error.forwarded_places(), [("uv.lock".to_owned(), 3), ("uv.lock".to_owned(), 7)]);
        assert!(error.note("more").help("do").message().ends_with("x\n  more\n  help: do"));
    }

    #[test]
    fn a_status_is_never_ok_or_wordless() {
        let status = FrontendError::from_status(&tonic::Status::ok("")).to_status();
        assert_eq!(status.code, 2);
        assert!(!status.message.is_empty());
    }

    #[test]
    fn missing_files_are_known_by_their_text() {
        let text = "open /var/lib/x/uv.lock: no such file or directory";
        assert!(FrontendError::from_status(&tonic::Status::unknown(text)).is_not_found());
        assert!(!FrontendError::new(text).is_not_found());
        assert!(!FrontendError::from_status(&tonic::Status::unknown("denied")).is_not_found());
    }
}
