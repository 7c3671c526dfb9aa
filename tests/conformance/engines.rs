//! The private engines that the end-to-end tests run on, and which tests: all, or those whose names begin like this. On Docker's
//! older store it is those of images and layers, and not those of failures, secrets and servers; on a newer Docker those that
//! depend on what BuildKit does, rather than on what we tell it. `cargo xtask test` goes by this, and so does the table in
//! `docs/conformance.md`.

/// The name of an engine, and the tests on it.
pub(crate) const ENGINES: [(&str, &[&str]); 3] = [
    ("containerd", &[]),
    (
        "graphdriver",
        &[
            "builds::",
            "contexts::",
            "distroless::",
            "errors::",
            "fidelity::",
            "image::",
            "layers::",
            "options::",
            "platforms::",
            "projects::",
            "runtime::",
            "source::",
            "steps::",
            "supply_chain::",
            "system_packages::",
            "targets::",
            "workspace::",
        ],
    ),
    ("newest", &["layers::", "platforms::", "supply_chain::"]),
];
