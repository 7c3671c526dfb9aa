//! Typed builder for LLB, the graph of operations that BuildKit executes.
//!
//! Ops are made by small builders ([`Image`], [`Local`], [`Git`], [`Http`], [`OciLayout`], [`Exec`], [`File`],
//! [`Merge`], [`Diff`]); each one checks itself, computes its digest at once and hands out [`Output`]s, which other ops
//! take as inputs. [`marshal`] turns a result into a [`Definition`] for a daemon with certain [`Caps`]. The bytes of
//! every op are those that BuildKit's own Go client would write, so digests agree with the daemon's.
//!
//! ```
//! use buildkit_llb::*;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let python = Image::new("docker.io/library/python:3.13-slim", Platform::new("linux", "amd64")).build()?;
//! let context = Local::new("context").session("s1").include(["pyproject.toml"]).build()?;
//! let step = Exec::on(&python, ["python", "-m", "compileall", "/src"])
//!     .mount(Bind::readonly(&context, "/src"))
//!     .mount(Cache::new("pip", "/root/.cache/pip"))
//!     .network(NetworkMode::None)
//!     .named("compile")
//!     .build()?;
//! let image = File::on(step.root()?)
//!     .then(Copy::new(&context, "/", "/app").contents_only())
//!     .build()?;
//! let definition = marshal(Some(&image), &Caps::all())?;
//! assert_eq!(definition.as_pb().def.len(), 5);
//! # Ok(())
//! # }
//! ```
//!
//! Nothing here does I/O, and nothing knows what is built.

mod caps;
mod definition;
mod digest;
mod encode;
mod error;
mod exec;
mod file;
mod graph;
mod inspect;
mod layers;
mod marshal;
mod mount;
mod notes;
mod path;
mod platform;
mod source;
mod sourcemap;

pub use buildkit_proto::pb::LinuxResources;
pub use caps::{Cap, Caps};
pub use definition::Definition;
pub use digest::{Digest, InvalidDigest};
pub use encode::encode_op;
pub use error::{DefinitionError, MissingCapability, OpError};
pub use exec::{Exec, ExecResult, ExtraHost, NetworkMode, ProxyEnv, Ulimit};
pub use file::{Action, Copy, File, Mkdir, Mkfile, Owner, Rm, Symlink, Timestamp, User};
pub use graph::{Base, Output, SCRATCH};
pub use inspect::inspect;
pub use layers::{Diff, Merge, diff, merge};
pub use marshal::marshal;
pub use mount::{Bind, Cache, ContentCache, Mount, Secret, Sharing, Ssh, Tmpfs};
pub use notes::{Annotate, Notes, ProgressGroup};
pub use platform::{InvalidPlatform, Platform};
pub use source::{Differ, Git, Http, Image, Local, OciLayout, RecordType, ResolveMode};
pub use sourcemap::{Location, Range, SourceFile};
