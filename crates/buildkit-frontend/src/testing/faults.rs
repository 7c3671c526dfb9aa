//! What a fake daemon can do wrong, and when.

use std::time::Duration;

/// The calls of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are those of the protocol")]
pub enum Call {
    Ping,
    Inputs,
    ResolveImageConfig,
    ResolveSourceMeta,
    Solve,
    ReadFile,
    ReadDir,
    StatFile,
    Evaluate,
    NewContainer,
    ReleaseContainer,
    Warn,
    Return,
    /// One that the fake does not know.
    Other,
}

impl Call {
    /// All that the fake answers.
    pub const ALL: [Self; 13] = [
        Self::Ping,
        Self::Inputs,
        Self::ResolveImageConfig,
        Self::ResolveSourceMeta,
        Self::Solve,
        Self::ReadFile,
        Self::ReadDir,
        Self::StatFile,
        Self::Evaluate,
        Self::NewContainer,
        Self::ReleaseContainer,
        Self::Warn,
        Self::Return,
    ];

    /// The last component of the path in HTTP.
    pub(super) fn from_path(path: &str) -> Self {
        let name = path.rsplit('/').next().unwrap_or_default();
        Self::ALL.into_iter().find(|call| format!("{call:?}") == name).unwrap_or(Self::Other)
    }
}

/// One thing that goes wrong.
#[derive(Debug, Clone)]
pub struct Fault {
    pub(super) call: Call,
    pub(super) nth: usize,
    pub(super) action: Action,
}

impl Fault {
    /// Happens at every call of a kind.
    pub fn at(call: Call, action: Action) -> Self {
        Self { call, nth: 0, action }
    }

    /// Happens at the n-th call of a kind, counted from 1.
    pub fn at_nth(call: Call, nth: usize, action: Action) -> Self {
        Self { call, nth, action }
    }

    pub(super) fn hits(&self, call: Call, nth: usize) -> bool {
        self.call == call && (self.nth == 0 || self.nth == nth)
    }
}

/// What goes wrong.
#[derive(Debug, Clone)]
pub enum Action {
    /// The connection is closed instead of an answer.
    DropBefore,
    /// The connection is closed once the answer is out.
    DropAfter,
    /// The frontend's standard input is closed instead of an answer; its output is still read.
    CloseInput,
    /// Nobody reads the frontend's standard output any more, and there is no answer.
    CloseOutput,
    /// The call fails.
    Fail(tonic::Status),
    /// The answer comes late.
    Delay(Duration),
    /// There is no answer.
    Hang,
    /// These bytes come instead of an answer, outside of all protocol; then nothing more.
    Junk(Vec<u8>),
}
