//! One `[[packages]]` of the file: who it is, where it applies, and its one kind of source.

use std::collections::BTreeMap;

use uv_normalize::PackageName;
use uv_pep440::Version;

use super::file::{self, File, Owner};
use super::{Entry, marker, parsed, parsed_key, source, url};
use crate::project::document::{Problems, Table, Value};
use crate::project::lock::text::UrlUse;
use crate::project::lock::{Metadata, Package, Registry, Source};

/// The kinds of source; wheels and source distributions count as one. They exclude each other.
const KINDS: [&str; 4] = ["wheels or sdist", "vcs", "directory", "archive"];

/// Reads a package.
pub(super) fn read(item: &Value<'_>, problems: &mut Problems) -> Option<Entry> {
    let before = problems.len();
    let table = item.table("a table", problems)?;
    let Some(name_value) = table.get("name") else {
        problems.push(item.problem("has no name"));
        return None;
    };
    let name: PackageName = parsed(&name_value, "the name of a package", problems)?;
    let version: Option<Version> = parsed_key(&table, "version", "a version", problems).map(|version| version.value);
    let owner = Owner { name: &name, version: version.as_ref() };
    let mut package = files(item, &table, &owner, problems)?;
    let name_range = name_value.location().range;
    package.range = item.location().range.start.min(name_range.start)..name_range.end;
    let marker = match table.get("marker") {
        Some(value) => marker(&value, problems),
        None => None,
    };
    let requires_python = parsed_key(&table, "requires-python", "a version specifier", problems);
    if problems.len() > before {
        return None;
    }
    package.version = version;
    Some(Entry { package, marker, requires_python })
}

/// Reads the source, of which there must be exactly one kind.
fn files(item: &Value<'_>, table: &Table<'_>, owner: &Owner<'_>, problems: &mut Problems) -> Option<Package> {
    let present = [
        table.get("wheels").is_some() || table.get("sdist").is_some(),
        table.get("vcs").is_some(),
        table.get("directory").is_some(),
        table.get("archive").is_some(),
    ];
    let kinds: Vec<&'static str> =
        KINDS.iter().zip(present).filter(|(_, present)| *present).map(|(kind, _)| *kind).collect();
    if kinds.len() != 1 {
        let says = match kinds.as_slice() {
            [] => format!("({}) has no wheels, sdist, vcs, directory or archive", owner.name),
            several => format!("({}) has {}, which exclude each other", owner.name, several.join(" and ")),
        };
        problems.push(item.problem(says));
        return None;
    }
    let mut package = Package {
        name: owner.name.clone(),
        version: None,
        source: Source::Registry { registry: Registry::Path(".".into()) },
        resolution_markers: Vec::new(),
        dependencies: Vec::new(),
        optional_dependencies: BTreeMap::new(),
        dependency_groups: BTreeMap::new(),
        default_groups: None,
        group_requires_python: BTreeMap::new(),
        sdist: None,
        wheels: Vec::new(),
        metadata: Metadata::default(),
        range: 0..0,
    };
    if let Some(value) = table.get("vcs") {
        package.source = Source::Git(source::vcs(&value, problems)?);
    } else if let Some(value) = table.get("directory") {
        package.source = source::directory(&value, problems)?;
    } else if let Some(value) = table.get("archive") {
        let subdirectory = source::subdirectory(&value, problems);
        match file::read(&value, owner, problems)? {
            File::Wheel(wheel) => {
                package.source = source::of_file(&wheel.location, None);
                package.wheels.push(wheel);
            }
            File::Source(sdist) => {
                package.source = source::of_file(&sdist.location, subdirectory);
                package.sdist = Some(sdist);
            }
        }
    } else {
        if let Some(value) = table.get("index") {
            package.source = Source::Registry { registry: Registry::Url(url(&value, UrlUse::Http, problems)?.into()) };
        }
        if let Some(value) = table.get("wheels") {
            let items = value.array("an array of wheels", problems)?;
            package.wheels = items.iter().filter_map(|item| file::wheel(item, owner, problems)).collect();
        }
        if let Some(value) = table.get("sdist") {
            package.sdist = Some(file::sdist(&value, owner, problems)?);
        }
    }
    Some(package)
}
