//! What the target `test` runs: what is configured for it, else pytest.

use std::collections::BTreeSet;

use uv_normalize::PackageName;

use super::{StartCommand, declared};
use crate::diagnostic::Diagnostic;
use crate::plan::target::REPORTS;
use crate::project::config::Config;
use crate::project::pyproject::Pyproject;

/// The command that tests the project. `config` is that of the target.
///
/// # Errors
/// No command is configured, and pytest is not installed.
pub fn of_tests(
    pyproject: &Pyproject,
    config: &Config,
    installed: &BTreeSet<PackageName>,
) -> Result<StartCommand, Diagnostic> {
    if let Some(command) = declared::configured(config) {
        return Ok(command);
    }
    if !installed.iter().any(|name| name.as_str() == "pytest") {
        return Err(Diagnostic::new("there is nothing to test with: pytest is in none of the groups that are installed")
            .at_location(pyproject.dependency_groups_location.clone())
            .note("the groups are those of uv sync, and test or tests where there is one")
            .help(
                "run uv add --dev pytest, or write what to run: command = [\"…\"] in [tool.pyfront.targets.test], and groups \
                 there if it needs others",
            ));
    }
    // As a module: then the working directory is where imports are looked for, too.
    let report = format!("--junit-xml={REPORTS}/junit.xml");
    Ok(StartCommand {
        command: ["python", "-m", "pytest", &report].map(str::to_owned).to_vec(),
        reason: "pytest is locked".to_owned(),
        ..StartCommand::none()
    })
}
