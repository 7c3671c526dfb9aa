//! Which findings are shown, and how: as warnings of a build, as the answer to `docker buildx build --check`, or as an error.
//! The `# check=` line of the entry file decides, and the build argument `BUILDKIT_DOCKERFILE_CHECK` in its place.

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use buildkit_frontend::context::Entry as EntryFile;
use buildkit_frontend::options::CheckOptions;
use buildkit_frontend::subrequest::{AnswerLocation, LintError, LintReport, LintSource, LintWarning, Request};
use buildkit_frontend::{FrontendError, Gateway, Warning};

use super::report;
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::lint::{Finding, Rule};
use crate::project::entry::directives;

/// The build argument that replaces the line of the entry file.
const ARGUMENT: &str = "BUILDKIT_DOCKERFILE_CHECK";
/// Errors show the places of so many findings.
const MOST_PLACES: usize = 20;

/// What is to be done with findings.
#[derive(Debug, Clone)]
pub(super) struct Checks {
    options: CheckOptions,
    asked: bool,
}

impl Checks {
    /// What the entry file says, or the client.
    pub(super) fn of(gateway: &Gateway, entry: &EntryFile) -> Result<Self, FrontendError> {
        let asked = gateway.request() == Request::Lint;
        let argument = gateway.options().build_args.contains_key(ARGUMENT);
        let options = match entry.file().filter(|_| !argument) {
            Some(file) => of_file(entry.filename(), &file.data).map_err(report::one)?,
            None => gateway.options().check.clone(),
        };
        Ok(Self { options, asked })
    }

    /// Whether what would end a build is a finding among others, because nothing is built.
    pub(super) fn tolerates(&self, rule: &Rule) -> bool {
        self.asked && self.reports(rule)
    }

    /// Whether findings of a rule are shown. As in Dockerfiles, `skip` is about the rules that need no switching on.
    pub(super) fn reports(&self, rule: &Rule) -> bool {
        let wanted = if rule.experimental {
            self.options.experimental.contains(rule.name)
        } else {
            !self.options.skip.contains(rule.name)
        };
        wanted && (self.asked || !rule.check_only)
    }

    /// Of some findings those that are shown, each once.
    pub(super) fn shown<'f>(&self, findings: impl IntoIterator<Item = &'f Finding>) -> Vec<&'f Finding> {
        let mut shown: Vec<&Finding> = Vec::new();
        for finding in findings {
            if self.reports(finding.rule) && !shown.contains(&finding) {
                shown.push(finding);
            }
        }
        shown
    }

    /// Shows findings as warnings.
    ///
    /// # Errors
    /// There are some, and `error=true` was said.
    pub(super) async fn warn<'f>(
        &self,
        gateway: &Gateway,
        entry: &EntryFile,
        findings: impl IntoIterator<Item = &'f Finding>,
    ) -> Result<(), FrontendError> {
        let shown = self.shown(findings);
        for Finding { rule, diagnostic } in &shown {
            // buildx shows the place and the details only on request.
            let place = diagnostic.location().map(|place| format!("{place}: ")).unwrap_or_default();
            let help: Vec<String> = diagnostic.helps().iter().map(|help| format!(" ({help})")).collect();
            let notes = diagnostic.notes().iter().map(String::as_str);
            let warning = Warning {
                short: format!("{}: {place}{}{}", rule.name, diagnostic.message(), help.concat()),
                detail: std::iter::once(rule.description).chain(notes).map(str::to_owned).collect(),
                url: rule.page(),
                location: diagnostic.location().map(report::place),
            };
            gateway.warn(entry.vertex(), warning).await;
        }
        match self.error(&shown) {
            Some(message) => {
                let places = shown.iter().filter_map(|finding| finding.diagnostic.location()).take(MOST_PLACES);
                Err(places.fold(FrontendError::new(message), |error, place| error.with_source(report::place(place))))
            }
            None => Ok(()),
        }
    }

    /// What ends a build with findings, in the words that Dockerfile's frontend has for it.
    fn error(&self, shown: &[&Finding]) -> Option<String> {
        let rules: BTreeSet<&str> = shown.iter().map(|finding| finding.rule.name).collect();
        let rules: Vec<&str> = rules.into_iter().collect();
        (self.options.error && !rules.is_empty())
            .then(|| format!("lint violation found for rules: {}", rules.join(", ")))
    }

    /// The answer to `--check`.
    pub(super) fn report(&self, findings: &[Finding]) -> LintReport {
        let shown = self.shown(findings);
        let mut report = LintReport::default();
        for Finding { rule, diagnostic } in &shown {
            let location = diagnostic.location().map_or_else(AnswerLocation::none, |location| {
                let place = report::place(location);
                AnswerLocation::new(source(&mut report.sources, &place.file), place.ranges)
            });
            report.warnings.push(LintWarning {
                rule: rule.name.to_owned(),
                description: rule.description.to_owned(),
                url: rule.page(),
                detail: text(diagnostic),
                location,
            });
        }
        // Clients look into the file of an error without asking whether there is one.
        if let (Some(message), Some(first)) =
            (self.error(&shown), report.warnings.iter().find(|warning| warning.location.is_some()))
        {
            report.error = Some(LintError { message, location: first.location.clone() });
        }
        report
    }
}

/// A finding's text without its place, which is shown with its lines.
fn text(diagnostic: &Diagnostic) -> String {
    let notes = diagnostic.notes().iter().map(|note| format!("\n  {note}"));
    let helps = diagnostic.helps().iter().map(|help| format!("\n  help: {help}"));
    std::iter::once(diagnostic.message().to_owned()).chain(notes).chain(helps).collect()
}

/// The number of a file among those of an answer. One that is sent in parts counts as another for each part.
pub(super) fn source(sources: &mut Vec<LintSource>, file: &buildkit_llb::SourceFile) -> usize {
    let source =
        LintSource { filename: file.filename.clone(), language: file.language.clone(), data: file.data.clone() };
    sources.iter().position(|known| *known == source).unwrap_or_else(|| {
        sources.push(source);
        sources.len() - 1
    })
}

/// What the `# check=` line of a file says.
fn of_file(name: &str, data: &[u8]) -> Result<CheckOptions, Diagnostic> {
    let Ok(file) = SourceFile::from_bytes(name, data) else { return Ok(CheckOptions::default()) };
    let Some(line) = directives(&file).into_iter().find(|directive| directive.name == "check") else {
        return Ok(CheckOptions::default());
    };
    CheckOptions::parse(&line.value).map_err(|_| {
        Diagnostic::new("the line has a check that cannot be read")
            .at_location(Some(line.value.location))
            .help("write # check=skip=RULE,RULE;error=true;experimental=all, or some of these parts")
    })
}

/// Seconds since 1970.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::rules::{LARGE_FILE, MISSING_HEALTHCHECK, ROOT_USER, STALE_LOCK};

    fn checks(text: &str, asked: bool) -> Checks {
        Checks { options: CheckOptions::parse(text).unwrap(), asked }
    }

    #[test]
    fn skipping_and_switching_on() {
        let all = |text: &str, asked| {
            [&ROOT_USER, &STALE_LOCK, &MISSING_HEALTHCHECK, &LARGE_FILE].map(|rule| checks(text, asked).reports(rule))
        };
        assert_eq!(all("", false), [true, true, false, false]);
        assert_eq!(all("", true), [true, true, false, true]);
        assert_eq!(all("skip=RootUser", true), [false, true, false, true]);
        assert_eq!(all("skip=all;experimental=MissingHealthcheck", true), [false, false, true, false]);
    }

    #[test]
    fn the_line_of_the_file() {
        let read = |text: &str| of_file("pyproject.toml", text.as_bytes());
        assert!(read("# syntax=x\n# check=skip=all;error=true\n[project]\n").unwrap().error);
        assert_eq!(read("# syntax=x\n\n# check=error=true\n"), Ok(CheckOptions::default()));
        insta::assert_snapshot!(read("# syntax=x\n# check=errors=true\n").unwrap_err().to_string());
    }

    #[test]
    fn a_finding_is_shown_once() {
        let finding = ROOT_USER.finding(Diagnostic::new("x"));
        assert_eq!(checks("", false).shown([&finding, &finding.clone()]).len(), 1);
    }
}
