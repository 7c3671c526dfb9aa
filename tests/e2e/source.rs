//! Packages without a wheel are built from their sources, one step and one layer each: a source distribution of an index,
//! an archive by URL, a commit of a git repository.

use std::path::Path;

use crate::engine::{Engine, example, tag};
use crate::projects::write;
use crate::served::Served;
use crate::wheels::locked;

#[test]
fn a_source_distribution_becomes_a_layer_of_its_own() {
    let Some(engine) = Engine::get() else { return };
    let project = example("source");
    let build = engine.build_pyproject(project.path(), &tag("source"));
    assert_eq!(engine.run(&build.tag, &[]), "a parcel of 1.5 MB");
    let history = engine.docker(&["history", "--no-trunc", "--format", "{{.CreatedBy}}|{{.Comment}}", &build.tag]);
    let ours: Vec<&str> = history.lines().filter(|line| line.ends_with("|pyfront.v0")).collect();
    assert_eq!(ours[3..], ["build docopt 0.6.2|pyfront.v0", "install humanize 4.17.0|pyfront.v0"], "{history}");

    let file = project.path().join("pyproject.toml").display().to_string();
    let again = engine.build(project.path(), &tag("source"), &["--no-cache", "--file", &file]);
    assert!(again.steps_that_ran().iter().any(|step| step.contains("build docopt")), "{}", again.log);
    engine.assert_same_layers(&build.tag, &again.tag);

    let code = std::fs::read_to_string(project.path().join("main.py")).unwrap();
    write(project.path(), "main.py", &code.replace("a parcel of", "a box of"));
    let after = engine.build_pyproject(project.path(), &tag("source"));
    assert!(after.steps_that_ran().iter().all(|step| step.contains(" courier")), "{}", after.log);
    assert_eq!(engine.run(&after.tag, &[]), "a box of 1.5 MB");
}

/// A package in the directory `python` of its source.
pub(crate) fn package(directory: &Path, name: &str, pyproject: &str) {
    let module = directory.join("python/src").join(name);
    std::fs::create_dir_all(&module).unwrap();
    write(&module, "__init__.py", &format!("NAME = {name:?}\n"));
    write(&directory.join("python"), "pyproject.toml", &format!("[project]\nname = {name:?}\n{pyproject}"));
}

/// A project that needs packages, with the lock entries of those.
pub(crate) fn courier(packages: &[(&str, String)], code: &str) -> tempfile::TempDir {
    let project = tempfile::tempdir().unwrap();
    let names: Vec<String> = packages.iter().map(|(name, _)| format!("{name:?}")).collect();
    let edges: Vec<String> = packages.iter().map(|(name, _)| format!("{{ name = {name:?} }}")).collect();
    let entries: Vec<String> =
        packages.iter().map(|(name, entry)| format!("\n[[package]]\nname = {name:?}\n{entry}")).collect();
    write(
        project.path(),
        "pyproject.toml",
        &format!(
            "# syntax=org/pyfront\n[project]\nname = \"courier\"\nversion = \"1\"\nrequires-python = \">=3.11\"\n\
             dependencies = [{}]\n",
            names.join(", ")
        ),
    );
    write(
        project.path(),
        "uv.lock",
        &format!(
            "version = 1\nrevision = 3\nrequires-python = \">=3.11\"\n\n[[package]]\nname = \"courier\"\nversion = \"1\"\n\
             source = {{ virtual = \".\" }}\ndependencies = [{}]\n\n[package.metadata]\nrequires-dist = [{}]\n{}",
            edges.join(", "),
            edges.join(", "),
            entries.concat()
        ),
    );
    write(project.path(), ".python-version", "3.13\n");
    write(project.path(), "main.py", code);
    project
}

/// Lets a project ask for the first of two packages alone, which in turn needs the second.
pub(crate) fn through(project: &Path, first: &str, second: &str) {
    let edit = |name: &str, from: &str, to: &str| {
        let text = std::fs::read_to_string(project.join(name)).unwrap();
        assert!(text.contains(from), "{name} has no {from:?}");
        write(project, name, &text.replace(from, to));
    };
    edit("pyproject.toml", &format!("[{first:?}, {second:?}]"), &format!("[{first:?}]"));
    let needs = |name: &str| format!("{{ name = {name:?} }}");
    edit("uv.lock", &format!("[{}, {}]", needs(first), needs(second)), &format!("[{}]", needs(first)));
    let begin = format!("\n[[package]]\nname = {first:?}\n");
    edit("uv.lock", &begin, &format!("{begin}dependencies = [{}]\n", needs(second)));
}

#[test]
fn archives_wheels_and_repositories_by_url() {
    let Some(engine) = Engine::get() else { return };
    let served = Served::new();
    let url = &served.url;

    let files = tempfile::tempdir().unwrap();
    let backend = "[build-system]\nrequires = [\"uv_build\"]\nbuild-backend = \"uv_build\"\n";
    package(files.path(), "carton", &format!("version = \"2.0\"\n{backend}"));
    let hash = served.archive("carton.tar.gz", files.path());
    let archive = format!(
        "version = \"2.0\"\nsource = {{ url = \"{url}/carton.tar.gz\", subdirectory = \"python\" }}\n\
         sdist = {{ hash = \"{hash}\" }}\n"
    );

    let files = tempfile::tempdir().unwrap();
    let backend = "dynamic = [\"version\"]\n[build-system]\nrequires = [\"setuptools\", \"setuptools-scm\"]\n\
                   build-backend = \"setuptools.build_meta\"\n[tool.setuptools_scm]\nroot = \"..\"\n";
    package(files.path(), "parcel", backend);
    let commit = served.repository("parcel.git", files.path());
    let git = format!(
        "version = \"1.4.2\"\nsource = {{ git = \"{url}/parcel.git?subdirectory=python&rev=main#{commit}\" }}\n"
    );

    let lock = std::fs::read_to_string(example("virtual").path().join("uv.lock")).unwrap();
    let line = lock.lines().find(|line| line.contains("-py3-none-any.whl")).unwrap().trim();
    let wheel_url = line.split('"').nth(1).unwrap();
    let wheel = format!("version = \"4.17.0\"\nsource = {{ url = \"{wheel_url}\" }}\nwheels = [\n    {line}\n]\n");

    let code = "import importlib.metadata as metadata, humanize, carton, parcel\nif __name__ == \"__main__\":\n    \
                print([metadata.version(name) for name in (\"humanize\", \"carton\", \"parcel\")])\n";
    let project = courier(&[("carton", archive), ("humanize", wheel), ("parcel", git)], code);
    let build = engine.build_pyproject(project.path(), &tag("by-url"));
    assert_eq!(engine.run(&build.tag, &[]), "['4.17.0', '2.0', '1.4.2']");
}

#[test]
fn a_build_that_needs_a_compiler_says_who_wants_it_and_what_helps() {
    let Some(engine) = Engine::get() else { return };
    let served = Served::new();
    let files = tempfile::tempdir().unwrap();
    write(files.path(), "speed.c", "int x;\n");
    let setup = "from setuptools import Extension, setup\n\
                 setup(name='speed', version='3.1', ext_modules=[Extension('speed', ['speed.c'])])\n";
    write(files.path(), "setup.py", setup);
    let hash = served.archive("speed-3.1.tar.gz", files.path());
    let entry = format!(
        "version = \"3.1\"\nsource = {{ url = \"{}/speed-3.1.tar.gz\" }}\nsdist = {{ hash = \"{hash}\" }}\n",
        served.url
    );
    let code = "import speed\nif __name__ == \"__main__\":\n    print(speed)\n";
    let project = courier(&[("engine", locked(&served, "engine", "1.0", "")), ("speed", entry)], code);
    through(project.path(), "engine", "speed");
    let file = project.path().join("pyproject.toml").display().to_string();
    let build = engine.try_build(project.path(), &tag("compiler"), &["--file", &file]);
    assert!(!build.success, "{}", build.log);
    // What buildx prints at the end: the failed step, the last lines of its log, and the lock's lines.
    let (_, end) = build.log.split_once("\n------\n").expect("the log of the failed step is repeated");
    for expected in [
        "[deps] build speed 3.1, wanted by courier → engine → speed:",
        "pyfront: speed 3.1 could not be built from its source",
        "missing: gcc",
        "help: add to build-packages in [tool.pyfront]: \"gcc\"",
        ">>> dependencies = [\"engine\"]",
        ">>> sdist = {",
        "\n  wanted by courier → engine → speed",
    ] {
        assert!(end.contains(expected), "{expected:?} is missing:\n{end}");
    }
    assert!(build.log.contains("running build_ext"), "{}", build.log);
}

/// A package with code in C that needs a library, as a served source distribution: its entry in the lock.
fn squeeze(served: &Served) -> String {
    let files = tempfile::tempdir().unwrap();
    let code = r#"#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <zlib.h>
#include <assert.h>
static PyObject *version(PyObject *self, PyObject *unused) {
    assert(self != NULL);
    return Py_BuildValue("ss", zlibVersion(), __FILE__);
}
static PyMethodDef methods[] = {{"version", version, METH_NOARGS, ""}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "squeeze", NULL, -1, methods};
PyMODINIT_FUNC PyInit_squeeze(void) { return PyModule_Create(&module); }
"#;
    write(files.path(), "squeeze.c", code);
    let setup = "from setuptools import Extension, setup\n\
                 setup(name='squeeze', version='1.2', ext_modules=[Extension('squeeze', ['squeeze.c'], libraries=['z'])])\n";
    write(files.path(), "setup.py", setup);
    let hash = served.archive("squeeze-1.2.tar.gz", files.path());
    format!(
        "version = \"1.2\"\nsource = {{ url = \"{}/squeeze-1.2.tar.gz\" }}\nsdist = {{ hash = \"{hash}\" }}\n",
        served.url
    )
}

pub(crate) fn append(project: &Path, text: &str) {
    let file = std::fs::read_to_string(project.join("pyproject.toml")).unwrap();
    write(project, "pyproject.toml", &format!("{file}\n{text}"));
}

#[test]
fn code_in_c_with_its_system_packages_and_the_same_layer_twice() {
    let Some(engine) = Engine::get() else { return };
    let served = Served::new();
    let entry = squeeze(&served);
    let code = "import squeeze\nif __name__ == \"__main__\":\n    print(squeeze.version())\n";
    let project = courier(&[("squeeze", entry)], code);
    append(project.path(), "[tool.pyfront]\nbuild-packages = [\"gcc\"]\n");
    let file = project.path().join("pyproject.toml").display().to_string();

    let failed = engine.try_build(project.path(), &tag("squeeze"), &["--file", &file]);
    assert!(!failed.success, "{}", failed.log);
    let (_, end) = failed.log.split_once("\n------\n").expect("the log of the failed step is repeated");
    let said: Vec<&str> = end.lines().map(|line| line.split_once("pyfront: ").map_or(line, |(_, said)| said)).collect();
    let first = said.iter().position(|line| line.starts_with("squeeze 1.2 could not")).expect("the step says why");
    let said: Vec<&str> = said[first..].iter().take(4).map(|line| strip_clock(line)).collect();
    insta::assert_snapshot!(said.join("\n"));

    let pyproject = std::fs::read_to_string(project.path().join("pyproject.toml")).unwrap();
    write(project.path(), "pyproject.toml", &pyproject.replace("[\"gcc\"]", "[\"zlib1g-dev\", \"gcc\"]"));
    let build = engine.build_pyproject(project.path(), &tag("squeeze"));
    let printed = engine.run(&build.tag, &[]);
    assert!(printed.starts_with("('1.") && printed.ends_with("'squeeze.c')"), "{printed}");
    assert_eq!(engine.run(&build.tag, &["python", "-c", "import shutil; print(shutil.which('gcc'))"]), "None");

    let again = engine.build(project.path(), &tag("squeeze-again"), &["--no-cache", "--file", &file]);
    assert!(again.steps_that_ran().iter().any(|step| step.contains("build squeeze")), "{}", again.log);
    engine.assert_same_layers(&build.tag, &again.tag);
}

/// A line of buildx's log without the seconds that it begins with.
fn strip_clock(line: &str) -> &str {
    let digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || c == '.');
    match line.split_once(' ') {
        Some((first, rest)) if digits(first) => rest,
        _ => line,
    }
}
