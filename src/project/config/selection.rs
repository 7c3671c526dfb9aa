//! `extras` and `groups`: what is installed besides the project's own dependencies, named as uv names it.

use std::str::FromStr;

use uv_normalize::{ExtraName, GroupName};

use crate::project::config::element::Element;
use crate::project::document::{Located, Problems, Value, quoted};

/// Some names, or all that there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection<T> {
    /// `"all"`.
    All,
    /// These, each once.
    Names(Vec<Located<T>>),
}

/// The extras to install.
pub type Extras = Selection<ExtraName>;

/// The dependency groups to install besides the default ones.
pub type Groups = Selection<GroupName>;

impl Element for Extras {
    const EXPECTED: &'static str = "an array of extras, for example [\"postgres\"], or \"all\"";
    const SCHEMA: &'static str = r#"{"anyOf": [{"const": "all"}, {"type": "array", "items": {"type": "string"}}]}"#;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        read_names(value, Self::EXPECTED, "an extra", problems)
    }
}

impl Element for Groups {
    const EXPECTED: &'static str = "an array of dependency groups, for example [\"worker\"], or \"all\"";
    const SCHEMA: &'static str = r#"{"anyOf": [{"const": "all"}, {"type": "array", "items": {"type": "string"}}]}"#;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        read_names(value, Self::EXPECTED, "a dependency group", problems)
    }
}

/// Reads names or `"all"`. `what` reads like "an extra".
fn read_names<T: FromStr + PartialEq>(
    value: &Value<'_>,
    expected: &str,
    what: &str,
    problems: &mut Problems,
) -> Option<Selection<T>> {
    match value.as_str() {
        Some("all") => return Some(Selection::All),
        Some(text) => {
            problems.push(value.wrong_type(expected).help(format!("write {} = [{}]", value.key(), quoted(text))));
            return None;
        }
        None => {}
    }
    names(value, expected, what, problems).map(Selection::Names)
}

/// Reads an array of names, and drops those that are there twice. `what` reads like "an extra".
pub(super) fn names<T: FromStr + PartialEq>(
    value: &Value<'_>,
    expected: &str,
    what: &str,
    problems: &mut Problems,
) -> Option<Vec<Located<T>>> {
    let before = problems.len();
    let mut names: Vec<Located<T>> = Vec::new();
    for item in value.array(expected, problems)? {
        let Some(written) = item.string("a string", problems) else { continue };
        match T::from_str(written) {
            Ok(name) if names.iter().any(|known| known.value == name) => {}
            Ok(name) => names.push(item.located(name)),
            Err(_) => problems.push(
                item.problem(format_args!("{} is not a name for {what}", quoted(written)))
                    .help("use letters, digits, '-', '_' and '.', and begin and end with a letter or digit"),
            ),
        }
    }
    (problems.len() == before).then_some(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::config::tests::{errors, read};

    #[test]
    fn names_are_normalised() {
        let Selection::Names(names) = read("extras = ['PG_sql', 'pg-sql', 'b']").extras.unwrap().value else {
            panic!()
        };
        let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
        assert_eq!(names, ["pg-sql", "b"]);
        assert_eq!(read("groups = 'all'").groups.unwrap().value, Selection::All);
    }

    #[test]
    fn refusals() {
        insta::assert_snapshot!(errors("extras = 'pg'\ngroups = ['a b', '', 1, '-x']\n"));
        insta::assert_snapshot!(errors("extras = true\ngroups = { a = 1 }\nno-default-groups = 'yes'\n"));
    }
}
