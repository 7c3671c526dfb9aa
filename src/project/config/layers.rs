//! `layers`: how the packages are shared out to layers.

use uv_normalize::PackageName;

use crate::plan::layers::{FEWEST, MOST};
use crate::project::config::element::{Element, keys};
use crate::project::config::selection::names;
use crate::project::document::{Located, Problems, Value};

keys! {
    /// The keys of `[tool.pyfront.layers]`.
    pub struct Layers {
        /// The most layers that projects and their dependencies may have on top of the base; system packages, copies and commands
        /// come on top of that. The default is 56: with the base of an official image that is less than 64. Fewer layers make less to ask a registry for; more let a change of one package move less.
        "max" => max: Max,
        /// Packages that have a layer of their own, whatever their size: those that change more often than others.
        "own" => own: Packages,
        /// Packages that share a layer with others, whatever their size.
        "shared" => shared: Packages,
    }
}

/// `max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Max(u8);

impl Max {
    /// The number of layers.
    pub fn get(self) -> u8 {
        self.0
    }
}

impl Element for Max {
    const EXPECTED: &'static str = "a number from 8 to 119";
    const SCHEMA: &'static str = r#"{"type": "integer", "minimum": 8, "maximum": 119}"#;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let max = value.as_integer().and_then(|number| u8::try_from(number).ok());
        if let Some(max) = max.filter(|max| (FEWEST..=MOST).contains(max)) {
            return Some(Self(max));
        }
        problems.push(if value.is_integer() {
            value
                .problem(format_args!("must be {}", Self::EXPECTED))
                .help("Docker can't run images of more than 127 layers, and the base has some")
        } else {
            value.wrong_type(Self::EXPECTED)
        });
        None
    }
}

/// Names of packages, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Packages(pub Vec<Located<PackageName>>);

impl Packages {
    fn has(&self, name: &PackageName) -> bool {
        self.0.iter().any(|known| known.value == *name)
    }
}

impl Element for Packages {
    const EXPECTED: &'static str = "an array of packages, for example [\"numpy\"]";
    const SCHEMA: &'static str = r#"{"type": "array", "items": {"type": "string"}}"#;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        names(value, Self::EXPECTED, "a package", problems).map(Self)
    }
}

impl Element for Layers {
    const EXPECTED: &'static str = "a table with max, own and shared";
    const SCHEMA: &'static str = r##"{"$ref": "#/$defs/layers"}"##;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let before = problems.len();
        let layers = Self::read_table(&value.table(Self::EXPECTED, problems)?, problems);
        let own = layers.own.as_ref().map(|own| &own.value);
        for name in layers.shared.iter().flat_map(|shared| &shared.0) {
            if own.is_some_and(|own| own.has(name)) {
                problems.push(
                    value
                        .problem(format_args!("{} can't have a layer of its own and share one", name.value))
                        .at_location(Some(name.location.clone()))
                        .help("remove it from own or from shared"),
                );
            }
        }
        (problems.len() == before).then_some(layers)
    }

    fn overlay(self, above: Self) -> Self {
        Self::overlay(self, above)
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr as _;

    use super::*;
    use crate::project::config::tests::{errors, read};

    #[test]
    fn names_are_normalised() {
        let layers = read("layers = { max = 20, own = ['Sci_Py', 'scipy', 'numpy'], shared = [] }").layers.unwrap();
        assert_eq!(layers.max.as_ref().unwrap().get(), 20);
        let own = layers.own.as_ref().unwrap();
        assert_eq!(own.0.iter().map(|name| name.as_str()).collect::<Vec<_>>(), ["sci-py", "scipy", "numpy"]);
        assert!(own.has(&PackageName::from_str("SciPy").unwrap()));
    }

    #[test]
    fn a_more_important_file_wins_key_by_key() {
        let above = read("layers = { own = ['a'] }");
        let layers = read("[layers]\nmax = 9\nown = ['b']\n").overlay(above).layers.unwrap().value;
        assert_eq!((layers.max.unwrap().get(), layers.own.unwrap().0[0].as_str()), (9, "a"));
    }

    #[test]
    fn refusals() {
        insta::assert_snapshot!(errors("[layers]\nmax = 127\nown = ['a', 'B']\nshared = ['b', '-x', 1]\nslots = 3\n"));
        insta::assert_snapshot!(errors("[layers]\nmax = '20'\nown = 'numpy'\n"));
        insta::assert_snapshot!(errors("layers = 20\n"));
    }
}
