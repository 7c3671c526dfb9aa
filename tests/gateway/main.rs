//! The real `pyfront` binary against a fake daemon, over real pipes: what it reads, what it asks for, what it returns, and
//! that it ends well whatever the daemon does. What holds for every frontend is tested in `crates/buildkit-frontend`.

#![expect(clippy::unwrap_used, reason = "tests")]

mod base;
mod builds;
mod capabilities;
mod checks;
mod chosen;
mod faults;
mod hidden;
mod inputs;
mod libraries;
mod managed;
mod options;
mod platforms;
mod private_index;
mod progress;
mod projects;
mod questions;
mod refusals;
mod supply_chain;
mod targets;
mod unhashed;
mod versions;
mod ways_in;
mod workspaces;

use buildkit_frontend::testing::{FakeDaemon, Outcome};

/// Runs the program under test to its end.
fn run(daemon: &FakeDaemon) -> Outcome {
    daemon.run(env!("CARGO_BIN_EXE_pyfront"))
}
