//! The closure against uv itself: for every case under `fixtures/locks`, what uv would install is checked in
//! (`expected-*.txt`, made by `oracle.py`), and must be what the closure says: names, versions, files.

// Helpers of tests may panic like the tests themselves.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use pyfront::closure::{Arch, Artifact, BuildPolicy, Closure, Defaults, Libc, Python, Request, Root, Target, resolve};
use pyfront::diagnostic::{Diagnostics, Location, SourceFile};
use pyfront::project::document::Located;
use pyfront::project::lock::{DefaultGroups, Lock};
use uv_normalize::{GroupName, PackageName};
use uv_pep440::VersionSpecifiers;

/// The checked-in cases, or those of another directory in the same layout.
fn fixtures() -> PathBuf {
    if let Some(other) = std::env::var_os("PYFRONT_LOCK_CASES") {
        return other.into();
    }
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/locks")
}

fn cases() -> Vec<PathBuf> {
    let mut cases: Vec<PathBuf> = fs::read_dir(fixtures())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("uv.lock").is_file())
        .collect();
    cases.sort();
    cases
}

fn lock(case: &Path) -> Result<Lock, Diagnostics> {
    Lock::read(&SourceFile::from_bytes("uv.lock", fs::read(case.join("uv.lock")).unwrap())?)
}

fn closure(lock: &Result<Lock, Diagnostics>, expected: &Expectation) -> Result<Closure, Diagnostics> {
    resolve(lock.as_ref().map_err(Clone::clone)?, &expected.request, &expected.target)
}

/// What uv was asked, and what it said.
struct Expectation {
    label: String,
    target: Target,
    request: Request,
    /// name → (version, file), or uv's refusal.
    answer: Result<BTreeMap<String, (String, String)>, String>,
}

fn expectations(case: &Path) -> Vec<Expectation> {
    let mut paths: Vec<PathBuf> = fs::read_dir(case)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("expected-"))
        .collect();
    paths.sort();
    paths.into_iter().map(|path| expectation(case, &path)).collect()
}

fn expectation(case: &Path, path: &Path) -> Expectation {
    let text = fs::read_to_string(path).unwrap();
    let head = |key: &str| {
        let prefix = format!("# {key}");
        text.lines().find_map(|line| line.strip_prefix(&prefix)).unwrap_or_default().trim().to_owned()
    };
    let body: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let answer = match body.first().and_then(|line| line.strip_prefix("error: ")) {
        Some(error) => Err(error.to_owned()),
        None => installable(&body),
    };
    Expectation {
        label: format!(
            "{}/{}",
            case.file_name().unwrap().to_str().unwrap(),
            path.file_stem().unwrap().to_str().unwrap().trim_start_matches("expected-")
        ),
        target: target(&head("python"), &head("platform")),
        request: request(case, &head("flags")),
        answer,
    }
}

/// The packages of an answer. Two of one name are a mistake of uv's, which it does not notice; that counts as refusal.
fn installable(lines: &[&str]) -> Result<BTreeMap<String, (String, String)>, String> {
    let mut packages = BTreeMap::new();
    for line in lines {
        let mut words = line.split(' ').map(str::to_owned);
        let name = words.next().unwrap();
        if packages.insert(name.clone(), (words.next().unwrap(), words.next().unwrap())).is_some() {
            return Err(format!("(nothing, it would install {name} twice)"));
        }
    }
    Ok(packages)
}

fn target(python: &str, platform: &str) -> Target {
    let arch = match platform.split('-').next().unwrap() {
        "x86_64" => Arch::X86_64,
        "aarch64" => Arch::Aarch64,
        "riscv64" => Arch::Riscv64,
        other => panic!("{other}"),
    };
    let libc = match platform.split_once('-').unwrap().1 {
        "unknown-linux-musl" => Libc::Musl { major: 1, minor: 2 },
        "manylinux2014" => Libc::Glibc { major: 2, minor: 17 },
        // What uv assumes for riscv64.
        "unknown-linux" => Libc::Glibc { major: 2, minor: 39 },
        other => Libc::Glibc { major: 2, minor: other.strip_prefix("manylinux_2_").unwrap().parse().unwrap() },
    };
    Target { python: Python::new(python.trim_end_matches('t'), python.ends_with('t')).unwrap(), arch, libc }
}

/// The flags of `uv sync`, as a request.
fn request(case: &Path, flags: &str) -> Request {
    let mut request = Request::default();
    request.groups.defaults = Defaults::Development;
    let mut members = Vec::new();
    let mut words = flags.split_whitespace();
    while let Some(flag) = words.next() {
        let mut value = || words.next().unwrap();
        match flag {
            "--no-dev" if request.groups.defaults == Defaults::None => {}
            "--no-dev" => request.groups.defaults = Defaults::Production,
            "--no-default-groups" => request.groups.defaults = Defaults::None,
            "--group" => request.groups.include.push(value().parse().unwrap()),
            "--no-group" => request.groups.exclude.push(value().parse().unwrap()),
            "--only-group" => request.groups.only.push(value().parse().unwrap()),
            "--only-dev" => request.groups.only.push("dev".parse().unwrap()),
            "--all-groups" => request.groups.all = true,
            "--extra" => request.extras.include.push(value().parse().unwrap()),
            "--no-extra" => request.extras.exclude.push(value().parse().unwrap()),
            "--all-extras" => request.extras.all = true,
            "--package" => members.push(value().parse().unwrap()),
            "--all-packages" => request.root = Root::Workspace,
            "--no-binary" => request.build.no_binary = true,
            "--no-binary-package" => request.build.no_binary_packages.push(value().parse().unwrap()),
            "--no-build" => request.build.no_build = true,
            "--no-build-package" => request.build.no_build_packages.push(value().parse().unwrap()),
            other => panic!("{other}"),
        }
    }
    match members.len() {
        0 => {}
        1 => request.root = Root::Member(members.remove(0)),
        _ => request.root = Root::Members(members),
    }
    request.groups.declared = declared_default_groups(case, &request.root);
    request.groups.requires_python = declared_group_pythons(case, &request.root);
    declare_build_policy(case, &mut request.build);
    request
}

/// Adds what `[tool.uv]` of the project at the root says of building.
fn declare_build_policy(case: &Path, build: &mut BuildPolicy) {
    let Ok(pyproject) = fs::read_to_string(case.join("pyproject.toml")) else { return };
    let pyproject: toml::Table = pyproject.parse().unwrap();
    let Some(uv) = pyproject.get("tool").and_then(|tool| tool.get("uv")) else { return };
    let flag = |key: &str| uv.get(key).and_then(toml::Value::as_bool).unwrap_or_default();
    let packages = |key: &str| {
        let names = uv.get(key).and_then(toml::Value::as_array).into_iter().flatten();
        names.map(|name| name.as_str().unwrap().parse().unwrap()).collect::<Vec<_>>()
    };
    build.no_build |= flag("no-build");
    build.no_binary |= flag("no-binary");
    build.no_build_packages.extend(packages("no-build-package"));
    build.no_binary_packages.extend(packages("no-binary-package"));
}

/// `tool.uv.default-groups` of the project that is asked for, when the lock does not say.
fn declared_default_groups(case: &Path, root: &Root) -> Option<DefaultGroups> {
    match declared(case, root)?.get("default-groups")? {
        toml::Value::Array(groups) => {
            Some(DefaultGroups::List(groups.iter().map(|group| group.as_str().unwrap().parse().unwrap()).collect()))
        }
        _ => Some(DefaultGroups::All),
    }
}

/// The `requires-python` of its groups, likewise.
fn declared_group_pythons(
    case: &Path,
    root: &Root,
) -> BTreeMap<(Option<PackageName>, GroupName), Located<VersionSpecifiers>> {
    let uv = declared(case, root).unwrap_or_default();
    let owner = match root {
        Root::Member(name) => Some(name.clone()),
        _ => lock(case).ok().and_then(|lock| lock.root().map(|root| root.name.clone())),
    };
    let groups = uv.get("dependency-groups").and_then(toml::Value::as_table).cloned().unwrap_or_default();
    let python = |(group, settings): (String, toml::Value)| {
        let specifiers = settings.get("requires-python")?.as_str()?.parse().unwrap();
        let location = Location { file: SourceFile::new("pyproject.toml", ""), range: 0..0 };
        Some(((owner.clone(), group.parse().unwrap()), Located::new(specifiers, location)))
    };
    groups.into_iter().filter_map(python).collect()
}

/// `[tool.uv]` of the project that is asked for, when its lock is too old to have what counts of it.
fn declared(case: &Path, root: &Root) -> Option<toml::Table> {
    let lock = lock(case).ok()?;
    if lock.revision >= 5 {
        return None;
    }
    let tree = match root {
        Root::Member(name) => lock.packages_named(name).find_map(|package| package.source.tree_path()).unwrap_or("."),
        Root::Project | Root::Members(_) | Root::Workspace => ".",
    };
    let pyproject = fs::read_to_string(case.join(tree).join("pyproject.toml")).ok()?;
    let pyproject: toml::Table = pyproject.parse().unwrap();
    pyproject.get("tool")?.get("uv")?.as_table().cloned()
}

fn installed(closure: &Closure) -> BTreeMap<String, (String, String)> {
    closure
        .packages
        .iter()
        .filter(|package| !matches!(package.artifact, Artifact::Virtual(_)))
        .map(|package| {
            let file = match &package.artifact {
                Artifact::Wheel(wheel) => wheel.filename.clone(),
                Artifact::Sdist(sdist) => sdist.filename.clone(),
                _ => "-".to_owned(),
            };
            let version = package.version.as_ref().map_or("-".to_owned(), ToString::to_string);
            (package.name.to_string(), (version, file))
        })
        .collect()
}

/// The differences between a closure and uv's answer, in words.
fn differences(resolved: &Result<Closure, Diagnostics>, expected: &Expectation) -> Vec<String> {
    let label = &expected.label;
    match (resolved, &expected.answer) {
        (Err(_), Err(_)) => Vec::new(),
        (Err(problems), Ok(_)) => vec![format!("{label}: refused, but uv installs: {problems}")],
        (Ok(_), Err(error)) => vec![format!("{label}: resolved, but uv says: {error}")],
        (Ok(closure), Ok(wanted)) => {
            let ours = installed(closure);
            let mut list = Vec::new();
            for name in ours.keys().filter(|name| !wanted.contains_key(*name)) {
                list.push(format!("{label}: {name} is too much"));
            }
            for (name, (version, file)) in wanted {
                match ours.get(name) {
                    None => list.push(format!("{label}: {name} is missing")),
                    Some((our_version, our_file)) => {
                        // uv prints no version for trees that it has not built, and no file was seen for local ones.
                        if (version != "-" && our_version != version) || (file != "-" && our_file != file) {
                            list.push(format!("{label}: {name} {our_version} {our_file}, uv has {version} {file}"));
                        }
                    }
                }
            }
            list
        }
    }
}

#[test]
fn the_closure_is_what_uv_installs() {
    let mut list = Vec::new();
    let mut requests = 0;
    for case in cases() {
        let lock = lock(&case);
        for expected in expectations(&case) {
            requests += 1;
            list.extend(differences(&closure(&lock, &expected), &expected));
        }
    }
    eprintln!("{requests} requests");
    assert!(requests >= 100 || std::env::var_os("PYFRONT_LOCK_CASES").is_some(), "only {requests} were found");
    assert!(list.is_empty(), "{} differences to uv:\n{}", list.len(), list.join("\n"));
}

/// uv's refusals beside ours: the same requests, for the same reasons.
#[test]
fn what_uv_refuses_is_refused_with_reasons() {
    let mut text = String::new();
    // The generated cases have no requests of their own, and nothing new to say.
    for case in cases().into_iter().filter(|case| case.join("requests.txt").exists()) {
        let lock = lock(&case);
        for expected in expectations(&case) {
            if let (Err(theirs), Err(ours)) = (&expected.answer, closure(&lock, &expected)) {
                writeln!(text, "{}\n  uv: {theirs}\n  we: {ours}\n", expected.label).unwrap();
            }
        }
    }
    insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!("refusals", text) });
}
