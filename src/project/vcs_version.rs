//! Versions that a build backend asks git for. Which plugins do that is a table: how a project says that it uses one, which
//! variable tells it the version instead, and which setting it falls back to without a repository.

use crate::diagnostic::Location;
use crate::project::document::Table;
use crate::project::pyproject::BuildSystem;

/// A version that comes from git.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VcsVersion {
    /// The plugin that asks.
    pub plugin: &'static str,
    /// The variable that tells it the version; not every plugin has one.
    pub variable: Option<&'static str>,
    /// What the version is without a repository, if the project says so.
    pub fallback: Option<String>,
    /// Where the project asks for the plugin.
    pub location: Location,
}

struct Plugin {
    /// Its name in `requires` of `[build-system]`.
    name: &'static str,
    /// The key below `[tool]` that switches it on; none where being required is enough.
    key: &'static [&'static str],
    /// The key's value; any will do without one.
    value: Option<&'static str>,
    variable: Option<&'static str>,
    fallback: &'static [&'static str],
}

const fn plugin(name: &'static str, key: &'static [&'static str], value: Option<&'static str>) -> Plugin {
    Plugin { name, key, value, variable: None, fallback: &[] }
}

impl Plugin {
    const fn told_by(self, variable: &'static str) -> Self {
        Self { variable: Some(variable), ..self }
    }

    const fn falls_back(self, fallback: &'static [&'static str]) -> Self {
        Self { fallback, ..self }
    }
}

const SCM: &str = "SETUPTOOLS_SCM_PRETEND_VERSION";
const HATCH: &[&str] = &["hatch", "version", "source"];

/// Each as its own documentation says it.
const PLUGINS: &[Plugin] =
    &[
        plugin("hatch-vcs", HATCH, Some("vcs")).told_by(SCM).falls_back(&["hatch", "version", "fallback-version"]),
        plugin("uv-dynamic-versioning", HATCH, Some("uv-dynamic-versioning"))
            .told_by("UV_DYNAMIC_VERSIONING_BYPASS")
            .falls_back(&["uv-dynamic-versioning", "fallback-version"]),
        plugin("versioningit", HATCH, Some("versioningit")).falls_back(&["versioningit", "default-version"]),
        plugin("versioningit", &["versioningit"], None).falls_back(&["versioningit", "default-version"]),
        plugin("pdm-backend", &["pdm", "version", "source"], Some("scm"))
            .told_by("PDM_BUILD_SCM_VERSION")
            .falls_back(&["pdm", "version", "fallback_version"]),
        plugin("poetry-dynamic-versioning", &["poetry-dynamic-versioning", "enable"], Some("true"))
            .told_by("POETRY_DYNAMIC_VERSIONING_BYPASS"),
        plugin(
            "scikit-build-core",
            &["scikit-build", "metadata", "version", "provider"],
            Some("scikit_build_core.metadata.setuptools_scm"),
        )
        .told_by(SCM)
        .falls_back(&["setuptools_scm", "fallback_version"]),
        plugin("setuptools-git-versioning", &["setuptools-git-versioning", "enabled"], Some("true"))
            .falls_back(&["setuptools-git-versioning", "starting_version"]),
        plugin("versioneer", &["versioneer"], None),
        plugin("flit-scm", &[], None).told_by(SCM).falls_back(&["setuptools_scm", "fallback_version"]),
        plugin("setuptools-scm", &[], None).told_by(SCM).falls_back(&["setuptools_scm", "fallback_version"]),
        plugin("pbr", &[], None).told_by("PBR_VERSION"),
    ];

/// Whether a variable tells a plugin the version.
pub fn is_variable(name: &str) -> bool {
    PLUGINS.iter().any(|plugin| plugin.variable == Some(name))
}

/// Finds out whether a project's version comes from git.
pub(super) fn read(root: &Table<'_>, build_system: Option<&BuildSystem>) -> Option<VcsVersion> {
    let build_system = build_system?;
    let tool = |path: &[&str]| root.at(&[&["tool"], path].concat());
    // Written down, or read from a file. (A plugin for poetry replaces what is written down.)
    let written = root.at(&["project", "version"]).is_some() || tool(&["setuptools", "dynamic", "version"]).is_some();
    PLUGINS.iter().find_map(|plugin| {
        let required = build_system.requires.iter().find(|requirement| requirement.name.as_str() == plugin.name)?;
        let mut location = required.requirement.location.clone();
        if !plugin.key.is_empty() {
            let value = tool(plugin.key)?;
            let says =
                |wanted: &str| value.as_str() == Some(wanted) || (value.as_bool() == Some(true) && wanted == "true");
            if !plugin.value.is_none_or(says) {
                return None;
            }
            location = value.key_location();
        }
        if written && plugin.name != "poetry-dynamic-versioning" {
            return None;
        }
        let fallback = tool(plugin.fallback).filter(|_| !plugin.fallback.is_empty());
        let fallback = fallback.and_then(|value| value.as_str().map(str::to_owned));
        Some(VcsVersion { plugin: plugin.name, variable: plugin.variable, fallback, location })
    })
}

#[cfg(test)]
mod tests {
    use crate::diagnostic::SourceFile;
    use crate::project::pyproject::Pyproject;

    /// The plugin, its variable, the fallback and the line; `-` when the version does not come from git.
    fn found(requires: &str, rest: &str) -> String {
        let text =
            format!("[project]\nname = 'app'\ndynamic = ['version']\n[build-system]\nrequires = [{requires}]\n{rest}");
        let pyproject = Pyproject::parse(&SourceFile::new("pyproject.toml", text)).unwrap();
        pyproject.vcs_version.map_or_else(
            || "-".to_owned(),
            |found| {
                let variable = found.variable.unwrap_or("no variable");
                let fallback = found.fallback.unwrap_or_else(|| "no fallback".to_owned());
                format!("{}, {variable}, {fallback}, {}", found.plugin, found.location)
            },
        )
    }

    #[test]
    fn plugins_and_what_tells_them_the_version() {
        let hatch = |name: &str, source: &str, more: &str| {
            found(&format!("'hatchling', '{name}'"), &format!("[tool.hatch.version]\nsource = '{source}'\n{more}"))
        };
        let all = [
            hatch("hatch-vcs", "vcs", "fallback-version = '0.1'\n"),
            hatch(
                "uv-dynamic-versioning",
                "uv-dynamic-versioning",
                "[tool.uv-dynamic-versioning]\nfallback-version = '0.0.0'\n",
            ),
            hatch("versioningit", "versioningit", ""),
            found("'setuptools', 'versioningit'", "[tool.versioningit]\ndefault-version = '1'\n"),
            found("'pdm-backend'", "[tool.pdm.version]\nsource = 'scm'\n"),
            found("'poetry-core', 'poetry-dynamic-versioning>=1'", "[tool.poetry-dynamic-versioning]\nenable = true\n"),
            found(
                "'scikit-build-core'",
                "[tool.scikit-build]\nmetadata.version.provider = 'scikit_build_core.metadata.setuptools_scm'\n",
            ),
            found("'setuptools', 'setuptools_scm[toml]>=6'", "[tool.setuptools_scm]\nfallback_version = '2'\n"),
            found("'setuptools', 'setuptools-git-versioning'", "[tool.setuptools-git-versioning]\nenabled = true\n"),
            found("'flit_scm'", ""),
            found("'pbr'", ""),
        ];
        insta::assert_snapshot!(all.join("\n"));
    }

    #[test]
    fn versions_that_are_written_somewhere() {
        let none = [
            found("'hatchling'", "[tool.hatch.version]\npath = 'app.py'\n"),
            found("'hatchling', 'hatch-vcs'", "[tool.hatch.version]\npath = 'app.py'\n"),
            found("'pdm-backend'", "[tool.pdm.version]\nsource = 'file'\n"),
            found("'poetry-core', 'poetry-dynamic-versioning'", "[tool.poetry-dynamic-versioning]\nenable = false\n"),
            found("'setuptools', 'setuptools-scm'", "[tool.setuptools.dynamic]\nversion = { attr = 'app.V' }\n"),
            found("'setuptools'", "[tool.setuptools_scm]\n"),
        ];
        assert_eq!(none, ["-"; 6]);
    }
}
