//! Whether the members of the lock are still those that `[tool.uv.workspace]` names, as far as its patterns tell. (A new
//! member that nothing in the lock needs is no part of any image.)

use super::{Diagnostic, Diagnostics, HELP, Lock, Pyproject};
use crate::project::document::quoted;
use crate::project::{place, workspace};

/// Compares the members of the lock with what the root names.
///
/// # Errors
/// Members that only the lock has, each with a place in the root's `pyproject.toml`.
pub fn check_members(root: &Pyproject, lock: &Lock) -> Result<(), Diagnostics> {
    let Some(location) = &root.uv.workspace else { return Ok(()) };
    let named = |directory: &str| {
        let mut excluded = root.uv.workspace_exclude.iter();
        let matches = |pattern: &str| place::within("", pattern).and_then(|pattern| matches(&pattern, directory));
        root.uv.workspace_members.iter().any(|pattern| matches(pattern) != Some(false))
            && !excluded.any(|pattern| matches(pattern) == Some(true))
    };
    let gone = workspace::members(lock, "").filter(|(_, directory)| !directory.is_empty() && !named(directory));
    let problem = |name: &str, directory: &str| {
        Diagnostic::new(format!("uv.lock still has the member {name}"))
            .at_location(Some(location.clone()))
            .note(format!("{} is not among the members of [tool.uv.workspace]", quoted(directory)))
            .help(HELP)
    };
    Diagnostics::into_result(gone.map(|(package, directory)| problem(package.name.as_str(), &directory)).collect())
}

/// Whether a pattern of `*`, `**`, `?` and plain characters matches a path. `None` when it has more than these.
fn matches(pattern: &str, path: &str) -> Option<bool> {
    if pattern.contains(['[', '{', '\\']) {
        return None;
    }
    let pattern: Vec<&str> = pattern.split('/').collect();
    let path: Vec<&str> = path.split('/').collect();
    Some(parts_match(&pattern, &path))
}

fn parts_match(pattern: &[&str], path: &[&str]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((&"**", rest)), _) => (0..=path.len()).any(|skipped| parts_match(rest, &path[skipped..])),
        (Some((first, pattern)), Some((name, path))) => {
            let (first, name): (Vec<char>, Vec<char>) = (first.chars().collect(), name.chars().collect());
            name_matches(&first, &name) && parts_match(pattern, path)
        }
        (None, Some(_)) | (Some(_), None) => false,
    }
}

fn name_matches(pattern: &[char], name: &[char]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some(('*', rest)), _) => (0..=name.len()).any(|skipped| name_matches(rest, &name[skipped..])),
        (Some(('?', pattern)), Some((_, name))) => name_matches(pattern, name),
        (Some((wanted, pattern)), Some((found, name))) => wanted == found && name_matches(pattern, name),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, path, expected) in [
            ("packages/*", "packages/api", Some(true)),
            ("packages/*", "packages/api/deep", Some(false)),
            ("packages/**", "packages/api/deep", Some(true)),
            ("**/api", "api", Some(true)),
            ("libs/?ore-*", "libs/core-x", Some(true)),
            ("libs", "libs2", Some(false)),
            ("libs/[a-c]*", "libs/z", None),
        ] {
            assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
        }
    }
}
