//! `/opt/venv` is what uv itself makes: the same files with the same bytes, on the same base.
//!
//! The exceptions, and why: file times; `.pyc` files, which uv does not make here; and the metadata that names the
//! installer (`INSTALLER`, `REQUESTED`, `direct_url.json`, `uv_cache.json`, `uv_build.json`, and their lines in `RECORD`),
//! which differs between two installations of the same wheel and would keep equal layers from being equal.

use std::collections::BTreeMap;
use std::path::Path;

use crate::engine::{Engine, example, fixture, tag};
use crate::projects::write;

/// Prints every file of the venv with its kind, mode and hash. RECORD is hashed without the lines of the exceptions.
const LIST: &str = r#"
import hashlib, os
skipped = ("INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json")
for directory, names, files in os.walk("/opt/venv"):
    names.sort()
    if os.path.basename(directory) == "__pycache__":
        continue
    for name in sorted(files + [name for name in names if os.path.islink(os.path.join(directory, name))]):
        path = os.path.join(directory, name)
        if directory.endswith(".dist-info") and name in skipped:
            continue
        if os.path.islink(path):
            print(path, "->", os.readlink(path))
            continue
        data = open(path, "rb").read()
        if name == "RECORD" and directory.endswith(".dist-info"):
            lines = data.decode().splitlines()
            data = "\n".join(line for line in lines if line.split(",")[0].rsplit("/", 1)[-1] not in skipped).encode()
        print(path, oct(os.stat(path).st_mode & 0o111), hashlib.sha256(data).hexdigest())
"#;

pub(crate) const ORACLE: &str = "FROM python:3.13-slim
COPY --from=astral/uv:0.13.8 /uv /usr/local/bin/uv
WORKDIR /src
COPY . .
RUN --mount=type=secret,id=ca-certificates \
    if [ -s /run/secrets/ca-certificates ]; then \
      export SSL_CERT_FILE=/run/secrets/ca-certificates UV_SYSTEM_CERTS=1; \
    fi; \
    UV_PROJECT_ENVIRONMENT=/opt/venv UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy \
    uv sync --frozen --no-dev --no-editable --no-cache --python /usr/local/bin/python3
";

fn compare(name: &str) {
    let Some(engine) = Engine::get() else { return };
    let project = example(name);
    let ours = engine.build_pyproject(project.path(), &tag(&format!("ours-{name}")));
    same_venv(&engine, &ours.tag, project.path(), ORACLE);
}

/// Compares the venv of an image with the one that a Dockerfile makes of the same files.
pub(crate) fn same_venv(engine: &Engine, ours: &str, context: &Path, dockerfile: &str) {
    let oracle = tempfile::tempdir().unwrap();
    write(oracle.path(), "Dockerfile", dockerfile);
    let file = oracle.path().join("Dockerfile").display().to_string();
    let theirs = engine.build(context, &tag("oracle"), &["--file", &file]);

    let list = |tag: &str| -> BTreeMap<String, String> {
        let text = engine.run(tag, &["python", "-I", "-c", LIST]);
        text.lines().filter_map(|line| line.split_once(' ')).map(|(p, rest)| (p.to_owned(), rest.to_owned())).collect()
    };
    let (ours, theirs) = (list(ours), list(&theirs.tag));
    assert!(theirs.len() > 20, "the oracle made an empty venv");
    let differing: Vec<String> = theirs
        .keys()
        .chain(ours.keys())
        .filter(|path| theirs.get(*path) != ours.get(*path))
        .map(|path| format!("{path}\n  uv:      {:?}\n  pyfront: {:?}", theirs.get(path), ours.get(path)))
        .collect();
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn a_web_service_packaged_with_uv_build() {
    compare("fastapi");
}

#[test]
fn a_web_service_on_alpine() {
    let Some(engine) = Engine::get() else { return };
    if cfg!(not(target_arch = "x86_64")) {
        eprintln!("SKIPPED: the stand-in for Alpine is for x86-64");
        return;
    }
    let project = example("fastapi");
    write(project.path(), "Dockerfile", "# syntax=org/pyfront\nbase = \"alpine\"\n");
    let ours = engine.build(project.path(), &tag("alpine"), &[]);
    // The wheels are those for musl, they work, and so does the server's own code in C and Rust.
    let seen = "import httptools, pydantic_core, sysconfig, uvicorn; print(pydantic_core._pydantic_core.__file__); \
                from importlib.metadata import distribution; print(distribution('pydantic-core').read_text('WHEEL'))";
    let seen = engine.run(&ours.tag, &["python", "-c", seen]);
    assert!(seen.contains("-linux-musl.so") && seen.contains("musllinux_1_"), "{seen}");
    let oracle = ORACLE.replace("python:3.13-slim", "python:3.13-alpine");
    same_venv(&engine, &ours.tag, project.path(), &oracle);
}

#[test]
fn a_tool_packaged_with_hatchling() {
    compare("hatchling");
}

#[test]
fn a_project_that_is_no_package() {
    compare("virtual");
}

#[test]
fn a_dependency_without_wheels() {
    compare("source");
}

#[test]
fn extras_that_conflict_have_an_image_each() {
    let Some(engine) = Engine::get() else { return };
    let project = fixture("locks/conflicts");
    write(project.path(), ".python-version", "3.13\n");
    write(project.path(), "main.py", "import importlib.metadata as metadata\nprint(metadata.version('idna'))\n");
    let build = |extras: &str| {
        write(project.path(), "Dockerfile", &format!("# syntax=org/pyfront\nextras = {extras}\n"));
        engine.try_build(project.path(), &tag("extras"), &[])
    };
    for (extra, idna) in [("old", "3.6"), ("new", "3.20")] {
        let ours = build(&format!("[{extra:?}]"));
        assert!(ours.success, "{}", ours.log);
        assert_eq!(engine.run(&ours.tag, &["python", "main.py"]), idna);
        same_venv(
            &engine,
            &ours.tag,
            project.path(),
            &ORACLE.replace("--no-dev", &format!("--no-dev --extra {extra}")),
        );
    }
    let both = build("[\"old\", \"new\"]");
    assert!(!both.success && both.log.contains("exclude each other (tool.uv.conflicts)"), "{}", both.log);
}
