//! Looks for large files among those that a build would ask of the client.

use std::collections::BTreeMap;

use buildkit_frontend::context::Selection;
use buildkit_frontend::{FileStat, FrontendError, Gateway, Reference};
use buildkit_llb::Cap;

use super::local::{IGNORED, escaped};
use super::read::Written;
use crate::lint::{self, Finding};
use crate::plan::{Plan, Tree};
use crate::project::place::{below, join};

/// How many directories are looked through.
const MOST_DIRECTORIES: usize = 2000;

/// The large files among those of the user's projects that a plan needs.
pub(super) async fn large_files(
    gateway: &Gateway,
    written: &Written,
    plan: &Plan,
) -> Result<Vec<Finding>, FrontendError> {
    let trees = plan.first_party.iter().map(|member| &member.tree);
    let trees: Vec<&Tree> = trees.filter(|tree| tree.context.is_none()).collect();
    if written.script.is_some() || trees.is_empty() {
        return Ok(Vec::new());
    }
    let mut selection =
        Selection::everything().exclude_by_default(IGNORED.iter().copied()).titled("[internal] look for large files");
    if trees.iter().all(|tree| !tree.directory.is_empty()) {
        selection = selection.include(trees.iter().map(|tree| escaped(&tree.directory)));
    }
    // Before 0.21 the files come along, as they would for the build.
    if gateway.llb_caps().supports(Cap::SourceLocalMetadataTransfer) {
        selection = selection.hint("sizes").metadata_only(Vec::<String>::new());
    }
    let files = written.context.open(&selection).await?;
    let sizes = match files.metadata().await? {
        Some(stats) => stats.into_iter().filter(FileStat::is_file).map(|stat| (stat.path, stat.size)).collect(),
        None => sizes(&files, trees.iter().map(|tree| tree.directory.clone()).collect()).await?,
    };
    let is_needed = |path: &str| {
        let inside = |directory: &str| below(directory, path).is_some();
        trees.iter().any(|tree| inside(&tree.directory) && !tree.without.iter().any(|other| inside(other)))
    };
    let needed = sizes.iter().filter(|(path, _)| is_needed(path));
    Ok(needed.filter_map(|(path, size)| lint::large_file(path, *size)).collect())
}

/// The files in some directories and below, with their sizes.
async fn sizes(files: &Reference, mut directories: Vec<String>) -> Result<BTreeMap<String, u64>, FrontendError> {
    let mut found = BTreeMap::new();
    for _ in 0..MOST_DIRECTORIES {
        let Some(directory) = directories.pop() else { break };
        let entries = match files.read_dir(&format!("/{directory}"), None).await {
            Ok(entries) => entries,
            Err(error) if error.is_not_found() => continue,
            Err(error) => return Err(error),
        };
        for entry in entries {
            let path = join(&directory, &entry.path);
            if entry.is_dir() {
                directories.push(path);
            } else if entry.is_file() {
                found.insert(path, entry.size);
            }
        }
    }
    Ok(found)
}
