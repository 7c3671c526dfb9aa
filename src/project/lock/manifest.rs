//! The lock's head: what was asked for when it was written. Members of the workspace, requirements of a script, groups
//! of a workspace root that is no project, declared conflicts.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use uv_normalize::{ExtraName, GroupName, PackageName};
use uv_pep440::VersionSpecifiers;

use super::package::group_requires_python;
use super::reader::{Reader, Result};
use super::tree::{Node, Table};
use super::{DefaultGroups, Requirement};

/// `[manifest]`.
#[derive(Debug, Clone, Default)]
pub struct Manifest {
    /// The workspace's members. Empty when there is only the project at the root.
    pub members: Vec<PackageName>,
    /// The default groups of a root that is no project (since revision 5, and only when it is not just `dev`).
    pub default_groups: Option<DefaultGroups>,
    /// The requirements of a script (PEP 723).
    pub requirements: Vec<Requirement>,
    /// The groups of a root that is no project.
    pub dependency_groups: BTreeMap<GroupName, Vec<Requirement>>,
    /// The Python versions that such a group asks for (since revision 5).
    pub group_requires_python: BTreeMap<GroupName, VersionSpecifiers>,
    /// Constraints on what builds of source distributions install.
    pub build_constraints: Vec<Requirement>,
}

/// `[options]`, as far as an image cares.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// The glibc that the lock was made for: a base image with an older one cannot run it.
    pub minimum_glibc: Option<(u16, u16)>,
    /// Packages published later were not considered; as written.
    pub exclude_newer: Option<Box<str>>,
}

/// A declared conflict: at most one of these may be active.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConflictSet {
    /// What excludes each other.
    pub items: Vec<ConflictItem>,
    /// The set's place in the lock.
    pub range: Range<usize>,
}

/// One side of a conflict.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConflictItem {
    /// The package, usually a workspace member.
    pub package: PackageName,
    /// What of it.
    pub kind: ConflictKind,
}

/// What of a package conflicts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ConflictKind {
    /// The package itself.
    Project,
    /// One of its extras.
    Extra(ExtraName),
    /// One of its dependency groups.
    Group(GroupName),
}

impl fmt::Display for ConflictItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ConflictKind::Project => write!(f, "the project {}", self.package),
            ConflictKind::Extra(extra) => write!(f, "the extra {extra} of {}", self.package),
            ConflictKind::Group(group) => write!(f, "the group {group} of {}", self.package),
        }
    }
}

impl Manifest {
    pub(super) fn read(reader: &mut Reader, node: Option<&Node<'_>>) -> Result<Self> {
        let Some(node) = node else { return Ok(Self::default()) };
        let table = reader.table(node, "manifest")?;
        let groups = table.get("dependency-groups");
        Ok(Self {
            members: reader.parsed_list(table.get("members"), "members", "this member")?,
            default_groups: table.get("default-groups").map(|node| DefaultGroups::read(reader, node)).transpose()?,
            requirements: Requirement::read_list(reader, table.get("requirements"), "requirements")?,
            dependency_groups: reader.by_name(groups, "dependency-groups", "a group", |reader, node| {
                Requirement::read_list(reader, Some(node), "dependency-groups")
            })?,
            group_requires_python: group_requires_python(reader, table.get("group-requires-python"))?,
            build_constraints: Requirement::read_list(reader, table.get("build-constraints"), "build-constraints")?,
        })
    }
}

impl Options {
    pub(super) fn read(reader: &Reader, node: Option<&Node<'_>>) -> Result<Self> {
        let Some(node) = node else { return Ok(Self::default()) };
        let table = reader.table(node, "options")?;
        let minimum_glibc = match table.get("minimum-libc-version") {
            None => None,
            Some(node) => match reader.table(node, "minimum-libc-version")?.get("glibc") {
                None => None,
                Some(node) => {
                    let text = reader.string(node, "glibc")?;
                    let version = text.split_once('.').and_then(|(major, minor)| {
                        let minor = minor.split('.').next()?;
                        Some((major.parse().ok()?, minor.parse().ok()?))
                    });
                    Some(
                        version
                            .ok_or_else(|| reader.error(&node.range, "this is not a glibc version like \"2.28\""))?,
                    )
                }
            },
        };
        let exclude_newer = match table.get("exclude-newer-span").or_else(|| table.get("exclude-newer")) {
            None => None,
            Some(node) => Some(reader.text(node, "exclude-newer")?.into()),
        };
        Ok(Self { minimum_glibc, exclude_newer })
    }
}

impl ConflictSet {
    pub(super) fn read_list(reader: &Reader, node: Option<&Node<'_>>) -> Result<Vec<Self>> {
        let Some(node) = node else { return Ok(Vec::new()) };
        reader
            .array(node, "conflicts")?
            .iter()
            .map(|set| {
                let items = reader
                    .array(set, "conflicts")?
                    .iter()
                    .map(|item| ConflictItem::read(reader, item, reader.table(item, "conflicts")?))
                    .collect::<Result<Vec<_>>>()?;
                if items.len() < 2 {
                    return Err(reader.error(&set.range, "a conflict needs two sides"));
                }
                Ok(Self { items, range: set.range.clone() })
            })
            .collect()
    }
}

impl ConflictItem {
    fn read(reader: &Reader, node: &Node<'_>, table: &Table<'_>) -> Result<Self> {
        let Some(package) = table.get("package") else {
            return Err(reader.error(&node.range, "this conflict names no package"));
        };
        let kind = match (table.get("extra"), table.get("group")) {
            (None, None) => ConflictKind::Project,
            (Some(extra), None) => ConflictKind::Extra(reader.parsed(extra, "extra", "this extra")?),
            (None, Some(group)) => ConflictKind::Group(reader.parsed(group, "group", "this group")?),
            (Some(_), Some(_)) => {
                return Err(reader.error(&node.range, "this conflict names both an extra and a group"));
            }
        };
        Ok(Self { package: reader.parsed(package, "package", "this package name")?, kind })
    }
}
