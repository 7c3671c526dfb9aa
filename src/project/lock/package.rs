//! One `[[package]]` of the lock: its source, its files, and its edges to other packages.

use std::collections::BTreeMap;
use std::ops::Range;

use uv_normalize::{ExtraName, GroupName, PackageName};
use uv_pep440::{Version, VersionSpecifiers};

use super::artifact::{Owner, Sdist, Wheel};
use super::reader::{Reader, Result};
use super::tree::{Node, Table, Value};
use super::{Marker, Requirement, Source};

/// A package of the lock.
#[derive(Debug, Clone)]
pub struct Package {
    /// The normalised name.
    pub name: PackageName,
    /// The version; source trees with a dynamic version have none.
    pub version: Option<Version>,
    /// Where it comes from.
    pub source: Source,
    /// The forks that this version belongs to, when the lock has several of this name.
    pub resolution_markers: Vec<Marker>,
    /// What it always needs.
    pub dependencies: Vec<Edge>,
    /// What each of its extras adds. Extras without dependencies are missing here; see [`Metadata::provides_extras`].
    pub optional_dependencies: BTreeMap<ExtraName, Vec<Edge>>,
    /// What each dependency group adds (members only). Includes are resolved.
    pub dependency_groups: BTreeMap<GroupName, Vec<Edge>>,
    /// The groups that are installed when nobody asks for any (members only, since revision 5, and only when it is not
    /// just `dev`).
    pub default_groups: Option<DefaultGroups>,
    /// The Python versions that a group asks for (members only, since revision 5).
    pub group_requires_python: BTreeMap<GroupName, VersionSpecifiers>,
    /// The source distribution, or the archive of a url or path source.
    pub sdist: Option<Sdist>,
    /// The wheels, in the lock's order.
    pub wheels: Vec<Wheel>,
    /// What the project itself declares (source trees only).
    pub metadata: Metadata,
    /// The entry's head in the lock, for messages.
    pub range: Range<usize>,
}

/// What a project declares, as recorded in the lock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Whether the lock has any metadata for the package.
    pub present: bool,
    /// Its requirements, those of extras with a marker.
    pub requires_dist: Vec<Requirement>,
    /// Its extras, empty ones too. `None` in locks of revision 0, which do not say.
    pub provides_extras: Option<Vec<ExtraName>>,
    /// Its dependency groups, empty ones too.
    pub requires_dev: BTreeMap<GroupName, Vec<Requirement>>,
}

/// The default groups of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DefaultGroups {
    /// `default-groups = "all"`.
    All,
    /// Those listed.
    List(Vec<GroupName>),
}

/// A dependency of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// The index of the package in [`super::Lock::packages`].
    pub package: usize,
    /// Its extras that are wanted. Ones that the package does not have are left out.
    pub extras: Vec<ExtraName>,
    /// When the edge counts. No marker means: wherever the lock is valid.
    pub marker: Option<Marker>,
    /// The edge's place in the lock.
    pub range: Range<usize>,
}

impl Package {
    /// The edges of the package itself, or of one of its extras.
    pub fn edges(&self, extra: Option<&ExtraName>) -> &[Edge] {
        match extra {
            None => &self.dependencies,
            Some(extra) => self.optional_dependencies.get(extra).map_or(&[], Vec::as_slice),
        }
    }

    /// Every extra that the lock knows of, sorted.
    pub fn extras(&self) -> Vec<&ExtraName> {
        let mut names: Vec<&ExtraName> =
            self.optional_dependencies.keys().chain(self.metadata.provides_extras.iter().flatten()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Every dependency group that the lock knows of, sorted.
    pub fn groups(&self) -> Vec<&GroupName> {
        let mut names: Vec<&GroupName> =
            self.dependency_groups.keys().chain(self.metadata.requires_dev.keys()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// A package whose edges still name their ends.
pub(super) struct Unlinked {
    pub(super) package: Package,
    pub(super) ends: Vec<End>,
}

/// The end of an edge as written: version and source only where the name alone would be ambiguous.
pub(super) struct End {
    pub(super) name: PackageName,
    pub(super) version: Option<Version>,
    pub(super) source: Option<Source>,
}

impl Unlinked {
    /// Reads a package. `fallback` is its place when the table has no name.
    pub(super) fn read(reader: &mut Reader, table: &Table<'_>, fallback: &Range<usize>) -> Result<Self> {
        let Some(name_node) = table.get("name") else {
            return Err(reader.error(fallback, "this package has no name"));
        };
        let name: PackageName = reader.parsed(name_node, "name", "this package name")?;
        let range = fallback.start.min(name_node.range.start)..name_node.range.end;
        let Some(source_node) = table.get("source") else {
            return Err(reader.error(&range, format!("{name} has no source")));
        };
        let source = Source::read(reader, source_node)?;
        let version: Option<Version> =
            table.get("version").map(|node| reader.parsed(node, "version", "this version")).transpose()?;
        if version.is_none() && matches!(source, Source::Registry { .. }) {
            return Err(reader.error(&range, format!("{name} has no version")));
        }

        let owner = Owner { name: &name, version: version.as_ref(), source: &source };
        let sdist = match table.get("sdist") {
            Some(node) => Sdist::read(reader, node, &owner)?,
            None => None,
        };
        let mut wheels = Vec::new();
        if let Some(node) = table.get("wheels") {
            let nodes = reader.array(node, "wheels")?;
            wheels.reserve_exact(nodes.len());
            for node in nodes {
                wheels.push(Wheel::read(reader, node, &owner)?);
            }
        }

        let mut ends = Vec::new();
        let dependencies = edges(reader, table.get("dependencies"), "dependencies", &mut ends)?;
        let optional_dependencies = reader.by_name(
            table.get("optional-dependencies"),
            "optional-dependencies",
            "an extra",
            |reader, node| edges(reader, Some(node), "optional-dependencies", &mut ends),
        )?;
        let groups = table.get("dev-dependencies").or_else(|| table.get("dependency-groups"));
        let dependency_groups = reader.by_name(groups, "dev-dependencies", "a group", |reader, node| {
            edges(reader, Some(node), "dev-dependencies", &mut ends)
        })?;
        let package = Package {
            resolution_markers: reader.markers(table.get("resolution-markers"), "resolution-markers")?,
            default_groups: table.get("default-groups").map(|node| DefaultGroups::read(reader, node)).transpose()?,
            group_requires_python: group_requires_python(reader, table.get("group-requires-python"))?,
            metadata: Metadata::read(reader, table.get("metadata"))?,
            name,
            version,
            source,
            dependencies,
            optional_dependencies,
            dependency_groups,
            sdist,
            wheels,
            range,
        };
        Ok(Self { package, ends })
    }
}

/// Reads a list of edges. Each end goes to the back of `ends`, and its index there stands in for the package.
fn edges(reader: &mut Reader, node: Option<&Node<'_>>, key: &str, ends: &mut Vec<End>) -> Result<Vec<Edge>> {
    let Some(node) = node else { return Ok(Vec::new()) };
    let mut list = Vec::new();
    for node in reader.array(node, key)? {
        let table = reader.table(node, key)?;
        let Some(name) = table.get("name") else {
            return Err(reader.error(&node.range, "this dependency has no name"));
        };
        let end = End {
            name: reader.parsed(name, "name", "this package name")?,
            version: table.get("version").map(|node| reader.parsed(node, "version", "this version")).transpose()?,
            source: table.get("source").map(|node| Source::read(reader, node)).transpose()?,
        };
        let edge = Edge {
            package: ends.len(),
            extras: reader.parsed_list(table.get("extra"), "extra", "this extra")?,
            marker: table.get("marker").map(|node| reader.marker(node, "marker")).transpose()?,
            range: node.range.clone(),
        };
        ends.push(end);
        list.push(edge);
    }
    Ok(list)
}

impl DefaultGroups {
    pub(super) fn read(reader: &Reader, node: &Node<'_>) -> Result<Self> {
        match &node.value {
            Value::String(text) if text == "all" => Ok(Self::All),
            _ => reader.parsed_list(Some(node), "default-groups", "this group").map(Self::List),
        }
    }
}

pub(super) fn group_requires_python(
    reader: &mut Reader,
    node: Option<&Node<'_>>,
) -> Result<BTreeMap<GroupName, VersionSpecifiers>> {
    reader.by_name(node, "group-requires-python", "a group", |reader, node| {
        reader.parsed(node, "group-requires-python", "this version specifier")
    })
}

impl Metadata {
    fn read(reader: &mut Reader, node: Option<&Node<'_>>) -> Result<Self> {
        let Some(node) = node else { return Ok(Self::default()) };
        let table = reader.table(node, "metadata")?;
        let requires_dev = table.get("requires-dev").or_else(|| table.get("dependency-groups"));
        Ok(Self {
            present: true,
            requires_dist: Requirement::read_list(reader, table.get("requires-dist"), "requires-dist")?,
            provides_extras: match table.get("provides-extras") {
                Some(node) => Some(reader.parsed_list(Some(node), "provides-extras", "this extra")?),
                None => None,
            },
            requires_dev: reader.by_name(requires_dev, "requires-dev", "a group", |reader, node| {
                Requirement::read_list(reader, Some(node), "requires-dev")
            })?,
        })
    }
}
