//! Whether the extras and dependency groups that a configuration asks for are those of a project. `uv sync --package` finds
//! a group in the member, or else in the root of its workspace; extras are the member's alone.

use uv_normalize::{DEV_DEPENDENCIES, ExtraName, GroupName};

use crate::diagnostic::{Diagnostic, Diagnostics, Location, nearest};
use crate::project::config::Config;
use crate::project::config::selection::Selection;
use crate::project::document::{self, Located, Problems};
use crate::project::pyproject::Pyproject;

/// Checks that the extras and groups of a configuration exist in a project, or in the `root` of its workspace if it is a
/// member of one.
///
/// # Errors
/// Every name that there is not, with the nearest one that there is.
pub fn check(config: &Config, pyproject: &Pyproject, root: Option<&Pyproject>) -> Result<(), Diagnostics> {
    let mut problems = Problems::new();
    for config in with_targets(config) {
        check_extras(config, pyproject, &mut problems);
        check_groups(config, pyproject, root, &mut problems);
    }
    document::finish((), problems)
}

/// A configuration, and those of its targets.
pub(super) fn with_targets(config: &Config) -> impl Iterator<Item = &Config> {
    let targets = config.targets.iter().flat_map(|targets| targets.0.values());
    std::iter::once(config).chain(targets.map(|target| &target.value))
}

pub(super) fn check_extras(config: &Config, pyproject: &Pyproject, problems: &mut Problems) {
    let dynamic = pyproject.project.as_ref().is_some_and(|project| project.dynamic.contains("optional-dependencies"));
    if let (Some(Located { value: Selection::Names(names), .. }), Some(project), false) =
        (&config.extras, &pyproject.project, dynamic)
    {
        let known: Vec<&str> = project.optional_dependencies.keys().map(ExtraName::as_str).collect();
        for name in names.iter().filter(|name| !known.contains(&name.as_str())) {
            problems.push(unknown(
                "the project",
                "extra",
                name.as_str(),
                &name.location,
                &known,
                "[project.optional-dependencies]",
            ));
        }
    }
}

fn check_groups(config: &Config, pyproject: &Pyproject, root: Option<&Pyproject>, problems: &mut Problems) {
    // Of a workspace that is installed as a whole the groups may be those of any member; and where there is no project,
    // those of a pylock.toml.
    let elsewhere = pyproject.project.is_none() && pyproject.dependency_groups.is_empty();
    let whole = root.is_none() && pyproject.uv.workspace.is_some();
    let Some(Located { value: Selection::Names(names), .. }) = &config.groups else { return };
    if whole || elsewhere {
        return;
    }
    let files = || std::iter::once(pyproject).chain(root);
    let mut known: Vec<&str> = files().flat_map(|file| file.dependency_groups.keys()).map(GroupName::as_str).collect();
    if files().any(|file| file.uv.dev_dependencies.is_some()) {
        known.push(DEV_DEPENDENCIES.as_str());
    }
    known.sort_unstable();
    known.dedup();
    let who = if root.is_some() { "neither the project nor the root of its workspace" } else { "the project" };
    for name in names.iter().filter(|name| !known.contains(&name.as_str())) {
        problems.push(unknown(who, "dependency group", name.as_str(), &name.location, &known, "[dependency-groups]"));
    }
}

fn unknown(who: &str, what: &str, name: &str, location: &Location, known: &[&str], table: &str) -> Diagnostic {
    let has = if who.starts_with("neither") { "has a" } else { "has no" };
    let diagnostic = Diagnostic::new(format!("{who} {has} {what} {name:?}")).at_location(Some(location.clone()));
    if known.is_empty() {
        return diagnostic.note(format!("{table} is empty or missing")).help("remove the name, or add it there");
    }
    let diagnostic = diagnostic.note(format!("{table} has: {}", known.join(", ")));
    match nearest(name, known.iter().copied()) {
        Some(name) => diagnostic.help(format!("did you mean {name:?}?")),
        None => diagnostic.help("use one of these, or remove the name"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::SourceFile;

    fn parse(text: &str) -> Pyproject {
        Pyproject::parse(&SourceFile::new("pyproject.toml", text)).unwrap()
    }

    fn asks(text: &str) -> Config {
        Config::read_body(&SourceFile::new("Dockerfile", text)).unwrap()
    }

    #[test]
    fn a_dockerfile_is_checked_against_the_project() {
        let project = parse("[project]\nname = 'a'\n[dependency-groups]\nlint = []\n");
        let error = check(&asks("extras = ['pg']\ngroups = ['lnt']\n"), &project, None).unwrap_err();
        insta::assert_snapshot!(error.to_string());
    }

    #[test]
    fn a_group_may_be_that_of_the_root() {
        let member = parse("[project]\nname = 'api'\n[dependency-groups]\nlint = []\n");
        let root = parse("[dependency-groups]\ndocs = []\n[tool.uv.workspace]\nmembers = ['api']\n");
        let config = asks("groups = ['docs', 'lint']\n");
        assert!(check(&config, &member, Some(&root)).is_ok());
        assert!(check(&config, &member, None).unwrap_err().to_string().contains("\"docs\""));
        let neither = check(&asks("groups = ['dcs']\n"), &member, Some(&root)).unwrap_err();
        insta::assert_snapshot!(neither.to_string());
        let old = parse("[project]\nname = 'a'\n[tool.uv]\ndev-dependencies = []\n");
        assert!(check(&asks("groups = ['dev']\n"), &old, None).is_ok());
    }
}
