//! `packages` and `build-packages`: packages of the base image's distribution. They become arguments of its package manager, so a name
//! that could be anything else is refused. `packages` may also say `"auto"`: what the installed Python packages lack is added then.

use crate::diagnostic::Location;
use crate::project::config::argv::to_toml;
use crate::project::config::element::Element;
use crate::project::document::{Located, Problems, Value, quoted};

/// Packages of a distribution, each once, in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemPackages(Vec<Located<String>>);

impl SystemPackages {
    /// The packages: `libpq-dev`, `gcc=4:14.2.0-1`.
    pub fn to_vec(&self) -> Vec<String> {
        self.0.iter().map(|package| package.value.clone()).collect()
    }

    /// The packages, each with its place.
    pub fn iter(&self) -> impl Iterator<Item = &Located<String>> {
        self.0.iter()
    }
}

/// The value of `packages`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimePackages {
    /// The packages that are named.
    pub named: SystemPackages,
    /// Where it is asked for those of missing libraries, too.
    pub auto: Option<Location>,
}

/// Asks for the packages of missing libraries.
const AUTO: &str = "auto";

impl Element for RuntimePackages {
    const EXPECTED: &'static str =
        "an array of packages, for example [\"libpq5\", \"ffmpeg\"], \"auto\", or an array with \"auto\" in it";
    const SCHEMA: &'static str =
        r#"{"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "string", "const": "auto"}]}"#;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        if value.as_str() == Some(AUTO) {
            return Some(Self { named: SystemPackages(Vec::new()), auto: Some(value.location()) });
        }
        let mut named = SystemPackages::read_as(Self::EXPECTED, value, problems)?;
        let auto = named.0.iter().position(|package| package.value == AUTO).map(|index| named.0.remove(index).location);
        Some(Self { named, auto })
    }
}

impl Element for SystemPackages {
    const EXPECTED: &'static str = "an array of packages, for example [\"gcc\", \"libpq-dev\"]";
    const SCHEMA: &'static str = r#"{"type": "array", "items": {"type": "string"}}"#;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let packages = Self::read_as(Self::EXPECTED, value, problems)?;
        if let Some(auto) = packages.0.iter().find(|package| package.value == AUTO) {
            problems.push(
                value
                    .problem("cannot have \"auto\", which is for packages alone")
                    .at_location(Some(auto.location.clone()))
                    .help("name the packages; a build that fails says which one it misses"),
            );
            return None;
        }
        Some(packages)
    }
}

impl SystemPackages {
    fn read_as(expected: &str, value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        if let Some(text) = value.as_str() {
            let words: Vec<&str> = text.split_whitespace().collect();
            problems.push(value.wrong_type(expected).help(format!("write {} = {}", value.key(), to_toml(&words))));
            return None;
        }
        let before = problems.len();
        let mut packages: Vec<Located<String>> = Vec::new();
        for package in value.strings(expected, problems)? {
            if let Some(problem) = problem(&package) {
                problems.push(
                    value
                        .problem(format_args!("{} {problem}", quoted(&package)))
                        .at_location(Some(package.location.clone()))
                        .help("write the package's name, as in \"libpq-dev\", or name and version, as in \"gcc=4:14.2.0-1\""),
                );
            } else if packages.iter().all(|known| known.value != package.value) {
                packages.push(package);
            }
        }
        packages.sort_by(|a, b| a.value.cmp(&b.value));
        (problems.len() == before).then_some(Self(packages))
    }
}

/// What apk knows packages by besides their names: their libraries, programs and modules of pkg-config.
const PROVIDED: [&str; 3] = ["so:", "cmd:", "pc:"];

/// Why a text is no package: neither an option, nor a file, nor apt's way to remove (`gcc-`) something.
fn problem(package: &str) -> Option<&'static str> {
    let (name, version) = match package.split_once('=') {
        Some((name, version)) => (name, Some(version)),
        None => (package, None),
    };
    let is_name =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'_');
    let is_version = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.' | b'_' | b':' | b'~');
    if let Some(provided) = PROVIDED.iter().find_map(|kind| name.strip_prefix(kind)) {
        let is_provided = |byte: u8| is_name(byte) || byte.is_ascii_uppercase();
        if provided.is_empty() || provided.len() > 200 || !provided.bytes().all(is_provided) {
            return Some("does not say what the package has");
        }
        return version.map(|_| "cannot have a version");
    }
    let first = name.bytes().next();
    if !first.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()) || !name.bytes().all(is_name) {
        return Some("is not the name of a package");
    }
    if name.ends_with('-') || name.len() > 200 {
        return Some("is not the name of a package");
    }
    if version.is_some_and(|version| version.is_empty() || version.len() > 200 || !version.bytes().all(is_version)) {
        return Some("does not end in a version");
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::project::config::tests::{errors, read};

    #[test]
    fn names_and_versions() {
        let packages = read("build-packages = ['libpq-dev', 'g++', 'gcc=4:14.2.0-1', 'g++']").build_packages.unwrap();
        assert_eq!(packages.to_vec(), ["g++", "gcc=4:14.2.0-1", "libpq-dev"]);
        let provided = read("packages = ['so:libGL.so.1', 'cmd:git']").packages.unwrap().value.named;
        assert_eq!(provided.to_vec(), ["cmd:git", "so:libGL.so.1"]);
    }

    #[test]
    fn missing_packages_are_added_where_it_is_asked_for() {
        let packages = |text: &str| read(&format!("packages = {text}")).packages.unwrap().value;
        assert_eq!(packages("'auto'").named.to_vec(), Vec::<String>::new());
        let some = packages("[\n  'libpq5',\n  'auto',\n]");
        assert_eq!((some.named.to_vec(), some.auto.unwrap().lines().0), (vec!["libpq5".to_owned()], 3));
        assert_eq!(packages("['libpq5']").auto, None);
        insta::assert_snapshot!(errors("build-packages = ['gcc', 'auto']\npackages = 'automatic'\n"));
    }

    #[test]
    fn refusals() {
        insta::assert_snapshot!(errors("build-packages = 'gcc libpq-dev'\n"));
        let all = [
            "-o", "--yes", "./x.deb", "gcc-", "", "GCC", "a b", "gcc=", "gcc=1 2", "gcc/sid", "x\\u001b", "so:",
            "so:a=1", "deb:x", "so:a/b",
        ];
        let all: Vec<String> = all.iter().map(|name| format!("\"{name}\"")).collect();
        insta::assert_snapshot!(errors(&format!("build-packages = [{}]\n", all.join(",\n"))));
    }
}
