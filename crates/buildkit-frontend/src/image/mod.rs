//! Container images as a frontend meets them: the references that name them and the JSON configuration that describes
//! how they run.

pub mod config;
pub mod reference;

pub use config::{Healthcheck, History, ImageConfig, RootFs, RuntimeConfig};
pub use reference::{ImageReference, ReferenceError};
