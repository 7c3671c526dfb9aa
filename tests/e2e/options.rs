//! What `docker buildx build` can be told about steps, caches and images, as it shows in a command that runs while an image is
//! built, and in the image.

use std::path::Path;

use serde_json::Value;

use crate::engine::{Build, Engine, example, tag};
use crate::projects::write;
use crate::registry::Registry;
use crate::served::{Served, gateway};
use crate::source::append;

/// Prints what a step has, as JSON.
const LOOK: &str = r#"
import json, os, pathlib, resource, socket, urllib.request
def fetched(url):
    try:
        return urllib.request.urlopen(url, timeout=5).read().decode()
    except OSError:
        return None
def address(name):
    try:
        return socket.gethostbyname(name)
    except OSError:
        return None
shm = os.statvfs("/dev/shm")
cache = pathlib.Path.home() / ".cache/look"
found = sorted(os.listdir(cache))
(cache / pathlib.Path("nonce.txt").read_text()).touch()
print("looked:" + json.dumps({
    "db": address("db.internal"),
    "shm": shm.f_blocks * shm.f_frsize,
    "nofile": resource.getrlimit(resource.RLIMIT_NOFILE),
    "hostname": socket.gethostname(),
    "cgroup": pathlib.Path("/proc/self/cgroup").read_text(),
    "interfaces": sorted(os.listdir("/sys/class/net")),
    "page": fetched(os.environ["PAGE"]),
    "cache": found,
}))
"#;

/// A project with a step that looks around, and fetches a page if it can.
fn looking(page: &str) -> tempfile::TempDir {
    let project = example("virtual");
    let pyproject = std::fs::read_to_string(project.path().join("pyproject.toml")).unwrap();
    let step = format!(
        "\n[[tool.pyfront.run]]\ncommand = [\"python\", \"look.py\"]\nnetwork = true\ncache = [\"/home/app/.cache/look\"]\n\
         env = {{ PAGE = \"{page}\" }}\n"
    );
    write(project.path(), "pyproject.toml", &(pyproject + &step));
    write(project.path(), "look.py", LOOK);
    project
}

/// Builds it, and returns what the step saw. `nonce` makes it run.
fn look(engine: &Engine, project: &Path, nonce: &str, arguments: &[&str]) -> (Build, Value) {
    write(project, "nonce.txt", &format!("{nonce}-{}", std::process::id()));
    let file = project.join("pyproject.toml").display().to_string();
    let build = engine.build(project, &tag("look"), &[&["--file", &file][..], arguments].concat());
    let seen = build.log.lines().find_map(|line| line.split_once("looked:"));
    let (_, seen) = seen.unwrap_or_else(|| panic!("the step did not run:\n{}", build.log));
    let seen = serde_json::from_str(seen).unwrap();
    (build, seen)
}

#[test]
fn steps_get_the_hosts_limits_and_names_of_the_command_line() {
    let Some(engine) = Engine::get() else { return };
    let project = looking("http://127.0.0.1:9/");
    let arguments = ["--add-host", "db.internal:10.0.0.7", "--shm-size", "96m", "--ulimit", "nofile=1000:2000"];
    let cgroup = ["--cgroup-parent", "/pyfront-e2e", "--build-arg", "BUILDKIT_SANDBOX_HOSTNAME=box"];
    let (build, seen) = look(&engine, project.path(), "limits", &[&arguments[..], &cgroup].concat());
    assert_eq!(seen["db"], "10.0.0.7", "{seen}");
    assert_eq!(seen["shm"], 96 << 20, "{seen}");
    assert_eq!(seen["nofile"], serde_json::json!([1000, 2000]), "{seen}");
    assert_eq!(seen["hostname"], "box", "{seen}");
    assert!(seen["cgroup"].as_str().unwrap().contains("/pyfront-e2e/"), "{seen}");
    assert!(!build.log.contains("IgnoredOption") && !build.log.contains("UnknownBuildArg"), "{}", build.log);
    // None of that is left in the image.
    let code = "import pathlib; print('db.internal' in pathlib.Path('/etc/hosts').read_text())";
    assert_eq!(engine.run(&build.tag, &["python", "-c", code]), "False");
}

#[test]
fn steps_get_the_network_and_the_proxies_of_the_command_line() {
    let Some(engine) = Engine::get() else { return };
    // What listens on this machine's loopback is reached with the machine's own network alone.
    let loopback = Served::new();
    loopback.text("page.txt", "hello");
    let project = looking(&format!("{}/page.txt", loopback.url));
    let (_, seen) = look(&engine, project.path(), "sandbox", &[]);
    assert!(seen["page"].is_null() && seen["interfaces"].as_array().unwrap().len() > 1, "{seen}");
    let (_, seen) = look(&engine, project.path(), "host", &["--network", "host"]);
    assert_eq!(seen["page"], "hello", "{seen}");
    let (_, seen) = look(&engine, project.path(), "none", &["--network", "none"]);
    assert!(seen["page"].is_null() && seen["interfaces"] == serde_json::json!(["lo"]), "{seen}");

    // A name that only the proxy knows.
    let proxy = Served::at_address(&gateway(&engine));
    proxy.text("http:/only-the-proxy.example/page.txt", "by proxy");
    let project = looking("http://only-the-proxy.example/page.txt");
    let argument = format!("HTTP_PROXY={}", proxy.url);
    let (build, seen) = look(&engine, project.path(), "proxy", &["--build-arg", &argument]);
    assert_eq!(seen["page"], "by proxy", "{seen}");
    let image = engine.inspect(&build.tag).to_string();
    let history = engine.docker(&["history", "--no-trunc", "--format", "json", &build.tag]);
    assert!(!image.contains(&proxy.url) && !history.contains(&proxy.url), "{image}\n{history}");
}

#[test]
fn cache_mounts_have_the_namespace_of_the_command_line() {
    let Some(engine) = Engine::get() else { return };
    let project = looking("http://127.0.0.1:9/");
    let id = std::process::id();
    let seen = |nonce: &str, namespace: &str| {
        let argument = format!("BUILDKIT_CACHE_MOUNT_NS={namespace}-{id}");
        look(&engine, project.path(), nonce, &["--build-arg", &argument]).1["cache"].clone()
    };
    assert_eq!(seen("first", "one"), serde_json::json!([]));
    assert_eq!(seen("second", "two"), serde_json::json!([]));
    assert_eq!(seen("third", "one"), serde_json::json!([format!("first-{id}")]));
}

#[test]
fn no_cache_is_for_everything_or_for_a_target() {
    let Some(engine) = Engine::get() else { return };
    let project = example("virtual");
    let file = project.path().join("pyproject.toml").display().to_string();
    let build = |arguments: &[&str]| {
        engine.build(project.path(), &tag("no-cache"), &[&["--file", &file][..], arguments].concat())
    };
    build(&[]);
    for arguments in [&["--no-cache"][..], &["--no-cache-filter", "runtime"]] {
        let ran = build(arguments).steps_that_ran();
        assert!(ran.iter().any(|step| step.contains("install humanize")), "{arguments:?}: {ran:?}");
    }
    let another = build(&["--no-cache-filter", "dev"]);
    assert_eq!(another.steps_that_ran(), Vec::<String>::new(), "{}", another.log);
    let unknown = build(&["--no-cache-filter", "runtim"]);
    let warning =
        "IgnoredOption: --no-cache-filter \"runtim\" names no target (did you mean --no-cache-filter runtime?)";
    assert!(unknown.log.contains(warning), "{}", unknown.log);
}

/// A tag that has moved in its registry: `--pull` looks there, and without it the image of the engine is good enough.
#[test]
fn pull_takes_what_a_tag_has_become() {
    let Some(engine) = Engine::get() else { return };
    let alpine = "python:3.13-alpine";
    let is_there = !engine.docker(&["image", "ls", "--quiet", alpine]).is_empty();
    let small = if is_there { alpine } else { "python:3.13-slim" };
    let registry = Registry::new();
    let base = format!("{}/team/python:3.13", registry.address);
    let release = |name: &str| {
        let context = tempfile::tempdir().unwrap();
        write(context.path(), "Dockerfile", &format!("FROM {small}\nENV RELEASE={name}\n"));
        engine.build(context.path(), &base, &[]);
    };
    release("new");
    engine.docker(&["push", "--quiet", &base]);
    release("old");

    let project = example("virtual");
    append(project.path(), &format!("[tool.pyfront]\nbase = \"{base}\"\n"));
    let file = project.path().join("pyproject.toml").display().to_string();
    // All images are asked for again, but for uv's: no registry here has it.
    let uv = tempfile::tempdir().unwrap();
    let container = engine.docker(&["create", "astral/uv:0.13.8", "/uv"]);
    engine.docker(&["cp", &format!("{container}:/uv"), &uv.path().display().to_string()]);
    engine.docker(&["rm", &container]);
    let context = format!("astral/uv:0.13.8={}", uv.path().display());
    let arguments = ["--file", &file, "--build-context", &context];
    let built = |more: &[&str]| {
        let build = engine.build(project.path(), &tag("pulled"), &[&arguments, more].concat());
        engine.run(&build.tag, &["python", "-c", "import os; print(os.environ['RELEASE'])"])
    };
    assert_eq!(built(&[]), "old");
    assert_eq!(built(&["--pull"]), "new");
    engine.docker(&["image", "rm", "--force", &base]);
}

/// The time of an image, and those of its own history.
fn times(engine: &Engine, tag: &str) -> Vec<String> {
    let history = engine.docker(&["history", "--no-trunc", "--format", "{{.CreatedAt}}|{{.Comment}}", tag]);
    let own = history.lines().filter_map(|line| line.strip_suffix("|pyfront.v0")).map(str::to_owned);
    let created = engine.inspect(tag)["Created"].as_str().unwrap().to_owned();
    std::iter::once(created).chain(own).collect()
}

#[test]
fn an_image_has_the_time_that_it_is_given() {
    let Some(engine) = Engine::get() else { return };
    let project = example("virtual");
    let file = project.path().join("pyproject.toml").display().to_string();
    let build =
        engine.build(project.path(), &tag("dated"), &["--file", &file, "--build-arg", "SOURCE_DATE_EPOCH=1700000000"]);
    let times = times(&engine, &build.tag);
    assert!(times.len() > 1 && times.iter().all(|time| time.starts_with("2023-11-14")), "{times:?}");
    // BuildKit itself reads it, too, and the older ones do not know the word.
    for value in ["today", "context"] {
        let argument = format!("SOURCE_DATE_EPOCH={value}");
        let wrong = engine.try_build(project.path(), &tag("dated"), &["--file", &file, "--build-arg", &argument]);
        let log = wrong.log.to_lowercase().replace('_', "-");
        assert!(!wrong.success && log.contains("source-date-epoch"), "{}", wrong.log);
    }
}

/// The index of an exported layout.
fn index_of(layout: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(layout.join("index.json")).unwrap()).unwrap()
}

#[test]
fn results_go_where_the_command_line_says() {
    let Some(engine) = Engine::get() else { return };
    let project = example("virtual");
    let file = project.path().join("pyproject.toml").display().to_string();
    let into = tempfile::tempdir().unwrap();
    let build = |output: &str, more: &[&str]| {
        engine.build(project.path(), &tag("output"), &[&["--file", &file, "--output", output][..], more].concat())
    };
    let path = |name: &str| into.path().join(name);
    // The small part of an image, as files and as an archive.
    build(&format!("type=local,dest={}", path("venv").display()), &["--target", "venv"]);
    assert!(path("venv/opt/venv/pyvenv.cfg").exists());
    build(&format!("type=tar,dest={}", path("venv.tar").display()), &["--target", "venv"]);
    let listed = std::process::Command::new("tar").arg("-tf").arg(path("venv.tar")).output().unwrap();
    assert!(String::from_utf8_lossy(&listed.stdout).contains("opt/venv/pyvenv.cfg"));
    if engine.is_graphdriver() {
        return;
    }
    build(
        &format!("type=oci,tar=false,dest={}", path("oci").display()),
        &["--annotation", "org.example.team=ours", "--build-arg", "BUILDKIT_MULTI_PLATFORM=true"],
    );
    let blob = |digest: &Value| -> Value {
        let name = digest.as_str().unwrap().replace(':', "/");
        serde_json::from_str(&std::fs::read_to_string(path("oci/blobs").join(name)).unwrap()).unwrap()
    };
    let index = blob(&index_of(&path("oci"))["manifests"][0]["digest"]);
    assert_eq!(index["manifests"][0]["platform"]["os"], "linux", "one platform is a list of one: {index}");
    let manifest = blob(&index["manifests"][0]["digest"]);
    assert_eq!(manifest["annotations"]["org.example.team"], "ours", "{manifest}");
}

/// Caches on the disk of the client. That a cache that is named is asked of every step is tested with the fake daemon.
#[test]
fn caches_are_written_and_read() {
    let Some(engine) = Engine::get() else { return };
    let project = example("virtual");
    let file = project.path().join("pyproject.toml").display().to_string();
    let directory = tempfile::tempdir().unwrap();
    let cache = directory.path().display();
    let (to, from) = (format!("type=local,mode=max,dest={cache}"), format!("type=local,src={cache}"));
    let written = engine.try_build(project.path(), &tag("cached"), &["--file", &file, "--cache-to", &to]);
    if engine.is_graphdriver() {
        assert!(!written.success && written.log.contains("Cache export is not supported"), "{}", written.log);
    } else {
        assert!(written.success, "{}", written.log);
        // Every layer of ours is in it.
        let blobs = std::fs::read_dir(directory.path().join("blobs/sha256")).unwrap().count();
        assert!(blobs > 4, "only {blobs} files");
        let read = engine.build(project.path(), &tag("cached"), &["--file", &file, "--cache-from", &from]);
        assert!(read.log.contains("importing cache manifest from local:"), "{}", read.log);
        assert_eq!(read.steps_that_ran(), Vec::<String>::new(), "{}", read.log);
    }
    // A cache in the image itself.
    let inline = engine.build(project.path(), &tag("inline"), &["--file", &file, "--cache-to", "type=inline"]);
    let saved = directory.path().join("image.tar");
    engine.docker(&["image", "save", "--output", &saved.display().to_string(), &inline.tag]);
    let found =
        std::process::Command::new("grep").args(["-q", "--text", "moby.buildkit.cache.v0"]).arg(&saved).status();
    assert!(found.unwrap().success(), "the image has no cache in it");
}
