//! Markers for one target: is the lock for it at all, and which edges hold. Each marker text is parsed once, when it is
//! first reached.

use std::cell::RefCell;
use std::collections::HashMap;

use uv_normalize::ExtraName;
use uv_pep508::{MarkerEnvironment, MarkerTree};

use super::Target;
use crate::diagnostic::Diagnostic;
use crate::project::lock::{Lock, Marker};

/// The marker values of a target, for which the lock is known to be valid.
pub(super) struct Environment<'l> {
    lock: &'l Lock,
    values: MarkerEnvironment,
    parsed: RefCell<HashMap<&'l str, MarkerTree>>,
}

impl<'l> Environment<'l> {
    /// Checks that the lock is for the target.
    pub(super) fn new(lock: &'l Lock, target: &Target) -> Result<Self, Diagnostic> {
        check_python(lock, target)?;
        let environment = Self { lock, values: target.markers()?, parsed: RefCell::default() };
        environment.check(&lock.supported_markers, |texts| {
            Diagnostic::new(format!("the lock is not for {target}"))
                .note(format!("tool.uv.environments limits it to: {texts}"))
                .help("add the environment to tool.uv.environments in pyproject.toml and run `uv lock`")
        })?;
        // A marker that is left out means "wherever the lock is valid": the union of the forks.
        environment.check(&lock.resolution_markers, |texts| {
            Diagnostic::new(format!("the lock has no resolution for {target}"))
                .note(format!("it has resolutions for: {texts}"))
                .help("run `uv lock` to write the lock file anew")
        })?;
        Ok(environment)
    }

    /// One of the markers must hold, conflicts aside.
    fn check(&self, markers: &'l [Marker], message: impl FnOnce(String) -> Diagnostic) -> Result<(), Diagnostic> {
        for marker in markers {
            if self.tree(Some(marker))?.without_extras().evaluate(&self.values, &[]) {
                return Ok(());
            }
        }
        let (Some(first), Some(last)) = (markers.first(), markers.last()) else { return Ok(()) };
        let shown: Vec<&str> = markers.iter().take(6).map(Marker::text).collect();
        let mut texts = shown.join("; ");
        if markers.len() > shown.len() {
            texts.push_str("; …");
        }
        Err(message(texts).at(&self.lock.file, first.range().start..last.range().end))
    }

    /// The decision diagram of a marker; a missing one is always true.
    pub(super) fn tree(&self, marker: Option<&'l Marker>) -> Result<MarkerTree, Diagnostic> {
        let Some(marker) = marker else { return Ok(MarkerTree::TRUE) };
        if let Some(tree) = self.parsed.borrow().get(marker.text()) {
            return Ok(*tree);
        }
        let tree = marker.tree(&self.lock.file)?;
        self.parsed.borrow_mut().insert(marker.text(), tree);
        Ok(tree)
    }

    /// Whether a marker holds, with these encoded conflict items active.
    pub(super) fn evaluate(&self, tree: MarkerTree, active: &[ExtraName]) -> bool {
        tree.is_true() || tree.evaluate(&self.values, active)
    }
}

fn check_python(lock: &Lock, target: &Target) -> Result<(), Diagnostic> {
    // Like uv: a pre-release of 3.14 satisfies `>=3.14`.
    let version = target.python.version().only_release();
    if lock.requires_python.contains(&version) {
        return Ok(());
    }
    Err(Diagnostic::new(format!(
        "the lock is for Python {}, but the image has Python {}",
        lock.requires_python,
        target.python.version()
    ))
    .at(&lock.file, lock.requires_python_range.clone())
    .help(
        "choose a Python that fits (`.python-version`), or change requires-python in pyproject.toml and run `uv lock`",
    ))
}
