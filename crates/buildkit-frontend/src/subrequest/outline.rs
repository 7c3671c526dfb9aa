//! `--call=outline`: which parameters a build has.

use serde::Serialize;

use super::{AnswerLocation, answer, base64_list, table};
use crate::result::BuildResult;

pub(super) const ID: &str = "frontend.outline";

/// The parameters of one target.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Outline {
    /// The target's name; empty for the default one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// What it is, in a line.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Build args that it takes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<OutlineArg>,
    /// Secrets that it asks for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<OutlineSecret>,
    /// SSH agents that it asks for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ssh: Vec<OutlineSecret>,
    /// Caches that it keeps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cache: Vec<OutlineCache>,
    /// The files that locations point into.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "base64_list")]
    pub sources: Vec<Vec<u8>>,
}

/// A build arg.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct OutlineArg {
    /// Its name.
    pub name: String,
    /// What it is for, in a line.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Its value in this build.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub value: String,
    /// Where it is declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<AnswerLocation>,
}

/// A secret, or an SSH agent.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct OutlineSecret {
    /// Its id.
    pub name: String,
    /// Whether the build fails without it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// Where it is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<AnswerLocation>,
}

/// A cache mount.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct OutlineCache {
    /// Its id.
    #[serde(rename = "ID")]
    pub id: String,
    /// Where it is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<AnswerLocation>,
}

impl From<Outline> for BuildResult {
    fn from(outline: Outline) -> Self {
        answer(&outline, outline.to_text())
    }
}

impl Outline {
    fn to_text(&self) -> String {
        let mut out = String::new();
        let mut paragraph = |table: String| {
            out.push_str(&table);
            out.push('\n');
        };
        if !self.name.is_empty() || !self.description.is_empty() {
            let name = if self.name.is_empty() { "(default)" } else { &self.name };
            let mut rows = vec![vec!["TARGET:", name]];
            if !self.description.is_empty() {
                rows.push(vec!["DESCRIPTION:", &self.description]);
            }
            paragraph(table::draw(1, &rows));
        }
        if !self.args.is_empty() {
            let mut rows = vec![vec!["BUILD ARG", "VALUE", "DESCRIPTION"]];
            rows.extend(self.args.iter().map(|arg| vec![arg.name.as_str(), &arg.value, &arg.description]));
            paragraph(table::draw(3, &rows));
        }
        for (title, list) in [("SECRET", &self.secrets), ("SSH", &self.ssh)] {
            if !list.is_empty() {
                let mut rows = vec![vec![title, "REQUIRED"]];
                rows.extend(list.iter().map(|it| vec![it.name.as_str(), if it.required { "true" } else { "" }]));
                paragraph(table::draw(3, &rows));
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::forms;
    use super::*;
    use buildkit_llb::Range;
    use serde_json::json;

    #[test]
    fn both_forms() {
        let outline = Outline {
            description: "an app".into(),
            args: vec![OutlineArg {
                name: "PYTHON".into(),
                value: "3.13".into(),
                location: Some(AnswerLocation::new(0, [Range::line(2)])),
                ..OutlineArg::default()
            }],
            secrets: vec![OutlineSecret { name: "ca".into(), required: true, location: None }],
            cache: vec![OutlineCache { id: "uv".into(), location: None }],
            sources: vec![b"x".to_vec()],
            ..Outline::default()
        };
        let (json, text) = forms(outline.into());
        assert_eq!(
            json,
            json!({
                "description": "an app",
                "args": [{"name": "PYTHON", "value": "3.13",
                    "location": {"ranges": [{"start": {"line": 2}, "end": {"line": 2}}]}}],
                "secrets": [{"name": "ca", "required": true}],
                "cache": [{"ID": "uv"}],
                "sources": ["eA=="],
            })
        );
        assert_eq!(
            text,
            "TARGET:      (default)\nDESCRIPTION: an app\n\n\
             BUILD ARG   VALUE   DESCRIPTION\nPYTHON      3.13    \n\n\
             SECRET   REQUIRED\nca       true\n\n"
        );
        assert_eq!(forms(Outline::default().into()), (json!({}), String::new()));
    }
}
