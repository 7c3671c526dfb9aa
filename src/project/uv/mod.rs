//! `[tool.uv]`: the parts that decide what is installed, and (in `build`) those that reach builds from source.

mod build;
mod setting;

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use uv_normalize::{GroupName, PackageName};
use uv_pep440::VersionSpecifiers;

pub use self::build::{BuildSettings, ExtraBuildDependency};
pub use self::setting::Setting;
use crate::diagnostic::Location;
use crate::project::config::selection::Selection;
use crate::project::document::{Located, Problems, Table, Value};
use crate::project::indexes::{self, Index};
use crate::project::pyproject::{Dependency, dependencies, string, strings};

/// The parts of `[tool.uv]` that decide what is installed.
#[derive(Debug, Clone, Default)]
pub struct UvSettings {
    /// `package`.
    pub package: Option<Located<bool>>,
    /// `managed`.
    pub managed: Option<Located<bool>>,
    /// `default-groups`; `None` means `dev`.
    pub default_groups: Option<Located<Selection<GroupName>>>,
    /// `required-version`, as it was written.
    pub required_version: Option<Located<String>>,
    /// The place of `[tool.uv.workspace]`.
    pub workspace: Option<Location>,
    /// The patterns of its `members`.
    pub workspace_members: Vec<Located<String>>,
    /// The patterns of its `exclude`.
    pub workspace_exclude: Vec<Located<String>>,
    /// The packages of `[tool.uv.sources]`, with their places.
    pub sources: BTreeMap<PackageName, Location>,
    /// Those of them that are among the user's own files: members of the workspace, and paths.
    pub local_sources: BTreeSet<PackageName>,
    /// `dev-dependencies`, the old way to write the group `dev`.
    pub dev_dependencies: Option<Vec<Dependency>>,
    /// Whether `override-dependencies` or `exclude-dependencies` is set: then not all that is declared is resolved.
    pub overrides: bool,
    /// Whether there are settings for single groups (`[tool.uv.dependency-groups]`), such as `requires-python`.
    pub group_settings: bool,
    /// The Python versions that single groups ask for.
    pub group_requires_python: BTreeMap<GroupName, Located<VersionSpecifiers>>,
    /// What reaches builds from source.
    pub build: BuildSettings,
    /// `python-install-mirror`: where uv's Pythons are fetched from.
    pub python_install_mirror: Option<Located<String>>,
    /// `python-downloads-json-url`: the list of uv's Pythons.
    pub python_downloads_json_url: Option<Located<String>>,
    /// The names of `[[tool.uv.index]]`.
    pub index_names: Vec<Located<String>>,
    /// The declared indexes.
    pub indexes: Vec<Index>,
}

impl UvSettings {
    pub(super) fn read(table: &Table<'_>, problems: &mut Problems) -> Self {
        let boolean = |key: &str, problems: &mut Problems| {
            let value = table.get(key)?;
            Some(value.located(value.boolean(problems)?))
        };
        let default_groups = table.get("default-groups").and_then(|value| {
            if value.as_str() == Some("all") {
                return Some(value.located(Selection::All));
            }
            let names = value.strings("an array of dependency groups, or \"all\"", problems)?;
            // A name that is none can't be defined either; uv itself would have refused to lock.
            let names = names.into_iter().filter_map(|name| {
                let group = GroupName::from_str(&name).ok()?;
                Some(name.map(|_| group))
            });
            Some(value.located(Selection::Names(names.collect())))
        });
        let workspace = table.get("workspace").as_ref().and_then(Value::as_table);
        let mut patterns =
            |key: &str| workspace.as_ref().map(|table| strings(table, key, problems)).unwrap_or_default();
        let (workspace_members, workspace_exclude) = (patterns("members"), patterns("exclude"));
        let sources = table.get_table("sources", problems).map(|table| table.entries()).unwrap_or_default();
        let named = |value: &Value<'_>| PackageName::from_str(value.key()).ok();
        Self {
            workspace_members,
            workspace_exclude,
            package: boolean("package", problems),
            managed: boolean("managed", problems),
            default_groups,
            required_version: string(table, "required-version", problems),
            workspace: table.get("workspace").map(|value| value.key_location()),
            sources: sources.iter().filter_map(|value| Some((named(value)?, value.key_location()))).collect(),
            local_sources: sources.iter().filter(|value| is_local_source(value)).filter_map(named).collect(),
            dev_dependencies: table.get("dev-dependencies").map(|value| dependencies(&value, problems)),
            overrides: table.get("override-dependencies").or_else(|| table.get("exclude-dependencies")).is_some(),
            group_settings: table.get("dependency-groups").is_some(),
            group_requires_python: table
                .get_table("dependency-groups", problems)
                .map(|table| table.entries().iter().filter_map(group_requires_python).collect())
                .unwrap_or_default(),
            build: BuildSettings::read(table, problems),
            python_install_mirror: string(table, "python-install-mirror", problems),
            python_downloads_json_url: string(table, "python-downloads-json-url", problems),
            index_names: table
                .get("index")
                .and_then(|value| value.as_array())
                .unwrap_or_default()
                .iter()
                .filter_map(|index| string(&index.as_table()?, "name", problems))
                .collect(),
            indexes: indexes::read(table, problems),
        }
    }
}

/// `requires-python` of one group. What does not parse is left to uv, which would not have locked with it.
/// Whether one of a package's sources (a table, or several with markers) is among the user's own files.
fn is_local_source(value: &Value<'_>) -> bool {
    let one = |value: &Value<'_>| {
        value.as_table().is_some_and(|source| {
            let is_member = source.get("workspace").and_then(|workspace| workspace.as_bool());
            is_member == Some(true) || source.get("path").is_some()
        })
    };
    one(value) || value.as_array().is_some_and(|sources| sources.iter().any(one))
}

fn group_requires_python(group: &Value<'_>) -> Option<(GroupName, Located<VersionSpecifiers>)> {
    let python = group.as_table()?.get("requires-python")?;
    let specifiers = VersionSpecifiers::from_str(python.as_str()?).ok()?;
    Some((GroupName::from_str(group.key()).ok()?, python.located(specifiers)))
}
