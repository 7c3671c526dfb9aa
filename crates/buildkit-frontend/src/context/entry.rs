//! The entry file: the one that `-f` names, with the `# syntax=` line. It can be missing (`BUILDKIT_SYNTAX` without any
//! Dockerfile), and it need not be in the context.

use std::sync::Arc;

use buildkit_llb::{Digest, Location, SourceFile};

use super::{LocalDirectory, Selection, parse_ignore_file};
use crate::error::FrontendError;
use crate::gateway::{Gateway, Reference, Warning};
use crate::ignore::IgnoreFile;

/// What `-f` means when it is not given.
const DEFAULT_FILENAME: &str = "Dockerfile";

/// The entry file with what was read along with it.
#[derive(Debug, Clone)]
pub struct Entry {
    filename: String,
    file: Option<Arc<SourceFile>>,
    ignore: Option<IgnoreFile>,
    files: Reference,
    vertex: Digest,
}

impl Entry {
    /// Its name as the client sent it: often only the last component of what the user wrote.
    pub fn filename(&self) -> &str {
        &self.filename
    }

    /// Its content, to read and to point into; `None` if there is no such file.
    pub fn file(&self) -> Option<&Arc<SourceFile>> {
        self.file.as_ref()
    }

    /// The ignore file beside it, `<entry file>.dockerignore`. It counts even if it is empty.
    pub fn ignore(&self) -> Option<&IgnoreFile> {
        self.ignore.as_ref()
    }

    /// The op that loaded it: warnings about the file are shown with it.
    pub fn vertex(&self) -> Digest {
        self.vertex
    }

    /// One of the additional files that were asked for, if it is there.
    pub async fn read_optional_file(&self, path: &str) -> Result<Option<Vec<u8>>, FrontendError> {
        self.files.read_optional_file(path).await
    }
}

impl Gateway {
    /// Reads the entry file. `language` is for syntax colouring, such as `TOML`; `extra` are more files beside it that are
    /// transferred along, to be read with [`Entry::read_optional_file`].
    pub async fn entry(&self, language: &str, extra: &[&str]) -> Result<Entry, FrontendError> {
        let main = self.main_source().await?;
        let filename = &main.filename;
        let ignore_name = format!("{filename}.dockerignore");
        // Docker has always taken either spelling of its own file's name.
        let lower_case = match filename.rsplit_once('/') {
            Some((directory, DEFAULT_FILENAME)) => Some(format!("{directory}/{}", DEFAULT_FILENAME.to_lowercase())),
            None if filename == DEFAULT_FILENAME => Some(DEFAULT_FILENAME.to_lowercase()),
            _ => None,
        };
        let source = if let Some(output) = &main.entry {
            output.clone()
        } else {
            let name = self.options().context.entry_local.clone();
            let directory = LocalDirectory {
                hint: name.clone(),
                name,
                title: format!("[internal] load build definition from {filename}"),
                ignore: None,
            };
            let names = [filename.as_str(), &ignore_name].into_iter().chain(lower_case.as_deref());
            directory.source(self, &Selection::paths(names.chain(extra.iter().copied())).small())?
        };
        let wrong = |error: FrontendError| error.context(format!("cannot read {filename}"));
        let files = self.solve_output(Some(&source)).await.map_err(wrong)?;
        let (data, ignore) = tokio::join!(files.read_optional_file(filename), files.read_optional_file(&ignore_name));
        let mut data = data.map_err(wrong)?;
        if let (None, Some(other)) = (&data, &lower_case) {
            data = files.read_optional_file(other).await.map_err(wrong)?;
        }
        let ignore = ignore?;
        let ignore = ignore.map(|data| parse_ignore_file(&ignore_name, &data)).transpose()?;
        Ok(Entry {
            filename: filename.clone(),
            file: data.map(|data| SourceFile::new(filename, language, data)),
            ignore,
            files,
            vertex: source.digest(),
        })
    }

    /// Shows a warning about a place in the entry file, or about the build as a whole.
    pub async fn warn_at(&self, entry: &Entry, short: impl Into<String>, location: Option<Location>) {
        let warning = Warning { short: short.into(), location, ..Warning::default() };
        self.warn(entry.vertex, warning).await;
    }
}
