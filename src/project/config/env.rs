//! `env`: environment variables of the container. Names are checked so that every program and shell can read them, and
//! what pyfront itself relies on can't be broken.

use std::collections::BTreeMap;

use crate::project::config::argv::toml_string;
use crate::project::config::element::Element;
use crate::project::document::{Located, Problems, Value, quoted};

/// Variables by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Env(pub BTreeMap<String, Located<String>>);

impl Element for Env {
    const EXPECTED: &'static str = "a table of strings, for example { LOG_LEVEL = \"info\" }";
    const SCHEMA: &'static str = r#"{"type": "object", "additionalProperties": {"type": "string"}}"#;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let before = problems.len();
        let mut variables = BTreeMap::new();
        for variable in value.table(Self::EXPECTED, problems)?.entries() {
            if let Some(text) = read_variable(&variable, problems) {
                variables.insert(variable.key().to_owned(), variable.located(text));
            }
        }
        (problems.len() == before).then_some(Self(variables))
    }

    fn overlay(mut self, above: Self) -> Self {
        self.0.extend(above.0);
        self
    }
}

fn read_variable(variable: &Value<'_>, problems: &mut Problems) -> Option<String> {
    let name = variable.key();
    if !is_name(name) {
        problems.push(
            variable
                .problem("is not a name for an environment variable")
                .at_location(Some(variable.key_location()))
                .help("use letters, digits and '_', and do not begin with a digit"),
        );
        return None;
    }
    let Some(text) = variable.as_str() else {
        let problem = variable.wrong_type("a string");
        let written =
            variable.as_number_text().map(str::to_owned).or(variable.as_bool().map(|value| value.to_string()));
        problems.push(match written {
            Some(written) => problem.help(format!("write {name} = {}", toml_string(&written))),
            None => problem.help(format!("write {name} = \"text\"")),
        });
        return None;
    };
    if text.chars().any(|character| character.is_control() && !matches!(character, '\n' | '\t')) {
        problems.push(variable.problem(format_args!("has a control character in {}", quoted(text))).help("remove it"));
        return None;
    }
    if name == "VIRTUAL_ENV" {
        problems.push(variable.problem("is set by pyfront and can't be changed").help("remove it"));
        return None;
    }
    if name == "PATH" && !text.split(':').any(|directory| directory == "/opt/venv/bin") {
        problems.push(
            variable
                .problem("would hide the project's own programs")
                .help("begin it with /opt/venv/bin, or remove it: PATH already has the directories of the base image"),
        );
        return None;
    }
    Some(text.to_owned())
}

fn is_name(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && text.bytes().next().is_some_and(|byte| !byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use crate::project::config::tests::{errors, read};

    #[test]
    fn values_are_strings_of_any_text() {
        let env =
            read("[env]\nA = 'x=y'\nb_2 = \"two\\nlines\"\nEMPTY = ''\nPATH = '/opt/venv/bin:/bin'\n").env.unwrap();
        assert_eq!(env.0["A"].value, "x=y");
        assert_eq!(env.0["A"].location.to_string(), "Dockerfile:2");
        assert_eq!(env.0.len(), 4);
    }

    #[test]
    fn refusals() {
        insta::assert_snapshot!(errors(
            r#"
            [env]
            WORKERS = 4
            DEBUG = true
            RATIO = 1.50
            "A B" = "x"
            "A=B" = "x"
            "" = "x"
            "1ST" = "x"
            "X\u001b[31m" = "x"
            NUL = "a\u0000b"
            LIST = []
            VIRTUAL_ENV = "/venv"
            PATH = "/usr/bin"
            "#
        ));
        insta::assert_snapshot!(errors("env = ['A=1']"));
    }
}
