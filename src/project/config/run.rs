//! `[[tool.pyfront.run]]`: commands that run in the image while it is built, such as Django's `collectstatic`, each with a
//! layer of its own.

use crate::diagnostic::{Location, nearest};
use crate::project::config::argv::Argv;
use crate::project::config::directories::Directories;
use crate::project::config::element::{Element, keys};
use crate::project::config::env::Env;
use crate::project::document::{Located, Problems, Value, quoted};

/// The commands, in the order in which they were written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Runs(pub Vec<Run>);

/// A command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// When it runs.
    pub at: At,
    /// Whether it has a network.
    pub network: bool,
    /// The ids of build secrets that it gets as files.
    pub secrets: Vec<String>,
    /// Directories that are kept between builds, and are not in the image.
    pub cache: Vec<String>,
    /// Its own variables.
    pub env: Env,
    /// Which CPU it runs on.
    pub platform: RunPlatform,
    /// Where it was written.
    pub location: Location,
}

/// A point in the making of an image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum At {
    /// When the dependencies are there, before the project.
    Dependencies,
    /// When the project is there, too.
    #[default]
    Project,
    /// When everything is there.
    Runtime,
}

/// Which CPU a command runs on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RunPlatform {
    /// The image's, which is emulated where the builder has another.
    #[default]
    Target,
    /// The builder's.
    Build,
}

/// One of a few words.
fn word<T: Copy>(value: &Value<'_>, expected: &str, words: &[(&str, T)], problems: &mut Problems) -> Option<T> {
    let text = value.string(expected, problems)?;
    let found = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
    if found.is_none() {
        let problem = value.problem(format_args!("must be {expected}, not {}", quoted(text)));
        problems.push(match nearest(text, words.iter().map(|(word, _)| *word)) {
            Some(near) => problem.help(format!("did you mean {near:?}?")),
            None => problem.help(format!("write {:?}", words[0].0)),
        });
    }
    found
}

impl Element for At {
    const EXPECTED: &'static str = "\"dependencies\", \"project\" or \"runtime\"";
    const SCHEMA: &'static str = r#"{"enum": ["dependencies", "project", "runtime"]}"#;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let words = [("project", Self::Project), ("dependencies", Self::Dependencies), ("runtime", Self::Runtime)];
        word(value, Self::EXPECTED, &words, problems)
    }
}

impl Element for RunPlatform {
    const EXPECTED: &'static str = "\"target\" or \"build\"";
    const SCHEMA: &'static str = r#"{"enum": ["target", "build"]}"#;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        word(value, Self::EXPECTED, &[("target", Self::Target), ("build", Self::Build)], problems)
    }
}

/// `secrets` of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretIds(Vec<String>);

impl Element for SecretIds {
    const EXPECTED: &'static str = "an array of ids of secrets, for example [\"token\"]";
    const SCHEMA: &'static str = r#"{"type": "array", "items": {"type": "string"}}"#;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let before = problems.len();
        let ids = value.strings(Self::EXPECTED, problems)?;
        for id in &ids {
            if !Self::is_id(id) {
                problems.push(
                    value
                        .problem(format_args!("has {}, which is not an id of a secret", quoted(id)))
                        .at_location(Some(id.location.clone()))
                        .help("write the id alone, as in docker buildx build --secret id=token,src=token.txt"),
                );
            }
        }
        (problems.len() == before).then(|| Self(ids.into_iter().map(|id| id.value).collect()))
    }
}

impl SecretIds {
    /// Whether a text is the id of a secret, which becomes a file's name.
    pub(super) fn is_id(text: &str) -> bool {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        !text.is_empty() && !text.starts_with('.') && text.len() <= 100 && text.bytes().all(is_plain)
    }
}

keys! {
    /// The keys of `[[tool.pyfront.run]]`.
    pub struct RunTable {
        /// The program and its arguments. It runs as the container's user, in the working directory, with the container's
        /// environment. What it changes in the image's file system is its layer.
        "command" => command: Argv,
        /// When it runs: after the `"dependencies"` are installed and before the project is, so that a change of the project
        /// does not run it again; after the `"project"`, which is the default; or in the finished `"runtime"`.
        "at" => at: At,
        /// Whether it has a network, with the proxies and the company's certificates of the build. The default is `false`.
        "network" => network: bool,
        /// Ids of build secrets that it needs. Each is a file at `/run/secrets/<id>` that gets into no layer.
        "secrets" => secrets: SecretIds,
        /// Directories that are kept on the builder from one build to the next. They are not in the image.
        "cache" => cache: Directories,
        /// Variables that it has besides those of the container. A change of them runs it again.
        "env" => env: Env,
        /// The CPU that it runs on. The default is `"target"`, the image's, which is emulated if the builder has another. With
        /// `"build"` it runs on the builder's, without the image's system packages; packages with compiled code cannot be
        /// imported there.
        "platform" => platform: RunPlatform,
    }
}

impl Element for Runs {
    const EXPECTED: &'static str = "tables, each as [[tool.pyfront.run]]";
    const SCHEMA: &'static str = r##"{"type": "array", "items": {"$ref": "#/$defs/run"}}"##;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let before = problems.len();
        let runs =
            tables(value, Self::EXPECTED, problems)?.iter().filter_map(|item| read_run(item, problems)).collect();
        (problems.len() == before).then_some(Self(runs))
    }
}

/// The tables of an array. One table in its place is a common slip.
pub(super) fn tables<'a>(value: &Value<'a>, expected: &str, problems: &mut Problems) -> Option<Vec<Value<'a>>> {
    if value.as_table().is_some() {
        problems.push(value.wrong_type(expected).help(format!("write [[{}]], with two brackets", value.path())));
        return None;
    }
    value.array(expected, problems)
}

fn read_run(item: &Value<'_>, problems: &mut Problems) -> Option<Run> {
    let before = problems.len();
    let table = RunTable::read_table(&item.table("a table", problems)?, problems);
    if table.command.is_none() && problems.len() == before {
        problems
            .push(item.problem("has no command").help("add for example command = [\"python\", \"-m\", \"app.build\"]"));
    }
    let command = table.command?;
    Some(Run {
        location: command.location.clone(),
        command: command.to_vec(),
        at: value_of(table.at),
        network: value_of(table.network),
        secrets: table.secrets.map(|ids| ids.value.0).unwrap_or_default(),
        cache: table.cache.map(|directories| directories.to_vec()).unwrap_or_default(),
        env: value_of(table.env),
        platform: value_of(table.platform),
    })
}

pub(super) fn value_of<T: Default>(written: Option<Located<T>>) -> T {
    written.map(|written| written.value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::config::tests::{errors, read};

    #[test]
    fn commands_in_order() {
        let runs = read(
            "[[run]]\ncommand = ['b']\n[[run]]\ncommand = ['a', 'x']\nat = 'dependencies'\nnetwork = true\n\
             secrets = ['token']\ncache = ['/var/cache/x']\nenv = { A = '1' }\nplatform = 'build'\n",
        )
        .run
        .unwrap()
        .value
        .0;
        assert_eq!(
            (runs[0].command.as_slice(), runs[0].at, runs[0].network),
            (&["b".to_owned()][..], At::Project, false)
        );
        assert_eq!((runs[1].at, runs[1].network, runs[1].platform), (At::Dependencies, true, RunPlatform::Build));
        assert_eq!(
            (runs[1].secrets.as_slice(), runs[1].cache.as_slice()),
            (&["token".to_owned()][..], &["/var/cache/x".to_owned()][..])
        );
        assert_eq!(runs[1].location.to_string(), "Dockerfile:4");
    }

    #[test]
    fn refusals() {
        let all = [
            "[run]\ncommand = ['x']\n",
            "run = ['x']\n",
            "[[run]]\nat = 'project'\n",
            "[[run]]\ncommand = 'python manage.py collectstatic'\n",
            "[[run]]\ncommand = ['x']\nat = 'projekt'\nplatform = 'arm64'\nnetwork = 'none'\n",
            "[[run]]\ncommand = ['x']\nsecrets = ['a/b', '..', 'id=x']\ncache = ['cache']\ncmd = ['y']\n",
        ];
        insta::assert_snapshot!(all.map(errors).join("\n"));
    }
}
