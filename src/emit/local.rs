//! What becomes of the user's own files: each project is built or copied from its own directory, and local wheels are
//! checked and installed.

use std::collections::BTreeMap;

use buildkit_llb::{Annotate as _, Bind, Copy, ExecResult, File, Mkdir, NetworkMode, OpError, Output, Owner, SCRATCH};

use super::{EPOCH, Emitter, describe_local, programs};
use crate::plan::steps::CopySource;
use crate::plan::{How, LocalFile, LocalGroup, Member, Settings, Tree};

/// The user's own directories and files, as sources of the build graph. Each source holds its directory or file at its path
/// in the context.
#[derive(Debug, Clone, Default)]
pub struct LocalSources {
    /// The directories.
    pub trees: BTreeMap<Tree, Output>,
    /// The files.
    pub files: BTreeMap<LocalFile, Output>,
    /// What files are copied from, each with its files at their paths there.
    pub copies: BTreeMap<CopySource, Output>,
}

fn missing(what: &'static str, path: &str) -> OpError {
    OpError::Invalid { what, value: path.to_owned(), why: "it was not made a source" }
}

impl Emitter<'_> {
    /// Local wheels, checked and installed without network; the result holds nothing but their files.
    pub(super) fn local_group(&self, number: usize, group: &LocalGroup) -> Result<Output, OpError> {
        let stage = self.stage(&format!("local {number}/{}", self.plan.local.len()), group.python_platform.is_none());
        let name = format!("{stage} {}", describe_local(group));
        let hard = group.wheels.iter().find(|wheel| self.runs_on_target(&wheel.name));
        let machine = hard.map_or(self.context.builder, |wheel| self.machine(&wheel.name));
        let arguments = group.wheels.iter().flat_map(|wheel| {
            let requirement = format!("{}=={}", wheel.name, wheel.version);
            [requirement, wheel.filename.clone(), wheel.digest.clone().unwrap_or_default()]
        });
        let mut exec = self.step(machine, &programs::LOCAL, arguments, name)?.network(NetworkMode::None);
        if let Some(platform) = &group.python_platform {
            exec = exec.env("PYFRONT_PYTHON_PLATFORM", platform);
        }
        for wheel in &group.wheels {
            exec = exec.mount(self.file_mount(&wheel.file, format!("{}/wheels/{}", programs::TOOLS, wheel.filename))?);
            if let Some(place) = (self.context.place)(&wheel.origin) {
                exec = exec.at(place);
            }
        }
        exec.build()?.output(programs::OUT)
    }

    /// A file of the user's at a path of a step.
    pub(super) fn file_mount(&self, file: &LocalFile, path: String) -> Result<Bind, OpError> {
        let source = self.context.local.files.get(file).ok_or_else(|| missing("a local file", &file.path))?;
        Ok(Bind::readonly(source, path).selector(format!("/{}", file.path)))
    }

    /// A project's wheel, built with network for the backend's requirements, and installed.
    pub(super) fn install_project(
        &self,
        member: &Member,
        settings: &Settings,
        secrets: &[String],
    ) -> Result<Output, OpError> {
        self.build_project(member, settings, secrets)?.output(programs::OUT)
    }

    /// The step that does that. The wheel stays in `/dist` of its root.
    pub(super) fn build_project(
        &self,
        member: &Member,
        settings: &Settings,
        secrets: &[String],
    ) -> Result<ExecResult, OpError> {
        let machine = self.machine(&member.name);
        let stage = self.stage("project", !self.runs_on_target(&member.name));
        let name = format!("{stage} build and install {}", member.name);
        let mut sources = Bind::discarded(self.tree(&member.tree)?, "/src");
        if !member.tree.directory.is_empty() {
            sources = sources.selector(format!("/{}", member.tree.directory));
        }
        let mut exec = if matches!(member.how, How::Install { direct: true, .. }) {
            // uv does it alone, and a step starts faster without a network and without what builds fetch and keep.
            let exec = self.step(machine, &programs::PROJECT, [member.name.clone()], name)?;
            exec.env("UV_CACHE_DIR", programs::KNOWN).network(NetworkMode::None)
        } else {
            self.build_step(machine, &programs::PROJECT, [member.name.clone()], name, secrets)?
        };
        if let Some(place) = (self.context.place)(&member.place) {
            exec = exec.at(place);
        }
        self.with_settings(machine, exec, settings)?.mount(sources).build()
    }

    /// A project that is imported from its files in a directory of the image, which belong to the account: these, and what
    /// leads Python there.
    pub(super) fn edit_project(
        &self,
        member: &Member,
        settings: &Settings,
        secrets: &[String],
        directory: &str,
    ) -> Result<Output, OpError> {
        let machine = self.machine(&member.name);
        let stage = self.stage("project", !self.runs_on_target(&member.name));
        let name = format!("{stage} install {}, editable in {directory}", member.name);
        let place = format!("/{}", member.tree.directory);
        let sources = Bind::writable(self.tree(&member.tree)?, directory).selector(place.clone());
        let arguments = [member.name.clone(), directory.to_owned()];
        let mut exec = self.build_step(machine, &programs::EDITABLE, arguments, name.clone(), secrets)?;
        if let Some(place) = (self.context.place)(&member.place) {
            exec = exec.at(place);
        }
        let step = self.with_settings(machine, exec, settings)?.mount(sources).build()?;
        let owner = Owner::new(self.plan.account.uid, self.plan.account.gid);
        let files = Copy::new(step.output(directory)?, place, format!("{directory}/"));
        File::on(SCRATCH)
            .then(Copy::new(step.output(programs::OUT)?, "/", "/").contents_only())
            .then(Mkdir::new(directory).mode(0o755).parents().owner(owner.clone()).timestamp(EPOCH))
            .then(files.contents_only().owner(owner).timestamp(EPOCH))
            .named(name)
            .build()
    }

    /// A project's files in the working directory, owned by the account like the directory itself.
    pub(super) fn copy_project(&self, member: &Member) -> Result<Output, OpError> {
        let account = &self.plan.account;
        let workdir = &self.plan.workdir;
        let owner = Owner::new(account.uid, account.gid);
        let files = Copy::new(self.tree(&member.tree)?, format!("/{}", member.tree.directory), format!("{workdir}/"));
        File::on(SCRATCH)
            .then(Mkdir::new(workdir.clone()).mode(0o755).parents().owner(owner.clone()).timestamp(EPOCH))
            .then(files.contents_only().owner(owner).timestamp(EPOCH))
            .named(format!("[project] copy {} to {workdir}", member.name))
            .build()
    }

    fn tree(&self, tree: &Tree) -> Result<&Output, OpError> {
        self.context.local.trees.get(tree).ok_or_else(|| missing("a local directory", &tree.directory))
    }
}
