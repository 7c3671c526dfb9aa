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
