//! `writable` and `volumes`: directories of the image that the container's user owns.

use crate::project::config::element::Element;
use crate::project::config::workdir::{is_clean_absolute, is_taken};
use crate::project::document::{Located, Problems, Value, quoted};

/// Absolute directories, each once, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directories(Vec<Located<String>>);

impl Directories {
    /// The paths.
    pub fn to_vec(&self) -> Vec<String> {
        self.0.iter().map(|path| path.value.clone()).collect()
    }
}

impl Element for Directories {
    const EXPECTED: &'static str = "an array of absolute paths, for example [\"/data\"]";
    const SCHEMA: &'static str = r#"{"type": "array", "items": {"type": "string", "pattern": "^/"}}"#;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let before = problems.len();
        let mut paths: Vec<Located<String>> = Vec::new();
        for written in value.strings(Self::EXPECTED, problems)? {
            let text = written.value.as_str();
            let path = if text.len() > 1 { text.strip_suffix('/').unwrap_or(text) } else { text };
            let (says, help) = if !is_clean_absolute(path) {
                let says = format!("has {}, which is not a clean absolute path", quoted(text));
                let help = if path.contains(':') {
                    "write the directory in the container alone; what is mounted there is for whoever runs it"
                } else {
                    "begin it with \"/\", without \".\", \"..\" and control characters"
                };
                (says, help)
            } else if is_taken(path) {
                let help = "name a directory of the program's own, for example \"/data\"; to make /tmp writable in a \
                            read-only container, start it with --tmpfs /tmp";
                (format!("has {path}, which has another use"), help)
            } else {
                let path = path.to_owned();
                if paths.iter().all(|known| known.value != path) {
                    paths.push(written.map(|_| path));
                }
                continue;
            };
            problems.push(value.problem(says).at_location(Some(written.location.clone())).help(help));
        }
        paths.sort_by(|a, b| a.value.cmp(&b.value));
        (problems.len() == before).then_some(Self(paths))
    }
}

#[cfg(test)]
mod tests {
    use crate::project::config::tests::{errors, read};

    #[test]
    fn each_once_and_in_order() {
        let config = read("volumes = ['/data/', '/cache', '/data']\nwritable = ['/var/lib/app']\n");
        assert_eq!(config.volumes.unwrap().to_vec(), ["/cache", "/data"]);
        assert_eq!(config.writable.unwrap().to_vec(), ["/var/lib/app"]);
    }

    #[test]
    fn refusals() {
        let all = [
            "'/data'",
            "[1]",
            "['data']",
            "['./data:/data']",
            "['/a/../b', '/']",
            "['/tmp', '/opt/venv/x', '/proc/1']",
        ];
        let all: Vec<String> = all.iter().map(|paths| errors(&format!("volumes = {paths}"))).collect();
        insta::assert_snapshot!(all.join("\n"));
    }
}
