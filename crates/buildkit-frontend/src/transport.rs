//! The gRPC connection to BuildKit: one HTTP/2 connection over [standard input and output](crate::stdio), with limits as
//! BuildKit's own client has them. There is no reconnecting and no keep-alive: when the pipe is gone, so is the build.
//! Without a daemon the same calls are answered [in this process](crate::offline).

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use buildkit_proto::gateway::llb_bridge_client::LlbBridgeClient;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::sync::watch;
use tonic::body::Body;

use crate::error::FrontendError;
use crate::offline::Bridge;
use crate::stdio::{HangUp, Wire};

/// Largest message in either direction: BuildKit's own limit since 0.14.
const MESSAGE_LIMIT: usize = 16 << 20;
/// Largest header list that is accepted. Errors come in trailers, base64 of a whole source file and more in one header;
/// hyper's default of 16 KiB loses them, or even the connection.
const HEADER_LIST_LIMIT: u32 = 64 << 20;
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 4 << 20;
/// How long after a broken call the end of the connection is waited for, to tell one from the other.
const AFTERMATH: Duration = Duration::from_millis(500);

/// The generated client over our connection. Cloning it is cheap.
pub(crate) type Client = LlbBridgeClient<Service>;

/// An open connection.
#[derive(Clone)]
pub(crate) struct Connection {
    client: Client,
    /// Why the connection ended, once it has. One within this process never ends.
    ended: Option<watch::Receiver<Option<Arc<str>>>>,
}

impl Connection {
    /// Greets the other side. The connection is driven by a task of the current runtime.
    pub(crate) async fn open(wire: Wire, hang_up: HangUp) -> Result<Self, FrontendError> {
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .max_header_list_size(HEADER_LIST_LIMIT)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .handshake(TokioIo::new(wire))
            .await
            .map_err(|error| FrontendError::connection_lost(&chain(&error)))?;
        let (report, ended) = watch::channel(None);
        tokio::spawn(async move {
            let reason = tokio::select! {
                result = connection => match result {
                    Ok(()) => "it was closed".to_owned(),
                    Err(error) => chain(&error),
                },
                () = hang_up.wait() => "nobody reads standard output any more".to_owned(),
            };
            let _ = report.send(Some(reason.into()));
        });
        Ok(Self { client: client(Service::Http2(sender)), ended: Some(ended) })
    }

    /// Calls that are answered in this process.
    pub(crate) fn offline(bridge: Arc<Bridge>) -> Self {
        Self { client: client(Service::Offline(bridge)), ended: None }
    }

    /// Makes one call. It takes as long as it takes, but ends at once when the connection does.
    pub(crate) async fn call<T, F>(&self, call: impl FnOnce(Client) -> F) -> Result<T, FrontendError>
    where
        F: Future<Output = Result<tonic::Response<T>, tonic::Status>>,
    {
        let status = tokio::select! {
            biased;
            answer = call(self.client.clone()) => match answer {
                Ok(response) => return Ok(response.into_inner()),
                Err(status) => status,
            },
            error = self.lost() => return Err(error),
        };
        // A status with a cause was made on this side, most likely because the connection broke under the call.
        if std::error::Error::source(&status).is_some()
            && let Ok(error) = tokio::time::timeout(AFTERMATH, self.lost()).await
        {
            return Err(error);
        }
        Err(FrontendError::from_status(&status))
    }

    /// The error that there is no connection any more, if there is none.
    pub(crate) fn check(&self) -> Result<(), FrontendError> {
        match self.ended.as_ref().and_then(|ended| ended.borrow().clone()).as_deref() {
            None => Ok(()),
            Some(reason) => Err(FrontendError::connection_lost(reason)),
        }
    }

    /// Waits for the end of the connection.
    pub(crate) async fn lost(&self) -> FrontendError {
        let Some(mut ended) = self.ended.clone() else { return std::future::pending().await };
        let reason = match ended.wait_for(Option::is_some).await {
            Ok(reason) => reason.clone(),
            Err(_) => None,
        };
        FrontendError::connection_lost(reason.as_deref().unwrap_or("it was closed"))
    }
}

/// An error with its causes, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.ends_with(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text
}

fn client(service: Service) -> Client {
    LlbBridgeClient::with_origin(service, http::Uri::from_static("http://localhost"))
        .max_decoding_message_size(MESSAGE_LIMIT)
        .max_encoding_message_size(MESSAGE_LIMIT)
}

/// What answers, as the tower service that tonic wants.
#[derive(Clone)]
pub(crate) enum Service {
    /// hyper's sender.
    Http2(SendRequest<Body>),
    /// This process.
    Offline(Arc<Bridge>),
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl tower_service::Service<http::Request<Body>> for Service {
    type Response = http::Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        match self {
            Self::Http2(sender) => sender.poll_ready(cx).map_err(Into::into),
            Self::Offline(_) => Poll::Ready(Ok(())),
        }
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        match self {
            Self::Http2(sender) => {
                let sent = sender.send_request(request);
                Box::pin(async move { Ok(sent.await?.map(Body::new)) })
            }
            Self::Offline(bridge) => Box::pin(answer(Arc::clone(bridge), request)),
        }
    }
}

/// The trailer with the outcome of a call.
const GRPC_STATUS: http::HeaderName = http::HeaderName::from_static("grpc-status");
/// Length of what stands before each message of gRPC: a flag, and the message's length.
const PREFIX: usize = 5;

/// One call within this process, in gRPC's frames.
async fn answer(bridge: Arc<Bridge>, request: http::Request<Body>) -> Result<http::Response<Body>, BoxError> {
    let call = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
    let message = request.into_body().collect().await?.to_bytes();
    match bridge.answer(&call, message.get(PREFIX..).unwrap_or_default()) {
        Ok(message) => {
            let mut frame = vec![0];
            frame.extend(u32::try_from(message.len())?.to_be_bytes());
            frame.extend(message);
            let ok = http::HeaderMap::from_iter([(GRPC_STATUS, http::HeaderValue::from_static("0"))]);
            let body = Full::new(Bytes::from(frame)).with_trailers(async move { Some(Ok(ok)) });
            Ok(http::Response::new(Body::new(body)))
        }
        Err(status) => Ok(status.into_http()),
    }
}
