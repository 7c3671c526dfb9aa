//! Goldens of what is decided and of what BuildKit is told: the plan of each example, and the operations that it becomes
//! with and without MergeOp. A change here is a change of people's images; read the difference before you accept it.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use buildkit_llb::{Cap, Caps, Image, Local, NetworkMode, Output, Platform, inspect, marshal};
use pyfront::closure::{Arch, Closure, Libc, Python, Request, Target, resolve};
use pyfront::diagnostic::SourceFile;
use pyfront::emit::{self, Machine, StepOptions};
use pyfront::plan::indexes::Indexes;
use pyfront::plan::layers::{Kind, Parameters};
use pyfront::plan::make::{Inputs, make};
use pyfront::plan::python::{Wishes, choose, image};
use pyfront::plan::{self, Base, Plan, Uv, start, uv};
use pyfront::project::lock::Lock;
use pyfront::project::pyproject::Pyproject;
use pyfront::project::python_version::read_python_version_file;

fn file(example: &str, name: &str) -> std::sync::Arc<SourceFile> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(example).join(name);
    SourceFile::new(name, std::fs::read_to_string(path).expect("the example has the file"))
}

fn files(example: &str, candidates: Vec<String>) -> start::Files {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(example);
    let exists = |path: &String| root.join(path).is_file();
    candidates.into_iter().filter(exists).map(|path| (path.clone(), file(example, &path))).collect()
}

fn plan(example: &str) -> Plan {
    plan_for(example, Arch::X86_64)
}

/// With more lines at the end of `pyproject.toml`.
fn plan_with(example: &str, lines: &str) -> Plan {
    let text = format!("{}\n{lines}", file(example, "pyproject.toml").text());
    plan_of(example, &SourceFile::new("pyproject.toml", text), Arch::X86_64)
}

/// On a builder for amd64.
fn plan_for(example: &str, arch: Arch) -> Plan {
    plan_of(example, &file(example, "pyproject.toml"), arch)
}

fn plan_of(example: &str, pyproject: &std::sync::Arc<SourceFile>, arch: Arch) -> Plan {
    let native = arch == Arch::X86_64;
    let pyproject = Pyproject::parse(pyproject).unwrap();
    let lock = Lock::read(&file(example, "uv.lock")).unwrap();
    let wanted = read_python_version_file(&file(example, ".python-version")).unwrap();
    let python = choose(&Wishes {
        config: pyproject.config.python.as_ref(),
        file: wanted.as_ref(),
        requires: pyproject.project.as_ref().unwrap().requires_python.as_ref(),
        ..Wishes::default()
    })
    .unwrap();
    let target =
        Target { python: Python::new("3.13.5", false).unwrap(), arch, libc: Libc::Glibc { major: 2, minor: 36 } };
    let closure: Closure = resolve(&lock, &Request::default(), &target).unwrap();
    let installed: BTreeSet<_> = closure.third_party().map(|package| package.name.clone()).collect();
    let start = start::detect(&start::Project {
        pyproject: &pyproject,
        config: &pyproject.config,
        closure: &installed,
        files: &files(example, start::candidate_files(&pyproject, &pyproject.config)),
    })
    .unwrap();
    let version = uv::choose(None, None).unwrap();
    let digest = |byte: &str| Some(format!("sha256:{}", byte.repeat(32)));
    make(&Inputs {
        build_target: &plan::BuildTarget::default(),
        pyproject: &pyproject,
        workspace: &pyproject,
        members: &BTreeMap::new(),
        directory: "",
        config: &pyproject.config,
        lock: &lock,
        closure: &closure,
        resolved: None,
        platform: if native { "linux/amd64" } else { "linux/arm64" },
        build_platform: (!native).then_some("linux/amd64"),
        base: &Base {
            image: plan::Image { reference: image(None, &python.version), digest: digest("ba") },
            name: None,
            python: python.version.minor_text(),
            reason: python.reason,
            managed_python: None,
            env: BTreeMap::new(),
        },
        uv: &Uv { image: plan::Image { reference: uv::image(&version), digest: digest("0c") }, version },
        start: &start,
        build_args: &BTreeMap::new(),
        indexes: &Indexes::new(&pyproject.uv.indexes, &BTreeSet::new(), &lock),
        labels: &BTreeMap::new(),
    })
    .unwrap()
}

fn operations(plan: &Plan, caps: &Caps) -> String {
    let platform: Platform = "linux/amd64".parse().unwrap();
    let image = |reference: &str, byte: &str| {
        let reference = format!("docker.io/{reference}@sha256:{}", byte.repeat(32));
        Image::new(reference, platform.clone()).build().unwrap()
    };
    let base = image(&format!("library/{}", plan.base.image.reference), "ba");
    let uv = image(&plan.uv.image.reference, "0c");
    let project: Output = Local::new("context").session("session").build().unwrap();
    let trees = plan.first_party.iter().map(|member| (member.tree.clone(), project.clone())).collect();
    let local = emit::LocalSources { trees, files: BTreeMap::new(), copies: BTreeMap::new() };
    let root = emit::image(
        plan,
        &emit::Context {
            base: &base,
            builder: Machine {
                base: &base,
                uv: Some(&uv),
                platform: None,
                path: "/usr/local/bin:/bin",
                cache_suffix: "",
            },
            target: None,
            label: None,
            local: &local,
            env: &[],
            steps: &StepOptions { network: NetworkMode::Sandbox, ..StepOptions::default() },
            caps,
            place: &|_| None,
        },
    )
    .unwrap();
    let definition = marshal(Some(&root), caps).unwrap();
    let text = serde_json::to_string_pretty(&inspect(&definition)).unwrap();
    // The programs are in the repository; here they would only be noise.
    let without_programs = text.lines().map(|line| match line.split_once("\"data\": ") {
        Some((indent, _)) => format!("{indent}\"data\": …,"),
        None => line.to_owned(),
    });
    without_hosts(&without_programs.collect::<Vec<_>>().join("\n"))
}

/// Which index the examples were locked from is nobody's business but the lock's.
fn without_hosts(text: &str) -> String {
    let mut parts = text.split("https://");
    let mut result = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let path = part.find('/').map_or("", |index| &part[index..]);
        result.push_str("https://index");
        result.push_str(path);
    }
    result
}

fn snapshot(plan: &Plan) -> String {
    without_hosts(&serde_json::to_string_pretty(plan).unwrap())
}

#[test]
fn plan_of_a_web_service() {
    insta::assert_snapshot!(snapshot(&plan("fastapi")));
}

#[test]
fn plan_of_a_command_line_tool() {
    insta::assert_snapshot!(snapshot(&plan("hatchling")));
}

#[test]
fn plan_of_a_project_that_is_no_package() {
    insta::assert_snapshot!(snapshot(&plan("virtual")));
}

#[test]
fn plan_of_a_project_with_a_dependency_without_wheels() {
    insta::assert_snapshot!(snapshot(&plan("source")));
}

#[test]
fn plan_for_another_cpu() {
    insta::assert_snapshot!(snapshot(&plan_for("hatchling", Arch::Aarch64)));
}

/// Only the wheels with compiled code, the image below and the skeleton of the venv are another.
#[test]
fn operations_for_another_cpu_differ_where_they_must() {
    let lines = |text: &str| -> BTreeSet<String> { text.lines().map(str::to_owned).collect() };
    let native = lines(&operations(&plan("hatchling"), &Caps::all()));
    let foreign = operations(&plan_for("hatchling", Arch::Aarch64), &Caps::all());
    let other: Vec<&str> = foreign.lines().filter(|line| !native.contains(*line)).collect();
    insta::assert_snapshot!(other.join("\n"));
}

#[test]
fn operations_of_a_build_from_source() {
    insta::assert_snapshot!(operations(&plan("source"), &Caps::all()));
}

#[test]
fn operations_of_a_package() {
    insta::assert_snapshot!(operations(&plan("hatchling"), &Caps::all()));
}

#[test]
fn operations_without_merge() {
    let caps = Caps::all().without(Cap::MergeOp, "the store cannot").without(Cap::DiffOp, "the store cannot");
    insta::assert_snapshot!(operations(&plan("virtual"), &caps));
}

#[test]
fn many_built_packages_fit_into_an_image() {
    let mut plan = plan("source");
    let built = plan.built.first().unwrap().clone();
    plan.built = (0..40).map(|number| plan::Built { name: format!("package-{number:02}"), ..built.clone() }).collect();
    let text = operations(&plan, &Caps::all());
    let operations: serde_json::Value = serde_json::from_str(&text.replace('…', "\"\"")).unwrap();
    let operations = operations.as_array().unwrap();
    let steps = operations
        .iter()
        .filter(|op| op["description"]["llb.customname"].to_string().contains("[deps] build package-"));
    assert_eq!(steps.count(), 40, "one step each");
    let merge = operations.iter().find(|op| op.get("merge").is_some()).unwrap();
    let layers = merge["inputs"].as_array().unwrap().len();
    assert!(layers <= 1 + plan.groups.len() + usize::from(plan.layers.built) + 2, "{layers} layers");
    let config = pyfront::gateway::image::config(
        &plan,
        &buildkit_frontend::image::ImageConfig::default(),
        &"linux/amd64".parse().unwrap(),
    );
    let entries = config.history.iter().filter(|entry| !entry.empty_layer).count();
    assert_eq!(entries, layers - 1, "each layer has an entry in the history");
}

#[test]
fn system_packages_of_the_program_are_below_everything_that_is_installed() {
    let operations = |packages: &[&str]| {
        let mut plan = plan("hatchling");
        let package = |name: &&str| plan::SystemPackage {
            name: (*name).to_owned(),
            origin: pyfront::diagnostic::Location::new(&SourceFile::new("pyproject.toml", ""), 0..0),
        };
        plan.packages = packages.iter().map(package).collect();
        let config = pyfront::gateway::image::config(
            &plan,
            &buildkit_frontend::image::ImageConfig::default(),
            &"linux/amd64".parse().unwrap(),
        );
        let text = operations(&plan, &Caps::all()).replace('…', "\"\"");
        (serde_json::from_str::<Vec<serde_json::Value>>(&text).unwrap(), config.history[0].created_by.clone())
    };
    let (without, _) = operations(&[]);
    let (with, first) = operations(&["libpq5=17.6-0+deb13u1", "tini"]);
    assert_eq!(first, "install system packages libpq5=17.6-0+deb13u1, tini");
    let name = |op: &serde_json::Value| op["description"]["llb.customname"].as_str().unwrap_or_default().to_owned();
    let system = with.iter().position(|op| name(op).starts_with("[system] install")).unwrap();
    let merge = with.iter().find(|op| op.get("merge").is_some()).unwrap();
    let number = |input: &str| input.split(|c: char| !c.is_ascii_digit()).next().map(str::to_owned).unwrap();
    assert_eq!(number(merge["inputs"][0].as_str().unwrap()), system.to_string());
    insta::assert_snapshot!(serde_json::to_string_pretty(&with[system]).unwrap());
    // Nothing else differs: inputs are numbers of operations, so they are left out, and nobody takes the new one but the merge,
    // and the step that adds our account to those that packages have made.
    let bare = |operations: &[serde_json::Value]| -> BTreeSet<String> {
        let mut operations = operations.to_vec();
        for op in &mut operations {
            (op["inputs"], op["op"]) = Default::default();
        }
        operations.retain(|op| op.get("exec").is_some());
        operations.iter().map(ToString::to_string).collect()
    };
    assert!(bare(&with).is_superset(&bare(&without)));
    let takers = with.iter().filter(|op| {
        let inputs = op["inputs"].as_array().map(Vec::as_slice).unwrap_or_default();
        inputs.iter().filter_map(serde_json::Value::as_str).any(|input| number(input) == system.to_string())
    });
    assert_eq!(takers.count(), 2);
}

#[test]
fn system_packages_are_where_builds_run_and_nowhere_else() {
    let plan = plan_with("source", "[tool.pyfront]\nbuild-packages = [\"gcc\"]");
    let text = operations(&plan, &Caps::all()).replace('…', "\"\"");
    let operations: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    let named = |name: &str| {
        let index = operations.iter().position(|op| op["description"]["llb.customname"].to_string().contains(name));
        index.unwrap_or_else(|| panic!("no operation {name}"))
    };
    let root = |name: &str| operations[named(name)]["inputs"][0].as_str().unwrap().to_owned();
    let system = named("[build] install gcc");
    assert!(root("build docopt").starts_with(&format!("{system}")), "{} {system}", root("build docopt"));
    let others = [root("install humanize"), root("[runtime]")];
    assert!(others.iter().all(|root| !root.starts_with(&format!("{system}"))), "no other step sees them: {others:?}");
    // What uv knows of the interpreter is not below them: another uv is no reason to install them again.
    assert_ne!(root("[build] install gcc"), others[0]);
}

#[test]
fn packages_share_layers_as_the_user_wants() {
    let kind = |plan: &Plan, name: &str| {
        let group = plan.groups.iter().find(|group| group.wheels.iter().any(|wheel| wheel.name == name));
        group.expect("the package is in a layer").kind
    };
    let usual = plan("fastapi");
    let wished = plan_with("fastapi", "[tool.pyfront.layers]\nmax = 30\nown = [\"fastapi\"]\nshared = [\"uvloop\"]\n");
    assert_ne!(kind(&usual, "fastapi"), Kind::Own);
    assert_eq!(kind(&wished, "fastapi"), Kind::Own);
    assert_eq!(kind(&usual, "uvloop"), Kind::Own);
    assert_ne!(kind(&wished, "uvloop"), Kind::Own);
    assert_eq!(wished.layers, Parameters::within(30));
}
