//! `targets`: what `--target` can ask for besides the usual: further images of the same project, such as a worker, and other
//! settings for the targets that there always are. Each is a table of the keys of `[tool.pyfront]` itself, which win over
//! those for the target of that name.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Location};
use crate::project::config::Config;
use crate::project::config::element::Element;
use crate::project::document::{Located, Problems, Value};

/// Settings by the name of the target, in lower case: BuildKit's own are compared without regard to case, too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Targets(pub BTreeMap<String, Located<Config>>);

impl Element for Targets {
    const EXPECTED: &'static str =
        "tables of these keys by the name of a target, for example [tool.pyfront.targets.worker]";
    const SCHEMA: &'static str = r##"{"type": "object", "additionalProperties": {"$ref": "#/$defs/target"}}"##;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let before = problems.len();
        let mut targets: BTreeMap<String, Located<Config>> = BTreeMap::new();
        for target in value.table(Self::EXPECTED, problems)?.entries() {
            let written = target.key();
            let name = written.to_ascii_lowercase();
            if !is_name(&name) {
                problems.push(
                    target
                        .problem("is not a name for a target")
                        .at_location(Some(target.key_location()))
                        .help("use letters, digits, '-', '_' and '.', and begin with a letter"),
                );
                continue;
            }
            let Some(table) = target.table("a table of keys of [tool.pyfront]", problems) else { continue };
            let config = Config::read_table(&table, problems);
            for (key, location) in keys_of_all_targets(&config) {
                problems.push(
                    Diagnostic::new(format!("{}: {key} holds for all targets", target.path()))
                        .at_location(Some(location))
                        .help("write it in [tool.pyfront] itself"),
                );
            }
            if targets.contains_key(&name) {
                problems.push(
                    target
                        .problem("is there twice, but for upper and lower case")
                        .at_location(Some(target.key_location()))
                        .help("remove one of them"),
                );
            }
            targets.insert(name, Located::new(config, target.key_location()));
        }
        (problems.len() == before).then_some(Self(targets))
    }

    fn overlay(mut self, above: Self) -> Self {
        for (name, config) in above.0 {
            let config = match self.0.remove(&name) {
                Some(below) => Located::new(below.value.overlay(config.value), config.location),
                None => config,
            };
            self.0.insert(name, config);
        }
        self
    }
}

/// The keys that say how the project is read, which no target has.
pub(super) const OF_ALL_TARGETS: [&str; 4] = ["package", "uv", "locked", "targets"];

/// What says how the project is read, rather than what becomes of it.
fn keys_of_all_targets(config: &Config) -> Vec<(&'static str, Location)> {
    fn place<T>(value: Option<&Located<T>>) -> Option<Location> {
        value.map(|value| value.location.clone())
    }
    let places = [
        place(config.package.as_ref()),
        place(config.uv.as_ref()),
        place(config.locked.as_ref()),
        place(config.targets.as_ref()),
    ];
    OF_ALL_TARGETS.into_iter().zip(places).filter_map(|(key, place)| Some((key, place?))).collect()
}

fn is_name(text: &str) -> bool {
    text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase())
        && text.len() <= 64
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use crate::project::config::tests::{errors, read};

    #[test]
    fn a_target_has_the_keys_of_the_configuration() {
        let text = "[targets.Worker]\ncommand = ['w']\nenv = { A = 'b' }\n[targets.beat]\nhealthcheck = false\n";
        let targets = read(text).targets.unwrap().value.0;
        assert_eq!(targets.keys().collect::<Vec<_>>(), ["beat", "worker"]);
        assert_eq!(targets["worker"].command.as_ref().unwrap().to_vec(), ["w"]);
        assert_eq!(targets["worker"].location.to_string(), "Dockerfile:1");
    }

    #[test]
    fn a_more_important_file_wins_key_by_key() {
        let below = read("[targets.worker]\ncommand = ['w']\nports = [1]\n[targets.a]\nuser = 1\n");
        let above = read("[targets.worker]\nports = [2]\n[targets.b]\nuser = 2\n");
        let targets = below.overlay(above).targets.unwrap().value.0;
        assert_eq!(targets.keys().collect::<Vec<_>>(), ["a", "b", "worker"]);
        let worker = &targets["worker"];
        assert_eq!(worker.command.as_ref().unwrap().to_vec(), ["w"]);
        assert_eq!(worker.ports.as_ref().unwrap().first_tcp(), Some(2));
    }

    #[test]
    fn refusals() {
        insta::assert_snapshot!(errors(
            "[targets.'a b']\n[targets.worker]\nlocked = false\npackage = 'x'\ncomand = ['x']\n[targets.Worker]\n\
             [targets.x.targets.y]\n[targets]\nz = 1\n"
        ));
        insta::assert_snapshot!(errors("targets = ['worker']\n"));
    }
}
