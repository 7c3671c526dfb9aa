//! `cargo xtask bench layers`: what the planner's numbers mean for real locks. The simulator is a program of its own, so that
//! xtask need not be built with all of pyfront.

use anyhow::{Result, bail};

use crate::arguments::Arguments;
use crate::workspace::cargo;

pub(crate) fn command(mut arguments: Arguments) -> Result<()> {
    let directories = arguments.words();
    arguments.finish()?;
    let mut run = cargo();
    run.args(["run", "--quiet", "--package", "xtask-layers", "--"]).args(directories);
    if run.status()?.success() { Ok(()) } else { bail!("the simulation failed; the output above says why") }
}
