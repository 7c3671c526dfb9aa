//! Options of the command line that have no effect.

use super::rules::IGNORED_OPTION;
use super::{Asked, Finding};
use crate::diagnostic::{Diagnostic, nearest};
use crate::project::document::quoted;

pub(super) fn check(asked: &Asked<'_>) -> Vec<Finding> {
    let mut ignored: Vec<Diagnostic> = asked.no_cache.iter().filter_map(|name| unknown_target(asked, name)).collect();
    if asked.time_of_context {
        ignored.push(
            Diagnostic::new("SOURCE_DATE_EPOCH=context has no effect: the time of the build context is not known")
                .help("give the time in seconds: --build-arg SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)"),
        );
    }
    if asked.limits_ignored {
        ignored.push(
            Diagnostic::new("the limits on memory and CPU have no effect: this BuildKit cannot limit steps")
                .help("use BuildKit 0.31 or later, or limit the builder itself"),
        );
    }
    ignored.into_iter().map(|diagnostic| IGNORED_OPTION.finding(diagnostic)).collect()
}

/// Named contexts that nothing was asked of; `names` are those that would have had an effect.
pub fn unused_contexts(unused: &[&str], names: &[&str]) -> Vec<Finding> {
    let finding = |context: &&str| {
        let diagnostic = Diagnostic::new(format!("nothing uses the build context {}", quoted(context)));
        IGNORED_OPTION.finding(match nearest(context, names.iter().copied()) {
            Some(near) => diagnostic.help(format!("did you mean --build-context {near}=…?")),
            None => diagnostic.help(format!("the names that have an effect here are: {}", names.join(", "))),
        })
    };
    unused.iter().map(finding).collect()
}

/// A name that `--no-cache-filter` has no target for.
fn unknown_target(asked: &Asked<'_>, name: &str) -> Option<Diagnostic> {
    if asked.targets.iter().any(|target| target.eq_ignore_ascii_case(name)) {
        return None;
    }
    let diagnostic = Diagnostic::new(format!("--no-cache-filter {} names no target", quoted(name)));
    Some(match nearest(name, asked.targets.iter().copied()) {
        Some(near) => diagnostic.help(format!("did you mean --no-cache-filter {near}?")),
        None => diagnostic.help(format!("the targets are: {}", asked.targets.join(", "))),
    })
}
