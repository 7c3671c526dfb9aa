//! Coming and leaving: what `pyfront init` writes builds at once, and what `pyfront dockerfile` prints makes an equivalent
//! image without pyfront.

use std::path::Path;
use std::process::Command;

use crate::engine::{Engine, example, tag};
use crate::examples::look;
use crate::projects::write;
use crate::steps;

/// Runs the command line.
fn pyfront(project: &Path, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_pyfront")).args(arguments).current_dir(project).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_fresh_project_is_initialised_and_built() {
    let Some(engine) = Engine::get() else { return };
    let project = tempfile::tempdir().unwrap();
    // What `uv init hello` and `uv lock` write.
    let pyproject = "[project]\nname = \"hello\"\nversion = \"0.1.0\"\ndescription = \"Add your description here\"\nreadme = \
                     \"README.md\"\nrequires-python = \">=3.13\"\ndependencies = []\n";
    let lock = "version = 1\nrevision = 3\nrequires-python = \">=3.13\"\n\n[[package]]\nname = \"hello\"\nversion = \
                \"0.1.0\"\nsource = { virtual = \".\" }\n";
    let main = "def main():\n    print(\"Hello from hello!\")\n\n\nif __name__ == \"__main__\":\n    main()\n";
    for (name, text) in [
        ("pyproject.toml", pyproject),
        ("uv.lock", lock),
        ("main.py", main),
        ("README.md", ""),
        (".python-version", "3.13\n"),
    ] {
        write(project.path(), name, text);
    }
    pyfront(project.path(), &["init"]);
    let build = engine.build_pyproject(project.path(), &tag("init"));
    assert_eq!(engine.docker(&["run", "--rm", &build.tag]), "Hello from hello!");
}

/// All distributions, and whether uv has left itself behind.
const LIST: &str = "import importlib.metadata as m, shutil\n\
    print(*sorted(f'{d.name}=={d.version}' for d in m.distributions() if d.name != 'pip'), shutil.which('uv'), sep='\\n')";

#[test]
fn what_init_writes_is_understood_by_compose_and_bake() {
    let Some(engine) = Engine::get() else { return };
    let project = example("celery");
    pyfront(project.path(), &["init", "--compose", "--bake"]);
    let file = |name: &str| project.path().join(name).display().to_string();
    let compose = engine.docker(&["compose", "--file", &file("compose.yaml"), "config", "--format", "json"]);
    let compose: serde_json::Value = serde_json::from_str(&compose).unwrap();
    for (name, target) in [("mailer", None), ("worker", Some("worker")), ("beat", Some("beat"))] {
        let service = &compose["services"][name];
        assert_eq!(service["build"]["dockerfile"], "pyproject.toml", "{service}");
        assert_eq!(service["build"].get("target").and_then(serde_json::Value::as_str), target, "{service}");
        assert_eq!(service["depends_on"]["redis"]["condition"], "service_healthy", "{service}");
    }
    let bake = engine.docker(&["buildx", "bake", "--file", &file("docker-bake.hcl"), "--print"]);
    let bake: serde_json::Value = serde_json::from_str(&bake).unwrap();
    let (target, worker) = (bake["target"].as_object().unwrap(), &bake["target"]["worker"]);
    assert_eq!(target.keys().collect::<Vec<_>>(), ["beat", "mailer", "worker"]);
    assert_eq!((&worker["target"], &worker["tags"][0]), (&"worker".into(), &"mailer-worker:latest".into()));
}

/// The Dockerfile with what this machine's network wants: its own certificates.
fn with_certificates(dockerfile: &str) -> String {
    let cache = "--mount=type=cache,target=/root/.cache/uv";
    let secret = "--mount=type=secret,id=ca-certificates,target=/etc/ssl/certs/ca-certificates.crt";
    dockerfile.replace(cache, &format!("{cache} {secret}")).replace("ENV UV_", "ENV UV_SYSTEM_CERTS=1 UV_")
}

#[test]
fn the_dockerfile_copies_and_runs_the_same() {
    let Some(engine) = Engine::get() else { return };
    let (project, assets) = steps::project();
    let path = project.path();
    write(path, "Dockerfile.left", &with_certificates(&pyfront(path, &["dockerfile"])));
    let file = path.join("Dockerfile.left").display().to_string();
    let secret = format!("id=token,src={}", path.join("token.txt").display());
    let context = format!("assets={}", assets.path().display());
    let build =
        engine.build(path, &tag("steps-left"), &["--file", &file, "--secret", &secret, "--build-context", &context]);
    assert_eq!(engine.run(&build.tag, &[]).lines().collect::<Vec<_>>(), steps::SAYS);
}

#[test]
fn the_dockerfile_makes_an_equivalent_image() {
    let Some(engine) = Engine::get() else { return };
    for name in ["fastapi", "virtual", "workspace"] {
        let project = example(name);
        // Names of distributions are those in the metadata, and so are versions: both images have the same files.
        let ours = engine.build_pyproject(project.path(), &tag(name));
        pyfront(project.path(), &["init"]);
        let dockerfile = pyfront(project.path(), &["dockerfile"]);
        write(project.path(), "Dockerfile.left", &with_certificates(&dockerfile));
        let file = project.path().join("Dockerfile.left").display().to_string();
        let theirs = engine.build(project.path(), &tag(name), &["--file", &file]);
        let list = |tag: &str| engine.run(tag, &["python", "-c", LIST]);
        assert_eq!(list(&theirs.tag), list(&ours.tag), "{name}:\n{dockerfile}");
        assert!(list(&theirs.tag).ends_with("None"), "{name}");
        let (own, other) = (look(&engine, &ours.tag), look(&engine, &theirs.tag));
        assert!(own.size <= other.size, "{name} weighs {} bytes, and {} by a Dockerfile", own.size, other.size);
        assert_eq!(&own.misplaced - &other.misplaced, std::collections::BTreeSet::new(), "{name}");
        let (mut ours, theirs) = (engine.inspect(&ours.tag), engine.inspect(&theirs.tag));
        // Which image the base's tag names is known to a build only.
        ours["Config"]["Labels"].as_object_mut().unwrap().remove("org.opencontainers.image.base.digest");
        for key in ["User", "WorkingDir", "Entrypoint", "Cmd", "Healthcheck", "ExposedPorts", "StopSignal", "Labels"] {
            assert_eq!(theirs["Config"][key], ours["Config"][key], "{name}: {key}\n{dockerfile}");
        }
        let environment = |image: &serde_json::Value| {
            let list = image["Config"]["Env"].as_array().unwrap().iter().map(ToString::to_string);
            list.collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(environment(&theirs), environment(&ours), "{name}");
    }
}
