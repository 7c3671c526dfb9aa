//! `[[tool.pyfront.copy]]`: files that are copied into the image, from the build context, from another image, or from a named
//! context: what `COPY` does in a Dockerfile.

use crate::diagnostic::Location;
use crate::project::config::base::ImageReference;
use crate::project::config::element::{Element, keys};
use crate::project::config::run::{At, tables, value_of};
use crate::project::config::workdir::is_clean_absolute;
use crate::project::document::{Problems, Value, quoted};

/// What is copied, in the order in which it was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Copies(pub Vec<Copy>);

/// A file or a directory that is copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// The image or the named context that it is from; `None` for the build context.
    pub from: Option<String>,
    /// Its path there, absolute from the root of that.
    pub src: String,
    /// Where it goes, perhaps relative to the working directory. With a slash at its end it is a directory to copy into.
    pub dest: String,
    /// Who owns it.
    pub owner: Owner,
    /// Its permission bits; `None` for those it has.
    pub mode: Option<u32>,
    /// When it is copied.
    pub at: At,
    /// Where it was written.
    pub location: Location,
}

/// Who owns what is copied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Owner {
    /// Root, as with `COPY`.
    #[default]
    Root,
    /// The container's user.
    User,
    /// A user and a group by number.
    Ids(u32, u32),
}

impl Element for Owner {
    const EXPECTED: &'static str = "\"root\", \"user\" for the container's user, or \"uid:gid\" in numbers";
    const SCHEMA: &'static str = r#"{"type": "string"}"#;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let text = value.string(Self::EXPECTED, problems)?;
        let id =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<i32>().ok()).flatten();
        let (uid, gid) = text.split_once(':').unwrap_or((text, text));
        match (text, id(uid).and_then(|id| u32::try_from(id).ok()), id(gid).and_then(|id| u32::try_from(id).ok())) {
            ("root", ..) => Some(Self::Root),
            ("user", ..) => Some(Self::User),
            (_, Some(uid), Some(gid)) => Some(Self::Ids(uid, gid)),
            _ => {
                let problem = value.problem(format_args!("must be {}, not {}", Self::EXPECTED, quoted(text)));
                problems.push(problem.help("write owner = \"user\" for files that the program changes"));
                None
            }
        }
    }
}

/// `mode` of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mode(u32);

impl Element for Mode {
    const EXPECTED: &'static str = "permissions in octal, for example \"0755\"";
    const SCHEMA: &'static str = r#"{"type": "string", "pattern": "^[0-7]{3,4}$"}"#;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let text = value.string(Self::EXPECTED, problems)?;
        let octal = (3..=4).contains(&text.len()) && text.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
        let mode = octal.then(|| u32::from_str_radix(text, 8).ok()).flatten();
        if mode.is_none() {
            let problem = value.problem(format_args!("must be {}, not {}", Self::EXPECTED, quoted(text)));
            problems.push(problem.help("write for example mode = \"0644\" for a file, \"0755\" for a program"));
        }
        mode.map(Self)
    }
}

/// `src` of a copy: an absolute path in what is copied from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Src(pub String);

impl Element for Src {
    const EXPECTED: &'static str = "a path such as \"conf/app.ini\"";
    const SCHEMA: &'static str = r#"{"type": "string"}"#;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let text = value.string(Self::EXPECTED, problems)?;
        let path = text.trim_start_matches("./").trim_matches('/');
        let path = if path == "." { "/".to_owned() } else { format!("/{path}") };
        if !text.is_empty() && is_clean_absolute(&path) {
            return Some(Self(path));
        }
        let problem = value.problem(format_args!("{} is not a path to copy", quoted(text)));
        problems.push(problem.help("write a path from the root of what is copied from, without \"..\" and \":\""));
        None
    }
}

/// `dest` of a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dest(String);

impl Element for Dest {
    const EXPECTED: &'static str = "a path such as \"/usr/local/bin/\"";
    const SCHEMA: &'static str = r#"{"type": "string"}"#;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let text = value.string(Self::EXPECTED, problems)?;
        let path = text.strip_prefix("./").unwrap_or(text);
        let path = path.strip_suffix('/').unwrap_or(path);
        let absolute = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        let kernel = ["/proc", "/sys", "/dev", "/run", "/tmp"];
        let taken = text.starts_with('/')
            && kernel
                .iter()
                .any(|taken| absolute.strip_prefix(taken).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
        let root = path.is_empty();
        if !text.is_empty() && !taken && (is_clean_absolute(&absolute) || text == "." || text == "./" || root) {
            return Some(Self(text.to_owned()));
        }
        let problem = value.problem(format_args!("{} is not a place to copy to", quoted(text)));
        problems.push(problem.help(if taken {
            "choose another directory; what lies there is hidden when the container runs"
        } else {
            "write a path of the image, or one from the working directory, without \"..\" and \":\""
        }));
        None
    }
}

/// `from` of a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct From(String);

impl Element for From {
    const EXPECTED: &'static str = "an image or a named context, for example \"node:22-slim\"";
    const SCHEMA: &'static str = r#"{"type": "string"}"#;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let text = value.string(Self::EXPECTED, problems)?;
        match ImageReference::parse(text) {
            Ok(_) => Some(Self(text.to_owned())),
            Err(reason) => {
                problems.push(
                    value
                        .problem(format_args!("{} is neither an image nor a named context: {reason}", quoted(text)))
                        .help("write an image as for docker pull, or the name of a --build-context; leave it out for the build context"),
                );
                None
            }
        }
    }
}

keys! {
    /// The keys of `[[tool.pyfront.copy]]`.
    pub struct CopyTable {
        /// What is copied from: an image, for the image's platform, or a context that `--build-context` names. Without it,
        /// files come from the build context.
        "from" => from: From,
        /// The file or directory to copy, from the root of that. Of a directory its content is copied.
        "src" => src: Src,
        /// Where it goes. With a slash at its end it is a directory to copy into. A path that does not begin with a slash is
        /// one in the working directory.
        "dest" => dest: Dest,
        /// Who owns what is copied. The default is `"root"`.
        "owner" => owner: Owner,
        /// Permissions of everything that is copied, as with `chmod`. The default is those of the source.
        "mode" => mode: Mode,
        /// When it is copied, as for `[[tool.pyfront.run]]`; commands of that point see it. The default is `"project"`.
        "at" => at: At,
    }
}

impl Element for Copies {
    const EXPECTED: &'static str = "tables, each as [[tool.pyfront.copy]]";
    const SCHEMA: &'static str = r##"{"type": "array", "items": {"$ref": "#/$defs/copy"}}"##;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let before = problems.len();
        let copies =
            tables(value, Self::EXPECTED, problems)?.iter().filter_map(|item| read_copy(item, problems)).collect();
        (problems.len() == before).then_some(Self(copies))
    }
}

fn read_copy(item: &Value<'_>, problems: &mut Problems) -> Option<Copy> {
    let before = problems.len();
    let table = CopyTable::read_table(&item.table("a table", problems)?, problems);
    let missing = [("src", table.src.is_none()), ("dest", table.dest.is_none())];
    if problems.len() == before {
        for (key, _) in missing.iter().filter(|(_, missing)| *missing) {
            problems.push(item.problem(format_args!("has no {key}")).help("add src = \"…\" and dest = \"…\""));
        }
    }
    let (src, dest) = (table.src?, table.dest?);
    Some(Copy {
        from: table.from.map(|from| from.value.0),
        location: src.location.clone(),
        src: src.value.0,
        dest: dest.value.0,
        owner: value_of(table.owner),
        mode: table.mode.map(|mode| mode.value.0),
        at: value_of(table.at),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::config::tests::{errors, read};

    #[test]
    fn what_is_copied() {
        let copies = read(
            "[[copy]]\nfrom = 'node:22-slim'\nsrc = '/usr/local/bin/node'\ndest = '/usr/local/bin/'\n\
             [[copy]]\nsrc = './conf/'\ndest = 'conf'\nowner = 'user'\nmode = '0640'\nat = 'runtime'\n[[copy]]\nsrc = '.'\ndest = '/'\nowner = '5:6'\n",
        )
        .copy
        .unwrap()
        .value
        .0;
        assert_eq!((copies[0].from.as_deref(), copies[0].src.as_str()), (Some("node:22-slim"), "/usr/local/bin/node"));
        assert_eq!((copies[1].src.as_str(), copies[1].mode, copies[1].owner), ("/conf", Some(0o640), Owner::User));
        assert_eq!((copies[1].at, copies[0].at), (At::Runtime, At::Project));
        assert_eq!((copies[2].src.as_str(), copies[2].owner), ("/", Owner::Ids(5, 6)));
    }

    #[test]
    fn refusals() {
        let all = [
            "[copy]\nsrc = 'x'\n",
            "[[copy]]\nfrom = 'x'\n",
            "[[copy]]\nsrc = '../x'\ndest = '/a/../b'\nowner = 'www-data'\nmode = '888'\n",
            "[[copy]]\nsrc = ''\ndest = '/proc/x'\nfrom = 'Node 22'\nchown = '1'\n",
            "[[copy]]\nsrc = 'x'\ndest = 'y'\nmode = 755\n",
        ];
        insta::assert_snapshot!(all.map(errors).join("\n"));
    }
}
