//! The package indexes that `[tool.uv]` declares: `[[tool.uv.index]]`, and the older `index-url` and `extra-index-url`.

use std::fmt;

use super::credentials::refusal;
use super::document::{Problems, Table, Value};
use crate::diagnostic::{Diagnostic, Location};

/// When credentials are sent to an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Authenticate {
    /// When there are any.
    #[default]
    Auto,
    /// Always: the index is private.
    Always,
    /// Never: the index is public.
    Never,
}

/// A declared index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// Its name; what is declared in the older way has none, and what is no name for uv is none here.
    pub name: Option<String>,
    /// Its URL, or the path of a directory. It holds no credentials.
    pub url: String,
    /// Whether only those packages come from it that name it.
    pub explicit: bool,
    /// When credentials are sent to it.
    pub authenticate: Authenticate,
    /// Where it is declared.
    pub location: Location,
}

impl Index {
    /// What the names of its variables begin with: `UV_INDEX_<NAME>`, as uv derives it from the name.
    pub fn variable(&self) -> Option<String> {
        let upper = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        self.name.as_ref().map(|name| format!("UV_INDEX_{}", name.chars().map(upper).collect::<String>()))
    }
}

/// Reads the indexes of `[tool.uv]`.
pub(super) fn read(uv: &Table<'_>, problems: &mut Problems) -> Vec<Index> {
    let mut indexes = Vec::new();
    for value in uv.get("index").and_then(|value| value.as_array()).unwrap_or_default() {
        if let Some(table) = value.as_table() {
            indexes.extend(read_index(&table, problems));
        }
    }
    let older = uv.get("index-url").into_iter();
    let extra = uv.get("extra-index-url").and_then(|value| value.as_array()).unwrap_or_default();
    for value in older.chain(extra) {
        indexes.extend(value.as_str().map(|url| Index {
            name: None,
            url: url.to_owned(),
            explicit: false,
            authenticate: Authenticate::Auto,
            location: value.location(),
        }));
    }
    indexes
}

fn read_index(table: &Table<'_>, problems: &mut Problems) -> Option<Index> {
    let url = table.get("url")?.string("a URL", problems)?.to_owned();
    let authenticate = match table.get("authenticate") {
        None => Authenticate::Auto,
        Some(value) => match value.as_str() {
            Some("auto") => Authenticate::Auto,
            Some("always") => Authenticate::Always,
            Some("never") => Authenticate::Never,
            _ => {
                problems.push(value.problem("must be \"auto\", \"always\" or \"never\""));
                Authenticate::Auto
            }
        },
    };
    Some(Index {
        name: table.get("name").and_then(|value| value.as_str()).filter(|name| is_name(name)).map(str::to_owned),
        url,
        explicit: table.get("explicit").and_then(|value| value.as_bool()).unwrap_or_default(),
        authenticate,
        location: table.location(),
    })
}

/// uv's rule for names of indexes.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// Refuses credentials in the URL of an index; a token can stand in the place of the user name. The diagnostic has no place, so that nobody draws the line, and nothing else
/// that is wrong with the file is told with it.
pub(super) fn refuse_credentials(uv: &Table<'_>) -> Result<(), Diagnostic> {
    let mut values: Vec<Value<'_>> = Vec::new();
    for key in ["index-url", "extra-index-url", "find-links"] {
        values.extend(uv.get(key));
    }
    for value in uv.get("index").and_then(|value| value.as_array()).unwrap_or_default() {
        let Some(table) = value.as_table() else { continue };
        values.extend(["url", "publish-url"].into_iter().filter_map(|key| table.get(key)));
    }
    let single = values.iter().cloned();
    let listed = values.iter().filter_map(Value::as_array).flatten();
    for value in single.chain(listed) {
        if value.as_str().is_some_and(|url| Authority::of(url).is_some_and(|authority| authority.has_user)) {
            let place = value.location();
            let help = "take user name and password out of the URL, give the index a name, and pass them as the build secrets \
                        UV_INDEX_<NAME>_USERNAME and UV_INDEX_<NAME>_PASSWORD; then change the password, since it is in the \
                        repository's history";
            return Err(refusal("the URL of an index", &place.file, place.range.start, help));
        }
    }
    Ok(())
}

/// The part of an http URL that credentials belong to: scheme, host and port. Displayed as `https://host:port`, without the
/// scheme's own port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Realm {
    secure: bool,
    host: String,
    port: u16,
}

impl Realm {
    /// The realm of an http or https URL.
    pub fn of(url: &str) -> Option<Self> {
        let authority = Authority::of(url)?;
        let secure = match authority.scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let (host, port) = match authority.host.rsplit_once(':') {
            // What is behind the last colon of `[::1]` is no port.
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
            _ => (authority.host, if secure { 443 } else { 80 }),
        };
        Some(Self { secure, host: host.to_ascii_lowercase(), port })
    }
}

impl fmt::Display for Realm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, own) = if self.secure { ("https", 443) } else { ("http", 80) };
        write!(f, "{scheme}://{}", self.host)?;
        if self.port == own { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

struct Authority<'a> {
    scheme: &'a str,
    has_user: bool,
    /// With port.
    host: &'a str,
    /// Everything behind the host.
    rest: &'a str,
}

impl<'a> Authority<'a> {
    fn of(url: &'a str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
        Some(Self { scheme, has_user: !user.is_empty(), host, rest })
    }
}

/// Whether two URLs name the same index: user names, the case of hosts, ports that go without saying and a slash at the end
/// make no difference.
pub fn is_same(one: &str, other: &str) -> bool {
    let path = |url: &'_ str| Authority::of(url).map(|authority| authority.rest.trim_end_matches('/').to_owned());
    match (Realm::of(one), Realm::of(other)) {
        (Some(realm), Some(of_other)) => realm == of_other && path(one) == path(other),
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::SourceFile;
    use crate::project::pyproject::Pyproject;

    fn parse(uv: &str) -> Result<Vec<Index>, String> {
        let text = format!("[project]\nname = \"app\"\nversion = \"1\"\n\n[tool.uv]\n{uv}\n");
        let parsed = Pyproject::parse(&SourceFile::new("pyproject.toml", text));
        parsed.map(|pyproject| pyproject.uv.indexes).map_err(|problems| problems.to_string())
    }

    #[test]
    fn indexes_as_uv_takes_them() {
        let indexes = parse(
            "index-url = \"https://old.example/simple\"\nextra-index-url = [\"https://more.example/simple\"]\n\
             [[tool.uv.index]]\nname = \"in-house.2\"\nurl = \"https://host/simple\"\nauthenticate = \"always\"\n\
             explicit = true\npublish-url = \"https://host/upload\"\n\
             [[tool.uv.index]]\nurl = \"https://host/other\"\n",
        )
        .unwrap();
        let shown: Vec<_> = indexes
            .iter()
            .map(|index| (index.variable(), index.url.as_str(), index.authenticate, index.explicit))
            .collect();
        let variable = Some("UV_INDEX_IN_HOUSE_2".to_owned());
        assert_eq!(
            shown,
            [
                (variable, "https://host/simple", Authenticate::Always, true),
                (None, "https://host/other", Authenticate::Auto, false),
                (None, "https://old.example/simple", Authenticate::Auto, false),
                (None, "https://more.example/simple", Authenticate::Auto, false),
            ]
        );
    }

    #[test]
    fn credentials_in_urls_are_refused_and_not_shown() {
        for uv in [
            "[[tool.uv.index]]\nname = 3\nurl = \"https://user:hunter2@host/simple\"",
            "extra-index-url = [\"https://:hunter2@host/simple\"]",
            "index-url = \"https://user:hunter2@host\"",
            "find-links = [\"https://hunter2@host/wheels\"]",
        ] {
            let message = parse(uv).unwrap_err();
            assert!(message.contains("credentials") && !message.contains("hunter2"), "{message}");
        }
        insta::assert_snapshot!(parse("index-url = \"https://user:hunter2@host\"").unwrap_err());
        insta::assert_snapshot!(
            parse("[[tool.uv.index]]\nurl = \"https://host\"\nauthenticate = \"yes\"").unwrap_err()
        );
    }

    #[test]
    fn what_credentials_belong_to() {
        let realm = |url| Realm::of(url).map(|realm| realm.to_string());
        assert_eq!(realm("HTTPS://user@Host:443/simple/?q#f").as_deref(), Some("https://host"));
        assert_eq!(realm("http://host:8080").as_deref(), Some("http://host:8080"));
        assert_eq!(realm("https://[::1]:8443/a").as_deref(), Some("https://[::1]:8443"));
        assert_eq!(realm("https://[::1]/a").as_deref(), Some("https://[::1]"));
        assert_eq!((realm("file:///a"), realm("wheels"), realm("https://host:99999/")), (None, None, None));
        assert_ne!(Realm::of("http://host/"), Realm::of("https://host/"));
        assert!(is_same("https://Host:443/simple/", "https://user@host/simple"));
        assert!(!is_same("https://host/simple", "https://host/simple2"));
        assert!(is_same("./wheels", "./wheels"));
    }
}
