//! The list of the image's parts (`--sbom`): made from the closure, without any scanner image. A scanner runs as well if the
//! client names one, for what is not pyfront's: the packages of the base image's distribution.

use buildkit_frontend::options::SourceDateEpoch;
use buildkit_frontend::{Attestation, FrontendError};
use buildkit_llb::Output;

use super::Task;
use crate::emit;
use crate::plan::Plan;
pub(super) use crate::plan::sbom::{Part, parts};

/// The statements about an image that were asked for.
pub(super) async fn attestations(
    task: Task<'_>,
    files: &Output,
    plan: &Plan,
) -> Result<Vec<Attestation>, FrontendError> {
    let options = task.gateway.options();
    let Some(sbom) = &options.sbom else { return Ok(Vec::new()) };
    let created = match options.source_date_epoch {
        Some(SourceDateEpoch::Seconds(seconds)) => seconds,
        _ => 0,
    };
    let label = task.image.platform.to_string();
    let scanned = task.gateway.scan(sbom, files, &label).await?;
    let file = if scanned.is_some() { "sbom-python.spdx.json" } else { "sbom.spdx.json" };
    let parts = serde_json::to_vec(&task.image.parts).unwrap_or_default();
    let list = emit::PartsList { files, parts, created, file };
    let output = task.emit(plan, None, |plan, context| emit::parts_list(plan, context, list))?;
    let reference = task.gateway.solve_output(Some(&output)).await?;
    Ok(scanned.into_iter().chain([Attestation::spdx(reference, file)]).collect())
}
