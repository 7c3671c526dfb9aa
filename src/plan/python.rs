//! Which Python the image has. An explicit wish (build argument, `[tool.pyfront] python`, `.python-version`) wins in this
//! order and must satisfy `requires-python`; without one the newest known stable minor that satisfies it is taken.

use uv_pep440::{Version, VersionSpecifiers};

use crate::diagnostic::{Diagnostic, Location};
use crate::project::config::base::Base;
use crate::project::config::python::Python;
use crate::project::document::{Located, quoted};
use crate::project::python_version::{
    NEWEST_MINOR, PythonRequest, PythonVersion, RequiresPython, STABLE_MINORS, known_versions,
};

/// Everything that has a say in the choice.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wishes<'a> {
    /// A build argument: its name and its value.
    pub build_arg: Option<(&'a str, &'a str)>,
    /// `python` of `[tool.pyfront]`.
    pub config: Option<&'a Located<Python>>,
    /// `.python-version`.
    pub file: Option<&'a Located<PythonRequest>>,
    /// `requires-python` of `[project]`.
    pub requires: Option<&'a Located<RequiresPython>>,
}

/// The Python of the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PythonChoice {
    /// The version; with a patch only when one was asked for, or when nothing newer is allowed.
    pub version: PythonVersion,
    /// Why this one: what was written, and where.
    pub reason: String,
    /// What decided, unless it was a build argument or nothing at all.
    pub location: Option<Location>,
    /// Older minors that are allowed too, newest first. None when the user named a version.
    pub older: Vec<PythonVersion>,
}

impl PythonChoice {
    /// Steps back to the newest allowed minor that `suits`, when the user left the choice open. The choice stays as it is
    /// when none does.
    ///
    /// A lock that is older than a Python has no wheels for it: with that Python everything would have to be compiled.
    #[must_use]
    pub fn stepping_back_to(mut self, suits: impl Fn(PythonVersion) -> bool) -> Self {
        if self.older.is_empty() || suits(self.version) {
            return self;
        }
        if let Some(version) = self.older.iter().copied().find(|version| suits(*version)) {
            self.reason =
                format!("{version} is the newest allowed minor that the lock has wheels for ({})", self.reason);
            self.version = version;
        }
        self
    }
}

/// Chooses the Python of the image.
///
/// # Errors
/// An explicit wish that contradicts `requires-python`, or a range that no known Python satisfies.
pub fn choose(wishes: &Wishes<'_>) -> Result<PythonChoice, Diagnostic> {
    if let Some((name, text)) = wishes.build_arg {
        let subject = format!("build argument {name}");
        let version = PythonVersion::parse(text).map_err(|refusal| refusal.into_diagnostic(&subject, text))?;
        return explicit(version, &subject, None, wishes.requires);
    }
    if let Some(python) = wishes.config {
        return explicit(python.value.0, "the configuration", Some(&python.location), wishes.requires);
    }
    match wishes.file {
        Some(Located { value: PythonRequest::Version(version), location }) => {
            explicit(*version, ".python-version", Some(location), wishes.requires)
        }
        Some(Located { value: PythonRequest::Range { specifiers, text }, location }) => {
            newest(&[Range { name: ".python-version", specifiers, text, location }], wishes.requires)
        }
        None => newest(&[], wishes.requires),
    }
}

/// The reference of the image to build on, without digest.
pub fn image(base: Option<&Base>, python: &PythonVersion) -> String {
    match base {
        None | Some(Base::Slim) => format!("python:{python}-slim"),
        Some(Base::Alpine) => format!("python:{python}-alpine"),
        Some(Base::Full) => format!("python:{python}"),
        Some(Base::Image(reference)) => reference.as_str().to_owned(),
    }
}

/// A range of versions, and who wrote it.
struct Range<'a> {
    name: &'a str,
    specifiers: &'a VersionSpecifiers,
    text: &'a str,
    location: &'a Location,
}

fn explicit(
    version: PythonVersion,
    subject: &str,
    location: Option<&Location>,
    requires: Option<&Located<RequiresPython>>,
) -> Result<PythonChoice, Diagnostic> {
    let place = location.map_or_else(String::new, |location| format!(" ({location})"));
    let Some(requires) = requires else {
        return Ok(PythonChoice {
            version,
            reason: format!("{subject} asks for {version}{place}"),
            location: location.cloned(),
            older: Vec::new(),
        });
    };
    match allowed(version, &[&requires.specifiers]) {
        Some(exact) if exact == version => Ok(PythonChoice {
            version,
            reason: format!("{subject} asks for {version}{place}"),
            location: location.cloned(),
            older: Vec::new(),
        }),
        Some(exact) => Ok(PythonChoice {
            version: exact,
            reason: format!(
                "{subject} asks for {version}{place}, of which requires-python {} allows nothing newer than {exact}",
                quoted(&requires.text)
            ),
            location: location.cloned(),
            older: Vec::new(),
        }),
        None => Err(Diagnostic::new(format!(
            "{subject} asks for Python {version}, but requires-python is {}",
            quoted(&requires.text)
        ))
        .at_location(Some(location.unwrap_or(&requires.location).clone()))
        .note(format!("requires-python is set in {}", requires.location))
        .help("change one of the two, and run uv lock after a change of requires-python")),
    }
}

fn newest(ranges: &[Range<'_>], requires: Option<&Located<RequiresPython>>) -> Result<PythonChoice, Diagnostic> {
    let mut ranges: Vec<&Range<'_>> = ranges.iter().collect();
    let required = requires.map(|requires| Range {
        name: "requires-python",
        specifiers: &requires.specifiers,
        text: &requires.text,
        location: &requires.location,
    });
    ranges.extend(&required);
    let specifiers: Vec<&VersionSpecifiers> = ranges.iter().map(|range| range.specifiers).collect();
    let candidates: Vec<PythonVersion> = STABLE_MINORS
        .iter()
        .rev()
        .filter_map(|minor| allowed(PythonVersion { minor: *minor, patch: None }, &specifiers))
        .collect();
    // A minor whose patches are all allowed gets security fixes; an older patch of a newer minor does not.
    let best = candidates.iter().find(|version| version.patch.is_none()).or(candidates.first());
    let written: Vec<String> =
        ranges.iter().map(|range| format!("{} {} ({})", range.name, quoted(range.text), range.location)).collect();
    let location = ranges.first().map(|range| range.location.clone());
    let older =
        candidates.iter().copied().filter(|version| best.is_some_and(|best| version.minor < best.minor)).collect();
    match best {
        Some(version) if ranges.is_empty() => Ok(PythonChoice {
            version: *version,
            reason: format!("nothing asks for a Python, and {version} is the newest known"),
            location,
            older,
        }),
        Some(version) => Ok(PythonChoice {
            version: *version,
            reason: format!("{version} is the newest minor that satisfies {}", written.join(" and ")),
            location,
            older,
        }),
        None => {
            let diagnostic = match ranges.as_slice() {
                [one] => Diagnostic::new(format!("no supported Python satisfies {} {}", one.name, quoted(one.text))),
                _ => Diagnostic::new(format!("no supported Python satisfies {}", written.join(" and "))),
            };
            let diagnostic = diagnostic.at_location(location).note(known_versions());
            // The one that is known but never chosen for the user.
            let unasked = PythonVersion { minor: NEWEST_MINOR, patch: None };
            Err(match allowed(unasked, &specifiers) {
                Some(version) => diagnostic.help(format!("ask for it: python = \"{version}\" under [tool.pyfront]")),
                None => diagnostic.help("widen the range and run uv lock"),
            })
        }
    }
}

/// What of a version a set of ranges allows: the version as it is when its newest patch is allowed (whichever that will
/// be), else the newest patch that is.
fn allowed(version: PythonVersion, ranges: &[&VersionSpecifiers]) -> Option<PythonVersion> {
    /// Newer than any patch that there will ever be.
    const NEWEST_PATCH: u8 = u8::MAX;
    /// The greatest patch that CPython has reached is 3.9.25; a range that ends above this has no bound in practice.
    const GREATEST_PATCH: u8 = 40;
    let satisfies = |patch: u8| {
        let full = Version::new([3, u64::from(version.minor), u64::from(patch)]);
        ranges.iter().all(|range| range.contains(&full))
    };
    match version.patch {
        Some(patch) => satisfies(patch).then_some(version),
        None if satisfies(NEWEST_PATCH) || satisfies(GREATEST_PATCH) => Some(version),
        None => (0..GREATEST_PATCH)
            .rev()
            .find(|patch| satisfies(*patch))
            .map(|patch| PythonVersion { patch: Some(patch), ..version }),
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;
    use crate::diagnostic::SourceFile;
    use crate::project::python_version::read_python_version_file;

    fn requires(text: &str) -> Located<RequiresPython> {
        let file = SourceFile::new("pyproject.toml", format!("[project]\nrequires-python = \"{text}\"\n"));
        let value = RequiresPython { specifiers: VersionSpecifiers::from_str(text).unwrap(), text: text.to_owned() };
        Located::new(value, Location::new(&file, 28..28 + text.len()))
    }

    fn config(text: &str) -> Located<Python> {
        let file = SourceFile::new("pyproject.toml", format!("\n\n[tool.pyfront]\npython = \"{text}\"\n"));
        Located::new(Python(PythonVersion::parse(text).unwrap()), Location::new(&file, 26..30))
    }

    fn pinned(text: &str) -> Located<PythonRequest> {
        read_python_version_file(&SourceFile::new(".python-version", text)).unwrap().unwrap()
    }

    fn version(wishes: &Wishes<'_>) -> String {
        choose(wishes).map_or_else(|error| error.to_string(), |choice| choice.version.to_string())
    }

    #[test]
    fn requires_python_alone_takes_the_newest() {
        for (text, expected) in [
            (">=3.9", "3.14"),
            (">=3.11,<3.13", "3.12"),
            ("==3.12.*", "3.12"),
            ("~=3.11", "3.14"),
            ("~=3.11.4", "3.11"),
            ("==3.12.4", "3.12.4"),
            ("<3.13.5,>=3.13", "3.13.4"),
            // Only 3.13.0 satisfies `<=3.13`; the newest 3.12 is the better choice.
            (">=3.9,<=3.13", "3.12"),
            ("!=3.14.*,!=3.13.*", "3.12"),
            (">=3.14.0rc2", "3.14"),
            (">=3.10,<4.0", "3.14"),
            (">=3.13.2,!=3.14.1", "3.14"),
        ] {
            assert_eq!(version(&Wishes { requires: Some(&requires(text)), ..Wishes::default() }), expected, "{text}");
        }
        assert_eq!(version(&Wishes::default()), "3.14");
    }

    #[test]
    fn an_open_choice_steps_back_to_a_minor_with_wheels() {
        let requires = requires(">=3.11");
        let open = || choose(&Wishes { requires: Some(&requires), ..Wishes::default() }).unwrap();
        let choice = open().stepping_back_to(|version| version.minor <= 12);
        assert_eq!(choice.version.to_string(), "3.12");
        assert_eq!(
            choice.reason,
            "3.12 is the newest allowed minor that the lock has wheels for (3.14 is the newest minor that satisfies \
             requires-python \">=3.11\" (pyproject.toml:2))"
        );
        assert_eq!(open().stepping_back_to(|version| version.minor <= 10).version.to_string(), "3.14");
        let config = config("3.13");
        let named = choose(&Wishes { config: Some(&config), requires: Some(&requires), ..Wishes::default() }).unwrap();
        assert_eq!(named.stepping_back_to(|version| version.minor <= 12).version.to_string(), "3.13");
    }

    #[test]
    fn explicit_wishes_in_order() {
        let (requires, config, file) = (requires(">=3.10"), config("3.12"), pinned("3.11.4"));
        let mut wishes = Wishes {
            build_arg: Some(("PYTHON", "3.13")),
            config: Some(&config),
            file: Some(&file),
            requires: Some(&requires),
        };
        assert_eq!(version(&wishes), "3.13");
        wishes.build_arg = None;
        assert_eq!(version(&wishes), "3.12");
        wishes.config = None;
        assert_eq!(version(&wishes), "3.11.4");
        wishes.file = None;
        assert_eq!(version(&wishes), "3.14");
        let range = pinned(">=3.11,<3.13");
        wishes.file = Some(&range);
        assert_eq!(version(&wishes), "3.12");
    }

    #[test]
    fn reasons() {
        let (requires, config, file) = (requires(">=3.10,<3.13.5"), config("3.13"), pinned("# x\n3.11"));
        let reason = |wishes: Wishes<'_>| choose(&wishes).unwrap().reason;
        let all = [
            reason(Wishes { build_arg: Some(("PYTHON", "3.12")), ..Wishes::default() }),
            reason(Wishes { config: Some(&config), ..Wishes::default() }),
            reason(Wishes { config: Some(&config), requires: Some(&requires), ..Wishes::default() }),
            reason(Wishes { file: Some(&file), requires: Some(&requires), ..Wishes::default() }),
            reason(Wishes { file: Some(&pinned("3")), requires: Some(&requires), ..Wishes::default() }),
            reason(Wishes { requires: Some(&requires), ..Wishes::default() }),
            reason(Wishes::default()),
        ];
        insta::assert_snapshot!(all.join("\n"));
    }

    #[test]
    fn contradictions() {
        let (old, new, config, file) = (requires("<3.9"), requires(">=3.15"), config("3.10"), pinned("\n3.15"));
        let error = |wishes: Wishes<'_>| choose(&wishes).unwrap_err().to_string();
        let all = [
            error(Wishes { requires: Some(&old), ..Wishes::default() }),
            error(Wishes { requires: Some(&new), ..Wishes::default() }),
            error(Wishes { config: Some(&config), requires: Some(&new), ..Wishes::default() }),
            error(Wishes { file: Some(&file), requires: Some(&old), ..Wishes::default() }),
            error(Wishes { file: Some(&pinned("<3.9")), ..Wishes::default() }),
            error(Wishes { file: Some(&pinned(">=3.9")), requires: Some(&old), ..Wishes::default() }),
            error(Wishes { build_arg: Some(("PYTHON", "3.12")), requires: Some(&new), ..Wishes::default() }),
            error(Wishes { build_arg: Some(("PYTHON", "pypy3.10")), requires: Some(&new), ..Wishes::default() }),
        ];
        insta::assert_snapshot!(all.join("\n"));
    }

    #[test]
    fn the_image_of_a_choice() {
        assert_eq!(image(None, &PythonVersion { minor: 13, patch: None }), "python:3.13-slim");
        assert_eq!(image(Some(&Base::Slim), &PythonVersion { minor: 13, patch: Some(2) }), "python:3.13.2-slim");
        assert_eq!(image(Some(&Base::Alpine), &PythonVersion { minor: 13, patch: None }), "python:3.13-alpine");
        assert_eq!(image(Some(&Base::Full), &PythonVersion { minor: 13, patch: None }), "python:3.13");
    }
}
