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
    let parts = match parts(text) {
        Ok(parts) => parts,
        Err(says) => {
            problems.push(variable.problem(says).help("write $$ for a plain $, or ${NAME} for another variable"));
            return None;
        }
    };
    let refers_to_path = parts.iter().any(|part| matches!(part, Part::Variable { name: "PATH", .. }));
    if name == "PATH" && !refers_to_path && !text.split(':').any(|directory| directory == "/opt/venv/bin") {
        problems.push(
            variable
                .problem("would hide the project's own programs")
                .help("end it with :${PATH}, begin it with /opt/venv/bin, or remove it: PATH already has the directories of the base image"),
        );
        return None;
    }
    Some(text.to_owned())
}

/// A piece of a variable's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part<'t> {
    /// As it stands.
    Text(&'t str),
    /// The text of another variable.
    Variable {
        /// Its name.
        name: &'t str,
        /// What stands for it where it is not set: `${NAME-text}`.
        default: Option<&'t str>,
        /// Whether the default stands for an empty text, too: `${NAME:-text}`.
        or_empty: bool,
    },
}

/// The pieces of a variable's text, by the rules of Compose (its "Interpolation"): `${NAME}` or `$NAME`, with a default
/// `${NAME:-text}` or `${NAME-text}`, and `$$` for a plain `$`.
///
/// # Errors
/// What is wrong with the text.
pub fn parts(text: &str) -> Result<Vec<Part<'_>>, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        if !before.is_empty() {
            parts.push(Part::Text(before));
        }
        if let Some(after) = after.strip_prefix('$') {
            parts.push(Part::Text("$"));
            rest = after;
            continue;
        }
        let Some(braced) = after.strip_prefix('{') else {
            let end = after.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(after.len());
            let (name, after) = after.split_at(end);
            if !is_name(name) {
                return Err("has a $ that is followed by no name".to_owned());
            }
            parts.push(Part::Variable { name, default: None, or_empty: false });
            rest = after;
            continue;
        };
        let Some((inside, after)) = braced.split_once('}') else { return Err("has a ${ without its }".to_owned()) };
        let end = inside.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(inside.len());
        let (name, operator) = inside.split_at(end);
        let default = match operator.strip_prefix(":-") {
            Some(default) => Some((default, true)),
            None => operator.strip_prefix('-').map(|default| (default, false)),
        };
        let is_plain = default.is_none_or(|(default, _)| !default.contains('$'));
        if !is_name(name) || !is_plain || (default.is_none() && !operator.is_empty()) {
            return Err(format!("has {}, which is not understood", quoted(&format!("${{{inside}}}"))));
        }
        let (default, or_empty) = default.map_or((None, false), |(text, or_empty)| (Some(text), or_empty));
        parts.push(Part::Variable { name, default, or_empty });
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(Part::Text(rest));
    }
    Ok(parts)
}

fn is_name(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && text.bytes().next().is_some_and(|byte| !byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::{Part, parts};
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
    fn references_to_other_variables() {
        let variable = |name, default, or_empty| Part::Variable { name, default, or_empty };
        assert_eq!(parts("$$5 and $$$$").unwrap().concat_text(), "$5 and $$");
        assert_eq!(
            parts("a${B}/$C_1.${D:-d}${E-}").unwrap(),
            [
                Part::Text("a"),
                variable("B", None, false),
                Part::Text("/"),
                variable("C_1", None, false),
                Part::Text("."),
                variable("D", Some("d"), true),
                variable("E", Some(""), false),
            ]
        );
        assert!(read("env = { PATH = '/app/bin:${PATH}' }").env.is_some());
    }

    trait ConcatText {
        fn concat_text(&self) -> String;
    }

    impl ConcatText for Vec<Part<'_>> {
        fn concat_text(&self) -> String {
            self.iter().map(|part| if let Part::Text(text) = part { text } else { "?" }).collect()
        }
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
            PRICE = "5 $"
            OPEN = "${A"
            LOUD = "${A:?must be set}"
            NESTED = "${A:-${B}}"
            "#
        ));
        insta::assert_snapshot!(errors("env = ['A=1']"));
    }
}
