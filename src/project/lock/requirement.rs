//! A requirement as the project wrote it, in the form that uv records in `package.metadata` and `manifest`. Nothing is
//! installed by it; it tells whether a lock still fits its `pyproject.toml`.

use std::ops::Range;

use uv_normalize::{ExtraName, PackageName};

use super::Marker;
use super::reader::{Reader, Result};
use super::tree::Node;

/// A requirement recorded in the lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The package.
    pub name: PackageName,
    /// `name[extra]`.
    pub extras: Vec<ExtraName>,
    /// The version specifier as written (`>=2,<3`), for sources that have one.
    pub specifier: Option<Box<str>>,
    /// The environment marker.
    pub marker: Option<Marker>,
    /// Where it is pinned to: the key (`index`, `git`, `url`, `path`, `directory`, `editable`, `virtual`) and its
    /// value, from `tool.uv.sources` or a direct reference.
    pub origin: Option<(&'static str, Box<str>)>,
    /// The requirement's place in the lock.
    pub range: Range<usize>,
}

const ORIGINS: [&str; 7] = ["git", "url", "path", "directory", "editable", "virtual", "index"];

impl Requirement {
    pub(super) fn read(reader: &mut Reader, node: &Node<'_>) -> Result<Self> {
        let table = reader.table(node, "requirement")?;
        let Some(name) = table.get("name") else {
            return Err(reader.error(&node.range, "this requirement has no name"));
        };
        let marker = table.get("marker").map(|node| reader.marker(node, "marker")).transpose()?;
        let text = |key: &str| -> Result<Option<Box<str>>> {
            let Some(node) = table.get(key) else { return Ok(None) };
            let value = reader.text(node, key)?;
            reader.no_credentials(value, &node.range)?;
            Ok(Some(value.into()))
        };
        let mut origin = None;
        for key in ORIGINS {
            if let Some(value) = text(key)? {
                origin = Some((key, value));
                break;
            }
        }
        Ok(Self {
            name: reader.parsed(name, "name", "this name")?,
            extras: reader.parsed_list(table.get("extras"), "extras", "this extra")?,
            specifier: text("specifier")?,
            marker,
            origin,
            range: node.range.clone(),
        })
    }

    pub(super) fn read_list(reader: &mut Reader, node: Option<&Node<'_>>, key: &str) -> Result<Vec<Self>> {
        let Some(node) = node else { return Ok(Vec::new()) };
        let mut list = Vec::new();
        for item in reader.array(node, key)? {
            list.push(Self::read(reader, item)?);
        }
        Ok(list)
    }
}
