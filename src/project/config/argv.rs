//! `entrypoint` and `command`: argument vectors. There is no shell form, because a shell would swallow signals and read
//! untrusted text; a string is refused with the array to write instead.

use crate::project::config::element::Element;
use crate::project::document::{Located, Problems, Value, quoted};

/// A program and its arguments, never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argv(Vec<Located<String>>);

impl Argv {
    /// The arguments without their places.
    pub fn to_vec(&self) -> Vec<String> {
        self.0.iter().map(|argument| argument.value.clone()).collect()
    }
}

impl Element for Argv {
    const EXPECTED: &'static str = "an array of strings, for example [\"python\", \"main.py\"]";
    const SCHEMA: &'static str = r#"{"type": "array", "items": {"type": "string"}, "minItems": 1}"#;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        if let Some(text) = value.as_str() {
            problems.push(shell_form(value, text));
            return None;
        }
        let arguments = value.strings(Self::EXPECTED, problems)?;
        match arguments.first() {
            None => {
                problems.push(value.problem("is empty").help("name a program, or remove the key"));
                return None;
            }
            Some(program) if program.trim().is_empty() => {
                problems.push(value.problem("has an empty program name").help("name a program first"));
                return None;
            }
            Some(_) => {}
        }
        for argument in &arguments {
            if argument.chars().any(|character| character.is_control() && !matches!(character, '\n' | '\t')) {
                let problem = value.problem(format_args!("has a control character in {}", quoted(argument)));
                problems.push(problem.at_location(Some(argument.location.clone())).help("remove the character"));
                return None;
            }
        }
        Some(Self(arguments))
    }
}

/// Strings as a TOML array on one line, as a user would write it.
pub fn to_toml<S: AsRef<str>>(arguments: &[S]) -> String {
    let items: Vec<String> = arguments.iter().map(|argument| toml_string(argument.as_ref())).collect();
    format!("[{}]", items.join(", "))
}

/// Text as a TOML basic string.
pub fn toml_string(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            // Invisible characters would hide in a message; TOML has an escape for every one of them.
            invisible
                if invisible != ' '
                    && (invisible.is_control() || invisible.escape_debug().len() > 1 && invisible != '\'') =>
            {
                let _ = write!(out, "\\U{:08x}", u32::from(invisible));
            }
            visible => out.push(visible),
        }
    }
    out.push('"');
    out
}

fn shell_form(value: &Value<'_>, text: &str) -> crate::diagnostic::Diagnostic {
    let problem = value.wrong_type(Argv::EXPECTED).note("there is no shell form: the program is started directly");
    let key = value.key();
    // Names of environment variables, pipes, redirections and the like mean something to a shell only.
    let needs_shell = text.contains(['$', '|', '&', ';', '<', '>', '`', '*', '\n']);
    if text.len() > 2000 {
        return problem.help(format!("write {key} = [\"program\", \"argument\"]"));
    }
    match shlex::split(text).filter(|words| !words.is_empty()) {
        Some(words) if !needs_shell => problem.help(format!("write {key} = {}", to_toml(&words))),
        Some(_) => problem.help(format!(
            "if it needs a shell, write {key} = {}; a base without a shell cannot run it",
            to_toml(&["sh", "-c", text.trim()])
        )),
        None => problem.help(format!("write {key} = [\"program\", \"argument\"]")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::config::tests::{errors, read};

    #[test]
    fn an_array_is_taken_as_it_is() {
        let config = read("command = ['uvicorn', \"a:b\", '--workers', '2']\n");
        assert_eq!(config.command.unwrap().to_vec(), ["uvicorn", "a:b", "--workers", "2"]);
    }

    #[test]
    fn refusals() {
        insta::assert_snapshot!(errors(
            r#"
            command = "uvicorn main:app --host '0.0.0.0' --log \"a b\""
            entrypoint = "PORT=1 python main.py --port $PORT && true"
            "#
        ));
        insta::assert_snapshot!(errors("command = []\nentrypoint = ['']\n"));
        insta::assert_snapshot!(errors("command = ['python', 3]\nentrypoint = ['a', \"b\\u001b[31m\"]\n"));
        insta::assert_snapshot!(errors("command = true\nentrypoint = \"it's\"\n"));
    }

    #[test]
    fn toml_strings_read_back() {
        for text in ["plain", "it's", "a \"b\" \\ c", "new\nline\ttab", "\u{1b}[31m\u{202e}é"] {
            let file = crate::diagnostic::SourceFile::new("x", format!("a = {}", toml_string(text)));
            let document = crate::project::document::Document::parse(&file).unwrap();
            assert_eq!(document.root().get("a").unwrap().as_str(), Some(text));
        }
        assert_eq!(toml_string("it's é"), "\"it's é\"");
    }
}
