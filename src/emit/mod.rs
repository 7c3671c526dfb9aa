//! From a plan to build operations: the only place that knows both, and where every mount is made.
//!
//! Nothing is decided here. Each part of the plan has one function that says what it becomes, and `image` puts the
//! results on top of the base, by merging where the daemon can and by copying where it cannot.

mod programs;
mod step;

use buildkit_llb::{
    Annotate, Bind, Cap, Caps, Copy, Digest, File, Git, Http, Location as Place, Merge, Mkdir, NetworkMode, OpError,
    Output, Owner, SCRATCH, Timestamp,
};

pub use self::step::{Machine, StepOptions};
use crate::diagnostic::Location;
use crate::plan::{BuildSource, Built, FirstParty, Group, Plan};

/// Files that pyfront copies carry this time: 1980-01-01T00:00:00Z, as in `steps/pyfront_step.py`.
const EPOCH: Timestamp = Timestamp::from_secs(315_532_800);
/// The id of the secret that holds a company's certificates.
pub const CA_SECRET: &str = "ca-certificates";

/// What the plan is built with.
pub struct Context<'a> {
    /// The base image.
    pub base: &'a Output,
    /// What steps run on: the same base image, for the CPU that builds.
    pub builder: Machine<'a>,
    /// What steps of [`Plan::runs_on_target`] run on; needed where there are any.
    pub target: Option<Machine<'a>>,
    /// The image's platform, to tell its steps from those of the other platforms of one build.
    pub label: Option<&'a str>,
    /// The project's files, without what is ignored.
    pub project: &'a Output,
    /// What every step has in common.
    pub steps: &'a StepOptions,
    /// What the daemon can do.
    pub caps: &'a Caps,
    /// A place in the lock file, as it is sent to the daemon.
    pub place: &'a dyn Fn(&Location) -> Option<Place>,
}

/// The packages that are built on the builder's CPU, by name, each with the files that it becomes. Where that is not the
/// image's CPU, these files are good for the image if they are good for any platform.
///
/// # Errors
/// A plan that makes no sense as operations; that would be a bug here.
pub fn built_on_builder(plan: &Plan, context: &Context<'_>) -> Result<Vec<(String, Output)>, OpError> {
    let emitter = Emitter { plan, context };
    let mut outputs = Vec::new();
    for built in &plan.built {
        outputs.push((built.name.clone(), emitter.built(built)?));
    }
    if let FirstParty::Install { .. } = &plan.first_party {
        outputs.push((plan.project.clone(), emitter.install_project()?));
    }
    outputs.retain(|(name, _)| !plan.runs_on_target.contains(name));
    Ok(outputs)
}

/// Builds the image's file system.
///
/// # Errors
/// A plan that makes no sense as operations; that would be a bug here.
pub fn image(plan: &Plan, context: &Context<'_>) -> Result<Output, OpError> {
    let emitter = Emitter { plan, context };
    let mut layers = Vec::new();
    for (number, group) in plan.groups.iter().enumerate() {
        layers.push(emitter.group(number + 1, group)?);
    }
    for built in &plan.built {
        layers.push(emitter.built(built)?);
    }
    layers.push(emitter.runtime()?);
    layers.push(match &plan.first_party {
        FirstParty::Install { .. } => emitter.install_project()?,
        FirstParty::Copy => emitter.copy_project()?,
    });
    emitter.assemble(&layers)
}

struct Emitter<'a> {
    plan: &'a Plan,
    context: &'a Context<'a>,
}

impl Emitter<'_> {
    /// Whether only the image's own CPU can build or install a package.
    fn runs_on_target(&self, package: &str) -> bool {
        self.plan.runs_on_target.contains(package)
    }

    /// What the steps of a package run on.
    fn machine(&self, package: &str) -> Machine<'_> {
        match self.context.target {
            Some(target) if self.runs_on_target(package) => target,
            _ => self.context.builder,
        }
    }

    /// What stands in brackets before the name of a step. One that every platform has in common is of none.
    fn stage(&self, stage: &str, common: bool) -> String {
        match self.context.label {
            Some(platform) if !common => format!("[{platform} {stage}]"),
            _ => format!("[{stage}]"),
        }
    }

    /// Locked wheels, installed without network; the result holds nothing but their files.
    fn group(&self, number: usize, group: &Group) -> Result<Output, OpError> {
        let stage = format!("deps {number}/{}", self.plan.groups.len());
        let common = group.wheels.iter().all(|wheel| wheel.pure);
        let name = format!("{} {}", self.stage(&stage, common), describe(group));
        let hard = group.wheels.iter().find(|wheel| self.runs_on_target(&wheel.name));
        let machine = hard.map_or(self.context.builder, |wheel| self.machine(&wheel.name));
        let requirements = group.wheels.iter().map(|wheel| format!("{}=={}", wheel.name, wheel.version));
        let mut exec = self.step(machine, &programs::INSTALL, requirements, name)?.network(NetworkMode::None);
        exec = exec.env("UV_NO_CACHE", "1").env("UV_NO_CONFIG", "1");
        if let Some(platform) = &group.python_platform {
            exec = exec.env("PYFRONT_PYTHON_PLATFORM", platform);
        }
        for wheel in &group.wheels {
            let place = (self.context.place)(&wheel.origin);
            let fetch = format!("[deps] fetch {} {}", wheel.name, wheel.version);
            let file = fetch_file(&wheel.url, &wheel.filename, &wheel.digest, fetch, place.clone())?;
            let path = format!("{}/wheels/{}", programs::TOOLS, wheel.filename);
            exec = exec.mount(Bind::readonly(&file, path).selector(format!("/{}", wheel.filename)));
            if let Some(place) = place {
                exec = exec.at(place);
            }
        }
        exec.build()?.output(programs::OUT)
    }

    /// The venv's skeleton, the account, its home and the working directory.
    fn runtime(&self) -> Result<Output, OpError> {
        let account = &self.plan.account;
        let stage = self.stage("runtime", false);
        let name = format!("{stage} venv, user {} and {}", account.name, self.plan.workdir);
        let mut arguments = vec![
            self.plan.project.clone(),
            account.name.clone(),
            account.uid.to_string(),
            account.gid.to_string(),
            account.home.clone(),
            self.plan.workdir.clone(),
        ];
        let target = if self.plan.build_platform.is_some() {
            arguments.push("cross".to_owned());
            Bind::readonly(self.context.base, "/target")
        } else {
            Bind::readonly(self.context.base, "/target/etc").selector("/etc")
        };
        self.step(self.context.builder, &programs::RUNTIME, arguments, name)?
            .network(NetworkMode::None)
            .env("UV_NO_CACHE", "1")
            .env("UV_NO_CONFIG", "1")
            .mount(target)
            .build()?
            .output(programs::OUT)
    }

    /// A package without a wheel, built from its source with network for the backend's requirements, and installed.
    fn built(&self, built: &Built) -> Result<Output, OpError> {
        // Who wants it is for people, and no argument: the step would run again whenever the way to the package changes.
        let stage = self.stage("deps", !self.runs_on_target(&built.name));
        let name = format!("{stage} {}, wanted by {}", describe_built(built), built.wanted_by);
        let place = (self.context.place)(&built.origin);
        let fetch = format!("[deps] fetch {} {}", built.name, built.version);
        let mut arguments = vec![built.name.clone(), built.version.clone()];
        let (mount, subdirectory) = match &built.source {
            BuildSource::Archive { url, filename, digest, subdirectory } => {
                arguments.extend(["archive".to_owned(), filename.clone()]);
                let file = fetch_file(url, filename, digest, fetch, place.clone())?;
                let path = format!("{}/archive/{filename}", programs::TOOLS);
                (Bind::readonly(&file, path).selector(format!("/{filename}")), subdirectory)
            }
            BuildSource::Git { remote, commit, subdirectory } => {
                arguments.push("git".to_owned());
                // With `.git`, for backends that ask git which files are the package's.
                let mut source = Git::new(remote.clone(), commit.clone()).keep_git_dir().named(fetch);
                if let Some(place) = place.clone() {
                    source = source.at(place);
                }
                (Bind::discarded(&source.build()?, "/src"), subdirectory)
            }
        };
        arguments.extend(subdirectory.clone());
        let mut exec = self.build_step(self.machine(&built.name), &programs::BUILD, arguments, name)?.mount(mount);
        if let Some(place) = place {
            exec = exec.at(place);
        }
        exec.build()?.output(programs::OUT)
    }

    /// The project's wheel, built with network for the backend's requirements, and installed.
    fn install_project(&self) -> Result<Output, OpError> {
        let project = &self.plan.project;
        let name = format!("{} build and install {project}", self.stage("project", !self.runs_on_target(project)));
        self.build_step(self.machine(project), &programs::PROJECT, [], name)?
            .mount(Bind::discarded(self.context.project, "/src"))
            .build()?
            .output(programs::OUT)
    }

    /// The project's files in the working directory, owned by the account like the directory itself.
    fn copy_project(&self) -> Result<Output, OpError> {
        let account = &self.plan.account;
        let owner = Owner::new(account.uid, account.gid);
        File::on(SCRATCH)
            .then(Mkdir::new(self.plan.workdir.clone()).mode(0o755).parents().owner(owner.clone()).timestamp(EPOCH))
            .then(
                Copy::new(self.context.project, "/", format!("{}/", self.plan.workdir))
                    .contents_only()
                    .owner(owner)
                    .timestamp(EPOCH),
            )
            .named(format!("[project] copy {} to {}", self.plan.project, self.plan.workdir))
            .build()
    }

    /// Puts the layers on the base.
    fn assemble(&self, layers: &[Output]) -> Result<Output, OpError> {
        let name = format!("{} assemble {}", self.stage("project", false), self.plan.project);
        if self.context.caps.supports(Cap::MergeOp) {
            let mut inputs = vec![self.context.base.clone()];
            inputs.extend_from_slice(layers);
            // A merge of at least one layer is never empty.
            return Ok(Merge::of(inputs).named(name).build().unwrap_or_else(|| self.context.base.clone()));
        }
        let mut image = self.context.base.clone();
        for layer in layers {
            image = File::on(&image).then(Copy::new(layer, "/", "/").contents_only()).named(name.clone()).build()?;
        }
        Ok(image)
    }
}

/// A file as a source of its own: BuildKit fetches, checks and keeps it by its hash.
fn fetch_file(url: &str, filename: &str, digest: &str, name: String, place: Option<Place>) -> Result<Output, OpError> {
    let checksum: Digest = digest.parse().map_err(|_| OpError::Invalid {
        what: "the hash of a locked file",
        value: digest.to_owned(),
        why: "it is no sha256 digest",
    })?;
    let mut source = Http::new(url).filename(filename).checksum(checksum).named(name);
    if let Some(place) = place {
        source = source.at(place);
    }
    source.build()
}

/// What a group installs, for people: also its entry in the image's history.
pub fn describe(group: &Group) -> String {
    match group.wheels.as_slice() {
        [wheel] => format!("install {} {}", wheel.name, wheel.version),
        wheels => {
            let names: Vec<&str> = wheels.iter().map(|wheel| wheel.name.as_str()).collect();
            format!("install {}", names.join(", "))
        }
    }
}

/// What becomes of a package that is built from its source, for people: also its entry in the image's history.
pub fn describe_built(built: &Built) -> String {
    format!("build {} {}", built.name, built.version)
}
