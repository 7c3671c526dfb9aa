//! Whether the members of the lock are still those that `[tool.uv.workspace]` names: neither does the lock have one that no
//! pattern matches, nor is there a project that one matches and the lock does not know. The rules are those of uv's
//! `collect_members_only` (crates/uv-workspace/src/workspace.rs).

use uv_normalize::PackageName;

use super::{Diagnostic, Diagnostics, HELP, Lock, Pyproject};
use crate::project::document::{Located, quoted};
use crate::project::{place, workspace};

/// A project in a directory that a pattern of the workspace matches, and that the lock does not know.
#[derive(Debug, Clone)]
pub struct NewMember {
    /// The directory, relative to that of the lock.
    pub directory: String,
    /// What it is called, as far as that can be read.
    pub name: Option<PackageName>,
    /// The pattern.
    pub pattern: Located<String>,
}

/// Compares the members of the lock with what the root names.
///
/// # Errors
/// Members that only the lock has, each with a place in the root's `pyproject.toml`.
pub fn check_members(root: &Pyproject, lock: &Lock) -> Result<(), Diagnostics> {
    let Some(location) = &root.uv.workspace else { return Ok(()) };
    let named = |directory: &str| {
        let matches = |pattern: &Located<String>| place::within("", pattern).and_then(|it| matches(&it, directory));
        root.uv.workspace_members.iter().any(|pattern| matches(pattern) != Some(false)) && !is_excluded(root, directory)
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

/// Compares the projects of a workspace that the lock does not know with nothing at all: each is a member that it lacks.
///
/// # Errors
/// If there are any, each with the place of the pattern that names it.
pub fn check_new_members(members: &[NewMember]) -> Result<(), Diagnostics> {
    let problem = |member: &NewMember| {
        let name = member.name.as_ref().map_or_else(|| quoted(&member.directory), ToString::to_string);
        Diagnostic::new(format!("uv.lock does not know the member {name}"))
            .at_location(Some(member.pattern.location.clone()))
            .note(format!("{} matches this, and has a pyproject.toml", quoted(&member.directory)))
            .help(HELP)
            .help("or name the directory in exclude of [tool.uv.workspace], if it is no part of the workspace")
    };
    Diagnostics::into_result(members.iter().map(problem).collect())
}

/// The patterns by which the root of a workspace finds its members, without those that have more than `*`, `**`, `?` and
/// plain characters, or lead out of the workspace.
pub fn member_patterns(root: &Pyproject) -> Vec<(String, &Located<String>)> {
    let normal = |pattern: &str| place::within("", pattern).filter(|it| !it.is_empty() && matches(it, "").is_some());
    root.uv.workspace_members.iter().filter_map(|pattern| Some((normal(pattern)?, pattern))).collect()
}

/// Whether a directory is surely named by `exclude`. Other than in `members`, a `*` there matches slashes, too.
pub fn is_excluded(root: &Pyproject, directory: &str) -> bool {
    root.uv.workspace_exclude.iter().any(|pattern| {
        let Some(pattern) = place::within("", pattern) else { return false };
        let characters = |text: &str| text.chars().collect::<Vec<_>>();
        match matches(&pattern, directory) {
            Some(matches) => matches || name_matches(&characters(&pattern), &characters(directory)),
            None => false,
        }
    })
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

/// Whether a pattern matches a name.
pub fn name_matches(pattern: &[char], name: &[char]) -> bool {
    let (mut at, mut position) = (0, 0);
    // Where the last star is, and up to where it has matched: it takes one more when what follows does not fit.
    let mut star: Option<(usize, usize)> = None;
    while position < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, position));
                at += 1;
            }
            Some(wanted) if *wanted == '?' || *wanted == name[position] => {
                at += 1;
                position += 1;
            }
            _ => {
                let Some((place, taken)) = star else { return false };
                star = Some((place, taken + 1));
                at = place + 1;
                position = taken + 1;
            }
        }
    }
    pattern[at..].iter().all(|rest| *rest == '*')
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
            ("*-x", "a-x-x", Some(true)),
            ("*-x*", "a-y", Some(false)),
            ("a*", "a", Some(true)),
            ("libs/[a-c]*", "libs/z", None),
        ] {
            assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn exclusions_match_slashes() {
        let text = "[tool.uv.workspace]\nmembers = [\"**\"]\nexclude = [\"./old/*\", \"lib[s]\"]\n";
        let root = Pyproject::parse(&crate::diagnostic::SourceFile::new("pyproject.toml", text)).unwrap();
        assert!(is_excluded(&root, "old/api"));
        assert!(is_excluded(&root, "old/very/api"));
        assert!(!is_excluded(&root, "old"));
        assert!(!is_excluded(&root, "libs"), "not understood");
    }
}
