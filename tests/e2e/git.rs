//! Dependencies from git repositories, and repositories as build contexts: over https with a token, over http without, over
//! ssh with a key, with Git LFS. What is installed is what uv installs.

use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::engine::{Build, Engine, example, tag};
use crate::fidelity::{ORACLE, same_venv};
use crate::git_server::GitServer;
use crate::projects::write;
use crate::served::commit;
use crate::source::{append, courier, package};
use crate::traces::{Traces, secret};

const BACKEND: &str = "version = \"1.4\"\n[build-system]\nrequires = [\"uv_build\"]\nbuild-backend = \"uv_build\"\n";
const CODE: &str = "import pathlib, parcel\nif __name__ == \"__main__\":\n    \
                    print(parcel.NAME, (pathlib.Path(parcel.__file__).parent / \"model.bin\").read_bytes().decode())\n";

/// The files of the package `parcel` in the directory `python`, with a data file.
fn parcel(model: &str) -> tempfile::TempDir {
    let files = tempfile::tempdir().unwrap();
    package(files.path(), "parcel", BACKEND);
    write(&files.path().join("python/src/parcel"), "model.bin", model);
    files
}

/// A project that needs `parcel` from a git address.
fn project(address: &str) -> tempfile::TempDir {
    courier(&[("parcel", format!("version = \"1.4\"\nsource = {{ git = \"{address}\" }}\n"))], CODE)
}

fn build(engine: &Engine, project: &Path, name: &str, arguments: &[&str]) -> Build {
    let file = project.join("pyproject.toml").display().to_string();
    let mut all = vec!["--file", &file];
    all.extend(arguments);
    engine.try_build(project, &tag(name), &all)
}

#[track_caller]
fn assert_says(build: &Build, expected: &[&str]) {
    assert!(!build.success, "{}", build.log);
    for expected in expected {
        assert!(build.log.contains(expected), "{expected:?} is missing:\n{}", build.log);
    }
}

#[test]
fn a_token_opens_a_repository_and_its_lfs_files_and_is_left_nowhere() {
    let Some(engine) = Engine::get() else { return };
    let Some(server) = GitServer::https(&engine) else { return };
    let model = format!("the model of {}", std::process::id());
    let pointer = server.object("private/parcel.git", model.as_bytes());
    let commit = server.repository("private/parcel.git", parcel(&pointer).path());
    let address = format!("{}/private/parcel.git?subdirectory=python&rev=main&lfs=true#{commit}", server.url);
    let project = project(&address);

    let none = build(&engine, project.path(), "token-none", &[]);
    let help = "help: if the repository is private, pass a token that may read it: --secret id=GIT_AUTH_TOKEN,env=";
    let asked_for = ">>> dependencies = [\"parcel\"]";
    let chain = "\n  wanted by courier → parcel";
    assert_says(&none, &["[deps] fetch parcel 1.4", help, ">>> [[package]]", asked_for, chain]);

    let (_wrong, wrong) = secret("GIT_AUTH_TOKEN", "wrong-token");
    let refused = build(&engine, project.path(), "token-wrong", &["--secret", &wrong]);
    assert_says(&refused, &[help]);
    Traces::of("wrong-token").assert_not_in(refused.log.as_bytes(), "the log");

    // The token of the host wins over the other.
    let host = server.url.split("//").nth(1).unwrap();
    let (_right, right) = secret(&format!("GIT_AUTH_TOKEN.{host}"), &server.token);
    let built = build(&engine, project.path(), "token", &["--secret", &wrong, "--secret", &right]);
    assert!(built.success, "{}", built.log);
    assert_eq!(engine.run(&built.tag, &[]), format!("parcel {model}"));
    let traces = Traces::of(&server.token);
    traces.assert_not_in_build(&engine, &built);
    traces.assert_not_in_provenance(&engine, &format!("GIT_AUTH_TOKEN.{host}"), |more| {
        build(&engine, project.path(), "token-provenance", &[&["--secret", &right], more].concat())
    });
    let asked = server.asked();
    assert!(asked.iter().any(|line| line.ends_with("/info/lfs/objects/batch with a header")), "{asked:#?}");
}

#[test]
fn over_http_no_token_is_sent() {
    let Some(engine) = Engine::get() else { return };
    let server = GitServer::http(&engine);
    let commit = server.repository("private/parcel.git", parcel("a model").path());
    let project = project(&format!("{}/private/parcel.git?subdirectory=python#{commit}", server.url));
    let (_token, token) = secret("GIT_AUTH_TOKEN", &server.token);
    let refused = build(&engine, project.path(), "http", &["--secret", &token]);
    assert_says(&refused, &["help: credentials are not sent over http"]);
    let asked = server.asked();
    assert!(!asked.is_empty() && asked.iter().all(|line| line.ends_with(" without")), "{asked:#?}");
}

#[test]
fn lfs_files_that_are_not_there_are_named() {
    let Some(engine) = Engine::get() else { return };
    let server = GitServer::http(&engine);
    let model = format!("a public model of {}", std::process::id());
    let pointer = server.object("public/parcel.git", model.as_bytes());
    let commit = server.repository("public/parcel.git", parcel(&pointer).path());
    let with = format!("{}/public/parcel.git?subdirectory=python&lfs=true#{commit}", server.url);
    let built = build(&engine, project(&with).path(), "lfs", &[]);
    assert!(built.success, "{}", built.log);
    assert_eq!(engine.run(&built.tag, &[]), format!("parcel {model}"));

    let other = "version https://git-lfs.github.com/spec/v1\noid sha256:".to_owned() + &"ab".repeat(32) + "\nsize 5\n";
    let commit = server.repository("public/other.git", parcel(&other).path());
    let address = format!("{}/public/other.git?subdirectory=python&lfs=true#{commit}", server.url);
    let missing = build(&engine, project(&address).path(), "lfs-missing", &[]);
    let expected = "pyfront: parcel 1.4: the Git LFS file python/src/parcel/model.bin could not be fetched: the server answers 404";
    assert_says(&missing, &[expected, "[deps] fetch Git LFS files of parcel 1.4", ">>> [[package]]"]);
    // Without lfs = true a pointer is what the package has, as with uv.
    let without = format!("{}/public/other.git?subdirectory=python#{commit}", server.url);
    let built = build(&engine, project(&without).path(), "lfs-not-asked-for", &[]);
    assert_eq!(engine.run(&built.tag, &[]), format!("parcel {}", other.trim_end()));
}

/// An image with git and an ssh server, and two keys of which the server knows one.
fn with_git(engine: &Engine) -> String {
    let context = tempfile::tempdir().unwrap();
    let dockerfile = "FROM python:3.13-slim\n\
        RUN --mount=type=secret,id=ca-certificates \
        echo 'Acquire::https::CAInfo \"/run/secrets/ca-certificates\";' >/etc/apt/apt.conf.d/99ca && apt-get update && \
        apt-get install --yes --no-install-recommends git openssh-server && mkdir -p /run/sshd /root/.ssh && ssh-keygen -A && \
        for key in known other; do ssh-keygen -q -t ed25519 -N '' -f /key-$key; done && \
        cp /key-known.pub /root/.ssh/authorized_keys && chmod 600 /root/.ssh/authorized_keys\n";
    write(context.path(), "Dockerfile", dockerfile);
    engine.build(context.path(), &tag("with-git"), &[]).tag
}

/// A container, until it is dropped.
struct Container<'a>(&'a Engine, String);

impl Drop for Container<'_> {
    fn drop(&mut self) {
        self.0.docker(&["rm", "--force", &self.1]);
    }
}

#[test]
fn a_key_opens_a_repository_over_ssh() {
    let Some(engine) = Engine::get() else { return };
    let image = with_git(&engine);
    let container = Container(&engine, engine.docker(&["run", "--detach", &image, "/usr/sbin/sshd", "-D", "-e"]));
    let files = tempfile::tempdir().unwrap();
    let repository = |name: &str, content: &Path| {
        let bare = files.path().join(name);
        let commit = commit(&bare, content, None);
        engine.docker(&["cp", &bare.display().to_string(), &format!("{}:/srv/{name}", container.1)]);
        engine.docker(&["exec", &container.1, "chown", "-R", "root:root", &format!("/srv/{name}")]);
        commit
    };
    let commit = repository("parcel.git", parcel(&format!("a model over ssh of {}", std::process::id())).path());
    let key = |name: &str| {
        let path = files.path().join(name).display().to_string();
        engine.docker(&["cp", &format!("{}:/key-{name}", container.1), &path]);
        format!("default={path}")
    };
    let format = "{{.NetworkSettings.Networks.bridge.IPAddress}}";
    let host = engine.docker(&["inspect", "--format", format, &container.1]);
    let start = Instant::now();
    while TcpStream::connect((host.as_str(), 22)).is_err() {
        assert!(start.elapsed() < Duration::from_mins(1), "the ssh server does not answer");
        std::thread::sleep(Duration::from_millis(100));
    }

    let project = project(&format!("ssh://root@{host}/srv/parcel.git?subdirectory=python&branch=main#{commit}"));
    let refused = build(&engine, project.path(), "ssh-other", &["--ssh", &key("other")]);
    let no_program = "this engine has no ssh: `cargo xtask engine down` and `up` make one that has";
    assert!(!refused.log.contains("cannot run ssh"), "{no_program}\n{}", refused.log);
    assert_says(&refused, &["help: add a key that may read the repository to the agent that --ssh default passes"]);
    let built = build(&engine, project.path(), "ssh-known", &["--ssh", &key("known")]);
    assert!(built.success, "{}", built.log);
    assert_eq!(engine.run(&built.tag, &[]), format!("parcel a model over ssh of {}", std::process::id()));

    // So is the project itself.
    repository("tick.git", example("virtual").path());
    let context = format!("ssh://root@{host}/srv/tick.git#main");
    let build = |name: &str, ssh: &str| {
        engine.try_build(Path::new(&context), &tag(name), &["--file", "pyproject.toml", "--ssh", ssh])
    };
    let refused = build("ssh-context-other", &key("other"));
    assert_says(&refused, &["Permission denied (publickey"]);
    let built = build("ssh-context", &key("known"));
    assert!(built.success, "{}", built.log);
    assert!(engine.run(&built.tag, &[]).contains("years"));
}

#[test]
fn a_package_of_a_repository_is_what_uv_installs() {
    let Some(engine) = Engine::get() else { return };
    let server = GitServer::http(&engine);
    let entry = |name: &str, query: &str, commit: &str| {
        format!("version = \"1.4\"\nsource = {{ git = \"{}/public/{name}.git?{query}#{commit}\" }}\n", server.url)
    };
    // One in a directory of its repository, and one at the root with a tag.
    let commit = server.repository("public/parcel.git", parcel("a model").path());
    let parcel = entry("parcel", "subdirectory=python", &commit);
    let files = tempfile::tempdir().unwrap();
    write(files.path(), "carton.py", "NAME = 'carton'\n");
    let setup = "from setuptools import setup\nsetup(name='carton', version='1.4', py_modules=['carton'], \
                 entry_points={'console_scripts': ['carton=carton:main']})\n";
    write(files.path(), "setup.py", setup);
    let commit = server.tagged("public/carton.git", files.path(), "v1.4");
    let project = courier(&[("carton", entry("carton", "tag=v1.4", &commit)), ("parcel", parcel)], CODE);
    // uv wants the requirements of the lock as they were written.
    let sources = format!(
        "[tool.uv.sources]\ncarton = {{ git = \"{0}/public/carton.git\", tag = \"v1.4\" }}\n\
         parcel = {{ git = \"{0}/public/parcel.git\", subdirectory = \"python\" }}\n",
        server.url
    );
    append(project.path(), &sources);
    let lock = std::fs::read_to_string(project.path().join("uv.lock")).unwrap();
    let (head, metadata) = lock.split_once("requires-dist = ").unwrap();
    let metadata = metadata
        .replacen(
            "{ name = \"carton\" }",
            &format!("{{ name = \"carton\", git = \"{}/public/carton.git?tag=v1.4\" }}", server.url),
            1,
        )
        .replacen(
            "{ name = \"parcel\" }",
            &format!("{{ name = \"parcel\", git = \"{}/public/parcel.git?subdirectory=python\" }}", server.url),
            1,
        );
    write(project.path(), "uv.lock", &format!("{head}requires-dist = {metadata}"));

    let built = engine.build_pyproject(project.path(), &tag("ours-git"));
    assert_eq!(engine.run(&built.tag, &[]), "parcel a model");
    // uv runs git, which the base image does not have.
    let oracle = ORACLE.replacen("python:3.13-slim", &with_git(&engine), 1);
    same_venv(&engine, &built.tag, project.path(), &oracle);
}

#[test]
fn of_a_repository_as_the_context_a_new_lock_builds_nothing_again() {
    let Some(engine) = Engine::get() else { return };
    let server = GitServer::http(&engine);
    let project = example("hatchling");
    let context = |commit: &str| format!("{}/public/greeter.git#{commit}", server.url);
    let first = server.repository("public/greeter.git", project.path());
    let arguments = ["--file", "pyproject.toml"];
    let built = engine.build(Path::new(&context(&first)), &tag("repository"), &arguments);
    assert_eq!(engine.run(&built.tag, &[]), "Hello, world!");
    let lock = std::fs::read_to_string(project.path().join("uv.lock")).unwrap();
    write(project.path(), "uv.lock", &format!("{lock}\n# another lock\n"));
    let second = server.repository("public/greeter.git", project.path());
    assert_ne!(first, second);
    let again = engine.build(Path::new(&context(&second)), &tag("repository"), &arguments);
    let built_again: Vec<String> =
        again.steps_that_ran().into_iter().filter(|step| step.contains("build and install")).collect();
    assert!(built_again.is_empty(), "{built_again:?}\n{}", again.log);
    engine.assert_same_layers(&built.tag, &again.tag);
}

/// As GitHub's action for building sends it: a commit, and the token that may read it.
#[test]
fn a_token_opens_the_repository_that_is_the_context() {
    let Some(engine) = Engine::get() else { return };
    let Some(server) = GitServer::https(&engine) else { return };
    let files = tempfile::tempdir().unwrap();
    std::fs::rename(example("virtual").keep(), files.path().join("tick")).unwrap();
    let commit = server.repository("private/team.git", files.path());
    let context = format!("{}/private/team.git#{commit}:tick", server.url);
    let build = |name: &str, more: &[&str]| {
        engine.try_build(Path::new(&context), &tag(name), &[&["--file", "pyproject.toml"], more].concat())
    };
    let none = build("context-none", &[]);
    assert_says(&none, &["could not read Username for 'https://"]);

    let (_token, token) = secret("GIT_AUTH_TOKEN", &server.token);
    let built = build("context-token", &["--secret", &token]);
    assert!(built.success, "{}", built.log);
    assert!(engine.run(&built.tag, &[]).contains("years"));
    let traces = Traces::of(&server.token);
    traces.assert_not_in_build(&engine, &built);
    traces.assert_not_in_provenance(&engine, "GIT_AUTH_TOKEN", |more| {
        build("context-provenance", &[&["--secret", &token], more].concat())
    });
}

#[test]
fn a_tag_as_the_context_is_the_version() {
    let Some(engine) = Engine::get() else { return };
    let server = GitServer::http(&engine);
    let project = example("hatchling");
    for (name, from, to) in [
        ("pyproject.toml", "version = \"1.2.0\"", "dynamic = [\"version\"]"),
        ("pyproject.toml", "[\"hatchling\"]", "[\"hatchling\", \"hatch-vcs\"]"),
        ("uv.lock", "version = \"1.2.0\"\n", ""),
    ] {
        let text = std::fs::read_to_string(project.path().join(name)).unwrap();
        assert!(text.contains(from), "{name} has no {from:?}");
        write(project.path(), name, &text.replacen(from, to, 1));
    }
    append(
        project.path(),
        "[tool.hatch.version]\nsource = \"vcs\"\nfallback-version = \"0.0.0\"\n[tool.pyfront]\nbuild-packages = [\"git\"]\n",
    );
    server.tagged("public/greeter.git", project.path(), "v1.4.2");
    let context = format!("{}/public/greeter.git#v1.4.2", server.url);
    let version = ["python", "-c", "import importlib.metadata as metadata; print(metadata.version(\"greeter\"))"];

    let without = engine.build(Path::new(&context), &tag("fallback"), &["--file", "pyproject.toml"]);
    // That it is warned of is tested with the fake daemon: with a git context, this BuildKit was once seen to lose the warning.
    assert_eq!(engine.run(&without.tag, &version), "0.0.0");

    let keep = ["--file", "pyproject.toml", "--build-arg", "BUILDKIT_CONTEXT_KEEP_GIT_DIR=1"];
    let with = engine.build(Path::new(&context), &tag("of-tag"), &keep);
    assert!(!with.log.contains("the fallback of hatch-vcs"), "{}", with.log);
    assert_eq!(engine.run(&with.tag, &version), "1.4.2");
}
