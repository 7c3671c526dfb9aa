//! What of `[tool.uv]` and of the lock reaches the step that builds a package: one settings file for uv, and the locked
//! packages that have to be there. A setting that names another package is left out, so that it builds nothing again.
//! `docs/design/steps.md` says how this follows uv.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::Serialize;
use uv_normalize::PackageName;

use super::Wheel;
use super::make::{self, Inputs};
use crate::closure::{Artifact, Locked};
use crate::diagnostic::Diagnostic;
use crate::project::lock::{Requirement, Source};
use crate::project::uv::{ExtraBuildDependency, Setting};
use crate::project::vcs_version;

/// Where a step finds the wheels that a requirement of its settings names. Known to `emit`, which mounts them there.
pub const WHEELS: &str = "/run/pyfront/runtime";

/// Build tools that a build without isolation may import although its package does not depend on them: projects name
/// them beside it.
const BUILD_TOOLS: &[&str] = &[
    "cffi",
    "cmake",
    "cython",
    "flit-core",
    "hatch-vcs",
    "hatchling",
    "maturin",
    "meson",
    "meson-python",
    "nanobind",
    "ninja",
    "numpy",
    "packaging",
    "pbr",
    "pdm-backend",
    "poetry-core",
    "psutil",
    "pybind11",
    "scikit-build",
    "scikit-build-core",
    "setuptools",
    "setuptools-rust",
    "setuptools-scm",
    "versioneer",
    "wheel",
];

/// What the step that builds one package is told.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Settings {
    /// uv's settings file. Empty when nothing is set.
    pub file: String,
    /// Variables for the build backend.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
    /// Locked wheels that requirements of the file name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub wheels: Vec<Wheel>,
    /// What is installed where it is built. Builds in an environment of their own have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
}

/// The locked packages that a build without isolation finds installed.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Environment {
    /// Those that have wheels.
    pub wheels: Vec<Wheel>,
    /// The names of those that are built from source themselves, in an environment of their own.
    pub built: Vec<String>,
}

impl Settings {
    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What the step that builds a package of the lock is told.
///
/// # Errors
/// Extra build dependencies that cannot be handed on.
pub(super) fn of_locked(inputs: &Inputs<'_>, package: &Locked) -> Result<Settings, Diagnostic> {
    let mut file = File::common(inputs);
    // uv does not follow `tool.uv.sources` in what comes from an index.
    if matches!(package.source, Source::Registry { .. }) {
        file.set("no-sources", Setting::Flag(true));
    }
    let settings = &inputs.workspace.uv.build;
    let name = &package.name;
    file.set_table("config-settings", settings.config_settings.clone());
    if let Some(own) = settings.config_settings_package.get(name) {
        file.set_own("config-settings-package", name, Setting::Table(own.clone()));
    }
    if let Some(variables) = settings.extra_build_variables.get(name) {
        let variables = variables.iter().map(|(name, value)| (name.clone(), Setting::Text(value.clone())));
        file.set_own("extra-build-variables", name, Setting::Table(variables.collect()));
    }
    finish(inputs, name, file)
}

/// What the step that builds a project of the user's is told. It runs `uv build`, which does not know the name of what it
/// builds before it has built it: what is set for the package is written as if it were for all.
///
/// # Errors
/// Extra build dependencies that cannot be handed on.
pub(super) fn of_project(inputs: &Inputs<'_>, name: &PackageName) -> Result<Settings, Diagnostic> {
    let mut file = File::common(inputs);
    let settings = &inputs.workspace.uv.build;
    let own = settings.config_settings_package.get(name).cloned().unwrap_or_default();
    file.set_table("config-settings", merge(own, &settings.config_settings));
    let mut told = finish(inputs, name, file)?;
    told.variables = settings.extra_build_variables.get(name).cloned().unwrap_or_default();
    let of_versions = inputs.build_args.iter().filter(|(argument, _)| tells_version(argument, name));
    told.variables.extend(of_versions.map(|(name, value)| (name.clone(), value.clone())));
    Ok(told)
}

/// Whether a variable tells a package's build backend the version that it would else ask git for.
pub fn tells_version(variable: &str, name: &PackageName) -> bool {
    let of_package = variable.strip_prefix("SETUPTOOLS_SCM_PRETEND_VERSION_FOR_");
    vcs_version::is_variable(variable)
        || of_package.is_some_and(|of| of == name.as_str().to_ascii_uppercase().replace('-', "_"))
}

fn finish(inputs: &Inputs<'_>, name: &PackageName, mut file: File) -> Result<Settings, Diagnostic> {
    let settings = &inputs.workspace.uv.build;
    let mut wheels = Vec::new();
    if !settings.is_isolated(name) {
        file.set("no-build-isolation", Setting::Flag(true));
        return Ok(Settings {
            file: file.text(),
            environment: Some(environment(inputs, name)?),
            ..Settings::default()
        });
    }
    let mut requirements = Vec::new();
    for extra in settings.extra_build_dependencies.get(name).into_iter().flatten() {
        requirements.push(requirement(inputs, extra, &mut wheels)?);
    }
    if !requirements.is_empty() {
        file.set_own("extra-build-dependencies", name, Setting::texts(requirements));
    }
    Ok(Settings { file: file.text(), wheels, ..Settings::default() })
}

/// A settings file in the making.
struct File(BTreeMap<&'static str, Setting>);

impl File {
    /// What every build is told.
    fn common(inputs: &Inputs<'_>) -> Self {
        let settings = &inputs.workspace.uv.build;
        let mut file = Self(settings.resolution.clone());
        if !settings.indexes.is_empty() {
            file.set("index", Setting::List(settings.indexes.iter().cloned().map(Setting::Table).collect()));
        }
        let mut constraints: Vec<String> = inputs.lock.manifest.build_constraints.iter().map(constraint).collect();
        constraints.sort();
        if !constraints.is_empty() {
            file.set("build-constraint-dependencies", Setting::texts(constraints));
        }
        file
    }

    fn set(&mut self, key: &'static str, setting: Setting) {
        self.0.insert(key, setting);
    }

    fn set_table(&mut self, key: &'static str, table: BTreeMap<String, Setting>) {
        if !table.is_empty() {
            self.set(key, Setting::Table(table));
        }
    }

    fn set_own(&mut self, key: &'static str, name: &PackageName, setting: Setting) {
        self.set(key, Setting::Table(BTreeMap::from([(name.to_string(), setting)])));
    }

    fn text(&self) -> String {
        self.0.iter().fold(String::new(), |mut text, (key, setting)| {
            let _ = writeln!(text, "{key} = {}", setting.to_toml());
            text
        })
    }
}

/// uv's way to combine what all packages are told with what one is told: its own first, and both where both say something.
fn merge(own: BTreeMap<String, Setting>, all: &BTreeMap<String, Setting>) -> BTreeMap<String, Setting> {
    let list = |setting: Setting| match setting {
        Setting::List(items) => items,
        setting => vec![setting],
    };
    let mut merged = own;
    for (key, setting) in all {
        let value = match merged.remove(key) {
            None => setting.clone(),
            Some(own) => Setting::List(list(own).into_iter().chain(list(setting.clone())).collect()),
        };
        merged.insert(key.clone(), value);
    }
    merged
}

/// A build constraint of the lock, as a requirement is written.
fn constraint(requirement: &Requirement) -> String {
    let mut text = requirement.name.to_string();
    if !requirement.extras.is_empty() {
        let extras: Vec<String> = requirement.extras.iter().map(ToString::to_string).collect();
        let _ = write!(text, "[{}]", extras.join(","));
    }
    match &requirement.origin {
        Some(("url", url)) => {
            let _ = write!(text, " @ {url}");
        }
        _ => text.push_str(requirement.specifier.as_deref().unwrap_or_default()),
    }
    if let Some(marker) = &requirement.marker {
        let _ = write!(text, " ; {}", marker.text());
    }
    text
}

/// An extra build dependency as the step's settings say it. One that has to match the image is the very wheel of the lock.
fn requirement(
    inputs: &Inputs<'_>,
    extra: &ExtraBuildDependency,
    wheels: &mut Vec<Wheel>,
) -> Result<String, Diagnostic> {
    let name = &extra.dependency.name;
    let written = extra.requirement();
    let problem = |message: String| Diagnostic::new(message).at_location(Some(written.location.clone()));
    if !extra.match_runtime {
        if inputs.workspace.uv.sources.contains_key(name) {
            return Err(problem(format!(
                "extra-build-dependencies asks for {name}, which [tool.uv.sources] takes from elsewhere; pyfront cannot \
                 hand that on to a build yet"
            ))
            .help("add match-runtime = true to take the version of the lock, or write the URL into the requirement"));
        }
        return Ok(written.value.clone());
    }
    if written.value.contains(['=', '<', '>', '~', '!', '@']) && !written.value.contains(';') {
        return Err(problem(format!(
            "match-runtime takes the version of {name} from the lock, so none can be asked for"
        ))
        .help(format!("write {{ requirement = \"{name}\", match-runtime = true }}")));
    }
    let Some(package) = inputs.closure.get(name.as_str()) else {
        return Err(problem(format!("match-runtime asks for the {name} of the image, but the image has none"))
            .help(format!("add {name} to the dependencies of the project and run uv lock, or remove match-runtime")));
    };
    let marker = written.value.split_once(';').map(|(_, marker)| format!(" ; {}", marker.trim())).unwrap_or_default();
    let extras = written.value.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
    let extras = extras.map(|(extras, _)| format!("[{extras}]")).unwrap_or_default();
    if let Artifact::Wheel(file) = &package.artifact {
        let wheel = make::wheel(inputs, package, file)?;
        // The marker follows a space: without it, it would be part of the URL.
        let text = format!("{name}{extras} @ file://{WHEELS}/{}{marker}", wheel.filename.replace('+', "%2B"));
        wheels.push(wheel);
        return Ok(text);
    }
    match (&package.version, &package.source) {
        (Some(version), Source::Registry { .. }) => Ok(format!("{name}{extras}=={version}{marker}")),
        _ => Err(problem(format!("match-runtime asks for {name}, which is built from a source tree itself"))
            .help("lock a release of it from an index, or remove match-runtime")),
    }
}

/// What a build without isolation finds: what the package needs, the build tools of the project with what they need, and
/// what the package's extra build dependencies name. uv would have all of the project there; but then every change of the
/// lock would build the package again.
fn environment(inputs: &Inputs<'_>, name: &PackageName) -> Result<Environment, Diagnostic> {
    let settings = &inputs.workspace.uv.build;
    let closure = inputs.closure;
    let own = closure.get(name.as_str()).map(|package| package.dependencies.iter()).into_iter().flatten();
    let extra = settings.extra_build_dependencies.get(name).into_iter().flatten().map(|extra| &extra.dependency.name);
    let tools =
        closure.packages.iter().map(|package| &package.name).filter(|name| BUILD_TOOLS.contains(&name.as_str()));
    let mut queue: Vec<&PackageName> = own.chain(extra).chain(tools).collect();
    let mut seen = BTreeSet::from([name]);
    let mut environment = Environment::default();
    while let Some(next) = queue.pop() {
        let Some(package) = closure.get(next.as_str()).filter(|_| seen.insert(next)) else { continue };
        queue.extend(&package.dependencies);
        match &package.artifact {
            Artifact::Wheel(file) => environment.wheels.push(make::wheel(inputs, package, file)?),
            // uv builds those without isolation last, each without the others.
            Artifact::Sdist(_) | Artifact::Url(_) | Artifact::Git(_) if settings.is_isolated(next) => {
                environment.built.push(package.name.to_string());
            }
            _ => {}
        }
    }
    environment.wheels.sort_by(|a, b| a.name.cmp(&b.name));
    environment.built.sort();
    Ok(environment)
}

#[cfg(test)]
mod tests {
    use std::str::FromStr as _;

    use super::*;
    use crate::closure::{Arch, Libc, Python, Request, Target, resolve};
    use crate::diagnostic::SourceFile;
    use crate::plan::indexes::Indexes;
    use crate::plan::start::StartCommand;
    use crate::plan::{Base, Image, Uv};
    use crate::project::lock::Lock;
    use crate::project::pyproject::Pyproject;

    /// `app` needs `speed` and `other`, which have no wheels; `speed` needs `torch`, which needs `jinja2`; `app` needs
    /// `setuptools`, too, and `idna`, which has nothing to do with any build.
    fn lock() -> Lock {
        let digest = "ab".repeat(32);
        let wheel = |name: &str, needs: &str| {
            format!(
                "[[package]]\nname = \"{name}\"\nversion = \"2\"\nsource = {{ registry = \"https://host/simple\" }}\n{needs}\
                 wheels = [{{ url = \"https://host/{name}-2-py3-none-any.whl\", hash = \"sha256:{digest}\" }}]\n"
            )
        };
        let sdist = |name: &str, needs: &str| {
            format!(
                "[[package]]\nname = \"{name}\"\nversion = \"1.5\"\nsource = {{ registry = \"https://host/simple\" }}\n{needs}\
                 sdist = {{ url = \"https://host/{name}-1.5.tar.gz\", hash = \"sha256:{digest}\" }}\n"
            )
        };
        let text = format!(
            "version = 1\nrevision = 3\nrequires-python = \">=3.11\"\n\n[manifest]\nbuild-constraints = [\
             {{ name = \"setuptools\", specifier = \"<81\", marker = \"python_full_version >= '3.12'\" }}, \
             {{ name = \"cython\", specifier = \"==3.0.12\" }}]\n\n\
             [[package]]\nname = \"app\"\nversion = \"1\"\nsource = {{ editable = \".\" }}\ndependencies = [\
             {{ name = \"speed\" }}, {{ name = \"other\" }}, {{ name = \"setuptools\" }}, {{ name = \"idna\" }}]\n{}{}{}{}{}{}",
            sdist("speed", "dependencies = [{ name = \"torch\" }, { name = \"other\" }]\n"),
            sdist("other", ""),
            wheel("torch", "dependencies = [{ name = \"jinja2\" }]\n"),
            wheel("jinja2", ""),
            wheel("setuptools", ""),
            wheel("idna", ""),
        );
        Lock::read(&SourceFile::new("uv.lock", text)).unwrap()
    }

    /// What the builds of `speed`, `other` and `app` are told, or why not.
    fn told_with(settings: &str, build_args: &[(&str, &str)]) -> Result<[Settings; 3], String> {
        let text =
            format!("[project]\nname = 'app'\nversion = '1'\n[build-system]\nrequires = []\n[tool.uv]\n{settings}");
        let pyproject =
            Pyproject::parse(&SourceFile::new("pyproject.toml", text)).map_err(|error| error.to_string())?;
        let lock = lock();
        let target = Target {
            python: Python::new("3.13.5", false).unwrap(),
            arch: Arch::X86_64,
            libc: Libc::Glibc { major: 2, minor: 36 },
        };
        let closure = resolve(&lock, &Request::default(), &target).unwrap();
        let image = Image { reference: "x".to_owned(), digest: None };
        let build_args = build_args.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let given = BTreeSet::new();
        let indexes = Indexes::new(&[], &given, &lock);
        let inputs = Inputs {
            build_target: &crate::plan::BuildTarget::default(),
            pyproject: &pyproject,
            workspace: &pyproject,
            members: &BTreeMap::new(),
            directory: "",
            config: &pyproject.config,
            lock: &lock,
            closure: &closure,
            resolved: None,
            platform: "linux/amd64",
            build_platform: None,
            base: &Base {
                image: image.clone(),
                name: None,
                python: "3.13".to_owned(),
                reason: String::new(),
                managed_python: None,
                env: BTreeMap::new(),
            },
            uv: &Uv { version: "0.13.8".to_owned(), image },
            start: &StartCommand::none(),
            build_args: &build_args,
            indexes: &indexes,
            labels: &BTreeMap::new(),
        };
        let of = |name: &str| of_locked(&inputs, closure.get(name).unwrap()).map_err(|error| error.to_string());
        let project = of_project(&inputs, &PackageName::from_str("app").unwrap()).map_err(|error| error.to_string())?;
        Ok([of("speed")?, of("other")?, project])
    }

    fn told(settings: &str) -> [Settings; 3] {
        told_with(settings, &[]).unwrap()
    }

    fn names(wheels: &[Wheel]) -> Vec<&str> {
        wheels.iter().map(|wheel| wheel.name.as_str()).collect()
    }

    #[test]
    fn constraints_and_indexes_reach_every_build() {
        let [speed, other, project] = told(
            "index-strategy = 'unsafe-best-match'\nexclude-newer = '2026-01-01T00:00:00Z'\n\
             [[tool.uv.index]]\nurl = 'https://host/simple'\nname = 'own'\ndefault = true\n",
        );
        assert_eq!(speed, other);
        insta::assert_snapshot!(format!("{}\n{}", speed.file, project.file));
    }

    #[test]
    fn what_concerns_one_package_leaves_the_others_alone() {
        let [_, before, project] = told("config-settings = { a = '1' }\n");
        let [speed, after, same] = told(
            "config-settings = { a = '1' }\nextra-build-dependencies = { speed = ['ninja<2'] }\n\
             extra-build-variables = { speed = { FORCE_CUDA = '1' } }\n\
             config-settings-package = { speed = { a = '2', b = ['x'] } }\nno-build-isolation-package = ['torch']\n",
        );
        assert_eq!((&before, &project), (&after, &same));
        insta::assert_snapshot!(speed.file);
    }

    #[test]
    fn a_project_is_told_its_own_as_if_it_were_for_all() {
        let [_, _, project] = told_with(
            "config-settings = { a = '1', c = '3' }\nconfig-settings-package = { app = { a = '2' } }\n\
             extra-build-variables = { app = { CC = 'clang' } }\n",
            &[
                ("SETUPTOOLS_SCM_PRETEND_VERSION_FOR_APP", "3.1"),
                ("SETUPTOOLS_SCM_PRETEND_VERSION_FOR_X", "9"),
                ("X", "9"),
            ],
        )
        .unwrap();
        assert!(
            project.file.contains("config-settings = { \"a\" = [\"2\", \"1\"], \"c\" = \"3\" }\n"),
            "{}",
            project.file
        );
        let variables: Vec<(&str, &str)> = project.variables.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(variables, [("CC", "clang"), ("SETUPTOOLS_SCM_PRETEND_VERSION_FOR_APP", "3.1")]);
    }

    #[test]
    fn without_isolation_a_build_finds_what_it_needs() {
        let [speed, other, _] = told("no-build-isolation-package = ['speed']\n");
        assert!(other.environment.is_none() && !other.file.contains("isolation"));
        let environment = speed.environment.unwrap();
        assert_eq!(names(&environment.wheels), ["jinja2", "setuptools", "torch"]);
        assert_eq!(environment.built, ["other"]);
        let [speed, other, project] = told("no-build-isolation = true\n");
        assert!(speed.environment.unwrap().built.is_empty(), "uv builds all of them last");
        assert_eq!(names(&other.environment.unwrap().wheels), ["setuptools"]);
        assert_eq!(names(&project.environment.unwrap().wheels), ["idna", "jinja2", "setuptools", "torch"]);
    }

    #[test]
    fn the_wheel_of_the_image_for_a_build() {
        let [speed, _, _] = told(
            "extra-build-dependencies = { speed = [{ requirement = 'torch', match-runtime = true }, \
             { requirement = 'other', match-runtime = true }] }\n",
        );
        assert_eq!(names(&speed.wheels), ["torch"]);
        let expected = "extra-build-dependencies = { \"speed\" = \
                        [\"torch @ file:///run/pyfront/runtime/torch-2-py3-none-any.whl\", \"other==1.5\"] }\n";
        assert!(speed.file.contains(expected), "{}", speed.file);
    }

    #[test]
    fn refusals() {
        let all = [
            "extra-build-dependencies = { speed = [{ requirement = 'nothing', match-runtime = true }] }\n",
            "extra-build-dependencies = { speed = [{ requirement = 'torch>1', match-runtime = true }] }\n",
            "extra-build-dependencies = { speed = ['torch'] }\nsources = { torch = { index = 'own' } }\n",
        ];
        let all = all.map(|settings| told_with(settings, &[]).unwrap_err());
        insta::assert_snapshot!(all.join("\n"));
    }
}
