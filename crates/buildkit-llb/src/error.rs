//! What can be wrong with an op before it is sent. Each variant is a mistake that BuildKit would report much later and
//! far from its cause, or not at all.

use crate::caps::Cap;
use crate::digest::Digest;
use crate::sourcemap::Location;

/// An op that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpError {
    /// An exec without a command.
    #[error("a step needs a command")]
    NoArgs,
    /// A file op that does nothing.
    #[error("a file operation needs at least one action")]
    NoActions,
    /// A path that is not absolute.
    #[error("{what} must be an absolute path, not “{path}”")]
    RelativePath {
        /// Which path.
        what: &'static str,
        /// As it was given.
        path: String,
    },
    /// A value that must not be empty.
    #[error("{0} must not be empty")]
    Empty(&'static str),
    /// A value that cannot be used.
    #[error("“{value}” cannot be used as {what}: {why}")]
    Invalid {
        /// Which value.
        what: &'static str,
        /// As it was given.
        value: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Two mounts in one place.
    #[error("two mounts have the destination “{0}”")]
    DuplicateMount(String),
    /// A mount that covers the root, which is given separately.
    #[error("a mount cannot cover “/”: the root is what the step runs on")]
    SecondRoot,
    /// A step that nobody said a platform for.
    #[error("the platform of a step on a base without one must be given")]
    NoPlatform,
    /// A result was asked for that the op does not have.
    #[error("the step has no result at “{0}”")]
    NoOutput(String),
    /// A local source of nobody.
    #[error("the local source “{0}” needs the session of the client, or a unique id")]
    NoSession(String),
}

/// An op needs what the daemon cannot do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingCapability {
    /// What is missing.
    pub cap: Cap,
    /// Why the daemon has it disabled, in its own words.
    pub reason: Option<String>,
    /// The op that needs it.
    pub digest: Digest,
    /// The op's name for the user, if it has one.
    pub op: Option<String>,
    /// Where the op comes from.
    pub locations: Vec<Location>,
}

impl std::error::Error for MissingCapability {}

impl std::fmt::Display for MissingCapability {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(op) = &self.op {
            write!(f, "“{op}”: ")?;
        }
        let (id, since) = (self.cap.id(), self.cap.since());
        match &self.reason {
            Some(reason) => write!(f, "this BuildKit has “{id}” disabled: {reason}"),
            None => write!(f, "needs BuildKit {since} or later (it has no “{id}”)"),
        }
    }
}

/// A definition that is no graph.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DefinitionError {
    /// Bytes that are no message of the kind.
    #[error("cannot decode {what}: {why}")]
    Undecodable {
        /// Which message.
        what: &'static str,
        /// The decoder's words.
        why: String,
    },
    /// The last op is not the terminal one.
    #[error("the definition has no terminal op")]
    NoTerminal,
    /// An op points at one that is not there, or comes later.
    #[error("an op of the definition has the input {0}, which no op before it has made")]
    UnknownInput(String),
    /// A negative output number.
    #[error("an input of the definition has the output number {0}")]
    InvalidIndex(i64),
    /// A location in a file that is not listed.
    #[error("the definition has a location in source file {0}, which it does not list")]
    UnknownSource(i32),
}
