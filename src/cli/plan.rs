//! `pyfront plan`: what would be built, as a table for people or as the JSON of the target `plan`.

use std::fmt::Write as _;

use lexopt::Parser;

use super::project::Wanted;
use super::size::human;
use super::{Failure, Terminal, assume};
use crate::gateway::preview::Preview;
use crate::plan::steps::POINTS;
use crate::plan::{Healthcheck, How, Plan, layers};
use crate::project::config::run::At;
use crate::{emit, plan};

pub(super) const ABOUT: &str = "show what a build would make: base, layers, user, command";
pub(super) const HELP: &str = "[PATH] [OPTIONS]

What the base image has is not looked up but assumed from its name, and said so.

  --json                   the plan as the target plan exports it
";

pub(super) fn run(parser: Parser, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
    let mut json = false;
    let wanted = Wanted::read(parser, &["json"], |_, _| {
        json = true;
        Ok(())
    })?;
    let found = wanted.preview()?;
    for warning in &found.warnings {
        writeln!(terminal.err, "warning: {warning}")?;
    }
    if json {
        let plans: Vec<String> = found.previews.iter().map(Preview::json).collect();
        match plans.as_slice() {
            [plan] => write!(terminal.out, "{plan}")?,
            plans => writeln!(terminal.out, "[\n{}]", plans.join(","))?,
        }
        return Ok(());
    }
    for (index, preview) in found.previews.iter().enumerate() {
        if index > 0 {
            writeln!(terminal.out)?;
        }
        let text = preview.file.clone().unwrap_or_else(|| table(preview, wanted.assumes_libc()));
        write!(terminal.out, "{text}")?;
    }
    Ok(())
}

/// A layer above the base, for people.
pub(super) struct Layer {
    /// Why it is there: `system`, `own`, `shared`, `built`, `yours`.
    pub(super) kind: &'static str,
    /// What is in it.
    pub(super) contents: String,
    /// What it is made with.
    pub(super) made: Made,
    /// What is fetched for it, in bytes, when all sizes are known.
    pub(super) size: Option<u64>,
}

impl Layer {
    fn new(kind: &'static str, made: Made, contents: String) -> Self {
        Self { kind, contents, made, size: None }
    }
}

/// What a layer is made with.
pub(super) enum Made {
    /// uv installs or builds it, on the base.
    ByUv,
    /// A program of the base makes it.
    OnBase,
    /// A command makes it, on all that is below.
    InImage,
    /// It is copied, from an image or a named context if it says so.
    Copied(Option<String>),
}

/// The layers that come on top of the base, bottom first, as the image's history tells them.
pub(super) fn layers(preview: &Preview) -> Vec<Layer> {
    let plan = &preview.plan;
    let mut found: Vec<Layer> = Vec::new();
    if let Some(python) = &plan.base.managed_python {
        found.push(Layer::new("python", Made::ByUv, python.describe()));
    }
    if !plan.packages.is_empty() {
        found.push(Layer::new("system", Made::OnBase, emit::describe_packages(plan)));
    }
    if plan.compiles_library() {
        found.push(Layer::new("python", Made::OnBase, emit::describe_library().to_owned()));
    }
    for group in &plan.groups {
        let sizes = group.wheels.iter().map(|wheel| preview.sizes.get(&wheel.filename).copied());
        let titles: Vec<String> =
            group.wheels.iter().map(|wheel| format!("{} {}", wheel.name, wheel.version)).collect();
        let kind = if matches!(group.kind, layers::Kind::Own) { "own" } else { "shared" };
        found.push(Layer { size: sizes.sum(), ..Layer::new(kind, Made::ByUv, titles.join(", ")) });
    }
    for group in &plan.local {
        let titles: Vec<String> =
            group.wheels.iter().map(|wheel| format!("{} {}", wheel.name, wheel.version)).collect();
        found.push(Layer::new("local", Made::ByUv, titles.join(", ")));
    }
    for built in plan.built_layers() {
        found.push(Layer::new("built", Made::ByUv, emit::describe_built(&built)));
    }
    if let Some(resolved) = &plan.resolved {
        found.push(Layer::new("resolved", Made::ByUv, emit::describe_resolved(resolved)));
    }
    for point in POINTS {
        if point == At::Project {
            for members in plan.first_party_layers() {
                let copied = members.iter().all(|member| matches!(member.how, How::Copy));
                let made = if copied { Made::Copied(None) } else { Made::ByUv };
                found.push(Layer::new("yours", made, emit::describe_members(plan, &members)));
            }
        }
        for copy in plan.copies_at(point) {
            found.push(Layer::new("yours", Made::Copied(copy.source.from.clone()), emit::describe_copy(copy)));
        }
        found.extend(plan.runs_at(point).map(|run| Layer::new("yours", Made::InImage, emit::describe_run(run))));
    }
    found
}

/// An argument vector as a shell would take it.
pub(super) fn shown(arguments: &[String]) -> String {
    let quoted = shlex::try_join(arguments.iter().map(String::as_str));
    quoted.unwrap_or_else(|_| serde_json::to_string(arguments).unwrap_or_default())
}

/// Most columns that names of packages take in a line.
const WIDTH: usize = 88;

fn table(preview: &Preview, assumes_libc: bool) -> String {
    let plan = &preview.plan;
    let mut text = format!("{} for {}, target {}\n\n", plan.project, plan.platform, plan.target);
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:<9} {value}");
    };
    line("base", &plan.base.image.reference);
    line("", &plan.base.reason);
    if assumes_libc {
        line("", &assumption(plan));
    }
    line("uv", &format!("{}, which builds and installs and stays outside of the image", plan.uv.version));
    if plan.auto_packages.is_some() {
        line("packages", "those with libraries that installed packages lack, which a build finds out");
    }
    if !plan.build_packages.is_empty() {
        let names: Vec<&str> = plan.build_packages.iter().map(|package| package.name.as_str()).collect();
        line("build", &format!("with the system packages {}", names.join(", ")));
    }
    for repository in &plan.repositories {
        line("", &format!("system packages also from {}", repository.url));
    }
    if !plan.runs_on_target.is_empty() {
        let names: Vec<&str> = plan.runs_on_target.iter().map(String::as_str).collect();
        line("", &format!("{} on {} itself, by emulation if need be", names.join(", "), plan.platform));
    }
    let config = &plan.config;
    let mut described = vec![(
        "user",
        format!("{} ({}:{}), home {}", plan.account.name, plan.account.uid, plan.account.gid, plan.account.home),
    )];
    described.push(("workdir", plan.workdir.clone()));
    let start: Vec<String> = config.entrypoint.iter().chain(&config.command).cloned().collect();
    if !start.is_empty() {
        described.push(("start", shown(&start)));
        described.push(("", config.command_reason.clone()));
    }
    if !config.ports.is_empty() {
        described.push(("ports", config.ports.join(", ")));
    }
    if let Some(check) = &config.healthcheck {
        described.push(("health", health(check)));
    }
    let listed = [("volumes", &config.volumes), ("writable", &plan.writable)];
    for (name, paths) in listed {
        let paths: Vec<String> =
            paths.iter().filter(|path| name == "volumes" || !config.volumes.contains(path)).cloned().collect();
        if !paths.is_empty() {
            described.push((name, paths.join(", ")));
        }
    }
    if let Some(signal) = &config.stop_signal {
        described.push(("stop", signal.clone()));
    }
    for (index, (name, value)) in config.env.iter().enumerate() {
        described.push((if index == 0 { "env" } else { "" }, format!("{name}={value}")));
    }
    text.push('\n');
    text.push_str(&layer_table(preview));
    text.push('\n');
    for (name, value) in described {
        let _ = writeln!(text, "{name:<9} {value}");
    }
    text
}

/// What the plan stands on without being known.
pub(super) fn assumption(plan: &Plan) -> String {
    let assume::Assumed { libc, distribution } = assume::of(&plan.base.image.reference);
    match distribution {
        Some(distribution) => format!("assumes {libc} of {distribution}; pass --libc for another"),
        None => format!("assumes {libc}, since its name does not say; pass --libc for another"),
    }
}

fn layer_table(preview: &Preview) -> String {
    let layers = layers(preview);
    let mut text = format!("{:<9} {:>9}  {:<8}  {}\n", "layers", "download", "", "on top of the base, bottom first");
    for (number, layer) in (1..).zip(&layers) {
        let size = layer.size.map_or_else(|| "-".to_owned(), human);
        for (index, part) in wrapped(&layer.contents).into_iter().enumerate() {
            let _ = match index {
                0 => writeln!(text, "{number:>9} {size:>9}  {:<8}  {part}", layer.kind),
                _ => writeln!(text, "{:31}{part}", ""),
            };
        }
    }
    let known: u64 = layers.iter().filter_map(|layer| layer.size).sum();
    let wheels: usize = preview.plan.groups.iter().map(|group| group.wheels.len()).sum();
    if known > 0 {
        let all = layers.iter().all(|layer| layer.size.is_some() || !matches!(layer.kind, "own" | "shared"));
        let more = if all { "" } else { ", and those of unknown size" };
        let _ = writeln!(text, "{:>9} {:>9}  in {wheels} wheels{more}", "", human(known));
    }
    text
}

/// Breaks a list at its commas.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in text.split(", ") {
        match lines.last_mut() {
            Some(line) if line.chars().count() + part.chars().count() + 3 <= WIDTH => {
                line.push_str(", ");
                line.push_str(part);
            }
            Some(line) => {
                line.push(',');
                lines.push(part.to_owned());
            }
            None => lines.push(part.to_owned()),
        }
    }
    lines
}

fn health(check: &plan::Healthcheck) -> String {
    let Healthcheck { command, interval, .. } = check;
    if command.is_empty() {
        return "none, also not the base image's".to_owned();
    }
    // Our own check is a program that nobody wants to read.
    let what = match command.last() {
        Some(url) if command.iter().any(|argument| argument.contains("urllib")) => format!("asks for {url}"),
        _ => shown(command),
    };
    match interval {
        Some(interval) => format!("{what}, every {} s", interval.as_secs()),
        None => what,
    }
}
