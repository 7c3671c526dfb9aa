//! Five kinds of secret in one build, and then a search for their values in everything that the build leaves behind: layers,
//! config, history, provenance, list of parts, cache export, logs. A second build gives a secret away on purpose, so that it is
//! known that the search finds what is there.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;

use crate::engine::{Build, Engine, MARK, tag};
use crate::git_server::GitServer;
use crate::projects::write;
use crate::served::{Served, gateway, sha256_hex};
use crate::source::{append, courier, package};
use crate::traces::{Traces, all_files, found_below, secret};
use crate::wheels::locked;

const BACKEND: &str = "version = \"3\"\n[build-system]\nrequires = [\"uv_build\"]\nbuild-backend = \"uv_build\"\n";
const CODE: &str = "import parcel, carton, crate\nif __name__ == \"__main__\":\n    \
                    print(parcel.NAME, carton.NAME, crate.NAME, open(\"used.txt\").read())\n";

/// A value that no earlier run had.
fn value(name: &str) -> String {
    let value = format!("{name}Hunter2{}{:?}", std::process::id(), std::time::Instant::now());
    value.chars().filter(char::is_ascii_alphanumeric).collect()
}

/// A server that wants a user name and a password.
fn private(engine: &Engine, user: &str, password: &str) -> Served {
    Served::private(&gateway(engine), &format!("Basic {}", BASE64.encode(format!("{user}:{password}"))))
}

/// A command that works only with the secret `token`, and then does `more` with it.
fn uses_token(token: &str, more: &str) -> String {
    let hash = sha256_hex(token.as_bytes());
    format!(
        "import hashlib, pathlib\ntoken = pathlib.Path('/run/secrets/token').read_text()\n\
         assert hashlib.sha256(token.encode()).hexdigest() == '{hash}'\npathlib.Path('used.txt').write_text('used')\n{more}\n"
    )
}

const RUN: &str = "[[tool.pyfront.run]]\ncommand = [\"python\", \"use.py\"]\nsecrets = [\"token\"]\n";

/// Builds and puts everything that is left behind below `kept`. The classic image store has neither attestations nor this cache.
fn build(engine: &Engine, project: &Path, name: &str, progress: &str, arguments: &[&str], kept: &Path) -> Build {
    let file = project.join("pyproject.toml").display().to_string();
    let directory = kept.join(progress);
    std::fs::create_dir(&directory).unwrap();
    let at = |name: &str| directory.join(name).display().to_string();
    let (image, cache, metadata) = (
        format!("type=oci,dest={}", at("image.tar")),
        format!("type=local,mode=max,dest={}", at("cache")),
        at("metadata"),
    );
    let progress_argument = format!("--progress={progress}");
    let mut all = vec!["--file", &file, &progress_argument, "--no-cache", "--metadata-file", &metadata];
    if !engine.is_graphdriver() {
        all.extend(["--output", &image, "--provenance=mode=max", "--sbom=true", "--cache-to", &cache]);
    }
    all.extend(arguments);
    let built = engine.try_build(project, &tag(name), &all);
    std::fs::write(directory.join("log"), &built.log).unwrap();
    if progress == "rawjson" {
        std::fs::write(directory.join("log-decoded"), decoded(&built.log)).unwrap();
    }
    if Path::new(&at("image.tar")).exists() {
        unpack(&directory, "image.tar");
    }
    built
}

/// What steps wrote, which is base64 in this form of the log.
fn decoded(log: &str) -> Vec<u8> {
    let events = serde_json::Deserializer::from_str(log).into_iter::<Value>().map_while(Result::ok);
    let data = events.flat_map(|event| {
        let logs = event["logs"].as_array().cloned().unwrap_or_default();
        logs.into_iter().filter_map(|log| BASE64.decode(log["data"].as_str()?).ok())
    });
    data.flatten().collect()
}

fn unpack(directory: &Path, archive: &str) {
    let unpacked = directory.join(format!("{archive}-unpacked"));
    std::fs::create_dir(&unpacked).unwrap();
    let mut tar = std::process::Command::new("tar");
    tar.arg("-xf").arg(directory.join(archive)).arg("-C").arg(&unpacked);
    assert!(tar.status().unwrap().success());
    std::fs::remove_file(directory.join(archive)).unwrap();
}

/// What the engine's own store has of a build.
fn keep_image(engine: &Engine, built: &Build, kept: &Path) {
    let directory = kept.join("store");
    std::fs::create_dir(&directory).unwrap();
    std::fs::write(directory.join("config"), engine.inspect(&built.tag).to_string()).unwrap();
    let history = engine.docker(&["history", "--no-trunc", "--format", "json", &built.tag]);
    std::fs::write(directory.join("history"), history).unwrap();
    engine.docker(&["image", "save", "--output", &directory.join("saved.tar").display().to_string(), &built.tag]);
    unpack(&directory, "saved.tar");
}

#[test]
fn of_five_kinds_of_secret_nothing_is_left_anywhere() {
    let Some(engine) = Engine::get() else { return };
    let Some(git) = GitServer::https(&engine) else { return };
    let [user, password, login, netrc, token] = ["user", "password", "login", "netrc", "token"].map(value);
    let (internal, mirror) = (private(&engine, &user, &password), private(&engine, &login, &netrc));
    let files = tempfile::tempdir().unwrap();
    package(files.path(), "crate", BACKEND);
    let commit = git.repository("private/crate.git", files.path());
    let source = format!("{}/private/crate.git?subdirectory=python#{commit}", git.url);
    let module = |name: &str| format!("NAME = '{name} of {}'\n", std::process::id());
    let project = courier(
        &[
            ("carton", locked(&mirror, "carton", "2", &module("carton"))),
            ("crate", format!("version = \"3\"\nsource = {{ git = \"{source}\" }}\n")),
            ("parcel", locked(&internal, "parcel", "1", &module("parcel"))),
        ],
        CODE,
    );
    let indexes = [("internal", &internal), ("mirror", &mirror)].map(|(name, served)| {
        format!("[[tool.uv.index]]\nname = \"{name}\"\nurl = \"{}/simple\"\nauthenticate = \"always\"\n", served.url)
    });
    append(project.path(), &format!("{}{}{RUN}", indexes[0], indexes[1]));
    write(project.path(), "use.py", &uses_token(&token, ""));

    let host = git.url.split("//").nth(1).unwrap();
    let machine = host.split(':').next().unwrap();
    let given = [
        secret("UV_INDEX_INTERNAL_USERNAME", &user),
        secret("UV_INDEX_INTERNAL_PASSWORD", &password),
        secret("netrc", &format!("machine {machine} login {login} password {netrc}\n")),
        secret(&format!("GIT_AUTH_TOKEN.{host}"), &git.token),
        secret("token", &token),
    ];
    let arguments: Vec<&str> = given.iter().flat_map(|(_, argument)| ["--secret", argument]).collect();

    let kept = tempfile::tempdir().unwrap();
    let mut built = None;
    for progress in ["rawjson", "plain"] {
        let build = build(&engine, project.path(), "five", progress, &arguments, kept.path());
        assert!(build.success, "{}", build.log);
        built = Some(build);
    }
    let mut built = built.unwrap();
    if !engine.is_graphdriver() {
        let file = project.path().join("pyproject.toml").display().to_string();
        built = engine.build(project.path(), &tag("five"), &[&["--file", &file], &arguments[..]].concat());
    }
    let of = std::process::id();
    let expected = format!("parcel of {of} carton of {of} crate used");
    assert_eq!(engine.run(&built.tag, &[]), expected, "all five are needed, and were used");
    keep_image(&engine, &built, kept.path());

    let secrets = [
        ("the index's user name", &user),
        ("the index's password", &password),
        ("the netrc's user name", &login),
        ("the netrc's password", &netrc),
        ("the token of git", &git.token),
        ("the command's secret", &token),
        ("the company's certificates", &MARK.to_owned()),
    ]
    .map(|(what, value)| (what, Traces::of(value)));
    let fetched = "[deps] fetch parcel 1 from internal";
    let in_the_statement =
        ["https://slsa.dev/provenance/", "SPDXRef-DOCUMENT", "UV_INDEX_INTERNAL_PASSWORD", "/private/crate.git"];
    let mut texts =
        [&[fetched, "used.txt"][..], &in_the_statement].concat().into_iter().map(str::to_owned).collect::<Vec<_>>();
    texts.extend(secrets.iter().flat_map(|(_, traces)| traces.forms().to_owned()));
    let found = found_below(kept.path(), &texts);

    // What is looked through is all there.
    let files = all_files(kept.path()).len();
    assert!(found.contains_key(fetched) && files > 20, "{files} files");
    if !engine.is_graphdriver() {
        for text in in_the_statement {
            assert!(found.contains_key(text), "{text} is nowhere");
        }
        let cached = |file: &String| Path::new(file).starts_with(kept.path().join("plain/cache"));
        assert!(found.get("used.txt").is_some_and(|files| files.iter().any(cached)), "the layers are in the cache");
    }
    for (what, traces) in secrets {
        let found = traces.among(&found);
        assert!(found.is_empty(), "{what} in {found:#?}");
    }
}

#[test]
fn a_secret_that_a_project_gives_away_is_found() {
    let Some(engine) = Engine::get() else { return };
    let token = value("given");
    let project = courier(&[], "print(1)\n");
    append(project.path(), &format!("[tool.pyfront]\ncommand = [\"python\"]\nenv = {{ OPEN = \"{token}\" }}\n{RUN}"));
    let more = "print('is', token)\npathlib.Path('left.txt').write_text('x' * 5 + token)";
    write(project.path(), "use.py", &uses_token(&token, more));
    let (_file, argument) = secret("token", &token);
    let kept = tempfile::tempdir().unwrap();
    for progress in ["rawjson", "plain"] {
        let build = build(&engine, project.path(), "given", progress, &["--secret", &argument], kept.path());
        assert!(build.success, "{}", build.log);
    }
    let file = project.path().join("pyproject.toml").display().to_string();
    let built = engine.build(project.path(), &tag("given"), &["--file", &file, "--secret", &argument]);
    keep_image(&engine, &built, kept.path());

    let found = Traces::of(&token).found_below(kept.path());
    let is_in = |part: &str| found.iter().any(|path| path.contains(part));
    let mut expected = vec!["plain/log", "rawjson/log-decoded", "store/config", "store/saved.tar-unpacked"];
    if !engine.is_graphdriver() {
        expected.extend(["plain/image.tar-unpacked", "plain/cache/blobs"]);
        // The config, a layer, and the statement about the build, whose definition has the project's env.
        let blobs = found.iter().filter(|path| path.contains("plain/image.tar-unpacked/blobs")).count();
        assert!(blobs >= 3, "{found:#?}");
    }
    for part in expected {
        assert!(is_in(part), "{part} is not in {found:#?}");
    }
}
