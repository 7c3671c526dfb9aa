//! `cargo xtask demo`: from a fresh machine to a running container.

use anyhow::{Result, bail};

use crate::arguments::Arguments;

pub(crate) fn command(arguments: Arguments) -> Result<()> {
    arguments.finish()?;
    bail!("the demo is not there yet");
}
