//! Be a BuildKit gateway frontend: a program in a container image that BuildKit starts to turn a user's file into a build
//! graph (`# syntax=`).
//!
//! [`run`] does the process: standard input and output as the wire, one `Return` whatever happens. The frontend gets a
//! [`Gateway`]: the [`options`] of the build with their meanings, [capabilities](caps), the [contexts](context) with their
//! files and [ignore files](ignore), [images](image), and solving of graphs made with [`buildkit_llb`]. It answers with a
//! [`BuildResult`] or a [`FrontendError`] that points at the user's file, or to a [question](subrequest).
//!
//! The crate knows nothing of what is built. Its authority is BuildKit's own Go code: `frontend/gateway/grpcclient` and
//! `frontend/dockerui`.

pub mod caps;
pub mod context;
pub mod env;
pub mod ignore;
pub mod image;
pub mod offline;
pub mod options;
pub mod subrequest;
#[cfg(feature = "testing")]
pub mod testing;

mod attestation;
mod error;
mod gateway;
mod last_word;
mod result;
mod run;
mod secret;
mod stdio;
mod transport;

pub use attestation::Attestation;
pub use error::FrontendError;
pub use gateway::{FileStat, Gateway, Reference, ResolveImage, ResolvedImage, Warning};
pub use options::Options;
pub use result::{BuildResult, PlatformImage};
pub use run::run;
