//! What all steps have in common: the interpreter and uv, a clean environment, and what the client asked for every step
//! (hosts, limits, proxies, network).

use buildkit_llb::{
    Annotate, Bind, Cache, Exec, ExtraHost, LinuxResources, NetworkMode, OpError, Output, Platform, ProxyEnv, SCRATCH,
    Secret, Sharing, Tmpfs, Ulimit,
};

use super::fetch::with_secrets;
use super::programs::{OUT, PRIVATE, Program, TOOLS};
use super::{CA_SECRET, Emitter};

/// Room for a bundle of certificates, in bytes.
pub(super) const PRIVATE_SIZE: u64 = 16 << 20;

/// What a step runs on: the base image for a CPU, and the uv for the same CPU.
#[derive(Debug, Clone, Copy)]
pub struct Machine<'a> {
    /// The base image.
    pub base: &'a Output,
    /// uv's image; `None` where no step installs wheels.
    pub uv: Option<&'a Output>,
    /// The CPU, which the base need not say (a directory in its place does not).
    pub platform: Option<&'a Platform>,
    /// `PATH` of the base image.
    pub path: &'a str,
    /// What sets its caches apart from those of the builder's CPU; empty for that.
    pub cache_suffix: &'a str,
}

impl Machine<'_> {
    /// Whether it is the builder's own CPU.
    pub(super) fn is_builder(&self) -> bool {
        self.cache_suffix.is_empty()
    }
}

/// What the client asked for every step.
#[derive(Debug, Clone, Default)]
pub struct StepOptions {
    /// The network of steps that need one.
    pub network: NetworkMode,
    /// Proxies for those steps.
    pub proxy: ProxyEnv,
    /// Lines for `/etc/hosts`.
    pub extra_hosts: Vec<ExtraHost>,
    /// Resource limits.
    pub ulimits: Vec<Ulimit>,
    /// The host name.
    pub hostname: Option<String>,
    /// The parent of the control groups.
    pub cgroup_parent: Option<String>,
    /// Size of `/dev/shm` in bytes.
    pub shm_size: Option<u64>,
    /// Limits on memory and CPU.
    pub linux_resources: Option<LinuxResources>,
    /// Whether everything runs again.
    pub no_cache: bool,
    /// Whether the tests run again.
    pub no_cache_for_tests: bool,
    /// A prefix for the ids of cache mounts.
    pub cache_namespace: Option<String>,
}

impl StepOptions {
    /// Hosts, limits and shared memory for a step.
    pub(super) fn on(&self, mut exec: Exec) -> Exec {
        for host in &self.extra_hosts {
            exec = exec.extra_host(host.clone());
        }
        for limit in &self.ulimits {
            exec = exec.ulimit(limit.clone());
        }
        if let Some(hostname) = &self.hostname {
            exec = exec.hostname(hostname);
        }
        if let Some(parent) = &self.cgroup_parent {
            exec = exec.cgroup_parent(parent);
        }
        if let Some(size) = self.shm_size {
            exec = exec.mount(Tmpfs::new("/dev/shm").size(size));
        }
        if let Some(limits) = &self.linux_resources {
            exec = exec.linux_resources(limits.clone());
        }
        exec
    }

    /// What ids of cache mounts begin with, as in Dockerfiles.
    pub(super) fn cache_prefix(&self) -> String {
        format!("{}/", self.cache_namespace.as_deref().unwrap_or_default())
    }
}

impl Emitter<'_> {
    /// A step that runs one of our programs. What counts is what it puts into `/out`; nobody takes what becomes of its root.
    /// (BuildKit mounts a root without result read-only, and then no mount point could be made in it.)
    pub(super) fn step(
        &self,
        machine: Machine<'_>,
        program: &Program,
        arguments: impl IntoIterator<Item = String>,
        name: String,
    ) -> Result<Exec, OpError> {
        self.step_on(machine, &self.ground(machine)?, program, arguments, name)
    }

    /// A step on a root of its own.
    pub(super) fn step_on(
        &self,
        machine: Machine<'_>,
        root: &Output,
        program: &Program,
        arguments: impl IntoIterator<Item = String>,
        name: String,
    ) -> Result<Exec, OpError> {
        let options = self.context.steps;
        // What a base image adds to the start of every interpreter is none of a step's business.
        let command = ["python3", "-S", "-B"].map(str::to_owned).into_iter().chain([program.path()]).chain(arguments);
        let mut exec = Exec::on(root, command)
            .env("PATH", machine.path)
            .env("HOME", "/root")
            .env("LANG", "C.UTF-8")
            .env("NO_COLOR", "1")
            .env("PYFRONT_PYTHON", &self.plan.base.python)
            .env("PYTHONHASHSEED", "0")
            .env("UV_LINK_MODE", "copy")
            .env("UV_NO_INSTALLER_METADATA", "1")
            .env("UV_NO_PROGRESS", "1")
            .env("UV_PYTHON_DOWNLOADS", "never")
            .mount(Bind::readonly(&program.directory()?, format!("{TOOLS}/step")))
            .mounts(machine.uv.map(|uv| Bind::readonly(uv, format!("{TOOLS}/uv")).selector("/uv")))
            .mount(Bind::writable(SCRATCH, OUT))
            .ignore_cache(options.no_cache)
            .named(name);
        if let Some(platform) = machine.platform {
            exec = exec.platform(platform.clone());
        }
        Ok(options.on(exec))
    }

    /// A step that runs a build backend: with system packages, the network that the client allows, proxies, the company's
    /// certificates, uv's cache, and the secrets of the indexes that uv asks.
    pub(super) fn build_step(
        &self,
        machine: Machine<'_>,
        program: &Program,
        arguments: impl IntoIterator<Item = String>,
        name: String,
        secrets: &[String],
    ) -> Result<Exec, OpError> {
        let options = self.context.steps;
        // Other versions of uv keep other files, and what is built for one C library or CPU runs on no other.
        let cache = format!("{}pyfront/uv-{}{}", options.cache_prefix(), self.plan.cache, machine.cache_suffix);
        let root = self.build_root(machine)?;
        let mut exec = self
            .networked_step(machine, &root, program, arguments, name)?
            .env("UV_CACHE_DIR", "/root/.cache/uv")
            .mount(Cache::new(cache, "/root/.cache/uv").sharing(Sharing::Shared));
        if !secrets.is_empty() {
            exec = exec.env("PYFRONT_INDEX_SECRETS", secrets.join(" "));
        }
        Ok(with_secrets(exec, secrets.iter().map(String::as_str)))
    }

    /// A step with network, proxies and the company's certificates. What it makes of secrets lies in memory.
    pub(super) fn networked_step(
        &self,
        machine: Machine<'_>,
        root: &Output,
        program: &Program,
        arguments: impl IntoIterator<Item = String>,
        name: String,
    ) -> Result<Exec, OpError> {
        let options = self.context.steps;
        let exec = self.step_on(machine, root, program, arguments, name)?;
        Ok(exec
            .network(options.network)
            .proxy(options.proxy.clone())
            .mount(Secret::new(CA_SECRET, format!("/run/secrets/{CA_SECRET}")).optional(true))
            .mount(Tmpfs::new(PRIVATE).size(PRIVATE_SIZE)))
    }
}
