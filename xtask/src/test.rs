//! `cargo xtask test`: everything that CI runs, in the order in which mistakes are cheapest to find: formatting and lints,
//! then tests without an engine, then the end-to-end tests once for each engine.

use std::process::Command;
use std::time::Instant;

use anyhow::{Result, bail};

use crate::arguments::Arguments;
use crate::engine::Engine;
use crate::progress::note;
use crate::workspace::{cargo, root};
use crate::{image, standin};

/// The engines that the end-to-end tests run on.
const ENGINES: [&str; 2] = ["containerd", "graphdriver"];

pub(crate) fn command(mut arguments: Arguments) -> Result<()> {
    let asked = arguments.values("--engine")?;
    let quick = arguments.flag("--no-engine");
    let only = arguments.flag("--only-engine");
    arguments.finish()?;
    let began = Instant::now();
    if !only {
        check()?;
    }
    if quick {
        note("SKIPPED: the end-to-end tests, because of --no-engine");
        return Ok(());
    }
    let engines: Vec<&str> =
        if asked.is_empty() { ENGINES.to_vec() } else { asked.iter().map(String::as_str).collect() };
    for name in engines {
        end_to_end(name)?;
    }
    note(format!("everything passed in {:.0?}", began.elapsed()));
    Ok(())
}

/// Formatting, lints, and all tests that need no engine.
fn check() -> Result<()> {
    run("formatting", cargo().args(["fmt", "--all", "--check"]))?;
    run("lints", cargo().args(["clippy", "--workspace", "--all-targets", "--quiet", "--", "--deny", "warnings"]))?;
    run("tests", cargo().args(["test", "--workspace", "--quiet"]))
}

/// The end-to-end tests on one engine, which is made when it is missing.
fn end_to_end(name: &str) -> Result<()> {
    let engine = Engine::up(Some(name))?;
    standin::ensure(&engine, &standin::usual())?;
    image::build(&engine, &[])?;
    let mut test = cargo();
    test.args(["test", "--package", "pyfront", "--test", "e2e"]).env("PYFRONT_TEST_ENGINE", engine.name());
    for (variable, value) in engine.environment() {
        match value {
            Some(value) => test.env(variable, value),
            None => test.env_remove(variable),
        };
    }
    run(&format!("end-to-end tests on {name}"), &mut test)
}

fn run(what: &str, command: &mut Command) -> Result<()> {
    note(format!("== {what}"));
    if !command.current_dir(root()).status()?.success() {
        bail!("{what}: failed; the output above says why");
    }
    Ok(())
}
