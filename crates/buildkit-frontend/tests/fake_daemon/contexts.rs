//! Where files come from, seen from a real frontend process: the entry file, ignore files, the main context in all its
//! forms, and named contexts.

use buildkit_frontend::testing::{Call, FakeDaemon, FakeImage, Outcome, Request, SESSION_ID};
use buildkit_llb::{Annotate as _, Caps, Digest, Git, Http, Local, marshal};

use super::echo;

fn daemon() -> FakeDaemon {
    FakeDaemon::new()
        .option("build-arg:MODE", "contexts")
        .option("filename", "pyproject.toml")
        .local("dockerfile", [("pyproject.toml", "entry"), ("more.toml", "more"), ("other", "")])
        .local("context", [("pyproject.toml", "context"), ("uv.lock", "lock"), ("src/a.py", "")])
}

/// The lines of the report: entry, more, main context, named context.
#[track_caller]
fn report(outcome: &Outcome) -> Vec<&str> {
    std::str::from_utf8(&outcome.result().metadata["frontend.report"]).unwrap().lines().collect()
}

#[test]
fn local_directories() {
    let outcome = daemon().run(echo());
    assert_eq!(
        report(&outcome),
        ["pyproject.toml: Some(\"entry\")", "more: Some(\"more\")", "local=true lock=true ignore: none", "extra: none"]
    );
    let solved = outcome.solved();
    let transfers: Vec<_> = solved
        .iter()
        .map(|graph| {
            let (digest, op) = &graph.ops[0];
            let Some(buildkit_proto::pb::op::Op::Source(source)) = &op.op else { panic!() };
            let attr = |key: &str| source.attrs.get(key).map_or("-", String::as_str);
            assert_eq!(attr("local.session"), SESSION_ID);
            [
                source.identifier.as_str(),
                attr("local.followpaths"),
                attr("local.differ"),
                attr("local.sharedkeyhint"),
                graph.name(digest).unwrap(),
            ]
        })
        .collect();
    assert_eq!(
        transfers,
        [
            [
                "local://dockerfile",
                r#"["pyproject.toml","pyproject.toml.dockerignore","more.toml"]"#,
                "none",
                "dockerfile",
                "[internal] load build definition from pyproject.toml"
            ],
            [
                "local://context",
                r#"[".dockerignore"]"#,
                "none",
                "context-.dockerignore",
                "[internal] load .dockerignore"
            ],
            [
                "local://context",
                r#"["uv.lock","pyproject.toml"]"#,
                "none",
                "context-manifests",
                "[internal] load manifests"
            ],
            ["local://context", "-", "-", "context", "[internal] load build context"],
        ]
    );
    // The warning belongs to the op that loaded the entry file.
    let warned = outcome.requests.iter().find_map(|request| match request {
        Request::Warn(warning) => Some(&warning.digest),
        _ => None,
    });
    assert_eq!(warned, Some(&solved[0].ops[0].0));
}

#[test]
fn other_names_and_sessions() {
    let outcome = daemon()
        .option("dockerfilekey", "entry")
        .option("local-sessionid:entry", "s2")
        .local("entry", [("pyproject.toml", "other")])
        .run(echo());
    assert_eq!(report(&outcome)[0], "pyproject.toml: Some(\"other\")");
    assert_eq!(outcome.solved()[0].source_attrs("local://entry").unwrap()["local.session"], "s2");
}

#[test]
fn no_entry_file() {
    let outcome = daemon().option("filename", "Dockerfile").run(echo());
    assert_eq!(report(&outcome)[0], "Dockerfile: None");
    let outcome = daemon().option("filename", "Dockerfile").local("dockerfile", [("dockerfile", "small")]).run(echo());
    assert_eq!(report(&outcome)[0], "Dockerfile: Some(\"small\")");
}

#[test]
fn ignore_files() {
    let context =
        |ignore: &str| [("uv.lock", "lock"), (".dockerignore", ignore)].map(|(a, b)| (a.to_owned(), b.to_owned()));
    let outcome = daemon().local("context", context("*.tmp\n*.lock\n")).run(echo());
    assert_eq!(report(&outcome)[2], "local=true lock=false ignore: .dockerignore:2 *.lock");
    assert_eq!(
        outcome.solved()[3].source_attrs("local://context").unwrap()["local.excludepatterns"],
        r#"["**/*.pyc","*.tmp","*.lock"]"#
    );

    // The specific file wins, even if it is empty; then nobody asks for the other one.
    let specific = |ignore: &str| {
        [("pyproject.toml".to_owned(), "entry".to_owned()), ("pyproject.toml.dockerignore".into(), ignore.into())]
    };
    let outcome = daemon().local("dockerfile", specific("")).local("context", context("*.lock")).run(echo());
    assert_eq!(report(&outcome)[2], "local=true lock=true ignore: pyproject.toml.dockerignore lets it through");
    assert_eq!(outcome.count(Call::Solve), 3);

    let outcome = daemon().local("context", context("ok\n[\n")).run(echo());
    let error = outcome.error();
    let (message, help) = error.message.split_once('\n').unwrap();
    assert_eq!(message, ".dockerignore:2: \"[\" is not a valid pattern: a bracket is not closed");
    assert!(help.starts_with("  help: correct the line"), "{help}");
    let detail: serde_json::Value = serde_json::from_slice(&error.details[0].value).unwrap();
    assert_eq!(detail["info"]["filename"], ".dockerignore");
    assert_eq!(detail["ranges"][0]["start"]["line"], 2);
}

#[test]
fn git_contexts() {
    let files = [("pyproject.toml", "from git"), ("uv.lock", "")];
    let url = "https://example.com/a/b.git#main:sub";
    let outcome = daemon().option("context", url).source("git://example.com/a/b.git#main:sub", files).run(echo());
    assert_eq!(report(&outcome)[0], "pyproject.toml: Some(\"from git\")");
    assert_eq!(report(&outcome)[2], "local=false lock=true ignore: none");
    let graph = outcome.graph(None);
    assert_eq!(graph.sources(), ["git://example.com/a/b.git#main:sub"]);
    assert_eq!(graph.names(), ["[internal] load git source https://example.com/a/b.git#main:sub"]);

    let outcome = daemon()
        .option("context", "https://example.com/a/b.git?ref=v1&keep-git-dir=1")
        .option("dockerfilekey", "dockerfile")
        .source("git://example.com/a/b.git#v1", files)
        .run(echo());
    assert_eq!(report(&outcome)[0], "pyproject.toml: Some(\"entry\")");
    assert_eq!(outcome.graph(None).source_attrs("git://example.com/a/b.git#v1").unwrap()["git.keepgitdir"], "true");

    let outcome = daemon().option("context", "https://example.com/a/b.git?x=y").run(echo());
    assert!(outcome.error().message.contains("unexpected query"), "{}", outcome.error().message);
}

#[test]
fn http_contexts() {
    let url = "http://buildkit-session/abc";
    let outcome = daemon().option("context", url).source(url, [("context", "plain text")]).run(echo());
    assert_eq!(report(&outcome)[0], "context: Some(\"plain text\")");

    let forced = daemon().option("context", url).option("dockerfilekey", "dockerfile");
    let outcome = forced.source(url, [("context", "plain text")]).run(echo());
    assert_eq!(report(&outcome)[0], "pyproject.toml: Some(\"entry\")");

    let outcome = daemon().option("context", url).source(url, [("context", b"\x1f\x8b\x08gzip")]).run(echo());
    assert_eq!(report(&outcome)[0], "pyproject.toml: None");
    assert_eq!(outcome.graph(None).names().last(), Some(&"[internal] unpack remote build context"));
}

/// The client uploads what it reads from standard input once. BuildKit's own frontend has asked for it before, with an op whose
/// bytes depend on its version; they decide whether it is the same.
#[test]
fn an_upload_is_the_op_that_buildkit_made() {
    let url = "http://buildkit-session/abc";
    let upload = |daemon: FakeDaemon| {
        let outcome = daemon.option("context", url).source(url, [("context", "plain text")]).run(echo());
        outcome.solved()[0].ops[0].0.clone()
    };
    assert_eq!(upload(daemon()), "sha256:65f1f7ed9835b9bd98c18689c86012fbd6e35dc68044cfa9ceb45ed3b89f1ed2");
    let before_0_17 = daemon().without_cap("exec.validexitcode");
    assert_eq!(upload(before_0_17), "sha256:7def80fce408f59cc3a509e67db604b0eb14c82575c4a98381555a1f7d67fc8d");
}

#[test]
fn inputs() {
    let local = Local::new("elsewhere").session(SESSION_ID).build().unwrap();
    let definition = marshal(Some(&local), &Caps::all()).unwrap().as_pb().clone();
    let files = [("services/uv.lock", "x"), ("pyproject.toml", "")];
    let with_input = daemon().input("context", definition.clone()).local("elsewhere", files);
    let outcome = with_input.clone().run(echo());
    assert_eq!(report(&outcome)[0], "pyproject.toml: Some(\"entry\")");
    assert_eq!(report(&outcome)[2], "local=false lock=false ignore: none");

    let outcome = with_input.option("contextsubdir", "services").run(echo());
    assert_eq!(report(&outcome)[2], "local=false lock=true ignore: none");

    let outcome =
        daemon().input("dockerfile", definition).local("elsewhere", [("pyproject.toml", "input")]).run(echo());
    assert_eq!(report(&outcome)[0], "pyproject.toml: Some(\"input\")");
}

#[test]
fn named_contexts() {
    let extra = |value: &str| daemon().option("context:extra", value);
    assert_eq!(report(&extra("docker-image://scratch").run(echo()))[3], "extra: scratch");

    let image = FakeImage::new(r#"{"os":"linux","architecture":"amd64"}"#);
    let digest = image.digest.unwrap();
    let outcome = extra("docker-image://alpine").image("alpine", image.clone()).run(echo());
    let pinned = format!("docker.io/library/alpine:latest@{digest}");
    assert_eq!(report(&outcome)[3], format!("extra: image {pinned}"));
    let solved = outcome.solved();
    let graph = solved.iter().find(|graph| graph.sources()[0].starts_with("docker-image://")).unwrap();
    assert_eq!(graph.names(), ["[context extra] alpine:latest"]);

    let outcome = extra("local:more").local("more", [("a", ""), ("b", ""), (".dockerignore", "b")]).run(echo());
    assert_eq!(report(&outcome)[3], "extra: files .dockerignore,a config=false");
    let solved = outcome.solved();
    let hints: Vec<_> = solved
        .iter()
        .filter_map(|graph| graph.source_attrs("local://more"))
        .map(|attrs| attrs["local.sharedkeyhint"].as_str())
        .collect();
    assert_eq!(hints, ["context:extra-.dockerignore", "context:extra-"]);

    let git = Git::new("https://example.com/x.git", "").named("x").build().unwrap();
    let definition = marshal(Some(&git), &Caps::all()).unwrap().as_pb().clone();
    let outcome = extra("input:target")
        .input("target", definition)
        .option("input-metadata:target", r#"{"containerimage.config":"e30="}"#)
        .source("git://example.com/x.git", [("z", "")])
        .run(echo());
    assert_eq!(report(&outcome)[3], "extra: files z config=true");

    let url = "https://example.com/file";
    assert!(Http::new(url).build().is_ok());
    let outcome = extra(url).source(url, [("context", "")]).run(echo());
    assert_eq!(report(&outcome)[3], "extra: files context config=false");
    let outcome = extra("git@example.com:a/b.git").source("git://example.com/a/b.git", [("g", "")]).run(echo());
    assert_eq!(report(&outcome)[3], "extra: files g config=false");
}

#[test]
fn named_contexts_from_a_layout() {
    let image = FakeImage::new(r#"{"os":"linux","architecture":"amd64"}"#);
    let digest = Digest::of(b"manifest");
    let spec = format!("oci-layout://store:tag@{digest}");
    for cap in ["none", "source.metaresolver"] {
        let outcome = daemon()
            .without_cap(cap)
            .option("context:extra", spec.clone())
            .image(&format!("docker.io/library/extra@{digest}"), FakeImage { digest: Some(digest), ..image.clone() })
            .run(echo());
        assert_eq!(report(&outcome)[3], format!("extra: image docker.io/library/extra@{digest}"), "{cap}");
        let solved = outcome.solved();
        let identifier = format!("oci-layout://docker.io/library/extra@{digest}");
        let attrs = solved.iter().find_map(|graph| graph.source_attrs(&identifier)).unwrap();
        assert_eq!((attrs["oci.store"].as_str(), attrs["oci.session"].as_str()), ("store", SESSION_ID));
    }
}

#[test]
fn wrong_named_contexts_are_named() {
    let outcome = daemon().option("context:extra", "input:none").run(echo());
    assert_eq!(outcome.error().message, "context extra: the client sent no input none");
    let outcome = daemon().option("context:extra", "docker-image://gone").run(echo());
    assert_eq!(outcome.error().message, "context extra: docker.io/library/gone:latest: not found");
}
