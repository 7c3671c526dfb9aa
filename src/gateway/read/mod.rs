//! Reads what the user wrote: the entry file, and from the build context the project's manifests and, when the start
//! command has to be found, a bounded list of Python files.

use buildkit_frontend::context::{Context, Entry as EntryFile, Selection};
use buildkit_frontend::{FrontendError, Gateway};
use buildkit_llb::Output;

mod hidden;
mod lock;
mod start;

pub(super) use self::lock::{LOCKED, is_locked};
pub(super) use self::start::start_files;

use self::hidden::hidden_or;
use super::report;
use crate::closure::{BuildPolicy, Defaults, Extras, Groups, Request};
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::project::config::Config;
use crate::project::config::selection::Selection as Names;
use crate::project::document::Located;
use crate::project::entry::Entry;
use crate::project::lock::{DefaultGroups, Lock};
use crate::project::pyproject::{self, Pyproject};
use crate::project::python_version::{PythonRequest, read_python_version_file};

const PYPROJECT: &str = "pyproject.toml";
const PYTHON_VERSION: &str = ".python-version";
/// What no build of a project needs. A `.dockerignore` can bring each back with `!`.
const IGNORED: &[&str] = &[
    ".git",
    "**/.venv",
    "**/__pycache__",
    "**/*.pyc",
    "**/.pytest_cache",
    "**/.mypy_cache",
    "**/.ruff_cache",
    "**/.env",
    "**/.env.*",
];

/// Everything that the user wrote.
pub(super) struct Written {
    pub(super) pyproject: Pyproject,
    /// `[tool.pyfront]`, with what a Dockerfile says on top.
    pub(super) config: Config,
    pub(super) lock: Lock,
    pub(super) python_version: Option<Located<PythonRequest>>,
    /// The entry file: warnings are shown with it.
    pub(super) entry: EntryFile,
    context: Context,
}

impl Written {
    /// The files that the project is built from.
    pub(super) fn sources(&self) -> Result<Output, FrontendError> {
        self.context.files(&Selection::everything().exclude_by_default(IGNORED.iter().copied()))
    }

    /// What to install of the lock.
    pub(super) fn request(&self) -> Request {
        let config = &self.config;
        let extras = match config.extras.as_ref().map(|extras| &extras.value) {
            None => Extras::default(),
            Some(Names::All) => Extras { all: true, ..Extras::default() },
            Some(Names::Names(names)) => Extras { include: values(names), ..Extras::default() },
        };
        let mut groups = Groups {
            declared: self.pyproject.uv.default_groups.as_ref().map(|groups| match &groups.value {
                Names::All => DefaultGroups::All,
                Names::Names(names) => DefaultGroups::List(values(names)),
            }),
            ..Groups::default()
        };
        if config.no_default_groups.as_ref().is_some_and(|no| no.value) {
            groups.defaults = Defaults::None;
        }
        match config.groups.as_ref().map(|groups| &groups.value) {
            None => {}
            Some(Names::All) => groups.all = true,
            Some(Names::Names(names)) => groups.include = values(names),
        }
        let uv = &self.pyproject.uv.build;
        let build = BuildPolicy {
            no_build: uv.no_build,
            no_build_packages: uv.no_build_package.iter().cloned().collect(),
            no_binary: uv.no_binary,
            no_binary_packages: uv.no_binary_package.iter().cloned().collect(),
        };
        Request { extras, groups, build, ..Request::default() }
    }
}

fn values<T: Clone>(names: &[Located<T>]) -> Vec<T> {
    names.iter().map(|name| name.value.clone()).collect()
}

/// Reads the project.
pub(super) async fn project(gateway: &Gateway) -> Result<Written, FrontendError> {
    let entry = gateway.entry("TOML", &[]).await?;
    let read = match entry.file() {
        Some(file) => Some(Entry::read(entry.filename(), &file.data).map_err(|error| report::error(&error))?),
        // Without an entry file (`BUILDKIT_SYNTAX` and nothing else) the project's own is all there is.
        None => None,
    };
    let context = gateway.main_context(&entry).await?;
    let manifests = Selection::paths([PYPROJECT, lock::FILE, PYTHON_VERSION])
        .hint("manifests")
        .titled("[internal] load pyproject.toml and uv.lock")
        .small();
    let files = context.open(&manifests).await?;
    let (pyproject, lock, version) = tokio::join!(
        files.read_optional_file(PYPROJECT),
        files.read_optional_file(lock::FILE),
        files.read_optional_file(PYTHON_VERSION),
    );
    let (pyproject, lock, version) = (pyproject?, lock?, version?);

    let (pyproject, config) = match read {
        Some(Entry::Pyproject(own)) => {
            check_same(&context, &entry, pyproject.as_deref(), &own)?;
            let config = own.config.clone();
            (*own, config)
        }
        Some(Entry::Dockerfile(dockerfile)) => {
            let pyproject = parse_pyproject(&context, pyproject.as_deref())?;
            pyproject::check_config(&dockerfile.config, &pyproject).map_err(|error| report::error(&error))?;
            let config = pyproject.config.clone().overlay(dockerfile.config);
            (pyproject, config)
        }
        None => {
            let pyproject = parse_pyproject(&context, pyproject.as_deref())?;
            let config = pyproject.config.clone();
            (pyproject, config)
        }
    };
    let lock = lock::parse(&context, &pyproject, lock.as_deref())?;
    lock::check_stale(gateway, &entry, &config, &pyproject, &lock).await?;
    hidden::check_build_files(&context, "", &pyproject).await?;
    let python_version = match version {
        None => None,
        Some(bytes) => {
            let file = SourceFile::from_bytes(PYTHON_VERSION, &bytes).map_err(report::one)?;
            read_python_version_file(&file).map_err(report::one)?
        }
    };
    Ok(Written { pyproject, config, lock, python_version, entry, context })
}

/// An entry file named `pyproject.toml` must be the one at the root of the context: all paths are relative to that.
fn check_same(
    context: &Context,
    entry: &EntryFile,
    in_context: Option<&[u8]>,
    own: &Pyproject,
) -> Result<(), FrontendError> {
    if entry.file().is_some_and(|file| Some(file.data.as_slice()) == in_context) {
        return Ok(());
    }
    let error = |message: &str| {
        Diagnostic::new(message)
            .at(&own.file, 0..0)
            .help("give the project's directory as the build context: docker buildx build -f DIR/pyproject.toml DIR")
    };
    Err(report::one(match in_context {
        Some(_) => error("the pyproject.toml at the root of the build context is another one than that given with -f"),
        None => hidden_or(context, PYPROJECT, error("the root of the build context has no pyproject.toml")),
    }))
}

fn parse_pyproject(context: &Context, bytes: Option<&[u8]>) -> Result<Pyproject, FrontendError> {
    let Some(bytes) = bytes else {
        return Err(report::one(hidden_or(
            context,
            PYPROJECT,
            Diagnostic::new("the build context has no pyproject.toml")
                .help("give the project's directory as the build context, the last argument of docker buildx build"),
        )));
    };
    let file = SourceFile::from_bytes(PYPROJECT, bytes).map_err(report::one)?;
    Pyproject::parse(&file).map_err(|error| report::error(&error))
}
