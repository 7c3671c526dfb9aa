//! System packages: the root that build steps run on.

use buildkit_llb::{Cache, OpError, Output, Sharing};

use super::programs;
use super::{Emitter, Machine};

/// Where the package managers of distributions keep what they fetch.
const CACHES: [(&str, &str); 3] =
    [("apt-cache", "/var/cache/apt"), ("apt-lists", "/var/lib/apt/lists"), ("apk", "/var/cache/apk")];

impl Emitter<'_> {
    /// What build steps run on: the base image with the packages that builds need.
    pub(super) fn build_root(&self, machine: Machine<'_>) -> Result<Output, OpError> {
        let packages = &self.plan.build_packages;
        if packages.is_empty() {
            return Ok(machine.base.clone());
        }
        let name = format!("[build] install {}", packages.join(", "));
        let mut exec = self.networked_step(machine, machine.base, &programs::SYSTEM, packages.clone(), name)?;
        let prefix = self.context.steps.cache_prefix();
        for (cache, path) in CACHES {
            // Package managers lock these directories, each its own.
            let id = format!("{prefix}pyfront/{cache}-{}{}", self.plan.cache_platform(), machine.cache_suffix);
            exec = exec.mount(Cache::new(id, path).sharing(Sharing::Locked));
        }
        exec.build()?.root()
    }
}
