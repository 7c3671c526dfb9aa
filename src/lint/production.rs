//! What does not belong into an image for production, or is missing in it.

use uv_normalize::GroupName;

use super::rules::{DEV_DEPENDENCIES, MISSING_HEALTHCHECK, ROOT_USER};
use super::{Finding, Subject};
use crate::diagnostic::{Diagnostic, Location};
use crate::project::config::selection::Selection;

/// Dependency groups by the names that people give those for development.
const DEV_GROUPS: &[&str] =
    &["dev", "develop", "development", "docs", "lint", "linting", "test", "testing", "tests", "typing"];

/// Packages that only developers run. Plugins of pytest (`pytest-…`) are, too.
const DEV_TOOLS: &[&str] = &[
    "bandit",
    "basedpyright",
    "black",
    "build",
    "commitizen",
    "flake8",
    "ipdb",
    "isort",
    "mypy",
    "nox",
    "pdbpp",
    "poetry",
    "pre-commit",
    "pylint",
    "pyright",
    "pytest",
    "ruff",
    "tox",
    "twine",
];

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    if !subject.target.kind.is_image() {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let account = &subject.plan.account;
    if account.uid == 0 {
        findings.push(
            ROOT_USER.finding(
                Diagnostic::new(
                    "the container runs as root: who breaks out of the program has all rights in the container",
                )
                .at_location(subject.config.user.as_ref().map(|user| user.location.clone()))
                .help("remove user, and the container runs as app (10001), or choose another uid than 0"),
            ),
        );
    }
    if !subject.is_production() {
        return findings;
    }
    findings.extend(groups(subject));
    findings.extend(tools(subject));
    let config = &subject.plan.config;
    if let (Some(port), None, false) = (config.ports.first(), &config.healthcheck, subject.base.has_healthcheck) {
        findings.push(
            MISSING_HEALTHCHECK.finding(
                Diagnostic::new(format!("the container listens on {port}, and nothing asks whether it still answers"))
                    .at_location(
                        subject.config.ports.as_ref().map(|ports| ports.location.clone()).or(subject.start.cloned()),
                    )
                    .help("name a path that answers when all is well: healthcheck = \"/health\" in [tool.pyfront]"),
            ),
        );
    }
    findings
}

/// Groups for development that were asked for.
fn groups(subject: &Subject<'_>) -> Vec<Finding> {
    let groups = &subject.packages.closure.groups;
    let dev = groups.iter().map(GroupName::as_str).filter(|group| DEV_GROUPS.contains(group));
    let finding = |group: &str| {
        DEV_DEPENDENCIES.finding(
            Diagnostic::new(format!("the dependency group {group} is installed in the image for production"))
                .at_location(who_asked_for(subject, group))
                .help("leave it out: --target dev and --target test have it without being asked"),
        )
    };
    dev.map(finding).collect()
}

/// The place that brings in a group: `groups` of the configuration, or `default-groups` of uv.
fn who_asked_for(subject: &Subject<'_>, group: &str) -> Option<Location> {
    let configured = subject.config.groups.as_ref();
    let named = configured.and_then(|groups| match &groups.value {
        Selection::All => Some(groups.location.clone()),
        Selection::Names(names) => {
            names.iter().find(|name| name.value.as_str() == group).map(|name| name.location.clone())
        }
    });
    let default = subject.pyproject.uv.default_groups.as_ref().map(|groups| groups.location.clone());
    named.or(default).or_else(|| configured.map(|groups| groups.location.clone()))
}

/// Tools for development among the project's own dependencies.
fn tools(subject: &Subject<'_>) -> Vec<Finding> {
    let is_tool = |name: &str| DEV_TOOLS.contains(&name) || name.starts_with("pytest-");
    let dependencies = subject.pyproject.project.iter().flat_map(|project| &project.dependencies);
    let installed = |name: &str| subject.packages.closure.get(name).is_some();
    let tools =
        dependencies.filter(|dependency| is_tool(dependency.name.as_str()) && installed(dependency.name.as_str()));
    let finding = |name: &str, place: &Location| {
        DEV_DEPENDENCIES.finding(
            Diagnostic::new(format!("{name} is a tool for development, and a dependency of the project itself"))
                .at_location(Some(place.clone()))
                .help(format!("move it to the dev group: uv remove {name}, then uv add --dev {name}")),
        )
    };
    tools.map(|tool| finding(tool.name.as_str(), &tool.requirement.location)).collect()
}
