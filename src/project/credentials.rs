//! User names and passwords inside URLs: such files are refused as a whole, and no line of them is shown.

use std::sync::Arc;

use super::lock::text::first_credentials;
use crate::diagnostic::{Diagnostic, SourceFile};

/// The refusal of a file that has a URL with credentials in it.
pub(super) fn refuse(file: &Arc<SourceFile>) -> Option<Diagnostic> {
    let offset = first_credentials(file.text())?;
    let help = "take user name and password out of the URL and pass them as build secrets; then change them, since they are \
                in the repository's history";
    Some(refusal("a URL", file, offset, help))
}

/// The refusal of `what` at a place of a file. It has no [`crate::diagnostic::Location`] on purpose: whoever draws the place
/// would print the secret.
pub(super) fn refusal(what: &str, file: &Arc<SourceFile>, offset: usize, help: &str) -> Diagnostic {
    Diagnostic::new(format!(
        "{what} on line {} of {} contains credentials, which would end up in build records",
        file.line_of(offset),
        file.name()
    ))
    .note("the line is not shown here")
    .help(help)
}
