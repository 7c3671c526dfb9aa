//! `cargo xtask`: everything that is done to this repository by a machine, from a private Docker engine to the published
//! image. This file only reads the command line; each command lives in a file of its own.

#![allow(clippy::print_stdout)]

mod arguments;
mod bench;
mod codegen;
mod debian;
mod demo;
mod engine;
mod image;
mod process;
mod progress;
mod registry;
mod standin;
mod state;
mod test;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::arguments::Arguments;

const HELP: &str = "\
Usage: cargo xtask <command>

Commands:
  demo                  build and run examples/fastapi through `# syntax=`, from nothing
  test                  everything that CI runs
  bench                 time builds by pyfront and by Dockerfiles on one engine, and count the bytes that they move;
                        --project NAME,... --scenario NAME,... --contender NAME,... --rounds N (3) --json FILE
                        --stock-frontend IMAGE (adds the Dockerfile frontend as an external image)
                        --keep-frontend (measures the frontend image that is in the engine, instead of building it)
                        --write-docs (makes docs/performance.md)
  bench import          how long the data stack's imports take, in many layers, in one, and in the Dockerfile's image
  bench render          make docs/performance.md again from docs/performance.json
  bench layers [DIR...] what moves when one package changes, for other numbers in the planner
  engine up             start a Docker engine (an existing one is used as it is) and load what it cannot pull
  engine down           stop the private engines; --purge also deletes their images, caches and root file systems
  engine kill           end one without a warning, as a crash does
  engine status         what runs, where
  engine env            shell exports that point docker and buildx at the engine: eval \"$(cargo xtask engine env)\"
  standin IMAGE...      load a stand-in for an official image (without a name: list them)
  image                 build the frontend image and load it into the engine; --tag NAME adds a name. What is to be
                        published is in target/frontend-image.tar, an OCI archive
  registry up|down|status
                        a plain registry on loopback, for push tests
  codegen               renew the generated code of buildkit-proto, docs/configuration.md, docs/checks,
                        docs/conformance.md and the JSON Schema

Engines, for every command that needs one: --engine containerd | graphdriver | newest | scratch
  containerd            Debian trixie's Docker with the containerd image store (default)
  graphdriver           the same Docker with the classic store, which has no Merge and Diff
  newest                Debian forky's Docker
  scratch               one that tests break: the first with all it stores in memory
Without --engine, $PYFRONT_ENGINE (one of these names, or a DOCKER_HOST address) decides; then a working Docker with
buildx; then a private containerd engine is made.

State lives outside the checkout: $PYFRONT_STATE, or /var/cache/pyfront.
";

fn main() -> ExitCode {
    let arguments = Arguments::new(std::env::args().skip(1));
    match dispatch(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(mut arguments: Arguments) -> Result<()> {
    if arguments.flag("--help") || arguments.flag("-h") {
        print!("{HELP}");
        return Ok(());
    }
    match arguments.word().as_deref() {
        Some("demo") => demo::command(arguments),
        Some("test") => test::command(arguments),
        Some("bench") => bench::command(arguments),
        Some("engine") => engine::command(arguments),
        Some("standin") => standin::command(arguments),
        Some("image") => image::command(arguments),
        Some("registry") => registry::command(arguments),
        Some("codegen") => codegen::command(arguments),
        // Not for people: the first process of a private engine's namespace.
        Some("engine-init") => engine::init::command(arguments),
        Some("help") | None => {
            print!("{HELP}");
            Ok(())
        }
        Some(other) => bail!("there is no command `{other}`; `cargo xtask --help` lists them"),
    }
}
