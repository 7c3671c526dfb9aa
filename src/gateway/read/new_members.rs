//! The projects of a workspace that its lock does not know: directories that a pattern of `[tool.uv.workspace]` matches.
//! They are looked for in the transfer that brings the project files of the members, so that they cost no other one.

use std::collections::{BTreeMap, BTreeSet};

use buildkit_frontend::context::Selection;
use buildkit_frontend::{FrontendError, Reference};

use super::{PYPROJECT, place};
use crate::gateway::local::escaped;
use crate::project::lock::Lock;
use crate::project::place::{below, join};
use crate::project::pyproject::Pyproject;
use crate::project::stale::{self, NewMember};
use crate::project::workspace;

/// More directories than this are not listed; `**` in a context that comes as a whole could mean any number.
const MAX_LISTED: usize = 400;
/// What nobody keeps members in, and what is big.
const NEVER: &[&str] = &[".git", "**/.venv", "**/node_modules", "**/__pycache__"];

/// The selection with the project files of all directories that the workspace's patterns match. `directory` is that of the
/// lock.
pub(super) fn select(selection: Selection, root: &Pyproject, directory: &str) -> Selection {
    let patterns = patterns(root);
    if patterns.is_empty() {
        return selection;
    }
    let file = |pattern: &str| {
        let pattern = join(pattern, PYPROJECT);
        if directory.is_empty() { pattern } else { format!("{}/{pattern}", escaped(directory)) }
    };
    selection.include(patterns.into_iter().map(|(pattern, _)| file(&pattern))).exclude_by_default(NEVER.iter().copied())
}

/// Finds them among the files of that selection.
pub(super) async fn find(
    files: &Reference,
    root: &Pyproject,
    directory: &str,
    lock: &Lock,
) -> Result<Vec<NewMember>, FrontendError> {
    let mut listing = Listing { files, directories: BTreeMap::new() };
    let mut seen: BTreeSet<String> = workspace::trees(lock, directory).map(|(_, tree)| tree).collect();
    // The project beside the lock is compared with it in any case.
    seen.insert(directory.to_owned());
    let mut found = Vec::new();
    for (pattern, written) in patterns(root) {
        for candidate in listing.matching(directory, &pattern).await? {
            let relative = below(directory, &candidate).unwrap_or(&candidate).to_owned();
            if stale::is_excluded(root, &relative) || !seen.insert(candidate.clone()) {
                continue;
            }
            let Some(bytes) = files.read_optional_file(&join(&candidate, PYPROJECT)).await? else { continue };
            // What is wrong with a file that the image does not need is no reason to stop.
            let read = place::parse(&candidate, &bytes).ok();
            let unmanaged = |read: &Pyproject| read.uv.managed.as_ref().is_some_and(|managed| !managed.value);
            if read.as_ref().is_some_and(|read| unmanaged(read) || read.project.is_none()) {
                continue;
            }
            let name = read.and_then(|read| read.project).map(|project| project.name.value);
            found.push(NewMember { directory: relative, name, pattern: written.clone() });
        }
    }
    Ok(found)
}

/// The patterns, unless uv is told to leave the project alone.
pub(super) fn patterns(root: &Pyproject) -> Vec<(String, &crate::project::document::Located<String>)> {
    if root.uv.managed.as_ref().is_some_and(|managed| !managed.value) {
        return Vec::new();
    }
    stale::member_patterns(root)
}

/// The directories in directories, each asked for once.
struct Listing<'a> {
    files: &'a Reference,
    directories: BTreeMap<String, Vec<String>>,
}

impl Listing<'_> {
    /// The directories that a pattern matches, below `start`. Those whose path has no wildcard need not exist.
    async fn matching(&mut self, start: &str, pattern: &str) -> Result<Vec<String>, FrontendError> {
        let mut found = vec![start.to_owned()];
        for part in pattern.split('/') {
            let mut further = Vec::new();
            for directory in found {
                if part == "**" {
                    further.extend(self.all_below(directory).await?);
                } else if part.contains(['*', '?']) {
                    let part: Vec<char> = part.chars().collect();
                    let names = self.names(&directory).await?;
                    let names =
                        names.iter().filter(|name| stale::name_matches(&part, &name.chars().collect::<Vec<_>>()));
                    further.extend(names.map(|name| join(&directory, name)));
                } else {
                    further.push(join(&directory, part));
                }
            }
            found = further;
        }
        Ok(found)
    }

    async fn all_below(&mut self, directory: String) -> Result<Vec<String>, FrontendError> {
        let mut all = vec![directory];
        let mut next = 0;
        while let Some(directory) = all.get(next).cloned() {
            let names = self.names(&directory).await?;
            let visible = names.iter().filter(|name| !NEVER.iter().any(|never| never.ends_with(name.as_str())));
            all.extend(visible.map(|name| join(&directory, name)));
            next += 1;
        }
        Ok(all)
    }

    async fn names(&mut self, directory: &str) -> Result<&[String], FrontendError> {
        if !self.directories.contains_key(directory) && self.directories.len() < MAX_LISTED {
            let path = if directory.is_empty() { "/" } else { directory };
            let entries = match self.files.read_dir(path, None).await {
                Ok(entries) => entries,
                // The same words can come from a transfer that failed.
                Err(error) if error.is_not_found() => self.files.read_dir("/", None).await.map(|_| Vec::new())?,
                Err(error) => return Err(error),
            };
            let names = entries.into_iter().filter(buildkit_frontend::FileStat::is_dir);
            let names = names.map(|entry| entry.path.rsplit('/').next().unwrap_or_default().to_owned());
            self.directories.insert(directory.to_owned(), names.collect());
        }
        Ok(self.directories.get(directory).map(Vec::as_slice).unwrap_or_default())
    }
}
