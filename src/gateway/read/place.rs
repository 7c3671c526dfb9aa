//! Where in the build context the project is. `-f services/api/pyproject.toml .` hides that: of the entry file's path only
//! the last name arrives. It is recovered from what buildx knows of the git checkout, or else by looking for the member
//! whose `pyproject.toml` is the very entry file.

use buildkit_frontend::context::{Context, Entry as EntryFile, FirstLook, Selection};
use buildkit_frontend::options::{DEFAULT_CONTEXT_LOCAL, DEFAULT_ENTRY_LOCAL};
use buildkit_frontend::{FrontendError, Gateway, Reference};

use super::input::{PYLOCK, REQUIREMENTS};
use super::{PYPROJECT, PYTHON_VERSION, hidden_or, lock};
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::gateway::report;
use crate::project::lock::Lock;
use crate::project::place::{ancestors, below, join, within};
use crate::project::pyproject::Pyproject;
use crate::project::workspace;

/// The files that a project's directory is known by, as they came.
#[derive(Debug, Clone, Default)]
pub(super) struct Manifests {
    /// The directory in the context; empty for its root.
    pub(super) directory: String,
    pub(super) pyproject: Option<Vec<u8>>,
    pub(super) lock: Option<Vec<u8>>,
    pub(super) python_version: Option<Vec<u8>>,
    /// `pylock.toml`; only at the context's root.
    pub(super) pylock: Option<Vec<u8>>,
    /// `requirements.txt`; only at the context's root.
    pub(super) requirements: Option<Vec<u8>>,
}

impl Manifests {
    /// Where those of the context's root are.
    pub(super) fn of_root() -> Selection {
        Selection::paths([PYPROJECT, lock::FILE, PYLOCK, REQUIREMENTS, PYTHON_VERSION])
            .hint("manifests")
            .titled("[internal] load pyproject.toml and uv.lock")
            .small()
    }

    /// Reads those of the context's root.
    pub(super) async fn read_root(files: &FirstLook) -> Result<Self, FrontendError> {
        let (pyproject, lock, python_version, pylock, requirements) = tokio::join!(
            files.read_optional_file(PYPROJECT),
            files.read_optional_file(lock::FILE),
            files.read_optional_file(PYTHON_VERSION),
            files.read_optional_file(PYLOCK),
            files.read_optional_file(REQUIREMENTS),
        );
        Ok(Self {
            directory: String::new(),
            pyproject: pyproject?,
            lock: lock?,
            python_version: python_version?,
            pylock: pylock?,
            requirements: requirements?,
        })
    }

    /// The same with a lock of PEP 751 that was chosen, which no other lock wins over.
    pub(super) fn with_pylock(self, bytes: Vec<u8>) -> Self {
        Self { pylock: Some(bytes), lock: None, ..self }
    }

    /// Whether the packages come from something else than `uv.lock`, which wins when it is there.
    pub(super) fn is_other(&self) -> bool {
        self.lock.is_none() && (self.pylock.is_some() || self.requirements.is_some())
    }

    async fn read(files: &Reference, directory: &str) -> Result<Self, FrontendError> {
        let [pyproject, lock, version] = [PYPROJECT, lock::FILE, PYTHON_VERSION].map(|name| join(directory, name));
        let (pyproject, lock, python_version) = tokio::join!(
            files.read_optional_file(&pyproject),
            files.read_optional_file(&lock),
            files.read_optional_file(&version),
        );
        Ok(Self {
            directory: directory.to_owned(),
            pyproject: pyproject?,
            lock: lock?,
            python_version: python_version?,
            ..Self::default()
        })
    }
}

/// The project's place.
pub(super) struct Place {
    /// The files beside the lock.
    pub(super) manifests: Manifests,
    /// The directory of the entry file in the context, when the entry file is a project file.
    pub(super) entry: Option<String>,
}

/// Finds the place of an entry file that is a project file. `root` are the files of the context's root.
pub(super) async fn find(
    gateway: &Gateway,
    context: &Context,
    entry: &EntryFile,
    own: &Pyproject,
    root: Manifests,
) -> Result<Place, FrontendError> {
    let data = entry.file().map(|file| file.data.as_slice());
    if data == root.pyproject.as_deref() {
        return Ok(Place { manifests: root, entry: Some(String::new()) });
    }
    let Some(directory) = hinted(gateway, entry) else {
        return by_content(context, data, own, root).await;
    };
    let all: Vec<&str> = ancestors(&directory);
    let paths =
        all.iter().flat_map(|directory| [PYPROJECT, lock::FILE, PYTHON_VERSION].map(|name| join(directory, name)));
    let selection = Selection::paths(paths)
        .hint(format!("manifests-{directory}"))
        .titled(format!("[internal] load pyproject.toml and uv.lock of {directory}"))
        .small();
    let files = context.open(&selection).await?;
    let beside = Manifests::read(&files, &directory).await?;
    if beside.pyproject.as_deref() != data {
        return Err(report::one(another(context, &join(&directory, PYPROJECT), own, beside.pyproject.is_some())));
    }
    // The lock of the workspace around it has it as a member; a project of its own has its lock beside it.
    for above in all.iter().filter(|above| **above != directory) {
        let manifests = Manifests::read(&files, above).await?;
        let Some(bytes) = &manifests.lock else { continue };
        let lock = lock::read(&join(above, lock::FILE), bytes.as_slice())?;
        if workspace::members(&lock, above).any(|(_, tree)| tree == directory) {
            return Ok(Place { manifests, entry: Some(directory) });
        }
    }
    Ok(Place { manifests: beside, entry: Some(directory) })
}

/// The directory of the entry file, as far as the options tell: the path that a remote context is asked for, or the
/// difference of two directories of the git checkout. `None` when it would be the context's root.
fn hinted(gateway: &Gateway, entry: &EntryFile) -> Option<String> {
    let options = gateway.options();
    let directory = if let Some((directory, _)) = entry.filename().rsplit_once('/') {
        within("", directory)?
    } else {
        let clean = |name: &str| within("", options.vcs.local_dirs.get(name)?);
        let (file, context) = (clean(DEFAULT_ENTRY_LOCAL)?, clean(DEFAULT_CONTEXT_LOCAL)?);
        below(&context, &file)?.to_owned()
    };
    (!directory.is_empty()).then_some(directory)
}

/// Looks for the member whose project file is the entry file.
async fn by_content(
    context: &Context,
    data: Option<&[u8]>,
    own: &Pyproject,
    root: Manifests,
) -> Result<Place, FrontendError> {
    let Some(bytes) = &root.lock else {
        return Err(report::one(another(context, PYPROJECT, own, root.pyproject.is_some())));
    };
    let lock = lock::read(lock::FILE, bytes.as_slice())?;
    let directories: Vec<String> = workspace::members(&lock, "")
        .map(|(_, directory)| directory)
        .filter(|directory| !directory.is_empty())
        .collect();
    if directories.is_empty() {
        return Err(report::one(another(context, PYPROJECT, own, root.pyproject.is_some())));
    }
    let selection = Selection::paths(directories.iter().map(|directory| join(directory, PYPROJECT)))
        .hint("every-member")
        .titled("[internal] look for the member that the entry file belongs to")
        .small();
    let files = context.open(&selection).await?;
    let mut found = Vec::new();
    for directory in directories {
        let file = files.read_optional_file(&join(&directory, PYPROJECT)).await?;
        if file.is_some() && file.as_deref() == data {
            found.push(directory);
        }
    }
    match found.as_slice() {
        [directory] => Ok(Place { entry: Some(directory.clone()), manifests: root }),
        [] => Err(report::one(unknown(own, &lock))),
        several => Err(report::one(
            Diagnostic::new("the pyproject.toml given with -f could be that of several members, whose files are equal")
                .at(&own.file, 0..0)
                .note(format!("they are in {}", several.join(", ")))
                .help("give each its own name, or keep the build context in a git checkout, so that buildx tells the path"),
        )),
    }
}

fn unknown(own: &Pyproject, lock: &Lock) -> Diagnostic {
    let name = own.project.as_ref().map(|project| &project.name.value);
    let is_member = name.is_some_and(|name| lock.members().contains(&name));
    let diagnostic =
        Diagnostic::new("the pyproject.toml given with -f is not that of a member of the build context's workspace")
            .at(&own.file, 0..0)
            .note(workspace::list(lock));
    match name.filter(|_| is_member) {
        Some(name) => diagnostic
            .note(format!("the file of the member {name} in the build context is hidden, or another one"))
            .help(format!("build from the root instead: -f pyproject.toml --build-arg {}={name}", workspace::PACKAGE)),
        None => {
            diagnostic.help("give the workspace's root as the build context, or run uv lock there if the member is new")
        }
    }
}

/// The error for an entry file that is not the project file at a place of the context.
fn another(context: &Context, path: &str, own: &Pyproject, exists: bool) -> Diagnostic {
    let root = path == PYPROJECT;
    let error = |message: String| {
        Diagnostic::new(message)
            .at(&own.file, 0..0)
            .help("give the project's directory as the build context: docker buildx build -f DIR/pyproject.toml DIR")
    };
    match (exists, root) {
        (true, true) => error(
            "the pyproject.toml at the root of the build context is another one than that given with -f".to_owned(),
        ),
        (true, false) => error(format!("{path} in the build context is another file than that given with -f")),
        (false, true) => {
            hidden_or(context, path, error("the root of the build context has no pyproject.toml".to_owned()))
        }
        (false, false) => hidden_or(context, path, error(format!("the build context has no {path}"))),
    }
}

/// A project file with its path in the context as its name.
pub(super) fn parse(directory: &str, bytes: &[u8]) -> Result<Pyproject, FrontendError> {
    let file = SourceFile::from_bytes(join(directory, PYPROJECT), bytes).map_err(report::one)?;
    Pyproject::parse(&file).map_err(|error| report::error(&error))
}
