//! Projects whose version comes from git, built without a repository: some plugins fail then, and some make up a version
//! and say nothing.

use buildkit_frontend::FrontendError;
use buildkit_frontend::context::Selection;
use buildkit_frontend::ignore::IgnoreFile;

use super::read::Written;
use crate::diagnostic::Diagnostic;
use crate::lint::Finding;
use crate::lint::rules::UNKNOWN_VERSION;
use crate::plan::settings::tells_version;
use crate::plan::{How, Member, Plan};
use crate::project::pyproject::Pyproject;

const REPOSITORY: &str = ".git";

/// A finding for each project that is built without its repository, and without being told the version.
pub(super) async fn unknown(written: &Written, plan: &Plan) -> Result<Vec<Finding>, FrontendError> {
    let mut warnings = Vec::new();
    for member in &plan.first_party {
        let Some(warning) = pyproject(written, member).and_then(|pyproject| unknown_of(pyproject, member)) else {
            continue;
        };
        let is_root = member.tree.context.is_none() && member.tree.directory.is_empty();
        if !(is_root && has_repository(written).await?) {
            warnings.push(UNKNOWN_VERSION.finding(warning));
        }
    }
    Ok(warnings)
}

fn pyproject<'a>(written: &'a Written, member: &Member) -> Option<&'a Pyproject> {
    if member.tree.context.is_none() && member.tree.directory == written.project {
        return Some(&written.pyproject);
    }
    written.members.iter().find(|(name, _)| name.as_str() == member.name).map(|(_, pyproject)| pyproject)
}

fn unknown_of(pyproject: &Pyproject, member: &Member) -> Option<Diagnostic> {
    let How::Install { settings, .. } = &member.how else { return None };
    let version = pyproject.vcs_version.as_ref()?;
    let name = &pyproject.project.as_ref()?.name.value;
    if settings.variables.keys().any(|variable| tells_version(variable, name)) {
        return None;
    }
    let becomes = match &version.fallback {
        Some(fallback) => format!("it becomes {fallback}, the fallback of {}", version.plugin),
        None => format!("{} makes one up or fails", version.plugin),
    };
    let help = match version.variable {
        Some(variable) => format!("pass it: --build-arg {variable}=1.2.3"),
        None => "let the build see git: !.git in .dockerignore, and git in build-packages".to_owned(),
    };
    Some(
        Diagnostic::new(format!(
            "the version of {} comes from git, which its build does not see: {becomes}",
            member.name
        ))
        .at_location(Some(version.location.clone()))
        .help(help),
    )
}

/// Whether the build of the project at the context's root sees the repository.
async fn has_repository(written: &Written) -> Result<bool, FrontendError> {
    let context = &written.context;
    if !context.is_local() {
        return context.open(&Selection::everything()).await?.has(REPOSITORY).await;
    }
    // Left out unless the ignore file brings it back.
    let Some(own) = context.ignore() else { return Ok(false) };
    let rules = IgnoreFile::parse(own.name(), format!("{REPOSITORY}\n{}", own.text()).as_bytes());
    Ok(rules.is_ok_and(|rules| rules.excluding_rule(REPOSITORY).is_none()))
}
