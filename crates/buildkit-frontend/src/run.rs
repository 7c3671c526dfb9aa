//! The life of a frontend process: connect, greet, let the frontend work, return its result, exit.
//!
//! BuildKit takes exactly one `Return`, and whatever happens it gets one: a result, an error, or an error made of a panic
//! ([`last_word`](crate::last_word) sends it). Only when the connection is gone there is nobody to tell; then the process ends
//! with a line on standard error (which goes to the daemon's log) and a failure code.

use std::process::ExitCode;
use std::time::Duration;

use buildkit_proto::gateway::{PingRequest, PongResponse, ReturnRequest};
use buildkit_proto::rpc;
use prost::Message as _;

use crate::env::Environment;
use crate::error::FrontendError;
use crate::gateway::Gateway;
use crate::last_word;
use crate::result::BuildResult;
use crate::stdio;
use crate::transport::Connection;

/// As long as BuildKit's own client waits for the first answer.
const PING_LIMIT: Duration = Duration::from_secs(15);
/// `Return` makes the daemon take notes, nothing more.
pub(crate) const RETURN_LIMIT: Duration = Duration::from_mins(1);
/// The same after the daemon did not even answer `Ping`.
const LAST_WORD_LIMIT: Duration = Duration::from_secs(5);
/// Largest `Return`: BuildKit 0.13 (Docker Engine 26.1) still has gRPC's default limit of 4 MiB for what it receives.
const REQUEST_LIMIT: usize = 4 << 20;
/// What an error may take of it; the rest is left for the message around it.
const ERROR_LIMIT: usize = REQUEST_LIMIT - (64 << 10);

/// Runs a frontend over this process' standard input and output. To be called first thing in `main`; its result is the
/// result of `main`.
///
/// The function gets the [`Gateway`] and makes a [`BuildResult`] or an error; whichever it is, BuildKit is told. The function,
/// and the tasks that it spawns, run on a single thread; another one holds the connection.
///
/// # Panics
///
/// A panic on any thread of the process ends the build: BuildKit gets it as an error, unless it has a result already, and the
/// process ends, within a panic hook that is set here. It is not unwound, so it does not matter whether the program is
/// compiled with `panic = "abort"`, which makes it smaller by a sixth, and `catch_unwind` catches nothing. A hook that the
/// program has set before still reports the panic.
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
    ExitCode::from(last_word::exit_code(start(frontend)))
}

fn start<F>(frontend: F) -> Result<(), FrontendError>
where
    F: AsyncFnOnce(&Gateway) -> Result<BuildResult, FrontendError>,
{
    let fail = |error: &dyn std::error::Error| FrontendError::new(error.to_string());
    let stdio = stdio::take().map_err(|error| fail(&error))?;
    let (last_word, connection) = last_word::start(stdio).map_err(|error| fail(&error))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| fail(&error))?;
    let end = runtime.block_on(async {
        let connection = connection.await.map_err(|error| fail(&error))??;
        serve(connection, frontend).await
    });
    // Nothing that is still running may delay the exit.
    runtime.shutdown_background();
    match end {
        Ok(request) => last_word.say(request, RETURN_LIMIT),
        // Most likely nobody listens.
        Err(error) => last_word.say(error_message(&error), LAST_WORD_LIMIT).map_err(|_| error),
    }
}

/// The whole conversation, up to the `Return` that is to be sent. An error means that BuildKit does not answer.
async fn serve<F>(connection: Connection, frontend: F) -> Result<ReturnRequest, FrontendError>
where
    F: AsyncFnOnce(&Gateway) -> Result<BuildResult, FrontendError>,
{
    let Ok(pong) = tokio::time::timeout(PING_LIMIT, ping(&connection)).await else {
        return Err(FrontendError::new("BuildKit did not answer the first call within 15 seconds"));
    };
    let gateway = match pong.and_then(|pong| Gateway::new(connection.clone(), Environment::from_process(), &pong)) {
        Ok(gateway) => gateway,
        Err(error) if error.is_connection_lost() => return Err(error),
        Err(error) => return Ok(error_message(&error)),
    };
    let multi_platform = gateway.options().multi_platform;
    let result = tokio::select! {
        biased;
        result = frontend(&gateway) => result,
        // Whatever the frontend waits for, nobody wants it any more.
        error = connection.lost() => Err(error),
    };
    match result {
        Ok(result) => Ok(result_message(result, multi_platform)),
        Err(error) if error.is_connection_lost() => Err(error),
        Err(error) => Ok(error_message(&error)),
    }
}

async fn ping(connection: &Connection) -> Result<PongResponse, FrontendError> {
    connection.call(|mut client| async move { client.ping(PingRequest {}).await }).await
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

/// The `Return` of a build that failed.
pub(crate) fn error_message(error: &FrontendError) -> ReturnRequest {
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
