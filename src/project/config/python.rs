//! `python`: the version that the user asks for, in place of `.python-version`.

use crate::project::config::argv::toml_string;
use crate::project::config::element::Element;
use crate::project::document::{Problems, Value};
use crate::project::python_version::PythonVersion;

/// The Python version of the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Python(pub PythonVersion);

impl Element for Python {
    const EXPECTED: &'static str = "a version such as \"3.13\" or \"3.13.2\"";
    const SCHEMA: &'static str = r#"{"type": "string", "pattern": "^3\\.[0-9]+(\\.[0-9]+)?$"}"#;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let Some(text) = value.as_str() else {
            let problem = value.wrong_type(Self::EXPECTED);
            problems.push(match value.as_number_text() {
                Some(number) => problem.help(format!("put it in quotes: python = {}", toml_string(number))),
                None => problem,
            });
            return None;
        };
        match PythonVersion::parse(text) {
            Ok(version) => Some(Self(version)),
            Err(refusal) => {
                problems.push(refusal.into_diagnostic(value.path(), text).at_location(Some(value.location())));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::project::config::tests::{errors, read};

    #[test]
    fn minors_and_patches() {
        assert_eq!(read("python = '3.13'").python.unwrap().0.to_string(), "3.13");
        assert_eq!(read("python = '3.10.2'").python.unwrap().0.to_string(), "3.10.2");
    }

    #[test]
    fn refusals() {
        let all = [
            "3.10",
            "3",
            "'3'",
            "'2.7'",
            "'3.13t'",
            "'pypy3.10'",
            "'>=3.12'",
            "'3.13.x'",
            "'3.14.0rc1'",
            "'3.8'",
            "[]",
            "''",
        ];
        let all: Vec<String> = all.iter().map(|python| errors(&format!("python = {python}"))).collect();
        insta::assert_snapshot!(all.join("\n"));
    }
}
