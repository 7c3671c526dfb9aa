//! From a plan to build operations: the only place that knows both, and where every mount is made.
//!
//! Nothing is decided here. Each part of the plan has one function that says what it becomes, and `image` puts the
//! results on top of the base, by merging where the daemon can and by copying where it cannot.

mod custom;
mod fetch;
mod ground;
mod lfs;
mod libraries;
mod local;
pub mod managed;
mod programs;
mod resolved;
mod sbom;
mod settings;
mod step;
mod system;
mod targets;

use std::cell::RefCell;
use std::collections::BTreeMap;

use buildkit_llb::{
    Annotate, Bind, Cap, Caps, Copy, File, Git, Location as Place, Merge, Mkdir, Mkfile, NetworkMode, OpError, Output,
    ProgressGroup, SCRATCH, Timestamp,
};

use self::custom::Growing;
pub use self::libraries::{MISSING, missing_libraries};
pub use self::local::LocalSources;
pub use self::resolved::describe_resolved;
pub use self::sbom::{PartsList, parts_list};
pub use self::step::{Machine, StepOptions};
pub use self::targets::file;
use crate::diagnostic::Location;
use crate::plan::steps::{CopyStep, POINTS, RunStep};
use crate::plan::target::Kind;
use crate::plan::{BuildSource, Built, Group, How, LocalGroup, Member, Plan, Wheel};
use crate::project::config::run::At;

/// Files that pyfront copies carry this time: 1980-01-01T00:00:00Z, as in `steps/pyfront_step.py`.
const EPOCH: Timestamp = Timestamp::from_secs(315_532_800);
/// The id of the secret that holds a company's certificates.
pub const CA_SECRET: &str = "ca-certificates";

/// Up to this many packages of one step have their places shown when it fails. Of more, nobody would read the excerpts; what is
/// told of those instead is decided in `gateway/advice`.
const MOST_PLACES: usize = 3;

/// What the plan is built with.
pub struct Context<'a> {
    /// The base image.
    pub base: &'a Output,
    /// What steps run on: the same base image, for the CPU that builds.
    pub builder: Machine<'a>,
    /// What steps run on that need the image's own CPU, where another one builds: those of [`Plan::runs_on_target`], which need
    /// uv there, too, and system packages.
    pub target: Option<Machine<'a>>,
    /// The image's platform, to tell its steps from those of the other platforms of one build.
    pub label: Option<&'a str>,
    /// The user's own directories and files, without what is ignored.
    pub local: &'a LocalSources,
    /// What every step has in common.
    pub steps: &'a StepOptions,
    /// The variables of the image's config, for what runs in it: `NAME=value`.
    pub env: &'a [String],
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
    let emitter = Emitter::new(plan, context);
    let mut outputs = Vec::new();
    for built in &plan.built {
        outputs.push((built.name.clone(), emitter.built(built)?));
    }
    for member in &plan.first_party {
        match &member.how {
            How::Install { settings, secrets, editable: None, .. } => {
                outputs.push((member.name.clone(), emitter.install_project(member, settings, secrets)?));
            }
            How::Install { settings, secrets, editable: Some(directory), .. } => {
                outputs.push((member.name.clone(), emitter.edit_project(member, settings, secrets, directory)?));
            }
            How::Copy => {}
        }
    }
    outputs.retain(|(name, _)| !plan.runs_on_target.contains(name));
    Ok(outputs)
}

/// Builds the file system of the plan's target.
///
/// # Errors
/// A plan that makes no sense as operations; that would be a bug here.
pub fn target(plan: &Plan, context: &Context<'_>) -> Result<Output, OpError> {
    match plan.target.kind {
        Kind::Venv => targets::venv(plan, context),
        Kind::Wheel => targets::wheels(plan, context),
        Kind::Test => targets::tests(plan, context),
        Kind::Runtime | Kind::Dev | Kind::Requirements | Kind::Plan => image(plan, context),
    }
}

/// Builds the image's file system.
///
/// # Errors
/// A plan that makes no sense as operations; that would be a bug here.
pub fn image(plan: &Plan, context: &Context<'_>) -> Result<Output, OpError> {
    let emitter = Emitter::new(plan, context);
    let mut layers = emitter.dependencies()?;
    layers.push(emitter.runtime()?);
    if plan.compiles_library() {
        layers.insert(0, emitter.library()?);
    }
    let mut growing = Growing { image: emitter.runtime_root()?, pending: layers.clone(), layers };
    let mut additions = Vec::new();
    for point in POINTS {
        if point == At::Project {
            for members in plan.first_party_layers() {
                additions.push(Addition::Layer(emitter.first_party_layer(&members)?));
            }
        }
        for step in plan.copies_at(point) {
            additions.push(Addition::Layer(emitter.copied(step)?));
        }
        additions.extend(plan.runs_at(point).map(Addition::Command));
    }
    let is_layer = |addition: &Addition<'_>| match addition {
        Addition::Layer(_) => true,
        Addition::Command(step) => emitter.makes_layer(step),
    };
    // When only commands follow, what the first of them runs in is the last that is assembled.
    let commands = additions.iter().rposition(is_layer).map_or(0, |last| last + 1);
    for (index, addition) in additions.into_iter().enumerate() {
        match addition {
            Addition::Layer(layer) => growing.push(layer),
            Addition::Command(step) => growing = emitter.run(step, growing, index >= commands)?,
        }
    }
    if growing.pending.is_empty() {
        return Ok(growing.image);
    }
    emitter.finish(&growing.image, &growing.pending)
}

/// What is put on the layers of dependencies.
enum Addition<'a> {
    Layer(Output),
    Command(&'a RunStep),
}

struct Emitter<'a> {
    plan: &'a Plan,
    context: &'a Context<'a>,
    /// What steps run on, made once with uv and once without.
    grounds: RefCell<BTreeMap<bool, Output>>,
}

impl<'a> Emitter<'a> {
    fn new(plan: &'a Plan, context: &'a Context<'a>) -> Self {
        Self { plan, context, grounds: RefCell::default() }
    }
}

impl Emitter<'_> {
    /// What is installed from outside the project, bottom first.
    fn dependencies(&self) -> Result<Vec<Output>, OpError> {
        let plan = self.plan;
        let mut layers = Vec::new();
        let small = self.small_files();
        for (number, group) in plan.groups.iter().enumerate() {
            layers.push(self.group(number + 1, group, &small)?);
        }
        for (number, group) in plan.local.iter().enumerate() {
            layers.push(self.local_group(number + 1, group)?);
        }
        for built in plan.built_layers() {
            layers.push(self.built_layer(&built)?);
        }
        if let Some(resolved) = &plan.resolved {
            layers.push(self.resolved(resolved)?);
        }
        Ok(layers)
    }

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
    fn group(&self, number: usize, group: &Group, small: &ProgressGroup) -> Result<Output, OpError> {
        let stage = format!("deps {number}/{}", self.plan.groups.len());
        let common = group.wheels.iter().all(|wheel| wheel.pure);
        let name = format!("{} {}", self.stage(&stage, common), describe(group));
        let hard = group.wheels.iter().find(|wheel| self.runs_on_target(&wheel.name));
        let machine = hard.map_or(self.context.builder, |wheel| self.machine(&wheel.name));
        let requirements = group.wheels.iter().map(|wheel| format!("{}=={}", wheel.name, wheel.version));
        let mut exec = self.step(machine, &programs::INSTALL, requirements, name)?.network(NetworkMode::None);
        if let Some(platform) = &group.python_platform {
            exec = exec.env("PYFRONT_PYTHON_PLATFORM", platform);
        }
        let shared = (group.wheels.len() > 1).then_some(small);
        let files = group.wheels.iter().map(|wheel| fetch::Locked { group: shared.cloned(), ..self.locked(wheel) });
        let files: Vec<_> = files.collect();
        for (file, directory) in files.iter().zip(self.fetch(&files)?) {
            let path = format!("{}/wheels/{}", programs::TOOLS, file.filename);
            exec = exec.mount(Bind::readonly(&directory, path).selector(format!("/{}", file.filename)));
            if let Some(place) = file.place.clone().filter(|_| files.len() <= MOST_PLACES) {
                exec = exec.at(place);
            }
        }
        exec.build()?.output(programs::OUT)
    }

    fn locked<'a>(&self, wheel: &'a Wheel) -> fetch::Locked<'a> {
        fetch::Locked {
            title: format!("{} {}", wheel.name, wheel.version),
            url: &wheel.url,
            filename: &wheel.filename,
            digest: wheel.digest.as_deref(),
            access: wheel.access.as_ref(),
            place: (self.context.place)(&wheel.origin),
            group: None,
        }
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
        // Packages make accounts, too; the file with ours is put over theirs.
        let root = self.runtime_root()?;
        let target = if self.plan.build_platform.is_some() {
            arguments.push("cross".to_owned());
            Bind::readonly(&root, "/target")
        } else {
            Bind::readonly(&root, "/target/etc").selector("/etc")
        };
        arguments.extend(self.plan.writable.iter().cloned());
        self.step(self.context.builder, &programs::RUNTIME, arguments, name)?
            .network(NetworkMode::None)
            .env("UV_NO_CACHE", "1")
            .env("UV_NO_CONFIG", "1")
            .mount(target)
            .mounts(self.files()?)
            .build()?
            .output(programs::OUT)
    }

    /// Files that the start command reads, as the step of [`Self::runtime`] finds them.
    fn files(&self) -> Result<Option<Bind>, OpError> {
        let files = &self.plan.config.files;
        if files.is_empty() {
            return Ok(None);
        }
        let mut tree = File::on(SCRATCH);
        for (path, text) in files {
            let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
            tree = tree.then(Mkdir::new(parent).mode(0o755).parents().timestamp(EPOCH));
            tree = tree.then(Mkfile::new(path, text.as_str()).timestamp(EPOCH));
        }
        let tree = tree.named("[internal] settings of the start command").build()?;
        Ok(Some(Bind::readonly(&tree, format!("{}/files", programs::TOOLS))))
    }

    /// Packages that were built one by one, in one layer.
    fn built_layer(&self, packages: &[&Built]) -> Result<Output, OpError> {
        let files = packages.iter().map(|built| Ok((built.name.as_str(), self.built(built)?)));
        self.join("deps", &files.collect::<Result<Vec<_>, OpError>>()?)
    }

    /// Projects of the user's, each built or copied by itself, in one layer.
    fn first_party_layer(&self, members: &[&Member]) -> Result<Output, OpError> {
        let files = members.iter().map(|member| {
            let files = match &member.how {
                How::Install { settings, secrets, editable: None, .. } => {
                    self.install_project(member, settings, secrets)
                }
                How::Install { settings, secrets, editable: Some(directory), .. } => {
                    self.edit_project(member, settings, secrets, directory)
                }
                How::Copy => self.copy_project(member),
            };
            Ok((member.name.as_str(), files?))
        });
        self.join("project", &files.collect::<Result<Vec<_>, OpError>>()?)
    }

    /// What several steps have made, in one layer.
    fn join(&self, stage: &str, parts: &[(&str, Output)]) -> Result<Output, OpError> {
        if let [(_, only)] = parts {
            return Ok(only.clone());
        }
        let mut layer = File::on(SCRATCH);
        for (_, files) in parts {
            layer = layer.then(Copy::new(files, "/", "/").contents_only().timestamp(EPOCH));
        }
        let names: Vec<&str> = parts.iter().map(|(name, _)| *name).collect();
        let common = !names.iter().any(|name| self.runs_on_target(name));
        layer.named(format!("{} join {}", self.stage(stage, common), names.join(", "))).build()
    }

    /// A package without a wheel, built from its source with network for the backend's requirements, and installed.
    fn built(&self, built: &Built) -> Result<Output, OpError> {
        // Who wants it is for people, and no argument: the step would run again whenever the way to the package changes.
        let stage = self.stage("deps", !self.runs_on_target(&built.name));
        let name = format!("{stage} {}, wanted by {}", describe_built(&[built]), built.wanted_by);
        let place = (self.context.place)(&built.origin);
        let title = format!("{} {}", built.name, built.version);
        let mut arguments = vec![built.name.clone(), built.version.clone()];
        let (mount, subdirectory) = match &built.source {
            BuildSource::Archive { url, filename, digest, access, subdirectory } => {
                arguments.extend(["archive".to_owned(), filename.clone()]);
                let file = fetch::Locked {
                    title,
                    url,
                    filename,
                    digest: digest.as_deref(),
                    access: access.as_ref(),
                    place: place.clone(),
                    group: None,
                };
                let directory = self.fetch(&[file])?.pop();
                let path = format!("{}/archive/{filename}", programs::TOOLS);
                let mount =
                    directory.map(|directory| Bind::readonly(&directory, path).selector(format!("/{filename}")));
                (mount, subdirectory)
            }
            BuildSource::File { file, filename, digest } => {
                arguments.extend(["file".to_owned(), filename.clone(), digest.clone().unwrap_or_default()]);
                let path = format!("{}/archive/{filename}", programs::TOOLS);
                (Some(self.file_mount(file, path)?), &None)
            }
            BuildSource::Git { remote, commit, subdirectory, lfs } => {
                arguments.push("git".to_owned());
                // With `.git`, for backends that ask git which files are the package's.
                let mut source =
                    Git::new(remote.clone(), commit.clone()).keep_git_dir().named(format!("[deps] fetch {title}"));
                // A token must not go over the wire in the clear.
                if remote.starts_with("http://") {
                    source = source.anonymous();
                }
                if let Some(place) = place.clone() {
                    source = source.at(place);
                }
                let mut tree = source.build()?;
                if *lfs {
                    tree = self.with_lfs_files(&tree, &title, remote, place.clone())?;
                }
                (Some(Bind::discarded(&tree, "/src")), subdirectory)
            }
        };
        arguments.extend(subdirectory.clone());
        let (secrets, machine) = (&self.plan.build_secrets, self.machine(&built.name));
        let exec = self.build_step(machine, &programs::BUILD, arguments, name, secrets)?.mounts(mount);
        let mut exec = self.with_settings(machine, exec, &built.settings)?;
        if let Some(place) = place {
            exec = exec.at(place);
        }
        exec.build()?.output(programs::OUT)
    }

    /// The image, whose name in progress says what it starts and why.
    fn finish(&self, base: &Output, layers: &[Output]) -> Result<Output, OpError> {
        let start = self.plan.config.start().map(|start| format!(", {start}")).unwrap_or_default();
        let name = self.assembling() + &start;
        self.assemble_as(&name, Some(base), layers)
    }

    /// Puts the layers on the base, if there is one.
    fn assemble(&self, base: Option<&Output>, layers: &[Output]) -> Result<Output, OpError> {
        self.assemble_as(&self.assembling(), base, layers)
    }

    fn assembling(&self) -> String {
        format!("{} assemble {}", self.stage("project", false), self.plan.project)
    }

    fn assemble_as(&self, name: &str, base: Option<&Output>, layers: &[Output]) -> Result<Output, OpError> {
        if self.context.caps.supports(Cap::MergeOp) {
            let inputs: Vec<Output> = base.into_iter().chain(layers).cloned().collect();
            if let Some(merged) = Merge::of(inputs).named(name).build() {
                return Ok(merged);
            }
        }
        let mut image = base.cloned();
        for (index, layer) in layers.iter().enumerate() {
            let below = image.as_ref().map_or(SCRATCH, buildkit_llb::Base::from);
            // BuildKit's cache asks for content alone, so what is in it could have other times.
            let copy = Copy::new(layer, "/", "/").contents_only().timestamp(EPOCH);
            let name = if index + 1 == layers.len() { name.to_owned() } else { self.assembling() };
            image = Some(File::on(below).then(copy).named(name).build()?);
        }
        // There always is a layer.
        image.ok_or(OpError::Invalid { what: "an image", value: String::new(), why: "it has no layer" })
    }
}

/// What a group installs, for people: also its entry in the image's history.
pub fn describe(group: &Group) -> String {
    describe_wheels(group.wheels.iter().map(|wheel| (wheel.name.as_str(), wheel.version.as_str())))
}

/// The same for a group of local wheels.
pub fn describe_local(group: &LocalGroup) -> String {
    describe_wheels(group.wheels.iter().map(|wheel| (wheel.name.as_str(), wheel.version.as_str())))
}

fn describe_wheels<'w>(wheels: impl Iterator<Item = (&'w str, &'w str)>) -> String {
    match wheels.collect::<Vec<_>>().as_slice() {
        [(name, version)] => format!("install {name} {version}"),
        wheels => {
            let names: Vec<&str> = wheels.iter().map(|(name, _)| *name).collect();
            format!("install {}", names.join(", "))
        }
    }
}

/// What is installed on the base image, for people: also its layer's entry in the image's history.
pub fn describe_packages(plan: &Plan) -> String {
    let names: Vec<&str> = plan.packages.iter().map(|package| package.name.as_str()).collect();
    format!("install system packages {}", names.join(", "))
}

/// The layer of Python's own bytecode, for people: also its entry in the image's history.
pub fn describe_library() -> &'static str {
    "compile the standard library"
}

/// What is copied, for people: also its layer's entry in the image's history.
pub fn describe_copy(step: &CopyStep) -> String {
    match &step.source.from {
        Some(from) => format!("copy {} of {from} to {}", step.source.src, step.dest),
        None => format!("copy {} to {}", step.source.src.trim_start_matches('/'), step.dest),
    }
}

/// What runs, for people: also its layer's entry in the image's history.
pub fn describe_run(step: &RunStep) -> String {
    format!("run {}", step.command.join(" ").escape_debug())
}

/// What becomes of the user's projects of one layer, for people: also its entry in the image's history.
pub fn describe_members(plan: &Plan, members: &[&Member]) -> String {
    match members {
        [Member { how: How::Copy, name, .. }] => format!("copy {name} to {}", plan.workdir),
        [Member { how: How::Install { editable: Some(directory), .. }, name, .. }] => {
            format!("install {name}, editable in {directory}")
        }
        members => {
            let names: Vec<&str> = members.iter().map(|member| member.name.as_str()).collect();
            format!("install {}", names.join(", "))
        }
    }
}

/// What becomes of packages that are built from their sources, for people: also their layer's entry in the image's history.
pub fn describe_built(packages: &[&Built]) -> String {
    let titles: Vec<String> = packages.iter().map(|built| format!("{} {}", built.name, built.version)).collect();
    format!("build {}", titles.join(", "))
}
