//! `--check` and `--call=check`: what could be better, without building.

use std::cmp::Ordering;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use buildkit_llb::Range;
use serde::{Serialize, Serializer};

use super::{AnswerLocation, answer};
use crate::error::SourceInfoJson;
use crate::result::BuildResult;

pub(super) const ID: &str = "frontend.lint";

/// Everything that was found.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct LintReport {
    /// What could be better. Sorted when the report becomes an answer.
    pub warnings: Vec<LintWarning>,
    /// The files that locations point into.
    pub sources: Vec<LintSource>,
    /// What would make the build fail.
    #[serde(rename = "buildError", skip_serializing_if = "Option::is_none")]
    pub error: Option<LintError>,
}

/// One thing that could be better.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LintWarning {
    /// The rule's name.
    #[serde(rename = "ruleName")]
    pub rule: String,
    /// What the rule is about.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Where to read more.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub url: String,
    /// What was found.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// Where. Clients require it; see [`AnswerLocation::none`].
    pub location: AnswerLocation,
}

/// What would make the build fail.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LintError {
    /// The message of the error.
    pub message: String,
    /// Where. It has to point into a listed file: buildx does not check.
    pub location: AnswerLocation,
}

/// A file that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LintSource {
    /// Its name.
    pub filename: String,
    /// For colouring, such as `TOML`.
    pub language: String,
    /// Its content.
    pub data: Vec<u8>,
}

impl Serialize for LintSource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        SourceInfoJson { filename: &self.filename, data: BASE64.encode(&self.data), language: &self.language }
            .serialize(serializer)
    }
}

impl From<LintReport> for BuildResult {
    fn from(mut report: LintReport) -> Self {
        let LintReport { warnings, sources, .. } = &mut report;
        warnings.sort_by(|a, b| order(a, b, sources));
        // A location into a file that is not there would crash the client.
        for warning in warnings {
            if warning.location.index().is_some_and(|index| index >= sources.len()) {
                warning.location = AnswerLocation::none();
            }
        }
        let clean = report.warnings.is_empty() && report.error.is_none();
        answer(&report, report.to_text()).with_metadata("result.statuscode", if clean { "0" } else { "1" })
    }
}

fn order(a: &LintWarning, b: &LintWarning, sources: &[LintSource]) -> Ordering {
    let filename = |warning: &LintWarning| {
        warning.location.index().and_then(|index| sources.get(index)).map(|source| source.filename.clone())
    };
    let line = |warning: &LintWarning| warning.location.ranges.first().map(|range| range.start.0);
    (filename(a), line(a), &a.rule).cmp(&(filename(b), line(b), &b.rule))
}

impl LintReport {
    fn to_text(&self) -> String {
        let mut out = String::new();
        for warning in &self.warnings {
            let _ = write!(out, "\nWARNING: {}", warning.rule);
            if !warning.url.is_empty() {
                let _ = write!(out, " - {}", warning.url);
            }
            let _ = writeln!(out, "\n{}", warning.detail);
            if let Some(source) = warning.location.index().and_then(|index| self.sources.get(index)) {
                out.push_str(&excerpt(source, &warning.location.ranges));
            }
        }
        out
    }
}

/// The marked lines with some around them, as BuildKit prints them (`solver/errdefs/source.go`).
fn excerpt(source: &LintSource, ranges: &[Range]) -> String {
    let text = String::from_utf8_lossy(&source.data);
    let lines: Vec<&str> = text.split('\n').collect();
    let line = |number: i32| usize::try_from(number).unwrap_or(0);
    let last_of = |range: &Range| line(range.end.0.max(range.start.0));
    let Some(first) = ranges.iter().map(|range| line(range.start.0)).min() else { return String::new() };
    let last = ranges.iter().map(last_of).max().unwrap_or(first).min(lines.len());
    if first < 1 || first > lines.len() {
        return String::new();
    }
    let around = if first == last { 4 } else { 2 };
    let (mut start, mut end, mut padded) = (first, last, 0);
    while padded < around {
        if start > 1 {
            start -= 1;
            padded += 1;
        }
        if end != lines.len() {
            end += 1;
            padded += 1;
        }
        padded += 1;
    }
    let mut out = format!("{}:{first}\n--------------------\n", source.filename);
    for number in start..=end {
        let marked = ranges.iter().any(|range| (line(range.start.0)..=last_of(range)).contains(&number));
        let _ = writeln!(out, " {number:3} | {} {}", if marked { ">>>" } else { "   " }, lines[number - 1]);
    }
    out.push_str("--------------------\n");
    out
}

#[cfg(test)]
mod tests {
    use super::super::tests::forms;
    use super::*;
    use serde_json::json;

    fn warning(rule: &str, location: AnswerLocation) -> LintWarning {
        LintWarning {
            rule: rule.into(),
            description: String::new(),
            url: String::new(),
            detail: "see".into(),
            location,
        }
    }

    fn source() -> LintSource {
        let data = b"[project]\nname = 1\n\n[tool.x]\nbase = 2\n".to_vec();
        LintSource { filename: "pyproject.toml".into(), language: "TOML".into(), data }
    }

    #[test]
    fn both_forms() {
        let report = LintReport {
            warnings: vec![
                warning("Late", AnswerLocation::new(0, [Range::line(5)])),
                warning("Lost", AnswerLocation::new(7, [Range::line(1)])),
                LintWarning {
                    url: "https://x".into(),
                    ..warning("Early", AnswerLocation::new(0, [Range::lines(1, 2)]))
                },
            ],
            sources: vec![source()],
            error: Some(LintError { message: "no".into(), location: AnswerLocation::new(0, [Range::line(4)]) }),
        };
        let (json, text) = forms(report.clone().into());
        let rules: Vec<_> = (0..3).map(|i| json["warnings"][i]["ruleName"].as_str().unwrap()).collect();
        assert_eq!(rules, ["Lost", "Early", "Late"]);
        assert_eq!(json["warnings"][0]["location"], json!({"sourceIndex": -1}));
        assert_eq!(json["sources"][0]["filename"], "pyproject.toml");
        assert_eq!(json["buildError"]["message"], "no");
        assert_eq!(
            text,
            "\nWARNING: Lost\nsee\n\
             \nWARNING: Early - https://x\nsee\n\
             pyproject.toml:1\n--------------------\n   1 | >>> [project]\n   2 | >>> name = 1\n   3 |     \n\
             --------------------\n\
             \nWARNING: Late\nsee\n\
             pyproject.toml:5\n--------------------\n   3 |     \n   4 |     [tool.x]\n   5 | >>> base = 2\n   6 |     \n\
             --------------------\n"
        );
        let message = BuildResult::from(report).into_message(false);
        assert_eq!(message.metadata["result.statuscode"], b"1");
    }

    #[test]
    fn nothing_found() {
        let message = BuildResult::from(LintReport::default()).into_message(false);
        assert_eq!(message.metadata["result.statuscode"], b"0");
        assert_eq!(message.metadata["result.txt"], b"");
    }
}
