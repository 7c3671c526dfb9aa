//! What could be better about a project that builds. The rules are data ([`RULES`]), each with a page in `docs/checks/`;
//! [`check`] is pure: project × plan × options → findings, each with its place. What other stages find on their way (a stale
//! lock, a file without a hash) they report as findings of these rules, too. Which of them are shown, and how, is decided by
//! the gateway (`src/gateway/checks.rs`).

mod arguments;
mod base;
mod command;
mod context;
mod options;
mod production;
mod python;
pub mod rules;
mod secrets;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::closure::{Closure, Request, Target};
use crate::diagnostic::{Diagnostic, Location};
use crate::plan::input::Input;
use crate::plan::target::Kind;
use crate::plan::{BuildTarget, Plan};
use crate::project::config::Config;
use crate::project::lock::Lock;
use crate::project::pyproject::Pyproject;

pub use arguments::KNOWN_ARGUMENTS;
pub use context::{LARGE, large_file};
pub use options::unused_contexts;
pub use rules::RULES;

/// Something that a project can be checked for.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name, as `# check=skip=…` takes it. The names of rules that Dockerfiles have, too, are theirs.
    pub name: &'static str,
    /// What a project should be like, in a line.
    pub description: &'static str,
    /// Whether it has to be switched on (`# check=experimental=…`).
    pub experimental: bool,
    /// Whether it is left to `--check`: it costs time, or it is a matter of taste that is not worth a line in every build.
    pub check_only: bool,
    /// Whether it looks at what was installed, so that `--check`, which builds nothing, cannot find anything.
    pub build_only: bool,
}

impl Rule {
    const fn new(name: &'static str, description: &'static str) -> Self {
        Self { name, description, experimental: false, check_only: false, build_only: false }
    }

    const fn experimental(self) -> Self {
        Self { experimental: true, ..self }
    }

    const fn check_only(self) -> Self {
        Self { check_only: true, ..self }
    }

    const fn build_only(self) -> Self {
        Self { build_only: true, ..self }
    }

    /// The page about it in the documentation, relative to pyfront's repository.
    pub fn page(&self) -> String {
        let mut page = "docs/checks/".to_owned();
        for (index, character) in self.name.char_indices() {
            if index > 0 && character.is_ascii_uppercase() {
                page.push('-');
            }
            page.push(character.to_ascii_lowercase());
        }
        page.push_str(".md");
        page
    }

    /// A finding of this rule. The diagnostic says what was found, where, and what to do.
    pub fn finding(&'static self, diagnostic: Diagnostic) -> Finding {
        Finding { rule: self, diagnostic }
    }
}

/// Something that could be better.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// By which rule.
    pub rule: &'static Rule,
    /// What was found, where, and what to do.
    pub diagnostic: Diagnostic,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule.name, self.diagnostic)
    }
}

/// What is checked: a project, and the plan of its image for one platform.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// What is built.
    pub target: &'a BuildTarget,
    /// The project file of the project that the image is of.
    pub pyproject: &'a Pyproject,
    /// `[tool.pyfront]`, with what is said elsewhere on top.
    pub config: &'a Config,
    /// The image.
    pub plan: &'a Plan,
    /// What decided about the start command.
    pub start: Option<&'a Location>,
    /// What decided about the Python.
    pub python: Option<&'a Location>,
    /// The base image's own settings.
    pub base: BaseImage<'a>,
    /// Where the packages come from.
    pub packages: Packages<'a>,
    /// The build arguments that have no meaning to BuildKit itself.
    pub arguments: &'a BTreeMap<&'a str, &'a str>,
    /// What else was asked for on the command line.
    pub asked: &'a Asked<'a>,
    /// Build arguments that tell somebody's version, and so are known.
    pub tells_version: &'a BTreeSet<&'a str>,
    /// Seconds since 1970.
    pub now: u64,
}

/// What the configuration of a base image says.
#[derive(Debug, Clone, Copy)]
pub struct BaseImage<'a> {
    /// Instructions that a Dockerfile on this base would run.
    pub on_build: &'a [String],
    /// Whether it has a health check.
    pub has_healthcheck: bool,
}

/// Options of the command line that may have no effect.
#[derive(Debug, Clone)]
pub struct Asked<'a> {
    /// What `--no-cache-filter` names.
    pub no_cache: &'a [String],
    /// The names of all targets.
    pub targets: Vec<&'a str>,
    /// Whether the image shall have the time of the build context.
    pub time_of_context: bool,
    /// Whether there are limits on memory and CPU that the builder does not know.
    pub limits_ignored: bool,
}

/// What is installed, and what it was chosen from.
#[derive(Debug, Clone, Copy)]
pub struct Packages<'a> {
    /// What says which packages are installed.
    pub input: &'a Input,
    /// The lock, or what stands for it.
    pub lock: &'a Lock,
    /// What was asked for.
    pub request: &'a Request,
    /// What it is for.
    pub target: &'a Target,
    /// What was chosen.
    pub closure: &'a Closure,
}

impl Subject<'_> {
    /// Whether it is an image to run in production.
    fn is_production(&self) -> bool {
        self.target.kind == Kind::Runtime
    }
}

/// Everything that can be found by looking at a project and its plan.
pub fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = arguments::check(subject);
    findings.extend(options::check(subject.asked));
    findings.extend(base::check(subject));
    findings.extend(secrets::check(subject));
    findings.extend(production::check(subject));
    findings.extend(command::check(subject));
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_there_once_and_have_a_page() {
        let names: BTreeSet<&str> = RULES.iter().map(|rule| rule.name).collect();
        assert_eq!(names.len(), RULES.len());
        assert_eq!(rules::SECRETS.page(), "docs/checks/secrets-used-in-arg-or-env.md");
        for rule in RULES {
            assert!(!rule.description.ends_with('.'), "{}", rule.name);
        }
    }
}
