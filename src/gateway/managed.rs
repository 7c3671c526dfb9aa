//! Puts uv's managed Python on a base image that has none, before anything is decided for the image: from there on it is a
//! base image with Python as any other.

use buildkit_frontend::{FrontendError, Gateway};
use buildkit_llb::Platform;

use super::platforms::{Platforms, arch};
use super::read::Written;
use super::resolve::{Builder, Resolved};
use super::{image, libc, machine, report, step_options};
use crate::emit::CA_SECRET;
use crate::emit::managed::{Download, Installer};
use crate::plan::ManagedPython;
use crate::plan::managed::{DIRECTORY, c_library};
use crate::plan::python::PythonChoice;
use crate::project::config::base::Base;

/// Gives the base images a Python, if they have none.
pub(super) async fn complete(
    gateway: &Gateway,
    written: &Written,
    python: &PythonChoice,
    platforms: &Platforms,
    builder: &mut Builder,
    bases: &mut [Resolved],
) -> Result<(), FrontendError> {
    let Some(configured) = written.config.base.as_ref().filter(|base| matches!(base.value, Base::Image(_))) else {
        return Ok(());
    };
    if has_python(gateway, &builder.base).await? {
        return Ok(());
    }
    let options = step_options(gateway, &written.target);
    let trusts_company = gateway.has_secret(CA_SECRET).await;
    let find = async |base: &Resolved, platform: &Platform| {
        let libc = libc::of_base(gateway, base, platform, Some(&configured.location)).await?;
        let arch = arch(platform)?;
        let python = ManagedPython::new(python.version, libc, arch, &written.root().uv).map_err(report::one)?;
        Ok::<_, FrontendError>((libc, c_library(libc, arch), python))
    };
    let minor = python.version.minor_text();
    let (own_libc, environment, own) = find(&builder.base, &platforms.build).await?;
    let unbuilt = builder.base.clone();
    let installer = Installer {
        machine: machine(&unbuilt, Some(&builder.uv), &platforms.build, ""),
        options: &options,
        minor: &minor,
        caps: gateway.llb_caps(),
        download: Download { python: &own, c_library: environment },
        trusts_company,
    };
    let bug = |error| FrontendError::new(format!("the managed Python cannot be built: {error}"));
    for (base, platform) in bases.iter_mut().zip(&platforms.targets) {
        let (libc, environment, python) = find(base, platform).await?;
        base.output =
            installer.install(&base.output, Download { python: &python, c_library: environment }).map_err(bug)?;
        had(base, libc, python);
    }
    builder.base.output = installer.install(&unbuilt.output, installer.download).map_err(bug)?;
    had(&mut builder.base, own_libc, own.clone());
    Ok(())
}

/// Notes what an image has now.
fn had(base: &mut Resolved, libc: crate::closure::Libc, python: ManagedPython) {
    let path = format!("{DIRECTORY}/bin:{}", image::path(&base.config));
    base.config.config.set_env("PATH", &path);
    base.config.history.push(image::entry(python.describe(), false));
    base.libc = Some(libc);
    base.managed_python = Some(python);
}

/// Whether a program is found in the image that steps can run on. Official images say which Python they have.
async fn has_python(gateway: &Gateway, base: &Resolved) -> Result<bool, FrontendError> {
    if base.config.config.env("PYTHON_VERSION").is_some_and(|version| !version.is_empty()) {
        return Ok(true);
    }
    let files = gateway.solve_output(Some(&base.output)).await?;
    for directory in image::path(&base.config).split(':').filter(|directory| directory.starts_with('/')) {
        if files.has(&format!("{}/python3", directory.trim_end_matches('/'))).await? {
            return Ok(true);
        }
    }
    Ok(false)
}
