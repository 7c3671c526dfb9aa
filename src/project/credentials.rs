//! User names and passwords inside URLs: such files are refused as a whole, and no line of them is shown.

use std::sync::Arc;

use super::lock::text::first_credentials;
use crate::diagnostic::{Diagnostic, SourceFile};

/// The refusal of a file that has a URL with credentials in it. It has no place on purpose: whoever draws the place would
/// print the secret.
pub(super) fn refuse(file: &Arc<SourceFile>) -> Option<Diagnostic> {
    let offset = first_credentials(file.text())?;
    Some(
        Diagnostic::new(format!(
            "a URL on line {} of {} contains credentials, which would end up in build records",
            file.line_of(offset),
            file.name()
        ))
        .note("the line is not shown here")
        .help(
            "take user name and password out of the URL and pass them as build secrets; then change them, since they are \
             in the repository's history",
        ),
    )
}
