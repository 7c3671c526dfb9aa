//! What builds from source are told, and what becomes of many of them: packages with a build backend of their own, so that
//! nothing has to be fetched.

use std::path::Path;

use crate::engine::{Engine, example, tag};
use crate::projects::write;
use crate::served::Served;
use crate::source::courier;

/// A build backend. Module NAME is what the expression MODULE says.
const BACKEND: &str = r#"import zipfile
BEGIN
def build_wheel(directory, config_settings=None, metadata_directory=None):
    wheel, info = "NAME-1-py3-none-any.whl", "NAME-1.dist-info/"
    files = {
        "NAME.py": MODULE,
        info + "METADATA": "Metadata-Version: 2.1\nName: NAME\nVersion: 1\n",
        info + "WHEEL": "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[info + "RECORD"] = "".join(path + ",,\n" for path in [*files, info + "RECORD"])
    with zipfile.ZipFile(directory + "/" + wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return wheel
"#;

/// Serves such a package as a source distribution; returns its entry in the lock.
fn package(served: &Served, name: &str, requires: &str, begin: &str, module: &str) -> String {
    let files = tempfile::tempdir().unwrap();
    let backend = BACKEND.replace("NAME", name).replace("BEGIN", begin).replace("MODULE", module);
    write(files.path(), "backend.py", &backend);
    let system = format!("requires = [{requires}]\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n");
    let project = format!("[project]\nname = \"{name}\"\nversion = \"1\"\n[build-system]\n{system}");
    write(files.path(), "pyproject.toml", &project);
    let hash = served.archive(&format!("{name}-1.tar.gz"), files.path());
    let source = format!("source = {{ url = \"{}/{name}-1.tar.gz\" }}", served.url);
    let needs = if begin.contains("humanize") { "dependencies = [{ name = \"humanize\" }]\n" } else { "" };
    format!("version = \"1\"\n{source}\n{needs}sdist = {{ hash = \"{hash}\" }}\n")
}

/// The entry of a package with a wheel.
fn humanize() -> String {
    let lock = std::fs::read_to_string(example("virtual").path().join("uv.lock")).unwrap();
    let line = lock.lines().find(|line| line.contains("-py3-none-any.whl")).unwrap().trim();
    let url = line.split('"').nth(1).unwrap();
    format!("version = \"4.17.0\"\nsource = {{ url = \"{url}\" }}\nwheels = [\n    {line}\n]\n")
}

/// Builds a project with settings in `[tool.uv]` and returns what it prints.
fn printed(engine: &Engine, project: &Path, settings: &str, name: &str) -> String {
    let plain = std::fs::read_to_string(project.join("pyproject.toml")).unwrap();
    write(project, "pyproject.toml", &format!("{plain}\n[tool.uv]\n{settings}"));
    let build = engine.build_pyproject(project, &tag(name));
    write(project, "pyproject.toml", &plain);
    engine.run(&build.tag, &[])
}

#[test]
fn builds_are_told_what_uv_would_tell_them() {
    let Some(engine) = Engine::get() else { return };
    let served = Served::new();
    let files = tempfile::tempdir().unwrap();
    // Without pyproject.toml: uv knows the package's name from the requirement alone.
    let setup = "import os, sys, setuptools\n\
                 try:\n    import humanize\n    found = humanize.__version__\nexcept ImportError:\n    found = None\n\
                 facts = [setuptools.__version__.split('.')[0], found, os.environ.get('TOLD')]\n\
                 open('told.py', 'w').write('FACTS = %r\\n' % facts)\n\
                 setuptools.setup(name='told', version='1', py_modules=['told'])\n";
    write(files.path(), "setup.py", setup);
    let hash = served.archive("told-1.tar.gz", files.path());
    let source = format!("source = {{ url = \"{}/told-1.tar.gz\" }}", served.url);
    let needs = "dependencies = [{ name = \"humanize\" }]";
    let entry = format!("version = \"1\"\n{source}\n{needs}\nsdist = {{ hash = \"{hash}\" }}\n");
    let code = "import told\nif __name__ == \"__main__\":\n    print(told.FACTS)\n";
    let project = courier(&[("humanize", humanize()), ("told", entry)], code);
    let lock = std::fs::read_to_string(project.path().join("uv.lock")).unwrap();
    let manifest = "\n[manifest]\nbuild-constraints = [{ name = \"setuptools\", specifier = \"<79\" }]\n\n[[package]]";
    write(project.path(), "uv.lock", &lock.replacen("\n[[package]]", manifest, 1));

    let constraint = "build-constraint-dependencies = [\"setuptools<79\"]\n";
    let variables = format!("{constraint}extra-build-variables = {{ told = {{ TOLD = \"1\" }} }}\n");
    assert_eq!(printed(&engine, project.path(), &variables, "told"), "['78', None, '1']");
    let extra = "extra-build-dependencies = { told = [{ requirement = \"humanize\", match-runtime = true }] }\n";
    assert_eq!(printed(&engine, project.path(), &format!("{constraint}{extra}"), "matched"), "['78', '4.17.0', None]");
}

#[test]
fn without_isolation_a_build_finds_its_locked_dependencies() {
    let Some(engine) = Engine::get() else { return };
    let served = Served::new();
    let begin = "import humanize, hidden";
    let module = "'FOUND = %r\\n' % (humanize.__version__ + hidden.NAME)";
    let shared = package(&served, "shared", "\"nothing-like-this\"", begin, module)
        .replace("name = \"humanize\" }", "name = \"humanize\" }, { name = \"hidden\" }");
    let hidden = package(&served, "hidden", "", "", "'NAME = \" and this\"\\n'");
    let code = "import shared\nif __name__ == \"__main__\":\n    print(shared.FOUND)\n";
    let project = courier(&[("hidden", hidden), ("humanize", humanize()), ("shared", shared)], code);
    let settings = "no-build-isolation-package = [\"shared\"]\n";
    assert_eq!(printed(&engine, project.path(), settings, "shared"), "4.17.0 and this");
}

#[test]
fn many_built_packages_share_layers() {
    let Some(engine) = Engine::get() else { return };
    let served = Served::new();
    let names: Vec<String> = (0..10).map(|number| format!("part{number}")).collect();
    let packages: Vec<(&str, String)> = names
        .iter()
        .map(|name| (name.as_str(), package(&served, name, "", "", &format!("'NAME = \"{name}\"\\n'"))))
        .collect();
    let code = "import importlib\nif __name__ == \"__main__\":\n    \
                print(*[importlib.import_module(f\"part{n}\").NAME for n in range(10)])\n";
    let project = courier(&packages, code);
    let build = engine.build_pyproject(project.path(), &tag("parts"));
    assert_eq!(engine.run(&build.tag, &[]), names.join(" "));
    let history = engine.docker(&["history", "--no-trunc", "--format", "{{.CreatedBy}}", &build.tag]);
    let layers = history.lines().filter(|line| line.starts_with("build part")).count();
    assert!((2..=8).contains(&layers), "{history}");
    let file = project.path().join("pyproject.toml").display().to_string();
    let again = engine.build(project.path(), &tag("parts-again"), &["--no-cache", "--file", &file]);
    engine.assert_same_layers(&build.tag, &again.tag);
}

#[test]
fn a_version_that_comes_from_git_is_passed() {
    let Some(engine) = Engine::get() else { return };
    let project = tempfile::tempdir().unwrap();
    write(
        project.path(),
        "pyproject.toml",
        "# syntax=org/pyfront\n[project]\nname = \"released\"\ndynamic = [\"version\"]\nrequires-python = \">=3.11\"\n\
         [build-system]\nrequires = [\"setuptools\", \"setuptools-scm\"]\nbuild-backend = \"setuptools.build_meta\"\n\
         [tool.setuptools_scm]\n[tool.pyfront]\ncommand = [\"python\", \"-c\", \
         \"import importlib.metadata as m; print(m.version('released'))\"]\n",
    );
    write(project.path(), ".python-version", "3.13\n");
    write(project.path(), "released.py", "");
    let lock = "version = 1\nrevision = 3\nrequires-python = \">=3.11\"\n\n[[package]]\nname = \"released\"\n\
                source = { editable = \".\" }\n";
    write(project.path(), "uv.lock", lock);
    let file = project.path().join("pyproject.toml").display().to_string();
    let failed = engine.try_build(project.path(), &tag("released"), &["--file", &file]);
    let hint = "help: pass the version: --build-arg SETUPTOOLS_SCM_PRETEND_VERSION=1.2.3";
    assert!(!failed.success && failed.log.contains(hint), "{}", failed.log);
    let version = ["--file", &file, "--build-arg", "SETUPTOOLS_SCM_PRETEND_VERSION=1.4.2"];
    let build = engine.build(project.path(), &tag("released"), &version);
    assert_eq!(engine.run(&build.tag, &[]), "1.4.2");
}
