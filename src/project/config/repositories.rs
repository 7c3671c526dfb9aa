//! `[[tool.pyfront.repositories]]`: further sources of system packages, such as a company's or a vendor's, each with the key that its
//! index is signed with. What stands here gets into settings of a package manager, so a text that could be anything else is
//! refused.

use crate::diagnostic::Location;
use crate::project::config::copy::Src;
use crate::project::config::element::{Element, keys};
use crate::project::config::run::{SecretIds, tables};
use crate::project::document::{Located, Problems, Value, quoted};

/// The repositories, in the order in which they were written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repositories(pub Vec<Repository>);

/// A repository of apt or of apk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Its address.
    pub url: String,
    /// The distribution in it, for apt; `None` for the one that the base image is of.
    pub suite: Option<String>,
    /// The parts of that, for apt.
    pub components: Vec<String>,
    /// What its index is signed with.
    pub key: Key,
    /// Where it was written.
    pub location: Location,
}

/// The public key of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// A file of the build context: its path, which begins with a slash.
    File(Located<String>),
    /// A build secret: its id.
    Secret(String),
}

/// `url` of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url(String);

impl Element for Url {
    const EXPECTED: &'static str = "an address such as \"https://apt.example.com/debian\"";
    const SCHEMA: &'static str = r#"{"type": "string", "pattern": "^https?://"}"#;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let text = value.string(Self::EXPECTED, problems)?;
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
        let host = rest.split('/').next().unwrap_or_default();
        // Of brackets and the like apt makes options, of blanks further words.
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/%+@".contains(&byte);
        if host.contains('@') {
            let problem = value.problem("has a user in it, who would be seen in the build");
            problems.push(
                problem.help("leave the user out, and pass a netrc: docker buildx build --secret id=netrc,src=…"),
            );
            return None;
        }
        if host.is_empty() || !rest.bytes().all(is_plain) || rest.contains("..") {
            let problem = value.problem(format_args!("must be {}, not {}", Self::EXPECTED, quoted(text)));
            problems.push(problem.help("write the address as in sources.list or in /etc/apk/repositories"));
            return None;
        }
        Some(Self(text.to_owned()))
    }
}

/// One word of apt's: a suite, a component.
fn is_word(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/+".contains(&byte);
    !text.is_empty() && !text.starts_with('-') && !text.contains("..") && text.len() < 200 && text.bytes().all(is_plain)
}

/// `suite` of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suite(String);

impl Element for Suite {
    const EXPECTED: &'static str = "a suite such as \"trixie\", or a path with a slash at its end";
    const SCHEMA: &'static str = r#"{"type": "string"}"#;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let text = value.string(Self::EXPECTED, problems)?;
        if is_word(text) {
            return Some(Self(text.to_owned()));
        }
        problems.push(value.problem(format_args!("must be {}, not {}", Self::EXPECTED, quoted(text))));
        None
    }
}

/// `components` of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Components(Vec<String>);

impl Element for Components {
    const EXPECTED: &'static str = "an array of components, for example [\"main\"]";
    const SCHEMA: &'static str = r#"{"type": "array", "items": {"type": "string"}}"#;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let before = problems.len();
        let words = value.strings(Self::EXPECTED, problems)?;
        for word in words.iter().filter(|word| !is_word(word)) {
            problems.push(
                value
                    .problem(format_args!("has {}, which is no component", quoted(word)))
                    .at_location(Some(word.location.clone()))
                    .help("write them as in sources.list, for example [\"main\"]"),
            );
        }
        (problems.len() == before).then(|| Self(words.into_iter().map(|word| word.value).collect()))
    }
}

/// `key-secret` of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretId(String);

impl Element for SecretId {
    const EXPECTED: &'static str = "the id of a secret, for example \"apt-key\"";
    const SCHEMA: &'static str = r#"{"type": "string"}"#;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let text = value.string(Self::EXPECTED, problems)?;
        // apk knows keys by the names of their files, which begin like an address of mail.
        if SecretIds::is_id(&text.replace('@', "-")) {
            return Some(Self(text.to_owned()));
        }
        let problem = value.problem(format_args!("{} is not an id of a secret", quoted(text)));
        problems.push(problem.help("write the id alone, as in docker buildx build --secret id=apt-key,src=key.asc"));
        None
    }
}

keys! {
    /// The keys of `[[tool.pyfront.repositories]]`.
    pub struct RepositoryTable {
        /// Its address, as in `sources.list` or in `/etc/apk/repositories`.
        "url" => url: Url,
        /// The suite, for apt. The default is the release that the base image is of, such as `"trixie"`. One that ends in a slash is a
        /// directory without components.
        "suite" => suite: Suite,
        /// The components of the suite, for apt. The default is `["main"]`.
        "components" => components: Components,
        /// The public key that its index is signed with: a file of the build context, with or without armour. What apk calls the
        /// key is the file's name.
        "key" => key: Src,
        /// The id of a build secret that is the public key, in place of `key`.
        "key-secret" => key_secret: SecretId,
    }
}

impl Element for Repositories {
    const EXPECTED: &'static str = "tables, each as [[tool.pyfront.repositories]]";
    const SCHEMA: &'static str = r##"{"type": "array", "items": {"$ref": "#/$defs/repository"}}"##;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let before = problems.len();
        let found = tables(value, Self::EXPECTED, problems)?;
        let found = found.iter().filter_map(|item| read_repository(item, problems)).collect();
        (problems.len() == before).then_some(Self(found))
    }
}

fn read_repository(item: &Value<'_>, problems: &mut Problems) -> Option<Repository> {
    let before = problems.len();
    let table = RepositoryTable::read_table(&item.table("a table", problems)?, problems);
    if problems.len() > before {
        return None;
    }
    let Some(url) = table.url else {
        problems.push(item.problem("has no url").help("add for example url = \"https://apt.example.com/debian\""));
        return None;
    };
    let key = match (table.key, table.key_secret) {
        (Some(key), None) => Key::File(Located::new(key.value.0, key.location)),
        (None, Some(secret)) => Key::Secret(secret.value.0),
        (found, _) => {
            let what = if found.is_some() { "has both key and key-secret" } else { "has no key" };
            problems.push(item.problem(what).at_location(Some(url.location)).help(
                "add key = \"FILE\" with the public key that the repository is signed with, or key-secret = \"ID\" for one that is a \
                 build secret",
            ));
            return None;
        }
    };
    let suite = table.suite.map(|suite| suite.value.0);
    let is_directory = suite.as_ref().is_some_and(|suite| suite.ends_with('/'));
    let components = match table.components {
        Some(components) if is_directory && !components.value.0.is_empty() => {
            let problem =
                item.problem("has components in a suite that is a directory").at_location(Some(components.location));
            problems.push(problem.help("remove components, or the slash at the end of suite"));
            return None;
        }
        Some(components) => components.value.0,
        None if is_directory => Vec::new(),
        None => vec!["main".to_owned()],
    };
    Some(Repository { url: url.value.0, suite, components, key, location: url.location })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::config::tests::{errors, read};

    #[test]
    fn keys_are_files_or_secrets() {
        let found = read(
            "[[repositories]]\nurl = 'https://apt.example.com/debian'\nkey = 'keys/acme.asc'\n\
             [[repositories]]\nurl = 'http://10.0.0.1:8080/flat'\nsuite = 'stable/'\nkey-secret = 'apt-key'\n",
        );
        let found = found.repositories.unwrap().value.0;
        assert!(matches!(&found[0].key, Key::File(path) if path.value == "/keys/acme.asc"));
        assert_eq!((found[0].suite.as_deref(), found[0].components.as_slice()), (None, &["main".to_owned()][..]));
        assert_eq!(found[1].key, Key::Secret("apt-key".to_owned()));
        assert_eq!((found[1].suite.as_deref(), found[1].components.len()), (Some("stable/"), 0));
        assert_eq!(found[1].location.to_string(), "Dockerfile:5");
    }

    #[test]
    fn refusals() {
        let all = [
            "[repositories]\nurl = 'x'\n",
            "[[repositories]]\nkey = 'a.asc'\n",
            "[[repositories]]\nurl = 'https://apt.example.com'\n",
            "[[repositories]]\nurl = 'https://apt.example.com'\nkey = 'a'\nkey-secret = 'b'\n",
            "[[repositories]]\nurl = 'https://me:word@apt.example.com'\nkey = 'a'\n",
            "[[repositories]]\nurl = 'https://apt.example.com [trusted=yes]'\nsuite = 'a b'\ncomponents = ['-x', 'main']\nkey = '../a'\n",
            "[[repositories]]\nurl = 'file:///srv'\nkey-secret = 'a/b'\nsuites = 'x'\n",
            "[[repositories]]\nurl = 'https://apt.example.com'\nkey = 'a'\nsuite = './'\ncomponents = ['main']\n",
        ];
        insta::assert_snapshot!(all.map(errors).join("\n"));
    }
}
