//! `[[tool.pyfront.copy]]` and `[[tool.pyfront.run]]` as a Dockerfile has them.

use std::fmt::Write as _;

use super::{Failure, array};
use crate::plan::Plan;
use crate::plan::steps::{CopyStep, RunStep};
use crate::project::config::run::At;
use crate::project::document::quoted;

/// What is copied and run at a point.
pub(super) fn write(text: &mut String, plan: &Plan, at: At) -> Result<(), Failure> {
    for step in plan.copies_at(at) {
        copy(text, step);
    }
    for step in plan.runs_at(at) {
        run(text, plan, step)?;
    }
    Ok(())
}

fn copy(text: &mut String, step: &CopyStep) {
    text.push_str("COPY");
    if let Some(from) = &step.source.from {
        let _ = write!(text, " --from={from}");
    }
    if step.owner != (0, 0) {
        let _ = write!(text, " --chown={}:{}", step.owner.0, step.owner.1);
    }
    if let Some(mode) = step.mode {
        let _ = write!(text, " --chmod={mode:04o}");
    }
    let src = match &step.source.from {
        Some(_) => step.source.src.as_str(),
        None => match step.source.src.trim_start_matches('/') {
            "" => ".",
            path => path,
        },
    };
    let _ = writeln!(text, " {}", paths(&[src.to_owned(), step.dest.clone()]));
}

/// The paths of a COPY: plain where that is beyond doubt.
pub(super) fn paths(paths: &[String; 2]) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_./".contains(character);
    if paths.iter().all(|path| path.chars().all(plain)) { paths.join(" ") } else { array(paths) }
}

fn run(text: &mut String, plan: &Plan, step: &RunStep) -> Result<(), Failure> {
    let (uid, gid) = (plan.account.uid, plan.account.gid);
    let owner = if uid == 0 { String::new() } else { format!(",uid={uid},gid={gid}") };
    let mut words = vec!["RUN".to_owned()];
    if !step.network {
        words.push("--network=none".to_owned());
    }
    for id in &step.secrets {
        words.push(format!("--mount=type=secret,id={}{owner}", in_a_mount(id)?));
    }
    for path in &step.cache {
        words.push(format!("--mount=type=cache,target={}{owner}", in_a_mount(path)?));
    }
    let mut command: Vec<String> = step.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
    if !command.is_empty() {
        command.insert(0, "env".to_owned());
    }
    command.extend(step.command.iter().cloned());
    // What is left there is in no layer of ours.
    words.push("--mount=type=tmpfs,target=/tmp".to_owned());
    words.push(array(&command));
    let _ = writeln!(text, "{}", words.join(" "));
    Ok(())
}

/// A path or a name as a part of a mount, which has no way to quote one.
pub(super) fn in_a_mount(text: &str) -> Result<&str, Failure> {
    let plain = |character: char| character.is_alphanumeric() || "-_./+@:~".contains(character);
    if text.chars().all(plain) {
        return Ok(text);
    }
    Err(Failure::Failed(format!("{} cannot be written into a mount of a Dockerfile", quoted(text))))
}
