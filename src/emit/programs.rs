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
}

pub(super) const BUILD: Program = Program { name: "build.py", text: include_str!("steps/build.py") };
pub(super) const INSTALL: Program = Program { name: "install.py", text: include_str!("steps/install.py") };
pub(super) const PROJECT: Program = Program { name: "project.py", text: include_str!("steps/project.py") };
pub(super) const RESOLVE: Program = Program { name: "resolve.py", text: include_str!("steps/resolve.py") };
pub(super) const RUNTIME: Program = Program { name: "runtime.py", text: include_str!("steps/runtime.py") };

const SHARED: &str = include_str!("steps/pyfront_step.py");

impl Program {
    /// Its path in the step.
    pub(super) fn path(&self) -> String {
        format!("{TOOLS}/step/{}", self.name)
    }

    /// A directory with the program and its shared part.
    pub(super) fn directory(&self) -> Result<Output, OpError> {
        File::on(SCRATCH)
            .then(Mkfile::new("/pyfront_step.py", SHARED).mode(0o644).timestamp(super::EPOCH))
            .then(Mkfile::new(format!("/{}", self.name), self.text).mode(0o644).timestamp(super::EPOCH))
            .named(format!("[internal] step program {}", self.name))
            .build()
    }
}
