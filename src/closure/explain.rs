//! Why a package cannot be installed on a target, told so that somebody can do something about it: what was looked
//! for, what there is, who wants the package, and the change that helps.

use std::collections::BTreeSet;
use std::sync::Arc;

use uv_platform_tags::{AbiTag, Arch, LanguageTag, PlatformTag};

use super::{Chain, Libc, Target};
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::project::lock::{Package, Wheel};

/// Why there is nothing to install for a package.
pub(super) enum Missing {
    /// No wheel fits, and there is no source.
    NoFile,
    /// `no-binary` forbids its wheels, and there is no source.
    WheelForbidden,
    /// `no-build` forbids its source.
    BuildForbidden {
        /// `no-binary` forbids its wheels, too.
        wheel_forbidden: bool,
    },
}

/// The diagnostic for a package without a file that may be installed.
pub(super) fn no_artifact(
    file: &Arc<SourceFile>,
    package: &Package,
    target: &Target,
    missing: &Missing,
    chain: &Chain,
) -> Diagnostic {
    let name = match &package.version {
        Some(version) => format!("{} {version}", package.name),
        None => package.name.to_string(),
    };
    let nothing = matches!(missing, Missing::NoFile) && package.wheels.is_empty();
    let diagnostic = match missing {
        Missing::NoFile if nothing => {
            Diagnostic::new(format!("the lock has neither a wheel nor a source distribution of {name}"))
        }
        Missing::NoFile => Diagnostic::new(format!("{name} has no wheel for {target}, and no source distribution")),
        Missing::WheelForbidden => {
            Diagnostic::new(format!("{name} has no source distribution, and no-binary forbids its wheels"))
        }
        Missing::BuildForbidden { wheel_forbidden: true } => {
            Diagnostic::new(format!("no-binary forbids the wheels of {name}, and no-build its source distribution"))
        }
        Missing::BuildForbidden { wheel_forbidden: false } => Diagnostic::new(format!(
            "{name} has no wheel for {target}, and no-build forbids to build its source distribution"
        )),
    }
    .at(file, package.range.clone());
    let diagnostic = if nothing {
        diagnostic
    } else if package.wheels.is_empty() {
        diagnostic.note("the lock has no wheels of it")
    } else {
        diagnostic.note(format!("its wheels are for {}", summary(&package.wheels)))
    };
    let diagnostic = diagnostic.note(format!("wanted by {chain}"));
    match missing {
        Missing::NoFile if nothing => diagnostic.help(format!(
            "run `uv lock --upgrade-package {}`: the index may have had no files of this version when it was locked",
            package.name
        )),
        Missing::NoFile => advise(diagnostic, package, target),
        Missing::WheelForbidden => diagnostic.help(format!("take {} out of no-binary", package.name)),
        Missing::BuildForbidden { wheel_forbidden: true } => {
            diagnostic.help(format!("take {} out of no-binary or no-build", package.name))
        }
        Missing::BuildForbidden { wheel_forbidden: false } => {
            diagnostic.help(format!("take {} out of no-build, or lock a version that has such a wheel", package.name))
        }
    }
}

/// `cp311, cp312 on macosx_11_0_arm64, win_amd64`
fn summary(wheels: &[Wheel]) -> String {
    let pythons: BTreeSet<String> = wheels
        .iter()
        .flat_map(|wheel| {
            let abis = wheel.parsed.abi_tags();
            wheel.parsed.python_tags().iter().map(move |python| match abis {
                // `cp313t` and `abi3` say more than `cp313`.
                [abi] if abi.to_string() != python.to_string() && *abi != AbiTag::None => format!("{python}-{abi}"),
                _ => python.to_string(),
            })
        })
        .collect();
    let platforms: BTreeSet<String> =
        wheels.iter().flat_map(|wheel| wheel.parsed.platform_tags()).map(ToString::to_string).collect();
    format!("{} on {}", list(&pythons, 8), list(&platforms, 8))
}

fn list(items: &BTreeSet<String>, most: usize) -> String {
    if items.is_empty() {
        return "nothing that is known".to_owned();
    }
    let shown: Vec<&str> = items.iter().take(most).map(String::as_str).collect();
    let more = items.len() - shown.len();
    if more > 0 { format!("{} and {more} more", shown.join(", ")) } else { shown.join(", ") }
}

/// The change that would help, as far as the wheels' tags tell.
fn advise(diagnostic: Diagnostic, package: &Package, target: &Target) -> Diagnostic {
    let here: Vec<&Wheel> = package.wheels.iter().filter(|wheel| python_fits(wheel, target)).collect();
    let platforms = || here.iter().flat_map(|wheel| wheel.parsed.platform_tags());
    let arch = target.arch.for_tags();

    if let Libc::Glibc { major, minor } = target.libc {
        let newer = platforms()
            .filter_map(glibc)
            .filter(|(wants, least, cpu)| *cpu == arch && *wants == major && *least > minor)
            .map(|(_, least, _)| least)
            .min();
        if let Some(newer) = newer {
            return diagnostic.help(format!("choose a base image with glibc {major}.{newer} or newer"));
        }
    } else if platforms().filter_map(glibc).any(|(_, _, cpu)| cpu == arch) {
        return diagnostic.help("choose a base image with glibc (Debian) instead of musl (Alpine)");
    }
    let pythons: BTreeSet<String> = package
        .wheels
        .iter()
        .filter(|wheel| wheel.parsed.platform_tags().iter().any(|tag| platform_fits(tag, target)))
        .flat_map(|wheel| wheel.parsed.python_tags())
        .filter_map(|tag| match tag {
            LanguageTag::CPython { python_version: (major, minor) } => Some(format!("{major}.{minor}")),
            _ => None,
        })
        .collect();
    if here.is_empty() && !pythons.is_empty() {
        let versions = list(&pythons, 8);
        return diagnostic.help(format!(
            "choose another Python ({versions}), or lock a version of {} that supports {}",
            package.name, target.python
        ));
    }
    diagnostic.help(format!(
        "lock a version with such a wheel: required-environments = [\"sys_platform == 'linux' and platform_machine == \
         '{}'\"] in [tool.uv] of pyproject.toml makes `uv lock` look for one; or give the dependency a marker that \
         leaves this platform out",
        target.arch
    ))
}

/// Whether a wheel is for the target's Python, whatever the platform.
fn python_fits(wheel: &Wheel, target: &Target) -> bool {
    target.tags().is_ok_and(|tags| {
        let pythons = wheel.parsed.python_tags();
        let abis = wheel.parsed.abi_tags();
        pythons.iter().any(|python| abis.iter().any(|abi| tags.is_compatible_abi(*python, *abi)))
    })
}

fn platform_fits(tag: &PlatformTag, target: &Target) -> bool {
    let arch = target.arch.for_tags();
    match (tag, target.libc) {
        (PlatformTag::Any, _) => true,
        (PlatformTag::Linux { arch: cpu }, _) => *cpu == arch,
        (PlatformTag::Musllinux { major, minor, arch: cpu }, Libc::Musl { major: have, minor: least }) => {
            *cpu == arch && *major == have && *minor <= least
        }
        (tag, Libc::Glibc { major: have, minor: least }) => {
            glibc(tag).is_some_and(|(major, minor, cpu)| cpu == arch && major == have && minor <= least)
        }
        _ => false,
    }
}

/// The glibc and CPU that a manylinux tag asks for (PEP 600 gives the versions of the older names).
fn glibc(tag: &PlatformTag) -> Option<(u16, u16, Arch)> {
    match tag {
        PlatformTag::Manylinux { major, minor, arch } => Some((*major, *minor, *arch)),
        PlatformTag::Manylinux1 { arch } => Some((2, 5, *arch)),
        PlatformTag::Manylinux2010 { arch } => Some((2, 12, *arch)),
        PlatformTag::Manylinux2014 { arch } => Some((2, 17, *arch)),
        _ => None,
    }
}
