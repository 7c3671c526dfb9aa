//! The files in which a start command may be found.

use std::collections::BTreeMap;

use buildkit_frontend::context::Selection;
use buildkit_frontend::{FrontendError, Reference};

use super::Written;
use crate::diagnostic::SourceFile;
use crate::plan::start;
use crate::project::place::join;

/// The text of the files in which a start command may be found.
pub(crate) async fn start_files(written: &Written) -> Result<start::Files, FrontendError> {
    let candidates = start::candidate_files(&written.pyproject, &written.config);
    let mut found = start::Files::new();
    if candidates.is_empty() || written.script.is_some() || !written.target.kind.starts() {
        return Ok(found);
    }
    read(written, candidates, "start", &mut found).await?;
    let further = start::further_files(&found);
    if !further.is_empty() {
        read(written, further, "start-further", &mut found).await?;
    }
    Ok(found)
}

/// Reads those of the files that exist.
async fn read(
    written: &Written,
    wanted: Vec<String>,
    hint: &str,
    found: &mut start::Files,
) -> Result<(), FrontendError> {
    let place = |path: &str| join(&written.project, path);
    let selection = Selection::paths(wanted.iter().map(|path| place(path)))
        .hint(hint)
        .titled("[internal] look for the start command")
        .small();
    let files = written.context.open(&selection).await?;
    let mut listing = Listing { files: &files, directories: BTreeMap::new() };
    for path in wanted {
        if !listing.has(&place(&path)).await? {
            continue;
        }
        let bytes = files.read_file(&place(&path)).await?;
        // A file that is not UTF-8 is no help in finding the command, and no reason to fail.
        if let Ok(file) = SourceFile::from_bytes(place(&path), bytes) {
            found.insert(path, file);
        }
    }
    Ok(())
}

/// Which files there are, asked once for each directory: most candidates are not there.
struct Listing<'a> {
    files: &'a Reference,
    /// Names by directory (`""` is the root), and whether each is a regular file.
    directories: BTreeMap<String, BTreeMap<String, bool>>,
}

impl Listing<'_> {
    async fn has(&mut self, path: &str) -> Result<bool, FrontendError> {
        let mut directory = String::new();
        let mut rest = path;
        loop {
            let (name, further) = match rest.split_once('/') {
                Some((name, further)) => (name, Some(further)),
                None => (rest, None),
            };
            if !self.directories.contains_key(&directory) {
                let path = if directory.is_empty() { "/" } else { &directory };
                let entries = self.files.read_dir(path, None).await?;
                let names = entries.into_iter().map(|entry| (base_name(&entry.path).to_owned(), !entry.is_dir()));
                let names = names.collect();
                self.directories.insert(directory.clone(), names);
            }
            let known = self.directories.get(&directory).and_then(|names| names.get(name));
            match (known, further) {
                (None, _) | (Some(true), Some(_)) => return Ok(false),
                (Some(is_file), None) => return Ok(*is_file),
                (Some(false), Some(further)) => {
                    if !directory.is_empty() {
                        directory.push('/');
                    }
                    directory.push_str(name);
                    rest = further;
                }
            }
        }
    }
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
