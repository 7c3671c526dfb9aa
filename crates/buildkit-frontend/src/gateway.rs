//! The calls that a frontend makes, and what it was told at its start: options, session, workers, capabilities.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use buildkit_llb::{Caps, Definition, Digest, Location, Output, Platform, ResolveMode, marshal};
use buildkit_proto::{fsutil, gateway as proto, pb};
use tokio::sync::OnceCell;

use crate::caps::{GatewayCap, GatewayCaps, require_minimum};
use crate::context::{LookedFor, MainSource};
use crate::env::{Environment, Worker};
use crate::error::FrontendError;
use crate::image::{ImageConfig, ImageReference};
use crate::options::Options;
use crate::subrequest::Request;
use crate::transport::Connection;

/// Most that is asked for with one `ReadFile`; a message has at most 16 MiB.
const READ_CHUNK: usize = 15 << 20;
/// Largest file that is read at all. A file goes into memory as a whole.
const READ_LIMIT: usize = 1 << 30;
/// Time for calls that make the daemon do nothing but answer.
const SHORT_CALL: Duration = Duration::from_mins(1);

/// A frontend's connection to the build that it was started for. Cloning it is cheap.
///
/// Calls take as long as BuildKit takes (a `solve` can run for hours), and all fail at once when the connection is lost.
#[derive(Clone)]
pub struct Gateway(Arc<Inner>);

struct Inner {
    connection: Connection,
    environment: Environment,
    options: Options,
    workers: Vec<Worker>,
    caps: GatewayCaps,
    llb_caps: Caps,
    inputs: OnceCell<BTreeMap<String, Definition>>,
    main_source: OnceCell<MainSource>,
    looked_for: LookedFor,
}

/// A warning for the user.
#[derive(Debug, Clone, Default)]
pub struct Warning {
    /// One line; lint-like warnings begin with `RuleName: `.
    pub short: String,
    /// More lines, shown on demand.
    pub detail: Vec<String>,
    /// Where to read more.
    pub url: String,
    /// The file and the lines that it is about.
    pub location: Option<Location>,
}

/// What BuildKit knows about an image.
#[derive(Debug, Clone)]
pub struct ResolvedImage {
    /// The reference that BuildKit uses; a source policy can change it.
    pub reference: ImageReference,
    /// Missing when a daemon without a content store resolved a local image: then the image cannot be pinned.
    pub digest: Option<Digest>,
    /// The configuration as the image has it, byte for byte.
    pub config_json: Vec<u8>,
    /// The same, read.
    pub config: ImageConfig,
}

impl ResolvedImage {
    /// The reference with its digest, if there is one: what to build from, so that all steps see the same image.
    pub fn pinned(&self) -> ImageReference {
        let pinned = self.digest.and_then(|digest| self.reference.clone().with_digest(&digest.to_string()).ok());
        pinned.unwrap_or_else(|| self.reference.clone())
    }
}

/// How to resolve an image.
#[derive(Debug, Clone, Default)]
pub struct ResolveImage {
    /// The platform whose configuration is wanted; without it that of the daemon.
    pub platform: Option<Platform>,
    /// Whether to ask the registry; without it what the options say (`--pull`).
    pub mode: Option<ResolveMode>,
    /// The line that the user sees; without it `[internal] load metadata for <reference>`.
    pub log_name: Option<String>,
}

impl Gateway {
    /// Completes a connection: the caller has greeted the daemon and got its answer.
    pub(crate) fn new(
        connection: Connection,
        environment: Environment,
        pong: &proto::PongResponse,
    ) -> Result<Self, FrontendError> {
        let caps = GatewayCaps::from_api(&pong.frontend_api_caps);
        let llb_caps = Caps::from_api(&pong.llb_caps);
        require_minimum(&caps, &llb_caps)?;
        let options = Options::parse(&environment.options)?;
        let workers = if environment.workers.is_empty() {
            pong.workers.iter().map(Worker::from).collect()
        } else {
            environment.workers.clone()
        };
        Ok(Self(Arc::new(Inner {
            connection,
            environment,
            options,
            workers,
            caps,
            llb_caps,
            inputs: OnceCell::new(),
            main_source: OnceCell::new(),
            looked_for: LookedFor::default(),
        })))
    }

    /// The options, with their meanings.
    pub fn options(&self) -> &Options {
        &self.0.options
    }

    /// An option as it was sent, by key.
    pub fn raw_option(&self, key: &str) -> Option<&str> {
        self.0.environment.options.get(key).map(String::as_str)
    }

    /// What the client wants: an image, or the answer to a question.
    pub fn request(&self) -> Request {
        Request::from_id(self.0.options.request_id.as_deref())
    }

    /// The session of the client, for local sources.
    pub fn session_id(&self) -> &str {
        &self.0.environment.session_id
    }

    /// The session through which a local source is read.
    pub fn session_of(&self, local: &str) -> &str {
        self.0.options.local_session_id(local).unwrap_or_else(|| self.session_id())
    }

    /// The named contexts that were asked for so far.
    pub(crate) fn looked_for(&self) -> &LookedFor {
        &self.0.looked_for
    }

    /// The workers of the daemon; the first one is the default.
    pub fn workers(&self) -> &[Worker] {
        &self.0.workers
    }

    /// `docker`, `buildkit` or empty: how the product calls itself.
    pub fn exported_product(&self) -> &str {
        &self.0.environment.exported_product
    }

    /// What the gateway can do.
    pub fn caps(&self) -> &GatewayCaps {
        &self.0.caps
    }

    /// What the daemon can do with a build graph.
    pub fn llb_caps(&self) -> &Caps {
        &self.0.llb_caps
    }

    /// The platform that steps run on without emulation: the first one of the first worker.
    pub fn build_platform(&self) -> Platform {
        let first = self.0.workers.first().and_then(|worker| worker.platforms.first());
        first.map_or_else(Platform::of_this_process, Platform::normalized)
    }

    /// What to build for: what was asked for, each platform once, or else the build platform.
    pub fn target_platforms(&self) -> Vec<Platform> {
        let mut platforms: Vec<Platform> = Vec::new();
        for platform in &self.0.options.platforms {
            if !platforms.contains(platform) {
                platforms.push(platform.clone());
            }
        }
        if platforms.is_empty() {
            platforms.push(self.build_platform());
        }
        platforms
    }

    /// Makes the build graph of a result, for what this daemon can do. `None` is the empty file system.
    pub fn marshal(&self, output: Option<&Output>) -> Result<Definition, FrontendError> {
        Ok(marshal(output, &self.0.llb_caps)?)
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.0.connection
    }

    /// [Marshals](Self::marshal) and [solves](Self::solve).
    pub async fn solve_output(&self, output: Option<&Output>) -> Result<Reference, FrontendError> {
        self.solve(self.marshal(output)?).await
    }

    /// Where the main context and the entry file are. Found out once.
    pub(crate) async fn main_source(&self) -> Result<&MainSource, FrontendError> {
        self.0.main_source.get_or_try_init(|| MainSource::find(self)).await
    }

    /// Hands over a build graph. BuildKit checks it, and builds it when its files are needed.
    pub async fn solve(&self, definition: Definition) -> Result<Reference, FrontendError> {
        let request = proto::SolveRequest {
            definition: Some(definition.into_pb()),
            allow_result_return: true,
            allow_result_array_ref: true,
            cache_imports: self.0.options.cache_imports.iter().map(Into::into).collect(),
            ..proto::SolveRequest::default()
        };
        let response = self.0.connection.call(|mut client| async move { client.solve(request).await }).await?;
        let id = match response.result.and_then(|result| result.result) {
            None => response.r#ref,
            Some(proto::result::Result::Ref(reference)) => reference.id,
            Some(proto::result::Result::RefDeprecated(id)) => id,
            Some(proto::result::Result::Refs(_) | proto::result::Result::RefsDeprecated(_)) => {
                return Err(FrontendError::new("BuildKit answered one build graph with several results"));
            }
        };
        Ok(Reference { gateway: self.clone(), id: id.into() })
    }

    /// Finds an image: its digest and its configuration.
    pub async fn resolve_image(
        &self,
        reference: &ImageReference,
        how: ResolveImage,
    ) -> Result<ResolvedImage, FrontendError> {
        let reference = reference.clone().with_default_tag();
        let mode = match how.mode.unwrap_or(self.0.options.resolve_mode) {
            ResolveMode::Default => "default",
            ResolveMode::Pull => "pull",
            ResolveMode::Local => "local",
        };
        let log_name = how.log_name.unwrap_or_else(|| format!("[internal] load metadata for {}", reference.familiar()));
        let question = ImageQuestion {
            reference: &reference,
            layout: None,
            platform: how.platform.as_ref().map(pb::Platform::from),
            mode,
            log_name,
        };
        self.ask_for_image(question).await
    }

    /// Finds an image in a layout on the client's disk. `reference` has the digest; its name is for people.
    pub(crate) async fn resolve_layout(
        &self,
        reference: &ImageReference,
        store: &str,
        platform: &Platform,
        log_name: String,
    ) -> Result<ResolvedImage, FrontendError> {
        let platform = Some(platform.into());
        self.ask_for_image(ImageQuestion { reference, layout: Some(store), platform, mode: "", log_name }).await
    }

    async fn ask_for_image(&self, question: ImageQuestion<'_>) -> Result<ResolvedImage, FrontendError> {
        let reference = question.reference.clone();
        let (found, digest, config_json) = if self.0.caps.supports(GatewayCap::SourceMetaResolver) {
            self.resolve_meta(question).await?
        } else {
            self.resolve_config(question).await?
        };
        let reference = match found.as_str() {
            "" => reference,
            found => ImageReference::parse(found)?,
        };
        let name = reference.familiar();
        let digest = match digest.as_str() {
            "" => None,
            digest => Some(digest.parse().map_err(|error| FrontendError::new(format!("{name}: {error}")))?),
        };
        let config = ImageConfig::from_json(&config_json)
            .map_err(|error| FrontendError::new(format!("{name}: cannot read the image's configuration: {error}")))?;
        Ok(ResolvedImage { reference, digest, config_json, config })
    }

    async fn resolve_meta(&self, question: ImageQuestion<'_>) -> Result<ImageAnswer, FrontendError> {
        let ImageQuestion { reference, layout, platform, mode, log_name } = question;
        let scheme = if layout.is_some() { "oci-layout://" } else { "docker-image://" };
        let attrs = match layout {
            None => BTreeMap::new(),
            Some(store) => BTreeMap::from([
                ("oci.session".to_owned(), self.session_id().to_owned()),
                ("oci.store".to_owned(), store.to_owned()),
            ]),
        };
        let request = proto::ResolveSourceMetaRequest {
            source: Some(pb::SourceOp { identifier: format!("{scheme}{reference}"), attrs }),
            platform,
            log_name,
            resolve_mode: mode.to_owned(),
            image: Some(proto::ResolveSourceImageRequest::default()),
            ..proto::ResolveSourceMetaRequest::default()
        };
        let response =
            self.0.connection.call(|mut client| async move { client.resolve_source_meta(request).await }).await?;
        let identifier = response.source.map(|source| source.identifier).unwrap_or_default();
        let Some(image) = response.image else {
            return Err(FrontendError::new(format!(
                "{}: a source policy of this daemon replaces the image by {identifier}, which is no image",
                reference.familiar()
            )));
        };
        Ok((identifier.strip_prefix(scheme).unwrap_or_default().to_owned(), image.digest, image.config))
    }

    async fn resolve_config(&self, question: ImageQuestion<'_>) -> Result<ImageAnswer, FrontendError> {
        let ImageQuestion { reference, layout, platform, mode, log_name } = question;
        let request = proto::ResolveImageConfigRequest {
            r#ref: reference.to_string(),
            platform,
            resolve_mode: mode.to_owned(),
            log_name,
            // 0 is a registry, 1 a layout.
            resolver_type: layout.is_some().into(),
            session_id: layout.map(|_| self.session_id().to_owned()).unwrap_or_default(),
            store_id: layout.unwrap_or_default().to_owned(),
        };
        let response =
            self.0.connection.call(|mut client| async move { client.resolve_image_config(request).await }).await?;
        Ok((response.r#ref, response.digest, response.config))
    }

    /// The graphs that the client passed in, by name. Asked for once.
    pub async fn inputs(&self) -> Result<&BTreeMap<String, Definition>, FrontendError> {
        let fetch = async || {
            if !self.0.caps.supports(GatewayCap::Inputs) {
                return Ok(BTreeMap::new());
            }
            let request = proto::InputsRequest {};
            let call = self.0.connection.call(|mut client| async move { client.inputs(request).await });
            let response = within(SHORT_CALL, "Inputs", call).await?;
            let read = |(name, definition)| match Definition::from_pb(definition) {
                Ok(definition) => Ok((name, definition)),
                Err(error) => Err(FrontendError::new(format!("cannot read the input {name}: {error}"))),
            };
            response.definitions.into_iter().map(read).collect()
        };
        self.0.inputs.get_or_try_init(fetch).await
    }

    /// Shows a warning to the user. `vertex` is the op that it is shown with, usually the one that loaded the entry file.
    ///
    /// A daemon that cannot show warnings drops it, and so does a failed call: a warning never ends a build.
    pub async fn warn(&self, vertex: Digest, warning: Warning) {
        if !self.0.caps.supports(GatewayCap::Warnings) {
            return;
        }
        let request = proto::WarnRequest {
            digest: vertex.to_string(),
            level: 1,
            short: warning.short.into_bytes(),
            detail: warning.detail.into_iter().map(String::into_bytes).collect(),
            url: warning.url,
            info: warning.location.as_ref().map(|location| location.file.to_pb()),
            ranges: warning.location.iter().flat_map(|location| &location.ranges).map(|range| range.to_pb()).collect(),
        };
        let call = self.0.connection.call(|mut client| async move { client.warn(request).await });
        if let Err(error) = within(SHORT_CALL, "Warn", call).await {
            eprintln!("a warning could not be shown: {error}");
        }
    }
}

/// What is asked about an image.
struct ImageQuestion<'a> {
    reference: &'a ImageReference,
    /// The store of a layout on the client's disk; without it a registry.
    layout: Option<&'a str>,
    platform: Option<pb::Platform>,
    mode: &'a str,
    log_name: String,
}

/// Reference (may be empty), digest (may be empty), configuration.
type ImageAnswer = (String, String, Vec<u8>);

/// Limits a call that needs no work from the daemon.
pub(crate) async fn within<T>(
    limit: Duration,
    name: &str,
    call: impl Future<Output = Result<T, FrontendError>>,
) -> Result<T, FrontendError> {
    match tokio::time::timeout(limit, call).await {
        Ok(result) => result,
        Err(_) => Err(FrontendError::new(format!("BuildKit did not answer {name} within {} seconds", limit.as_secs()))),
    }
}

impl From<&buildkit_proto::types::WorkerRecord> for Worker {
    fn from(record: &buildkit_proto::types::WorkerRecord) -> Self {
        Self {
            id: record.id.clone(),
            labels: record.labels.clone(),
            platforms: record.platforms.iter().map(Platform::from).collect(),
            buildkit_version: record.buildkit_version.as_ref().map(|it| it.version.clone()).unwrap_or_default(),
        }
    }
}

/// A file system that BuildKit has solved, but not necessarily built yet: looking into it builds it. Cheap to clone.
#[derive(Clone)]
pub struct Reference {
    gateway: Gateway,
    /// Empty for the empty file system.
    id: Arc<str>,
}

impl std::fmt::Debug for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Reference").field(&self.id).finish()
    }
}

/// A file or directory in a [`Reference`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileStat {
    /// Its name: the last component in a directory's list.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// What it is, with its permissions, in the bits of Go's `fs.FileMode`.
    pub mode: u32,
    /// Where a symbolic link points.
    pub link_target: String,
}

impl FileStat {
    /// Whether it is a directory.
    pub fn is_dir(&self) -> bool {
        self.mode & (1 << 31) != 0
    }

    /// Whether it is a symbolic link.
    pub fn is_symlink(&self) -> bool {
        self.mode & (1 << 27) != 0
    }

    /// Whether it is a regular file: none of Go's type bits (`fs.ModeType`) is set.
    pub fn is_file(&self) -> bool {
        const TYPE_BITS: u32 = 1 << 31 | 1 << 27 | 1 << 26 | 1 << 25 | 1 << 24 | 1 << 21 | 1 << 19;
        self.mode & TYPE_BITS == 0
    }
}

impl From<fsutil::Stat> for FileStat {
    fn from(stat: fsutil::Stat) -> Self {
        Self {
            path: stat.path,
            size: u64::try_from(stat.size).unwrap_or(0),
            mode: stat.mode,
            link_target: stat.linkname,
        }
    }
}

impl Reference {
    /// True for the empty file system.
    pub fn is_scratch(&self) -> bool {
        self.id.is_empty()
    }

    pub(crate) fn to_message(&self) -> proto::Ref {
        proto::Ref { id: self.id.to_string(), def: None }
    }

    /// Builds it now instead of when it is needed.
    pub async fn evaluate(&self) -> Result<(), FrontendError> {
        if self.is_scratch() {
            return Ok(());
        }
        if !self.gateway.0.caps.supports(GatewayCap::Evaluate) {
            return self.stat_file(".").await.map(drop);
        }
        let request = proto::EvaluateRequest { r#ref: self.id.to_string() };
        self.call(|mut client| async move { client.evaluate(request).await }).await.map(drop)
    }

    /// Reads a regular file.
    pub async fn read_file(&self, path: &str) -> Result<Vec<u8>, FrontendError> {
        let mut data = self.read_range(path, 0, READ_CHUNK).await?;
        let mut last = data.len();
        while last >= READ_CHUNK {
            if data.len() > READ_LIMIT {
                return Err(FrontendError::new(format!("{path}: the file is larger than {READ_LIMIT} bytes")));
            }
            let chunk = self.read_range(path, data.len(), READ_CHUNK).await?;
            last = chunk.len();
            data.extend_from_slice(&chunk);
        }
        Ok(data)
    }

    /// Reads the first bytes of a regular file, at most so many and at most 15 MiB.
    pub async fn read_file_start(&self, path: &str, length: usize) -> Result<Vec<u8>, FrontendError> {
        self.read_range(path, 0, length.min(READ_CHUNK)).await
    }

    async fn read_range(&self, path: &str, offset: usize, length: usize) -> Result<Vec<u8>, FrontendError> {
        self.check_not_scratch("open", path)?;
        let request = proto::ReadFileRequest {
            r#ref: self.id.to_string(),
            file_path: path.to_owned(),
            range: Some(proto::FileRange { offset: int64(offset), length: int64(length) }),
            mount_index: 0,
        };
        Ok(self.call(|mut client| async move { client.read_file(request).await }).await?.data)
    }

    /// Reads a regular file, or says that there is none.
    pub async fn read_optional_file(&self, path: &str) -> Result<Option<Vec<u8>>, FrontendError> {
        if self.is_scratch() {
            return Ok(None);
        }
        let error = match self.read_file(path).await {
            Ok(data) => return Ok(Some(data)),
            Err(error) if error.is_not_found() => error,
            Err(error) => return Err(error),
        };
        // The same words can come from a build that failed: only a directory that can be listed proves anything.
        let (parent, name) = path.trim_end_matches('/').rsplit_once('/').unwrap_or(("", path));
        match self.read_dir(if parent.is_empty() { "/" } else { parent }, None).await {
            Ok(entries) if entries.iter().any(|entry| entry.path == name) => Err(error),
            Ok(_) => Ok(None),
            Err(other) if other.is_not_found() && !parent.is_empty() => self.read_dir("/", None).await.map(|_| None),
            Err(other) => Err(other),
        }
    }

    /// Says whether there is a file or directory of this path.
    pub async fn has(&self, path: &str) -> Result<bool, FrontendError> {
        if self.is_scratch() {
            return Ok(false);
        }
        match self.stat_file(path).await {
            Ok(_) => Ok(true),
            // The same words can come from a build that failed: only a directory that can be listed proves anything.
            Err(error) if error.is_not_found() => self.read_dir("/", None).await.map(|_| false),
            Err(error) => Err(error),
        }
    }

    /// Lists one directory. `pattern`, in the language of ignore files, selects entries.
    pub async fn read_dir(&self, path: &str, pattern: Option<&str>) -> Result<Vec<FileStat>, FrontendError> {
        if self.is_scratch() && matches!(path, "" | "/" | ".") {
            return Ok(Vec::new());
        }
        self.check_not_scratch("open", path)?;
        let request = proto::ReadDirRequest {
            r#ref: self.id.to_string(),
            dir_path: path.to_owned(),
            include_pattern: pattern.unwrap_or_default().to_owned(),
            mount_index: 0,
        };
        let response = self.call(|mut client| async move { client.read_dir(request).await }).await?;
        Ok(response.entries.into_iter().map(Into::into).collect())
    }

    /// Describes a file or directory.
    pub async fn stat_file(&self, path: &str) -> Result<FileStat, FrontendError> {
        self.check_not_scratch("lstat", path)?;
        let request = proto::StatFileRequest { r#ref: self.id.to_string(), path: path.to_owned(), mount_index: 0 };
        let response = self.call(|mut client| async move { client.stat_file(request).await }).await?;
        response.stat.map(Into::into).ok_or_else(|| FrontendError::new(format!("{path}: BuildKit did not describe it")))
    }

    async fn call<T, F>(&self, call: impl FnOnce(crate::transport::Client) -> F) -> Result<T, FrontendError>
    where
        F: Future<Output = Result<tonic::Response<T>, tonic::Status>>,
    {
        self.gateway.0.connection.call(call).await
    }

    fn check_not_scratch(&self, what: &str, path: &str) -> Result<(), FrontendError> {
        if self.is_scratch() {
            let status = tonic::Status::unknown(format!("{what} {path}: no such file or directory"));
            return Err(FrontendError::from_status(&status));
        }
        Ok(())
    }
}

fn int64(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_send<T: Send>(_: T) {}

    /// Frontends may want to make calls in tasks of their own. This has to compile; it is never called.
    #[expect(dead_code, reason = "compiling it is the test")]
    fn calls_can_be_spawned(gateway: &Gateway, reference: &Reference, definition: &Definition, image: &ImageReference) {
        is_send(gateway.clone());
        is_send(gateway.solve(definition.clone()));
        is_send(gateway.solve_output(None));
        is_send(gateway.resolve_image(image, ResolveImage::default()));
        is_send(gateway.inputs());
        is_send(gateway.warn(Digest::of(b""), Warning::default()));
        is_send(gateway.entry("", &[]));
        is_send(gateway.named_context("", None));
        is_send(reference.read_optional_file(""));
    }

    #[test]
    fn modes_are_those_of_go() {
        let stat = |mode| FileStat { path: String::new(), size: 0, mode, link_target: String::new() };
        assert!(stat(1 << 31 | 0o755).is_dir() && !stat(1 << 31 | 0o755).is_file());
        assert!(stat(1 << 27 | 0o777).is_symlink() && !stat(1 << 27 | 0o777).is_file());
        // setuid, setgid and sticky are no types.
        assert!(stat(1 << 23 | 1 << 22 | 1 << 20 | 0o755).is_file());
    }
}
