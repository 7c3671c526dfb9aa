//! Makes a plan: what the user wrote × the closure × the resolved images. Pure, so that the command line and the tests see
//! the same plan as a build.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use uv_normalize::PackageName;

use crate::closure::{Artifact, Closure, Libc, Locked, WheelFile};
use crate::diagnostic::{Diagnostic, Diagnostics, Location};
use crate::plan::build::{self, Built};
use crate::plan::cross;
use crate::plan::env;
use crate::plan::indexes::Indexes;
use crate::plan::labels;
use crate::plan::layer_wishes::LayerWishes;
use crate::plan::layers::{self, Weight};
use crate::plan::local::{self, LocalGroup, LocalWheel};
use crate::plan::repositories::repositories;
use crate::plan::start::StartCommand;
use crate::plan::steps;
use crate::plan::{
    Account, Base, BuildTarget, Config, Group, Healthcheck, Plan, Resolved, SystemPackage, Uv, VENV, Wheel,
};
use crate::project::config::healthcheck::{self, Test};
use crate::project::config::{self, workdir};
use crate::project::document::Located;
use crate::project::lock::{FileLocation, Lock};
use crate::project::pyproject::Pyproject;

/// What an image of all members is of.
pub(super) const WORKSPACE: &str = "workspace";

/// Everything that a plan follows from.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// What is built.
    pub build_target: &'a BuildTarget,
    /// The project file of the project that the image is of; that of the workspace's root when it is of all members.
    pub pyproject: &'a Pyproject,
    /// The project file beside the lock, whose `[tool.uv]` holds for the whole workspace.
    pub workspace: &'a Pyproject,
    /// The project files of others among the user's projects, as far as they were read.
    pub members: &'a BTreeMap<PackageName, Pyproject>,
    /// The directory of the lock in the build context; empty for the context's root.
    pub directory: &'a str,
    /// `[tool.pyfront]`, with what a Dockerfile says on top, and above all what is said for the target.
    pub config: &'a config::Config,
    /// The lock file.
    pub lock: &'a Lock,
    /// What the lock installs on the platform.
    pub closure: &'a Closure,
    /// What uv resolves and installs, where there is no lock.
    pub resolved: Option<&'a Resolved>,
    /// For example `linux/amd64`.
    pub platform: &'a str,
    /// The platform that builds, where its CPU is another one.
    pub build_platform: Option<&'a str>,
    /// The resolved base image.
    pub base: &'a Base,
    /// The resolved uv.
    pub uv: &'a Uv,
    /// The start command.
    pub start: &'a StartCommand,
    /// The declared indexes, and the credentials that the client gives.
    pub indexes: &'a Indexes<'a>,
    /// Build arguments.
    pub build_args: &'a BTreeMap<String, String>,
    /// `--label` options; they win over everything.
    pub labels: &'a BTreeMap<String, String>,
}

/// Makes the plan.
///
/// # Errors
/// Everything that the lock asks for and that can't be built, with lines; settings that do not go together.
pub fn make(inputs: &Inputs<'_>) -> Result<Plan, Diagnostics> {
    let mut problems = Vec::new();
    let project = match inputs.pyproject.require_project() {
        Ok(project) => project.name.value.to_string(),
        Err(_) if !inputs.lock.manifest.members.is_empty() => WORKSPACE.to_owned(),
        Err(problem) => return Err(problem.into()),
    };
    let ThirdParty { wheels, local, built } = third_party(inputs, &mut problems);
    let first_party = local::members(inputs).unwrap_or_else(|problem| {
        problems.push(problem);
        Vec::new()
    });
    let config = image_config(inputs, &mut problems);
    let wishes = LayerWishes::new(inputs.config.layers.as_ref().map(|layers| &layers.value));
    if inputs.resolved.is_none() {
        problems.extend(wishes.problems(&inputs.lock.packages.iter().map(|package| package.name.as_str()).collect()));
    }
    let runs = steps::runs(inputs, &config.env, &mut problems);
    Diagnostics::into_result(problems)?;
    let layers = wishes.parameters;
    let mut groups: Vec<Group> = layers::group(layers, &weights(&wheels, &wishes))
        .into_iter()
        .map(|(kind, members)| Group { kind, wheels: chosen(&wheels, &members), python_platform: None })
        .collect();
    let names: Vec<&str> = local.iter().map(|weighed| weighed.name.as_str()).collect();
    let mut local: Vec<LocalGroup> = layers::spread(&names, layers.local)
        .into_iter()
        .map(|members| LocalGroup { wheels: chosen(&local, &members), python_platform: None })
        .collect();
    let runs_on_target = match inputs.build_platform {
        Some(_) => cross::prepare(inputs, &mut groups, &mut local, &built, &first_party),
        None => BTreeSet::new(),
    };

    let on_base = inputs.build_target.kind.is_on_base();
    let user = inputs.config.user.as_ref().map(|user| user.value.clone()).unwrap_or_default();
    let account = Account { name: user.name, uid: user.uid, gid: user.gid, home: user.home };
    let auto_packages = inputs.config.packages.as_ref().and_then(|packages| packages.auto.clone()).filter(|_| on_base);
    let packages = packages(inputs);
    let build_packages = inputs.config.build_packages.iter().flat_map(|packages| packages.iter());
    let build_packages: Vec<SystemPackage> = build_packages.map(system_package).collect();
    let installs = auto_packages.is_some() || !packages.is_empty() || !build_packages.is_empty();
    Ok(Plan {
        project,
        target: inputs.build_target.clone(),
        platform: inputs.platform.to_owned(),
        build_platform: inputs.build_platform.map(str::to_owned),
        runs_on_target,
        base: inputs.base.clone(),
        uv: inputs.uv.clone(),
        cache: cache(inputs),
        packages,
        auto_packages,
        build_packages,
        // Where nothing is installed, nobody has to give their keys.
        repositories: if installs { repositories(inputs) } else { Vec::new() },
        groups,
        local,
        build_secrets: if built.is_empty() && inputs.resolved.is_none() {
            Vec::new()
        } else {
            inputs.indexes.build_secrets(false)
        },
        built,
        resolved: inputs.resolved.cloned(),
        first_party,
        layers,
        copies: steps::copies(inputs, &account, workdir(inputs.config)),
        runs,
        account,
        workdir: workdir(inputs.config).to_owned(),
        writable: writable(inputs.config),
        config,
    })
}

/// What is installed on the base image. Results without the base image have no use for it.
fn packages(inputs: &Inputs<'_>) -> Vec<SystemPackage> {
    if !inputs.build_target.kind.is_on_base() {
        return Vec::new();
    }
    let asked = inputs.config.packages.iter().flat_map(|packages| packages.named.iter());
    let mut packages: Vec<SystemPackage> = asked.map(system_package).collect();
    let is_tini = |package: &SystemPackage| package.name.split('=').next() == Some(TINI);
    if let Some(init) = inputs.config.init.as_ref().filter(|init| init.value)
        && !packages.iter().any(is_tini)
    {
        packages.push(SystemPackage { name: TINI.to_owned(), origin: init.location.clone() });
        packages.sort_by(|a, b| a.name.cmp(&b.name));
    }
    packages
}

fn system_package(asked: &Located<String>) -> SystemPackage {
    SystemPackage { name: asked.value.clone(), origin: asked.location.clone() }
}

/// The program, and the package of Debian and Alpine, that is the first process where `init` is set.
const TINI: &str = "tini";

/// Directories that the account owns, besides its home and the working directory.
fn writable(config: &config::Config) -> Vec<String> {
    let asked = config.writable.iter().chain(&config.volumes).flat_map(|directories| directories.to_vec());
    asked.collect::<BTreeSet<String>>().into_iter().collect()
}

/// The working directory.
pub(super) fn workdir(config: &config::Config) -> &str {
    config.workdir.as_ref().map_or(workdir::DEFAULT, |workdir| workdir.as_str())
}

/// What may share a cache with this build.
fn cache(inputs: &Inputs<'_>) -> String {
    let target = &inputs.closure.target;
    let libc = match target.libc {
        Libc::Glibc { .. } => "glibc",
        Libc::Musl { .. } => "musl",
    };
    // Builds run on the builder's CPU.
    let arch = inputs.build_platform.and_then(cross::arch).unwrap_or(target.arch);
    format!("{}-{libc}-{arch}", inputs.uv.version)
}

/// A wheel with what the grouping weighs it by.
struct Weighed<W> {
    wheel: W,
    name: String,
    size: Option<u64>,
    platform_specific: bool,
}

/// What is installed from outside the project.
#[derive(Default)]
struct ThirdParty {
    wheels: Vec<Weighed<Wheel>>,
    local: Vec<Weighed<LocalWheel>>,
    built: Vec<Built>,
}

/// Wheels of the lock, and packages that have to be built.
fn third_party(inputs: &Inputs<'_>, problems: &mut Vec<Diagnostic>) -> ThirdParty {
    fn weighed<W>(wheel: W, package: &Locked, file: &WheelFile) -> Weighed<W> {
        Weighed { wheel, name: package.name.to_string(), size: file.size, platform_specific: !file.pure }
    }
    let mut found = ThirdParty::default();
    for package in &inputs.closure.packages {
        let problem = match &package.artifact {
            Artifact::Wheel(file) => match &file.location {
                FileLocation::Path(path) => local_wheel(inputs, package, file, path)
                    .map(|wheel| found.local.push(weighed(wheel, package, file))),
                FileLocation::Url(_) => {
                    wheel(inputs, package, file).map(|wheel| found.wheels.push(weighed(wheel, package, file)))
                }
            },
            Artifact::Virtual(_) | Artifact::Editable(_) | Artifact::Directory(_) => Ok(()),
            _ => build::from_source(inputs, package).map(|package| found.built.push(package)),
        };
        problems.extend(problem.err());
    }
    found
}

/// A wheel that BuildKit itself can fetch and check.
pub(super) fn wheel(inputs: &Inputs<'_>, package: &Locked, file: &WheelFile) -> Result<Wheel, Diagnostic> {
    let origin = Location::new(&inputs.lock.file, file.range.clone());
    let remote = build::remote(package, "a wheel", &file.location, file.hash.as_ref(), &origin)?;
    Ok(Wheel {
        name: package.name.to_string(),
        version: build::version(package, &origin)?,
        filename: file.filename.clone(),
        access: inputs.indexes.access(&package.source, &remote.url),
        url: remote.url,
        digest: remote.digest,
        pure: file.pure,
        origin,
    })
}

/// A wheel among the user's files.
fn local_wheel(inputs: &Inputs<'_>, package: &Locked, file: &WheelFile, path: &str) -> Result<LocalWheel, Diagnostic> {
    let origin = Location::new(&inputs.lock.file, file.range.clone());
    Ok(LocalWheel {
        name: package.name.to_string(),
        version: build::version(package, &origin)?,
        filename: file.filename.clone(),
        pure: file.pure,
        file: local::file(inputs.directory, package.name.as_str(), path),
        digest: file.hash.as_ref().map(ToString::to_string),
        origin,
    })
}

fn weights<'a, W>(wheels: &'a [Weighed<W>], wishes: &LayerWishes<'_>) -> Vec<Weight<'a>> {
    wheels
        .iter()
        .map(|weighed| Weight {
            name: &weighed.name,
            size: weighed.size,
            platform_specific: weighed.platform_specific,
            wish: wishes.of(&weighed.name),
        })
        .collect()
}

fn chosen<W: Clone>(wheels: &[Weighed<W>], members: &[usize]) -> Vec<W> {
    members.iter().map(|index| wheels[*index].wheel.clone()).collect()
}

fn image_config(inputs: &Inputs<'_>, problems: &mut Vec<Diagnostic>) -> Config {
    let config = inputs.config;
    let mut env =
        BTreeMap::from([("PYTHONUNBUFFERED".to_owned(), "1".to_owned()), ("VIRTUAL_ENV".to_owned(), VENV.to_owned())]);
    if inputs.build_target.kind.is_for_development() {
        // The directory may be mounted from the client's disk.
        env.insert("PYTHONDONTWRITEBYTECODE".to_owned(), "1".to_owned());
    }
    env.extend(inputs.start.env.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    if let Some(configured) = &config.env {
        env::add(configured, &mut env, inputs.base, problems);
    }
    let mut labels = labels::labels(inputs.pyproject, inputs.base);
    if let Some(configured) = &config.labels {
        labels.extend(configured.0.iter().map(|(name, value)| (name.clone(), value.value.clone())));
    }
    labels.extend(inputs.labels.clone());

    let port = config.ports.as_ref().and_then(|ports| ports.first_tcp()).or(inputs.start.port);
    let ports = match &config.ports {
        Some(ports) => ports.0.iter().map(ToString::to_string).collect(),
        None => inputs.start.port.iter().map(|port| format!("{port}/tcp")).collect(),
    };
    // Found in PATH: distributions have it in different places.
    let init = config.init.as_ref().filter(|init| init.value).into_iter().flat_map(|_| [TINI, "--"]);
    Config {
        env,
        entrypoint: init.map(str::to_owned).chain(inputs.start.entrypoint.iter().cloned()).collect(),
        command: inputs.start.command.clone(),
        command_reason: inputs.start.reason.clone(),
        files: inputs.start.files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect(),
        ports,
        volumes: config.volumes.as_ref().map(|volumes| volumes.to_vec()).unwrap_or_default(),
        labels,
        healthcheck: health_check(config, port, problems),
        stop_signal: config
            .stop_signal
            .as_ref()
            .map(|signal| signal.as_str())
            .or_else(|| inputs.start.stop_signal())
            .map(str::to_owned),
    }
}

/// Asks for a URL with nothing but the standard library, past any proxy; a status of 400 or more raises.
const HTTP_CHECK: &str =
    "import sys, urllib.request as r; r.build_opener(r.ProxyHandler({})).open(sys.argv[1], timeout=30).close()";

/// Opens a connection and closes it; one that is refused raises.
const TCP_CHECK: &str =
    "import socket, sys; socket.create_connection(('127.0.0.1', int(sys.argv[1])), timeout=30).close()";

/// Docker itself asks for the first time after a whole interval, 30 seconds; who waits for a healthy service waits as long.
const START_PERIOD: Duration = Duration::from_secs(30);
const START_INTERVAL: Duration = Duration::from_secs(1);

fn health_check(config: &config::Config, port: Option<u16>, problems: &mut Vec<Diagnostic>) -> Option<Healthcheck> {
    let configured = config.healthcheck.as_ref()?;
    let healthcheck::Healthcheck::Check(check) = &configured.value else {
        return Some(Healthcheck::disabled());
    };
    let command = match &check.test {
        Test::Command(command) => command.to_vec(),
        Test::Tcp(port) => ["python", "-I", "-S", "-c", TCP_CHECK, &port.to_string()].map(str::to_owned).to_vec(),
        Test::Http { path, port: own } => {
            let Some(port) = own.or(port) else {
                problems.push(
                    Diagnostic::new("healthcheck has a path, but no port to ask is known")
                        .at_location(Some(configured.location.clone()))
                        .help(format!(
                            "write healthcheck = {{ path = {:?}, port = 8000 }}, or set ports",
                            path.as_str()
                        )),
                );
                return None;
            };
            // -I -S: neither the environment nor site-packages take part, which also makes it start faster.
            let url = format!("http://127.0.0.1:{port}{}", path.as_str());
            ["python", "-I", "-S", "-c", HTTP_CHECK, &url].map(str::to_owned).to_vec()
        }
    };
    Some(Healthcheck {
        command,
        interval: check.interval,
        timeout: check.timeout,
        start_period: check.start_period.or(Some(START_PERIOD)),
        start_interval: check.start_interval.or(Some(START_INTERVAL)),
        retries: check.retries,
    })
}
