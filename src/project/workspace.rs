//! Workspaces, as the lock knows them: which members there are and where, which of them is meant, and what of the user's
//! own files an image of it needs.

use std::collections::BTreeSet;

use uv_normalize::PackageName;

use super::document::quoted;
use super::lock::{Edge, Lock, Package};
use super::place;
use super::pyproject::Pyproject;
use crate::diagnostic::{Diagnostic, Location, nearest};

/// The build argument that chooses a member.
pub const PACKAGE: &str = "PYFRONT_PACKAGE";

/// The packages of the lock that are the user's own source trees, each with its directory in the context. `directory` is
/// that of the lock. Trees outside of the context are left out.
pub fn trees<'l>(lock: &'l Lock, directory: &'l str) -> impl Iterator<Item = (&'l Package, String)> {
    lock.packages
        .iter()
        .filter_map(move |package| Some((package, place::within(directory, package.source.tree_path()?)?)))
}

/// The members with their directories in the context, but those that are no directory of it.
pub fn members<'l>(lock: &'l Lock, directory: &'l str) -> impl Iterator<Item = (&'l Package, String)> {
    let members = lock.members();
    trees(lock, directory).filter(move |(package, _)| members.contains(&&package.name))
}

/// The member of a name.
///
/// # Errors
/// A name that no member has: with the nearest one that there is, and all of them. `who` says who asked for it.
pub fn member<'l>(
    lock: &'l Lock,
    name: &PackageName,
    who: &str,
    location: Option<Location>,
) -> Result<&'l Package, Diagnostic> {
    let members = lock.members();
    let package = lock.packages.iter().find(|package| package.name == *name && members.contains(&name));
    package.ok_or_else(|| {
        let diagnostic = Diagnostic::new(format!("{who} asks for {name}, which is no member of the workspace"))
            .at_location(location)
            .note(list(lock));
        match nearest(name.as_str(), members.iter().map(|member| member.as_str())) {
            Some(near) => diagnostic.help(format!("did you mean {near}?")),
            None => diagnostic.help("name one of the members; run uv lock if it is new"),
        }
    })
}

/// The members and where they are, for messages.
pub fn list(lock: &Lock) -> String {
    let members: Vec<String> = lock
        .members()
        .into_iter()
        .map(|name| match lock.packages_named(name).find_map(|package| package.source.tree_path()) {
            Some(path) => format!("{name} ({path})"),
            None => name.to_string(),
        })
        .collect();
    format!("members in {}: {}", lock.file.name(), members.join(", "))
}

/// The error for a workspace whose root is no project, when nothing says which of its members to start.
pub fn undecided(lock: &Lock, root: &Pyproject) -> Diagnostic {
    let members = lock.members();
    let example = members.first().map_or("api", |name| name.as_str());
    Diagnostic::new("the root of the workspace is no project, and nothing says which of its members the image is of")
        .at_location(Some(root.uv.workspace.clone().unwrap_or_else(|| Location::new(&root.file, 0..0))))
        .note(list(lock))
        .help(format!(
            "build one of them: --build-arg {PACKAGE}={example}, or package = {} under [tool.pyfront], or -f with its \
             pyproject.toml",
            quoted(example)
        ))
        .help("or install all of them, as uv sync does, and say what to start: command = […] under [tool.pyfront]")
}

/// The source trees among what some members may need, whatever the target: through all dependencies, extras and groups.
pub fn reachable<'l>(lock: &'l Lock, from: &[&PackageName]) -> Vec<&'l Package> {
    let mut queue: Vec<usize> =
        (0..lock.packages.len()).filter(|index| from.contains(&&lock.packages[*index].name)).collect();
    let groups = lock.manifest.dependency_groups.values().flatten();
    let of_root: BTreeSet<&PackageName> = groups.map(|requirement| &requirement.name).collect();
    queue.extend((0..lock.packages.len()).filter(|index| of_root.contains(&lock.packages[*index].name)));
    let mut seen = BTreeSet::new();
    while let Some(index) = queue.pop() {
        if !seen.insert(index) {
            continue;
        }
        let Some(package) = lock.packages.get(index) else { continue };
        let of_extras = package.optional_dependencies.values().flatten();
        let of_groups = package.dependency_groups.values().flatten();
        let edges = package.dependencies.iter().chain(of_extras).chain(of_groups);
        queue.extend(edges.map(|edge: &Edge| edge.package));
    }
    seen.into_iter()
        .filter_map(|index| lock.packages.get(index))
        .filter(|package| package.source.is_source_tree())
        .collect()
}
