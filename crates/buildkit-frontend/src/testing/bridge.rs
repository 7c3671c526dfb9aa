//! The daemon's half of the protocol: answers from the script, and a record of what was asked.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use buildkit_proto::apicaps::ApiCap;
use buildkit_proto::gateway::{self, llb_bridge_server::LlbBridge};
use buildkit_proto::{fsutil, pb, types};
use std::collections::BTreeMap;
use tonic::{Response, Status};

use super::files::{Entry, Files, evaluate};
use super::{FakeDaemon, FakeImage, Graph, Request, image_key};

/// Go's `fs.ModeDir`.
const DIRECTORY: u32 = 1 << 31 | 0o755;

/// What has happened so far.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) requests: Vec<Request>,
    pub(super) references: BTreeMap<String, pb::Definition>,
    /// The files of those references that were built.
    built: BTreeMap<String, Arc<Files>>,
    returned: bool,
}

/// One conversation.
#[derive(Clone)]
pub(super) struct Bridge {
    daemon: Arc<FakeDaemon>,
    record: Arc<Mutex<Record>>,
}

type Answer<T> = Result<Response<T>, Status>;

impl Bridge {
    pub(super) fn new(daemon: Arc<FakeDaemon>, record: Arc<Mutex<Record>>) -> Self {
        Self { daemon, record }
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, request: Request) {
        self.record().requests.push(request);
    }

    fn caps<'a>(&'a self, ids: impl Iterator<Item = &'a String>) -> Vec<ApiCap> {
        let cap = |id: &String| {
            let reason = self.daemon.disabled_caps.get(id);
            ApiCap {
                id: id.clone(),
                enabled: reason.is_none(),
                disabled_reason_msg: reason.cloned().unwrap_or_default(),
                ..ApiCap::default()
            }
        };
        ids.map(cap).collect()
    }

    fn find_image(&self, reference: &str, platform: Option<&pb::Platform>) -> Result<FakeImage, Status> {
        let platform = platform.map(|platform| buildkit_llb::Platform::from(platform).to_string());
        let key = image_key(reference);
        let images = &self.daemon.images;
        let found = images.get(&(key.clone(), platform)).or_else(|| images.get(&(key, None)));
        found.cloned().ok_or_else(|| Status::unknown(format!("{reference}: not found")))
    }

    /// The files of a reference. Building is what happens here, once.
    fn files(&self, id: &str) -> Result<Arc<Files>, Status> {
        if let Some(files) = self.record().built.get(id) {
            return Ok(Arc::clone(files));
        }
        let definition = match self.record().references.get(id) {
            Some(definition) => definition.clone(),
            None => return Err(Status::unknown(format!("no such ref: {id}"))),
        };
        let graph = Graph::decode(&definition).map_err(Status::unknown)?;
        let files = Arc::new(evaluate(&self.daemon, &graph).map_err(Status::unknown)?);
        self.record().built.insert(id.to_owned(), Arc::clone(&files));
        Ok(files)
    }

    /// As the daemon does: a capability that it does not know, or has disabled, fails the build.
    fn check_caps(&self, graph: &Graph) -> Result<(), Status> {
        for id in graph.metadata.values().flat_map(|it| it.caps.keys()) {
            if !self.daemon.llb_caps.contains(id) || self.daemon.disabled_caps.contains_key(id) {
                return Err(Status::unknown(format!(
                    "requested experimental feature {id} has been disabled on the build server"
                )));
            }
        }
        Ok(())
    }
}

fn missing(what: &str, path: &str) -> Status {
    Status::unknown(format!("{what} {path}: no such file or directory"))
}

fn stat(path: &str, data: Option<&[u8]>) -> fsutil::Stat {
    let size = data.map_or(0, <[u8]>::len);
    fsutil::Stat {
        path: path.to_owned(),
        mode: if data.is_some() { 0o644 } else { DIRECTORY },
        size: i64::try_from(size).unwrap_or(i64::MAX),
        ..fsutil::Stat::default()
    }
}

#[tonic::async_trait]
impl LlbBridge for Bridge {
    async fn ping(&self, _: tonic::Request<gateway::PingRequest>) -> Answer<gateway::PongResponse> {
        self.note(Request::Ping);
        let platforms = self.daemon.platforms.iter().filter_map(|text| text.parse::<buildkit_llb::Platform>().ok());
        let worker = types::WorkerRecord {
            id: "fake".to_owned(),
            platforms: platforms.map(|platform| pb::Platform::from(&platform)).collect(),
            ..types::WorkerRecord::default()
        };
        Ok(Response::new(gateway::PongResponse {
            frontend_api_caps: self.caps(self.daemon.gateway_caps.iter()),
            llb_caps: self.caps(self.daemon.llb_caps.iter()),
            workers: vec![worker],
        }))
    }

    async fn inputs(&self, _: tonic::Request<gateway::InputsRequest>) -> Answer<gateway::InputsResponse> {
        self.note(Request::Inputs);
        Ok(Response::new(gateway::InputsResponse { definitions: self.daemon.inputs.clone() }))
    }

    async fn resolve_image_config(
        &self,
        request: tonic::Request<gateway::ResolveImageConfigRequest>,
    ) -> Answer<gateway::ResolveImageConfigResponse> {
        let request = request.into_inner();
        self.note(Request::ResolveImageConfig(request.clone()));
        let image = self.find_image(&request.r#ref, request.platform.as_ref())?;
        Ok(Response::new(gateway::ResolveImageConfigResponse {
            digest: image.digest.map(|digest| digest.to_string()).unwrap_or_default(),
            config: image.config,
            r#ref: request.r#ref,
        }))
    }

    async fn resolve_source_meta(
        &self,
        request: tonic::Request<gateway::ResolveSourceMetaRequest>,
    ) -> Answer<gateway::ResolveSourceMetaResponse> {
        let request = request.into_inner();
        self.note(Request::ResolveSourceMeta(request.clone()));
        let source = request.source.ok_or_else(|| Status::invalid_argument("source is required"))?;
        let identifier = &source.identifier;
        let image = match identifier.strip_prefix("docker-image://").or(identifier.strip_prefix("oci-layout://")) {
            None => None,
            Some(reference) => {
                let image = self.find_image(reference, request.platform.as_ref())?;
                Some(gateway::ResolveSourceImageResponse {
                    digest: image.digest.map(|digest| digest.to_string()).unwrap_or_default(),
                    config: image.config,
                    ..gateway::ResolveSourceImageResponse::default()
                })
            }
        };
        Ok(Response::new(gateway::ResolveSourceMetaResponse {
            source: Some(source),
            image,
            ..gateway::ResolveSourceMetaResponse::default()
        }))
    }

    async fn solve(&self, request: tonic::Request<gateway::SolveRequest>) -> Answer<gateway::SolveResponse> {
        let request = request.into_inner();
        self.note(Request::Solve(request.clone()));
        let definition = request.definition.unwrap_or_default();
        let graph = Graph::decode(&definition).map_err(Status::unknown)?;
        self.check_caps(&graph)?;
        let mut record = self.record();
        let id = match graph.result {
            None => String::new(),
            Some(_) => format!("ref-{}", record.references.len()),
        };
        if !id.is_empty() {
            record.references.insert(id.clone(), definition);
        }
        let result = if request.allow_result_array_ref {
            gateway::result::Result::Ref(gateway::Ref { id: id.clone(), def: None })
        } else {
            gateway::result::Result::RefDeprecated(id.clone())
        };
        Ok(Response::new(gateway::SolveResponse {
            r#ref: if request.allow_result_return { String::new() } else { id },
            result: Some(gateway::Result { result: Some(result), ..gateway::Result::default() }),
        }))
    }

    async fn read_file(&self, request: tonic::Request<gateway::ReadFileRequest>) -> Answer<gateway::ReadFileResponse> {
        let request = request.into_inner();
        self.note(Request::ReadFile(request.clone()));
        let files = self.files(&request.r#ref)?;
        match files.get(&request.file_path) {
            None => Err(missing("open", &request.file_path)),
            Some(Entry::Directory) => Err(Status::unknown(format!("{} is not a regular file", request.file_path))),
            Some(Entry::File(data)) => {
                let number = |number: i64| usize::try_from(number).unwrap_or(0);
                let data = match request.range {
                    None => data,
                    Some(range) => {
                        let start = number(range.offset).min(data.len());
                        &data[start..start.saturating_add(number(range.length)).min(data.len())]
                    }
                };
                Ok(Response::new(gateway::ReadFileResponse { data: data.to_vec() }))
            }
        }
    }

    async fn read_dir(&self, request: tonic::Request<gateway::ReadDirRequest>) -> Answer<gateway::ReadDirResponse> {
        let request = request.into_inner();
        self.note(Request::ReadDir(request.clone()));
        let files = self.files(&request.r#ref)?;
        if files.get(&request.dir_path).is_none() {
            return Err(missing("lstat", &request.dir_path));
        }
        let pattern = crate::ignore::IgnoreFile::parse("pattern", request.include_pattern.as_bytes());
        let pattern = pattern.map_err(|error| Status::unknown(error.to_string()))?;
        let wanted = |name: &str| request.include_pattern.is_empty() || pattern.excluding_rule(name).is_some();
        let listed = files.list(&request.dir_path);
        let entries =
            listed.into_iter().filter(|(name, _)| wanted(name)).map(|(name, data)| stat(name, data)).collect();
        Ok(Response::new(gateway::ReadDirResponse { entries }))
    }

    async fn stat_file(&self, request: tonic::Request<gateway::StatFileRequest>) -> Answer<gateway::StatFileResponse> {
        let request = request.into_inner();
        self.note(Request::StatFile(request.clone()));
        let files = self.files(&request.r#ref)?;
        let found = match files.get(&request.path) {
            None => return Err(missing("lstat", &request.path)),
            Some(Entry::Directory) => stat(&request.path, None),
            Some(Entry::File(data)) => stat(&request.path, Some(data)),
        };
        Ok(Response::new(gateway::StatFileResponse { stat: Some(found) }))
    }

    async fn evaluate(&self, request: tonic::Request<gateway::EvaluateRequest>) -> Answer<gateway::EvaluateResponse> {
        let request = request.into_inner();
        self.note(Request::Evaluate(request.clone()));
        self.files(&request.r#ref)?;
        Ok(Response::new(gateway::EvaluateResponse {}))
    }

    async fn new_container(
        &self,
        request: tonic::Request<gateway::NewContainerRequest>,
    ) -> Answer<gateway::NewContainerResponse> {
        let request = request.into_inner();
        self.note(Request::NewContainer(request.clone()));
        for secret in request.mounts.iter().filter_map(|mount| mount.secret_opt.as_ref()) {
            if !secret.optional && !self.daemon.secrets.contains(&secret.id) {
                return Err(Status::unknown(format!("secret {}: not found", secret.id)));
            }
        }
        Ok(Response::new(gateway::NewContainerResponse {}))
    }

    async fn release_container(
        &self,
        request: tonic::Request<gateway::ReleaseContainerRequest>,
    ) -> Answer<gateway::ReleaseContainerResponse> {
        self.note(Request::ReleaseContainer(request.into_inner()));
        Ok(Response::new(gateway::ReleaseContainerResponse {}))
    }

    async fn warn(&self, request: tonic::Request<gateway::WarnRequest>) -> Answer<gateway::WarnResponse> {
        self.note(Request::Warn(request.into_inner()));
        Ok(Response::new(gateway::WarnResponse {}))
    }

    async fn r#return(&self, request: tonic::Request<gateway::ReturnRequest>) -> Answer<gateway::ReturnResponse> {
        let request = request.into_inner();
        self.note(Request::Return(request.clone()));
        let mut record = self.record();
        let ids: Vec<String> = match request.result.as_ref().and_then(|result| result.result.as_ref()) {
            Some(gateway::result::Result::Ref(reference)) => vec![reference.id.clone()],
            Some(gateway::result::Result::Refs(refs)) => refs.refs.values().map(|it| it.id.clone()).collect(),
            _ => Vec::new(),
        };
        if let Some(id) = ids.iter().find(|id| !id.is_empty() && !record.references.contains_key(*id)) {
            return Err(Status::unknown(format!("return reference {id} not found")));
        }
        match (&request.result, &request.error) {
            (Some(_), None) => {}
            (None, Some(error)) if error.code != 0 => {}
            _ => return Err(Status::unknown("gateway return must be either result or err")),
        }
        if std::mem::replace(&mut record.returned, true) {
            return Err(Status::unknown("gateway result is already set"));
        }
        Ok(Response::new(gateway::ReturnResponse {}))
    }
}
