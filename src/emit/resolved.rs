//! Requirements without a lock: one step in which uv resolves and installs them, with network.

use buildkit_llb::{Annotate, Bind, File, Mkfile, OpError, Output, SCRATCH};

use super::{EPOCH, Emitter, programs};
use crate::plan::Resolved;

/// More names than this are not listed.
const MOST_NAMES: usize = 12;

impl Emitter<'_> {
    /// uv gets what it has to know as files of ours, not the project's: only what counts makes the step run again.
    pub(super) fn resolved(&self, resolved: &Resolved) -> Result<Output, OpError> {
        let name = format!("[deps] {}", describe_resolved(resolved));
        let file = |path: &str, text: String| Mkfile::new(path, text).mode(0o644).timestamp(EPOCH);
        let requirements = File::on(SCRATCH)
            .then(file("/requirements.txt", resolved.requirements_file()))
            .then(file("/constraints.txt", resolved.constraints_file()))
            .named(format!("[internal] requirements of {}", resolved.origin.file.name()))
            .build()?;
        let mode = if resolved.hashed { "hashed" } else { "unhashed" };
        let mut exec = self
            .build_step(self.context.builder, &programs::RESOLVE, [mode.to_owned()], name, &self.plan.build_secrets)?
            .mount(Bind::readonly(&requirements, format!("{}/requirements", programs::TOOLS)));
        for place in resolved.places.iter().filter_map(self.context.place) {
            exec = exec.at(place);
        }
        exec.build()?.output(programs::OUT)
    }
}

/// What is resolved and installed, for people: also its entry in the image's history.
pub fn describe_resolved(resolved: &Resolved) -> String {
    let mut names = resolved.names.iter().take(MOST_NAMES).map(String::as_str).collect::<Vec<_>>().join(", ");
    if resolved.names.len() > MOST_NAMES {
        names.push_str(", …");
    }
    format!("install the requirements of {}: {names}", resolved.origin.file.name())
}
