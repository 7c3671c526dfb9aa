//! Tells the person at the terminal what is going on. A step that takes longer than two seconds says so while it runs and
//! when it is done; a quick one says nothing. Lines go to stderr, so that `engine env` can be evaluated by a shell.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const QUIET: Duration = Duration::from_secs(2);
const REPEAT: Duration = Duration::from_secs(10);

/// A piece of work under way. Dropping it without [`done`](Self::done) (an error on the way) ends the messages.
pub(crate) struct Step {
    label: String,
    began: Instant,
    ticker: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Step {
    /// Begins a step; `label` says what is done, in the present tense of a list: "making the root file system".
    pub(crate) fn begin(label: impl Into<String>) -> Self {
        let label = label.into();
        let began = Instant::now();
        let (stop, stopped) = channel();
        let text = label.clone();
        let ticker = std::thread::spawn(move || {
            let mut wait = QUIET;
            while stopped.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                eprintln!("{:>6.1}s  {text} ...", began.elapsed().as_secs_f64());
                wait = REPEAT;
            }
        });
        Self { label, began, ticker: Some((stop, ticker)) }
    }

    /// Ends the step well.
    pub(crate) fn done(mut self) {
        self.stop();
        if self.began.elapsed() >= QUIET {
            eprintln!("{:>6.1}s  {}: done", self.began.elapsed().as_secs_f64(), self.label);
        }
    }

    fn stop(&mut self) {
        if let Some((stop, ticker)) = self.ticker.take() {
            drop(stop);
            // A ticker that panicked has nothing more to say; the step itself is unharmed.
            let _ = ticker.join();
        }
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Runs `work` as a [`Step`].
pub(crate) fn step<T, E>(label: impl Into<String>, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    let step = Step::begin(label);
    let result = work()?;
    step.done();
    Ok(result)
}

/// One line of news.
pub(crate) fn note(text: impl AsRef<str>) {
    eprintln!("         {}", text.as_ref());
}
