//! What the user adds to an image by hand: each copy is a layer of its own, and so is what each command changes.

use buildkit_llb::{
    Annotate as _, Bind, Cache, Cap, Copy, Diff, Exec, File, Mkdir, NetworkMode, OpError, Output, Owner, Platform,
    SCRATCH, Secret, Sharing, Tmpfs,
};

use super::step::PRIVATE_SIZE;
use super::{CA_SECRET, EPOCH, Emitter, describe_copy, describe_run, programs};
use crate::plan::steps::{CopySource, CopyStep, RunStep};

/// The files of an image while it is made, and the layers that are not on them yet.
pub(super) struct Growing {
    /// What is below the layers.
    pub(super) image: Output,
    /// Layers to put on it.
    pub(super) pending: Vec<Output>,
    /// All layers above the base that do not belong to a platform's root: what a command on the builder's CPU sees.
    pub(super) layers: Vec<Output>,
}

impl Growing {
    pub(super) fn push(&mut self, layer: Output) {
        self.pending.push(layer.clone());
        self.layers.push(layer);
    }
}

impl Emitter<'_> {
    /// Files that are copied, with the directories on their way.
    pub(super) fn copied(&self, step: &CopyStep) -> Result<Output, OpError> {
        let CopySource { src, .. } = &step.source;
        let source = self.context.local.copies.get(&step.source).ok_or_else(|| OpError::Invalid {
            what: "a source of files to copy",
            value: src.clone(),
            why: "it was not made a source",
        })?;
        let account = &self.plan.account;
        let mut directories = Vec::new();
        // A layer says of all directories on its way whose they are, so those of the account are made as the account's.
        let own = [(&self.plan.workdir, 0o755), (&account.home, 0o750)];
        let own = own.into_iter().chain(self.plan.writable.iter().map(|path| (path, 0o755)));
        let mut own: Vec<_> = own.filter(|(path, _)| step.dest.starts_with(&format!("{path}/"))).collect();
        own.sort();
        for (path, mode) in own.into_iter().filter(|_| account.uid != 0) {
            let owner = Owner::new(account.uid, account.gid);
            directories.push(Mkdir::new(path).mode(mode).parents().owner(owner).timestamp(EPOCH));
        }
        let parent = step.dest.rsplit_once('/').map_or("", |(parent, _)| parent);
        if !parent.is_empty() {
            directories.push(Mkdir::new(parent).mode(0o755).parents().timestamp(EPOCH));
        }
        let (uid, gid) = step.owner;
        let mut copy = Copy::new(source, src, &step.dest).contents_only().create_dest_path().follow_symlinks();
        copy = copy.owner(Owner::new(uid, gid)).timestamp(EPOCH);
        if let Some(mode) = step.mode {
            copy = copy.mode(mode);
        }
        let mut layer = directories.iter().cloned().fold(File::on(SCRATCH), File::then).then(copy);
        if !directories.is_empty() {
            // Each directory has the time at which something was put into it last, until it is copied over itself.
            let directories = directories.into_iter().fold(File::on(SCRATCH), File::then);
            let directories = directories.named(format!("[internal] directories above {}", step.dest)).build()?;
            layer = layer.then(Copy::new(&directories, "/", "/").contents_only().timestamp(EPOCH));
        }
        let mut layer = layer.named(format!("{} {}", self.stage("copy", false), describe_copy(step)));
        if let Some(place) = (self.context.place)(&step.origin) {
            layer = layer.at(place);
        }
        layer.build()
    }

    /// Whether what a command changes becomes a layer, because it runs on another CPU than the image's.
    pub(super) fn makes_layer(&self, step: &RunStep) -> bool {
        let caps = self.context.caps;
        let foreign = self.plan.build_platform.is_some();
        foreign && step.on_builder && caps.supports(Cap::DiffOp) && caps.supports(Cap::MergeOp)
    }

    /// Runs a command, and adds what it changes. `last`: no layer follows, so the whole image is assembled for it.
    pub(super) fn run(&self, step: &RunStep, mut growing: Growing, last: bool) -> Result<Growing, OpError> {
        if self.makes_layer(step) {
            let machine = self.context.builder;
            let root = self.assemble(Some(machine.base), &growing.layers)?;
            let after = self.command(step, &root, machine.platform.cloned(), "")?;
            if let Some(layer) = Diff::between(&root, &after).named(describe_run(step)).build() {
                growing.push(layer);
            }
            return Ok(growing);
        }
        let root = if last {
            self.finish(&growing.image, &growing.pending)?
        } else {
            self.assemble(Some(&growing.image), &growing.pending)?
        };
        let machine = self.context.target.unwrap_or(self.context.builder);
        growing.image = self.command(step, &root, self.plan.platform.parse().ok(), machine.cache_suffix)?;
        growing.pending.clear();
        Ok(growing)
    }

    /// The step that runs a command in a root; what becomes of the root.
    fn command(
        &self,
        step: &RunStep,
        root: &Output,
        platform: Option<Platform>,
        suffix: &str,
    ) -> Result<Output, OpError> {
        let (account, options) = (&self.plan.account, self.context.steps);
        let (uid, gid) = (account.uid, account.gid);
        // -E: variables of the container are for the command, not for the program that starts it.
        let program = ["python3", "-E", "-s", "-B"].map(str::to_owned).into_iter().chain([programs::RUN.path()]);
        let arguments = [uid.to_string(), gid.to_string(), account.home.clone(), self.plan.workdir.clone()];
        let name = format!("{} {}", self.stage("run", false), describe_run(step));
        let mut exec = Exec::on(root, program.chain(arguments).chain(step.command.iter().cloned()))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .envs(self.context.env.iter().filter_map(|variable| variable.split_once('=')))
            .envs(step.env.iter())
            .mount(Bind::readonly(&programs::RUN.directory()?, format!("{}/step", programs::TOOLS)))
            .network(NetworkMode::None)
            .ignore_cache(options.no_cache)
            .named(name);
        if step.network {
            exec = exec
                .network(options.network)
                .proxy(options.proxy.clone())
                .mount(Secret::new(CA_SECRET, format!("/run/secrets/{CA_SECRET}")).optional(true))
                .mount(Tmpfs::new(programs::PRIVATE).size(PRIVATE_SIZE));
        }
        // A step with network has the certificates anyway, at the same place.
        for secret in step.secrets.iter().filter(|secret| !step.network || *secret != CA_SECRET) {
            exec = exec.mount(Secret::new(secret, format!("/run/secrets/{secret}")).owner(uid, gid));
        }
        for path in &step.cache {
            let owned = File::on(SCRATCH)
                .then(Mkdir::new("/cache").mode(0o755).owner(Owner::new(uid, gid)).timestamp(EPOCH))
                .named("[internal] directory for a cache")
                .build()?;
            let id = format!("{}pyfront/run{path}-{uid}{suffix}", options.cache_prefix());
            exec = exec.mount(Cache::new(id, path).seed(&owned).selector("/cache").sharing(Sharing::Shared));
        }
        if let Some(platform) = platform {
            exec = exec.platform(platform);
        }
        if let Some(place) = (self.context.place)(&step.origin) {
            exec = exec.at(place);
        }
        options.on(exec).build()?.root()
    }
}
