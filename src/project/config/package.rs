//! `package`: which member of a workspace the image is of.

use std::str::FromStr;

use uv_normalize::PackageName;

use crate::project::config::element::Element;
use crate::project::document::{Problems, Value, quoted};

impl Element for PackageName {
    const EXPECTED: &'static str = "the name of a member, for example \"api\"";
    const SCHEMA: &'static str = r#"{"type": "string"}"#;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let text = value.string(Self::EXPECTED, problems)?;
        let name = Self::from_str(text).ok();
        if name.is_none() {
            problems.push(
                value
                    .problem(format_args!("{} is not a name for a package", quoted(text)))
                    .help("write the name that the member's [project] table has, not its directory"),
            );
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use crate::project::config::tests::{errors, read};

    #[test]
    fn names_are_normalised() {
        assert_eq!(read("package = 'My_API'").package.unwrap().value.as_str(), "my-api");
    }

    #[test]
    fn refusals() {
        let all = ["'packages/api'", "''", "1", "['api']"].map(|name| errors(&format!("package = {name}")));
        insta::assert_snapshot!(all.join("\n"));
    }
}
