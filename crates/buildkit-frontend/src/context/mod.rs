//! Where files come from: the entry file (`-f`), the main context, and named contexts (`--build-context`). Each can be a
//! directory of the client, a git repository, a URL, or the result of another build.
//!
//! The rules are those of BuildKit's `frontend/dockerui`, so that a frontend behaves as people know it from Dockerfiles.

mod archive;
mod entry;
mod git;
pub(crate) mod listing;
mod main;
mod named;
mod selection;

use buildkit_llb::{Annotate as _, Differ, Local, Output};

pub use entry::Entry;
pub use main::FirstLook;
pub(crate) use main::MainSource;
pub(crate) use named::LookedFor;
pub use named::NamedContext;
pub use selection::Selection;

use crate::error::FrontendError;
use crate::gateway::{Gateway, Reference};
use crate::ignore::{self, IgnoreFile};

/// A tree of files to build from. Cheap enough to clone.
#[derive(Clone)]
pub struct Context {
    gateway: Gateway,
    origin: Origin,
}

#[derive(Clone)]
enum Origin {
    /// A directory of the client. What is transferred can be selected, and an ignore file is honoured.
    Local(LocalDirectory),
    /// Something that BuildKit fetches or has built, as a whole.
    Fetched(Output),
}

/// A directory of the client.
#[derive(Debug, Clone)]
struct LocalDirectory {
    /// The name under which the client offers it.
    name: String,
    /// Tells transfers apart, so that one does not evict another's files.
    hint: String,
    /// The line that the user sees, such as `[internal] load build context`.
    title: String,
    ignore: Option<IgnoreFile>,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.origin {
            Origin::Local(directory) => f.debug_tuple("Context").field(&directory.name).finish(),
            Origin::Fetched(output) => f.debug_tuple("Context").field(output).finish(),
        }
    }
}

impl Context {
    fn fetched(gateway: &Gateway, output: Output) -> Self {
        Self { gateway: gateway.clone(), origin: Origin::Fetched(output) }
    }

    /// True for a directory of the client, of which parts can be transferred.
    pub fn is_local(&self) -> bool {
        matches!(self.origin, Origin::Local(_))
    }

    /// The ignore file that hides a part of it. Only a directory of the client has one.
    pub fn ignore(&self) -> Option<&IgnoreFile> {
        match &self.origin {
            Origin::Local(directory) => directory.ignore.as_ref(),
            Origin::Fetched(_) => None,
        }
    }

    /// The same context with nothing hidden: to see whether a file that an ignore file hides is there at all.
    #[must_use]
    pub fn without_ignore_file(&self) -> Self {
        let mut origin = self.origin.clone();
        if let Origin::Local(directory) = &mut origin {
            directory.ignore = None;
        }
        Self { gateway: self.gateway.clone(), origin }
    }

    /// The files as a source of the build graph: those selected of a local directory, or else all of them.
    pub fn files(&self, selection: &Selection) -> Result<Output, FrontendError> {
        match &self.origin {
            Origin::Local(directory) => directory.source(&self.gateway, selection),
            Origin::Fetched(output) => Ok(output.clone()),
        }
    }

    /// The files, to look into right now.
    pub async fn open(&self, selection: &Selection) -> Result<Reference, FrontendError> {
        self.gateway.solve_output(Some(&self.files(selection)?)).await
    }
}

impl LocalDirectory {
    fn source(&self, gateway: &Gateway, selection: &Selection) -> Result<Output, FrontendError> {
        let hint = match &selection.hint {
            None => self.hint.clone(),
            Some(more) => format!("{}-{more}", self.hint),
        };
        let mut source = Local::new(&self.name)
            .session(gateway.session_of(&self.name))
            .shared_key_hint(hint)
            .follow(&selection.paths)
            .include(&selection.include)
            .exclude(
                selection
                    .exclude
                    .iter()
                    .cloned()
                    .chain(self.ignore.iter().flat_map(IgnoreFile::patterns))
                    .chain(selection.exclude_always.iter().cloned()),
            )
            .named(selection.title.as_ref().unwrap_or(&self.title));
        if selection.small {
            source = source.differ(Differ::None);
        }
        if let Some(except) = &selection.metadata_only {
            source = source.metadata_only(except);
        }
        Ok(source.build()?)
    }

    /// Reads `.dockerignore` in its own small transfer. Like BuildKit, takes a failed one for no file.
    async fn read_ignore_file(&mut self, gateway: &Gateway, title: String) -> Result<(), FrontendError> {
        let selection = Selection::paths([ignore::DEFAULT_NAME]).hint(ignore::DEFAULT_NAME).titled(title).small();
        let files = gateway.solve_output(Some(&self.source(gateway, &selection)?)).await?;
        match files.read_optional_file(ignore::DEFAULT_NAME).await {
            Ok(Some(data)) => self.ignore = Some(parse_ignore_file(ignore::DEFAULT_NAME, &data)?),
            Err(error) if error.is_connection_lost() => return Err(error),
            Ok(None) | Err(_) => {}
        }
        Ok(())
    }
}

/// Parses an ignore file; an error points at the line.
fn parse_ignore_file(name: &str, data: &[u8]) -> Result<IgnoreFile, FrontendError> {
    use buildkit_llb::{Location, Range, SourceFile};
    IgnoreFile::parse(name, data).map_err(|error| {
        let line = i32::try_from(error.line).unwrap_or(i32::MAX);
        let file = SourceFile::new(name, "Ignore List", data);
        FrontendError::from(error)
            .help("correct the line, or remove it; a \\ takes the character behind it as it is")
            .with_source(Location::new(&file, [Range::line(line)]))
    })
}
