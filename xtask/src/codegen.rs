//! `cargo xtask codegen`: renews what is generated from `proto/`. The generator is the drift test itself, told to write
//! instead of compare, so the two can never disagree.

use anyhow::{Result, bail};

use crate::arguments::Arguments;
use crate::workspace::cargo;

pub(crate) fn command(arguments: Arguments) -> Result<()> {
    arguments.finish()?;
    let status = cargo()
        .args(["test", "--package", "buildkit-proto", "--test", "generated"])
        .env("PYFRONT_UPDATE_GENERATED", "1")
        .status()?;
    if !status.success() {
        bail!("the generated code could not be renewed; the output above says why");
    }
    Ok(())
}
