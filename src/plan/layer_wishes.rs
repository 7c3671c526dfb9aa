//! What `[tool.pyfront.layers]` asks of the grouping, checked against the lock.

use std::collections::BTreeSet;

use super::layers::{Parameters, Wish};
use crate::diagnostic::{Diagnostic, nearest};
use crate::project::config::layers::{Layers, Packages};
use crate::project::document::Located;

/// How the user wants packages to be grouped.
pub(super) struct LayerWishes<'a> {
    config: Option<&'a Layers>,
    /// The numbers that decide the grouping.
    pub(super) parameters: Parameters,
}

impl<'a> LayerWishes<'a> {
    pub(super) fn new(config: Option<&'a Layers>) -> Self {
        let max = config.and_then(|layers| layers.max.as_ref());
        Self { config, parameters: max.map_or_else(Parameters::default, |max| Parameters::within(max.get())) }
    }

    /// What is wanted for the package of this name.
    pub(super) fn of(&self, name: &str) -> Wish {
        let named = |packages: Option<&Located<Packages>>| {
            packages.is_some_and(|packages| packages.0.iter().any(|package| package.as_str() == name))
        };
        match self.config {
            Some(layers) if named(layers.own.as_ref()) => Wish::Own,
            Some(layers) if named(layers.shared.as_ref()) => Wish::Shared,
            _ => Wish::None,
        }
    }

    /// What can't be done: names that the lock does not have, and more layers of their own than there may be.
    pub(super) fn problems(&self, locked: &BTreeSet<&str>) -> Vec<Diagnostic> {
        let Some(layers) = self.config else { return Vec::new() };
        let mut problems = Vec::new();
        for name in [&layers.own, &layers.shared].into_iter().flatten().flat_map(|packages| &packages.0) {
            if !locked.contains(name.as_str()) {
                let problem = Diagnostic::new(format!("tool.pyfront.layers: nothing locked is called {}", name.value))
                    .at_location(Some(name.location.clone()));
                problems.push(match nearest(name.as_str(), locked.iter().copied()) {
                    Some(near) => problem.help(format!("did you mean {near}?")),
                    None => problem.help("remove it, or add it to the dependencies and run `uv lock`"),
                });
            }
        }
        if let Some(own) = layers.own.as_ref().filter(|own| own.0.len() > self.parameters.own) {
            let places = self.parameters.own;
            problems.push(
                Diagnostic::new(format!(
                    "tool.pyfront.layers.own: {} packages, but only {places} can have a layer of their own",
                    own.0.len()
                ))
                .at_location(Some(own.location.clone()))
                .help("name fewer, or raise max"),
            );
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::config::tests::read;

    fn problems(body: &str) -> String {
        let config = read(body);
        let wishes = LayerWishes::new(config.layers.as_ref().map(|layers| &layers.value));
        let problems = wishes.problems(&BTreeSet::from(["numpy", "scipy", "idna"]));
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn what_is_named_is_wished() {
        let config = read("layers = { max = 30, own = ['idna'], shared = ['NumPy'] }");
        let wishes = LayerWishes::new(config.layers.as_ref().map(|layers| &layers.value));
        assert_eq!(["idna", "numpy", "scipy"].map(|name| wishes.of(name)), [Wish::Own, Wish::Shared, Wish::None]);
        assert_eq!(wishes.parameters, Parameters::within(30));
        assert_eq!(LayerWishes::new(None).parameters, Parameters::default());
    }

    #[test]
    fn what_cannot_be_done_is_said() {
        assert_eq!(problems("layers = { max = 8, own = ['idna'] }"), "");
        insta::assert_snapshot!(problems("[layers]\nmax = 8\nown = ['idna', 'numpi', 'scipy']\nshared = ['polars']\n"));
    }
}
