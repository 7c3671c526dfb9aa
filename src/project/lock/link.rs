//! Joins the packages: every edge is resolved to the package that it means, as uv does — by name alone where that is
//! enough, else by version and source.

use std::collections::{HashMap, HashSet};

use uv_normalize::PackageName;

use super::Package;
use super::package::{End, Unlinked};
use super::reader::Reader;
use crate::diagnostic::Diagnostic;

/// Resolves all edges; the packages keep their order.
pub(super) fn link(reader: &Reader, unlinked: Vec<Unlinked>) -> std::result::Result<Vec<Package>, Vec<Diagnostic>> {
    let mut problems = Vec::new();
    let mut by_name: HashMap<PackageName, Vec<usize>> = HashMap::with_capacity(unlinked.len());
    for (index, item) in unlinked.iter().enumerate() {
        let same = by_name.entry(item.package.name.clone()).or_default();
        let twin = same.iter().find(|other| {
            let other = &unlinked[**other].package;
            other.version == item.package.version && other.source == item.package.source
        });
        if twin.is_some() {
            let message = format!("{} is in the lock twice, with the same version and source", item.package.name);
            problems.push(reader.error(&item.package.range, message));
        }
        same.push(index);
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let (mut packages, ends): (Vec<Package>, Vec<Vec<End>>) =
        unlinked.into_iter().map(|item| (item.package, item.ends)).unzip();

    for (index, ends) in ends.iter().enumerate() {
        let mut targets = Vec::with_capacity(ends.len());
        for end in ends {
            targets.push(find(&packages, &by_name, &packages[index], end));
        }
        let package = &mut packages[index];
        let edges = package
            .dependencies
            .iter_mut()
            .chain(package.optional_dependencies.values_mut().flatten())
            .chain(package.dependency_groups.values_mut().flatten());
        for edge in edges {
            match targets.get(edge.package) {
                Some(Ok(target)) => edge.package = *target,
                Some(Err(message)) => {
                    problems.push(reader.error(&edge.range, message.clone()));
                    edge.package = usize::MAX;
                }
                None => problems.push(reader.error(&edge.range, "this dependency has no end")),
            }
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    drop_missing_extras(&mut packages);
    Ok(packages)
}

fn find(
    packages: &[Package],
    by_name: &HashMap<PackageName, Vec<usize>>,
    from: &Package,
    end: &End,
) -> std::result::Result<usize, String> {
    let candidates = by_name.get(&end.name).map_or(&[][..], Vec::as_slice);
    if candidates.is_empty() {
        return Err(format!("{} depends on {}, which is not in the lock", from.name, end.name));
    }
    // With one candidate uv fills in what the edge leaves out; with several, a missing version means a source tree
    // whose version is dynamic, and a missing source is an error.
    let single = candidates.len() == 1;
    let mut matching = candidates.iter().copied().filter(|index| {
        let package = &packages[*index];
        let version = match &end.version {
            Some(version) => package.version.as_ref() == Some(version),
            None => single || package.version.is_none(),
        };
        let source = match &end.source {
            Some(source) => package.source == *source,
            None => single,
        };
        version && source
    });
    matching.next().ok_or_else(|| {
        if single {
            format!("{} depends on a {} that is not in the lock", from.name, describe(end))
        } else {
            format!(
                "{} depends on {}, and none of the {} packages of that name in the lock fits",
                from.name,
                describe(end),
                candidates.len()
            )
        }
    })
}

fn describe(end: &End) -> String {
    match &end.version {
        Some(version) => format!("{} {version}", end.name),
        None => end.name.to_string(),
    }
}

/// An edge may ask for an extra that the package does not have (a warning of pip's); uv forgets it, and so do we.
fn drop_missing_extras(packages: &mut [Package]) {
    let known: Vec<HashSet<_>> =
        packages.iter().map(|package| package.optional_dependencies.keys().cloned().collect()).collect();
    for package in packages {
        let edges = package
            .dependencies
            .iter_mut()
            .chain(package.optional_dependencies.values_mut().flatten())
            .chain(package.dependency_groups.values_mut().flatten());
        for edge in edges {
            let Some(known) = known.get(edge.package) else { continue };
            edge.extras.retain(|extra| known.contains(extra));
        }
    }
}
