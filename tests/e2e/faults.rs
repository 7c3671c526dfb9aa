//! A bad day of the server that has the files: it says 404 or 500, is slow, hangs up, or sends other bytes. Each ends in a message that
//! says which package, which file and what to do, and once the server is well, the same build works, with nothing to clean up.

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::engine::{Build, Engine, tag};
use crate::served::{Fault, Served, gateway};
use crate::source::{append, courier, through};
use crate::traces::secret;
use crate::wheels::locked;

const CODE: &str = "import parcel\nif __name__ == \"__main__\":\n    print(parcel.NAME)\n";
const FILE: &str = "files/parcel-1.4-py3-none-any.whl";

/// A project that needs `bag`, which needs `parcel` of a server, of which no earlier run knew anything.
fn project(served: &Served) -> (tempfile::TempDir, String) {
    let name = format!("a parcel of {} {:?}", std::process::id(), std::time::Instant::now());
    let entry = locked(served, "parcel", "1.4", &format!("NAME = {name:?}\n"));
    let project = courier(&[("bag", locked(served, "bag", "2.0", "")), ("parcel", entry)], CODE);
    through(project.path(), "bag", "parcel");
    (project, name)
}

fn build(engine: &Engine, project: &Path, arguments: &[&str]) -> Build {
    let file = project.join("pyproject.toml").display().to_string();
    let mut all = vec!["--file", &file];
    all.extend(arguments);
    engine.try_build(project, &tag("fault"), &all)
}

/// What a person reads at the end, without what is different in each run.
fn shown(build: &Build, served: &Served) -> String {
    assert!(!build.success, "this should not build:\n{}", build.log);
    let (_, end) = build.log.split_once("\n------\n").expect("the failed step is named at the end");
    let end = end
        .replace(&served.url, "http://INDEX")
        .replace("ERROR: failed to build: ", "ERROR: ")
        .replace("ERROR: failed to run Build function: ", "ERROR: failed to solve: ");
    let lines = end.lines().map(|line| without_hashes(without_clock(line)).trim_end().to_owned());
    lines.collect::<Vec<_>>().join("\n")
}

/// A line of a step's log without the seconds that it begins with.
fn without_clock(line: &str) -> &str {
    let is_clock = |text: &str| text.contains('.') && text.chars().all(|c| c.is_ascii_digit() || c == '.');
    line.split_once(' ').filter(|(first, _)| is_clock(first)).map_or(line, |(_, rest)| rest)
}

fn without_hashes(line: &str) -> String {
    let mut parts = line.split("sha256:");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text += "sha256:HASH";
        text += part.trim_start_matches(|c: char| c.is_ascii_hexdigit());
    }
    text
}

/// Builds with a fault, then without. Returns what the terminal showed.
fn after(fault: Fault) -> Option<String> {
    let engine = Engine::get()?;
    let served = Served::new();
    let (project, name) = project(&served);
    served.fail(FILE, Some(fault));
    let shown = shown(&build(&engine, project.path(), &[]), &served);
    mended(&engine, &served, project.path(), &[], &name);
    Some(shown)
}

/// The same where a step fetches the file, since the index wants credentials.
fn after_in_a_step(fault: Fault) -> Option<String> {
    let engine = Engine::get()?;
    let header = format!("Basic {}", BASE64.encode("reader:hunter2"));
    let served = Served::private(&gateway(&engine), &header);
    let (project, name) = project(&served);
    let url = &served.url;
    append(project.path(), &format!("[[tool.uv.index]]\nname = \"internal\"\nurl = \"{url}/simple\"\n"));
    let secrets = [("USERNAME", "reader"), ("PASSWORD", "hunter2")];
    let secrets = secrets.map(|(part, value)| secret(&format!("UV_INDEX_INTERNAL_{part}"), value));
    let arguments: Vec<&str> = secrets.iter().flat_map(|(_, argument)| ["--secret", argument]).collect();
    served.fail(FILE, Some(fault));
    let shown = shown(&build(&engine, project.path(), &arguments), &served);
    mended(&engine, &served, project.path(), &arguments, &name);
    Some(shown)
}

#[track_caller]
fn mended(engine: &Engine, served: &Served, project: &Path, arguments: &[&str], name: &str) {
    served.fail(FILE, None);
    let built = build(engine, project, arguments);
    assert!(built.success, "the server is well again:\n{}", built.log);
    assert_eq!(engine.run(&built.tag, &[]), name);
}

macro_rules! snapshot {
    ($shown:expr) => {
        if let Some(shown) = $shown {
            insta::assert_snapshot!(shown);
        }
    };
}

#[test]
fn a_file_that_is_gone() {
    snapshot!(after(Fault::Status(404)));
}

#[test]
fn a_server_that_fails() {
    snapshot!(after(Fault::Status(500)));
}

#[test]
fn other_bytes() {
    snapshot!(after(Fault::Other));
}

#[test]
fn half_of_a_file() {
    snapshot!(after(Fault::Cut));
}

#[test]
fn a_file_that_is_gone_from_a_private_index() {
    snapshot!(after_in_a_step(Fault::Status(404)));
}

#[test]
fn a_private_index_that_fails() {
    snapshot!(after_in_a_step(Fault::Status(500)));
}

#[test]
fn half_of_a_file_of_a_private_index() {
    snapshot!(after_in_a_step(Fault::Cut));
}

#[test]
fn other_bytes_of_a_private_index() {
    snapshot!(after_in_a_step(Fault::Other));
}

#[test]
fn a_slow_server_is_waited_for() {
    let Some(engine) = Engine::get() else { return };
    let served = Served::new();
    let (project, name) = project(&served);
    served.fail(FILE, Some(Fault::Slow(Duration::from_secs(10))));
    let built = build(&engine, project.path(), &[]);
    assert!(built.success, "{}", built.log);
    assert_eq!(engine.run(&built.tag, &[]), name);
}
