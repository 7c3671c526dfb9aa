//! The programs that run inside steps: Python files of ours, on the base image's own interpreter. They reach a step as
//! a read-only mount, so they are part of its cache key and never part of an image.

use buildkit_llb::{Annotate, File, Mkfile, OpError, Output, SCRATCH};

/// Where a step finds its tools.
pub(super) const TOOLS: &str = "/run/pyfront";
/// Memory for what a step makes of secrets.
pub(super) const PRIVATE: &str = "/run/pyfront/private";
/// Where a step puts the files that become its layer.
pub(super) const OUT: &str = "/out";

/// A program, and what it shares with the others.
pub(super) struct Program {
    name: &'static str,
    text: &'static str,
    /// Files beside it that only some programs need.
    more: &'static [(&'static str, &'static str)],
}

pub(super) const BUILD: Program = Program { name: "build.py", text: include_str!("steps/build.py"), more: BUILDING };
pub(super) const BYTECODE: Program =
    Program { name: "bytecode.py", text: include_str!("steps/bytecode.py"), more: &[] };
pub(super) const EDITABLE: Program =
    Program { name: "editable.py", text: include_str!("steps/editable.py"), more: BUILDING };
pub(super) const FETCH: Program = Program { name: "fetch.py", text: include_str!("steps/fetch.py"), more: FETCHING };
pub(super) const GROUND: Program = Program { name: "ground.py", text: include_str!("steps/ground.py"), more: &[] };
pub(super) const INSTALL: Program = Program { name: "install.py", text: include_str!("steps/install.py"), more: &[] };
pub(super) const LFS: Program = Program { name: "lfs.py", text: include_str!("steps/lfs.py"), more: FETCHING };
pub(super) const LIBRARIES: Program = Program {
    name: "libraries.py",
    text: include_str!("steps/libraries.py"),
    more: &[("shared-libraries.json", SHARED_LIBRARIES)],
};
pub(super) const LOCAL: Program = Program { name: "local.py", text: include_str!("steps/local.py"), more: &[] };
pub(super) const MANAGED: Program = Program { name: "managed.py", text: include_str!("steps/managed.py"), more: &[] };
pub(super) const PROJECT: Program =
    Program { name: "project.py", text: include_str!("steps/project.py"), more: BUILDING };
pub(super) const RESOLVE: Program = Program { name: "resolve.py", text: include_str!("steps/resolve.py"), more: &[] };
pub(super) const RUN: Program = Program { name: "run.py", text: include_str!("steps/run.py"), more: CHANGING };
pub(super) const RUNTIME: Program = Program { name: "runtime.py", text: include_str!("steps/runtime.py"), more: &[] };
pub(super) const SBOM: Program = Program { name: "sbom.py", text: include_str!("steps/sbom.py"), more: &[] };
pub(super) const SYSTEM: Program = Program { name: "system.py", text: include_str!("steps/system.py"), more: CHANGING };

const SHARED: &str = include_str!("steps/pyfront_step.py");
/// Which system packages have which shared libraries, and which Python packages load them by name.
pub(super) const SHARED_LIBRARIES: &str = include_str!("steps/shared-libraries.json");
/// What programs share that fetch files themselves.
const FETCHING: &[(&str, &str)] = &[("pyfront_http.py", include_str!("steps/pyfront_http.py"))];
/// What programs share whose result is the image's root.
const CHANGING: &[(&str, &str)] = &[("pyfront_root.py", include_str!("steps/pyfront_root.py"))];
/// What programs share that run a build backend.
const BUILDING: &[(&str, &str)] = &[
    ("pyfront_build.py", include_str!("steps/pyfront_build.py")),
    ("system-libraries.json", include_str!("steps/system-libraries.json")),
];

impl Program {
    /// Its path in the step.
    pub(super) fn path(&self) -> String {
        format!("{TOOLS}/step/{}", self.name)
    }

    /// A directory with the program and its shared part.
    pub(super) fn directory(&self) -> Result<Output, OpError> {
        let files = [("pyfront_step.py", SHARED), (self.name, self.text)];
        let files = files.iter().chain(self.more);
        files
            .fold(File::on(SCRATCH), |directory, (name, text)| {
                directory.then(Mkfile::new(format!("/{name}"), *text).mode(0o644).timestamp(super::EPOCH))
            })
            .named(format!("[internal] step program {}", self.name))
            .build()
    }
}
