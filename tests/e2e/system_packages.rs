//! `packages`: what the running program needs of the base image's distribution.

use std::path::Path;

use crate::engine::{Build, Engine, example, tag};
use crate::projects::write;
use crate::served::{Served, gateway};

/// Adds to the project's configuration.
fn configure(project: &Path, text: &str) {
    let file = std::fs::read_to_string(project.join("pyproject.toml")).unwrap();
    write(project, "pyproject.toml", &format!("{file}\n[tool.pyfront]\n{text}"));
}

/// Loads the library, and lists what a package manager may have left: everything below a few directories.
const PROGRAM: &str = "\
import ctypes, os, pathlib
ctypes.CDLL('libsodium.so.23')
for directory in ('/var/lib/apt/lists', '/var/cache/apt', '/var/cache/ldconfig', '/var/log', '/run/pyfront', '/out'):
    for path in sorted(pathlib.Path(directory).rglob('*')):
        if path.is_file() and path.stat().st_mtime > os.stat('/usr/local/bin').st_mtime:
            print(path)
";

#[test]
fn packages_get_into_the_image_below_the_same_layers() {
    let Some(engine) = Engine::get() else { return };
    let project = example("virtual");
    let file = project.path().join("pyproject.toml").display().to_string();
    let without = engine.build_pyproject(project.path(), &tag("without-packages"));
    configure(project.path(), "packages = [\"dbus-system-bus-common\", \"libsodium23\"]\n");
    let with = engine.build_pyproject(project.path(), &tag("packages"));
    assert_eq!(engine.run(&with.tag, &["python", "-c", PROGRAM]), "");
    // One of them makes an account, which stands beside ours.
    let accounts = engine.run(&with.tag, &["cat", "/etc/passwd"]);
    assert!(accounts.contains("\nmessagebus:") && accounts.contains("\napp:"), "{accounts}");
    let steps = with.steps_that_ran();
    // The accounts that packages have made are kept beside ours.
    let is_expected = |step: &String| {
        ["install system packages", "[runtime] venv", "[project]"].iter().any(|part| step.contains(part))
    };
    assert!(steps.iter().all(is_expected), "{}", with.log);

    let (layers, fewer) = (engine.layers(&with.tag), engine.layers(&without.tag));
    let base = engine.layers("python:3.13-slim").len();
    assert_eq!(layers[..base], fewer[..base]);
    // The last two are others: pyproject.toml is one of the project's files, and the accounts are in the runtime's layer.
    assert_eq!(layers[base + 1..layers.len() - 2], fewer[base..fewer.len() - 2], "the layers above are the same");
    let history = engine.docker(&["history", "--no-trunc", "--format", "{{.CreatedBy}}", &with.tag]);
    assert!(history.contains("install system packages dbus-system-bus-common, libsodium23"), "{history}");

    let arguments = ["--no-cache", "--file", &file];
    let again = engine.build(project.path(), &tag("packages-again"), &arguments);
    // Docker's own store keeps more of the step than what it changed: there the layer of system packages is another every time.
    if !engine.is_graphdriver() {
        engine.assert_same_layers(&again.tag, &with.tag);
    }
}

#[test]
fn a_package_that_is_not_there_is_named_with_its_line() {
    let Some(engine) = Engine::get() else { return };
    let project = example("virtual");
    configure(project.path(), "packages = [\n    \"libsodium-unheard-of\",\n]\n");
    let file = project.path().join("pyproject.toml").display().to_string();
    let Build { success, log, .. } = engine.try_build(project.path(), &tag("no-such-package"), &["--file", &file]);
    assert!(!success && log.contains("Unable to locate package libsodium-unheard-of"), "{log}");
    assert!(log.contains("packages could not be installed: libsodium-unheard-of"), "{log}");
    assert!(log.contains(">>>     \"libsodium-unheard-of\","), "the line of the user's file is shown: {log}");
}

/// A Debian repository that was signed once and for all (`make.sh` there).
const REPOSITORY: &str = "tests/fixtures/apt-repository";

/// Serves the repository at `/debian` and `/internal`. Returns its key, too.
fn repository(engine: &Engine) -> (Served, String) {
    let served = Served::open(&gateway(engine));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(REPOSITORY);
    let lists = ["amd64", "arm64"].map(|architecture| format!("dists/stable/main/binary-{architecture}/Packages"));
    for file in ["dists/stable/InRelease", "pool/weigh_1.4_all.deb"].into_iter().chain(lists.iter().map(String::as_str))
    {
        for place in ["debian", "internal"] {
            served.file(&format!("{place}/{file}"), &root.join(file));
        }
    }
    (served, root.join("key.asc").display().to_string())
}

/// What a package manager has been told and has not forgotten.
const TRACES: &str = "\
import pathlib
for path in sorted(pathlib.Path('/etc/apt').rglob('*')):
    if path.is_file() and ('pyfront' in path.name or b'10.22' in path.read_bytes()):
        print(path)
print(*(path for path in pathlib.Path('/var/lib/apt/lists').iterdir() if path.name not in ('lock', 'partial')))
";

#[test]
fn the_example_has_a_program_of_its_own_repository() {
    let Some(engine) = Engine::get() else { return };
    let (served, key) = repository(&engine);
    let project = example("apt-repository");
    let text = std::fs::read_to_string(project.path().join("pyproject.toml")).unwrap();
    write(project.path(), "pyproject.toml", &text.replace("https://apt.example.com", &served.url));
    let file = project.path().join("pyproject.toml").display().to_string();

    let secret = format!("id=apt-key,src={key}");
    let build = engine.build(project.path(), &tag("repository"), &["--file", &file, "--secret", &secret]);
    assert_eq!(engine.docker(&["run", "--rm", &build.tag]), "The parcel weighs 1500 g");
    assert_eq!(engine.run(&build.tag, &["python", "-c", TRACES]), "");
    let history = engine.docker(&["history", "--no-trunc", &build.tag]);
    assert!(!history.contains("10.22") && !history.contains("PGP"), "{history}");

    let missing = engine.try_build(project.path(), &tag("repository"), &["--file", &file, "--no-cache"]);
    assert!(!missing.success && missing.log.contains("secret apt-key: not found"), "{}", missing.log);

    // A key of somebody else's: what the repository says is not believed.
    let other = std::fs::read_to_string(key.replace("key.asc", "other.asc")).unwrap();
    write(&project.path().join("keys"), "example.asc", &other);
    let wrong = engine.try_build(project.path(), &tag("repository"), &["--file", &file, "--secret", &secret]);
    assert!(!wrong.success && wrong.log.contains("signed with the key"), "{}", wrong.log);
    assert!(wrong.log.contains("url = "), "the line of the repository is shown: {}", wrong.log);
}
