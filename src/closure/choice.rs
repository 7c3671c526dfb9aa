//! Which file stands for each package: the wheel with the best tag (and among equals the highest build tag), else the
//! source, as uv's `to_dist` does it.

use std::collections::HashMap;

use uv_normalize::PackageName;
use uv_platform_tags::{TagCompatibility, Tags};

use super::artifact::{ArchiveFile, Artifact, Tree, WheelFile};
use super::chain::Chains;
use super::explain::{self, Missing};
use super::roots::Roots;
use super::walk::Walked;
use super::{Closure, Locked, Request, Target};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::project::lock::{Lock, Package, Sdist, Source, Wheel};

/// Chooses an artifact for every package of a walk.
pub(super) fn choose(
    lock: &Lock,
    request: &Request,
    target: &Target,
    roots: &Roots<'_>,
    walked: &Walked<'_>,
) -> Result<Closure, Diagnostics> {
    let tags = target.tags()?;
    let chains = Chains::new(lock, roots, walked);
    let mut dependencies: HashMap<usize, Vec<PackageName>> = HashMap::new();
    for edge in &walked.edges {
        if let Some(from) = edge.from {
            dependencies.entry(from).or_default().push(lock.packages[edge.to].name.clone());
        }
    }

    let mut packages = Vec::with_capacity(walked.packages.len());
    let mut problems = Vec::new();
    for (index, extras) in &walked.packages {
        let package = &lock.packages[*index];
        let first_party = package.source.is_source_tree() || lock.manifest.members.contains(&package.name);
        match artifact(package, request, first_party, &tags) {
            Ok(artifact) => {
                let mut dependencies = dependencies.remove(index).unwrap_or_default();
                dependencies.sort_unstable();
                dependencies.dedup();
                packages.push(Locked {
                    name: package.name.clone(),
                    version: package.version.clone(),
                    source: package.source.clone(),
                    artifact,
                    extras: extras.iter().copied().cloned().collect(),
                    dependencies,
                    chain: chains.to(*index),
                    root: roots.projects.contains(index),
                    first_party,
                    location: lock.location(&package.range),
                });
            }
            Err(missing) => {
                problems.push(explain::no_artifact(&lock.file, package, target, &missing, &chains.to(*index)));
            }
        }
    }
    packages.sort_by(|left, right| left.name.cmp(&right.name).then_with(|| left.version.cmp(&right.version)));
    for pair in packages.windows(2) {
        if let [first, second] = pair
            && first.name == second.name
        {
            problems.push(twice(lock, first, second));
        }
    }
    Diagnostics::into_result(problems)?;
    Ok(Closure { target: target.clone(), packages, groups: roots.active_groups(lock, request) })
}

/// Every fork has one version of a package. Two come together when conflicting extras or groups are active in a way that
/// uv's checks do not see (an extra that a dependency activates against a group); uv would install one over the other.
fn twice(lock: &Lock, first: &Locked, second: &Locked) -> Diagnostic {
    let version = |package: &Locked| package.version.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
    let diagnostic = Diagnostic::new(format!("two packages named {} would be installed", first.name))
        .at_location(Some(second.location.clone()))
        .note(format!("{}{} is wanted by {}", first.name, version(first), first.chain))
        .note(format!("{}{} is wanted by {}", second.name, version(second), second.chain));
    if lock.conflicts.is_empty() {
        diagnostic.help("run `uv lock` to write the lock file anew")
    } else {
        diagnostic.help("ask for fewer extras and groups: some of them exclude each other (tool.uv.conflicts)")
    }
}

/// What is installed for one package.
pub(super) fn artifact(
    package: &Package,
    request: &Request,
    first_party: bool,
    tags: &Tags,
) -> Result<Artifact, Missing> {
    let no_wheel = request.build.forbids_wheel(&package.name);
    let no_build = request.build.forbids_build(&package.name) && !first_party;
    if !no_wheel && let Some(wheel) = best_wheel(&package.wheels, tags) {
        return Ok(Artifact::Wheel(WheelFile {
            filename: wheel.filename.to_string(),
            location: wheel.location.clone(),
            hash: wheel.hash.clone(),
            size: wheel.size,
            pure: wheel.is_pure(),
            range: wheel.range.clone(),
        }));
    }
    match source(package) {
        Some(artifact) if !no_build || matches!(artifact, Artifact::Virtual(_)) => Ok(artifact),
        Some(_) => Err(Missing::BuildForbidden { wheel_forbidden: no_wheel }),
        None if no_wheel => Err(Missing::WheelForbidden),
        None => Err(Missing::NoFile),
    }
}

/// The best wheel. Among wheels that are equal in every respect, the first in the lock.
fn best_wheel<'p>(wheels: &'p [Wheel], tags: &Tags) -> Option<&'p Wheel> {
    let mut best = None;
    for wheel in wheels {
        let TagCompatibility::Compatible(priority) = wheel.parsed.compatibility(tags) else { continue };
        let rank = (priority, wheel.parsed.build_tag());
        if best.is_none_or(|(best_rank, _)| rank > best_rank) {
            best = Some((rank, wheel));
        }
    }
    best.map(|(_, wheel)| wheel)
}

/// What a package is built from, if it can be.
fn source(package: &Package) -> Option<Artifact> {
    let tree = |path: &str| Tree { path: path.to_owned() };
    let archive = |sdist: &Sdist, subdirectory: Option<&str>| ArchiveFile {
        filename: sdist.filename.to_string(),
        location: sdist.location.clone(),
        hash: sdist.hash.clone(),
        size: sdist.size,
        subdirectory: subdirectory.map(str::to_owned),
        range: sdist.range.clone(),
    };
    Some(match &package.source {
        Source::Registry { .. } => Artifact::Sdist(archive(package.sdist.as_ref()?, None)),
        Source::Git(git) => Artifact::Git(git.clone()),
        Source::Url { subdirectory, .. } => Artifact::Url(archive(package.sdist.as_ref()?, subdirectory.as_deref())),
        Source::Path { .. } => Artifact::Path(archive(package.sdist.as_ref()?, None)),
        Source::Directory { path } => Artifact::Directory(tree(path)),
        Source::Editable { path } => Artifact::Editable(tree(path)),
        Source::Virtual { path } => Artifact::Virtual(tree(path)),
    })
}
