//! An index that wants a user name and a password: wheels, and the requirements of a build. With the right password the
//! image is built; whatever happens, the password is nowhere to be found afterwards.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::engine::{Build, Engine, example, tag};
use crate::examples::{ByHand, SLIM, weigh};
use crate::projects::write;
use crate::served::{Served, gateway};
use crate::traces::{Traces, secret};
use crate::wheels::{locked, wheel};

const USER: &str = "reader";

/// A build backend without dependencies, which only the private index has.
const BACKEND: &str = r#"
import base64, hashlib, os, zipfile
def get_requires_for_build_wheel(config_settings=None):
    return []
def build_wheel(directory, config_settings=None, metadata_directory=None):
    assert "UV_INDEX_INTERNAL_PASSWORD" in os.environ or "NETRC" in os.environ
    info = "courier-1.dist-info"
    files = {
        "courier.py": open("courier.py").read(),
        info + "/METADATA": "Metadata-Version: 2.1\nName: courier\nVersion: 1\n",
        info + "/WHEEL": "Wheel-Version: 1.0\nGenerator: inhouse\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        info + "/RECORD": "",
    }
    with zipfile.ZipFile(os.path.join(directory, "courier-1-py3-none-any.whl"), "w") as wheel:
        for name, text in files.items():
            wheel.writestr(zipfile.ZipInfo(name), text)
    return "courier-1-py3-none-any.whl"
"#;

/// An index on this machine, at an address that build containers reach.
struct Index {
    served: Served,
    password: String,
    traces: Traces,
    /// The lock's entry of the package `parcel`.
    entry: String,
}

impl Index {
    fn new(engine: &Engine) -> Self {
        // Different in each run, so that nothing is found of an earlier one.
        let password = format!("hunter2-{}-{:?}", std::process::id(), std::time::Instant::now());
        let password: String = password.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        let served = Served::private(&gateway(engine), &Self::header(&password));
        let files = tempfile::tempdir().unwrap();
        let module = format!("NAME = 'a parcel of {}'\n", std::process::id());
        let entry = locked(&served, "parcel", "1.4", &module);
        let backend = wheel(files.path(), "inhouse_backend", "1", BACKEND);
        served.file("files/inhouse_backend-1-py3-none-any.whl", &backend);
        served.text(
            "simple/inhouse-backend/index.html",
            "<!DOCTYPE html><a href=\"/files/inhouse_backend-1-py3-none-any.whl\">inhouse_backend-1-py3-none-any.whl</a>",
        );
        Self { served, traces: Traces::of(&password), password, entry }
    }

    /// What the lock says of the wheel: `sha256:…`
    fn hash(&self) -> &str {
        self.entry.split('"').find(|text| text.starts_with("sha256:")).expect("the entry has a hash")
    }

    fn header(password: &str) -> String {
        format!("Basic {}", BASE64.encode(format!("{USER}:{password}")))
    }

    fn netrc(&self) -> String {
        let host = self.served.url.split("://").nth(1).unwrap().split(':').next().unwrap();
        format!("machine {host}\n  login {USER}\n  password {}\n", self.password)
    }

    /// A project that needs `parcel`; its own build needs the index, too.
    fn project(&self, settings: &str) -> tempfile::TempDir {
        let project = tempfile::tempdir().unwrap();
        let url = &self.served.url;
        write(
            project.path(),
            "pyproject.toml",
            &format!(
                "# syntax=org/pyfront\n[project]\nname = \"courier\"\nversion = \"1\"\nrequires-python = \">=3.11\"\n\
                 dependencies = [\"parcel\"]\n[project.scripts]\ncourier = \"courier:main\"\n\n[build-system]\n\
                 requires = [\"inhouse-backend\"]\nbuild-backend = \"inhouse_backend\"\n\n\
                 [tool.pyfront]\ncommand = [\"python\", \"-c\", \"import courier; courier.main()\"]\n\n\
                 [[tool.uv.index]]\nname = \"internal\"\nurl = \"{url}/simple\"\n{settings}"
            ),
        );
        write(
            project.path(),
            "uv.lock",
            &format!(
                "version = 1\nrevision = 3\nrequires-python = \">=3.11\"\n\n[[package]]\nname = \"courier\"\n\
                 version = \"1\"\nsource = {{ editable = \".\" }}\ndependencies = [{{ name = \"parcel\" }}]\n\n\
                 [package.metadata]\nrequires-dist = [{{ name = \"parcel\" }}]\n\n[[package]]\nname = \"parcel\"\n{}",
                self.entry
            ),
        );
        write(project.path(), ".python-version", "3.13\n");
        write(project.path(), "courier.py", "import parcel\ndef main():\n    print(parcel.NAME)\n");
        project
    }
}

fn build(engine: &Engine, project: &Path, name: &str, arguments: &[&str]) -> Build {
    let file = project.join("pyproject.toml").display().to_string();
    let mut all = vec!["--file", &file];
    all.extend(arguments);
    engine.try_build(project, &tag(name), &all)
}

#[test]
fn the_right_password_builds_and_is_left_nowhere() {
    let Some(engine) = Engine::get() else { return };
    let index = Index::new(&engine);
    // Which of the steps that need the index fails first would be chance, so here only one does.
    let project = index.project("");
    for (name, from, to) in [
        (
            "pyproject.toml",
            "[build-system]\nrequires = [\"inhouse-backend\"]\nbuild-backend = \"inhouse_backend\"\n",
            "",
        ),
        ("pyproject.toml", "[project.scripts]\ncourier = \"courier:main\"\n", ""),
        ("uv.lock", "editable", "virtual"),
    ] {
        let text = std::fs::read_to_string(project.path().join(name)).unwrap();
        assert!(text.contains(from));
        write(project.path(), name, &text.replace(from, to));
    }

    // BuildKit itself fetches what no secret is given for, is refused, and the user learns what would help.
    let none = build(&engine, project.path(), "private-none", &[]);
    assert!(!none.success, "{}", none.log);
    for expected in [
        "[deps] fetch parcel 1.4",
        "digest mismatch",
        "parcel 1.4 is fetched from http://",
        "wanted by courier → parcel",
        "help: the server sent nothing; open the address",
        "if the index wants credentials, pass them as build secrets",
        "internal: --secret id=UV_INDEX_INTERNAL_USERNAME",
        ">>>     { url = ",
    ] {
        assert!(none.log.contains(expected), "{expected:?} is missing:\n{}", none.log);
    }

    let (_user, user) = secret("UV_INDEX_INTERNAL_USERNAME", &format!("{USER}\n"));
    let (_wrong, wrong) = secret("UV_INDEX_INTERNAL_PASSWORD", "wrong-word");
    let refused = build(&engine, project.path(), "private-wrong", &["--secret", &user, "--secret", &wrong]);
    assert!(!refused.success, "{}", refused.log);
    let (_, end) = refused.log.split_once("\n------\n").expect("the log of the failed step is repeated");
    for expected in [
        "[deps] fetch parcel 1.4 from internal:",
        "parcel 1.4 could not be fetched from http://",
        "the index internal answers 401 to the credentials",
        "help: check the values of the secrets UV_INDEX_INTERNAL_USERNAME and UV_INDEX_INTERNAL_PASSWORD",
        ">>>     { url = ",
    ] {
        assert!(end.contains(expected), "{expected:?} is missing:\n{end}");
    }
    let sent = BASE64.encode(format!("{USER}:wrong-word"));
    assert!(!refused.log.contains("wrong-word") && !refused.log.contains(&sent), "{}", refused.log);

    let project = index.project("");
    let (_right, right) = secret("UV_INDEX_INTERNAL_PASSWORD", &format!("{}\n", index.password));
    let with = ["--secret", &user, "--secret", &right];
    let built = build(&engine, project.path(), "private", &with);
    assert!(built.success, "{}", built.log);
    assert_eq!(engine.run(&built.tag, &[]), format!("a parcel of {}", std::process::id()));
    index.traces.assert_not_in_build(&engine, &built);

    index.traces.assert_not_in_provenance(&engine, "UV_INDEX_INTERNAL_PASSWORD", |more| {
        build(&engine, project.path(), "private-provenance", &[&with[..], more].concat())
    });
}

#[test]
fn a_netrc_serves_an_index_and_the_requirements_of_builds() {
    let Some(engine) = Engine::get() else { return };
    let index = Index::new(&engine);
    let project = index.project("authenticate = \"always\"\n");
    let none = build(&engine, project.path(), "netrc-none", &[]);
    // Which of the two steps that need the index fails first is chance; both say what to pass.
    let expected = "--secret id=UV_INDEX_INTERNAL_PASSWORD,env=UV_INDEX_INTERNAL_PASSWORD";
    assert!(!none.success && none.log.contains(expected), "{}", none.log);

    let (_netrc, netrc) = secret("netrc", &index.netrc());
    let built = build(&engine, project.path(), "netrc", &["--secret", &netrc]);
    assert!(built.success, "{}", built.log);
    assert_eq!(engine.run(&built.tag, &[]), format!("a parcel of {}", std::process::id()));
    index.traces.assert_not_in(built.log.as_bytes(), "the log");

    // Other code: what was fetched and built from the index stays.
    write(project.path(), "courier.py", "import parcel\ndef main():\n    print('again', parcel.NAME)\n");
    let after = build(&engine, project.path(), "netrc", &["--secret", &netrc]);
    assert!(after.steps_that_ran().iter().all(|step| step.contains(" courier")), "{}", after.log);
}

#[test]
fn the_example_is_built_with_the_secrets_that_it_names() {
    let Some(engine) = Engine::get() else { return };
    let index = Index::new(&engine);
    // Its index is made up: this one takes its place, and has another wheel.
    let project = example("private-index");
    for name in ["pyproject.toml", "uv.lock"] {
        let text = std::fs::read_to_string(project.path().join(name)).unwrap();
        let mut text = text.replace("https://packages.example.com", &index.served.url);
        if let Some(start) = text.find("sha256:") {
            text.replace_range(start..start + index.hash().len(), index.hash());
        }
        write(project.path(), name, &text);
    }
    let (_user, user) = secret("UV_INDEX_INTERNAL_USERNAME", USER);
    let (_right, right) = secret("UV_INDEX_INTERNAL_PASSWORD", &index.password);
    let built = build(&engine, project.path(), "private-example", &["--secret", &user, "--secret", &right]);
    assert!(built.success, "{}", built.log);
    assert_eq!(engine.run(&built.tag, &[]), format!("Delivers a parcel of {}", std::process::id()));
    index.traces.assert_not_in_build(&engine, &built);

    let (_netrc, netrc) = secret("netrc", &index.netrc());
    let dockerfile = ByHand { name: "virtual", options: &["--secret", &netrc] };
    weigh(&engine, "private-index", project.path(), &built.tag, &dockerfile, SLIM);
}

#[test]
fn a_file_that_was_replaced_is_refused() {
    let Some(engine) = Engine::get() else { return };
    let index = Index::new(&engine);
    let files = tempfile::tempdir().unwrap();
    let other = wheel(files.path(), "parcel", "1.4", "NAME = 'another parcel'\n");
    index.served.file("files/parcel-1.4-py3-none-any.whl", &other);
    let project = index.project("");
    let (_user, user) = secret("UV_INDEX_INTERNAL_USERNAME", USER);
    let (_right, right) = secret("UV_INDEX_INTERNAL_PASSWORD", &index.password);
    let build = build(&engine, project.path(), "replaced", &["--secret", &user, "--secret", &right]);
    assert!(!build.success, "{}", build.log);
    let expected = "parcel-1.4-py3-none-any.whl has another hash than the lock says";
    assert!(build.log.contains(expected), "{}", build.log);
}

#[test]
fn a_repository_over_ssh_says_to_pass_the_agent() {
    let Some(engine) = Engine::get() else { return };
    let project = tempfile::tempdir().unwrap();
    write(
        project.path(),
        "pyproject.toml",
        "# syntax=org/pyfront\n[project]\nname = \"courier\"\nversion = \"1\"\nrequires-python = \">=3.11\"\n\
         dependencies = [\"parcel\"]\n",
    );
    let commit = "0123456789abcdef0123456789abcdef01234567";
    write(
        project.path(),
        "uv.lock",
        &format!(
            "version = 1\nrevision = 3\nrequires-python = \">=3.11\"\n\n[[package]]\nname = \"courier\"\nversion = \"1\"\n\
             source = {{ virtual = \".\" }}\ndependencies = [{{ name = \"parcel\" }}]\n\n[package.metadata]\n\
             requires-dist = [{{ name = \"parcel\" }}]\n\n[[package]]\nname = \"parcel\"\nversion = \"1\"\n\
             source = {{ git = \"ssh://git@127.0.0.1:9/parcel.git#{commit}\" }}\n"
        ),
    );
    write(project.path(), ".python-version", "3.13\n");
    write(project.path(), "main.py", "import parcel\nif __name__ == \"__main__\":\n    print(parcel)\n");
    let build = build(&engine, project.path(), "ssh", &[]);
    assert!(!build.success, "{}", build.log);
    for expected in ["help: pass your SSH agent to the build: docker buildx build --ssh default", ">>> [[package]]"] {
        assert!(build.log.contains(expected), "{expected:?} is missing:\n{}", build.log);
    }
}
