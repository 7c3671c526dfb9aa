//! The list of the image's parts: one step that completes what the closure knows by what lies in the image.

use buildkit_llb::{Annotate, Bind, File, Mkfile, NetworkMode, OpError, Output, SCRATCH};

use super::{Context, EPOCH, Emitter, programs};
use crate::plan::Plan;

/// What the list is made of.
pub struct PartsList<'a> {
    /// The files of the image.
    pub files: &'a Output,
    /// The parts that are known, as JSON.
    pub parts: Vec<u8>,
    /// Seconds since 1970.
    pub created: i64,
    /// The name of the file to write.
    pub file: &'a str,
}

/// A directory with one file: an SPDX document.
///
/// # Errors
/// A plan that makes no sense as operations; that would be a bug here.
pub fn parts_list(plan: &Plan, context: &Context<'_>, list: PartsList<'_>) -> Result<Output, OpError> {
    let emitter = Emitter::new(plan, context);
    let base = &plan.base;
    let arguments = [
        plan.project.clone(),
        base.name.clone().unwrap_or_default(),
        base.image.digest.clone().unwrap_or_default(),
        list.created.to_string(),
        format!("pyfront-{}", env!("CARGO_PKG_VERSION")),
        list.file.to_owned(),
    ];
    let parts = File::on(SCRATCH)
        .then(Mkfile::new("/parts.json", list.parts).mode(0o644).timestamp(EPOCH))
        .named("[internal] list the locked packages")
        .build()?;
    let name = format!("{} list the packages of {}", emitter.stage("sbom", false), plan.project);
    emitter
        .step(context.builder, &programs::SBOM, arguments, name)?
        .network(NetworkMode::None)
        .mount(Bind::readonly(list.files, "/image"))
        .mount(Bind::readonly(&parts, format!("{}/parts", programs::TOOLS)))
        .build()?
        .output(programs::OUT)
}
