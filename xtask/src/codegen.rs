//! `cargo xtask codegen`: renews what is generated: the protocol's code from `proto/`, and the configuration reference from
//! the types. The generators are the drift tests themselves, told to write instead of compare, so the two can never
//! disagree.

use anyhow::{Result, bail};

use crate::arguments::Arguments;
use crate::workspace::cargo;

/// The drift tests: package and test.
const GENERATORS: [(&str, &str); 4] =
    [("buildkit-proto", "generated"), ("pyfront", "configuration"), ("pyfront", "checks"), ("pyfront", "conformance")];

pub(crate) fn command(arguments: Arguments) -> Result<()> {
    arguments.finish()?;
    for (package, test) in GENERATORS {
        let status = cargo()
            .args(["test", "--package", package, "--test", test])
            .env("PYFRONT_UPDATE_GENERATED", "1")
            .status()?;
        if !status.success() {
            bail!("what the test `{test}` of {package} generates could not be renewed; the output above says why");
        }
    }
    Ok(())
}
