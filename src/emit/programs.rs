//! The programs that run inside steps: Python files of ours, on the base image's own interpreter. They reach a step as
//! a read-only mount, so they are part of its cache key and never part of an image.

use std::sync::OnceLock;

use buildkit_llb::{Annotate, File, Mkfile, OpError, Output, SCRATCH};

/// Where a step finds its tools.
pub(super) const TOOLS: &str = "/run/pyfront";
/// Memory for what a step makes of secrets.
pub(super) const PRIVATE: &str = "/run/pyfront/private";
/// What uv knows already, as in `steps/pyfront_step.py`.
pub(super) const KNOWN: &str = "/var/cache/pyfront/uv";
/// Where a step puts the files that become its layer.
pub(super) const OUT: &str = "/out";

/// A program, and what it shares with the others.
pub(super) struct Program {
    name: &'static str,
    text: &'static str,
    /// Files beside it that only some programs need.
    more: Files,
    /// Its directory, once a step has needed it. Many do, and it is as large as all of its files.
    directory: OnceLock<Output>,
}

/// Names and texts of files.
type Files = &'static [(&'static str, &'static str)];

pub(super) static BUILD: Program = Program::new("build.py", include_str!("steps/build.py"), BUILDING);
pub(super) static BYTECODE: Program = Program::new("bytecode.py", include_str!("steps/bytecode.py"), &[]);
pub(super) static EDITABLE: Program = Program::new("editable.py", include_str!("steps/editable.py"), BUILDING);
pub(super) static FETCH: Program = Program::new("fetch.py", include_str!("steps/fetch.py"), FETCHING);
pub(super) static GROUND: Program = Program::new("ground.py", include_str!("steps/ground.py"), &[]);
pub(super) static INSTALL: Program = Program::new("install.py", include_str!("steps/install.py"), &[]);
pub(super) static LFS: Program = Program::new("lfs.py", include_str!("steps/lfs.py"), FETCHING);
pub(super) static LIBRARIES: Program =
    Program::new("libraries.py", include_str!("steps/libraries.py"), &[("shared-libraries.json", SHARED_LIBRARIES)]);
pub(super) static LOCAL: Program = Program::new("local.py", include_str!("steps/local.py"), &[]);
pub(super) static MANAGED: Program = Program::new("managed.py", include_str!("steps/managed.py"), &[]);
pub(super) static PROJECT: Program = Program::new("project.py", include_str!("steps/project.py"), BUILDING);
pub(super) static RESOLVE: Program = Program::new("resolve.py", include_str!("steps/resolve.py"), &[]);
pub(super) static RUN: Program = Program::new("run.py", include_str!("steps/run.py"), CHANGING);
pub(super) static RUNTIME: Program = Program::new("runtime.py", include_str!("steps/runtime.py"), &[]);
pub(super) static SBOM: Program = Program::new("sbom.py", include_str!("steps/sbom.py"), &[]);
pub(super) static SYSTEM: Program = Program::new("system.py", include_str!("steps/system.py"), CHANGING);

const SHARED: &str = include_str!("steps/pyfront_step.py");
/// Which system packages have which shared libraries, and which Python packages load them by name.
pub(super) const SHARED_LIBRARIES: &str = include_str!("steps/shared-libraries.json");
/// What programs share that fetch files themselves.
const FETCHING: Files = &[("pyfront_http.py", include_str!("steps/pyfront_http.py"))];
/// What programs share whose result is the image's root.
const CHANGING: Files = &[("pyfront_root.py", include_str!("steps/pyfront_root.py"))];
/// What programs share that run a build backend.
const BUILDING: Files = &[
    ("pyfront_build.py", include_str!("steps/pyfront_build.py")),
    ("pyfront_explain.py", include_str!("steps/pyfront_explain.py")),
    ("system-libraries.json", include_str!("steps/system-libraries.json")),
];

impl Program {
    const fn new(name: &'static str, text: &'static str, more: Files) -> Self {
        Self { name, text, more, directory: OnceLock::new() }
    }

    /// Its path in the step.
    pub(super) fn path(&self) -> String {
        format!("{TOOLS}/step/{}", self.name)
    }

    /// A directory with the program and its shared part.
    pub(super) fn directory(&self) -> Result<Output, OpError> {
        if let Some(made) = self.directory.get() {
            return Ok(made.clone());
        }
        let files = [("pyfront_step.py", SHARED), (self.name, self.text)];
        let files = files.iter().chain(self.more);
        let made = files
            .fold(File::on(SCRATCH), |directory, (name, text)| {
                directory.then(Mkfile::new(format!("/{name}"), *text).mode(0o644).timestamp(super::EPOCH))
            })
            .named(format!("[internal] step program {}", self.name))
            .build()?;
        Ok(self.directory.get_or_init(|| made).clone())
    }
}
