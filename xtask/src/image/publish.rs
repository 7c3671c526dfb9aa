//! The frontend image as it is published: an OCI archive whose layer is compressed with zstd, which every builder can read
//! (BuildKit 0.10, Docker 23) and which is a sixth smaller than gzip. BuildKit's own zstd stops at a level that gains half of that,
//! so the layer of its export is compressed here.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::engine::Engine;
use crate::process::run;

/// Higher levels need more memory than 8 MiB to read.
const LEVEL: i32 = 19;
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+zstd";

/// Writes the image to an archive, and returns the bytes of its layers.
pub(super) fn write(engine: &Engine, dockerfile: &Path, context: &Path, to: &Path) -> Result<u64> {
    let layout = to.with_extension("oci");
    if layout.exists() {
        fs::remove_dir_all(&layout)?;
    }
    let output = format!(
        "type=oci,tar=false,dest={},compression=uncompressed,force-compression=true,name={}",
        layout.display(),
        super::NAME
    );
    run(engine
        .docker(["buildx", "build", "--provenance=false", "--quiet", "--output", &output, "--file"])
        .arg(dockerfile)
        .arg(context))?;
    let size = compress(&layout).with_context(|| format!("cannot compress the layers in {}", layout.display()))?;
    run(std::process::Command::new("tar")
        .args([
            "--create",
            "--sort=name",
            "--owner=0",
            "--group=0",
            "--numeric-owner",
            "--mtime=@0",
            "--exclude=./ingest",
            "--file",
        ])
        .arg(to)
        .arg("--directory")
        .arg(&layout)
        .arg("."))?;
    fs::remove_dir_all(&layout)?;
    Ok(size)
}

/// Compresses the layers of the one image in a layout, and returns their bytes.
fn compress(layout: &Path) -> Result<u64> {
    let mut index: Value = serde_json::from_slice(&fs::read(layout.join("index.json"))?)?;
    let mut manifest: Value = serde_json::from_slice(&take(layout, &index["manifests"][0])?)?;
    let mut size = 0;
    for layer in manifest["layers"].as_array_mut().context("the manifest has no layers")? {
        let compressed = zstd::encode_all(&*take(layout, layer)?, LEVEL)?;
        size += put(layout, layer, &compressed)?;
        layer["mediaType"] = json!(LAYER);
    }
    put(layout, &mut index["manifests"][0], &serde_json::to_vec(&manifest)?)?;
    fs::write(layout.join("index.json"), serde_json::to_vec(&index)?)?;
    Ok(size)
}

/// Removes the blob that a descriptor names, and returns it.
fn take(layout: &Path, descriptor: &Value) -> Result<Vec<u8>> {
    let digest = descriptor["digest"].as_str().and_then(|digest| digest.strip_prefix("sha256:"));
    let path = layout.join("blobs/sha256").join(digest.context("a descriptor has no digest")?);
    let blob = fs::read(&path)?;
    fs::remove_file(path)?;
    Ok(blob)
}

/// Adds a blob, which the descriptor names from now on, and returns its bytes.
fn put(layout: &Path, descriptor: &mut Value, blob: &[u8]) -> Result<u64> {
    let digest = Sha256::digest(blob).iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    fs::write(layout.join("blobs/sha256").join(&digest), blob)?;
    descriptor["digest"] = json!(format!("sha256:{digest}"));
    descriptor["size"] = json!(blob.len());
    Ok(blob.len() as u64)
}
