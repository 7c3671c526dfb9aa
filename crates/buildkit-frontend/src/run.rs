//! The life of a frontend process: connect, greet, let the frontend work, return its result, exit.
//!
//! BuildKit takes exactly one `Return`, and whatever happens it gets one: a result, an error, or an error made of a panic.
//! Only when the connection is gone there is nobody to tell; then the process ends with a line on standard error (which
//! goes to the daemon's log) and a failure code.

use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::process::ExitCode;
use std::sync::Mutex;
use std::task::Poll;
use std::time::Duration;

use buildkit_proto::gateway::{PingRequest, PongResponse, ReturnRequest};
use buildkit_proto::rpc;
use prost::Message as _;

use crate::env::Environment;
use crate::error::FrontendError;
use crate::gateway::Gateway;
use crate::result::BuildResult;
use crate::stdio;
use crate::transport::Connection;

/// As long as BuildKit's own client waits for the first answer.
const PING_LIMIT: Duration = Duration::from_secs(15);
/// `Return` makes the daemon take notes, nothing more.
const RETURN_LIMIT: Duration = Duration::from_mins(1);
/// The same after the daemon did not even answer `Ping`.
const LAST_WORD_LIMIT: Duration = Duration::from_secs(5);
/// Largest `Return`: BuildKit 0.13 (Docker Engine 26.1) still has gRPC's default limit of 4 MiB for what it receives.
const REQUEST_LIMIT: usize = 4 << 20;
/// What an error may take of it; the rest is left for the message around it.
const ERROR_LIMIT: usize = REQUEST_LIMIT - (64 << 10);

/// Runs a frontend over this process' standard input and output. To be called first thing in `main`; its result is the
/// result of `main`.
///
/// The function gets the [`Gateway`] and makes a [`BuildResult`] or an error; whichever it is, and also if it panics,
/// BuildKit is told. It runs on a single thread.
///
/// ```no_run
/// use buildkit_frontend::{BuildResult, FrontendError, Gateway};
///
/// async fn build(gateway: &Gateway) -> Result<BuildResult, FrontendError> {
///     Err(FrontendError::new(format!("cannot build {} yet", gateway.options().filename)))
/// }
///
/// fn main() -> std::process::ExitCode {
///     buildkit_frontend::run(build)
/// }
/// ```
pub fn run<F>(frontend: F) -> ExitCode
where
    F: AsyncFnOnce(&Gateway) -> Result<BuildResult, FrontendError>,
{
    match start(frontend) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn start<F>(frontend: F) -> Result<(), FrontendError>
where
    F: AsyncFnOnce(&Gateway) -> Result<BuildResult, FrontendError>,
{
    let fail = |error: &dyn std::error::Error| FrontendError::new(error.to_string());
    let stdio = stdio::take().map_err(|error| fail(&error))?;
    remember_panics();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| fail(&error))?;
    let outcome = runtime.block_on(async {
        let (wire, hang_up) = stdio.open().map_err(|error| fail(&error))?;
        serve(Connection::open(wire, hang_up).await?, frontend).await
    });
    // Nothing that is still running may delay the exit.
    runtime.shutdown_background();
    outcome
}

/// The whole conversation. An error means that BuildKit could not be told how it ended.
async fn serve<F>(connection: Connection, frontend: F) -> Result<(), FrontendError>
where
    F: AsyncFnOnce(&Gateway) -> Result<BuildResult, FrontendError>,
{
    let Ok(pong) = tokio::time::timeout(PING_LIMIT, ping(&connection)).await else {
        let error = FrontendError::new("BuildKit did not answer the first call within 15 seconds");
        let message = error_message(&error);
        return send_return(&connection, message, LAST_WORD_LIMIT).await.map_err(|_| error);
    };
    let request = match pong.and_then(|pong| Gateway::new(connection.clone(), Environment::from_process(), &pong)) {
        Ok(gateway) => {
            let multi_platform = gateway.options().multi_platform;
            let result = tokio::select! {
                biased;
                result = caught(async { frontend(&gateway).await }) => result,
                // Whatever the frontend waits for, nobody wants it any more.
                error = connection.lost() => Err(error),
            };
            match result {
                Ok(result) => result_message(result, multi_platform),
                Err(error) if error.is_connection_lost() => return Err(error),
                Err(error) => error_message(&error),
            }
        }
        Err(error) if error.is_connection_lost() => return Err(error),
        Err(error) => error_message(&error),
    };
    send_return(&connection, request, RETURN_LIMIT).await
}

async fn ping(connection: &Connection) -> Result<PongResponse, FrontendError> {
    connection.call(|mut client| async move { client.ping(PingRequest {}).await }).await
}

/// Sends the one `Return`. A connection that ends afterwards without an answer is as good as one: the daemon closes it as
/// soon as it has what it wants.
async fn send_return(connection: &Connection, request: ReturnRequest, limit: Duration) -> Result<(), FrontendError> {
    connection.check()?;
    let call = connection.call(|mut client| async move { client.r#return(request).await });
    match tokio::time::timeout(limit, call).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) if error.is_connection_lost() => Ok(()),
        Ok(Err(error)) => Err(error.context("BuildKit refused the result of the build")),
        Err(_) => Err(FrontendError::new(format!(
            "BuildKit did not take the result of the build within {} seconds",
            limit.as_secs()
        ))),
    }
}

fn result_message(result: BuildResult, multi_platform: bool) -> ReturnRequest {
    let request = ReturnRequest { result: Some(result.into_message(multi_platform)), error: None };
    if request.encoded_len() > REQUEST_LIMIT {
        return error_message(&FrontendError::new(format!(
            "the result's metadata is too large: {} bytes, of which BuildKit takes {REQUEST_LIMIT}",
            request.encoded_len()
        )));
    }
    request
}

fn error_message(error: &FrontendError) -> ReturnRequest {
    ReturnRequest { result: None, error: Some(fit(error.to_status())) }
}

/// Leaves out details that are too large for a message; the error itself always gets through.
fn fit(mut status: rpc::Status) -> rpc::Status {
    if status.message.len() > ERROR_LIMIT / 2 {
        let cut = status.message.floor_char_boundary(ERROR_LIMIT / 2);
        status.message.truncate(cut);
        status.message.push_str(" […]");
    }
    while status.encoded_len() > ERROR_LIMIT {
        let sizes = status.details.iter().map(prost::Message::encoded_len).enumerate();
        match sizes.max_by_key(|(_, size)| *size) {
            Some((largest, _)) => drop(status.details.remove(largest)),
            None => break,
        }
    }
    status
}

/// The last panic of this process, in words.
static LAST_PANIC: Mutex<Option<String>> = Mutex::new(None);

/// Keeps the place of a panic, which `catch_unwind` does not tell. The usual report still goes to standard error.
fn remember_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
        let message = info.payload_as_str().unwrap_or("no message");
        let place = info.location().map(|place| format!(" ({}:{})", place.file(), place.line()));
        if let Ok(mut last) = LAST_PANIC.lock() {
            *last = Some(format!("{message}{}", place.unwrap_or_default()));
        }
        usual(info);
    }));
}

/// Runs a future; a panic in it becomes an error.
async fn caught<T>(future: impl Future<Output = Result<T, FrontendError>>) -> Result<T, FrontendError> {
    let mut future = std::pin::pin!(future);
    // After a panic the future is not touched again.
    std::future::poll_fn(|cx| {
        catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))).unwrap_or_else(|_| Poll::Ready(Err(panic_error())))
    })
    .await
}

fn panic_error() -> FrontendError {
    let last = LAST_PANIC.lock().ok().and_then(|mut last| last.take());
    let what = last.as_deref().unwrap_or("a panic");
    FrontendError::new(format!("internal error: {what}. This is a bug in the frontend; please report it"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost_types::Any;

    #[test]
    fn an_error_always_fits() {
        let detail = |size: usize| Any { type_url: "t".into(), value: vec![0; size] };
        let status = rpc::Status {
            code: 2,
            message: "x".into(),
            details: vec![detail(3 << 20), detail(1 << 20), detail(2 << 20)],
        };
        let fitted = fit(status);
        assert_eq!(fitted.details.iter().map(|d| d.value.len()).collect::<Vec<_>>(), [1 << 20, 2 << 20]);
        let long = fit(rpc::Status { code: 2, message: "ä".repeat(6 << 20), details: vec![] });
        assert!(long.encoded_len() < ERROR_LIMIT && long.message.ends_with("ä […]"));
        let small = rpc::Status { code: 2, message: "x".into(), details: vec![detail(10)] };
        assert_eq!(fit(small.clone()), small);
    }

    #[test]
    fn a_result_that_does_not_fit_becomes_an_error() {
        let huge = BuildResult::default().with_metadata("x", vec![0; 5 << 20]);
        assert!(result_message(huge, false).error.unwrap().message.contains("too large"));
    }
}
