//! `--call=targets`: what can be built.

use serde::Serialize;

use super::{AnswerLocation, answer, base64_list, table};
use crate::result::BuildResult;

pub(super) const ID: &str = "frontend.targets";

/// All targets.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Targets {
    /// In the order in which people should read them.
    pub targets: Vec<Target>,
    /// The files that locations point into.
    #[serde(serialize_with = "base64_list")]
    pub sources: Vec<Vec<u8>>,
}

/// Something that can be built.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Target {
    /// Its name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Whether it is built when no target is named.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub default: bool,
    /// What it is, in a line.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Its base image.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub base: String,
    /// Its platform, if it is fixed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub platform: String,
    /// Where it is declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<AnswerLocation>,
}

impl From<Targets> for BuildResult {
    fn from(list: Targets) -> Self {
        let name = |target: &Target| match (target.name.as_str(), target.default) {
            ("", true) => "(default)".to_owned(),
            (name, true) => format!("{name} (default)"),
            (name, false) => name.to_owned(),
        };
        let names: Vec<String> = list.targets.iter().map(name).collect();
        let mut rows = vec![vec!["TARGET", "DESCRIPTION"]];
        rows.extend(names.iter().zip(&list.targets).map(|(name, target)| vec![name.as_str(), &target.description]));
        answer(&list, table::draw(1, &rows))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::forms;
    use super::*;
    use serde_json::json;

    #[test]
    fn both_forms() {
        let list = Targets {
            targets: vec![
                Target { name: "runtime".into(), default: true, description: "the image".into(), ..Target::default() },
                Target { name: "dev".into(), base: "runtime".into(), ..Target::default() },
            ],
            sources: vec![],
        };
        let (json, text) = forms(list.into());
        assert_eq!(
            json,
            json!({
                "targets": [
                    {"name": "runtime", "default": true, "description": "the image"},
                    {"name": "dev", "base": "runtime"},
                ],
                "sources": [],
            })
        );
        assert_eq!(text, "TARGET            DESCRIPTION\nruntime (default) the image\ndev               \n");
    }
}
