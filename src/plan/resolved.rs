//! Packages of a `requirements.txt`: uv resolves and installs them in one step with network, into one layer. The step gets
//! the requirements that count on the target and nothing else of the project, so that neither a comment nor a file beside
//! them makes it run again.

use serde::Serialize;
use uv_normalize::PackageName;
use uv_pep508::MarkerEnvironment;

use crate::closure::Target;
use crate::diagnostic::{Diagnostic, Diagnostics, Location};
use crate::project::document::quoted;
use crate::project::lock::Expression;
use crate::project::requirements::{Requirement, Requirements};

/// Requirements that uv resolves and installs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Resolved {
    /// Options about indexes and kinds of files, one a line.
    pub options: Vec<String>,
    /// The requirements that count on the target, one a line, each with its hashes.
    pub requirements: Vec<String>,
    /// What limits the versions of packages, one a line.
    pub constraints: Vec<String>,
    /// Whether every file must have one of the hashes: then the image has the same files whenever it is built. Otherwise
    /// it has what the index offers at the time.
    pub hashed: bool,
    /// The names of the required packages.
    pub names: Vec<String>,
    /// The file that the requirements come from.
    #[serde(serialize_with = "super::as_text")]
    pub origin: Location,
    /// What to show when the step fails: the requirements, unless there are many.
    #[serde(skip)]
    pub places: Vec<Location>,
}

impl Resolved {
    /// What uv reads.
    pub fn requirements_file(&self) -> String {
        lines(self.options.iter().chain(&self.requirements))
    }

    /// What uv reads as constraints.
    pub fn constraints_file(&self) -> String {
        lines(&self.constraints)
    }
}

fn lines<'l>(lines: impl IntoIterator<Item = &'l String>) -> String {
    lines.into_iter().flat_map(|line| [line.as_str(), "\n"]).collect()
}

/// What of some requirements counts on a target.
#[derive(Debug)]
pub struct Selected<'r> {
    requirements: &'r Requirements,
    list: Vec<&'r Requirement>,
    constraints: Vec<&'r Requirement>,
}

/// Selects what counts on a target.
///
/// # Errors
/// `--require-hashes` without hashes.
pub fn select<'r>(requirements: &'r Requirements, target: &Target) -> Result<Selected<'r>, Diagnostics> {
    let values = target.markers()?;
    let counting = |list: &'r [Requirement]| -> Vec<&'r Requirement> {
        list.iter().filter(|one| one.marker.as_ref().is_none_or(|marker| holds(marker, &values))).collect()
    };
    let selected =
        Selected { requirements, list: counting(&requirements.list), constraints: counting(&requirements.constraints) };
    match selected.first_unhashed() {
        Some(one) if requirements.require_hashes => {
            Err(Diagnostic::new(format!("--require-hashes is set, and {} is not pinned with == and hashes", one.name))
                .at_location(Some(one.location.clone()))
                .help(HOW_TO_HASH)
                .into())
        }
        _ => Ok(selected),
    }
}

/// How many requirements are shown when their step fails: which of them is to blame only uv's own words say.
const MOST_PLACES: usize = 8;

const HOW_TO_HASH: &str =
    "write requirements.txt with uv pip compile --generate-hashes, or lock the project with uv lock";

fn holds(expression: &Expression, values: &MarkerEnvironment) -> bool {
    match expression {
        Expression::Comparison(comparison) => comparison.tree.evaluate(values, &[]),
        Expression::All(list) => list.iter().all(|part| holds(part, values)),
        Expression::Any(list) => list.iter().any(|part| holds(part, values)),
    }
}

fn is_hashed(one: &Requirement) -> bool {
    one.pinned && !one.hashes.is_empty()
}

fn with_hashes(one: &Requirement) -> String {
    one.hashes.iter().fold(one.text.clone(), |text, hash| format!("{text} --hash={hash}"))
}

impl Selected<'_> {
    /// The names of the required packages.
    pub fn names(&self) -> impl Iterator<Item = &PackageName> {
        self.list.iter().map(|one| &one.name)
    }

    fn first_unhashed(&self) -> Option<&Requirement> {
        self.list.iter().copied().find(|one| !is_hashed(one))
    }

    /// The warning about an image that is not reproducible.
    pub fn warning(&self) -> Option<Diagnostic> {
        let one = self.first_unhashed()?;
        let what = if one.pinned { "has no hash" } else { "is not pinned to one version" };
        Some(
            Diagnostic::new(format!("{} {what}, so the image depends on when it is built", quoted(&one.text)))
                .at_location(Some(one.location.clone()))
                .help(HOW_TO_HASH),
        )
    }

    /// What is to be installed; `None` when nothing is.
    pub fn resolved(&self) -> Option<Resolved> {
        if self.list.is_empty() {
            return None;
        }
        let hashed = self.first_unhashed().is_none();
        // Where everything is pinned, a constraint decides nothing, and uv refuses one without hashes.
        let constraints = self.constraints.iter().copied().filter(|one| !hashed || is_hashed(one));
        Some(Resolved {
            options: self.requirements.options.iter().map(|option| option.value.clone()).collect(),
            requirements: self.list.iter().copied().map(with_hashes).collect(),
            constraints: constraints.map(with_hashes).collect(),
            hashed,
            names: self.names().map(ToString::to_string).collect(),
            origin: self.requirements.location(),
            places: self.list.iter().take(MOST_PLACES).map(|one| one.location.clone()).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::closure::{Arch, Libc, Python};
    use crate::diagnostic::SourceFile;

    fn on_linux(text: &str) -> Result<(Option<Resolved>, Option<String>), String> {
        let file = SourceFile::new("requirements.txt", text);
        let files = BTreeMap::from([("requirements.txt".to_owned(), file)]);
        let requirements = Requirements::read("requirements.txt", &files).unwrap();
        let target = Target {
            python: Python::new("3.13.5", false).unwrap(),
            arch: Arch::X86_64,
            libc: Libc::Glibc { major: 2, minor: 36 },
        };
        let selected = select(&requirements, &target).map_err(|errors| errors.to_string())?;
        Ok((selected.resolved(), selected.warning().map(|warning| warning.to_string())))
    }

    #[test]
    fn what_does_not_count_needs_no_hash() {
        let hash = format!("--hash=sha256:{}", "0".repeat(64));
        let (resolved, warning) =
            on_linux(&format!("# a comment\nidna==3.10 {hash}\ncolorama ; sys_platform == 'win32'\n")).unwrap();
        let resolved = resolved.unwrap();
        assert!(resolved.hashed);
        assert_eq!(warning, None);
        assert_eq!(resolved.requirements_file(), format!("idna==3.10 {hash}\n"));
        assert_eq!(resolved.names, ["idna"]);
    }

    #[test]
    fn what_is_not_pinned_and_hashed_is_a_warning_or_an_error() {
        let hash = format!("--hash=sha256:{}", "0".repeat(64));
        let (resolved, warning) = on_linux(&format!("idna==3.10 {hash}\nhttpx>=0.28\n")).unwrap();
        assert!(!resolved.unwrap().hashed);
        let (_, unhashed) = on_linux("idna==3.10\n").unwrap();
        let required = on_linux("--require-hashes\nidna==3.10\n").unwrap_err();
        insta::assert_snapshot!(format!("{}\n\n{}\n\n{required}", warning.unwrap(), unhashed.unwrap()));
    }

    #[test]
    fn nothing_to_install() {
        assert_eq!(on_linux("# nothing\n-i https://index.example/simple\n"), Ok((None, None)));
        assert_eq!(on_linux("colorama ; sys_platform == 'win32'\n"), Ok((None, None)));
    }
}
