//! What `docker buildx build` can be told about steps, caches and images, as it shows in a command that runs while an image is
//! built, and in the image.

use std::path::Path;

use serde_json::Value;

use crate::engine::{Build, Engine, example, tag};
use crate::projects::write;
use crate::served::{Served, gateway};

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
