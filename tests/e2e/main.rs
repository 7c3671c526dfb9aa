//! What a user sees, on a real engine: images are built through `# syntax=`, started, called, and taken apart.
//!
//! `cargo xtask test` brings the engines up, loads the frontend and the base images, and runs this once for each engine
//! with `PYFRONT_TEST_ENGINE` set. Without it everything here is skipped, loudly; in CI that is a failure.

#![expect(clippy::unwrap_used, reason = "tests")]
#![expect(clippy::print_stdout, reason = "what was measured on the way")]
#![expect(clippy::unused_self, reason = "who has no engine has no docker either")]

mod actions_cache;
mod builds;
mod caches;
mod clients;
mod composed;
mod contexts;
mod crowd;
mod distroless;
mod engine;
mod errors;
mod examples;
mod faults;
mod fidelity;
mod git;
mod git_server;
mod image;
mod inputs;
mod interrupted;
mod layers;
mod leaving;
mod libraries;
mod local;
mod managed;
mod options;
mod outages;
mod platforms;
mod private_index;
mod projects;
mod questions;
mod registry;
mod reproducible;
mod runtime;
mod scratch;
mod secrets;
mod served;
mod source;
mod steps;
mod supply_chain;
mod system_packages;
mod targets;
mod traces;
mod transfer;
mod wheels;
mod workspace;
