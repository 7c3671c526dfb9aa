//! Conditions over things that may be active, in a form in which equal conditions are equal values: binary decision
//! diagrams, reduced and ordered (Bryant 1986). uv's crate has them too, but neither bounds them nor ever frees them, and
//! a few dozen conflicts that somebody made up take exponential time and memory. Here there is a limit.

use std::collections::HashMap;

/// A condition, of one [`Diagrams`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Diagram(u32);

impl Diagram {
    /// What never holds.
    pub(super) const NEVER: Self = Self(0);
    /// What always holds.
    pub(super) const ALWAYS: Self = Self(1);
}

/// More work than a lock that uv wrote ever needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLarge;

/// A question, and what is left to ask after either answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Node {
    variable: u32,
    yes: Diagram,
    no: Diagram,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Operation {
    And,
    Or,
}

/// All diagrams that have been made. Questions are asked in the order of their variables' numbers.
#[derive(Debug, Default)]
pub(super) struct Diagrams {
    nodes: Vec<Node>,
    known: HashMap<Node, Diagram>,
    combined: HashMap<(Operation, Diagram, Diagram), Diagram>,
}

/// This many combinations are remembered, each with at most one new node: some 7 MB.
const MOST: usize = 100_000;

impl Diagrams {
    /// Whether a variable has a value. Combining recurses as deep as there are variables.
    pub(super) fn variable(&mut self, variable: u32, value: bool) -> Diagram {
        let (yes, no) = if value { (Diagram::ALWAYS, Diagram::NEVER) } else { (Diagram::NEVER, Diagram::ALWAYS) };
        self.node(Node { variable, yes, no })
    }

    /// Both.
    pub(super) fn and(&mut self, left: Diagram, right: Diagram) -> Result<Diagram, TooLarge> {
        match (left, right) {
            (Diagram::NEVER, _) | (_, Diagram::NEVER) => Ok(Diagram::NEVER),
            (Diagram::ALWAYS, other) | (other, Diagram::ALWAYS) => Ok(other),
            _ => self.combine(Operation::And, left, right),
        }
    }

    /// At least one.
    pub(super) fn or(&mut self, left: Diagram, right: Diagram) -> Result<Diagram, TooLarge> {
        match (left, right) {
            (Diagram::ALWAYS, _) | (_, Diagram::ALWAYS) => Ok(Diagram::ALWAYS),
            (Diagram::NEVER, other) | (other, Diagram::NEVER) => Ok(other),
            _ => self.combine(Operation::Or, left, right),
        }
    }

    /// Whether it holds, given the values of variables.
    pub(super) fn holds(&self, diagram: Diagram, value: impl Fn(u32) -> bool) -> bool {
        let mut at = diagram;
        while let Some(node) = self.get(at) {
            at = if value(node.variable) { node.yes } else { node.no };
        }
        at == Diagram::ALWAYS
    }

    fn combine(&mut self, operation: Operation, left: Diagram, right: Diagram) -> Result<Diagram, TooLarge> {
        if left == right {
            return Ok(left);
        }
        let key = (operation, left.min(right), left.max(right));
        if let Some(known) = self.combined.get(&key) {
            return Ok(*known);
        }
        let (Some(first), Some(second)) = (self.get(left), self.get(right)) else { return Ok(left) };
        if self.combined.len() >= MOST {
            return Err(TooLarge);
        }
        let variable = first.variable.min(second.variable);
        let parts = |node: Node, whole| if node.variable == variable { (node.yes, node.no) } else { (whole, whole) };
        let ((left_yes, left_no), (right_yes, right_no)) = (parts(first, left), parts(second, right));
        let (yes, no) = match operation {
            Operation::And => (self.and(left_yes, right_yes)?, self.and(left_no, right_no)?),
            Operation::Or => (self.or(left_yes, right_yes)?, self.or(left_no, right_no)?),
        };
        let diagram = self.node(Node { variable, yes, no });
        self.combined.insert(key, diagram);
        Ok(diagram)
    }

    fn get(&self, diagram: Diagram) -> Option<Node> {
        self.nodes.get(usize::try_from(diagram.0.checked_sub(2)?).ok()?).copied()
    }

    fn node(&mut self, node: Node) -> Diagram {
        if node.yes == node.no {
            return node.yes;
        }
        let nodes = &mut self.nodes;
        *self.known.entry(node).or_insert_with(|| {
            nodes.push(node);
            // There are fewer than `MOST` and the variables.
            Diagram(u32::try_from(nodes.len() + 1).unwrap_or(u32::MAX))
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Formula {
        Variable(u32, bool),
        And(Box<Formula>, Box<Formula>),
        Or(Box<Formula>, Box<Formula>),
    }

    impl Formula {
        fn diagram(&self, diagrams: &mut Diagrams) -> Diagram {
            match self {
                Self::Variable(variable, value) => diagrams.variable(*variable, *value),
                Self::And(left, right) => {
                    let (left, right) = (left.diagram(diagrams), right.diagram(diagrams));
                    diagrams.and(left, right).unwrap()
                }
                Self::Or(left, right) => {
                    let (left, right) = (left.diagram(diagrams), right.diagram(diagrams));
                    diagrams.or(left, right).unwrap()
                }
            }
        }

        fn holds(&self, values: u32) -> bool {
            match self {
                Self::Variable(variable, value) => (values >> variable & 1 == 1) == *value,
                Self::And(left, right) => left.holds(values) && right.holds(values),
                Self::Or(left, right) => left.holds(values) || right.holds(values),
            }
        }
    }

    fn formula() -> impl Strategy<Value = Formula> {
        let variable = (0..5u32, any::<bool>()).prop_map(|(variable, value)| Formula::Variable(variable, value));
        variable.prop_recursive(5, 40, 2, |inner| {
            (inner.clone(), inner, any::<bool>()).prop_map(|(left, right, and)| {
                let (left, right) = (Box::new(left), Box::new(right));
                if and { Formula::And(left, right) } else { Formula::Or(left, right) }
            })
        })
    }

    proptest! {
        #[test]
        fn equal_conditions_are_equal_and_hold_when_they_should(one in formula(), other in formula()) {
            let mut diagrams = Diagrams::default();
            let (first, second) = (one.diagram(&mut diagrams), other.diagram(&mut diagrams));
            let mut same = true;
            for values in 0..32 {
                prop_assert_eq!(diagrams.holds(first, |variable| values >> variable & 1 == 1), one.holds(values));
                same &= one.holds(values) == other.holds(values);
            }
            prop_assert_eq!(first == second, same);
        }
    }

    #[test]
    fn what_would_grow_without_bounds_is_refused() {
        let mut diagrams = Diagrams::default();
        let mut whole = Ok(Diagram::NEVER);
        for pair in 0..40 {
            let (left, right) = (diagrams.variable(pair, true), diagrams.variable(pair + 40, true));
            whole = whole.and_then(|whole| diagrams.and(left, right).and_then(|both| diagrams.or(whole, both)));
        }
        assert_eq!(whole, Err(TooLarge));
    }
}
