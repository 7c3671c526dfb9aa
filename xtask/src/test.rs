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

/// The private engines that the end-to-end tests run on.
const ENGINES: [&str; 2] = ["containerd", "graphdriver"];
/// What the compressed frontend image may weigh, in bytes: every builder fetches it.
const FRONTEND_LIMIT: u64 = 2_000_000;

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
    for engine in engines(&asked)? {
        end_to_end(engine.as_deref())?;
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

/// Which engines to test on: those asked for; else both private ones; else, where Docker is installed already, that.
fn engines(asked: &[String]) -> Result<Vec<Option<String>>> {
    if !asked.is_empty() {
        return Ok(asked.iter().cloned().map(Some).collect());
    }
    if Engine::choose(None)?.is_private() {
        return Ok(ENGINES.map(|name| Some(name.to_owned())).to_vec());
    }
    note("testing on the Docker of this machine alone; --engine containerd --engine graphdriver tests on private ones");
    Ok(vec![None])
}

/// The end-to-end tests on one engine, which is made when it is missing.
fn end_to_end(asked: Option<&str>) -> Result<()> {
    let engine = Engine::up(asked)?;
    standin::ensure(&engine, &standin::usual())?;
    // Others pull the official image, which has several platforms itself.
    if engine.is_private() && engine.keeps_several_platforms() {
        standin::ensure(&engine, &[standin::SEVERAL_PLATFORMS])?;
    }
    if std::env::consts::ARCH == "x86_64" {
        standin::ensure(&engine, &[standin::MUSL])?;
    }
    let frontend = image::build(&engine, &[])?;
    if frontend.compressed > FRONTEND_LIMIT {
        bail!("the frontend image has grown to {} bytes compressed, more than {FRONTEND_LIMIT}", frontend.compressed);
    }
    let mut test = cargo();
    test.args(["test", "--package", "pyfront", "--test", "e2e"]).env("PYFRONT_TEST_ENGINE", engine.name());
    for (variable, value) in engine.environment() {
        match value {
            Some(value) => test.env(variable, value),
            None => test.env_remove(variable),
        };
    }
    run(&format!("end-to-end tests on the {} engine", engine.name()), &mut test)
}

fn run(what: &str, command: &mut Command) -> Result<()> {
    note(format!("== {what}"));
    if !command.current_dir(root()).status()?.success() {
        bail!("{what}: failed; the output above says why");
    }
    Ok(())
}
