//! Markers for one target: is the lock for it at all, and which edges hold. Each marker text is parsed once, when it is
//! first reached.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use uv_normalize::ExtraName;
use uv_pep508::{MarkerEnvironment, MarkerTree};

use super::Target;
use super::diagram::{Diagram, Diagrams, TooLarge};
use crate::diagnostic::Diagnostic;
use crate::project::lock::{Expression, Lock, Marker};

/// The marker values of a target, for which the lock is known to be valid.
pub(super) struct Environment<'l> {
    lock: &'l Lock,
    values: MarkerEnvironment,
    conditions: RefCell<HashMap<&'l str, Rc<Condition>>>,
    conflicts: RefCell<Conflicts<'l>>,
}

/// A marker for one target: what is left to decide is which extras (conflict items, that is) are active.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    Always,
    Never,
    /// A comparison of `extra`.
    Extra(MarkerTree),
    All(Vec<Condition>),
    Any(Vec<Condition>),
}

impl Condition {
    fn new(expression: &Expression, values: &MarkerEnvironment) -> Self {
        match expression {
            Expression::Comparison(comparison) if comparison.of_extra => Self::Extra(comparison.tree),
            Expression::Comparison(comparison) if comparison.tree.evaluate(values, &[]) => Self::Always,
            Expression::Comparison(_) => Self::Never,
            Expression::All(list) => {
                let mut open = Vec::new();
                for condition in list.iter().map(|part| Self::new(part, values)) {
                    match condition {
                        Self::Always => {}
                        Self::Never => return Self::Never,
                        condition => open.push(condition),
                    }
                }
                if open.is_empty() { Self::Always } else { Self::All(open) }
            }
            Expression::Any(list) => {
                let mut open = Vec::new();
                for condition in list.iter().map(|part| Self::new(part, values)) {
                    match condition {
                        Self::Always => return Self::Always,
                        Self::Never => {}
                        condition => open.push(condition),
                    }
                }
                if open.is_empty() { Self::Never } else { Self::Any(open) }
            }
        }
    }
}

impl<'l> Environment<'l> {
    /// Checks that the lock is for the target.
    pub(super) fn new(lock: &'l Lock, target: &Target) -> Result<Self, Diagnostic> {
        check_python(lock, target)?;
        let environment =
            Self { lock, values: target.markers()?, conditions: RefCell::default(), conflicts: RefCell::default() };
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
            if possible(&*self.condition(Some(marker))?) {
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

    /// What a marker comes to on the target; a missing one always holds.
    pub(super) fn condition(&self, marker: Option<&'l Marker>) -> Result<Rc<Condition>, Diagnostic> {
        let Some(marker) = marker else { return Ok(Rc::new(Condition::Always)) };
        if let Some(condition) = self.conditions.borrow().get(marker.text()) {
            return Ok(Rc::clone(condition));
        }
        let condition = Rc::new(Condition::new(&marker.parse(&self.lock.file)?, &self.values));
        self.conditions.borrow_mut().insert(marker.text(), Rc::clone(&condition));
        Ok(condition)
    }

    /// Whether a marker holds, with these encoded conflict items active.
    pub(super) fn holds(&self, condition: &Condition, active: &[ExtraName]) -> bool {
        match condition {
            Condition::Always => true,
            Condition::Never => false,
            Condition::Extra(tree) => tree.evaluate(&self.values, active),
            Condition::All(list) => list.iter().all(|part| self.holds(part, active)),
            Condition::Any(list) => list.iter().any(|part| self.holds(part, active)),
        }
    }

    /// Whether a diagram holds, with these encoded conflict items active.
    pub(super) fn evaluate(&self, diagram: Diagram, active: &[ExtraName]) -> bool {
        let conflicts = self.conflicts.borrow();
        conflicts.diagrams.holds(diagram, |variable| {
            let comparison = usize::try_from(variable).ok().and_then(|variable| conflicts.comparisons.get(variable));
            comparison.is_some_and(|comparison| comparison.evaluate(&self.values, active))
        })
    }

    /// The diagram of a marker, for the pass that combines them.
    ///
    /// # Errors
    /// More comparisons of `extra` in all of the lock than declared conflicts can sensibly bring about, or a marker of
    /// absurd size.
    pub(super) fn diagram(&self, marker: Option<&'l Marker>) -> Result<Diagram, Diagnostic> {
        let Some(marker) = marker else { return Ok(Diagram::ALWAYS) };
        if let Some(diagram) = self.conflicts.borrow().of_markers.get(marker.text()) {
            return Ok(*diagram);
        }
        let condition = self.condition(Some(marker))?;
        let mut conflicts = self.conflicts.borrow_mut();
        let diagram = conflicts.diagram(&condition).map_err(|refused| match refused {
            Refused::TooMany => {
                Diagnostic::new(format!("the lock has more than {MAX_EXTRAS} conflicting extras and groups"))
                    .at(&self.lock.file, marker.range())
                    .help("declare fewer conflicts in tool.uv.conflicts, and run `uv lock`")
            }
            Refused::TooLarge => too_entangled(self.lock, marker.range()),
        })?;
        conflicts.of_markers.insert(marker.text(), diagram);
        Ok(diagram)
    }

    /// Both conditions; `range` is what to point at when that is too much.
    pub(super) fn and(&self, left: Diagram, right: Diagram, range: &Range<usize>) -> Result<Diagram, Diagnostic> {
        let mut conflicts = self.conflicts.borrow_mut();
        conflicts.diagrams.and(left, right).map_err(|TooLarge| too_entangled(self.lock, range.clone()))
    }

    /// At least one of two conditions.
    pub(super) fn or(&self, left: Diagram, right: Diagram, range: &Range<usize>) -> Result<Diagram, Diagnostic> {
        let mut conflicts = self.conflicts.borrow_mut();
        conflicts.diagrams.or(left, right).map_err(|TooLarge| too_entangled(self.lock, range.clone()))
    }
}

/// The refusal of conflicts that take too long.
pub(super) fn too_entangled(lock: &Lock, range: Range<usize>) -> Diagnostic {
    Diagnostic::new("the lock's conflicts are too entangled to be resolved")
        .at(&lock.file, range)
        .help("declare fewer conflicts in tool.uv.conflicts, and run `uv lock`")
}

/// Combining diagrams recurses once for each variable.
const MAX_EXTRAS: usize = 200;

/// The comparisons of `extra` as variables, and what was made of them.
#[derive(Default)]
struct Conflicts<'l> {
    diagrams: Diagrams,
    /// What each variable stands for.
    comparisons: Vec<MarkerTree>,
    /// The variable of each comparison, and its value: `!=` is the same variable as `==`.
    variables: HashMap<MarkerTree, (u32, bool)>,
    of_markers: HashMap<&'l str, Diagram>,
}

enum Refused {
    TooMany,
    TooLarge,
}

impl From<TooLarge> for Refused {
    fn from(TooLarge: TooLarge) -> Self {
        Self::TooLarge
    }
}

impl Conflicts<'_> {
    fn diagram(&mut self, condition: &Condition) -> Result<Diagram, Refused> {
        match condition {
            Condition::Always => Ok(Diagram::ALWAYS),
            Condition::Never => Ok(Diagram::NEVER),
            Condition::Extra(tree) => self.comparison(*tree),
            Condition::All(list) => list.iter().try_fold(Diagram::ALWAYS, |all, part| {
                let part = self.diagram(part)?;
                Ok(self.diagrams.and(all, part)?)
            }),
            Condition::Any(list) => list.iter().try_fold(Diagram::NEVER, |any, part| {
                let part = self.diagram(part)?;
                Ok(self.diagrams.or(any, part)?)
            }),
        }
    }

    fn comparison(&mut self, tree: MarkerTree) -> Result<Diagram, Refused> {
        if tree.is_true() {
            return Ok(Diagram::ALWAYS);
        }
        if tree.is_false() {
            return Ok(Diagram::NEVER);
        }
        let (variable, value) = if let Some(known) = self.variables.get(&tree) {
            *known
        } else {
            if self.comparisons.len() >= MAX_EXTRAS {
                return Err(Refused::TooMany);
            }
            let variable = u32::try_from(self.comparisons.len()).map_err(|_| Refused::TooMany)?;
            self.comparisons.push(tree);
            self.variables.insert(tree, (variable, true));
            self.variables.insert(tree.negate(), (variable, false));
            (variable, true)
        };
        Ok(self.diagrams.variable(variable, value))
    }
}

/// Whether a condition can hold at all, whatever is active (uv drops the extras from the marker).
fn possible(condition: &Condition) -> bool {
    match condition {
        Condition::Always | Condition::Extra(_) => true,
        Condition::Never => false,
        Condition::All(list) => list.iter().all(possible),
        Condition::Any(list) => list.iter().any(possible),
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
