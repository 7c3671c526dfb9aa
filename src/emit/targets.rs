//! What other targets than images are made of.

use buildkit_llb::{Annotate as _, Bind, Copy, Exec, File, Mkdir, Mkfile, OpError, Output, Owner, SCRATCH};

use super::{Context, EPOCH, Emitter};
use crate::plan::target::REPORTS;
use crate::plan::{How, Plan, VENV};

/// The virtual environment alone, at its place. The files of a project that is no package are not in it.
pub(super) fn venv(plan: &Plan, context: &Context<'_>) -> Result<Output, OpError> {
    let emitter = Emitter::new(plan, context);
    let mut layers = emitter.dependencies()?;
    let skeleton = Copy::new(emitter.runtime()?, VENV, VENV).contents_only().create_dest_path().timestamp(EPOCH);
    layers.push(File::on(SCRATCH).then(skeleton).named(emitter.stage("venv", false) + " venv").build()?);
    for member in &plan.first_party {
        if let How::Install { settings, secrets, .. } = &member.how {
            layers.push(emitter.install_project(member, settings, secrets)?);
        }
    }
    emitter.assemble(None, &layers)
}

/// The wheels of the plan's projects, which the steps that install them leave behind.
pub(super) fn wheels(plan: &Plan, context: &Context<'_>) -> Result<Output, OpError> {
    let emitter = Emitter::new(plan, context);
    let mut wheels = File::on(SCRATCH);
    let mut names = Vec::new();
    for member in &plan.first_party {
        if let How::Install { settings, secrets, .. } = &member.how {
            let built = emitter.build_project(member, settings, secrets)?.root()?;
            // uv leaves a .gitignore beside them.
            wheels = wheels.then(Copy::new(built, "/dist/*.whl", "/").wildcard(false).timestamp(EPOCH));
            names.push(member.name.as_str());
        }
    }
    wheels.named(format!("{} wheel of {}", emitter.stage("wheel", false), names.join(", "))).build()
}

/// Runs the tests in the image, as the account that a container runs as, and takes what they leave.
pub(super) fn tests(plan: &Plan, context: &Context<'_>) -> Result<Output, OpError> {
    let emitter = Emitter::new(plan, context);
    let image = super::image(plan, context)?;
    let options = context.steps;
    let account = &plan.account;
    let reports = File::on(SCRATCH)
        .then(Mkdir::new(REPORTS).mode(0o755).owner(Owner::new(account.uid, account.gid)).timestamp(EPOCH))
        .named("[internal] directory for reports")
        .build()?;
    let command: Vec<&str> = plan.config.entrypoint.iter().chain(&plan.config.command).map(String::as_str).collect();
    let env = context.env.iter().filter_map(|variable| variable.split_once('='));
    let mut exec = Exec::on(&image, command.iter().copied())
        .env("HOME", &account.home)
        .envs(env)
        .cwd(plan.project_directory())
        .user(format!("{}:{}", account.uid, account.gid))
        .mount(Bind::writable(&reports, REPORTS).selector(REPORTS))
        .network(options.network)
        .proxy(options.proxy.clone())
        .ignore_cache(options.no_cache_for_tests)
        .named(format!("{} {}", emitter.stage("test", false), command.join(" ")));
    if let Ok(platform) = plan.platform.parse() {
        exec = exec.platform(platform);
    }
    let left = options.on(exec).build()?.output(REPORTS)?;
    let name = format!("{} reports", emitter.stage("test", false));
    File::on(SCRATCH).then(Copy::new(left, REPORTS, "/").contents_only()).named(name).build()
}

/// One file with a text of ours.
///
/// # Errors
/// A name that is no path; that would be a bug here.
pub fn file(name: &str, text: String) -> Result<Output, OpError> {
    let file = Mkfile::new(format!("/{name}"), text).mode(0o644).timestamp(EPOCH);
    File::on(SCRATCH).then(file).named(format!("[{name}] write")).build()
}
