//! `cargo xtask test`: everything that CI runs, in the order in which mistakes are cheapest to find: formatting and lints,
//! then tests without an engine, then the end-to-end tests once for each engine, two engines at a time. One or two that fail
//! there are run again, as builds with real engines depend on a busy machine; the last lines name them.

use std::process::Command;
use std::time::Instant;

use anyhow::{Result, bail};

use crate::arguments::Arguments;
use crate::engine::Engine;
use crate::progress::note;
use crate::workspace::{cargo, root};
use crate::{image, standin};

use self::beside::{Failed, Program};
use self::engines::{ENGINES, Suite};

mod beside;
#[path = "../../tests/conformance/engines.rs"]
mod engines;

/// What the compressed frontend image may weigh, in bytes: every builder fetches it.
const FRONTEND_LIMIT: u64 = 2_000_000;

/// How many engines are tested on at a time. The tests of one keep little more than one processor busy, and engines share nothing.
const AT_ONCE: usize = 2;

/// How many tests of an engine are run again when they failed: where more do, it is no accident.
const FEW: usize = 2;

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
    end_to_end(&engines(&asked)?)?;
    note(format!("everything passed in {:.0?}", began.elapsed()));
    Ok(())
}

/// Formatting, lints, and all tests that need no engine.
fn check() -> Result<()> {
    run("formatting", cargo().args(["fmt", "--all", "--check"]))?;
    let strict = ["--", "--deny", "warnings"];
    run("lints", cargo().args(["clippy", "--workspace", "--all-targets", "--quiet"]).args(strict))?;
    // "All targets" are those that `cargo test` runs.
    let e2e = ["clippy", "--package", "pyfront", "--test", "e2e", "--quiet"];
    run("lints of the end-to-end tests", cargo().args(e2e).args(strict))?;
    run("tests", cargo().args(["test", "--workspace", "--quiet"]))
}

/// Which engines to test on, and which tests; without a suite all of them.
type Asked = (Option<String>, Option<Suite>);

/// Everything on the engines asked for; else [`ENGINES`]; else, where Docker is installed already, everything on that.
fn engines(asked: &[String]) -> Result<Vec<Asked>> {
    if !asked.is_empty() {
        return Ok(asked.iter().map(|name| (Some(name.clone()), None)).collect());
    }
    if Engine::choose(None)?.is_private() {
        return Ok(ENGINES.iter().map(|suite| (Some(suite.engine.to_owned()), Some(*suite))).collect());
    }
    note("testing on the Docker of this machine alone; --engine containerd --engine graphdriver tests on private ones");
    Ok(vec![(None, None)])
}

/// The end-to-end tests on engines, which are made when they are missing.
fn end_to_end(engines: &[Asked]) -> Result<()> {
    // Before the first test: making an image writes into the target directory, where there is one of it for all engines.
    let mut ready = Vec::new();
    for (asked, suite) in engines {
        ready.push((prepare(asked.as_deref())?, suite.as_ref().map(words).unwrap_or_default()));
    }
    run("end-to-end tests: compiling", cargo().args(["test", "--package", "pyfront", "--test", "e2e", "--no-run"]))?;
    if let [(engine, tests)] = &ready[..] {
        return run(&format!("end-to-end tests on the {} engine", engine.name()), &mut tests_on(engine, tests));
    }
    let names: Vec<&str> = ready.iter().map(|(engine, _)| engine.name()).collect();
    note(format!("== end-to-end tests on {}, {AT_ONCE} engines at a time", names.join(", ")));
    let program = |(engine, tests): &(Engine, Vec<&str>)| Program {
        name: engine.name().to_owned(),
        command: tests_on(engine, tests),
    };
    let mut failed = Vec::new();
    for Failed { name, tests } in beside::run(ready.iter().map(program).collect(), AT_ONCE)? {
        let engine = ready.iter().map(|(engine, _)| engine).find(|engine| engine.name() == name);
        if engine.is_none_or(|engine| !pass_alone(engine, &tests)) {
            failed.push(name);
        }
    }
    if !failed.is_empty() {
        bail!(
            "end-to-end tests failed on {}; the lines above that begin with {} say why",
            failed.join(" and "),
            if failed.len() == 1 { "this name" } else { "these names" }
        );
    }
    Ok(())
}

/// Runs the few tests again that failed while two engines kept the machine busy. Those that pass alone are named, to be looked into:
/// they, or pyfront, depend on how fast the machine is.
fn pass_alone(engine: &Engine, tests: &[String]) -> bool {
    if tests.is_empty() || tests.len() > FEW {
        return false;
    }
    let mut names = vec!["--exact"];
    names.extend(tests.iter().map(String::as_str));
    let passed = run(&format!("again, alone, on {}", engine.name()), &mut tests_on(engine, &names)).is_ok();
    if passed {
        note(format!("UNSTABLE on {}: {}: failed above, and passed alone", engine.name(), tests.join(", ")));
    }
    passed
}

/// Makes an engine answer, with all that the tests build from, the frontend of this checkout among it.
fn prepare(asked: Option<&str>) -> Result<Engine> {
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
    Ok(engine)
}

/// What the test harness is told of a suite.
fn words(suite: &Suite) -> Vec<&'static str> {
    let without = suite.without.iter().flat_map(|part| ["--skip", part]);
    suite.only.iter().copied().chain(without).collect()
}

/// The tests on an engine, those that these words for the test harness choose; without words all of them.
fn tests_on(engine: &Engine, tests: &[&str]) -> Command {
    let mut test = cargo();
    test.args(["test", "--package", "pyfront", "--test", "e2e", "--"]).args(tests);
    test.env("PYFRONT_TEST_ENGINE", engine.name());
    for (variable, value) in engine.environment() {
        match value {
            Some(value) => test.env(variable, value),
            None => test.env_remove(variable),
        };
    }
    test
}

fn run(what: &str, command: &mut Command) -> Result<()> {
    note(format!("== {what}"));
    let began = Instant::now();
    if !command.current_dir(root()).status()?.success() {
        bail!("{what}: failed; the output above says why");
    }
    note(format!("== {what}: passed in {:.0?}", began.elapsed()));
    Ok(())
}
