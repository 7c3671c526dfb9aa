//! `uv`: which uv builds and installs.

use std::str::FromStr;

use uv_pep440::Version;

use crate::project::config::argv::toml_string;
use crate::project::config::element::Element;
use crate::project::document::{Problems, Value, quoted};

/// A full version of uv, which is also the tag of its image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UvVersion(String);

impl UvVersion {
    /// The version, as `0.13.8`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Element for UvVersion {
    const EXPECTED: &'static str = "a version such as \"0.13.8\"";
    const SCHEMA: &'static str = r#"{"type": "string"}"#;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let Some(text) = value.as_str() else {
            let problem = value.wrong_type(Self::EXPECTED);
            problems.push(match value.as_number_text() {
                Some(number) => {
                    problem.help(format!("write a full version: uv = {}", toml_string(&format!("{number}.0"))))
                }
                None => problem,
            });
            return None;
        };
        let release = Version::from_str(text).ok().filter(|version| version.to_string() == text && version.is_stable());
        if release.is_some_and(|version| {
            version.release().len() == 3 && version.epoch() == 0 && !version.is_post() && !version.is_local()
        }) {
            return Some(Self(text.to_owned()));
        }
        problems.push(
            value.problem(format_args!("{} is not a full version of uv", quoted(text))).help(
                "write three numbers, for example uv = \"0.13.8\"; ranges belong to required-version of [tool.uv]",
            ),
        );
        None
    }
}

#[cfg(test)]
mod tests {
    use crate::project::config::tests::{errors, read};

    #[test]
    fn three_numbers() {
        assert_eq!(read("uv = '0.13.8'").uv.unwrap().as_str(), "0.13.8");
    }

    #[test]
    fn refusals() {
        let all = ["'0.13'", "'>=0.13'", "'latest'", "0.13", "'0.13.8+x'", "'v0.13.8'", "'0.13.8\n'", "[]"];
        let all: Vec<String> =
            all.iter().map(|uv| errors(&format!("uv = {}", uv.replace('\n', "\\n").replace('\'', "\"")))).collect();
        insta::assert_snapshot!(all.join("\n"));
    }
}
