//! The environment of the container: what the user set, with references to other variables replaced by their texts.

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::plan::Base;
use crate::project::config::env::{Env, Part, parts};
use crate::project::document::Located;

/// Adds what is configured to the variables that pyfront sets. A variable that refers to its own name means what there would
/// be without it. All that are in doubt are problems.
pub(super) fn add(configured: &Env, ours: &mut BTreeMap<String, String>, base: &Base, problems: &mut Vec<Diagnostic>) {
    let variables = Variables { configured, ours: ours.clone(), base };
    for (name, value) in &configured.0 {
        match variables.text(name, value, &mut Vec::new()) {
            Ok(text) => drop(ours.insert(name.clone(), text)),
            Err(problem) => problems.push(problem),
        }
    }
}

struct Variables<'a> {
    configured: &'a Env,
    ours: BTreeMap<String, String>,
    base: &'a Base,
}

impl<'a> Variables<'a> {
    /// The text of a variable. `within` are those whose text is being made.
    fn text(&self, name: &'a str, value: &'a Located<String>, within: &mut Vec<&'a str>) -> Result<String, Diagnostic> {
        let problem = |says: String| Diagnostic::new(says).at_location(Some(value.location.clone()));
        within.push(name);
        let mut text = String::new();
        // The text was looked at when it was read.
        for part in parts(value).unwrap_or_default() {
            let (other, default, or_empty) = match part {
                Part::Text(plain) => {
                    text.push_str(plain);
                    continue;
                }
                Part::Variable { name, default, or_empty } => (name, default, or_empty),
            };
            let found = match self.configured.0.get_key_value(other).filter(|_| other != name) {
                Some((other, _)) if within.contains(&other.as_str()) => {
                    let cycle = [&within[..], &[other]].concat().join(" -> ");
                    return Err(problem(format!("the variables of env refer to each other: {cycle}"))
                        .help("write the text of one of them out"));
                }
                Some((other, value)) => Some(self.text(other, value, within)?),
                None => self.ours.get(other).or_else(|| self.base.env.get(other)).cloned(),
            };
            match found.filter(|found| !(or_empty && found.is_empty())).or(default.map(str::to_owned)) {
                Some(found) => text.push_str(&found),
                None => {
                    return Err(problem(format!(
                        "env.{name} refers to {other}, which is set neither in env nor in the base image"
                    ))
                    .help(format!(
                        "set {other} in env, write a default as in ${{{other}:-text}}, or $$ for a plain $"
                    )));
                }
            }
        }
        within.pop();
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Image;
    use crate::project::config::tests::read;

    fn resolved(body: &str) -> Result<BTreeMap<String, String>, String> {
        let base = Base {
            image: Image { reference: "x".to_owned(), digest: None },
            name: None,
            python: "3.13".to_owned(),
            reason: String::new(),
            managed_python: None,
            env: [("PATH", "/opt/venv/bin:/bin"), ("LANG", "C.UTF-8")]
                .map(|(n, v)| (n.to_owned(), v.to_owned()))
                .into(),
        };
        let (mut env, mut problems) =
            (BTreeMap::from([("VIRTUAL_ENV".to_owned(), "/opt/venv".to_owned())]), Vec::new());
        add(&read(body).env.unwrap().value, &mut env, &base, &mut problems);
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        if problems.is_empty() { Ok(env) } else { Err(problems.join("\n")) }
    }

    #[test]
    fn references_are_to_env_and_to_the_base_image() {
        let env = resolved(
            "[env]\nA = '${Z}/a'\nZ = '$LANG'\nPATH = '/app/bin:${PATH}'\nHERE = '${VIRTUAL_ENV}'\nB = '${NO:-b}'\n\
             EMPTY = ''\nC = '${EMPTY:-c}${EMPTY-d}'\nPRICE = '$$5'\n",
        )
        .unwrap();
        let text = |name: &str| env[name].as_str();
        assert_eq!((text("A"), text("PATH"), text("HERE")), ("C.UTF-8/a", "/app/bin:/opt/venv/bin:/bin", "/opt/venv"));
        assert_eq!((text("B"), text("C"), text("PRICE")), ("b", "c", "$5"));
    }

    #[test]
    fn what_cannot_be_resolved_is_said() {
        insta::assert_snapshot!(resolved("[env]\nA = '${B}'\nB = 'x${A}'\nC = '${HOSTNAME}'\n").unwrap_err());
    }
}
