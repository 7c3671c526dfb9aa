//! A frontend without a daemon: its questions are answered in this process, from directories of this machine and from
//! what is assumed of images. It is for a command line that shows what a build would do. Graphs are taken but nothing is
//! built, so that only local sources and assumed images can be looked into.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use buildkit_llb::{Cap, Digest, Platform};
use buildkit_proto::apicaps::ApiCap;
use buildkit_proto::{fsutil, gateway as proto, pb};
use prost::Message;
use tonic::Status;

use crate::caps::GatewayCap;
use crate::env::Environment;
use crate::error::FrontendError;
use crate::gateway::Gateway;
use crate::ignore::{IgnoreFile, clean};
use crate::image::ImageReference;
use crate::transport::Connection;

/// Go's `fs.ModeDir`.
const DIRECTORY: u32 = 1 << 31 | 0o755;
/// The session that there would be.
const SESSION: &str = "offline";
const LOCAL: &str = "local://";
const IMAGE: &str = "docker-image://";

/// What is assumed of an image.
#[derive(Debug, Clone, Default)]
pub struct AssumedImage {
    /// Its configuration.
    pub config_json: Vec<u8>,
    /// Files by absolute path, as far as a frontend looks into images.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// Says what is assumed of an image, by the reference as people write it.
type Images = dyn Fn(&ImageReference, &Platform) -> Option<AssumedImage> + Send + Sync;

/// Answers a frontend's questions without a daemon.
///
/// ```
/// use buildkit_frontend::{FrontendError, offline::Offline};
///
/// let (name, _) = Offline::new().option("filename", "pyproject.toml").run(async |gateway| {
///     Ok::<_, FrontendError>(gateway.options().filename.clone())
/// });
/// assert_eq!(name.unwrap(), "pyproject.toml");
/// ```
pub struct Offline {
    options: BTreeMap<String, String>,
    directories: BTreeMap<String, PathBuf>,
    images: Box<Images>,
}

impl Default for Offline {
    fn default() -> Self {
        Self::new()
    }
}

impl Offline {
    /// Without options, directories and images.
    pub fn new() -> Self {
        Self { options: BTreeMap::new(), directories: BTreeMap::new(), images: Box::new(|_, _| None) }
    }

    /// Sets an option (`--opt key=value`).
    #[must_use]
    pub fn option(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.insert(key.into(), value.into());
        self
    }

    /// Makes a directory a local source of this name: `context`, `dockerfile`, or that of a named context.
    #[must_use]
    pub fn directory(mut self, name: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        self.directories.insert(name.into(), path.into());
        self
    }

    /// What is assumed of images. One that it gives `None` for is not found.
    #[must_use]
    pub fn images(
        mut self,
        assume: impl Fn(&ImageReference, &Platform) -> Option<AssumedImage> + Send + Sync + 'static,
    ) -> Self {
        self.images = Box::new(assume);
        self
    }

    /// Runs a frontend's function to its end, and hands back the warnings that it gave, in their short form.
    ///
    /// To be called outside of any async runtime.
    pub fn run<T>(
        self,
        frontend: impl AsyncFnOnce(&Gateway) -> Result<T, FrontendError>,
    ) -> (Result<T, FrontendError>, Vec<String>) {
        let options = self.options.clone();
        let bridge = Arc::new(Bridge { offline: self, state: Mutex::default() });
        let result = run(Connection::offline(Arc::clone(&bridge)), options, frontend);
        let mut state = bridge.state.lock().unwrap_or_else(PoisonError::into_inner);
        (result, std::mem::take(&mut state.warnings))
    }
}

fn run<T>(
    connection: Connection,
    options: BTreeMap<String, String>,
    frontend: impl AsyncFnOnce(&Gateway) -> Result<T, FrontendError>,
) -> Result<T, FrontendError> {
    let environment = Environment { options, session_id: SESSION.to_owned(), ..Environment::default() };
    let gateway = Gateway::new(connection, environment, &Bridge::ping())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.map_err(|error| FrontendError::new(error.to_string()))?;
    runtime.block_on(frontend(&gateway))
}

/// The daemon's half of the protocol.
pub(crate) struct Bridge {
    offline: Offline,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The files of the references given out; the id is the place in the list.
    references: Vec<Tree>,
    warnings: Vec<String>,
}

/// What a reference stands for.
#[derive(Clone)]
enum Tree {
    Directory {
        path: PathBuf,
        filter: Arc<Filter>,
    },
    Image(Arc<BTreeMap<String, Vec<u8>>>),
    /// What would have to be built.
    Unbuilt,
}

/// What of a directory a client would transfer.
struct Filter {
    wanted: Vec<IgnoreFile>,
    excluded: Option<IgnoreFile>,
}

impl Filter {
    fn new(attrs: &BTreeMap<String, String>) -> Result<Self, Status> {
        let list = |key: &str| -> Result<Option<IgnoreFile>, Status> {
            let Some(json) = attrs.get(key) else { return Ok(None) };
            let patterns: Vec<String> = serde_json::from_str(json).map_err(|error| wrong(&error))?;
            if patterns.is_empty() {
                return Ok(None);
            }
            IgnoreFile::parse(key, patterns.join("\n").as_bytes()).map(Some).map_err(|error| wrong(&error))
        };
        let wanted = [list("local.followpaths")?, list("local.includepattern")?];
        let wanted = wanted.into_iter().flatten().collect();
        Ok(Self { wanted, excluded: list("local.excludepatterns")? })
    }

    /// Whether a file comes along.
    fn shows(&self, path: &str) -> bool {
        let wanted = self.wanted.is_empty() || self.wanted.iter().any(|list| list.excluding_rule(path).is_some());
        wanted && !self.hides(path)
    }

    fn hides(&self, path: &str) -> bool {
        self.excluded.as_ref().is_some_and(|list| list.excluding_rule(path).is_some())
    }
}

fn wrong(error: &dyn std::fmt::Display) -> Status {
    Status::unknown(error.to_string())
}

fn missing(what: &str, path: &str) -> Status {
    Status::unknown(format!("{what} {path}: no such file or directory"))
}

fn unbuilt(path: &str) -> Status {
    Status::unknown(format!("{path} is known only after a build"))
}

impl Bridge {
    /// Answers one call.
    pub(crate) fn answer(&self, call: &str, message: &[u8]) -> Result<Vec<u8>, Status> {
        fn read<M: Message + Default>(message: &[u8]) -> Result<M, Status> {
            M::decode(message).map_err(|error| wrong(&error))
        }
        match call {
            "ResolveSourceMeta" => self.resolve(read(message)?).map(|answer| answer.encode_to_vec()),
            "Solve" => self.solve(read(message)?).map(|answer| answer.encode_to_vec()),
            "ReadFile" => self.read_file(&read(message)?).map(|answer| answer.encode_to_vec()),
            "ReadDir" => self.read_dir(&read(message)?).map(|answer| answer.encode_to_vec()),
            "StatFile" => self.stat_file(&read(message)?).map(|answer| answer.encode_to_vec()),
            "Warn" => {
                let warning: proto::WarnRequest = read(message)?;
                self.state().warnings.push(String::from_utf8_lossy(&warning.short).into_owned());
                Ok(Vec::new())
            }
            other => Err(Status::unimplemented(format!("{other} needs a daemon"))),
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ping() -> proto::PongResponse {
        let cap = |id: &str| ApiCap { id: id.to_owned(), enabled: true, ..ApiCap::default() };
        // There is no client that could give secrets or inputs.
        let ours = GatewayCap::ALL.iter().filter(|cap| !matches!(cap, GatewayCap::Exec | GatewayCap::Inputs));
        proto::PongResponse {
            frontend_api_caps: ours.map(|it| cap(it.id())).collect(),
            llb_caps: Cap::ALL.iter().map(|it| cap(it.id())).collect(),
            // Nothing is said of what could be emulated.
            workers: Vec::new(),
        }
    }

    fn resolve(&self, request: proto::ResolveSourceMetaRequest) -> Result<proto::ResolveSourceMetaResponse, Status> {
        let source = request.source.unwrap_or_default();
        let image = self.assumed(&source.identifier, request.platform.as_ref())?;
        let image = proto::ResolveSourceImageResponse {
            config: image.config_json,
            ..proto::ResolveSourceImageResponse::default()
        };
        Ok(proto::ResolveSourceMetaResponse {
            source: Some(source),
            image: Some(image),
            ..proto::ResolveSourceMetaResponse::default()
        })
    }

    fn assumed(&self, identifier: &str, platform: Option<&pb::Platform>) -> Result<AssumedImage, Status> {
        let reference = identifier.strip_prefix(IMAGE).unwrap_or(identifier);
        let reference = ImageReference::parse(reference).map_err(|error| wrong(&error))?;
        let platform = platform.map_or_else(Platform::of_this_process, Platform::from);
        (self.offline.images)(&reference, &platform)
            .ok_or_else(|| Status::unknown("nothing is known of this image without a daemon"))
    }

    fn solve(&self, request: proto::SolveRequest) -> Result<proto::SolveResponse, Status> {
        let definition = request.definition.unwrap_or_default();
        let tree = self.tree(&definition)?;
        let mut state = self.state();
        let id = match tree {
            None => String::new(),
            Some(tree) => {
                state.references.push(tree);
                (state.references.len() - 1).to_string()
            }
        };
        let reference = proto::result::Result::Ref(proto::Ref { id, def: None });
        let result = proto::Result { result: Some(reference), ..proto::Result::default() };
        Ok(proto::SolveResponse { result: Some(result), ..proto::SolveResponse::default() })
    }

    /// What a graph results in; `None` is the empty file system.
    fn tree(&self, definition: &pb::Definition) -> Result<Option<Tree>, Status> {
        let decode = |bytes: &Vec<u8>| pb::Op::decode(bytes.as_slice()).map_err(|error| wrong(&error));
        let Some((terminal, ops)) = definition.def.split_last() else { return Ok(None) };
        let terminal = decode(terminal)?;
        let Some(input) = terminal.inputs.first() else { return Ok(None) };
        let op = ops.iter().find(|bytes| Digest::of(bytes).to_string() == input.digest);
        let op = op.map(decode).transpose()?.unwrap_or_default();
        let Some(pb::op::Op::Source(source)) = op.op else { return Ok(Some(Tree::Unbuilt)) };
        if let Some(name) = source.identifier.strip_prefix(LOCAL) {
            let path = self.offline.directories.get(name);
            let path = path.ok_or_else(|| Status::unknown(format!("there is no directory for {name}")))?;
            return Ok(Some(Tree::Directory { path: path.clone(), filter: Filter::new(&source.attrs)?.into() }));
        }
        if source.identifier.starts_with(IMAGE) {
            let image = self.assumed(&source.identifier, op.platform.as_ref())?;
            return Ok(Some(Tree::Image(image.files.into())));
        }
        Ok(Some(Tree::Unbuilt))
    }

    fn files(&self, id: &str) -> Result<Tree, Status> {
        let index: Option<usize> = id.parse().ok();
        let tree = index.and_then(|index| self.state().references.get(index).cloned());
        tree.ok_or_else(|| Status::unknown(format!("no such ref: {id}")))
    }

    fn read_file(&self, request: &proto::ReadFileRequest) -> Result<proto::ReadFileResponse, Status> {
        let path = inside(&request.file_path);
        let data = match self.files(&request.r#ref)? {
            Tree::Directory { path: root, filter } => {
                let file = find(&root, &path).filter(|file| file.is_file() && filter.shows(&path));
                let file = file.ok_or_else(|| missing("open", &path))?;
                std::fs::read(&file).map_err(|error| Status::unknown(format!("open {path}: {error}")))?
            }
            Tree::Image(files) => files.get(&format!("/{path}")).cloned().ok_or_else(|| missing("open", &path))?,
            Tree::Unbuilt => return Err(unbuilt(&path)),
        };
        let range = request.range.unwrap_or_default();
        let number = |number: i64| usize::try_from(number).unwrap_or(0);
        let start = number(range.offset).min(data.len());
        let end = match number(range.length) {
            0 => data.len(),
            length => start.saturating_add(length).min(data.len()),
        };
        Ok(proto::ReadFileResponse { data: data[start..end].to_vec() })
    }

    fn read_dir(&self, request: &proto::ReadDirRequest) -> Result<proto::ReadDirResponse, Status> {
        let path = inside(&request.dir_path);
        let pattern = match request.include_pattern.as_str() {
            "" => None,
            pattern => Some(IgnoreFile::parse("pattern", pattern.as_bytes()).map_err(|error| wrong(&error))?),
        };
        let (root, filter) = match self.files(&request.r#ref)? {
            Tree::Directory { path, filter } => (path, filter),
            // Only single files of it are known.
            Tree::Image(_) => return Ok(proto::ReadDirResponse { entries: Vec::new() }),
            Tree::Unbuilt => return Err(unbuilt(&path)),
        };
        let directory = find(&root, &path).filter(|directory| directory.is_dir());
        let directory = directory.ok_or_else(|| missing("open", &path))?;
        let unreadable = |error| Status::unknown(format!("open {path}: {error}"));
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(&directory).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let below = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
            let Some(found) = find(&root, &below) else { continue };
            // A directory that is left out may hold what is brought back.
            let shown = if found.is_dir() { !filter.hides(&below) } else { filter.shows(&below) };
            if shown && pattern.as_ref().is_none_or(|pattern| pattern.excluding_rule(&name).is_some()) {
                entries.push(describe(name, &found));
            }
        }
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(proto::ReadDirResponse { entries })
    }

    fn stat_file(&self, request: &proto::StatFileRequest) -> Result<proto::StatFileResponse, Status> {
        let path = inside(&request.path);
        let stat = match self.files(&request.r#ref)? {
            Tree::Directory { path: root, filter } => find(&root, &path)
                .filter(|found| path.is_empty() || found.is_dir() && !filter.hides(&path) || filter.shows(&path))
                .map(|found| describe(path.rsplit('/').next().unwrap_or_default().to_owned(), &found)),
            Tree::Image(files) => files.get(&format!("/{path}")).map(|_| fsutil::Stat::default()),
            Tree::Unbuilt => return Err(unbuilt(&path)),
        };
        let stat = stat.ok_or_else(|| missing("lstat", &path))?;
        Ok(proto::StatFileResponse { stat: Some(stat) })
    }
}

/// A path of the protocol relative to the root, which is empty. It never leaves the root.
fn inside(path: &str) -> String {
    clean(&format!("/{path}")).trim_start_matches('/').to_owned()
}

/// A file or directory below a root. A link out of the root leads nowhere, as in a build.
fn find(root: &Path, path: &str) -> Option<PathBuf> {
    let root = root.canonicalize().ok()?;
    let found = root.join(path).canonicalize().ok()?;
    found.starts_with(&root).then_some(found)
}

fn describe(name: String, found: &Path) -> fsutil::Stat {
    let size = found.metadata().map_or(0, |metadata| metadata.len());
    fsutil::Stat {
        path: name,
        mode: if found.is_dir() { DIRECTORY } else { 0o644 },
        size: i64::try_from(size).unwrap_or(i64::MAX),
        ..fsutil::Stat::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Selection;

    /// A directory of files that is removed in the end.
    struct Files(PathBuf);

    impl Files {
        fn new(name: &str, files: &[(&str, &str)]) -> Self {
            let root = std::env::temp_dir().join(format!("pyfront-offline-{name}-{}", std::process::id()));
            for (path, text) in files {
                let path = root.join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
            }
            Self(root)
        }
    }

    impl Drop for Files {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn files_are_read_as_in_a_build() {
        let files =
            Files::new("read", &[("a.toml", "a"), ("b/c.txt", "c"), ("hidden", "h"), (".dockerignore", "hidden\n")]);
        let outside = Files::new("outside", &[("secret", "s")]);
        std::os::unix::fs::symlink(outside.0.join("secret"), files.0.join("link")).unwrap();
        let offline = Offline::new().option("filename", "a.toml").directory("context", &files.0);
        let (found, warnings) = offline.directory("dockerfile", &files.0).run(async |gateway| {
            let (entry, context, _) = gateway.entry_and_context("", Selection::paths(["a.toml"])).await?;
            let all = context.open(&Selection::everything()).await?;
            let mut found = vec![entry.file().map(|file| file.data.clone())];
            for path in ["b/c.txt", "hidden", "link", "../outside", "/b/../a.toml"] {
                found.push(all.read_optional_file(path).await?);
            }
            let some = context.open(&Selection::paths(["b"])).await?;
            found.push(some.read_optional_file("a.toml").await?);
            found.push(some.read_optional_file("b/c.txt").await?);
            let names = all.read_dir("/", None).await?.into_iter().map(|entry| entry.path).collect::<Vec<_>>();
            assert_eq!(names, [".dockerignore", "a.toml", "b"]);
            gateway.warn_at(&entry, "careful", None).await;
            Ok(found)
        });
        let text = |text: &str| Some(text.as_bytes().to_vec());
        assert_eq!(found.unwrap(), [text("a"), text("c"), None, None, None, text("a"), None, text("c")]);
        assert_eq!(warnings, ["careful"]);
    }

    #[test]
    fn of_images_only_what_is_assumed_is_known() {
        let offline = Offline::new().images(|reference, _| {
            (reference.familiar() == "known:1").then(|| AssumedImage {
                config_json: br#"{"architecture":"amd64","os":"linux"}"#.to_vec(),
                files: BTreeMap::from([("/etc/x".to_owned(), b"y".to_vec())]),
            })
        });
        let (result, _) = offline.run(async |gateway| {
            let how = crate::ResolveImage::default;
            let known = gateway.resolve_image(&ImageReference::parse("known:1").unwrap(), how()).await?;
            assert_eq!(known.config.architecture, "amd64");
            gateway.resolve_image(&ImageReference::parse("unknown").unwrap(), how()).await
        });
        assert!(result.unwrap_err().to_string().contains("without a daemon"));
    }
}
