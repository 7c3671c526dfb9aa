//! Stale locks: every checked-in lock fits its project, a table of edits does or does not make a lock stale, and what a
//! person reads then.
//!
//! The table was held against uv 0.13.8; with `PYFRONT_UV=<path of uv>` the test asks `uv lock --check --offline` again.

// Helpers of tests may panic like the tests themselves.
#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use pyfront::diagnostic::{Diagnostics, SourceFile};
use pyfront::project::lock::Lock;
use pyfront::project::pyproject::Pyproject;
use pyfront::project::stale::check;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(directory: &Path) -> (String, String) {
    let text = |name: &str| fs::read_to_string(directory.join(name)).unwrap();
    (text("pyproject.toml"), text("uv.lock"))
}

fn checked(pyproject: &str, lock: &str) -> Result<(), Diagnostics> {
    let pyproject = Pyproject::parse(&SourceFile::new("pyproject.toml", pyproject))?;
    check(&pyproject, &Lock::read(&SourceFile::new("uv.lock", lock))?)
}

/// Directories with a project and its lock.
fn projects() -> Vec<PathBuf> {
    let fixtures = std::env::var_os("PYFRONT_LOCK_CASES").map_or(root().join("tests/fixtures/locks"), PathBuf::from);
    let entries = [fixtures, root().join("examples")].map(|directory| fs::read_dir(directory).unwrap());
    let directories = entries.into_iter().flatten().map(|entry| entry.unwrap().path());
    directories
        .filter(|directory| directory.join("pyproject.toml").is_file() && directory.join("uv.lock").is_file())
        .collect()
}

#[test]
fn every_lock_that_uv_wrote_fits() {
    let mut wrong = Vec::new();
    let projects = projects();
    for directory in &projects {
        let (pyproject, lock) = read(directory);
        if let Err(problems) = checked(&pyproject, &lock) {
            wrong.push(format!("{}:\n{problems}", directory.display()));
        }
    }
    eprintln!("{} projects", projects.len());
    assert!(projects.len() > 30 || std::env::var_os("PYFRONT_LOCK_CASES").is_some());
    assert!(wrong.is_empty(), "{} locks are called stale:\n{}", wrong.len(), wrong.join("\n"));
}

/// An edit of a project's `pyproject.toml`: the project, what is replaced, and by what.
type Edit = (&'static str, &'static str, &'static str);

const API: &str = "examples/fastapi";
const TICK: &str = "examples/virtual";
const EXTRAS: &str = "tests/fixtures/locks/extras";
const FORKS: &str = "tests/fixtures/locks/forks";
const GROUPS: &str = "tests/fixtures/locks/groups";
const OLD: &str = "tests/fixtures/locks/revision-0";
const OLDER: &str = "tests/fixtures/locks/revision-1";
const PROJECTLESS: &str = "tests/fixtures/locks/projectless";
const SELF: &str = "tests/fixtures/locks/self-extras";
const SOURCES: &str = "tests/fixtures/locks/sources";
const WORKSPACE: &str = "tests/fixtures/locks/workspace";

/// Edits that do not matter.
const FRESH: &[Edit] = &[
    // The order, spaces, comments, and other ways to write the same.
    (API, r#"["fastapi", "uvicorn[standard]"]"#, "[\n  'uvicorn [ standard ]', # server\n  'FastAPI',\n]"),
    (API, r#""fastapi""#, r#""fastapi", "fastapi""#),
    (API, r#"name = "api""#, r#"name = "API""#),
    (API, r#"version = "0.1.0""#, r#"version = "v0.1""#),
    (API, r#"requires-python = ">=3.11""#, r#"requires-python = ">= 3.11.0""#),
    (API, "A small web service", "A web service"),
    (EXTRAS, "sqlalchemy[asyncio]>=2", "SQLAlchemy[asyncio] (>= 2.0)"),
    (EXTRAS, "colorama; sys_platform == 'win32'", "colorama ; 'win32' == sys_platform"),
    (EXTRAS, "colorama; sys_platform == 'win32'", "colorama; (sys_platform == 'win32' and python_version >= '3.9')"),
    (EXTRAS, "none = []", "NONE = []"),
    (FORKS, "python_version < '3.12'", "python_full_version < '3.12'"),
    (GROUPS, r#"[{ include-group = "lint" }, "iniconfig"]"#, r#"["sniffio", "iniconfig"]"#),
    (GROUPS, "Mixed_Case", "\"mixed.case\""),
    (GROUPS, "docs = [", r#""Docs" = ["#),
    (SELF, "selfish[a,b]", "Selfish[b, a]"),
    (OLD, "none = []", "none = []\nmore = []"),
    (OLD, "empty = []", ""),
    (PROJECTLESS, "[dependency-groups]", "[dependency-groups]\nempty = []"),
    // What a source replaces does not matter.
    (SOURCES, r#""gitroot""#, r#""gitroot>=1""#),
];

/// Edits that make the lock stale.
const STALE: &[Edit] = &[
    (API, r#"["fastapi","#, r#"["fastapi", "httpx>=0.28","#),
    (API, r#", "uvicorn[standard]""#, ""),
    (API, r#""fastapi""#, r#""fastapi>=0.115""#),
    (API, "uvicorn[standard]", "uvicorn"),
    (API, r#""fastapi""#, r#""fastapi; sys_platform == 'linux'""#),
    (API, r#""fastapi""#, r#""fastapi @ https://files.example/fastapi-1.0-py3-none-any.whl""#),
    (API, r#"requires-python = ">=3.11""#, r#"requires-python = ">=3.10""#),
    (API, r#"requires-python = ">=3.11""#, r#"requires-python = ">=3.11,<3.14""#),
    (API, r#"name = "api""#, r#"name = "web""#),
    (API, r#"version = "0.1.0""#, r#"version = "0.2.0""#),
    (API, r#"dev = ["pytest"]"#, r#"dev = ["pytest>=8"]"#),
    (API, r#"dev = ["pytest"]"#, "dev = [\"pytest\"]\nlint = [\"ruff\"]"),
    (API, "[dependency-groups]\ndev = [\"pytest\"]\n", ""),
    (API, "[dependency-groups]", "[project.optional-dependencies]\npostgres = [\"psycopg\"]\n[dependency-groups]"),
    (API, "[dependency-groups]", "[project.optional-dependencies]\nnone = []\n[dependency-groups]"),
    (TICK, r#"["humanize"]"#, r#"["humanize", "arrow"]"#),
    (TICK, r#"dependencies = ["humanize"]"#, ""),
    (EXTRAS, "sqlalchemy[asyncio]>=2", "sqlalchemy[asyncio]>=2,<3"),
    (EXTRAS, "none = []\n", ""),
    (EXTRAS, "web = [", "http = ["),
    (EXTRAS, r#""starlette", "#, ""),
    (EXTRAS, r#"["idna"]"#, r#"["idna", "starlette"]"#),
    (EXTRAS, "'win32'", "'darwin'"),
    (FORKS, "numpy<2; python_version < '3.12'", "numpy<2; python_version < '3.13'"),
    (GROUPS, r#"lint = ["sniffio"]"#, r#"lint = ["sniffio>=1"]"#),
    (GROUPS, "empty = []", ""),
    (GROUPS, r#"{ include-group = "lint" }, "#, ""),
    (GROUPS, r#"new = ["certifi"]"#, r#"new = ["certifi>=2024"]"#),
    (GROUPS, "default-groups", "dev-dependencies = [\"ruff\"]\ndefault-groups"),
    (SELF, "selfish[a,b]", "selfish[a]"),
    (OLD, r#""markupsafe""#, r#""markupsafe", "idna""#),
    (OLDER, "none = []", "none = []\nmore = []"),
    (PROJECTLESS, "[dependency-groups]", "[dependency-groups]\nmore = [\"idna\"]"),
    (SOURCES, r#""flat""#, r#""flat>=2""#),
    (SOURCES, r#""gitroot", "#, ""),
    (SOURCES, "flat = { index = \"local\" }", ""),
    (SOURCES, "tree = { path = \"tree\" }", ""),
    (WORKSPACE, "[tool.uv.workspace]", "[tool.uv.space]"),
];

fn edited(edit: &Edit) -> (String, String) {
    let (project, from, to) = edit;
    let (pyproject, lock) = read(&root().join(project));
    assert!(pyproject.contains(from), "{project} has no {from}");
    (pyproject.replacen(from, to, 1), lock)
}

#[test]
fn edits_that_do_not_matter_leave_the_lock_fresh() {
    for edit in FRESH {
        let (pyproject, lock) = edited(edit);
        if let Err(problems) = checked(&pyproject, &lock) {
            panic!("{edit:?}: {problems}");
        }
    }
}

#[test]
fn edits_that_matter_make_it_stale_and_say_where() {
    let mut text = String::new();
    for edit in STALE {
        let (pyproject, lock) = edited(edit);
        let Err(problems) = checked(&pyproject, &lock) else { panic!("{edit:?} is not found") };
        writeln!(text, "{}: {:?} -> {:?}\n{problems}\n", edit.0.rsplit('/').next().unwrap(), edit.1, edit.2).unwrap();
    }
    insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!(text) });
}

/// A secret in a URL is neither printed nor drawn.
#[test]
fn credentials_are_not_repeated() {
    let (pyproject, lock) = edited(&(API, "\"fastapi\"", "\"fastapi @ https://me:s3cret@files.example/f.zip\""));
    let problems = checked(&pyproject, &lock).unwrap_err();
    insta::assert_snapshot!(problems.to_string());
    assert!(problems.iter().all(|problem| problem.location().is_none()));
}

/// What cannot be compared is not stale.
#[test]
fn when_in_doubt_the_lock_is_fresh() {
    for edit in [
        (API, "[tool.fastapi]", "[tool.uv]\nmanaged = false\n[tool.nothing]\nname = \"x\"\n[tool.fastapi]"),
        (FORKS, "idna<3; platform_machine == 'x86_64'", "idna < 3.0; not_known == 'x'"),
        (FORKS, "idna<3;", "idna < x;"),
        (GROUPS, "{ include-group = \"lint\" }", "{ include-group = \"nowhere\" }"),
        (API, "dependencies = [\"fastapi\", \"uvicorn[standard]\"]", "dynamic = [\"dependencies\"]"),
        (API, "version = \"0.1.0\"", "dynamic = [\"version\"]"),
        (EXTRAS, "dependencies = [\"idna\"]", "dependencies = [\"x\"]\ndynamic = [\"optional-dependencies\"]"),
    ] {
        let (pyproject, lock) = edited(&edit);
        if let Err(problems) = checked(&pyproject, &lock) {
            panic!("{edit:?}: {problems}");
        }
    }
}

/// A lock without metadata is that of a project without requirements, or one that uv was told to write so.
#[test]
fn a_lock_without_metadata_can_only_lack_packages() {
    let lock = |packages: &str| {
        format!(
            "version = 1\nrevision = 5\nrequires-python = \">=3.11\"\n\n[[package]]\nname = \"app\"\nversion = \"1\"\n\
             source = {{ virtual = \".\" }}\n{packages}"
        )
    };
    let idna =
        "\n[[package]]\nname = \"idna\"\nversion = \"3\"\nsource = { registry = \"https://index.example/simple\" }\n";
    let project = |rest: &str| format!("[project]\nname = \"app\"\nversion = \"1\"\n{rest}\n");
    let needs = project("dependencies = [\"idna>=3\"]");
    assert_eq!(checked(&needs, &lock(idna)), Ok(()));
    assert_eq!(checked(&project(""), &lock("")), Ok(()));
    assert_eq!(checked(&project("dependencies = [\"idna; os_name == 'nt'\"]"), &lock("")), Ok(()));
    assert_eq!(checked(&format!("{needs}[tool.uv]\nexclude-dependencies = [\"idna\"]\n"), &lock("")), Ok(()));
    assert!(checked(&needs, &lock("")).is_err());
    assert!(checked(&needs, &lock("").replace("revision = 5", "revision = 3")).is_err());
    assert_eq!(checked(&needs, &lock("").replace("revision = 5\n", "")), Ok(()));
}

/// Holds the table against uv itself: `PYFRONT_UV=<path of uv> cargo test --test stale_lock`.
#[test]
fn the_table_is_what_uv_says() {
    let Some(uv) = std::env::var_os("PYFRONT_UV") else { return };
    let directory = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    let table = FRESH.iter().map(|edit| (edit, true)).chain(STALE.iter().map(|edit| (edit, false)));
    for (index, (edit, fresh)) in table.enumerate() {
        let project = directory.path().join(index.to_string());
        let copied = Command::new("cp").arg("-r").arg(root().join(edit.0)).arg(&project).status().unwrap();
        assert!(copied.success());
        let (pyproject, lock) = edited(edit);
        fs::write(project.join("pyproject.toml"), pyproject).unwrap();
        // A flat index has an absolute path in one place of the lock.
        let lock = lock.replace("file:///project", &format!("file://{}", project.display()));
        fs::write(project.join("uv.lock"), lock).unwrap();
        let answer =
            Command::new(&uv).args(["lock", "--check", "--offline", "-v"]).current_dir(&project).output().unwrap();
        if answer.status.success() != fresh {
            let answer = String::from_utf8_lossy(&answer.stderr).into_owned();
            wrong.push(format!("{edit:?}: uv says {}\n{answer}", if fresh { "stale" } else { "fresh" }));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

proptest::proptest! {
    /// What a project says is untrusted: names, versions and markers of all kinds, and numbers that are too big.
    #[test]
    fn no_requirement_makes_it_panic(
        name in "[a-z]{1,3}",
        rest in r"(\[[a-z, ]{0,4}\]?)?( ?[@(<>=!~]{0,2}[0-9a-z.*,:/#;+-]{0,24}\)?)?( ?;[ -~]{0,40})?",
        variable in proptest::sample::select(vec!["python_version", "python_full_version", "extra", "sys_platform", "platform_release"]),
        operator in proptest::sample::select(vec!["==", "!=", "<", "<=", ">", ">=", "~=", "===", "in", "not in"]),
        value in "[0-9.*a-z ,]{0,24}",
    ) {
        let (_, lock) = read(&root().join(EXTRAS));
        for requirement in [format!("{name}{rest}"), format!("idna ; {variable} {operator} '{value}'")] {
                        let groups = format!("[dependency-groups]\ndev = [{requirement:?}]\n");
            let project = "[project]\nname = \"extras\"\nversion = \"0.1.0\"\n";
            let _ = checked(&format!("{project}dependencies = [{requirement:?}]\n{groups}"), &lock).map_err(|problems| problems.to_string());
            let python = format!("{operator}{value}");
            let _ = checked(&format!("{project}requires-python = {python:?}\n"), &lock).map_err(|problems| problems.to_string());
        }
    }
}
