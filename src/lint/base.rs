//! The base image: how it was chosen, what it asks for, and whether its Python and C library are still fit for use.

use super::rules::{IGNORED_ON_BUILD, LATEST_BASE, LIBC_WITHOUT_WHEELS, UNPINNED_BASE};
use super::{Finding, Packages, Subject, python};
use crate::closure::{Artifact, Libc, Target};
use crate::diagnostic::{Diagnostic, Location};
use crate::project::config::base::Base;

/// A C library that is newer than any that wheels ask for.
const NEWEST: Libc = Libc::Glibc { major: 2, minor: 60 };

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let configured = subject.config.base.as_ref().map(|base| &base.location);
    let mut findings: Vec<Finding> = reference(subject).into_iter().collect();
    findings.extend(python::check(subject));
    if let [first, ..] = subject.base.on_build {
        let instruction = first.split_whitespace().next().unwrap_or_default();
        findings.push(
            IGNORED_ON_BUILD.finding(
                Diagnostic::new(format!(
                    "{} has ONBUILD {instruction}, which only a Dockerfile carries out",
                    subject.plan.base.image.reference
                ))
                .at_location(configured.cloned())
                .help("choose a base image without it; its ONBUILD variants usually have a plain one beside them"),
            ),
        );
    }
    if subject.target.kind.is_image() {
        findings.extend(libc(subject, configured));
    }
    findings
}

/// An image that the user named.
fn reference(subject: &Subject<'_>) -> Option<Finding> {
    let base = subject.config.base.as_ref()?;
    let Base::Image(image) = &base.value else { return None };
    let text = image.as_str();
    if text.contains('@') {
        return None;
    }
    let tag = text.rsplit_once(':').map(|(_, tag)| tag).filter(|tag| !tag.contains('/'));
    if let None | Some("latest") = tag {
        let moves = match tag {
            None => format!("{text} has no tag, so it is the latest version"),
            Some(_) => format!("{text} is whatever version is the latest"),
        };
        let name = text.trim_end_matches(":latest");
        let (changes, help) = if subject.plan.base.managed_python.is_some() {
            ("it changes", "name a release of it".to_owned())
        } else {
            let python = &subject.plan.base.python;
            ("its Python changes", format!("name a version, for example base = \"{name}:{python}\""))
        };
        let diagnostic = Diagnostic::new(format!("{moves}: {changes} without notice"));
        return Some(LATEST_BASE.finding(diagnostic.at_location(Some(base.location.clone())).help(help)));
    }
    let diagnostic = Diagnostic::new(format!("{text} can be another image tomorrow"));
    let digest = subject.plan.base.image.digest.as_deref().unwrap_or("sha256:…");
    Some(
        UNPINNED_BASE.finding(
            diagnostic
                .at_location(Some(base.location.clone()))
                .help(format!("pin it, and let a bot renew it: base = \"{text}@{digest}\"")),
        ),
    )
}

/// Packages that are compiled although there are wheels for this Python and CPU.
fn libc(subject: &Subject<'_>, configured: Option<&Location>) -> Vec<Finding> {
    let Packages { input, lock, request, target, closure } = subject.packages;
    let compiled: Vec<_> =
        closure.third_party().filter(|package| matches!(package.artifact, Artifact::Sdist(_))).collect();
    if compiled.is_empty() {
        return Vec::new();
    }
    let newest = Target { libc: NEWEST, ..target.clone() };
    let Ok(there) = input.resolve(lock, request, &newest) else { return Vec::new() };
    let image = &subject.plan.base.image.reference;
    let finding = |(name, version, wheel, origin): (&str, String, &str, Location)| {
        let why = match target.libc {
            Libc::Glibc { .. } => "is for a newer one",
            Libc::Musl { .. } => "is for glibc",
        };
        let help = match target.libc {
            Libc::Glibc { .. } => "choose a base image of a newer release, such as base = \"slim\"",
            Libc::Musl { .. } => "choose a base image with glibc, such as base = \"slim\"",
        };
        LIBC_WITHOUT_WHEELS.finding(
            Diagnostic::new(format!("{name} {version} is compiled: {image} has {}, and {wheel} {why}", target.libc))
                .at_location(Some(configured.cloned().unwrap_or(origin)))
                .help(help),
        )
    };
    let found = compiled.into_iter().filter_map(|package| {
        let other = there.closure.get(package.name.as_str())?;
        let Artifact::Wheel(wheel) = &other.artifact else { return None };
        let version = package.version.as_ref().map(ToString::to_string).unwrap_or_default();
        let origin = package.location.clone();
        Some((package.name.as_str(), version, wheel.filename.as_str(), origin))
    });
    found.map(finding).collect()
}
