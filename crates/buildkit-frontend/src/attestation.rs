//! Statements about an image that a frontend makes itself, in the in-toto format: BuildKit signs for the subject and puts
//! them beside the image. (`frontend/attestations/sbom` and `docs/attestations/sbom-protocol.md` in BuildKit.)

use std::collections::BTreeMap;

use buildkit_llb::{Annotate as _, Bind, Exec, Image, Output, SCRATCH, Tmpfs};
use buildkit_proto::gateway::{self, AttestationKind};

use crate::error::FrontendError;
use crate::gateway::{Gateway, Reference, ResolveImage};
use crate::image::ImageReference;
use crate::options::SbomOptions;

/// The predicate of a list of parts in the format of SPDX. BuildKit runs no scanner of its own if there is one of these.
const SPDX: &str = "https://spdx.dev/Document";
const SCAN_SOURCE: &str = "/run/src/core/sbom";
const SCAN_DESTINATION: &str = "/run/out/";

/// A statement about the image of one platform.
#[derive(Debug, Clone)]
pub struct Attestation {
    kind: AttestationKind,
    reference: Reference,
    path: String,
    metadata: BTreeMap<String, Vec<u8>>,
}

impl Attestation {
    /// A list of the image's parts: the file of this path, an SPDX document. An exporter to files keeps its last component.
    pub fn spdx(reference: Reference, path: impl Into<String>) -> Self {
        let metadata = [("reason".to_owned(), b"sbom".to_vec())].into();
        Self { kind: AttestationKind::InToto, reference, path: path.into(), metadata }
    }

    pub(crate) fn to_message(&self) -> gateway::Attestation {
        gateway::Attestation {
            kind: self.kind.into(),
            metadata: self.metadata.clone(),
            r#ref: Some(self.reference.to_message()),
            path: self.path.clone(),
            in_toto_predicate_type: SPDX.to_owned(),
            in_toto_subjects: Vec::new(),
        }
    }
}

impl Gateway {
    /// Runs the scanner that the client names over an image. It makes whole statements.
    pub async fn scan(
        &self,
        options: &SbomOptions,
        files: &Output,
        label: &str,
    ) -> Result<Option<Attestation>, FrontendError> {
        let Some(generator) = &options.generator else { return Ok(None) };
        let platform = self.build_platform();
        let how = ResolveImage { platform: Some(platform.clone()), ..ResolveImage::default() };
        let wrong = |error: FrontendError| error.context(format!("the generator of the SBOM {generator}"));
        let reference = ImageReference::parse(generator).map_err(|error| wrong(error.into()))?;
        let image = self.resolve_image(&reference, how).await.map_err(wrong)?;
        let config = image.config.config.clone();
        let command: Vec<String> = config.entrypoint.into_iter().chain(config.cmd).collect();
        if command.is_empty() {
            return Err(wrong(FrontendError::new("the image has no command")));
        }
        let root = Image::new(image.pinned().to_string(), platform.clone()).resolve_mode(self.options().resolve_mode);
        let environment = config.env.iter().map(|text| text.split_once('=').unwrap_or((text, "")));
        let parameters =
            options.parameters.iter().map(|(name, value)| (format!("BUILDKIT_SCAN_{name}"), value.as_str()));
        let mut exec = Exec::on(&root.build()?, command)
            .envs(environment)
            .env("BUILDKIT_SCAN_DESTINATION", SCAN_DESTINATION)
            .env("BUILDKIT_SCAN_SOURCE", SCAN_SOURCE)
            .envs(parameters)
            .mount(Bind::readonly(files, SCAN_SOURCE))
            .mount(Bind::writable(SCRATCH, SCAN_DESTINATION))
            .mount(Tmpfs::new("/tmp"))
            .ignore_cache(self.options().no_cache == crate::options::NoCache::Everything)
            .platform(platform)
            .named(format!("[{label}] generating sbom using {}", image.reference.familiar()));
        if !config.working_dir.is_empty() {
            exec = exec.cwd(config.working_dir);
        }
        let output = exec.build()?.output(SCAN_DESTINATION)?;
        Ok(Some(Attestation {
            kind: AttestationKind::Bundle,
            reference: self.solve_output(Some(&output)).await?,
            path: String::new(),
            metadata: [("reason", "sbom"), ("sbom-core", "sbom")]
                .map(|(key, value)| (key.to_owned(), value.into()))
                .into(),
        }))
    }
}
