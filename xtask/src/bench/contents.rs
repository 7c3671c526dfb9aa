//! What is in the bench's registry, read from its storage: which blobs there are, and what an image is made of. Nothing else
//! pushes there, so what is new after a push was pushed by it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// Sizes in bytes by digest.
pub(crate) type Blobs = BTreeMap<String, u64>;

/// A registry's storage directory.
#[derive(Clone, Debug)]
pub(crate) struct Storage(PathBuf);

/// An image as a node pulls it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Image {
    /// Manifest, config and layers.
    pub(crate) blobs: Blobs,
    /// How many layers.
    pub(crate) layers: usize,
}

impl Image {
    /// Its compressed size.
    pub(crate) fn size(&self) -> u64 {
        self.blobs.values().sum()
    }
}

/// The bytes in `after` that are not in `before`.
pub(crate) fn added(before: &Blobs, after: &Blobs) -> u64 {
    after.iter().filter(|(digest, _)| !before.contains_key(*digest)).map(|(_, size)| size).sum()
}

impl Storage {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Forgets everything that was ever pushed.
    pub(crate) fn clear(&self) -> Result<()> {
        match fs::remove_dir_all(&self.0) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot empty {}", self.0.display()))
            }
            _ => Ok(()),
        }
    }

    /// All blobs.
    pub(crate) fn blobs(&self) -> Result<Blobs> {
        let mut blobs = Blobs::new();
        let Ok(shards) = fs::read_dir(self.0.join("blobs/sha256")) else { return Ok(blobs) };
        for shard in shards {
            for blob in fs::read_dir(shard?.path())? {
                let blob = blob?;
                // A directory without data is an upload that was given up.
                let Ok(data) = fs::metadata(blob.path().join("data")) else { continue };
                blobs.insert(format!("sha256:{}", blob.file_name().to_string_lossy()), data.len());
            }
        }
        Ok(blobs)
    }

    /// The image of a tag, for the platform `architecture` when it has several.
    pub(crate) fn image(&self, repository: &str, tag: &str, architecture: &str) -> Result<Image> {
        let tags = self.0.join("repositories").join(repository).join("_manifests/tags");
        let link = tags.join(tag).join("current/link");
        let digest = fs::read_to_string(&link).with_context(|| format!("{repository}:{tag} is not in the registry"))?;
        let mut digest = digest.trim().to_owned();
        let mut manifest = self.json(&digest)?;
        if let Some(manifests) = manifest["manifests"].as_array() {
            let ours = manifests.iter().find(|one| one["platform"]["architecture"] == architecture);
            let ours = ours.with_context(|| format!("{repository}:{tag} has nothing for {architecture}"))?;
            ours["digest"].as_str().context("a manifest has no digest")?.clone_into(&mut digest);
            manifest = self.json(&digest)?;
        }
        let layers = manifest["layers"].as_array().context("the manifest has no layers")?;
        let mut blobs = Blobs::from([(digest.clone(), fs::metadata(self.data(&digest)?)?.len())]);
        for part in layers.iter().chain([&manifest["config"]]) {
            let (Some(digest), Some(size)) = (part["digest"].as_str(), part["size"].as_u64()) else {
                bail!("{repository}:{tag} has a part without digest or size")
            };
            blobs.insert(digest.to_owned(), size);
        }
        Ok(Image { blobs, layers: layers.len() })
    }

    fn json(&self, digest: &str) -> Result<Value> {
        let path = self.data(digest)?;
        let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("{} is not JSON", path.display()))
    }

    fn data(&self, digest: &str) -> Result<PathBuf> {
        let hash = digest.strip_prefix("sha256:").filter(|hash| hash.len() == 64 && hash.is_ascii());
        let hash = hash.with_context(|| format!("`{digest}` is not a sha256 digest"))?;
        Ok(self.0.join(Path::new("blobs/sha256")).join(&hash[..2]).join(hash).join("data"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(storage: &Storage, digest: &str, data: &str) {
        let path = storage.data(digest).unwrap();
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, data).unwrap();
    }

    #[test]
    fn an_image_is_its_manifest_config_and_layers() {
        let directory = tempfile::tempdir().unwrap();
        let storage = Storage::new(directory.path().to_owned());
        let [index, manifest, config, layer] =
            ["a", "b", "c", "d"].map(|letter| format!("sha256:{}", letter.repeat(64)));
        let platform =
            |architecture| serde_json::json!({ "digest": manifest, "platform": { "architecture": architecture } });
        put(&storage, &index, &serde_json::json!({ "manifests": [platform("amd64")] }).to_string());
        let text = serde_json::json!({
            "config": { "digest": config, "size": 10 },
            "layers": [{ "digest": layer, "size": 500 }],
        })
        .to_string();
        put(&storage, &manifest, &text);
        let tags = directory.path().join("repositories/api/_manifests/tags/latest/current");
        fs::create_dir_all(&tags).unwrap();
        fs::write(tags.join("link"), &index).unwrap();

        let image = storage.image("api", "latest", "amd64").unwrap();
        assert_eq!((image.layers, image.size()), (1, 510 + text.len() as u64));
        assert!(storage.image("api", "latest", "arm64").is_err());
        assert_eq!(storage.blobs().unwrap().len(), 2);
        let before = Blobs::from([(layer, 500)]);
        assert_eq!(added(&before, &image.blobs), 10 + text.len() as u64);
        storage.clear().unwrap();
        assert!(storage.blobs().unwrap().is_empty());
    }
}
