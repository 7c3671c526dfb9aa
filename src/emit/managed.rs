//! uv's managed Python as a layer of its own: one step fetches and unpacks it, with network, and is the same on every base
//! image; a second one, which that Python itself runs, makes a layer of it whose bytes depend on nothing else.

use buildkit_llb::{
    Annotate as _, Bind, Cache, Cap, Caps, Copy, Exec, File, Merge, NetworkMode, OpError, Output, SCRATCH, Secret,
    Sharing,
};

use super::CA_SECRET;
use super::programs::{MANAGED, OUT, TOOLS};
use super::step::{Machine, StepOptions};
use crate::plan::ManagedPython;

/// Where steps see the Python of the CPU that builds, at the path that it was installed at.
const OWN: &str = "/run/pyfront/managed";
/// Where they see the Python of the image.
const OTHER: &str = "/run/pyfront/other";

/// A Python to fetch.
#[derive(Debug, Clone, Copy)]
pub struct Download<'a> {
    /// Which one.
    pub python: &'a ManagedPython,
    /// The C library that it is for, as `UV_LIBC` names it.
    pub c_library: &'a str,
}

/// What puts Pythons on base images.
#[derive(Debug, Clone, Copy)]
pub struct Installer<'a> {
    /// What steps run on: a base image without Python.
    pub machine: Machine<'a>,
    /// What every step has in common.
    pub options: &'a StepOptions,
    /// `major.minor` of the Python.
    pub minor: &'a str,
    /// What the daemon can do.
    pub caps: &'a Caps,
    /// The Python for the CPU that builds.
    pub download: Download<'a>,
    /// Whether the client gives certificates, which are trusted instead of uv's own then.
    pub trusts_company: bool,
}

impl Installer<'_> {
    /// A base image with a Python on it.
    ///
    /// # Errors
    /// What makes no sense as operations; that would be a bug here.
    pub fn install(&self, base: &Output, download: Download<'_>) -> Result<Output, OpError> {
        let layer = self.layer(download)?;
        let name = format!("[base] with {}", download.python.download);
        if self.caps.supports(Cap::MergeOp)
            && let Some(merged) = Merge::of([base.clone(), layer.clone()]).named(&name).build()
        {
            return Ok(merged);
        }
        File::on(base).then(Copy::new(layer, "/", "/").contents_only()).named(name).build()
    }

    /// The files of a Python at their place in the image.
    fn layer(&self, download: Download<'_>) -> Result<Output, OpError> {
        let machine = self.machine;
        let own = self.fetch(self.download)?;
        let (directory, other) = if download.python == self.download.python {
            (OWN, None)
        } else {
            (OTHER, Some(Bind::readonly(&self.fetch(download)?, OTHER)))
        };
        // uv makes a link to the patch that it has installed.
        let mut parts = self.download.python.download.splitn(3, '-').skip(2);
        let interpreter = format!("{OWN}/cpython-{}-{}/bin/python3", self.minor, parts.next().unwrap_or_default());
        let command = [interpreter.as_str(), "-s", "-B"].map(str::to_owned);
        let command = command.into_iter().chain([MANAGED.path(), directory.to_owned()]);
        let mut exec = Exec::on(machine.base, command)
            .env("PATH", machine.path)
            .env("LANG", "C.UTF-8")
            .env("PYFRONT_PYTHON", self.minor)
            .env("PYTHONHASHSEED", "0")
            .mount(Bind::readonly(&MANAGED.directory()?, format!("{TOOLS}/step")))
            .mount(Bind::readonly(&own, OWN))
            .mounts(other)
            .mount(Bind::writable(SCRATCH, OUT))
            .network(NetworkMode::None)
            .ignore_cache(self.options.no_cache)
            .named(format!("[base] make a layer of {}", download.python.download));
        if let Some(platform) = machine.platform {
            exec = exec.platform(platform.clone());
        }
        self.options.on(exec).build()?.output(OUT)
    }

    /// What uv makes of a Python that it fetches and checks. It runs on nothing but itself.
    fn fetch(&self, download: Download<'_>) -> Result<Output, OpError> {
        let machine = self.machine;
        let python = download.python;
        let uv = machine.uv.ok_or(OpError::Invalid { what: "uv", value: String::new(), why: "a Python needs it" })?;
        let options = self.options;
        let mut exec = Exec::on(uv, ["/uv", "python", "install", "--no-bin", &python.download])
            .env("HOME", "/root")
            .env("NO_COLOR", "1")
            .env("UV_CACHE_DIR", "/root/.cache/uv")
            .env("UV_LIBC", download.c_library)
            .env("UV_NO_CONFIG", "1")
            .env("UV_NO_PROGRESS", "1")
            .env("UV_PYTHON_CACHE_DIR", "/root/.cache/uv/pyfront-pythons")
            .env("UV_PYTHON_INSTALL_DIR", OWN)
            .mount(Bind::writable(SCRATCH, OWN))
            .mount(
                Cache::new(format!("{}pyfront/pythons", options.cache_prefix()), "/root/.cache/uv")
                    .sharing(Sharing::Shared),
            )
            .network(options.network)
            .proxy(options.proxy.clone())
            .ignore_cache(options.no_cache)
            .named(format!("[base] fetch {}, as the base image has no Python", python.download));
        if let Some(mirror) = &python.mirror {
            exec = exec.env("UV_PYTHON_INSTALL_MIRROR", mirror);
        }
        if let Some(list) = &python.list {
            exec = exec.env("UV_PYTHON_DOWNLOADS_JSON_URL", list);
        }
        if self.trusts_company {
            let path = format!("/run/secrets/{CA_SECRET}");
            exec = exec.env("SSL_CERT_FILE", &path).mount(Secret::new(CA_SECRET, path).optional(true));
        }
        if let Some(platform) = machine.platform {
            exec = exec.platform(platform.clone());
        }
        options.on(exec).build()?.output(OWN)
    }
}
