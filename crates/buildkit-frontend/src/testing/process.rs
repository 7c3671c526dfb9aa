//! The frontend's process with its pipes, and the HTTP/2 server at their other end, where faults happen.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use buildkit_proto::gateway::llb_bridge_server::LlbBridgeServer;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::UnixStream;
use tokio::process::Command;
use tokio::sync::mpsc;
use tonic::body::Body;
use tower_service::Service as _;

use super::bridge::{Bridge, Record};
use super::{Action, Call, FakeDaemon, Outcome, SESSION_ID};

/// As BuildKit has it, in both directions.
const MESSAGE_LIMIT: usize = 16 << 20;
/// How long an answer may take to get out before the connection is cut behind it.
const AFTER_ANSWER: Duration = Duration::from_millis(200);
/// A varint, eight bytes, and a text, under numbers that no message of the protocol has.
const UNKNOWN_FIELDS: &[u8] = b"\xf8\xf9\x04\x07\x81\xfa\x04\x01\x02\x03\x04\x05\x06\x07\x08\x8a\xfa\x04\x03new";

pub(super) fn run(daemon: &FakeDaemon, program: &Path) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let outcome = runtime.block_on(converse(Arc::new(daemon.clone()), program));
    runtime.shutdown_background();
    outcome
}

async fn converse(daemon: Arc<FakeDaemon>, program: &Path) -> Outcome {
    let mut command = Command::new(program);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).env_clear();
    let ours = daemon.over_socket.then(|| {
        let (ours, theirs) = StdUnixStream::pair().expect("a pair of sockets");
        command.stdin(OwnedFd::from(theirs.try_clone().expect("a second descriptor"))).stdout(OwnedFd::from(theirs));
        ours
    });
    command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    command.env("BUILDKIT_SESSION_ID", SESSION_ID).env("BUILDKIT_EXPORTEDPRODUCT", "buildkit");
    // Only set when a coverage run asks for it.
    command.envs(std::env::var_os("LLVM_PROFILE_FILE").map(|value| ("LLVM_PROFILE_FILE", value)));
    for (number, (key, value)) in daemon.options.iter().enumerate() {
        command.env(format!("BUILDKIT_FRONTEND_OPT_{number}"), format!("{key}={value}"));
    }
    let start = Instant::now();
    let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start {}: {error}", program.display()));
    // Their ends must not stay open here.
    drop(command);
    let wire = Wire(Arc::new(Mutex::new(match ours {
        Some(socket) => Ends::of_socket(socket).expect("a socket that does not block"),
        None => Ends {
            input: child.stdin.take().map(|pipe| Box::new(pipe) as BoxedWriter),
            output: child.stdout.take().map(|pipe| Box::new(pipe) as BoxedReader),
        },
    })));
    let mut stderr = child.stderr.take().expect("a pipe");
    let errors = tokio::spawn(async move {
        let mut text = Vec::new();
        let _ = stderr.read_to_end(&mut text).await;
        String::from_utf8_lossy(&text).into_owned()
    });
    let state = Arc::new(State {
        start,
        process: child.id(),
        record: Arc::default(),
        received: Mutex::default(),
        peak_memory: Mutex::default(),
    });
    // What is not closed on purpose stays open until the frontend has ended.
    let mut server = tokio::spawn(serve(Arc::clone(&daemon), wire.clone(), Arc::clone(&state)));
    let status = tokio::time::timeout(daemon.time_limit, child.wait()).await;
    let duration = start.elapsed();
    let timed_out = status.is_err();
    if timed_out {
        let _ = child.kill().await;
    }
    let end = tokio::time::timeout(Duration::from_secs(5), &mut server).await;
    server.abort();
    drop(wire);
    let stderr = tokio::time::timeout(Duration::from_secs(5), errors).await;
    let record = std::mem::take(&mut *lock(&state.record));
    let (received, (arrivals, processor_times)) =
        std::mem::take(&mut *lock(&state.received)).into_iter().map(|(call, at, worked)| (call, (at, worked))).unzip();
    Outcome {
        exit_code: status.ok().and_then(Result::ok).and_then(|status| status.code()),
        timed_out,
        duration,
        stderr: stderr.ok().and_then(Result::ok).unwrap_or_default(),
        protocol_error: end.ok().and_then(Result::ok).flatten(),
        received,
        arrivals,
        processor_times,
        peak_memory: *lock(&state.peak_memory),
        requests: record.requests,
        references: record.references,
    }
}

/// What the parts of one conversation share.
struct State {
    start: Instant,
    process: Option<u32>,
    record: Arc<Mutex<Record>>,
    /// Calls, when they arrived, and how long the frontend had worked by then.
    received: Mutex<Vec<(Call, Duration, Duration)>>,
    peak_memory: Mutex<Option<u64>>,
}

impl State {
    /// The most memory that the frontend has had in use so far, in KiB.
    fn memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process?)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim().strip_suffix("kB")?.trim().parse().ok()
    }

    /// How long the frontend's threads have had a processor so far; zero where the system does not tell.
    fn processor_time(&self) -> Duration {
        let threads = self.process.and_then(|id| std::fs::read_dir(format!("/proc/{id}/task")).ok());
        let of_thread = |path: PathBuf| {
            let text = std::fs::read_to_string(path.join("schedstat")).ok()?;
            Some(Duration::from_nanos(text.split(' ').next()?.parse().ok()?))
        };
        threads.into_iter().flatten().flatten().filter_map(|thread| of_thread(thread.path())).sum()
    }
}

/// How a conversation is cut short.
enum Cut {
    Drop,
    CloseInput,
    CloseOutput,
    Junk(Vec<u8>),
}

/// Serves until the frontend is gone. Gives what was wrong with its HTTP/2.
async fn serve(daemon: Arc<FakeDaemon>, wire: Wire, state: Arc<State>) -> Option<String> {
    if let Some(bytes) = &daemon.first_bytes {
        wire.send_junk(bytes).await;
        return None;
    }
    let (cut, mut cuts) = mpsc::unbounded_channel();
    let bridge = LlbBridgeServer::new(Bridge::new(Arc::clone(&daemon), Arc::clone(&state.record)))
        .max_decoding_message_size(MESSAGE_LIMIT)
        .max_encoding_message_size(MESSAGE_LIMIT);
    let service = hyper::service::service_fn(move |request| {
        handle(Arc::clone(&daemon), Arc::clone(&state), bridge.clone(), cut.clone(), request)
    });
    let mut connection = Box::pin(
        hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .max_header_list_size(16 << 20)
            .serve_connection(TokioIo::new(wire.clone()), service),
    );
    loop {
        tokio::select! {
            end = &mut connection => {
                wire.close(true, true);
                return end.err().map(|error| format!("{error:?}"));
            }
            Some(what) = cuts.recv() => match what {
                Cut::Drop => {
                    wire.close(true, true);
                    return None;
                }
                Cut::CloseInput => wire.close(true, false),
                Cut::CloseOutput => {
                    // The connection would take it for the end, and close the other direction as well.
                    drop(connection);
                    wire.close(false, true);
                    return None;
                }
                Cut::Junk(bytes) => {
                    drop(connection);
                    wire.send_junk(&bytes).await;
                    return None;
                }
            },
        }
    }
}

async fn handle(
    daemon: Arc<FakeDaemon>,
    state: Arc<State>,
    mut bridge: LlbBridgeServer<Bridge>,
    cut: mpsc::UnboundedSender<Cut>,
    request: http::Request<Incoming>,
) -> Result<http::Response<Body>, std::convert::Infallible> {
    let call = Call::from_path(request.uri().path());
    let nth = {
        let mut received = lock(&state.received);
        received.push((call, state.start.elapsed(), state.processor_time()));
        received.iter().filter(|(it, ..)| *it == call).count()
    };
    if call == Call::Return && nth == 1 {
        *lock(&state.peak_memory) = state.memory();
    }
    let mut failure = None;
    let mut drop_after = false;
    for fault in daemon.faults.iter().filter(|fault| fault.hits(call, nth)) {
        let now = match fault.action.clone() {
            Action::DropBefore => Cut::Drop,
            Action::CloseInput => Cut::CloseInput,
            Action::CloseOutput => Cut::CloseOutput,
            Action::Junk(bytes) => Cut::Junk(bytes),
            Action::DropAfter => {
                drop_after = true;
                continue;
            }
            Action::Fail(status) => {
                failure = Some(status);
                continue;
            }
            Action::Delay(time) => {
                tokio::time::sleep(time).await;
                continue;
            }
            Action::Hang => std::future::pending().await,
        };
        let _ = cut.send(now);
        std::future::pending::<()>().await;
    }
    let answer = bridge.call(request).await;
    let mut response = match failure {
        None => answer?,
        Some(status) => refusal(status),
    };
    if daemon.unknown_fields {
        response = with_unknown_fields(response).await;
    }
    if drop_after {
        tokio::spawn(async move {
            tokio::time::sleep(AFTER_ANSWER).await;
            let _ = cut.send(Cut::Drop);
        });
    }
    Ok(response)
}

/// An error as Go's server sends it: headers first, the status in the trailers.
fn refusal(status: tonic::Status) -> http::Response<Body> {
    let (mut parts, ()) = status.into_http::<()>().into_parts();
    let mut trailers = std::mem::take(&mut parts.headers);
    parts.headers.extend(trailers.remove("content-type").map(|value| (http::header::CONTENT_TYPE, value)));
    let body = Full::new(Bytes::new()).with_trailers(async move { Some(Ok(trailers)) });
    http::Response::from_parts(parts, Body::new(body))
}

/// Appends fields to the one message of a response.
async fn with_unknown_fields(response: http::Response<Body>) -> http::Response<Body> {
    let (parts, body) = response.into_parts();
    let collected = body.collect().await.expect("a body from memory");
    let trailers = collected.trailers().cloned();
    let mut bytes = collected.to_bytes().to_vec();
    if bytes.len() >= 5 {
        bytes.extend_from_slice(UNKNOWN_FIELDS);
        let length = u32::try_from(bytes.len() - 5).expect("a message of less than 4 GiB");
        bytes[1..5].copy_from_slice(&length.to_be_bytes());
    }
    let body = Full::new(Bytes::from(bytes)).with_trailers(async move { trailers.map(Ok) });
    http::Response::from_parts(parts, Body::new(body))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Our ends of the frontend's pipes, which can be closed under whoever uses them.
#[derive(Clone)]
struct Wire(Arc<Mutex<Ends>>);

/// What the frontend reads from, and what it writes to.
struct Ends {
    input: Option<BoxedWriter>,
    output: Option<BoxedReader>,
}

type BoxedWriter = Box<dyn AsyncWrite + Send + Unpin>;
type BoxedReader = Box<dyn AsyncRead + Send + Unpin>;

impl Ends {
    fn of_socket(socket: StdUnixStream) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let (output, input) = UnixStream::from_std(socket)?.into_split();
        Ok(Self { input: Some(Box::new(input)), output: Some(Box::new(output)) })
    }
}

impl Wire {
    fn close(&self, input: bool, output: bool) {
        let mut ends = lock(&self.0);
        if input {
            ends.input = None;
        }
        if output {
            ends.output = None;
        }
    }

    /// Writes bytes past all protocol, and then listens until the frontend closes its output.
    async fn send_junk(&self, bytes: &[u8]) {
        let (input, output) = {
            let mut ends = lock(&self.0);
            (ends.input.take(), ends.output.take())
        };
        let (Some(mut input), Some(mut output)) = (input, output) else { return };
        let _ = input.write_all(bytes).await;
        let _ = input.flush().await;
        let _ = tokio::io::copy(&mut output, &mut tokio::io::sink()).await;
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut lock(&self.0).output {
            Some(output) => Pin::new(output).poll_read(cx, buf),
            None => Poll::Ready(Ok(())),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut lock(&self.0).input {
            Some(input) => Pin::new(input).poll_write(cx, buf),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut lock(&self.0).input {
            Some(input) => Pin::new(input).poll_flush(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        lock(&self.0).input = None;
        Poll::Ready(Ok(()))
    }
}
