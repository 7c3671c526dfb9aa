//! Finds out which C library a base image has: by its history, else by the release that it names, else by reading the library.

use buildkit_frontend::{FrontendError, Gateway};
use buildkit_llb::Platform;

use super::report;
use super::resolve::Resolved;
use crate::closure::{Arch, Libc};
use crate::diagnostic::{Diagnostic, Location};
use crate::plan::libc;

/// The C library of a base image. `place` is where the user chose the image.
pub(super) async fn of_base(
    gateway: &Gateway,
    base: &Resolved,
    platform: &Platform,
    place: Option<&Location>,
) -> Result<Libc, FrontendError> {
    if let Some(known) = base.libc {
        return Ok(known);
    }
    let history = base.config.history.iter().map(|entry| entry.created_by.as_str());
    if let Some(known) = libc::from_history(history) {
        return Ok(known);
    }
    let arch = super::platforms::arch(platform)?;
    match read(gateway, base, arch).await? {
        Some(found) => Ok(found),
        None => Err(report::one(
            Diagnostic::new(format!(
                "the base image {} has neither glibc nor musl where {arch} has them, so no wheels can be chosen for it",
                base.shown.reference
            ))
            .at_location(place.cloned())
            .help("use a base image with a C library, such as base = \"slim\""),
        )),
    }
}

/// Reads the files that tell. The image has to be pulled for that, if it is not there yet; the steps would pull it, too.
async fn read(gateway: &Gateway, base: &Resolved, arch: Arch) -> Result<Option<Libc>, FrontendError> {
    let files = gateway.solve_output(Some(&base.output)).await?;
    // A few hundred bytes, where a library is two megabytes.
    if let Some(release) = files.read_optional_file(libc::OS_RELEASE).await?
        && let Some(found) = libc::from_os_release(&String::from_utf8_lossy(&release))
    {
        return Ok(Some(found));
    }
    for path in libc::candidates(arch) {
        if let Some(library) = files.read_optional_file(&path).await?
            && let Some(found) = libc::from_library(&library)
        {
            return Ok(Some(found));
        }
    }
    Ok(None)
}
