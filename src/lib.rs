//! pyfront builds container images for Python projects: it reads `pyproject.toml` and `uv.lock` and hands BuildKit a
//! build graph. See `ARCHITECTURE.md` for the way that data flows through these modules.

pub mod cli;
pub mod closure;
pub mod diagnostic;
pub mod emit;
pub mod gateway;
pub mod lint;
pub mod plan;
pub mod project;

/// musl's own allocator takes about a third of the time in which a lock is read.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;
