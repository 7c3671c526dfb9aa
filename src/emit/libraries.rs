//! The look for shared libraries that installed packages need and that the image does not have: one step that reads their
//! files and runs nothing of them. No layer depends on it.

use std::collections::BTreeSet;

use buildkit_llb::{Bind, NetworkMode, OpError, Output};

use super::{Context, Emitter, programs};
use crate::plan::Plan;

/// The file that the step leaves.
pub const MISSING: &str = "missing.json";
/// What stands before the value in the image's environment.
const SEARCH: &str = "LD_LIBRARY_PATH=";

/// A directory with [`MISSING`]; `None` where nothing is installed that could need a library.
///
/// The step depends on the layers of compiled packages and on the base image alone, so neither the project's code nor another
/// version of a package that is not compiled makes it run again.
///
/// # Errors
/// A plan that makes no sense as operations; that would be a bug here.
pub fn missing_libraries(plan: &Plan, context: &Context<'_>) -> Result<Option<Output>, OpError> {
    let emitter = Emitter::new(plan, context);
    let names = known_names(plan);
    let mut layers = Vec::new();
    let small = emitter.small_files();
    for (number, group) in plan.groups.iter().enumerate() {
        if group.wheels.iter().any(|wheel| !wheel.pure) {
            layers.push(emitter.group(number + 1, group, &small)?);
        }
    }
    for (number, group) in plan.local.iter().enumerate() {
        if group.wheels.iter().any(|wheel| !wheel.pure) {
            layers.push(emitter.local_group(number + 1, group)?);
        }
    }
    for built in plan.built_layers() {
        layers.push(emitter.built_layer(&built)?);
    }
    if let Some(resolved) = &plan.resolved {
        layers.push(emitter.resolved(resolved)?);
    }
    if layers.is_empty() && names.is_empty() {
        return Ok(None);
    }
    // Libraries that the user takes from another image count as the image's own.
    for step in plan.copies.iter().filter(|step| step.source.from.is_some()) {
        layers.push(emitter.copied(step)?);
    }
    let search = context.env.iter().find_map(|variable| variable.strip_prefix(SEARCH)).unwrap_or_default();
    let arguments = std::iter::once(search.to_owned()).chain(names.into_iter().map(str::to_owned));
    let name = format!("{} look for missing system libraries", emitter.stage("runtime", false));
    let mut exec = emitter
        .step(context.builder, &programs::LIBRARIES, arguments, name)?
        .network(NetworkMode::None)
        .mount(Bind::readonly(&emitter.runtime_root()?, "/image"));
    for (number, layer) in layers.iter().enumerate() {
        exec = exec.mount(Bind::readonly(layer, format!("/layers/{number:03}")));
    }
    exec.build()?.output(programs::OUT).map(Some)
}

/// The installed packages that are known to load libraries by name, or to run programs.
fn known_names(plan: &Plan) -> BTreeSet<&str> {
    let wheels = plan.groups.iter().flat_map(|group| &group.wheels).map(|wheel| &wheel.name);
    let local = plan.local.iter().flat_map(|group| &group.wheels).map(|wheel| &wheel.name);
    let names = wheels.chain(local).chain(plan.built.iter().map(|built| &built.name)).map(String::as_str);
    names.filter(|name| programs::SHARED_LIBRARIES.contains(&format!("\"{name}\""))).collect()
}
