//! The base image after a patch release of Python. The tag `python:3.13-slim` moves for the length of one build, as it would
//! move in a registry; when the process is killed meanwhile, the next command that needs the stand-in loads it again.

use std::io::Write as _;
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};

use crate::engine::{Engine, image_id};
use crate::process::run;

pub(super) const BASE: &str = "python:3.13-slim";
const BEFORE: &str = "pyfront-bench/python:before";
const AFTER: &str = "pyfront-bench/python:after";

const DOCKERFILE: &str = include_str!("dockerfiles/base.Dockerfile");

/// The tag has moved; it moves back in the end.
pub(crate) struct MovedBase<'a>(&'a Engine);

/// Makes the image of the later release.
pub(crate) fn prepare(engine: &Engine) -> Result<()> {
    run(&mut engine.docker(["tag", BASE, BEFORE]))?;
    image(engine, AFTER, DOCKERFILE).context("the later base image does not build")
}

/// Makes an image in an engine from a Dockerfile without a context.
pub(super) fn image(engine: &Engine, tag: &str, dockerfile: &str) -> Result<()> {
    let mut child = engine
        .docker(["buildx", "build", "--provenance=false", "--load", "--quiet", "--tag", tag, "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot run docker")?;
    child.stdin.take().context("docker has no stdin")?.write_all(dockerfile.as_bytes())?;
    let output = child.wait_with_output()?;
    if output.status.success() {
        return Ok(());
    }
    bail!("{}", String::from_utf8_lossy(&output.stderr).trim())
}

impl<'a> MovedBase<'a> {
    /// Moves the tag.
    pub(crate) fn tag(engine: &'a Engine) -> Result<Self> {
        if image_id(engine, AFTER).is_none() {
            prepare(engine)?;
        }
        let moved = Self(engine);
        run(&mut engine.docker(["tag", AFTER, BASE]))?;
        Ok(moved)
    }
}

impl Drop for MovedBase<'_> {
    fn drop(&mut self) {
        if let Err(error) = run(&mut self.0.docker(["tag", BEFORE, BASE])) {
            eprintln!("warning: {BASE} is still the later release; `cargo xtask engine up` repairs it: {error:#}");
        }
    }
}
