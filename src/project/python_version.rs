//! Versions of Python as users write them: in `[tool.pyfront] python`, in `.python-version` (uv's format) and in
//! `requires-python`. What other tools understand but an image can't have (PyPy, free-threaded builds, pre-releases) is
//! recognised and refused by name. Which version is taken is decided in `plan::python`.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use uv_pep440::{Version, VersionSpecifiers};

use crate::diagnostic::{Diagnostic, Location, SourceFile};
use crate::project::document::{Located, Problems, Value, quoted};

/// The CPython minors that have had a stable release when this was written, oldest first. From these one is chosen when
/// the user names none.
pub const STABLE_MINORS: &[u8] = &[9, 10, 11, 12, 13, 14];

/// A minor that is taken only when the user asks for it.
pub const NEWEST_MINOR: u8 = 15;

/// A version of CPython 3, with or without patch. Displayed as `3.13` or `3.13.2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PythonVersion {
    /// The 13 of 3.13.
    pub minor: u8,
    /// The 2 of 3.13.2; `None` means the newest that there is.
    pub patch: Option<u8>,
}

impl fmt::Display for PythonVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "3.{}", self.minor)?;
        self.patch.map_or(Ok(()), |patch| write!(f, ".{patch}"))
    }
}

impl PythonVersion {
    /// The version without its patch: `3.13`.
    pub fn minor_text(&self) -> String {
        format!("3.{}", self.minor)
    }

    /// Reads `3.13` or `3.13.2`.
    pub(crate) fn parse(text: &str) -> Result<Self, Refusal> {
        match PythonRequest::parse(text)? {
            PythonRequest::Version(version) if text.starts_with("3.") => Ok(version),
            PythonRequest::Version(_) => Err(Refusal::Syntax),
            PythonRequest::Range { .. } if text == "3" => Err(Refusal::NoMinor),
            PythonRequest::Range { .. } => Err(Refusal::Range),
        }
    }
}

/// What a `.python-version` asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PythonRequest {
    /// A minor, or a full version.
    Version(PythonVersion),
    /// Any version in a range.
    Range {
        /// The range.
        specifiers: VersionSpecifiers,
        /// As it was written.
        text: String,
    },
}

impl PythonRequest {
    /// Reads one request of uv's: `3.13`, `313`, `cpython@3.13`, `cpython-3.13.2-linux-x86_64-gnu`, `>=3.12`, `3`.
    pub(crate) fn parse(text: &str) -> Result<Self, Refusal> {
        let range = |specifiers: &str| {
            VersionSpecifiers::from_str(specifiers)
                .map(|specifiers| Self::Range { specifiers, text: text.to_owned() })
                .map_err(|_| Refusal::Syntax)
        };
        if text.starts_with(['<', '>', '=', '!', '~']) {
            return range(text);
        }
        let lower = text.to_ascii_lowercase();
        for (prefix, name) in
            [("pypy", "PyPy"), ("graalpy", "GraalPy"), ("pyodide", "Pyodide"), ("pp3", "PyPy"), ("gp3", "GraalPy")]
        {
            if lower.starts_with(prefix) {
                return Err(Refusal::Implementation(name));
            }
        }
        let mut version = lower.as_str();
        if let Some(rest) = version.strip_prefix("cpython").or_else(|| version.strip_prefix("cp")) {
            // `@` separates name and version; `-` begins the longer key with operating system, machine and libc, which the
            // image's platform decides and not this file.
            version = rest.strip_prefix(['@', '-']).unwrap_or(rest);
            version = version.split('-').next().unwrap_or_default();
            if version.is_empty() {
                return range(">=3");
            }
        }
        match version {
            "3" => range("==3.*"),
            _ => parse_version(version).map(Self::Version),
        }
    }
}

impl fmt::Display for PythonRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => version.fmt(f),
            Self::Range { text, .. } => f.write_str(text),
        }
    }
}

fn parse_version(text: &str) -> Result<PythonVersion, Refusal> {
    let end = text.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(text.len());
    let (numbers, suffix) = text.split_at(end);
    let numbers: Vec<u64> =
        numbers.split('.').map(|number| number.parse().map_err(|_| Refusal::Syntax)).collect::<Result<_, _>>()?;
    let (major, minor, patch) = match *numbers.as_slice() {
        // `313` is 3.13, `39` is 3.9.
        [joined @ 30..=39] => (3, joined - 30, None),
        [joined @ 300..=399] => (3, joined - 300, None),
        [major, minor] => (major, minor, None),
        [major, minor, patch] => (major, minor, Some(patch)),
        _ => return Err(Refusal::Syntax),
    };
    match suffix {
        "" => {}
        "t" | "+freethreaded" => return Err(Refusal::FreeThreaded),
        "d" | "td" | "+debug" | "+freethreaded+debug" => return Err(Refusal::Debug),
        _ => {
            let letters = suffix.trim_end_matches(|character: char| character.is_ascii_digit());
            let pre = matches!(letters, "a" | "b" | "rc") && letters.len() < suffix.len();
            return Err(if pre { Refusal::Prerelease } else { Refusal::Syntax });
        }
    }
    if major != 3 {
        return Err(Refusal::Unknown);
    }
    let minor = u8::try_from(minor).map_err(|_| Refusal::Unknown)?;
    if !(STABLE_MINORS.contains(&minor) || minor == NEWEST_MINOR) {
        return Err(Refusal::Unknown);
    }
    let patch = patch.map(u8::try_from).transpose().map_err(|_| Refusal::Syntax)?;
    Ok(PythonVersion { minor, patch })
}

/// Why a text is not a version that an image can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Not a version at all.
    Syntax,
    /// `3` where a minor is needed.
    NoMinor,
    /// A range where a version is needed.
    Range,
    /// Another implementation than CPython.
    Implementation(&'static str),
    /// The build without the global interpreter lock.
    FreeThreaded,
    /// A debug build.
    Debug,
    /// An alpha, beta or release candidate.
    Prerelease,
    /// A version outside the known ones.
    Unknown,
}

impl Refusal {
    /// The error for a text. `subject` names what holds it, for example `tool.pyfront.python`.
    pub(crate) fn into_diagnostic(self, subject: &str, text: &str) -> Diagnostic {
        let says = |what: &str| Diagnostic::new(format!("{subject}: {} {what}", quoted(text)));
        let plain = "write a version of CPython, for example 3.13 or 3.13.2";
        match self {
            Self::Syntax => says("is not a version of Python").help(plain),
            Self::NoMinor => says("does not say which Python 3").help("write the minor too, for example \"3.13\""),
            Self::Range => says("is a range").help("write one version here; ranges belong to requires-python"),
            Self::Implementation(name) => says(&format!("asks for {name}, and only CPython is supported")).help(plain),
            Self::FreeThreaded => says("asks for the free-threaded build, which is not supported").help(plain),
            Self::Debug => says("asks for a debug build, which is not supported").help(plain),
            Self::Prerelease => says("is a pre-release, which is not supported").help(plain),
            Self::Unknown => {
                says("is not a supported version of Python").note(known_versions()).help("choose one of these")
            }
        }
    }
}

/// "known: 3.9, …, 3.14; 3.15 when asked for".
pub(crate) fn known_versions() -> String {
    let stable: Vec<String> = STABLE_MINORS.iter().map(|minor| format!("3.{minor}")).collect();
    format!("supported: {}; 3.{NEWEST_MINOR} when asked for by name", stable.join(", "))
}

/// Reads a `.python-version`: as in uv, the first line that is neither blank nor a comment counts. A file without one asks
/// for nothing.
///
/// # Errors
/// A request that is not understood, or that no image can satisfy.
pub fn read_python_version_file(file: &Arc<SourceFile>) -> Result<Option<Located<PythonRequest>>, Diagnostic> {
    let mut start = 0;
    for line in file.text().split_inclusive('\n') {
        let text = line.trim();
        if text.is_empty() || text.starts_with('#') {
            start += line.len();
            continue;
        }
        let begin = start + (line.len() - line.trim_start().len());
        let location = Location::new(file, begin..begin + text.len());
        return match PythonRequest::parse(text) {
            Ok(request) => Ok(Some(Located::new(request, location))),
            Err(refusal) => Err(refusal.into_diagnostic(".python-version", text).at_location(Some(location))),
        };
    }
    Ok(None)
}

/// `requires-python`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequiresPython {
    /// The range.
    pub specifiers: VersionSpecifiers,
    /// As it was written.
    pub text: String,
}

impl RequiresPython {
    /// Reads the value of `requires-python`.
    pub fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let text = value.string("a string such as \">=3.11\"", problems)?;
        if let Ok(specifiers) = VersionSpecifiers::from_str(text) {
            return Some(Self { specifiers, text: text.to_owned() });
        }
        let problem = value.problem(format_args!("{} is not a version range", quoted(text)));
        let bare = text.trim_start_matches(['^', '~', ' ']);
        problems.push(match Version::from_str(bare) {
            Ok(version) => problem.help(format!("write it as Python's packaging does, for example \">={version}\"")),
            Err(_) => problem.help("write it as Python's packaging does, for example \">=3.11\" or \">=3.11,<3.14\""),
        });
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> Arc<SourceFile> {
        SourceFile::new(".python-version", text)
    }

    fn asked(text: &str) -> String {
        match read_python_version_file(&file(text)) {
            Ok(Some(request)) => request.to_string(),
            Ok(None) => "nothing".to_owned(),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn uv_requests() {
        for (text, request) in [
            ("3.13\n", "3.13"),
            ("\n# comment\n  3.13.2  \r\n3.9\n", "3.13.2"),
            ("313", "3.13"),
            ("39", "3.9"),
            ("cpython-3.13", "3.13"),
            ("cpython@3.12.1", "3.12.1"),
            ("CPython3.12", "3.12"),
            ("cp311", "3.11"),
            ("cpython-3.13.2-macos-aarch64-none", "3.13.2"),
            (">=3.12,<3.14", ">=3.12,<3.14"),
            ("3", "3"),
            ("cpython", "cpython"),
            ("3.15", "3.15"),
            ("", "nothing"),
            ("# 3.13\n\n", "nothing"),
        ] {
            assert_eq!(asked(text), request, "{text:?}");
        }
    }

    #[test]
    fn refusals() {
        let all = [
            "# pinned\n3.13t",
            "3.13+freethreaded",
            "cpython-3.13.2+freethreaded-linux-x86_64-gnu",
            "3.13d",
            "pypy3.10",
            "pypy@3.10",
            "pp310",
            "graalpy-24",
            "3.14.0rc2",
            "3.15.0a1",
            "2.7",
            "3.8",
            "3.16",
            "3.300",
            "my-virtualenv",
            "/usr/bin/python3",
            "3.13.2.1",
            "3.13.999",
            "3..13",
            ">=banana",
            "\u{1b}[31m",
        ];
        let all: Vec<String> =
            all.iter().map(|text| read_python_version_file(&file(text)).unwrap_err().to_string()).collect();
        insta::assert_snapshot!(all.join("\n"));
    }

    proptest::proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "(cpython|cp|pypy|[<>=~!]{0,2})?[-@.0-9a-z+,*]{0,16}|.{0,20}") {
            let _ = read_python_version_file(&file(&text)).map_err(|error| error.to_string());
            let _ = PythonVersion::parse(&text);
        }
    }
}
