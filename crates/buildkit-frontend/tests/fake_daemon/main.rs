//! A real frontend process (`examples/echo.rs`) against the fake daemon.

#![expect(clippy::unwrap_used, reason = "tests")]

mod contexts;
mod conversation;

use std::path::PathBuf;

/// The frontend under test. `cargo test` builds it along with the tests.
fn echo() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().unwrap().parent().unwrap().join("examples/echo");
    assert!(path.exists(), "{} is missing: test the whole package, not this target alone", path.display());
    path
}
