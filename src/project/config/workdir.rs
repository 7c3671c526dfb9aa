//! `workdir`: where the process starts, and where the files of a project that is no package are copied to.

use crate::plan::VENV;
use crate::project::config::element::Element;
use crate::project::document::{Problems, Value, quoted};

/// The default.
pub const DEFAULT: &str = "/app";

/// An absolute directory: no `..`, no empty component, no slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workdir(String);

impl Workdir {
    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Directories whose owner and content belong to the system or to pyfront.
const TAKEN: &[&str] = &[
    "/", "/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/root", "/run", "/sbin", "/sys", "/tmp", "/usr",
    "/var",
];

impl Element for Workdir {
    const EXPECTED: &'static str = "an absolute path such as \"/app\"";
    const SCHEMA: &'static str = r#"{"type": "string", "pattern": "^/"}"#;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let text = value.string(Self::EXPECTED, problems)?;
        let path = if text.len() > 1 { text.strip_suffix('/').unwrap_or(text) } else { text };
        if !is_clean_absolute(path) {
            let problem = value.problem(format_args!("{} is not a clean absolute path", quoted(text)));
            problems.push(problem.help("begin it with \"/\", without \".\", \"..\", \":\" and control characters"));
            return None;
        }
        if is_taken(path) {
            let problem = value.problem(format_args!("can't be {path}: the directory has another use"));
            problems.push(problem.help("choose a directory of the project's own, for example \"/app\""));
            return None;
        }
        Some(Self(path.to_owned()))
    }
}

/// Whether a clean path belongs to the system or to pyfront.
pub(super) fn is_taken(path: &str) -> bool {
    let venv = path == VENV || path.strip_prefix(VENV).is_some_and(|rest| rest.starts_with('/'));
    let kernel = ["/proc/", "/sys/", "/dev/"].iter().any(|directory| path.starts_with(directory));
    venv || kernel || TAKEN.contains(&path)
}

/// Whether a path is absolute and says nothing twice. `:` is refused because it separates paths in `PATH` and fields in
/// `/etc/passwd`.
pub(super) fn is_clean_absolute(path: &str) -> bool {
    let Some(relative) = path.strip_prefix('/') else { return false };
    let clean = |component: &str| !matches!(component, "" | "." | "..");
    path.len() <= 4096
        && (relative.is_empty() || relative.split('/').all(clean))
        && !path.chars().any(|character| character.is_control() || character == ':')
}

#[cfg(test)]
mod tests {
    use crate::project::config::tests::{errors, read};

    #[test]
    fn a_slash_at_the_end_is_dropped() {
        assert_eq!(read("workdir = '/srv/my app/'").workdir.unwrap().as_str(), "/srv/my app");
    }

    #[test]
    fn refusals() {
        let all = [
            "'app'",
            "'/a/../b'",
            "'/a//b'",
            "''",
            "'/'",
            "'/opt/venv'",
            "'/opt/venv/x'",
            "'/etc'",
            "'/proc/x'",
            "'/a:b'",
            "1",
        ];
        let all: Vec<String> = all.iter().map(|workdir| errors(&format!("workdir = {workdir}"))).collect();
        insta::assert_snapshot!(all.join("\n"));
    }
}
