//! `user`: who the container runs as. `"10001:10001"` in Docker's form, or a table with name, ids and home. What is written
//! here becomes a line of `/etc/passwd`, so names and homes are held to what may stand there.

use crate::project::config::element::{Element, keys};
use crate::project::config::workdir::is_clean_absolute;
use crate::project::document::{Located, Problems, Value, quoted};

/// Container runtimes refuse greater ids.
const GREATEST_ID: i64 = 0x7fff_ffff;

/// The default of user and group id.
const DEFAULT_ID: u32 = 10001;

/// A user of the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The login name.
    pub name: String,
    /// The user id; 0 is root.
    pub uid: u32,
    /// The group id.
    pub gid: u32,
    /// The home directory, absolute.
    pub home: String,
}

impl Default for User {
    fn default() -> Self {
        Self::with_ids(DEFAULT_ID, DEFAULT_ID)
    }
}

impl User {
    /// Whether this is root.
    pub fn is_root(&self) -> bool {
        self.uid == 0
    }

    fn with_ids(uid: u32, gid: u32) -> Self {
        let name = if uid == 0 { "root" } else { "app" };
        Self { name: name.to_owned(), uid, gid, home: home_of(name) }
    }
}

fn home_of(name: &str) -> String {
    if name == "root" { "/root".to_owned() } else { format!("/home/{name}") }
}

keys! {
    /// The keys of `[tool.pyfront.user]`.
    pub struct UserTable {
        /// The login name. The default is `app`.
        "name" => name: UserName,
        /// The user id. The default is 10001.
        "uid" => uid: Id,
        /// The group id. The default is the user id.
        "gid" => gid: Id,
        /// The home directory. The default is `/home/<name>`.
        "home" => home: Home,
    }
}

/// The login name of a user: what POSIX and Debian's `useradd` accept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserName(String);

impl Element for UserName {
    const EXPECTED: &'static str = "a user name such as \"app\"";
    const SCHEMA: &'static str = r#"{"type": "string"}"#;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let text = value.string(Self::EXPECTED, problems)?;
        if is_user_name(text) {
            return Some(Self(text.to_owned()));
        }
        problems.push(
            value
                .problem(format_args!("{} is not a user name", quoted(text)))
                .help("use lower-case letters, digits, '_' and '-', begin with a letter or '_', at most 32 characters"),
        );
        None
    }
}

/// A user or group id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Id(u32);

impl Element for Id {
    const EXPECTED: &'static str = "a number from 0 to 2147483647";
    const SCHEMA: &'static str = r#"{"type": "integer", "minimum": 0}"#;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let id = value.as_integer().filter(|id| (0..=GREATEST_ID).contains(id)).and_then(|id| u32::try_from(id).ok());
        if id.is_none() {
            problems.push(if value.is_integer() {
                value.problem(format_args!("must be {}", Self::EXPECTED))
            } else {
                value.wrong_type(Self::EXPECTED)
            });
        }
        id.map(Self)
    }
}

/// The home directory of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home(String);

impl Element for Home {
    const EXPECTED: &'static str = "an absolute path such as \"/home/app\"";
    const SCHEMA: &'static str = r#"{"type": "string", "pattern": "^/"}"#;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let text = value.string(Self::EXPECTED, problems)?;
        if is_clean_absolute(text) && text != "/" {
            return Some(Self(text.to_owned()));
        }
        let problem = value.problem(format_args!("{} can't be a home directory", quoted(text)));
        problems.push(problem.help("write an absolute path without \"..\", \":\" and control characters"));
        None
    }
}

impl Element for User {
    const EXPECTED: &'static str =
        "\"uid\" or \"uid:gid\" in numbers, \"root\", or a table such as { name = \"app\", uid = 10001 }";
    const SCHEMA: &'static str = r##"{"anyOf": [{"type": ["string", "integer"]}, {"$ref": "#/$defs/user"}]}"##;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        if value.is_integer() {
            return Id::read(value, problems).map(|id| Self::with_ids(id.0, id.0));
        }
        if let Some(text) = value.as_str() {
            return read_text(value, text, problems);
        }
        let before = problems.len();
        let table = UserTable::read_table(&value.table(Self::EXPECTED, problems)?, problems);
        let named_root = table.name.as_ref().filter(|name| name.value.0 == "root");
        let uid = table.uid.as_ref().map_or(if named_root.is_some() { 0 } else { DEFAULT_ID }, |uid| uid.value.0);
        let gid = table.gid.map_or(uid, |gid| gid.value.0);
        let mut user = Self::with_ids(uid, gid);
        if let Some(name) = &table.name {
            if (name.value.0 == "root") != (uid == 0) {
                problems.push(root_conflict(value, name, table.uid.as_ref()));
                return None;
            }
            user.name.clone_from(&name.value.0);
            user.home = home_of(&user.name);
        }
        if let Some(home) = table.home {
            user.home = home.value.0;
        }
        (problems.len() == before).then_some(user)
    }
}

fn root_conflict(
    value: &Value<'_>,
    name: &Located<UserName>,
    uid: Option<&Located<Id>>,
) -> crate::diagnostic::Diagnostic {
    let place = uid.map_or(&name.location, |uid| &uid.location);
    value
        .problem("must use the name root for uid 0, and only for it")
        .at_location(Some(place.clone()))
        .help("write user = \"root\", or choose another uid")
}

fn read_text(value: &Value<'_>, text: &str, problems: &mut Problems) -> Option<User> {
    if text == "root" {
        return Some(User::with_ids(0, 0));
    }
    let id = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<u32>().ok()).flatten().filter(|id| i64::from(*id) <= GREATEST_ID)
    };
    let (uid, gid) = text.split_once(':').unwrap_or((text, text));
    if let (Some(uid), Some(gid)) = (id(uid), id(gid)) {
        return Some(User::with_ids(uid, gid));
    }
    let problem = value.problem(format_args!("{} is not a user", quoted(text)));
    problems.push(if is_user_name(text) {
        problem.help(format!("give the name its number: user = {{ name = {text:?}, uid = {DEFAULT_ID} }}"))
    } else {
        problem
            .note(format!("must be {}; ids go from 0 to {GREATEST_ID}", User::EXPECTED))
            .help(format!("write numbers, for example user = \"{DEFAULT_ID}:{DEFAULT_ID}\""))
    });
    None
}

fn is_user_name(text: &str) -> bool {
    text.len() <= 32
        && text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte == b'_')
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::config::tests::{errors, read};

    fn user(text: &str) -> (String, u32, u32, String) {
        let user = read(&format!("user = {text}")).user.unwrap().value;
        (user.name, user.uid, user.gid, user.home)
    }

    fn made(name: &str, uid: u32, gid: u32, home: &str) -> (String, u32, u32, String) {
        (name.to_owned(), uid, gid, home.to_owned())
    }

    #[test]
    fn forms() {
        assert_eq!(user("'1000:1001'"), made("app", 1000, 1001, "/home/app"));
        assert_eq!(user("'1000'"), made("app", 1000, 1000, "/home/app"));
        assert_eq!(user("1000"), made("app", 1000, 1000, "/home/app"));
        assert_eq!(user("'root'"), made("root", 0, 0, "/root"));
        assert_eq!(user("'0:0'"), made("root", 0, 0, "/root"));
        assert_eq!(user("{ name = 'agent' }"), made("agent", 10001, 10001, "/home/agent"));
        assert_eq!(user("{ uid = 5, gid = 6, home = '/srv/x' }"), made("app", 5, 6, "/srv/x"));
        assert_eq!(user("{ name = 'root' }"), made("root", 0, 0, "/root"));
        assert_eq!(User::default().uid, 10001);
    }

    #[test]
    fn refusals() {
        let all = [
            "'app'",
            "'App User'",
            "'1000:app'",
            "'-1'",
            "''",
            "'4294967296'",
            "true",
            "-5",
            "{ name = 'App', uid = 1.5, gid = 4294967296, home = 'x', shell = '/bin/sh' }",
            "{ name = 'x:0:0', home = '/a:/bin/sh' }",
            "{ name = 'app', uid = 0 }",
            "{ name = 'root', uid = 7 }",
        ];
        let all: Vec<String> = all.iter().map(|user| errors(&format!("user = {user}"))).collect();
        insta::assert_snapshot!(all.join("\n"));
    }
}
