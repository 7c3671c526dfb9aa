//! Which files of the project take part in a build, by `include` and `exclude` of `[tool.pyfront]`.

use buildkit_frontend::context::Context;
use buildkit_frontend::ignore::{IgnoreError, IgnoreFile};
use buildkit_frontend::{FrontendError, Reference};

use super::local::escaped;
use super::read::{PYPROJECT, Written, hidden_or};
use super::report;
use crate::diagnostic::{Diagnostic, Location};
use crate::plan::{How, Member};
use crate::project::document::{Located, quoted};
use crate::project::pyproject::Pyproject;

/// What is taken of a project's directory, and what is left out of that; patterns of the directory.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    /// Nothing for all files.
    include: Option<IgnoreFile>,
    /// What comes along with those: what the build needs.
    along: Vec<String>,
    exclude: Option<IgnoreFile>,
}

impl Chosen {
    /// What the configuration says of a member.
    pub(super) fn of(written: &Written, member: &Member, pyproject: Option<&Pyproject>) -> Result<Self, FrontendError> {
        let include = patterns("include", &member.tree.include, included(written))?;
        let exclude = patterns("exclude", &member.tree.exclude, excluded(written))?;
        let mut along = Vec::new();
        if include.is_some() && matches!(member.how, How::Install { .. }) {
            along.push(PYPROJECT.to_owned());
            let files = pyproject.iter().flat_map(|pyproject| &pyproject.build_files);
            along.extend(files.map(|file| file.pattern.clone()));
        }
        Ok(Self { include, along, exclude })
    }

    /// Whether nothing is said.
    pub(super) fn is_everything(&self) -> bool {
        self.include.is_none() && self.exclude.is_none()
    }

    /// The patterns of what is taken, for a project at a path of the context; none for everything.
    pub(super) fn include(&self, directory: &str) -> Vec<String> {
        let own = self.include.iter().flat_map(IgnoreFile::rules).map(|rule| rule.pattern().to_owned());
        own.chain(self.along.iter().cloned()).map(|pattern| below(directory, &pattern)).collect()
    }

    /// The patterns of what is left out.
    pub(super) fn exclude(&self, directory: &str) -> Vec<String> {
        let rules = self.exclude.iter().flat_map(IgnoreFile::rules);
        rules
            .map(|rule| {
                let sign = if rule.reincludes() { "!" } else { "" };
                format!("{sign}{}", below(directory, rule.pattern()))
            })
            .collect()
    }

    /// What `include` names and is not there. A pattern with wildcards may stand for nothing.
    pub(super) async fn missing(
        &self,
        written: &Written,
        context: &Context,
        directory: &str,
        files: &Reference,
    ) -> Result<Vec<Diagnostic>, FrontendError> {
        let mut missing = Vec::new();
        for rule in self.include.iter().flat_map(IgnoreFile::rules) {
            if rule.pattern().contains(['*', '?', '[', '\\']) {
                continue;
            }
            let path = if directory.is_empty() {
                rule.pattern().to_owned()
            } else {
                format!("{directory}/{}", rule.pattern())
            };
            if !files.has(&path).await? {
                let problem = Diagnostic::new(format!("include names {}, which is not there", quoted(rule.pattern())))
                    .at_location(place(included(written), rule.line()))
                    .help("correct the path, or remove it; it begins at the project's directory");
                missing.push(hidden_or(context, &path, problem));
            }
        }
        Ok(missing)
    }

    /// What `exclude` leaves out although the project's build fails without it.
    pub(super) fn excluded_build_files(&self, written: &Written, pyproject: &Pyproject) -> Vec<Diagnostic> {
        let Some(exclude) = &self.exclude else { return Vec::new() };
        let required = pyproject.build_files.iter().filter(|file| file.required && !file.is_pattern());
        let required = required.map(|file| (file.pattern.as_str(), file.named_by));
        let all = std::iter::once((PYPROJECT, "the project's settings")).chain(required);
        let problem = |(path, named_by): (&str, &str)| {
            let rule = exclude.excluding_rule(path)?;
            Some(
                Diagnostic::new(format!("{path} is left out of the build by the pattern {rule} of exclude"))
                    .at_location(place(excluded(written), rule.line()))
                    .note(format!("the project's build needs it: {named_by}"))
                    .help(format!("remove the pattern, or add \"!{path}\" behind it")),
            )
        };
        all.filter_map(problem).collect()
    }
}

fn below(directory: &str, pattern: &str) -> String {
    if directory.is_empty() { pattern.to_owned() } else { format!("{}/{pattern}", escaped(directory)) }
}

fn included(written: &Written) -> &[Located<String>] {
    written.config.include.as_ref().map_or(&[], |include| &include.value.0)
}

fn excluded(written: &Written) -> &[Located<String>] {
    written.config.exclude.as_ref().map_or(&[], |exclude| &exclude.value.0)
}

/// Reads patterns; `None` if there are none. `written` are the same with their places.
fn patterns(key: &str, texts: &[String], written: &[Located<String>]) -> Result<Option<IgnoreFile>, FrontendError> {
    if texts.is_empty() {
        return Ok(None);
    }
    // Each has a line of its own, so that the line of one says which it is. None begins a comment.
    let text: String = texts.iter().flat_map(|pattern| [" ", pattern, "\n"]).collect();
    let problem = |error: IgnoreError| {
        report::one(
            Diagnostic::new(format!("{key}: {:?} is no pattern: {}", error.pattern, error.reason))
                .at_location(place(written, error.line))
                .help("correct the pattern, or remove it; a \\ takes the character behind it as it is"),
        )
    };
    IgnoreFile::parse(key, text.as_bytes()).map(Some).map_err(problem)
}

/// The place of a pattern by its number from 1.
fn place(patterns: &[Located<String>], number: u32) -> Option<Location> {
    let index = usize::try_from(number).ok()?.checked_sub(1)?;
    patterns.get(index).map(|pattern| pattern.location.clone())
}
