//! Targets that are files about a build rather than files of it.

use serde::Serialize;

use super::read::Written;
use crate::closure::Closure;
use crate::diagnostic::Diagnostic;
use crate::plan::target::Kind;
use crate::plan::{BuildTarget, Plan, export};

/// The file that a target is, if it is one: its name and its text.
///
/// # Errors
/// There is nothing to write.
pub(super) fn file(
    plan: &Plan,
    closure: &Closure,
    written: &Written,
) -> Result<Option<(&'static str, String)>, Diagnostic> {
    match written.target.kind {
        Kind::Runtime | Kind::Dev | Kind::Test | Kind::Venv | Kind::Wheel => Ok(None),
        Kind::Plan => {
            let plan = Plan { target: BuildTarget::default(), ..plan.clone() };
            Ok(Some(("plan.json", json(&plan))))
        }
        Kind::Requirements => {
            let python = &plan.base.python;
            let text = export::requirements(closure, &written.lock, &written.input, &plan.platform, python)?;
            Ok(Some(("requirements.txt", text)))
        }
    }
}

/// A plan (or several) as JSON for people, with a line break at its end.
pub(super) fn json(plan: &impl Serialize) -> String {
    // Strings, numbers and lists; it always serialises.
    let mut text = serde_json::to_string_pretty(plan).unwrap_or_default();
    text.push('\n');
    text
}
