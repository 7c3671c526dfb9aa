//! What steps run on: the base image, with bytecode of those modules that steps use and what uv knows of the interpreter.

use buildkit_llb::{Annotate as _, Bind, Exec, NetworkMode, OpError, Output};

use super::programs::{self, TOOLS};
use super::{Emitter, Machine, describe_library};

impl Emitter<'_> {
    /// The root of steps whose root is in no image. Steps of pyfront are many and short; without this, each spends a third of
    /// a second of processor time on compiling the same modules, and some more on asking the interpreter what it is.
    pub(super) fn ground(&self, machine: Machine<'_>) -> Result<Output, OpError> {
        // On another CPU than the builder's few steps run, and an emulator takes longer for this than it saves.
        if !machine.is_builder() {
            return Ok(machine.base.clone());
        }
        let has_uv = machine.uv.is_some();
        if let Some(made) = self.grounds.borrow().get(&has_uv) {
            return Ok(made.clone());
        }
        let options = self.context.steps;
        let mut exec = Exec::on(machine.base, ["python3".to_owned(), "-S".to_owned(), programs::GROUND.path()])
            .env("PATH", machine.path)
            .env("LANG", "C.UTF-8")
            .env("UV_PYTHON_DOWNLOADS", "never")
            .network(NetworkMode::None)
            .mount(Bind::readonly(&programs::GROUND.directory()?, format!("{TOOLS}/step")))
            .mounts(machine.uv.map(|uv| Bind::readonly(uv, format!("{TOOLS}/uv")).selector("/uv")))
            .ignore_cache(options.no_cache)
            .named("[internal] prepare Python and uv for all steps");
        if let Some(platform) = machine.platform {
            exec = exec.platform(platform.clone());
        }
        let made = options.on(exec).build()?.root()?;
        self.grounds.borrow_mut().insert(has_uv, made.clone());
        Ok(made)
    }

    /// The bytecode of Python's standard library as a layer. It does not stand on [`Self::ground`], which has some of it.
    pub(super) fn library(&self) -> Result<Output, OpError> {
        let name = format!("{} {}", self.stage("runtime", false), describe_library());
        let machine = self.context.builder;
        let exec = self.step_on(machine, machine.base, &programs::BYTECODE, [], name)?;
        exec.network(NetworkMode::None).build()?.output(programs::OUT)
    }
}
