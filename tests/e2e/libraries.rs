//! System libraries that installed packages need and the base image lacks: named by a build, and found again when they are
//! there.

use std::path::Path;
use std::process::Command;

use crate::engine::{Build, Engine, tag};
use crate::projects::write;
use crate::served::Served;
use crate::source::courier;

/// Makes a wheel of the package `brine`, whose library needs one of the system. Where it is vendored, that one lies beside.
const MAKE_WHEEL: &str = r#"
import os, subprocess, sys, zipfile
path, tag, vendored = sys.argv[1], sys.argv[2], sys.argv[3] == "vendored"
os.chdir(os.path.dirname(path))
def library(name, source, *options):
    with open("source.c", "w") as file:
        file.write(source)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", name, "source.c", *options], check=True)
# Stands for the system's while the other one is linked.
library("libsodium.so.23", "int sodium_init(void) { return 0; }", "-Wl,-soname,libsodium.so.23")
library(
    "core.so", "int sodium_init(void); int ready(void) { return sodium_init() >= 0; }", "libsodium.so.23",
    *(["-Wl,-rpath,$ORIGIN/../brine.libs"] if vendored else []),
)
files = {
    "brine/__init__.py": b"import ctypes, os\nREADY = ctypes.CDLL(os.path.dirname(__file__) + '/core.so').ready()\n",
    "brine/core.so": open("core.so", "rb").read(),
    "brine-1.dist-info/METADATA": b"Metadata-Version: 2.1\nName: brine\nVersion: 1\n",
    "brine-1.dist-info/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: false\nTag: " + tag.encode() + b"\n",
}
if vendored:
    files["brine.libs/libsodium.so.23"] = open("libsodium.so.23", "rb").read()
files["brine-1.dist-info/RECORD"] = "".join(name + ",,\n" for name in [*files, "brine-1.dist-info/RECORD"]).encode()
with zipfile.ZipFile(path, "w") as wheel:
    for name, data in files.items():
        wheel.writestr(zipfile.ZipInfo(name), data)
"#;

/// A project whose only dependency needs a library.
fn project(served: &Served, how: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let platform = format!("py3-none-manylinux_2_17_{}", std::env::consts::ARCH);
    let name = format!("brine-1-{platform}.whl");
    let path = directory.path().join(&name);
    let python = Command::new("python3").args(["-c", MAKE_WHEEL, path.to_str().unwrap(), &platform, how]).status();
    assert!(python.expect("python3 can be started").success());
    let place = format!("{how}/{name}");
    let hash = served.file(&place, &path);
    let url = &served.url;
    let entry = format!(
        "version = \"1\"\nsource = {{ registry = \"{url}/simple\" }}\nwheels = [\n    \
         {{ url = \"{url}/{place}\", hash = \"{hash}\" }},\n]\n"
    );
    courier(&[("brine", entry)], "import brine\nif __name__ == \"__main__\":\n    print(brine.READY)\n")
}

/// Adds to the project's configuration.
fn configure(project: &Path, text: &str) {
    let file = std::fs::read_to_string(project.join("pyproject.toml")).unwrap();
    let file = file.split("\n[tool.pyfront]").next().unwrap_or_default();
    write(project, "pyproject.toml", &format!("{file}\n[tool.pyfront]\n{text}"));
}

const FOUND: &str = "MissingSystemLibrary: uv.lock:19: brine needs libsodium.so.23, which the image does not have (add to \
                     packages in [tool.pyfront]: \"libsodium23\")";

#[test]
fn a_library_that_the_base_lacks_is_named_with_its_package() {
    let Some(engine) = Engine::get() else { return };
    let served = Served::new();
    let project = project(&served, "bare");
    let build = engine.build_pyproject(project.path(), &tag("brine"));
    assert!(build.log.contains(FOUND), "{}", build.log);
    let layers = engine.layers(&build.tag);

    // A cached step says it again.
    let again = engine.build_pyproject(project.path(), &tag("brine"));
    assert_eq!((again.log.contains(FOUND), again.steps_that_ran()), (true, Vec::new()), "{}", again.log);
    assert_eq!(engine.layers(&again.tag), layers, "nothing of the look is in the image");

    configure(project.path(), "packages = [\"libsodium23\"]\n");
    let with = engine.build_pyproject(project.path(), &tag("brine-with"));
    assert!(!with.log.contains("MissingSystemLibrary"), "{}", with.log);
    assert_eq!(engine.run(&with.tag, &[]), "1");

    configure(project.path(), "packages = \"auto\"\n");
    let auto = engine.build_pyproject(project.path(), &tag("brine-auto"));
    assert!(!auto.log.contains("MissingSystemLibrary"), "{}", auto.log);
    assert_eq!(engine.run(&auto.tag, &[]), "1");
    let history = engine.docker(&["history", "--no-trunc", "--format", "{{.CreatedBy}}", &auto.tag]);
    assert!(history.contains("install system packages libsodium23"), "{history}");
}

#[test]
fn a_wheel_that_brings_its_libraries_lacks_none() {
    let Some(engine) = Engine::get() else { return };
    let served = Served::new();
    let project = project(&served, "vendored");
    let build = engine.build_pyproject(project.path(), &tag("brine-vendored"));
    assert!(!build.log.contains("MissingSystemLibrary"), "{}", build.log);
    assert!(build.log.contains("look for missing system libraries"), "{}", build.log);
    assert_eq!(engine.run(&build.tag, &[]), "1");
}

#[test]
fn a_command_that_fails_for_want_of_a_library_is_explained() {
    let Some(engine) = Engine::get() else { return };
    let served = Served::new();
    let project = project(&served, "bare");
    let file = project.path().join("pyproject.toml").display().to_string();
    configure(project.path(), "[[tool.pyfront.run]]\ncommand = [\"python\", \"-c\", \"import brine\"]\n");
    let Build { success, log, .. } = engine.try_build(project.path(), &tag("brine-run"), &["--file", &file]);
    assert!(!success && log.contains("libsodium.so.23: cannot open shared object file"), "{log}");
    assert!(log.contains(FOUND), "{log}");
}
