//! The thread that holds the connection, and the one `Return` that goes over it.
//!
//! The frontend's function runs on the main thread, the connection is driven by a thread of its own. So BuildKit can still
//! be told when the main thread cannot go on, because it panics. Whoever first asks for a `Return` is heard: the main thread
//! with what the function made, or the [hook](install_hook) of whichever thread panics. Everybody else learns what became of it.

use std::cell::Cell;
use std::io::Write as _;
use std::panic::PanicHookInfo;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use buildkit_proto::gateway::ReturnRequest;
use tokio::sync::oneshot;

use crate::error::FrontendError;
use crate::stdio::Stdio;
use crate::transport::Connection;

/// How much longer than the connection's thread others wait, in case that it is stuck.
const GRACE: Duration = Duration::from_secs(5);

/// The connection, or why there is none.
type Opened = Result<Connection, FrontendError>;
/// A `Return`, and how long the daemon may take for it.
type Request = (ReturnRequest, Duration);
/// An error means that BuildKit could not be told how the build ended.
type Outcome = Result<(), FrontendError>;

/// The one `Return` of this process. It can be asked for from any thread.
pub(crate) struct LastWord {
    /// Whoever takes it is heard.
    ask: Mutex<Option<oneshot::Sender<Request>>>,
    outcome: Mutex<Option<Outcome>>,
    known: Condvar,
}

thread_local! {
    static HOLDS_CONNECTION: Cell<bool> = const { Cell::new(false) };
}

/// Starts the thread of the connection, which comes out of the receiver.
pub(crate) fn start(stdio: Stdio) -> std::io::Result<(Arc<LastWord>, oneshot::Receiver<Opened>)> {
    let (ask, asked) = oneshot::channel();
    let (opened, connection) = oneshot::channel();
    let last_word = Arc::new(LastWord { ask: Mutex::new(Some(ask)), outcome: Mutex::new(None), known: Condvar::new() });
    install_hook(Arc::clone(&last_word));
    let told = Arc::clone(&last_word);
    std::thread::Builder::new().name("connection".to_owned()).spawn(move || {
        HOLDS_CONNECTION.set(true);
        told.tell(hold(stdio, opened, asked));
    })?;
    Ok((last_word, connection))
}

/// The life of the connection: opened, handed to the main thread, driven until there is a `Return` to send.
fn hold(stdio: Stdio, opened: oneshot::Sender<Opened>, asked: oneshot::Receiver<Request>) -> Outcome {
    let fail = |error: &dyn std::error::Error| FrontendError::new(error.to_string());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| fail(&error));
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = opened.send(Err(error.clone()));
            return Err(error);
        }
    };
    let outcome = runtime.block_on(async {
        let connection = match stdio.open() {
            Ok((wire, hang_up)) => Connection::open(wire, hang_up).await,
            Err(error) => Err(fail(&error)),
        };
        let _ = opened.send(connection.clone());
        let connection = connection?;
        match asked.await {
            Ok((request, limit)) => send_return(&connection, request, limit).await,
            Err(_) => Err(FrontendError::new("nobody said how the build ended")),
        }
    });
    // Nothing that is still running may delay the exit.
    runtime.shutdown_background();
    outcome
}

/// Sends the one `Return`. A connection that ends afterwards without an answer is as good as one: the daemon closes it as
/// soon as it has what it wants.
async fn send_return(connection: &Connection, request: ReturnRequest, limit: Duration) -> Outcome {
    connection.check()?;
    let call = connection.call(|mut client| async move { client.r#return(request).await });
    match tokio::time::timeout(limit, call).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) if error.is_connection_lost() => Ok(()),
        Ok(Err(error)) => Err(error.context("BuildKit refused the result of the build")),
        Err(_) => Err(not_taken(limit)),
    }
}

fn not_taken(limit: Duration) -> FrontendError {
    FrontendError::new(format!("BuildKit did not take the result of the build within {} seconds", limit.as_secs()))
}

impl LastWord {
    /// Asks for the `Return`, unless somebody has, and waits for what becomes of the one that was asked for first.
    ///
    /// It blocks the thread, and is for those that have nothing else to do any more.
    pub(crate) fn say(&self, request: ReturnRequest, limit: Duration) -> Outcome {
        if let Some(ask) = lock(&self.ask).take() {
            // When there is no receiver, the outcome is known.
            let _ = ask.send((request, limit));
        }
        let outcome = lock(&self.outcome);
        let waited = self.known.wait_timeout_while(outcome, limit + GRACE, |outcome| outcome.is_none());
        let (outcome, _) = waited.unwrap_or_else(PoisonError::into_inner);
        outcome.clone().unwrap_or_else(|| Err(not_taken(limit + GRACE)))
    }

    fn tell(&self, outcome: Outcome) {
        *lock(&self.outcome) = Some(outcome);
        self.known.notify_all();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the process ends with: whether BuildKit knows how the build ended.
pub(crate) fn exit_code(outcome: Outcome) -> u8 {
    match outcome {
        Ok(()) => 0,
        Err(error) => {
            // As `eprintln!`, but without a panic when nobody reads it.
            let _ = writeln!(std::io::stderr(), "{error}");
            1
        }
    }
}

/// From now on a panic on any thread, with or without `panic = "abort"`, becomes the `Return` and ends the process. The
/// process ends within the hook, so nothing is ever unwound: tests, which have to be compiled with `panic = "unwind"`, see
/// what a release does.
///
/// On the connection's own thread there is nobody left to send anything; a panic within the hook makes Rust abort. The usual
/// report goes to standard error in any case.
fn install_hook(last_word: Arc<LastWord>) {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
        usual(info);
        let outcome = if HOLDS_CONNECTION.get() {
            Err(FrontendError::connection_lost("the thread that holds it panicked"))
        } else {
            last_word.say(crate::run::error_message(&panic_error(info)), crate::run::RETURN_LIMIT)
        };
        std::process::exit(exit_code(outcome).into());
    }));
}

fn panic_error(info: &PanicHookInfo<'_>) -> FrontendError {
    let message = info.payload_as_str().unwrap_or("no message");
    let place = info.location().map(|place| format!(" ({}:{})", place.file(), place.line())).unwrap_or_default();
    FrontendError::new(format!("internal error: {message}{place}. This is a bug in the frontend; please report it"))
}
