//! The image config: what the base image says, with the plan's part on top, and a history that reads well.

use std::collections::BTreeMap;

use buildkit_frontend::image::{Healthcheck, History, ImageConfig};
use buildkit_llb::Platform;
use prost_types::Timestamp;

use crate::emit::{
    describe, describe_built, describe_copy, describe_library, describe_local, describe_members, describe_packages,
    describe_resolved, describe_run,
};
use crate::plan::target::Kind;
use crate::plan::{self, Plan, VENV};
use crate::project::config::run::At;

/// Stands in every history entry that pyfront makes.
const COMMENT: &str = "pyfront.v0";
/// What BuildKit assumes for images that set no `PATH` (its `util/system/path.go`).
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Makes the config of the image.
pub fn config(plan: &Plan, base: &ImageConfig, platform: &Platform) -> ImageConfig {
    let mut image = base.clone();
    image.created = None;
    image.os.clone_from(&platform.os);
    image.architecture.clone_from(&platform.architecture);
    // A base for arm64 may say that it is for v8, as every arm64 is.
    let own = Platform {
        architecture: base.architecture.clone(),
        variant: base.variant.clone().unwrap_or_default(),
        ..platform.clone()
    };
    if !platform.variant.is_empty() || own.normalized() != *platform {
        image.variant = Some(platform.variant.clone()).filter(|variant| !variant.is_empty());
    }

    image.config.set_env("PATH", &format!("{VENV}/bin:{}", path(base)));
    for (name, value) in &plan.config.env {
        image.config.set_env(name, value);
    }
    for port in &plan.config.ports {
        image.config.expose(port.clone());
    }
    let config = &mut image.config;
    config.volumes.extend(plan.config.volumes.iter().map(|path| (path.clone(), serde_json::json!({}))));
    // Triggers of a base are for images that a Dockerfile makes on it; they are not handed on.
    config.on_build.clear();
    let plan::Account { uid, gid, .. } = plan.account;
    config.user = match plan.target.kind {
        // Before Docker 28 nothing can be synchronized into a container whose user has a group here (moby#34142). So it is the
        // group that /etc/passwd gives to the user, which is the same.
        Kind::Dev => uid.to_string(),
        _ => format!("{uid}:{gid}"),
    };
    config.working_dir.clone_from(&plan.workdir);
    config.entrypoint.clone_from(&plan.config.entrypoint);
    config.cmd.clone_from(&plan.config.command);
    config.labels.extend(plan.config.labels.clone());
    if let Some(signal) = &plan.config.stop_signal {
        config.stop_signal.clone_from(signal);
    }
    if let Some(check) = &plan.config.healthcheck {
        config.healthcheck = Some(healthcheck(check));
    }
    image.history.extend(history(plan));
    image
}

/// Gives an image, and what it adds to its base's history, a time in seconds since 1970. Exporters do so, too, except that of
/// Docker's graph driver store.
pub fn set_time(image: &mut ImageConfig, seconds: i64) {
    let time = Timestamp { seconds, nanos: 0 }.to_string();
    for entry in image.history.iter_mut().filter(|entry| entry.comment == COMMENT) {
        entry.created = Some(time.clone());
    }
    image.created = Some(time);
}

/// The config of what is no image to run, but files to export or to copy from. That of the virtual environment, which is for
/// the base image, has its variables.
pub fn of_files(base: Option<&ImageConfig>) -> ImageConfig {
    let mut image = ImageConfig::default();
    if let Some(base) = base {
        image.config.set_env("PATH", &format!("{VENV}/bin:{}", path(base)));
        image.config.set_env("VIRTUAL_ENV", VENV);
    }
    image
}

/// The environment of an image on a base, before anything is configured.
pub fn env(base: &ImageConfig) -> BTreeMap<String, String> {
    let variables = base.config.env.iter().filter_map(|variable| variable.split_once('='));
    let path = format!("{VENV}/bin:{}", path(base));
    let variables = variables.map(|(name, text)| (name.to_owned(), text.to_owned()));
    variables.chain([("PATH".to_owned(), path)]).collect()
}

/// The `PATH` of the base image.
pub fn path(base: &ImageConfig) -> &str {
    base.config.env("PATH").filter(|path| !path.is_empty()).unwrap_or(DEFAULT_PATH)
}

fn healthcheck(check: &plan::Healthcheck) -> Healthcheck {
    if check.command.is_empty() {
        return Healthcheck { test: vec!["NONE".to_owned()], ..Healthcheck::default() };
    }
    let mut test = vec!["CMD".to_owned()];
    test.extend(check.command.iter().cloned());
    Healthcheck {
        test,
        interval: check.interval,
        timeout: check.timeout,
        start_period: check.start_period,
        start_interval: check.start_interval,
        retries: check.retries,
        ..Healthcheck::default()
    }
}

/// What an image's history says of one layer, or of what only the config says.
pub fn entry(created_by: String, empty_layer: bool) -> History {
    History { created_by, comment: COMMENT.to_owned(), empty_layer, ..History::default() }
}

/// One entry for each layer, bottom first, and one for what only the config says.
fn history(plan: &Plan) -> Vec<History> {
    let packages = Some(plan).filter(|plan| !plan.packages.is_empty());
    let mut entries: Vec<History> = packages.map(|plan| entry(describe_packages(plan), false)).into_iter().collect();
    if plan.compiles_library() {
        entries.push(entry(describe_library().to_owned(), false));
    }
    entries.extend(plan.groups.iter().map(|group| entry(describe(group), false)));
    entries.extend(plan.local.iter().map(|group| entry(describe_local(group), false)));
    entries.extend(plan.built_layers().iter().map(|built| entry(describe_built(built), false)));
    entries.extend(plan.resolved.iter().map(|resolved| entry(describe_resolved(resolved), false)));
    entries.push(entry(
        format!(
            "venv {VENV}, user {} ({}:{}), {}",
            plan.account.name, plan.account.uid, plan.account.gid, plan.workdir
        ),
        false,
    ));
    let added = |at: At| {
        let copies = plan.copies_at(at).map(|step| entry(describe_copy(step), false));
        copies.chain(plan.runs_at(at).map(|step| entry(describe_run(step), false))).collect::<Vec<_>>()
    };
    entries.extend(added(At::Dependencies));
    entries.extend(plan.first_party_layers().iter().map(|members| entry(describe_members(plan, members), false)));
    entries.extend(added(At::Project));
    entries.extend(added(At::Runtime));
    entries.push(entry(format!("start {}", plan.config.argv()), true));
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        let times = [0, 951_782_400, 4_107_542_399, -1].map(|seconds| {
            let mut image = ImageConfig::default();
            set_time(&mut image, seconds);
            image.created.unwrap_or_default()
        });
        let expected = ["1970-01-01T00:00:00Z", "2000-02-29T00:00:00Z", "2100-02-28T23:59:59Z", "1969-12-31T23:59:59Z"];
        assert_eq!(times, expected);
    }
}
