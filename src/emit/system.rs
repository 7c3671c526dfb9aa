//! System packages: the root that build steps run on, and what the running program needs on the base image.

use std::collections::BTreeSet;

use buildkit_llb::{Annotate as _, Bind, Cache, Exec, File, Mkfile, OpError, Output, SCRATCH, Secret, Sharing};
use serde_json::json;

use super::fetch::with_secrets;
use super::programs;
use super::{CA_SECRET, EPOCH, Emitter, Machine, describe_packages};
use crate::plan::SystemPackage;
use crate::plan::indexes::NETRC;
use crate::plan::repositories::{Key, Repository};

/// Where the package managers of distributions keep what they fetch.
const CACHES: [(&str, &str); 3] =
    [("apt-cache", "/var/cache/apt"), ("apt-lists", "/var/lib/apt/lists"), ("apk", "/var/cache/apk")];

impl Emitter<'_> {
    /// What build steps run on: the base image with the packages that builds need.
    pub(super) fn build_root(&self, machine: Machine<'_>) -> Result<Output, OpError> {
        let packages = &self.plan.build_packages;
        if packages.is_empty() {
            return self.ground(machine);
        }
        // Another uv is no reason to install them again.
        let machine = Machine { uv: None, ..machine };
        let ground = self.ground(machine)?;
        let names: Vec<&str> = packages.iter().map(|package| package.name.as_str()).collect();
        let name = format!("[build] install {}", names.join(", "));
        self.system_step(machine, &ground, "build-packages", packages, name)?.build()?.root()
    }

    /// What the image's layers stand on: the base image with the packages that the running program needs. No step that
    /// installs wheels sees them, so neither is built again because of the other.
    pub(super) fn runtime_root(&self) -> Result<Output, OpError> {
        let (plan, base) = (self.plan, self.context.base);
        if plan.packages.is_empty() {
            return Ok(base.clone());
        }
        let machine = self.context.target.unwrap_or(self.context.builder);
        let name = format!("{} {}", self.stage("system", false), describe_packages(plan));
        self.system_step(machine, base, "packages", &plan.packages, name)?.build()?.root()
    }

    /// A step that installs packages, which a key of the configuration asks for, into a root.
    fn system_step(
        &self,
        machine: Machine<'_>,
        root: &Output,
        key: &str,
        packages: &[SystemPackage],
        name: String,
    ) -> Result<Exec, OpError> {
        let without_uv = Machine { uv: None, ..machine };
        let arguments = std::iter::once(key.to_owned()).chain(packages.iter().map(|package| package.name.clone()));
        let mut exec = self.networked_step(without_uv, root, &programs::SYSTEM, arguments, name)?;
        let prefix = self.context.steps.cache_prefix();
        for (cache, path) in CACHES {
            // Package managers lock these directories, each its own.
            let id = format!("{prefix}pyfront/{cache}-{}{}", self.plan.cache_platform(), machine.cache_suffix);
            exec = exec.mount(Cache::new(id, path).sharing(Sharing::Locked));
        }
        for package in packages {
            if let Some(place) = (self.context.place)(&package.origin) {
                exec = exec.at(place);
            }
        }
        self.with_repositories(exec)
    }

    /// Adds the repositories that the configuration names, their keys, and what they may want to know who asks by.
    fn with_repositories(&self, mut exec: Exec) -> Result<Exec, OpError> {
        let repositories = &self.plan.repositories;
        if repositories.is_empty() {
            return Ok(exec);
        }
        let mut described = Vec::new();
        let mut secrets = BTreeSet::new();
        for (index, repository) in repositories.iter().enumerate() {
            let key = match &repository.key {
                Key::File { file, .. } => {
                    let name = file.path.rsplit('/').next().unwrap_or_default();
                    let path = format!("{}/keys/{index}/{name}", programs::TOOLS);
                    exec = exec.mount(self.file_mount(file, path.clone())?);
                    path
                }
                Key::Secret(id) => {
                    secrets.insert(id.as_str());
                    format!("/run/secrets/{id}")
                }
            };
            let Repository { url, suite, components, .. } = repository;
            described.push(json!({ "url": url, "suite": suite, "components": components, "key": key }));
            if let Some(place) = (self.context.place)(&repository.origin) {
                exec = exec.at(place);
            }
        }
        let text = serde_json::Value::from(described).to_string();
        let settings = File::on(SCRATCH)
            .then(Mkfile::new("/repositories.json", text).mode(0o644).timestamp(EPOCH))
            .named("[internal] repositories of system packages")
            .build()?;
        exec = exec.mount(Bind::readonly(&settings, format!("{}/repositories", programs::TOOLS)));
        exec = with_secrets(exec, [NETRC]);
        for id in secrets.into_iter().filter(|id| ![CA_SECRET, NETRC].contains(id)) {
            exec = exec.mount(Secret::new(id, format!("/run/secrets/{id}")));
        }
        Ok(exec)
    }
}
