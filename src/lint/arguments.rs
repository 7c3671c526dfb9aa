//! Build arguments that nothing reads: most often a typing error.

use super::rules::UNKNOWN_BUILD_ARG;
use super::{Finding, Subject};
use crate::diagnostic::{Diagnostic, nearest};
use crate::project::document::quoted;

/// The build arguments that every project has, with what each is for. Others tell the versions of projects.
pub const KNOWN_ARGUMENTS: &[(&str, &str)] = &[
    ("PYTHON_VERSION", "the Python version"),
    ("PYFRONT_PACKAGE", "the member of the workspace that the image is of"),
    ("PYFRONT_LOCKED", "whether uv.lock must fit pyproject.toml"),
    ("PYFRONT_ANNOTATIONS", "whether the image's manifests are annotated"),
];

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let known = || KNOWN_ARGUMENTS.iter().map(|(name, _)| *name);
    let unknown = subject
        .arguments
        .keys()
        .filter(|name| known().all(|known| known != **name) && !subject.tells_version.contains(*name));
    let finding = |name: &&str| {
        let diagnostic = Diagnostic::new(format!("nothing reads the build argument {}", quoted(name)));
        UNKNOWN_BUILD_ARG.finding(match nearest(name, known()) {
            Some(near) => diagnostic.help(format!("did you mean --build-arg {near}=…?")),
            None => {
                diagnostic.help("leave it out; what is configured with build arguments is in docs/build-arguments.md")
            }
        })
    };
    unknown.map(finding).collect()
}
