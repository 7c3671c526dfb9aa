//! `pyproject.toml`: the parts that decide what the image is, typed and with their places. Tables of other tools are left
//! alone, and so are keys that are not ours; what is read here but has the wrong type is an error with its line.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::sync::Arc;

use uv_normalize::{ExtraName, GroupName, PackageName};

use crate::diagnostic::{Diagnostic, Diagnostics, Location, SourceFile};
use crate::project::asked_for;
use crate::project::bare;
use crate::project::build_files::{self, BuildFile};
use crate::project::config::Config;
use crate::project::document::{self, Document, Located, Problems, Table, Value, quoted};
use crate::project::indexes;
use crate::project::modules::{self, DeclaredModules};
use crate::project::python_version::RequiresPython;
use crate::project::uv::UvSettings;
use crate::project::vcs_version::{self, VcsVersion};

/// A `pyproject.toml`.
#[derive(Debug, Clone)]
pub struct Pyproject {
    /// The file.
    pub file: Arc<SourceFile>,
    /// `[project]`. A workspace root may have none.
    pub project: Option<Project>,
    /// `[build-system]`.
    pub build_system: Option<BuildSystem>,
    /// `[dependency-groups]` (PEP 735).
    pub dependency_groups: BTreeMap<GroupName, DependencyGroup>,
    /// The place of `[dependency-groups]`.
    pub dependency_groups_location: Option<Location>,
    /// `[tool.uv]`.
    pub uv: UvSettings,
    /// Where the build backend's own table says that the packages lie.
    pub modules: DeclaredModules,
    /// The files outside the code that a build of the project needs.
    pub build_files: Vec<BuildFile>,
    /// Whether the build backend asks git for the version, and what tells it instead.
    pub vcs_version: Option<VcsVersion>,
    /// `entrypoint` of `[tool.fastapi]`.
    pub fastapi_entrypoint: Option<Located<String>>,
    /// `[tool.pyfront]`.
    pub config: Config,
}

/// `[project]`.
#[derive(Debug, Clone)]
pub struct Project {
    /// The place of the table.
    pub location: Location,
    /// The normalised name.
    pub name: Located<PackageName>,
    /// `version`, unless it is dynamic.
    pub version: Option<Located<String>>,
    /// The names of fields that the build backend fills in.
    pub dynamic: BTreeSet<String>,
    /// `requires-python`.
    pub requires_python: Option<Located<RequiresPython>>,
    /// `dependencies`.
    pub dependencies: Vec<Dependency>,
    /// The place of the key `dependencies`.
    pub dependencies_location: Option<Location>,
    /// `optional-dependencies`.
    pub optional_dependencies: BTreeMap<ExtraName, Vec<Dependency>>,
    /// The places of the names of extras.
    pub extra_locations: BTreeMap<ExtraName, Location>,
    /// The place of `optional-dependencies`.
    pub optional_dependencies_location: Option<Location>,
    /// `scripts`, in the order of the file.
    pub scripts: Vec<Script>,
    /// `gui-scripts`, in the order of the file.
    pub gui_scripts: Vec<Script>,
    /// `description`.
    pub description: Option<Located<String>>,
    /// The path of the readme, relative to the project; it is needed to build the project.
    pub readme: Option<Located<String>>,
    /// An SPDX expression, or the text of an old-style licence table.
    pub license: Option<Located<String>>,
    /// The patterns of `license-files`, and the file of an old-style licence table.
    pub license_files: Vec<Located<String>>,
    /// The names (or else the addresses) of `authors`.
    pub authors: Vec<Located<String>>,
    /// `urls` by label.
    pub urls: BTreeMap<String, Located<String>>,
}

/// A requirement: the package that it names, and the place of its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// The normalised name of the package.
    pub name: PackageName,
    /// The whole requirement, as it was written.
    pub requirement: Located<String>,
}

/// A dependency group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DependencyGroup {
    /// The place of its name.
    pub location: Location,
    /// The packages that it names itself.
    pub dependencies: Vec<Dependency>,
    /// The groups that it includes.
    pub includes: Vec<Located<GroupName>>,
}

/// An entry of `[project.scripts]`. Both texts are untrusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// The name of the program.
    pub name: Located<String>,
    /// The object that it calls: `package.module:function`.
    pub object: Located<String>,
}

/// `[build-system]`.
#[derive(Debug, Clone)]
pub struct BuildSystem {
    /// The place of the table.
    pub location: Location,
    /// What is needed to build.
    pub requires: Vec<Dependency>,
    /// The backend; setuptools when nothing is said.
    pub build_backend: Option<Located<String>>,
}

impl Pyproject {
    /// Reads the file.
    ///
    /// # Errors
    /// Broken TOML, or everything that is wrong with the values that matter.
    pub fn parse(file: &Arc<SourceFile>) -> Result<Self, Diagnostics> {
        Self::parse_with(file, file.text(), |root, problems| {
            root.get_table("project", problems).and_then(|table| read_project(&table, problems))
        })
    }

    /// Reads a script's metadata (PEP 723), which is `text` within the script: `dependencies` and `requires-python` at the
    /// top level, and the tables of tools.
    ///
    /// # Errors
    /// As [`Pyproject::parse`].
    pub fn of_script(file: &Arc<SourceFile>, text: &str) -> Result<Self, Diagnostics> {
        Self::parse_with(file, text, |root, problems| {
            let mut project = bare::project(&bare::name_of_script(file.name()), Location::new(file, 0..0))?;
            project.requires_python = requires_python(root, problems);
            let dependencies_value = root.get("dependencies");
            project.dependencies_location = dependencies_value.as_ref().map(Value::key_location);
            project.dependencies = dependencies_value.map(|value| dependencies(&value, problems)).unwrap_or_default();
            Some(project)
        })
    }

    fn parse_with(
        file: &Arc<SourceFile>,
        text: &str,
        project: impl FnOnce(&Table<'_>, &mut Problems) -> Option<Project>,
    ) -> Result<Self, Diagnostics> {
        let document = Document::parse_within(file, text)?;
        let root = document.root();
        let mut problems = Problems::new();
        let tool = root.get_table("tool", &mut problems);
        let uv_table = tool.as_ref().and_then(|tool| tool.get_table("uv", &mut problems));
        uv_table.as_ref().map_or(Ok(()), indexes::refuse_credentials)?;
        let project = project(&root, &mut problems);
        let build_system =
            root.get_table("build-system", &mut problems).map(|table| read_build_system(&table, &mut problems));
        let pyproject = Self {
            file: Arc::clone(file),
            project,
            vcs_version: vcs_version::read(&root, build_system.as_ref()),
            build_system,
            dependency_groups: root
                .get_table("dependency-groups", &mut problems)
                .map(|table| read_groups(&table, &mut problems))
                .unwrap_or_default(),
            dependency_groups_location: root.get("dependency-groups").map(|value| value.key_location()),
            uv: uv_table.as_ref().map(|table| UvSettings::read(table, &mut problems)).unwrap_or_default(),
            modules: tool.as_ref().map(modules::read).unwrap_or_default(),
            build_files: build_files::read(&root),
            fastapi_entrypoint: tool
                .as_ref()
                .and_then(|tool| tool.get_table("fastapi", &mut problems))
                .and_then(|table| string(&table, "entrypoint", &mut problems)),
            config: tool
                .as_ref()
                .and_then(|tool| tool.get_table("pyfront", &mut problems))
                .map(|table| Config::read_table(&table, &mut problems))
                .unwrap_or_default(),
        };
        // What the root of a workspace says for one of its members is no name of its own.
        if pyproject.config.package.is_none() {
            for config in asked_for::with_targets(&pyproject.config) {
                asked_for::check_extras(config, &pyproject, &mut problems);
            }
        }
        document::finish(pyproject, problems)
    }

    /// Whether the project is installed as a package: uv's rule is `package` of `[tool.uv]`, else whether there is a
    /// `[build-system]`.
    pub fn is_package(&self) -> bool {
        self.uv.package.as_ref().map_or(self.build_system.is_some(), |package| package.value)
    }

    /// `[project]`, where it can't be done without.
    ///
    /// # Errors
    /// A diagnostic that says what to add.
    pub fn require_project(&self) -> Result<&Project, Diagnostic> {
        self.project.as_ref().ok_or_else(|| {
            let diagnostic = Diagnostic::new("there is no [project] table, so there is nothing to build")
                .at(&self.file, 0..0)
                .help("add [project] with at least name and version");
            match &self.uv.workspace {
                Some(workspace) => diagnostic
                    .at_location(Some(workspace.clone()))
                    .note("this is the root of a workspace; its members are the projects"),
                None => diagnostic,
            }
        })
    }

    /// The names of the direct production dependencies.
    pub fn direct_dependencies(&self) -> BTreeSet<&PackageName> {
        self.project.iter().flat_map(|project| &project.dependencies).map(|dependency| &dependency.name).collect()
    }

    /// Where the project asks for a package: in its dependencies, extras or groups. For errors about a locked package.
    pub fn who_asks_for(&self, package: &PackageName) -> Option<&Location> {
        let project = self
            .project
            .iter()
            .flat_map(|project| project.dependencies.iter().chain(project.optional_dependencies.values().flatten()));
        let groups = self.dependency_groups.values().flat_map(|group| &group.dependencies);
        project
            .chain(groups)
            .find(|dependency| dependency.name == *package)
            .map(|dependency| &dependency.requirement.location)
    }
}

fn requires_python(table: &Table<'_>, problems: &mut Problems) -> Option<Located<RequiresPython>> {
    let value = table.get("requires-python")?;
    Some(value.located(RequiresPython::read(&value, problems)?))
}

fn read_project(table: &Table<'_>, problems: &mut Problems) -> Option<Project> {
    let name = if let Some(value) = table.get("name") {
        let text = value.string("a string", problems);
        text.and_then(|text| package_name(&value, text, problems)).map(|name| value.located(name))
    } else {
        problems.push(
            Diagnostic::new("[project] has no name")
                .at_location(Some(table.location()))
                .help("add name = \"…\" to [project]"),
        );
        None
    };
    let license = table.get("license");
    let license_table = license.as_ref().and_then(Value::as_table);
    let license = match &license_table {
        Some(table) => string(table, "text", problems),
        None => string(table, "license", problems),
    };
    let mut license_files = strings(table, "license-files", problems);
    license_files.extend(license_table.and_then(|table| string(&table, "file", problems)));
    let extras = table.get("optional-dependencies");
    let project = Project {
        location: table.location(),
        version: string(table, "version", problems),
        dynamic: strings(table, "dynamic", problems).into_iter().map(|name| name.value).collect(),
        requires_python: requires_python(table, problems),
        dependencies: table.get("dependencies").map(|value| dependencies(&value, problems)).unwrap_or_default(),
        dependencies_location: table.get("dependencies").map(|value| value.key_location()),
        optional_dependencies_location: extras.as_ref().map(Value::key_location),
        extra_locations: extras
            .as_ref()
            .and_then(Value::as_table)
            .map(|table| extra_places(&table))
            .unwrap_or_default(),
        optional_dependencies: table
            .get_table("optional-dependencies", problems)
            .map(|table| read_extras(&table, problems))
            .unwrap_or_default(),
        scripts: scripts(table, "scripts", problems),
        gui_scripts: scripts(table, "gui-scripts", problems),
        description: string(table, "description", problems),
        readme: match table.get("readme").as_ref().and_then(Value::as_table) {
            Some(readme) => string(&readme, "file", problems),
            None => string(table, "readme", problems),
        },
        license,
        license_files,
        authors: read_authors(table, problems),
        urls: table
            .get_table("urls", problems)
            .map(|table| {
                let entry = |value: &Value<'_>, problems: &mut Problems| {
                    let text = value.string("a string", problems)?;
                    Some((value.key().to_owned(), value.located(text.to_owned())))
                };
                table.entries().iter().filter_map(|value| entry(value, problems)).collect()
            })
            .unwrap_or_default(),
        // Last, so that the problems of all other fields are found first.
        name: name?,
    };
    Some(project)
}

fn read_authors(table: &Table<'_>, problems: &mut Problems) -> Vec<Located<String>> {
    let Some(authors) = table.get("authors").and_then(|value| value.array("an array of tables", problems)) else {
        return Vec::new();
    };
    let author = |value: &Value<'_>, problems: &mut Problems| {
        let table = value.table("a table with name or email", problems)?;
        let text = string(&table, "name", problems).or_else(|| string(&table, "email", problems))?;
        Some(value.located(text.value))
    };
    authors.iter().filter_map(|value| author(value, problems)).collect()
}

fn read_extras(table: &Table<'_>, problems: &mut Problems) -> BTreeMap<ExtraName, Vec<Dependency>> {
    let mut extras = BTreeMap::new();
    for value in table.entries() {
        match ExtraName::from_str(value.key()) {
            Ok(name) => {
                extras.insert(name, dependencies(&value, problems));
            }
            Err(_) => problems.push(bad_name(&value, "an extra")),
        }
    }
    extras
}

fn extra_places(table: &Table<'_>) -> BTreeMap<ExtraName, Location> {
    let entries = table.entries();
    entries.iter().filter_map(|value| Some((ExtraName::from_str(value.key()).ok()?, value.key_location()))).collect()
}

fn read_groups(table: &Table<'_>, problems: &mut Problems) -> BTreeMap<GroupName, DependencyGroup> {
    let mut groups = BTreeMap::new();
    for value in table.entries() {
        let Ok(name) = GroupName::from_str(value.key()) else {
            problems.push(bad_name(&value, "a dependency group"));
            continue;
        };
        let mut group =
            DependencyGroup { location: value.key_location(), dependencies: Vec::new(), includes: Vec::new() };
        for item in value.array("an array of requirements", problems).unwrap_or_default() {
            if let Some(include) = item.as_table().and_then(|table| table.get("include-group")) {
                let Some(text) = include.string("the name of a group", problems) else { continue };
                match GroupName::from_str(text) {
                    Ok(name) => group.includes.push(include.located(name)),
                    Err(_) => problems.push(
                        include
                            .problem(format_args!("{} is not a name for a dependency group", quoted(text)))
                            .help("use letters, digits, '-', '_' and '.', and begin and end with a letter or digit"),
                    ),
                }
            } else {
                group.dependencies.extend(dependency(&item, problems));
            }
        }
        groups.insert(name, group);
    }
    groups
}

fn bad_name(value: &Value<'_>, what: &str) -> Diagnostic {
    value
        .problem(format_args!("is not a name for {what}"))
        .at_location(Some(value.key_location()))
        .help("use letters, digits, '-', '_' and '.', and begin and end with a letter or digit")
}

fn read_build_system(table: &Table<'_>, problems: &mut Problems) -> BuildSystem {
    BuildSystem {
        location: table.location(),
        requires: table.get("requires").map(|value| dependencies(&value, problems)).unwrap_or_default(),
        build_backend: string(table, "build-backend", problems),
    }
}

pub(super) fn string(table: &Table<'_>, key: &str, problems: &mut Problems) -> Option<Located<String>> {
    let value = table.get(key)?;
    Some(value.located(value.string("a string", problems)?.to_owned()))
}

pub(super) fn strings(table: &Table<'_>, key: &str, problems: &mut Problems) -> Vec<Located<String>> {
    table.get(key).and_then(|value| value.strings("an array of strings", problems)).unwrap_or_default()
}

fn scripts(table: &Table<'_>, key: &str, problems: &mut Problems) -> Vec<Script> {
    let Some(table) = table.get_table(key, problems) else { return Vec::new() };
    let script = |value: &Value<'_>, problems: &mut Problems| {
        let object = value.string("a string such as \"package.module:function\"", problems)?;
        Some(Script {
            name: Located::new(value.key().to_owned(), value.key_location()),
            object: value.located(object.to_owned()),
        })
    };
    table.entries().iter().filter_map(|value| script(value, problems)).collect()
}

pub(super) fn dependencies(value: &Value<'_>, problems: &mut Problems) -> Vec<Dependency> {
    let items = value.array("an array of requirements", problems).unwrap_or_default();
    items.iter().filter_map(|item| dependency(item, problems)).collect()
}

/// Reads the name that a requirement (PEP 508) begins with; uv has checked the rest when it wrote the lock.
pub(super) fn dependency(value: &Value<'_>, problems: &mut Problems) -> Option<Dependency> {
    let text = value.string("a requirement such as \"fastapi>=0.115\"", problems)?;
    let is_name = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    let trimmed = text.trim_start();
    let end = trimmed.find(|character| !is_name(character)).unwrap_or(trimmed.len());
    let name = PackageName::from_str(&trimmed[..end]).ok();
    if name.is_none() {
        problems.push(
            value
                .problem(format_args!("{} does not begin with the name of a package", quoted(text)))
                .help("write a requirement such as \"fastapi>=0.115\""),
        );
    }
    Some(Dependency { name: name?, requirement: value.located(text.to_owned()) })
}

fn package_name(value: &Value<'_>, text: &str, problems: &mut Problems) -> Option<PackageName> {
    let name = PackageName::from_str(text).ok();
    if name.is_none() {
        problems.push(
            value
                .problem(format_args!("{} is not a name for a project", quoted(text)))
                .help("use letters, digits, '-', '_' and '.', and begin and end with a letter or digit"),
        );
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Pyproject {
        match Pyproject::parse(&SourceFile::new("pyproject.toml", text)) {
            Ok(pyproject) => pyproject,
            Err(errors) => panic!("{errors}"),
        }
    }

    fn errors(text: &str) -> String {
        Pyproject::parse(&SourceFile::new("pyproject.toml", text)).unwrap_err().to_string()
    }

    const FULL: &str = r#"# syntax=org/pyfront
[project]
name = "My_App.x"
version = "1.2"
description = "d"
readme = { file = "docs/README.md", content-type = "text/markdown" }
license = { file = "LICENCE" }
license-files = ["NOTICE*"]
authors = [{ name = "A", email = "a@example.com" }, { email = "b@example.com" }]
requires-python = ">=3.11"
dynamic = ["classifiers"]
dependencies = [
    "FastAPI[standard] >= 0.115",
    "my_lib @ git+https://example.com/x",
]
[project.optional-dependencies]
PG = ["psycopg"]
[project.scripts]
zed = "my_app:main"
alpha = "my_app.cli:main [cli]"
[project.urls]
"Home Page" = "https://example.com"
[dependency-groups]
dev = ["pytest", { include-group = "Lint" }]
lint = ["ruff"]
[build-system]
requires = ["uv_build>=0.9"]
build-backend = "uv_build"
[tool.uv]
default-groups = ["dev"]
required-version = ">=0.9"
workspace = { members = ["x"] }
[tool.uv.sources]
my-lib = { git = "https://example.com/x" }
[[tool.uv.index]]
name = "internal"
url = "https://example.com/simple"
[tool.uv.build-backend]
module-name = "my_app"
[tool.fastapi]
entrypoint = "my_app.main:app"
[tool.pyfront]
user = 7
extras = ["pg"]
[tool.other]
anything = [1, { b = 2 }]
"#;

    #[test]
    fn everything_that_matters_is_read() {
        let pyproject = parse(FULL);
        let project = pyproject.require_project().unwrap();
        assert_eq!(project.name.as_str(), "my-app-x");
        assert_eq!(project.name.location.to_string(), "pyproject.toml:3");
        assert_eq!(project.readme.as_ref().unwrap().value, "docs/README.md");
        let texts = |list: &[Located<String>]| list.iter().map(|text| text.value.clone()).collect::<Vec<_>>();
        assert_eq!(texts(&project.license_files), ["NOTICE*", "LICENCE"]);
        assert_eq!(texts(&project.authors), ["A", "b@example.com"]);
        let names: Vec<&str> = project.dependencies.iter().map(|dependency| dependency.name.as_str()).collect();
        assert_eq!(names, ["fastapi", "my-lib"]);
        let scripts: Vec<&str> = project.scripts.iter().map(|script| script.name.as_str()).collect();
        assert_eq!(scripts, ["zed", "alpha"]);
        assert_eq!(project.urls["Home Page"].value, "https://example.com");
        assert_eq!(pyproject.dependency_groups.len(), 2);
        let lint = GroupName::from_str("lint").unwrap();
        assert_eq!(pyproject.dependency_groups[&GroupName::from_str("dev").unwrap()].includes[0].value, lint);
        assert_eq!(pyproject.uv.required_version.as_ref().unwrap().value, ">=0.9");
        assert!(pyproject.uv.workspace.is_some() && pyproject.uv.sources.len() == 1);
        assert_eq!(texts(&pyproject.uv.index_names), ["internal"]);
        assert_eq!(pyproject.modules.packages, ["my_app"]);
        assert_eq!(pyproject.config.user.as_ref().unwrap().uid, 7);
        let asked = |name: &str| {
            let location = pyproject.who_asks_for(&PackageName::from_str(name).unwrap());
            location.map(|location| location.lines().0)
        };
        assert_eq!(
            (asked("my.lib"), asked("psycopg"), asked("ruff"), asked("uv-build")),
            (Some(14), Some(17), Some(25), None)
        );
    }

    #[test]
    fn what_is_a_package_follows_uv() {
        let project = "[project]\nname = 'a'\n";
        let build = "[build-system]\nrequires = []\n";
        assert!(!parse(project).is_package());
        assert!(parse(&format!("{project}{build}")).is_package());
        assert!(!parse(&format!("{project}{build}[tool.uv]\npackage = false\n")).is_package());
        assert!(parse(&format!("{project}[tool.uv]\npackage = true\n")).is_package());
    }

    #[test]
    fn a_file_without_a_project() {
        assert!(parse("").project.is_none());
        let all = [
            parse("[tool.x]\n").require_project().unwrap_err().to_string(),
            parse("\n[tool.uv.workspace]\nmembers = []\n").require_project().unwrap_err().to_string(),
        ];
        insta::assert_snapshot!(all.join("\n"));
    }

    #[test]
    fn refusals() {
        let all = [
            errors("[project]\nversion = '1'\n"),
            errors("[project]\nname = 'a b'\nrequires-python = '^3.11'\n"),
            errors("[project]\nname = 'a'\nrequires-python = '3'\ndependencies = ['', '==1', 1, 'ok']\n"),
            errors(
                "[project]\nname = 'a'\nscripts = ['x']\nversion = 1.0\nreadme = 3\n[build-system]\nrequires = 'x'\n",
            ),
            errors("project = 1\ntool = 2\n"),
            errors("[project]\nname = 'a'\n[dependency-groups]\n'a b' = []\nx = [1, { include-group = '' }, {}]\n"),
            errors(
                "[project]\nname = 'a'\n[tool.uv]\npackage = 'yes'\ndefault-groups = 1\n[tool.fastapi]\nentrypoint = []\n",
            ),
            errors(
                "[project]\nname = 'a'\n[project.optional-dependencies]\npostgres = []\n[tool.pyfront]\nextras = ['postgers', 'x']\n",
            ),
            errors(
                "[project]\nname = 'a'\n[tool.pyfront]\nusr = 1\n[tool.pyfront.healthcheck]\npth = '/'\n[tool.pyfront.env]\nA = 1\n",
            ),
            errors("[project]\nname = 'a'\nname = 'b'\n"),
            errors("[project]\nname = 'a'\n[project\n"),
        ];
        insta::assert_snapshot!(all.join("\n\n"));
    }

    proptest::proptest! {
        #[test]
        fn a_broken_file_does_not_make_it_panic(cut in 0..FULL.len(), insert in "[\"'\\[\\]{}=,.a-z0-9\n]{0,3}") {
            let mut text = FULL.to_owned();
            text.insert_str(cut, &insert);
            let _ = Pyproject::parse(&SourceFile::new("pyproject.toml", text)).map_err(|errors| errors.to_string());
            let _ = Pyproject::parse(&SourceFile::new("pyproject.toml", &FULL[..cut])).map_err(|errors| errors.to_string());
        }
    }
}
