//! Values of `[tool.uv]` that pyfront hands on to uv without knowing what they mean. They are written out in one form, so
//! that two files that say the same make the same build steps.

use std::collections::BTreeMap;

use crate::project::config::argv::toml_string;
use crate::project::document::{Problems, Value};

/// A value without its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setting {
    /// A string.
    Text(String),
    /// `true` or `false`.
    Flag(bool),
    /// An integer.
    Number(i64),
    /// An array, in its order.
    List(Vec<Setting>),
    /// A table, in the order of its keys.
    Table(BTreeMap<String, Setting>),
}

impl Setting {
    /// Reads a value. Types that no setting of uv has are a problem.
    pub(super) fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        if let Some(text) = value.as_str() {
            return Some(Self::Text(text.to_owned()));
        }
        if let Some(flag) = value.as_bool() {
            return Some(Self::Flag(flag));
        }
        if let Some(number) = value.as_integer() {
            return Some(Self::Number(number));
        }
        if let Some(items) = value.as_array() {
            return Some(Self::List(items.iter().filter_map(|item| Self::read(item, problems)).collect()));
        }
        if let Some(table) = value.as_table() {
            let entry = |value: &Value<'_>, problems: &mut Problems| {
                Some((value.key().to_owned(), Self::read(value, problems)?))
            };
            return Some(Self::Table(table.entries().iter().filter_map(|value| entry(value, problems)).collect()));
        }
        problems.push(value.wrong_type("a string, an integer, true or false, an array, or a table"));
        None
    }

    /// A list of strings.
    pub fn texts<S: Into<String>>(texts: impl IntoIterator<Item = S>) -> Self {
        Self::List(texts.into_iter().map(|text| Self::Text(text.into())).collect())
    }

    /// As TOML on one line, with the keys of tables in order.
    pub fn to_toml(&self) -> String {
        match self {
            Self::Text(text) => toml_string(text),
            Self::Flag(flag) => flag.to_string(),
            Self::Number(number) => number.to_string(),
            Self::List(items) => {
                let items: Vec<String> = items.iter().map(Self::to_toml).collect();
                format!("[{}]", items.join(", "))
            }
            Self::Table(entries) => {
                let entries: Vec<String> =
                    entries.iter().map(|(key, value)| format!("{} = {}", toml_string(key), value.to_toml())).collect();
                format!("{{ {} }}", entries.join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::SourceFile;
    use crate::project::document::Document;

    #[test]
    fn one_form_for_what_means_the_same() {
        let written = |text: &str| {
            let file = SourceFile::new("pyproject.toml", text);
            let document = Document::parse(&file).unwrap();
            let mut problems = Problems::new();
            let setting = Setting::read(&document.root().get("x").unwrap(), &mut problems).map(|x| x.to_toml());
            (setting, problems.len())
        };
        let expected = r#"{ "a" = [1, true], "b" = "q\"\n", "c.d" = { "e" = "" } }"#;
        assert_eq!(written("x = {b='q\"\\n', a=[1,true], 'c.d' = {e=''}}").0.unwrap().len(), expected.len() + 1);
        assert_eq!(
            written("[x]\nb = \"q\\\"\\n\"\na = [\n 1,\n true, ]\n[x.'c.d']\ne = ''\n"),
            (Some(expected.into()), 0)
        );
        assert_eq!(written("x = 1.5"), (None, 1));
    }
}
