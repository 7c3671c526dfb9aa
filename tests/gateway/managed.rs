//! A base image without Python gets uv's.

use buildkit_frontend::testing::{FakeDaemon, FakeImage, Files};

use crate::projects::Project;
use crate::refusals::shown;
use crate::run;

const PLAIN: &str = r#"{"architecture":"amd64","os":"linux","config":{"Env":["PATH=/usr/bin:/bin"],"Cmd":["/bin/bash"]},
"rootfs":{"type":"layers","diff_ids":["sha256:aa"]},"history":[{"created_by":"ADD file:5f1 in / "}]}"#;
const RELEASE: (&str, &str) = ("usr/lib/os-release", "ID=ubuntu\nVERSION_ID=\"24.04\"\nVERSION_CODENAME=noble\n");
const LIBRARY: (&str, &str) =
    ("lib64/libc.so.6", "GNU C Library (Ubuntu GLIBC 2.39-0ubuntu8) stable release version 2.39.\n");

fn on_ubuntu(keys: &str, files: &[(&str, &str)]) -> FakeDaemon {
    let keys = format!("[tool.pyfront]\nbase = \"ubuntu:24.04\"\n{keys}\n[project]");
    let project = Project::example("virtual").edit("pyproject.toml", "[project]", &keys);
    let mut ubuntu = FakeImage::new(PLAIN);
    let files = files.iter().chain([&RELEASE, &LIBRARY]);
    ubuntu.files = Files::from(files.map(|(path, text)| (*path, text.as_bytes().to_vec())));
    project.build("pyproject.toml").image("ubuntu:24.04", ubuntu)
}

/// The words and variables of the step that fetches a Python.
fn fetch(daemon: &FakeDaemon) -> Option<(Vec<String>, Vec<String>)> {
    let graph = run(daemon).graph(None);
    let execs = graph.execs();
    let is_fetch = |digest: &str| graph.name(digest).is_some_and(|name| name.contains("the base image has no Python"));
    let (_, exec) = execs.iter().find(|(digest, _)| is_fetch(digest))?;
    let meta = exec.meta.as_ref().unwrap();
    Some((meta.args.clone(), meta.env.clone()))
}

#[test]
fn a_base_without_python_gets_one() {
    let outcome = run(&on_ubuntu("python = \"3.13\"", &[]));
    let graph = outcome.graph(None);
    let steps: Vec<&str> = graph.names().into_iter().filter(|name| name.starts_with("[base]")).collect();
    insta::assert_snapshot!(steps.join("\n"));
    let config = outcome.image_config(None);
    assert_eq!(config["config"]["Env"][0], "PATH=/opt/venv/bin:/opt/python/bin:/usr/bin:/bin");
    assert_eq!(
        config["history"][1]["created_by"],
        "install cpython-3.13-linux-x86_64-gnu, which uv manages, into /opt/python"
    );
    let (words, _) = fetch(&on_ubuntu("python = \"3.13.5\"", &[])).unwrap();
    assert_eq!(words, ["/uv", "python", "install", "--no-bin", "cpython-3.13.5-linux-x86_64-gnu"]);
}

#[test]
fn a_base_with_python_keeps_it() {
    assert_eq!(fetch(&on_ubuntu("python = \"3.13\"", &[("usr/bin/python3", "")])), None);
}

#[test]
fn a_mirror_and_certificates() {
    let settings = "[tool.uv]\npython-install-mirror = \"https://mirror.example/python\"\n\
                    python-downloads-json-url = \"https://mirror.example/list.json\"\n";
    let (_, plain) = fetch(&on_ubuntu("", &[])).unwrap();
    assert!(
        !plain.iter().any(|variable| variable.contains("MIRROR") || variable.contains("SSL_CERT_FILE")),
        "{plain:?}"
    );
    let (_, variables) = fetch(&on_ubuntu(settings, &[]).secret("ca-certificates")).unwrap();
    for expected in [
        "UV_PYTHON_INSTALL_MIRROR=https://mirror.example/python",
        "UV_PYTHON_DOWNLOADS_JSON_URL=https://mirror.example/list.json",
        "SSL_CERT_FILE=/run/secrets/ca-certificates",
    ] {
        assert!(variables.iter().any(|variable| variable == expected), "{expected}: {variables:?}");
    }
    let on_disk = "[tool.uv]\npython-install-mirror = \"file:///srv/python\"\n";
    insta::assert_snapshot!("a_mirror_on_disk", shown(&run(&on_ubuntu(on_disk, &[]))));
}
