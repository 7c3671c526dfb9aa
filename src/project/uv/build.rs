//! The settings of `[tool.uv]` that reach builds from source: where build requirements come from, what is added to them,
//! and what build backends are told. uv's `ResolverInstallerSchema` (`crates/uv-settings/src/settings.rs`) is the authority.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use uv_normalize::PackageName;

use super::Setting;
use crate::project::document::{Located, Problems, Table, Value};
use crate::project::pyproject::{Dependency, dependency};

/// Settings that are handed on as they are: they decide which build requirements are found.
const HANDED_ON: &[&str] = &[
    "dependency-metadata",
    "exclude-newer",
    "exclude-newer-package",
    "index-strategy",
    "no-binary",
    "no-binary-package",
    "no-build-package",
    "no-index",
];
/// Settings that name indexes by their URL.
const INDEX_URLS: &[&str] = &["extra-index-url", "find-links", "index-url"];

/// What builds from source are told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuildSettings {
    /// What is handed on without being understood, by key.
    pub resolution: BTreeMap<&'static str, Setting>,
    /// The tables of `index`, in their order.
    pub indexes: Vec<BTreeMap<String, Setting>>,
    /// `config-settings`: what every build backend is told.
    pub config_settings: BTreeMap<String, Setting>,
    /// `config-settings-package`.
    pub config_settings_package: BTreeMap<PackageName, BTreeMap<String, Setting>>,
    /// `extra-build-dependencies`.
    pub extra_build_dependencies: BTreeMap<PackageName, Vec<ExtraBuildDependency>>,
    /// `extra-build-variables`.
    pub extra_build_variables: BTreeMap<PackageName, BTreeMap<String, String>>,
    /// `no-build-isolation`: nothing is built in an environment of its own.
    pub no_build_isolation: bool,
    /// `no-build-isolation-package`.
    pub no_build_isolation_package: BTreeSet<PackageName>,
    /// `no-build`: nothing from outside the project is built.
    pub no_build: bool,
    /// `no-build-package`.
    pub no_build_package: BTreeSet<PackageName>,
    /// `no-binary`: no wheel is installed.
    pub no_binary: bool,
    /// `no-binary-package`.
    pub no_binary_package: BTreeSet<PackageName>,
}

/// Something that is installed where a package is built, besides what the package itself asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtraBuildDependency {
    /// The requirement.
    pub dependency: Dependency,
    /// Whether it is to be the version that the lock installs.
    pub match_runtime: bool,
}

impl BuildSettings {
    /// Whether a package is built in an environment of its own.
    pub fn is_isolated(&self, package: &PackageName) -> bool {
        !self.no_build_isolation && !self.no_build_isolation_package.contains(package)
    }

    pub(super) fn read(table: &Table<'_>, problems: &mut Problems) -> Self {
        let mut resolution = BTreeMap::new();
        for key in HANDED_ON {
            if let Some(setting) = table.get(key).and_then(|value| Setting::read(&value, problems)) {
                resolution.insert(*key, setting);
            }
        }
        for key in INDEX_URLS {
            let Some(value) = table.get(key) else { continue };
            if let Some(setting) = Setting::read(&value, problems).and_then(remote) {
                resolution.insert(*key, setting);
            }
        }
        Self {
            resolution,
            indexes: read_indexes(table, problems),
            config_settings: table
                .get_table("config-settings", problems)
                .map(|table| read_settings(&table, problems))
                .unwrap_or_default(),
            config_settings_package: by_package(table, "config-settings-package", problems, |value, problems| {
                value.table("a table", problems).map(|table| read_settings(&table, problems))
            }),
            extra_build_dependencies: by_package(table, "extra-build-dependencies", problems, |value, problems| {
                let items = value.array("an array of requirements", problems)?;
                Some(items.iter().filter_map(|item| ExtraBuildDependency::read(item, problems)).collect())
            }),
            extra_build_variables: by_package(table, "extra-build-variables", problems, |value, problems| {
                let table = value.table("a table", problems)?;
                let entry = |value: &Value<'_>, problems: &mut Problems| {
                    Some((value.key().to_owned(), value.string("a string", problems)?.to_owned()))
                };
                Some(table.entries().iter().filter_map(|value| entry(value, problems)).collect())
            }),
            no_build_isolation: flag(table, "no-build-isolation", problems),
            no_build_isolation_package: packages(table, "no-build-isolation-package", problems),
            no_build: flag(table, "no-build", problems),
            no_build_package: packages(table, "no-build-package", problems),
            no_binary: flag(table, "no-binary", problems),
            no_binary_package: packages(table, "no-binary-package", problems),
        }
    }
}

impl ExtraBuildDependency {
    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let Some(table) = value.as_table() else {
            return Some(Self { dependency: dependency(value, problems)?, match_runtime: false });
        };
        let Some(requirement) = table.get("requirement") else {
            problems
                .push(value.problem("has no requirement").help("write { requirement = \"…\", match-runtime = true }"));
            return None;
        };
        let match_runtime = table.get("match-runtime").and_then(|value| value.boolean(problems)).unwrap_or_default();
        Some(Self { dependency: dependency(&requirement, problems)?, match_runtime })
    }

    /// The requirement, as it was written.
    pub fn requirement(&self) -> &Located<String> {
        &self.dependency.requirement
    }
}

fn flag(table: &Table<'_>, key: &str, problems: &mut Problems) -> bool {
    table.get(key).and_then(|value| value.boolean(problems)).unwrap_or_default()
}

/// Reads names of packages. A text that is no name names nothing.
fn packages(table: &Table<'_>, key: &str, problems: &mut Problems) -> BTreeSet<PackageName> {
    let names = table.get(key).and_then(|value| value.strings("an array of names of packages", problems));
    names.unwrap_or_default().iter().filter_map(|name| PackageName::from_str(name).ok()).collect()
}

/// What a backend is told: strings, or lists of strings.
fn read_settings(table: &Table<'_>, problems: &mut Problems) -> BTreeMap<String, Setting> {
    let mut settings = BTreeMap::new();
    for value in table.entries() {
        let setting = match value.as_str() {
            Some(text) => Some(Setting::Text(text.to_owned())),
            None => value
                .strings("a string or an array of strings", problems)
                .map(|texts| Setting::texts(texts.into_iter().map(|text| text.value))),
        };
        settings.extend(setting.map(|setting| (value.key().to_owned(), setting)));
    }
    settings
}

/// Reads a table whose keys are names of packages. A name that is none names nothing that could be built.
fn by_package<T>(
    table: &Table<'_>,
    key: &str,
    problems: &mut Problems,
    read: impl Fn(&Value<'_>, &mut Problems) -> Option<T>,
) -> BTreeMap<PackageName, T> {
    let entries = table.get_table(key, problems).map(|table| table.entries()).unwrap_or_default();
    let entry = |value: &Value<'_>| Some((PackageName::from_str(value.key()).ok()?, read(value, problems)?));
    entries.iter().filter_map(entry).collect()
}

/// The indexes that a step can reach. A directory of the project is not there.
fn read_indexes(table: &Table<'_>, problems: &mut Problems) -> Vec<BTreeMap<String, Setting>> {
    let mut indexes = Vec::new();
    for value in table.get("index").and_then(|value| value.as_array()).unwrap_or_default() {
        let Some(Setting::Table(mut index)) = Setting::read(&value, problems) else { continue };
        // It only says where to publish.
        index.remove("publish-url");
        if index.get("url").is_some_and(|url| matches!(url, Setting::Text(text) if is_remote(text))) {
            indexes.push(index);
        }
    }
    indexes
}

/// What of a setting a step can reach.
fn remote(setting: Setting) -> Option<Setting> {
    match setting {
        Setting::Text(text) => is_remote(&text).then_some(Setting::Text(text)),
        Setting::List(items) => {
            let items: Vec<Setting> = items.into_iter().filter_map(remote).collect();
            (!items.is_empty()).then_some(Setting::List(items))
        }
        _ => None,
    }
}

fn is_remote(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::SourceFile;
    use crate::project::pyproject::Pyproject;

    fn read(settings: &str) -> Result<BuildSettings, String> {
        let text = format!("[project]\nname = 'app'\n[tool.uv]\n{settings}");
        let pyproject = Pyproject::parse(&SourceFile::new("pyproject.toml", text)).map_err(|e| e.to_string())?;
        Ok(pyproject.uv.build)
    }

    #[test]
    fn what_reaches_builds() {
        let settings = read(
            "no-build-isolation-package = ['Flash_Attn']\nindex-strategy = 'unsafe-best-match'\nfind-links = ['./wheels']\n\
             extra-build-dependencies = { flash-attn = ['ninja', { requirement = 'torch', match-runtime = true }] }\n\
             [tool.uv.config-settings]\nbuild = ['a', 'b']\n[tool.uv.extra-build-variables]\nFlash_Attn = { X = '1' }\n\
             [[tool.uv.index]]\nname = 'local'\nurl = 'wheels'\n\
             [[tool.uv.index]]\nname = 'own'\nurl = 'https://index.example/simple'\npublish-url = 'https://x'\n",
        )
        .unwrap();
        let package = PackageName::from_str("flash-attn").unwrap();
        assert!(!settings.is_isolated(&package) && settings.is_isolated(&PackageName::from_str("x").unwrap()));
        let extra = &settings.extra_build_dependencies[&package];
        assert_eq!((extra[0].match_runtime, extra[1].requirement().as_str()), (false, "torch"));
        assert!(extra[1].match_runtime);
        assert_eq!(settings.extra_build_variables[&package]["X"], "1");
        assert_eq!(settings.config_settings["build"].to_toml(), r#"["a", "b"]"#);
        let keys: Vec<&&str> = settings.resolution.keys().collect();
        assert_eq!(keys, [&"index-strategy"], "a directory of the project is not in the step");
        assert_eq!(
            settings.indexes.into_iter().map(|index| Setting::Table(index).to_toml()).collect::<Vec<_>>(),
            [r#"{ "name" = "own", "url" = "https://index.example/simple" }"#]
        );
    }

    #[test]
    fn refusals() {
        let all = [
            "extra-build-dependencies = { a = [{ match-runtime = true }, 1], b = 'x' }\n",
            "config-settings = { a = 1 }\nextra-build-variables = { a = { B = 1 } }\nno-build-isolation = 'x'\n",
        ];
        let all = all.map(|settings| read(settings).unwrap_err()).join("\n\n");
        insta::assert_snapshot!(all);
    }
}
