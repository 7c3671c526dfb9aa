//! `include`: which of the project's own files take part in its build and get into the image, where not all do.

use crate::project::config::element::Element;
use crate::project::config::exclude::refused;
use crate::project::document::{Located, Problems, Value, quoted};

/// Patterns, as a `.dockerignore` in the project's directory would have them. Each adds what it matches, and all that is in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Include(pub Vec<Located<String>>);

impl Element for Include {
    const EXPECTED: &'static str =
        "an array of patterns as in .dockerignore, for example [\"src\", \"templates/**/*.html\"]";
    const SCHEMA: &'static str = r#"{"type": "array", "minItems": 1, "items": {"type": "string", "pattern": "^[^!]"}}"#;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let before = problems.len();
        let patterns = value.strings(Self::EXPECTED, problems)?;
        if patterns.is_empty() {
            problems.push(
                value
                    .problem("names no file at all")
                    .help("write [\"*\"] for all files of the project, or leave the key out"),
            );
        }
        for pattern in &patterns {
            let (why, help) = if pattern.value.starts_with('!') {
                ("takes away instead of adding", "name what is left out in exclude")
            } else if let Some(why) = refused(&pattern.value) {
                (why, "write a path or a pattern below the project's directory, as in .dockerignore")
            } else {
                continue;
            };
            problems.push(
                value
                    .problem(format_args!("has {}, which {why}", quoted(&pattern.value)))
                    .at_location(Some(pattern.location.clone()))
                    .help(help),
            );
        }
        (problems.len() == before).then_some(Self(patterns))
    }
}

#[cfg(test)]
mod tests {
    use crate::project::config::tests::{errors, read};

    #[test]
    fn patterns() {
        let config = read("include = ['src', '*.py']\n");
        let patterns: Vec<String> = config.include.unwrap().0.iter().map(|pattern| pattern.value.clone()).collect();
        assert_eq!(patterns, ["src", "*.py"]);
    }

    #[test]
    fn refusals() {
        let all = ["'src'", "[]", "[1]", "['']", "['!tests']", "['src', '../x']"];
        let all: Vec<String> = all.iter().map(|patterns| errors(&format!("include = {patterns}"))).collect();
        insta::assert_snapshot!(all.join("\n"));
    }
}
