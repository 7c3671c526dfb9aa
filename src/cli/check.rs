//! `pyfront check`: what would fail a build or be warned of, before there is one.

use lexopt::Parser;

use super::plan::shown;
use super::project::Wanted;
use super::{Failure, Terminal};

pub(super) const ABOUT: &str = "find what would fail a build: configuration, lock, start command";
pub(super) const HELP: &str = "[PATH] [OPTIONS]

Looks at the image and at each target of [tool.pyfront.targets]. Exit code 1 says that a build would fail.

";

pub(super) fn run(parser: Parser, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
    let wanted = Wanted::read(parser, &[], |_, _| Ok(()))?;
    let first = wanted.preview();
    let mut targets: Vec<String> = Vec::new();
    if let (Ok(found), None) = (&first, wanted.target()) {
        targets.extend(found.previews.first().into_iter().flat_map(|preview| preview.own_targets.clone()));
    }
    let others = targets.into_iter().map(|target| wanted.with_target(target).preview());
    let (mut errors, mut warnings, mut summary) = (Vec::new(), Vec::new(), None);
    for result in std::iter::once(first).chain(others) {
        match result {
            Ok(found) => {
                for warning in found.warnings {
                    if !warnings.contains(&warning) {
                        warnings.push(warning);
                    }
                }
                let plan = found.previews.into_iter().next().map(|preview| preview.plan);
                summary = summary.or(plan);
            }
            Err(Failure::Failed(error)) if errors.contains(&error) => {}
            Err(Failure::Failed(error)) => errors.push(error),
            Err(other) => return Err(other),
        }
    }
    for warning in &warnings {
        writeln!(terminal.out, "warning: {warning}")?;
    }
    for error in &errors {
        writeln!(terminal.out, "{error}")?;
    }
    if !errors.is_empty() {
        return Err(Failure::Failed(String::new()));
    }
    if let Some(plan) = summary {
        let config = plan.config;
        let start: Vec<String> = config.entrypoint.into_iter().chain(config.command).collect();
        let start = if start.is_empty() { String::new() } else { format!(", starts {}", shown(&start)) };
        writeln!(terminal.out, "{}: nothing that would fail a build{start}", plan.project)?;
    }
    Ok(())
}
