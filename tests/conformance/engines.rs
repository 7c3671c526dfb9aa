//! The private engines that the end-to-end tests run on, and which tests: all, or those whose names begin like this. On a newer
//! Docker it is those that depend on what BuildKit does, rather than on what we tell it. `cargo xtask test` goes by this, and
//! so does the table in `docs/conformance.md`.

/// The name of an engine, and the tests on it.
pub(crate) const ENGINES: [(&str, &[&str]); 3] =
    [("containerd", &[]), ("graphdriver", &[]), ("newest", &["layers::", "platforms::", "supply_chain::"])];
