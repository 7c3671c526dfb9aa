//! What the user wrote: `pyproject.toml`, `uv.lock`, `[tool.pyfront]`, with the place of every value that an error may
//! have to point at. Pure: files come in as bytes, typed values go out.

pub mod asked_for;
pub mod bare;
pub mod build_files;
pub mod config;
mod credentials;
pub mod document;
pub mod entry;
pub mod indexes;
pub mod lock;
pub mod modules;
pub mod place;
pub mod pylock;
pub mod pyproject;
pub mod python_version;
pub mod requirements;
pub mod script;
pub mod stale;
pub mod uv;
pub mod vcs_version;
pub mod workspace;
