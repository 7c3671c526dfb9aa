//! `exclude`: which of the project's own files get neither into its build nor into the image.

use crate::project::config::element::Element;
use crate::project::document::{Located, Problems, Value, quoted};

/// Patterns, as a `.dockerignore` in the project's directory would have them, in their order: the last one that matches decides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exclude(pub Vec<Located<String>>);

impl Element for Exclude {
    const EXPECTED: &'static str = "an array of patterns as in .dockerignore, for example [\"tests\", \"**/*.md\"]";
    const SCHEMA: &'static str = r#"{"type": "array", "items": {"type": "string", "minLength": 1}}"#;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let before = problems.len();
        let patterns = value.strings(Self::EXPECTED, problems)?;
        for pattern in &patterns {
            if let Some(why) = refused(pattern.value.strip_prefix('!').unwrap_or(&pattern.value)) {
                problems.push(
                    value
                        .problem(format_args!("has {}, which {why}", quoted(&pattern.value)))
                        .at_location(Some(pattern.location.clone()))
                        .help("write a path or a pattern below the project's directory, as in .dockerignore"),
                );
            }
        }
        (problems.len() == before).then_some(Self(patterns))
    }
}

/// Why a text is no pattern.
pub(super) fn refused(pattern: &str) -> Option<&'static str> {
    if pattern.trim() != pattern || pattern.is_empty() {
        return Some("is empty, or begins or ends with a space");
    }
    if pattern.contains(char::is_control) {
        return Some("has a control character");
    }
    pattern.split('/').any(|part| part == "..").then_some("leads out of the project")
}

#[cfg(test)]
mod tests {
    use crate::project::config::tests::{errors, read};

    #[test]
    fn patterns_keep_their_order() {
        let config = read("exclude = ['docs/**', '!docs/index.md', 'tests']\n");
        let patterns: Vec<String> = config.exclude.unwrap().0.iter().map(|pattern| pattern.value.clone()).collect();
        assert_eq!(patterns, ["docs/**", "!docs/index.md", "tests"]);
    }

    #[test]
    fn refusals() {
        let all = ["'tests'", "[1]", "['']", "['!']", "['../x']", "['a/../b', \"a\\nb\"]"];
        let all: Vec<String> = all.iter().map(|patterns| errors(&format!("exclude = {patterns}"))).collect();
        insta::assert_snapshot!(all.join("\n"));
    }
}
