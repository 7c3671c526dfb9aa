//! What a build is told, as mounts: uv's settings file, the wheels that it names, and the environment of a build without
//! isolation.

use buildkit_llb::{Annotate, Bind, Exec, File, Mkfile, OpError, SCRATCH};

use super::programs::TOOLS;
use super::{EPOCH, Emitter, Machine};
use crate::plan::{Settings, Wheel, settings};

impl Emitter<'_> {
    /// Gives a build step what its package's build is told.
    pub(super) fn with_settings(&self, machine: Machine<'_>, mut exec: Exec, told: &Settings) -> Result<Exec, OpError> {
        if !told.file.is_empty() {
            let file = File::on(SCRATCH)
                .then(Mkfile::new("/uv.toml", told.file.clone()).mode(0o644).timestamp(EPOCH))
                .named("[internal] settings of a build")
                .build()?;
            exec = exec.mount(Bind::readonly(&file, format!("{TOOLS}/settings")));
        }
        for (name, value) in &told.variables {
            // uv puts such a PATH in front of the one that there is.
            let value = if name == "PATH" { format!("{value}:{}", machine.path) } else { value.clone() };
            exec = exec.env(name, value);
        }
        for wheel in &told.wheels {
            exec = self.with_wheel(exec, wheel, settings::WHEELS)?;
        }
        let Some(environment) = &told.environment else { return Ok(exec) };
        // The step has no other way to see that the build is without isolation when nothing is in its environment.
        exec = exec.env("PYFRONT_NO_BUILD_ISOLATION", "1");
        for wheel in &environment.wheels {
            exec = self.with_wheel(exec, wheel, &format!("{TOOLS}/environment/wheels"))?;
        }
        for built in self.plan.built.iter().filter(|built| environment.built.contains(&built.name)) {
            exec = exec.mount(Bind::readonly(&self.built(built)?, format!("{TOOLS}/environment/built/{}", built.name)));
        }
        Ok(exec)
    }

    fn with_wheel(&self, exec: Exec, wheel: &Wheel, directory: &str) -> Result<Exec, OpError> {
        let path = format!("{directory}/{}", wheel.filename);
        let file = self.fetch(&[self.locked(wheel)])?.pop();
        Ok(exec.mounts(file.map(|file| Bind::readonly(&file, path).selector(format!("/{}", wheel.filename)))))
    }
}
