//! Images for another CPU than the builder's: nothing of that CPU runs, which a builder that emulates nothing proves, and
//! what is not compiled is the same layer for every platform.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::engine::{Build, Engine, example, tag};
use crate::projects::write;

/// A stand-in for the base image that has two platforms under one name, where images cannot be pulled.
const STANDIN: &str = "standin/python:3.13-slim";
const BOTH: &str = "linux/amd64,linux/arm64";

/// Takes an OCI layout apart: the layers of each platform with the packages in it, and the files of its venv, programs with
/// the CPU that they are for.
const INSPECT: &str = r#"
import io, json, sys, tarfile
layout = tarfile.open(fileobj=io.BytesIO(sys.stdin.buffer.read()))
blob = lambda digest: layout.extractfile("blobs/" + digest.replace(":", "/")).read()
manifests = lambda index: [one for entry in index["manifests"] for one in (
    manifests(json.loads(blob(entry["digest"]))) if "index" in entry["mediaType"] else [entry])]
for entry in manifests(json.load(layout.extractfile("index.json"))):
    manifest = json.loads(blob(entry["digest"]))
    config = json.loads(blob(manifest["config"]["digest"]))
    platform = config["os"] + "/" + config["architecture"]
    listed = entry.get("platform") or config
    assert platform == listed["os"] + "/" + listed["architecture"], (platform, listed)
    for layer, content in zip(manifest["layers"], config["rootfs"]["diff_ids"]):
        with tarfile.open(fileobj=io.BytesIO(blob(layer["digest"]))) as files:
            names = []
            for file in files:
                path = "/" + file.name.lstrip("./")
                kind = "-"
                if file.issym():
                    kind = "-> " + file.linkname
                elif file.isreg() and path.startswith("/opt/venv/"):
                    start = files.extractfile(file).read(20)
                    if start.startswith(b"\x7fELF"):
                        kind = {62: "x86-64", 183: "aarch64"}.get(int.from_bytes(start[18:20], "little"), "?")
                if path.endswith(".dist-info"):
                    names.append(path.rsplit("/", 1)[1].split("-", 1)[0])
                if path.startswith("/opt/venv/"):
                    print("file", platform, path, kind, sep="\t")
            print("layer", platform, content, " ".join(sorted(names)), sep="\t")
"#;

/// What an OCI layout has for one platform.
#[derive(Default, Debug)]
struct Contents {
    /// The layers by what they are of content, bottom first, each with its packages.
    layers: Vec<(String, String)>,
    /// The files of the venv, each with the CPU or the target of a link.
    files: BTreeMap<String, String>,
}

impl Contents {
    fn layer_of(&self, package: &str) -> &str {
        let mut layers = self.layers.iter().rev();
        let layer = layers.find(|(_, packages)| packages.split(' ').any(|known| known == package));
        layer.map_or_else(|| panic!("{package} in {:?}", self.layers), |(digest, _)| digest.as_str())
    }

    /// The CPUs that programs and libraries of the venv are for.
    fn cpus(&self) -> BTreeSet<&str> {
        self.files.values().map(String::as_str).filter(|kind| *kind != "-" && !kind.starts_with("-> ")).collect()
    }
}

/// Builds on the base with two platforms. Returns what each platform has, too.
fn build(engine: &Engine, project: &Path, platforms: &str) -> (Build, BTreeMap<String, Contents>) {
    on_base(engine, project);
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let layout = directory.path().join("image.tar");
    let output = format!("type=oci,dest={}", layout.display());
    let build = engine.build(project, &tag("platforms"), &["--platform", platforms, "--output", &output]);
    let inspect = ["run", "--rm", "--interactive", "--network=none", "python:3.13-slim", "python3", "-c", INSPECT];
    let file = std::fs::File::open(&layout).expect("buildx wrote the image");
    let listed =
        Command::new("docker").args(inspect).stdin(file).stderr(Stdio::inherit()).output().expect("docker starts");
    assert!(listed.status.success(), "the image cannot be taken apart");
    let mut contents: BTreeMap<String, Contents> = BTreeMap::new();
    for line in String::from_utf8_lossy(&listed.stdout).lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let of = contents.entry(fields[1].to_owned()).or_default();
        match fields[0] {
            "layer" => of.layers.push((fields[2].to_owned(), fields[3].to_owned())),
            _ => drop(of.files.insert(fields[2].to_owned(), fields[3].to_owned())),
        }
    }
    (build, contents)
}

/// Gives a project a base image that has both platforms.
fn on_base(engine: &Engine, project: &Path) {
    let loaded = !engine.docker(&["image", "ls", "--quiet", STANDIN]).is_empty();
    let base = if loaded { STANDIN } else { "python:3.13-slim" };
    write(project, "Dockerfile", &format!("# syntax=org/pyfront\nbase = \"{base}\"\n"));
}

/// An engine that can keep images of several platforms.
fn engine() -> Option<Engine> {
    let engine = Engine::get()?;
    if engine.is_graphdriver() {
        eprintln!("SKIPPED: the graph driver store keeps one platform of an image");
        return None;
    }
    Some(engine)
}

/// Whether the engine says that it runs programs for arm64. In CI it does not, which is what makes these tests worth something.
fn emulates(engine: &Engine) -> bool {
    engine.docker(&["buildx", "inspect"]).contains("linux/arm64")
}

#[test]
fn two_platforms_without_running_anything_of_the_other() {
    let Some(engine) = engine() else { return };
    let project = example("hatchling");
    let (build, contents) = build(&engine, project.path(), BOTH);
    assert_eq!(contents.keys().collect::<Vec<_>>(), ["linux/amd64", "linux/arm64"]);
    let (amd, arm) = (&contents["linux/amd64"], &contents["linux/arm64"]);

    assert_eq!(amd.cpus(), BTreeSet::from(["x86-64"]));
    assert_eq!(arm.cpus(), BTreeSet::from(["aarch64"]));
    let speedups: Vec<&String> = arm.files.keys().filter(|path| path.contains("_speedups.")).collect();
    assert!(speedups.iter().any(|path| path.ends_with("_speedups.cpython-313-aarch64-linux-gnu.so")), "{speedups:?}");
    assert_eq!(arm.files["/opt/venv/bin/python"], "-> /usr/local/bin/python3");
    // All that differs is what is compiled.
    let names = |contents: &Contents| -> BTreeSet<String> {
        contents.files.keys().map(|path| path.replace("x86_64", "CPU").replace("aarch64", "CPU")).collect()
    };
    assert_eq!(names(amd), names(arm));

    for package in ["click", "greeter"] {
        assert_eq!(amd.layer_of(package), arm.layer_of(package), "{package}");
    }
    assert_ne!(amd.layer_of("markupsafe"), arm.layer_of("markupsafe"));
    let ran = build.steps_that_ran();
    let times = |what: &str| ran.iter().filter(|step| step.contains(what)).count();
    assert!(times("install click") <= 1 && times("install greeter") <= 1, "{ran:?}");

    // Layers are those of a build for one platform, on the other base of the same release.
    let native = engine.build_pyproject(project.path(), &tag("native"));
    let native = engine.layers(&native.tag);
    for package in ["click", "markupsafe", "greeter"] {
        assert!(native.iter().any(|layer| layer == amd.layer_of(package)), "{package}: {native:?}");
    }
}

#[test]
fn another_platform_alone() {
    let Some(engine) = engine() else { return };
    let project = example("virtual");
    let (first, contents) = build(&engine, project.path(), "linux/arm64");
    assert_eq!(contents.keys().collect::<Vec<_>>(), ["linux/arm64"]);
    assert!(contents["linux/arm64"].files.contains_key("/opt/venv/lib64"), "{contents:?}");
    assert!(!first.log.contains("[linux/arm64 "), "{}", first.log);
    let (again, _) = build(&engine, project.path(), "linux/arm64");
    assert!(again.steps_that_ran().is_empty(), "{}", again.log);
}

#[test]
fn a_project_with_compiled_code_needs_the_cpu_it_is_for() {
    let Some(engine) = engine() else { return };
    if emulates(&engine) {
        eprintln!("SKIPPED: this engine emulates arm64, so it refuses nothing");
        return;
    }
    let project = example("hatchling");
    // A wheel for the builder alone, without a compiler.
    write(
        project.path(),
        "hatch_build.py",
        "from hatchling.builders.hooks.plugin.interface import BuildHookInterface\n\n\n\
         class Hook(BuildHookInterface):\n    def initialize(self, version, build_data):\n        \
         build_data[\"infer_tag\"] = True\n        build_data[\"pure_python\"] = False\n",
    );
    let pyproject = std::fs::read_to_string(project.path().join("pyproject.toml")).unwrap();
    write(project.path(), "pyproject.toml", &format!("{pyproject}\n[tool.hatch.build.targets.wheel.hooks.custom]\n"));
    on_base(&engine, project.path());
    let output = tempfile::NamedTempFile::new().unwrap();
    let output = format!("type=oci,dest={}", output.path().display());
    let arguments = ["--platform", "linux/arm64", "--output", &output];
    let build = engine.try_build(project.path(), &tag("compiled"), &arguments);
    assert!(!build.success, "{}", build.log);
    for expected in ["greeter can only be built or installed on linux/arm64 itself", "binfmt --install arm64"] {
        assert!(build.log.contains(expected), "{expected:?} is missing:\n{}", build.log);
    }
}

/// Where an emulator is registered, what was made without one is run with it.
#[test]
fn the_image_runs_where_its_cpu_is_emulated() {
    let Some(engine) = engine() else { return };
    let project = example("hatchling");
    on_base(&engine, project.path());
    let build = engine.build(project.path(), &tag("emulated"), &["--platform", "linux/arm64", "--load"]);
    let arguments = ["run", "--rm", "--network=none", "--platform=linux/arm64", &build.tag];
    let first = Command::new("docker").args(arguments).output().expect("docker starts");
    // What the engine says of itself can be outdated.
    if String::from_utf8_lossy(&first.stderr).contains("exec format error") {
        eprintln!("SKIPPED: nothing runs programs for arm64 here");
        return;
    }
    let run = |program: &[&str]| engine.docker(&[&arguments[..], program].concat());
    assert_eq!(run(&[]), "Hello, world!");
    let script = "import platform, markupsafe._speedups, sys, importlib.util as u, pathlib\n\
                  print(platform.machine(), sys.prefix)\n\
                  import click\nprint(u.cache_from_source(click.__file__) == click.__cached__, pathlib.Path(click.__cached__).exists())";
    assert_eq!(run(&["python", "-c", script]), "aarch64 /opt/venv\nTrue True");
}
