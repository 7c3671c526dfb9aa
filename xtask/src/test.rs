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

use self::engines::ENGINES;

#[path = "../../tests/conformance/engines.rs"]
mod engines;

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
    for (engine, tests) in engines(&asked)? {
        end_to_end(engine.as_deref(), tests)?;
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

/// Which engines to test on, and which tests: all of them on those asked for; else [`ENGINES`]; else, where Docker is installed
/// already, all of them on that.
fn engines(asked: &[String]) -> Result<Vec<(Option<String>, &'static [&'static str])>> {
    if !asked.is_empty() {
        return Ok(asked.iter().map(|name| (Some(name.clone()), &[][..])).collect());
    }
    if Engine::choose(None)?.is_private() {
        return Ok(ENGINES.iter().map(|(name, tests)| (Some((*name).to_owned()), *tests)).collect());
    }
    note("testing on the Docker of this machine alone; --engine containerd --engine graphdriver tests on private ones");
    Ok(vec![(None, &[])])
}

/// The end-to-end tests on one engine, which is made when it is missing. Without names of tests it is all of them.
fn end_to_end(asked: Option<&str>, tests: &[&str]) -> Result<()> {
    let engine = Engine::up(asked)?;
    standin::ensure(&engine, &standin::usual())?;
    // Others pull the official image, which has several platforms itself.
    if engine.is_private() && engine.has_containerd_store() {
        standin::ensure(&engine, &[standin::SEVERAL_PLATFORMS])?;
    }
    if std::env::consts::ARCH == "x86_64" {
        standin::ensure(&engine, &[standin::MUSL])?;
    }
    let frontend = image::build(&engine, &[])?;
    if let Some(compressed) = frontend.compressed.filter(|compressed| *compressed > FRONTEND_LIMIT) {
        bail!("the frontend image has grown to {compressed} bytes compressed, more than {FRONTEND_LIMIT}");
    }
    let mut test = cargo();
    test.args(["test", "--package", "pyfront", "--test", "e2e", "--"]).args(tests);
    test.env("PYFRONT_TEST_ENGINE", engine.name());
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
