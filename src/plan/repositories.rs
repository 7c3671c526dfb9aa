//! Where system packages come from, besides the repositories that the base image knows.

use serde::Serialize;

use super::LocalFile;
use super::make::Inputs;
use crate::diagnostic::Location;
use crate::project::config::repositories as config;

/// A repository of apt or of apk.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Repository {
    /// Its address.
    pub url: String,
    /// The suite, for apt; `None` for the release that the base image is of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suite: Option<String>,
    /// The components of the suite, for apt.
    pub components: Vec<String>,
    /// What its index is signed with.
    pub key: Key,
    /// Where it is asked for.
    #[serde(serialize_with = "super::as_text")]
    pub origin: Location,
}

/// The public key of a repository.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Key {
    /// A file of the build context.
    File {
        /// The file.
        #[serde(flatten)]
        file: LocalFile,
        /// Where it is named.
        #[serde(skip)]
        origin: Location,
    },
    /// A build secret.
    Secret(String),
}

/// The repositories that the configuration names.
pub(super) fn repositories(inputs: &Inputs<'_>) -> Vec<Repository> {
    let written = inputs.config.repositories.iter().flat_map(|repositories| &repositories.value.0);
    written
        .map(|repository| Repository {
            url: repository.url.clone(),
            suite: repository.suite.clone(),
            components: repository.components.clone(),
            key: match &repository.key {
                config::Key::File(path) => Key::File {
                    file: LocalFile { context: None, path: path.value.trim_start_matches('/').to_owned() },
                    origin: path.location.clone(),
                },
                config::Key::Secret(id) => Key::Secret(id.clone()),
            },
            origin: repository.location.clone(),
        })
        .collect()
}
