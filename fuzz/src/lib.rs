//! What is fuzzed: one function for each kind of text that somebody else wrote. libFuzzer calls them with whatever it
//! makes up (`fuzz_targets/`), and `tests/fuzz_replay.rs` with everything that it ever found worth keeping. They use
//! pyfront as the gateway does, through its public functions, and panic when a promise is broken.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::LazyLock;

use pyfront::closure::{Arch, Artifact, Closure, Defaults, Libc, Python, Request, Root, Target, resolve};
use pyfront::diagnostic::{Diagnostic, Diagnostics, SourceFile};
use pyfront::plan::start::{Project, candidate_files, detect};
use pyfront::project::entry::Entry;
use pyfront::project::lock::{Expression, Lock};
use pyfront::project::pyproject::Pyproject;
use pyfront::project::python_version::read_python_version_file;
use pyfront::project::stale;

/// A target: a name, which is that of its corpus, and its function.
pub type Named = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Named; 7] = [
    ("lock", lock),
    ("pyproject", pyproject),
    ("marker", marker),
    ("requirement", requirement),
    ("wheel_name", wheel_name),
    ("entry", entry),
    ("source", source),
];

/// A glibc image with a new Python, a musl image with an old one.
static IMAGES: LazyLock<[Target; 2]> = LazyLock::new(|| {
    let image = |python, arch, libc| {
        let python = Python::new(python, false).unwrap_or_else(|error| unreachable!("{error}"));
        Target { python, arch, libc }
    };
    [
        image("3.13.0", Arch::X86_64, Libc::Glibc { major: 2, minor: 36 }),
        image("3.11.7", Arch::Aarch64, Libc::Musl { major: 1, minor: 2 }),
    ]
});

/// `uv.lock`: read, and resolved for two images.
pub fn lock(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some(answers) = read_and_resolve(text) else { return };
    // Locks as uv writes them have a reader of their own. A comment at the end leaves the file to the general one.
    let general = read_and_resolve(&format!("{text}\n#\n"));
    assert_eq!(Some(answers), general, "the two readers of locks disagree");
}

/// `pyproject.toml` with `[tool.pyfront]`, held against a small lock.
pub fn pyproject(data: &[u8]) {
    let Ok(file) = SourceFile::from_bytes("pyproject.toml", data) else { return };
    let Some(pyproject) = shown(Pyproject::parse(&file)) else { return };
    shown(stale::check(&pyproject, &SMALL_LOCK));
    shown_one(pyproject.require_project().map(|_| ()));
    for path in candidate_files(&pyproject, &pyproject.config) {
        assert!(!path.starts_with('/') && path.split('/').all(|part| part != ".."), "{path}");
    }
    let closure: BTreeSet<_> = pyproject.direct_dependencies().into_iter().cloned().collect();
    let files = BTreeMap::new();
    shown_one(detect(&Project { pyproject: &pyproject, config: &pyproject.config, closure: &closure, files: &files }));
}

/// Up to three markers, a line each, on the edges of a lock with conflicts.
pub fn marker(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let markers: Vec<&str> = text.splitn(3, '\n').collect();
    for marker in &markers {
        if let Ok(expression) = Expression::parse(marker) {
            compare_with_uv(marker, &expression);
        }
    }
    let quoted = |index: usize| toml_string(markers.get(index).copied().unwrap_or("extra == 'extra-1-a-y'"));
    let (first, second, third) = (quoted(0), quoted(1), quoted(2));
    read_and_resolve(&format!(
        r#"version = 1
requires-python = ">=3.8"
conflicts = [[{{ package = "a", extra = "x" }}, {{ package = "a", extra = "y" }}]]

[[package]]
name = "a"
version = "1"
source = {{ virtual = "." }}
dependencies = [
    {{ name = "b", marker = {first} }},
    {{ name = "c", extra = ["z"], marker = {second} }},
]

[package.optional-dependencies]
x = [{{ name = "c", marker = {third} }}]
y = [{{ name = "b" }}]

[[package]]
name = "b"
version = "1"
source = {{ virtual = "b" }}
dependencies = [{{ name = "c", marker = {second} }}, {{ name = "a", extra = ["x"], marker = {third} }}]

[[package]]
name = "c"
version = "1"
source = {{ virtual = "c" }}
dependencies = [{{ name = "b", marker = {third} }}]

[package.optional-dependencies]
z = [{{ name = "b", marker = {first} }}]
"#
    ));
    read_and_resolve(&format!(
        "version = 1\nrequires-python = \">=3.8\"\nresolution-markers = [{first}]\nsupported-markers = [{second}]\n\
         required-markers = [{third}]\n\n[manifest]\nrequirements = [{{ name = \"a\", marker = {third} }}]\n\n\
         [[package]]\nname = \"a\"\nversion = \"1\"\nsource = {{ virtual = \"a\" }}\nresolution-markers = [{first}]\n"
    ));
}

/// A requirement of `pyproject.toml`, held against the lock's: a line for the text of the one, then for the other's
/// specifier, marker, `requires-python`, and URL.
pub fn requirement(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let lines: Vec<&str> = text.splitn(5, '\n').collect();
    let line = |index: usize| lines.get(index).copied().unwrap_or_default();
    let wanted = toml_string(line(0));
    let pyproject = format!(
        "[project]\nname = \"a\"\nversion = \"1\"\nrequires-python = {python}\ndependencies = [{wanted}]\n\
         [project.optional-dependencies]\nx = [{wanted}]\n[dependency-groups]\ng = [{wanted}]\n[build-system]\n\
         requires = [{wanted}]\n",
        python = toml_string(line(3)),
    );
    let Some(pyproject) = shown(Pyproject::parse(&SourceFile::new("pyproject.toml", pyproject))) else { return };
    let name = pyproject.direct_dependencies().first().map_or_else(|| "b".to_owned(), ToString::to_string);
    let optional = |key: &str, value: &str| match value {
        "" => String::new(),
        _ => format!(", {key} = {}", toml_string(value)),
    };
    for origin in ["url", "git", "index"] {
        let locked = format!(
            "{{ name = \"{name}\"{}{}{} }}",
            optional("specifier", line(1)),
            optional("marker", line(2)),
            optional(origin, line(4)),
        );
        let python = if line(3).is_empty() { ">=3.8" } else { line(3) };
        let lock = format!(
            "version = 1\nrevision = 3\nrequires-python = {}\n\n[[package]]\nname = \"a\"\nversion = \"1\"\nsource = \
             {{ editable = \".\" }}\n\n[package.metadata]\nrequires-dist = [{locked}]\nprovides-extras = [\"x\"]\n\n\
             [package.metadata.requires-dev]\ng = [{locked}]\n",
            toml_string(python),
        );
        if let Some(lock) = shown(Lock::read(&SourceFile::new("uv.lock", lock))) {
            shown(stale::check(&pyproject, &lock));
        }
    }
}

/// The names of wheels and of a source distribution, a line each: read, and the best one chosen for some images.
pub fn wheel_name(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let names: Vec<&str> = text.lines().take(8).collect();
    let Some(first) = names.first() else { return };
    let parsed = first.parse::<uv_distribution_filename::WheelFilename>().ok();
    let (name, version) =
        parsed.map_or(("a".to_owned(), "1".to_owned()), |wheel| (wheel.name.to_string(), wheel.version.to_string()));
    let mut wheels = String::new();
    for name in &names {
        let _ = writeln!(wheels, "    {{ url = {} }},", toml_string(&format!("https://host/x/{name}")));
    }
    let sdist = toml_string(&format!("https://host/{}", names.last().copied().unwrap_or_default()));
    let source = "source = { registry = \"https://host/simple\" }";
    read_and_resolve(&format!(
        "version = 1\nrequires-python = \">=3.8\"\n\n[manifest]\nrequirements = [{{ name = \"{name}\" }}]\n\n\
         [[package]]\nname = \"{name}\"\nversion = {}\n{source}\nsdist = {{ url = {sdist} }}\nwheels = [\n{wheels}]\n",
        toml_string(&version),
    ));
}

/// What `docker build -f` names, and `.python-version`.
pub fn entry(data: &[u8]) {
    for name in ["Dockerfile", "pyproject.toml"] {
        shown(Entry::read(name, data));
    }
    if let Ok(file) = SourceFile::from_bytes(".python-version", data) {
        shown_one(read_python_version_file(&file));
    }
}

/// Python files of the project, in which a start command is looked for.
pub fn source(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let names = "fastapi, uvicorn, flask, gunicorn, django, celery, streamlit";
    let dependencies: Vec<String> = names.split(", ").map(toml_string).collect();
    let pyproject = format!("[project]\nname = \"a\"\nversion = \"1\"\ndependencies = [{}]\n", dependencies.join(", "));
    let Some(pyproject) = shown(Pyproject::parse(&SourceFile::new("pyproject.toml", pyproject))) else { return };
    let closure: BTreeSet<_> = pyproject.direct_dependencies().into_iter().cloned().collect();
    let mut all = BTreeMap::new();
    let usual = |path: &String| ["main.py", "asgi.py", "a/__init__.py"].contains(&path.as_str());
    for path in candidate_files(&pyproject, &pyproject.config).into_iter().filter(usual) {
        let file = SourceFile::new(path.clone(), text);
        let files = BTreeMap::from([(path.clone(), std::sync::Arc::clone(&file))]);
        shown_one(detect(&Project {
            pyproject: &pyproject,
            config: &pyproject.config,
            closure: &closure,
            files: &files,
        }));
        all.insert(path, file);
    }
    shown_one(detect(&Project { pyproject: &pyproject, config: &pyproject.config, closure: &closure, files: &all }));
}

/// The lock of a project `a` that requires `b`.
static SMALL_LOCK: LazyLock<Lock> = LazyLock::new(|| {
    let text = r#"version = 1
revision = 3
requires-python = ">=3.9"

[[package]]
name = "a"
version = "1"
source = { editable = "." }
dependencies = [{ name = "b" }]

[package.metadata]
requires-dist = [
    { name = "b", extras = ["y"], marker = "python_full_version >= '3.10'", specifier = ">=1,<2" },
    { name = "b", marker = "extra == 'x'", git = "https://host/b?rev=v1" },
]
provides-extras = ["x"]

[package.metadata.requires-dev]
dev = [{ name = "b" }]

[[package]]
name = "b"
version = "1"
source = { virtual = "b" }
"#;
    Lock::read(&SourceFile::new("uv.lock", text)).unwrap_or_else(|error| unreachable!("{error}"))
});

/// Reads a lock and asks it for the usual things. `None` when it is refused.
fn read_and_resolve(text: &str) -> Option<Vec<String>> {
    let lock = shown(Lock::read(&SourceFile::new("uv.lock", text)))?;
    let mut everything = Request { root: Root::Workspace, ..Request::default() };
    everything.extras.all = true;
    everything.groups.all = true;
    let mut development = Request::default();
    development.groups.defaults = Defaults::Development;
    let mut requests = vec![development, everything];
    let members = lock.members();
    if let Some(member) = members.last() {
        let mut request = Request { root: Root::Member((*member).clone()), ..Request::default() };
        let extras = lock.packages_named(member).flat_map(|package| package.extras());
        request.extras.include.extend(extras.take(1).cloned());
        requests.push(request);
    }
    let mut answers = Vec::new();
    for image in &*IMAGES {
        for request in &requests {
            answers.push(match resolve(&lock, request, image) {
                Ok(closure) => {
                    check_closure(&closure);
                    serde_json::to_string(&closure).unwrap_or_else(|error| unreachable!("{error}"))
                }
                Err(problems) => {
                    check_problems(&problems);
                    problems.iter().map(|problem| problem.message().to_owned()).collect()
                }
            });
        }
    }
    Some(answers)
}

/// What the later stages rely on.
fn check_closure(closure: &Closure) {
    for package in &closure.packages {
        let filename = match &package.artifact {
            Artifact::Wheel(wheel) => &wheel.filename,
            Artifact::Sdist(archive) | Artifact::Url(archive) | Artifact::Path(archive) => &archive.filename,
            Artifact::Git(_) | Artifact::Directory(_) | Artifact::Editable(_) | Artifact::Virtual(_) => continue,
        };
        assert!(
            !filename.is_empty() && !filename.contains(['/', '\\', '\0']),
            "{filename:?} is not the name of a file"
        );
    }
}

/// Everything that a person would be shown of it. `None` for an error.
fn shown<T>(result: Result<T, Diagnostics>) -> Option<T> {
    result.inspect_err(check_problems).ok()
}

fn shown_one<T>(result: Result<T, Diagnostic>) {
    if let Err(problem) = result {
        check_problem(&problem);
    }
}

fn check_problems(problems: &Diagnostics) {
    assert!(problems.iter().count() > 0, "an error without a reason");
    problems.iter().for_each(check_problem);
}

fn check_problem(problem: &Diagnostic) {
    let text = problem.to_string();
    assert!(text.chars().all(|character| character == '\n' || !character.is_control()), "it cannot be shown: {text:?}");
    if let Some(location) = problem.location() {
        let range = &location.range;
        assert!(location.file.text().get(range.clone()).is_some(), "there is no such place: {range:?}");
        location.lines();
    }
}

/// uv makes one decision diagram of a whole marker; it must mean the same.
fn compare_with_uv(text: &str, expression: &Expression) {
    fn holds(expression: &Expression, values: &uv_pep508::MarkerEnvironment) -> bool {
        match expression {
            Expression::Comparison(comparison) => comparison.tree.evaluate(values, &[]),
            Expression::All(list) => list.iter().all(|part| holds(part, values)),
            Expression::Any(list) => list.iter().any(|part| holds(part, values)),
        }
    }
    // Long ones can be too much for uv.
    if text.len() > 300 {
        return;
    }
    let Ok(whole) = text.parse::<uv_pep508::MarkerTree>() else { return };
    for image in &*IMAGES {
        if let Ok(values) = image.markers() {
            assert_eq!(holds(expression, &values), whole.evaluate(&values, &[]), "{text}");
        }
    }
}

/// A basic string of TOML.
fn toml_string(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        if character.is_control() || matches!(character, '"' | '\\') {
            let _ = write!(quoted, "\\u{:04x}", u32::from(character));
        } else {
            quoted.push(character);
        }
    }
    quoted.push('"');
    quoted
}
