//! What a frontend returns: an image for each platform, or the answer to a question. The keys are those of BuildKit's
//! `exporter/containerimage/exptypes`.

use std::collections::BTreeMap;

use buildkit_llb::Platform;
use buildkit_proto::gateway::{self, Ref, RefMap};
use serde::Serialize;

use crate::attestation::Attestation;
use crate::gateway::Reference;
use crate::image::ImageConfig;

const IMAGE_CONFIG: &str = "containerimage.config";
const BASE_CONFIG: &str = "containerimage.base.config";
const PLATFORMS: &str = "refs.platforms";
const EPOCH: &str = "source.date.epoch";

/// The result of a build, or the answer to a subrequest.
#[derive(Debug, Clone, Default)]
pub struct BuildResult {
    images: Vec<PlatformImage>,
    metadata: BTreeMap<String, Vec<u8>>,
}

/// The image for one platform.
#[derive(Debug, Clone)]
pub struct PlatformImage {
    /// What it was built for.
    pub platform: Platform,
    /// Its file system; `None` is the empty one.
    pub reference: Option<Reference>,
    /// Its configuration. Operating system and architecture are filled in from the platform if they are empty.
    pub config: ImageConfig,
    /// The base image's configuration, byte for byte as it was resolved. With it BuildKit knows which history is inherited.
    pub base_config: Option<Vec<u8>>,
    /// The time that the image carries, in seconds since 1970, when it is not that of the option.
    pub source_date_epoch: Option<i64>,
    /// Statements about it. The daemon adds its own.
    pub attestations: Vec<Attestation>,
}

impl PlatformImage {
    /// An image without a base.
    pub fn new(platform: Platform, reference: Option<Reference>, config: ImageConfig) -> Self {
        Self { platform, reference, config, base_config: None, source_date_epoch: None, attestations: Vec::new() }
    }
}

impl BuildResult {
    /// One image for each platform.
    pub fn images(images: impl IntoIterator<Item = PlatformImage>) -> Self {
        Self { images: images.into_iter().collect(), metadata: BTreeMap::new() }
    }

    /// The answer to a question: a machine's form, a person's form, and the version of the question.
    pub fn answer(json: impl Into<Vec<u8>>, text: impl Into<Vec<u8>>, version: &str) -> Self {
        Self::default()
            .with_metadata("result.json", json)
            .with_metadata("result.txt", text)
            .with_metadata("version", version)
    }

    /// Adds a metadatum. Keys that begin with `frontend.` show up in `docker buildx build --metadata-file`.
    #[must_use]
    pub fn with_metadata(mut self, key: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }

    /// The wire form. With `multi_platform` the answer is a list of platforms even if there is only one.
    pub(crate) fn into_message(mut self, multi_platform: bool) -> gateway::Result {
        let list = multi_platform || self.images.len() > 1;
        let mut refs = BTreeMap::new();
        let mut platforms = Vec::new();
        let mut attestations = BTreeMap::new();
        for image in &mut self.images {
            let platform = image.platform.normalized();
            let id = platform.to_string();
            let key = |key: &str| if list { format!("{key}/{id}") } else { key.to_owned() };
            complete(&mut image.config, &platform);
            self.metadata.insert(key(IMAGE_CONFIG), image.config.to_json());
            if let Some(base) = image.base_config.take() {
                self.metadata.insert(key(BASE_CONFIG), base);
            }
            if let Some(seconds) = image.source_date_epoch {
                self.metadata.insert(key(EPOCH), seconds.to_string().into_bytes());
            }
            let reference = image.reference.as_ref().map_or_else(Ref::default, Reference::to_message);
            refs.insert(id.clone(), reference);
            if !image.attestations.is_empty() {
                let attestation = image.attestations.iter().map(Attestation::to_message).collect();
                attestations.insert(id.clone(), gateway::Attestations { attestation });
            }
            platforms.push(PlatformJson { id, platform: OciPlatformJson::from(platform) });
        }
        if !platforms.is_empty() {
            // Strings only; it always serialises.
            let json = serde_json::to_vec(&PlatformsJson { platforms }).unwrap_or_default();
            self.metadata.insert(PLATFORMS.to_owned(), json);
        }
        let result = if list {
            gateway::result::Result::Refs(RefMap { refs })
        } else {
            gateway::result::Result::Ref(refs.into_values().next().unwrap_or_default())
        };
        gateway::Result { metadata: self.metadata, attestations, result: Some(result) }
    }
}

/// BuildKit refuses a configuration without operating system and architecture.
fn complete(config: &mut ImageConfig, platform: &Platform) {
    if config.os.is_empty() {
        config.os.clone_from(&platform.os);
    }
    if config.architecture.is_empty() {
        config.architecture.clone_from(&platform.architecture);
        config.variant = Some(platform.variant.clone()).filter(|variant| !variant.is_empty());
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PlatformsJson {
    platforms: Vec<PlatformJson>,
}

#[derive(Serialize)]
struct PlatformJson {
    #[serde(rename = "ID")]
    id: String,
    #[serde(rename = "Platform")]
    platform: OciPlatformJson,
}

/// A platform as OCI spells it.
#[derive(Serialize)]
struct OciPlatformJson {
    architecture: String,
    os: String,
    #[serde(rename = "os.version", skip_serializing_if = "String::is_empty")]
    os_version: String,
    #[serde(rename = "os.features", skip_serializing_if = "Vec::is_empty")]
    os_features: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    variant: String,
}

impl From<Platform> for OciPlatformJson {
    fn from(platform: Platform) -> Self {
        Self {
            architecture: platform.architecture,
            os: platform.os,
            os_version: platform.os_version,
            os_features: platform.os_features,
            variant: platform.variant,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(message: &gateway::Result, key: &str) -> String {
        String::from_utf8(message.metadata[key].clone()).unwrap()
    }

    fn image(platform: &str) -> PlatformImage {
        PlatformImage {
            base_config: Some(b"{ base }".to_vec()),
            source_date_epoch: Some(7),
            ..PlatformImage::new(platform.parse().unwrap(), None, ImageConfig::default())
        }
    }

    #[test]
    fn one_image() {
        let message =
            BuildResult::images([image("linux/arm64/v8")]).with_metadata("frontend.x", "y").into_message(false);
        assert_eq!(message.result, Some(gateway::result::Result::Ref(Ref::default())));
        let keys: Vec<_> = message.metadata.keys().map(String::as_str).collect();
        assert_eq!(
            keys,
            [
                "containerimage.base.config",
                "containerimage.config",
                "frontend.x",
                "refs.platforms",
                "source.date.epoch"
            ]
        );
        assert_eq!(text(&message, "containerimage.base.config"), "{ base }");
        assert_eq!(text(&message, "source.date.epoch"), "7");
        assert_eq!(
            text(&message, "containerimage.config"),
            r#"{"architecture":"arm64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[]}}"#
        );
        assert_eq!(
            text(&message, "refs.platforms"),
            r#"{"Platforms":[{"ID":"linux/arm64","Platform":{"architecture":"arm64","os":"linux"}}]}"#
        );
    }

    #[test]
    fn a_list_of_one_and_a_list_of_two() {
        let one = BuildResult::images([image("linux/amd64")]).into_message(true);
        assert!(one.metadata.contains_key("containerimage.config/linux/amd64"));
        let two = BuildResult::images([image("linux/arm/v7"), image("linux/amd64")]).into_message(false);
        let Some(gateway::result::Result::Refs(refs)) = &two.result else { panic!("{two:?}") };
        assert_eq!(refs.refs.keys().collect::<Vec<_>>(), ["linux/amd64", "linux/arm/v7"]);
        assert!(two.metadata.contains_key("containerimage.base.config/linux/arm/v7"));
        assert!(two.metadata.contains_key("source.date.epoch/linux/amd64"));
        assert_eq!(
            text(&two, "refs.platforms"),
            r#"{"Platforms":[{"ID":"linux/arm/v7","Platform":{"architecture":"arm","os":"linux","variant":"v7"}},{"ID":"linux/amd64","Platform":{"architecture":"amd64","os":"linux"}}]}"#
        );
        assert!(text(&two, "containerimage.config/linux/arm/v7").contains(r#""variant":"v7""#));
    }

    #[test]
    fn an_answer_has_no_image() {
        let message = BuildResult::answer("{}", "text", "1.0.0").into_message(false);
        assert_eq!(message.result, Some(gateway::result::Result::Ref(Ref::default())));
        assert_eq!(message.metadata.keys().collect::<Vec<_>>(), ["result.json", "result.txt", "version"]);
    }
}
