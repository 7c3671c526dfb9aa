//! `pyfront schema`: the JSON Schema of `[tool.pyfront]`, for editors.

use lexopt::Parser;

use super::{Failure, Terminal, unexpected};
use crate::project::config::schema::schema;

pub(super) const ABOUT: &str = "print the JSON Schema of [tool.pyfront]";
pub(super) const HELP: &str = "

Editors complete and check the keys of [tool.pyfront] with it. It is the schema of that table, not of pyproject.toml as a
whole.
";

pub(super) fn run(mut parser: Parser, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
    if let Some(argument) = parser.next()? {
        return Err(unexpected(&argument, &[]));
    }
    let text = serde_json::to_string_pretty(&schema()).unwrap_or_default();
    Ok(writeln!(terminal.out, "{text}")?)
}
