//! `labels`: the image's labels, as in `docker build --label`.

use std::collections::BTreeMap;

use crate::project::config::argv::toml_string;
use crate::project::config::element::Element;
use crate::project::document::{Located, Problems, Value, quoted};

/// Labels by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels(pub BTreeMap<String, Located<String>>);

impl Element for Labels {
    const EXPECTED: &'static str = "a table of strings, for example { \"org.opencontainers.image.vendor\" = \"Acme\" }";
    const SCHEMA: &'static str = r#"{"type": "object", "additionalProperties": {"type": "string"}}"#;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let before = problems.len();
        let mut labels = BTreeMap::new();
        for label in value.table(Self::EXPECTED, problems)?.entries() {
            if let Some(text) = read_label(&label, problems) {
                labels.insert(label.key().to_owned(), label.located(text));
            }
        }
        (problems.len() == before).then_some(Self(labels))
    }

    fn overlay(mut self, above: Self) -> Self {
        self.0.extend(above.0);
        self
    }
}

fn read_label(label: &Value<'_>, problems: &mut Problems) -> Option<String> {
    let name = label.key();
    if name.is_empty() || name.chars().any(|character| !character.is_ascii_graphic() || character == '=') {
        problems.push(
            label
                .problem("is not a name for a label")
                .at_location(Some(label.key_location()))
                .help("use visible ASCII characters without spaces and '=', for example \"com.example.team\""),
        );
        return None;
    }
    let Some(text) = label.as_str() else {
        let problem = label.wrong_type("a string");
        problems.push(match label.as_table().and_then(|table| dotted(name, &table, 0)) {
            Some(dotted) => problem
                .note("TOML reads dots outside quotes as nested tables")
                .help(format!("put the whole name in quotes: {dotted}")),
            None => problem.help(format!("write {} = \"text\"", toml_string(name))),
        });
        return None;
    };
    if text.chars().any(|character| character.is_control() && !matches!(character, '\n' | '\t')) {
        problems.push(label.problem(format_args!("has a control character in {}", quoted(text))).help("remove it"));
        return None;
    }
    Some(text.to_owned())
}

/// The first label that someone meant who wrote `org.opencontainers.image.title = "x"` without quotes.
fn dotted(name: &str, table: &crate::project::document::Table<'_>, depth: usize) -> Option<String> {
    let first = table.entries().into_iter().next()?;
    let name = format!("{name}.{}", first.key());
    match (first.as_str(), first.as_table()) {
        (Some(text), _) => Some(format!("{} = {}", toml_string(&name), toml_string(text))),
        (None, Some(table)) if depth < 10 => dotted(&name, &table, depth + 1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::project::config::tests::{errors, read};

    #[test]
    fn names_with_dots_are_quoted() {
        let labels = read("labels = { 'com.example.team' = 'a b', plain = '' }").labels.unwrap();
        assert_eq!(labels.0["com.example.team"].value, "a b");
        assert_eq!(labels.0.len(), 2);
    }

    #[test]
    fn refusals() {
        insta::assert_snapshot!(errors(
            r#"
            [labels]
            org.opencontainers.image.title = "Title"
            version = 1
            "a b" = "x"
            "k=v" = "x"
            "" = "x"
            "é" = "x"
            esc = "\u001b"
            "#
        ));
        insta::assert_snapshot!(errors("labels = 'a=b'"));
    }
}
