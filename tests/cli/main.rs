//! pyfront on the command line: the real binary, as a person starts it.

#![allow(clippy::unwrap_used)]

mod check;
mod command;
mod dockerfile;
mod init;
mod plan;
