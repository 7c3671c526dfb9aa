//! What every key of `[tool.pyfront]` has in common: it is read from a TOML value with all its problems collected, says
//! what it expects, and knows how a Dockerfile's value combines with that of `pyproject.toml`. The `keys!` macro makes a
//! strict table out of a list of documented keys, so that a new key is one entry there and one file for its type.

use crate::project::document::{Located, Problems, Value};

/// The type of a key's value.
pub trait Element: Sized {
    /// How a value is written, for messages and documentation: "an array of strings, for example …".
    const EXPECTED: &'static str;
    /// The same as a JSON Schema, for editors: in JSON, one object. It may be laxer than what is read.
    const SCHEMA: &'static str = ANYTHING;

    /// Reads a value. `None` when it is wrong; then at least one problem was added.
    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self>;

    /// This value with a more important one on top. Most values are replaced; tables of names are merged.
    #[must_use]
    fn overlay(self, above: Self) -> Self {
        above
    }
}

/// The schema of a type that has none yet.
pub(super) const ANYTHING: &str = "{}";

/// A key of a table, for documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// Its name, in kebab case.
    pub name: &'static str,
    /// What it is for: the doc comment of its field.
    pub doc: &'static str,
    /// How its value is written.
    pub expected: &'static str,
    /// The JSON Schema of its value.
    pub schema: &'static str,
}

impl Element for bool {
    const EXPECTED: &'static str = "true or false";
    const SCHEMA: &'static str = r#"{"type": "boolean"}"#;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        value.boolean(problems)
    }
}

/// Puts one located element on top of another.
pub(super) fn overlay<T: Element>(below: Option<Located<T>>, above: Option<Located<T>>) -> Option<Located<T>> {
    match (below, above) {
        (Some(below), Some(above)) => Some(Located::new(below.value.overlay(above.value), above.location)),
        (below, above) => above.or(below),
    }
}

/// Our key for what other tools (Dockerfiles, Compose, uv's command line) call by another name.
pub(super) fn name_of_other_tool(name: &str) -> Option<&'static str> {
    const OTHER_NAMES: &[(&str, &str)] = &[
        ("apk", "packages"),
        ("apt", "packages"),
        ("apt-packages", "packages"),
        ("cmd", "command"),
        ("environment", "env"),
        ("expose", "ports"),
        ("extra", "extras"),
        ("from", "base"),
        ("group", "groups"),
        ("image", "base"),
        ("member", "package"),
        ("no-dev", "no-default-groups"),
        ("python-version", "python"),
        ("chmod", "mode"),
        ("chown", "owner"),
        ("destination", "dest"),
        ("source", "src"),
        ("stages", "targets"),
        ("system-packages", "packages"),
        ("target", "targets"),
        ("test", "command"),
        ("url", "path"),
        ("volume", "volumes"),
        ("uv-version", "uv"),
        ("working-dir", "workdir"),
    ];
    let name = name.to_ascii_lowercase().replace('_', "-");
    OTHER_NAMES.iter().find(|(other, _)| *other == name).map(|(_, ours)| *ours)
}

/// Declares a table with known keys only: a struct of optional located values, the list of its keys with their
/// documentation, and a reader that reports unknown keys.
macro_rules! keys {
    (
        $(#[$meta:meta])*
        $visibility:vis struct $name:ident {
            $( $(#[doc = $doc:literal])+ $key:literal => $field:ident: $type:ty, )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        $visibility struct $name {
            $( $(#[doc = $doc])+ pub $field: Option<$crate::project::document::Located<$type>>, )+
        }

        impl $name {
            /// Every key, in the order of the documentation.
            pub const KEYS: &'static [$crate::project::config::element::Key] = &[
                $( $crate::project::config::element::Key {
                    name: $key,
                    doc: concat!($($doc, "\n"),+),
                    expected: <$type as $crate::project::config::element::Element>::EXPECTED,
                    schema: <$type as $crate::project::config::element::Element>::SCHEMA,
                }, )+
            ];

            /// Reads a table. Every unknown key and every wrong value is a problem.
            pub fn read_table(
                table: &$crate::project::document::Table<'_>,
                problems: &mut $crate::project::document::Problems,
            ) -> Self {
                use $crate::project::config::element::Element as _;
                let mut read = Self::default();
                for value in table.entries() {
                    match value.key() {
                        $( $key => read.$field = <$type>::read(&value, problems).map(|element| value.located(element)), )+
                        _ => {
                            let meant = $crate::project::config::element::name_of_other_tool(value.key());
                            problems.push(value.unknown_key(&[$($key),+], meant));
                        }
                    }
                }
                read
            }

            /// These values with more important ones on top. Tables of names are merged name by name; all other values are
            /// replaced.
            #[must_use]
            pub fn overlay(self, above: Self) -> Self {
                Self {
                    $( $field: $crate::project::config::element::overlay(self.$field, above.$field), )+
                }
            }
        }
    };
}
pub(super) use keys;
