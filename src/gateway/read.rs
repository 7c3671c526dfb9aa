//! Reads what the user wrote: the entry file, and from the build context the project's manifests and, when the start
//! command has to be found, a bounded list of Python files.

use std::collections::BTreeMap;

use buildkit_frontend::context::{Context, Entry as EntryFile, Selection};
use buildkit_frontend::{FrontendError, Gateway, Reference};
use buildkit_llb::Output;

use super::report;
use crate::closure::{Defaults, Extras, Groups, Request};
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::plan::start;
use crate::project::config::Config;
use crate::project::config::selection::Selection as Names;
use crate::project::document::{Located, quoted};
use crate::project::entry::Entry;
use crate::project::lock::{DefaultGroups, Lock};
use crate::project::pyproject::{self, Pyproject};
use crate::project::python_version::{PythonRequest, read_python_version_file};
use crate::project::stale;

const PYPROJECT: &str = "pyproject.toml";
const LOCK: &str = "uv.lock";
const PYTHON_VERSION: &str = ".python-version";
/// The build argument that says whether the lock must fit the project.
pub(super) const LOCKED: &str = "PYFRONT_LOCKED";
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
        Request { extras, groups, ..Request::default() }
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
    let manifests = Selection::paths([PYPROJECT, LOCK, PYTHON_VERSION])
        .hint("manifests")
        .titled("[internal] load pyproject.toml and uv.lock")
        .small();
    let files = context.open(&manifests).await?;
    let (pyproject, lock, version) = tokio::join!(
        files.read_optional_file(PYPROJECT),
        files.read_optional_file(LOCK),
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
    let lock = parse_lock(&context, &pyproject, lock.as_deref())?;
    check_stale(gateway, &entry, &config, &pyproject, &lock).await?;
    let python_version = match version {
        None => None,
        Some(bytes) => {
            let file = SourceFile::from_bytes(PYTHON_VERSION, &bytes).map_err(report::one)?;
            read_python_version_file(&file).map_err(report::one)?
        }
    };
    Ok(Written { pyproject, config, lock, python_version, context })
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

fn parse_lock(context: &Context, pyproject: &Pyproject, bytes: Option<&[u8]>) -> Result<Lock, FrontendError> {
    let Some(bytes) = bytes else {
        return Err(report::one(hidden_or(
            context,
            LOCK,
            Diagnostic::new("the project has no uv.lock, so what to install is not known")
                .at(&pyproject.file, 0..0)
                .help("run uv lock, and commit the uv.lock that it writes next to pyproject.toml"),
        )));
    };
    let file = SourceFile::from_bytes(LOCK, bytes).map_err(report::one)?;
    Lock::read(&file).map_err(|error| report::error(&error))
}

/// A lock that does not fit the project is an error, or a warning when the user said that it need not fit.
async fn check_stale(
    gateway: &Gateway,
    entry: &EntryFile,
    config: &Config,
    pyproject: &Pyproject,
    lock: &Lock,
) -> Result<(), FrontendError> {
    let argument = gateway.options().build_args.get(LOCKED).map(String::as_str);
    let locked = is_locked(argument, config).map_err(report::one)?;
    let Err(stale) = stale::check(pyproject, lock) else { return Ok(()) };
    if locked {
        return Err(report::error(&stale));
    }
    for problem in stale.iter() {
        let short = format!("StaleLock: {} (run uv lock to bring it up to date)", problem.message());
        gateway.warn_at(entry, short, problem.location().map(report::place)).await;
    }
    Ok(())
}

/// Whether the lock must fit: what the build argument says, else the configuration.
pub(super) fn is_locked(argument: Option<&str>, config: &Config) -> Result<bool, Diagnostic> {
    match argument.map(str::to_ascii_lowercase).as_deref() {
        None | Some("") => Ok(config.locked.as_ref().is_none_or(|locked| locked.value)),
        Some("true" | "1") => Ok(true),
        Some("false" | "0") => Ok(false),
        Some(other) => Err(Diagnostic::new(format!("the build argument {LOCKED} is {}", quoted(other)))
            .help(format!("write --build-arg {LOCKED}=true or --build-arg {LOCKED}=false"))),
    }
}

/// Says so when a missing file is hidden by a line of the ignore file.
fn hidden_or(context: &Context, path: &str, missing: Diagnostic) -> Diagnostic {
    let Some(ignore) = context.ignore() else { return missing };
    match ignore.excluding_rule(path) {
        None => missing,
        Some(rule) => Diagnostic::new(format!(
            "{path} is hidden from the build by line {} of {}: {}",
            rule.line(),
            ignore.name(),
            rule.pattern()
        ))
        .help(format!("remove the line, or add a line !{path} below it")),
    }
}

/// The text of the files in which a start command may be found.
pub(super) async fn start_files(written: &Written) -> Result<start::Files, FrontendError> {
    let candidates = start::candidate_files(&written.pyproject, &written.config);
    let mut found = start::Files::new();
    if candidates.is_empty() {
        return Ok(found);
    }
    let selection = Selection::paths(candidates.iter().map(String::as_str))
        .hint("start")
        .titled("[internal] look for the start command")
        .small();
    let files = written.context.open(&selection).await?;
    let mut listing = Listing { files: &files, directories: BTreeMap::new() };
    for path in candidates {
        if !listing.has(&path).await? {
            continue;
        }
        let bytes = files.read_file(&path).await?;
        // A file that is not UTF-8 is no help in finding the command, and no reason to fail.
        if let Ok(file) = SourceFile::from_bytes(path.as_str(), &bytes) {
            found.insert(path, file);
        }
    }
    Ok(found)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_build_argument_wins_over_the_configuration() {
        let config = |body: &str| Config::read_body(&SourceFile::new("Dockerfile", body)).unwrap();
        let strict = |argument, body: &str| is_locked(argument, &config(body)).unwrap();
        assert!(strict(None, "") && strict(None, "locked = true") && !strict(None, "locked = false"));
        assert!(
            strict(Some("1"), "locked = false") && !strict(Some("False"), "") && !strict(Some(""), "locked = false")
        );
        insta::assert_snapshot!(is_locked(Some("no\u{1b}"), &config("")).unwrap_err().to_string());
    }
}
