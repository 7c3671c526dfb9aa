//! `pylock.toml` against uv itself (`fixtures/pylock`): what `uv pip sync` would install of a file is what its closure says,
//! and the export of a `uv.lock` has the same closure as that lock, down to the files.

// Helpers of tests may panic like the tests themselves.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use pyfront::closure::{Arch, Artifact, Closure, Libc, Python, Request, Target, resolve, resolve_pylock};
use pyfront::diagnostic::{Diagnostics, SourceFile};
use pyfront::project::lock::Lock;
use pyfront::project::pylock::Pylock;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// Name, case of `locks`, and the flags of `uv export`.
fn cases() -> Vec<(String, String, Request)> {
    let text = fs::read_to_string(fixtures().join("pylock/cases.txt")).unwrap();
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let (name, rest) = line.split_once(' ').unwrap();
            let (origin, flags) = rest.split_once(' ').unwrap_or((rest, ""));
            (name.to_owned(), origin.to_owned(), request(flags))
        })
        .collect()
}

fn request(flags: &str) -> Request {
    let mut request = Request::default();
    let mut words = flags.split_whitespace();
    while let Some(flag) = words.next() {
        match flag {
            "--no-dev" => {}
            "--all-extras" => request.extras.all = true,
            "--extra" => request.extras.include.push(words.next().unwrap().parse().unwrap()),
            "--group" => request.groups.include.push(words.next().unwrap().parse().unwrap()),
            other => panic!("{other}"),
        }
    }
    request
}

fn pylock(case: &str) -> Pylock {
    let bytes = fs::read(fixtures().join("pylock").join(case).join("pylock.toml")).unwrap();
    Pylock::read(&SourceFile::from_bytes("pylock.toml", bytes).unwrap()).unwrap()
}

fn target(python: &str, platform: &str) -> Target {
    let (arch, minor) = platform.split_once("-manylinux_2_").unwrap();
    let arch = match arch {
        "x86_64" => Arch::X86_64,
        "aarch64" => Arch::Aarch64,
        other => panic!("{other}"),
    };
    Target {
        python: Python::new(python, false).unwrap(),
        arch,
        libc: Libc::Glibc { major: 2, minor: minor.parse().unwrap() },
    }
}

/// What each package is installed from, by name.
fn files(closure: &Closure) -> BTreeMap<String, String> {
    closure
        .packages
        .iter()
        .filter(|package| !matches!(package.artifact, Artifact::Virtual(_)))
        .map(|package| {
            let file = match &package.artifact {
                Artifact::Wheel(file) => format!("{} {:?} {:?}", file.filename, file.location, file.hash),
                Artifact::Sdist(file) | Artifact::Url(file) | Artifact::Path(file) => {
                    format!("{} {:?} {:?} {:?}", file.filename, file.location, file.hash, file.subdirectory)
                }
                Artifact::Git(git) => format!("{} {} {:?}", git.url, git.commit, git.subdirectory),
                Artifact::Directory(tree) | Artifact::Editable(tree) | Artifact::Virtual(tree) => tree.path.clone(),
            };
            // The export has absolute URLs where the lock has paths.
            let file = file.replace("Url(\"file:///project/", "Path(\"");
            (package.name.to_string(), file)
        })
        .collect()
}

/// Label, target, request, and names with versions, or uv's refusal.
type Answer = (String, Target, Request, Result<Vec<String>, String>);

/// The answers to a case.
fn answers(case: &str) -> Vec<Answer> {
    let directory = fixtures().join("pylock").join(case);
    let mut paths: Vec<PathBuf> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    paths
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let head = |key: &str| {
                let prefix = format!("# {key}");
                text.lines().find_map(|line| line.strip_prefix(&prefix)).unwrap_or_default().trim().to_owned()
            };
            let lines: Vec<String> = text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect();
            let answer = match lines.first().and_then(|line| line.strip_prefix("error: ")) {
                Some(error) => Err(error.to_owned()),
                None => Ok(lines),
            };
            let label = format!("{case}/{}", path.file_stem().unwrap().to_str().unwrap());
            (label, target(&head("python"), &head("platform")), request(&head("flags")), answer)
        })
        .collect()
}

/// As uv prints them; it knows no versions of what it would have to build.
fn installed(closure: &Closure, like: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = closure
        .packages
        .iter()
        .map(|package| match &package.version {
            Some(version) if !like.contains(&package.name.to_string()) => format!("{}=={version}", package.name),
            _ => package.name.to_string(),
        })
        .collect();
    lines.sort();
    lines
}

#[test]
fn the_closure_is_what_uv_installs() {
    let mut asked = 0;
    for (case, _, _) in cases() {
        let lock = pylock(&case);
        for (label, target, request, answer) in answers(&case) {
            asked += 1;
            match (resolve_pylock(&lock, &request, &target), answer) {
                (Ok(closure), Ok(expected)) => assert_eq!(installed(&closure, &expected), expected, "{label}"),
                (Err(_), Err(_)) => {}
                (Ok(_), Err(theirs)) => panic!("{label}: uv refuses: {theirs}"),
                (Err(ours), Ok(_)) => panic!("{label}: uv does not refuse: {ours}"),
            }
        }
    }
    assert!(asked >= 20, "{asked}");
}

#[test]
fn an_export_has_the_closure_of_its_lock() {
    let mut compared = 0;
    for (case, origin, request) in cases().into_iter().filter(|(_, origin, _)| origin != "-") {
        let bytes = fs::read(fixtures().join("locks").join(&origin).join("uv.lock")).unwrap();
        let lock = Lock::read(&SourceFile::from_bytes("uv.lock", bytes).unwrap()).unwrap();
        let exported = pylock(&case);
        let mut request = request;
        if case == "groups" {
            // What the project's tool.uv.default-groups says.
            request.groups.include.push("docs".parse().unwrap());
        }
        for (label, target, _, _) in answers(&case) {
            let ours = resolve_pylock(&exported, &Request::default(), &target).map(|closure| files(&closure));
            let theirs = resolve(&lock, &request, &target).map(|closure| files(&closure));
            match (ours, theirs) {
                (Ok(mut ours), Ok(theirs)) => {
                    // uv reads a file whose hash the lock does not have, and the export has it.
                    for (name, file) in theirs.iter().filter(|(_, file)| file.ends_with(" None")) {
                        if ours[name].starts_with(file.trim_end_matches(" None")) {
                            ours.insert(name.clone(), file.clone());
                        }
                    }
                    assert_eq!(ours, theirs, "{label}");
                }
                (Err(_), Err(_)) => {}
                (ours, theirs) => panic!("{label}: {ours:?} {theirs:?}"),
            }
            compared += 1;
        }
    }
    assert!(compared >= 18, "{compared}");
}

/// The errors for a file with this head and these packages.
fn errors(head: &str, packages: &str) -> String {
    let text = format!("lock-version = \"1.0\"\ncreated-by = \"x\"\n{head}\n{packages}");
    let read = || -> Result<Closure, Diagnostics> {
        let lock = Pylock::read(&SourceFile::new("pylock.toml", text))?;
        let mut request = Request::default();
        request.extras.include.push("web".parse().unwrap());
        resolve_pylock(&lock, &request, &target("3.13.0", "x86_64-manylinux_2_36"))
    };
    read().unwrap_err().to_string()
}

fn package(lines: &str) -> String {
    format!("[[packages]]\nname = \"a\"\nversion = \"1\"\n{lines}\n")
}

#[test]
fn refusals() {
    let extras = "extras = [\"web\"]";
    let wheel = "wheels = [{ url = \"https://h/a-1-py3-none-any.whl\", hashes = {} }]";
    let all = [
        ("no version", Pylock::read(&SourceFile::new("pylock.toml", "packages = []\n")).unwrap_err().to_string()),
        (
            "another version",
            Pylock::read(&SourceFile::new("pylock.toml", "\nlock-version = \"2.0\"\n")).unwrap_err().to_string(),
        ),
        ("broken", errors("packages = [", "")),
        ("wrong types", errors("extras = \"web\"\nrequires-python = 3", "[[packages]]\nname = 1\n")),
        ("no source", errors(extras, &package(""))),
        ("two sources", errors(extras, &package(&format!("{wheel}\ndirectory = {{ path = \"a\" }}")))),
        ("no wheel", errors(extras, &package("wheels = [{ url = \"https://h/a-1.zip\" }]"))),
        ("other names", errors(extras, &package("wheels = [{ path = \"b-1-py3-none-any.whl\" }]"))),
        ("other version", errors(extras, &package("archive = { url = \"https://h/a-2-py3-none-any.whl\" }"))),
        ("no place", errors(extras, &package("sdist = { name = \"a-1.tar.gz\" }"))),
        ("bad file name", errors(extras, &package("sdist = { url = \"https://h/..%2Fa-1.tar.gz\" }"))),
        ("bad scheme", errors(extras, &package("sdist = { url = \"ftp://h/a-1.tar.gz\" }"))),
        (
            "bad hash",
            errors(extras, &package("sdist = { url = \"https://h/a-1.tar.gz\", hashes = { sha256 = \"x\" } }")),
        ),
        ("credentials", errors(extras, &package("sdist = { url = \"https://me:secret@h/a-1.tar.gz\" }"))),
        ("bad marker", errors(extras, &package(&format!("marker = \"os_name = 'x'\"\n{wheel}")))),
        ("mercurial", errors(extras, &package("vcs = { type = \"hg\", url = \"https://h/a\", commit-id = \"1\" }"))),
        (
            "short commit",
            errors(extras, &package("vcs = { type = \"git\", url = \"https://h/a\", commit-id = \"1\" }")),
        ),
        ("unknown extra", errors("extras = [\"wep\"]", "")),
        ("no extras", errors("", "")),
        ("other Python", errors(&format!("{extras}\nrequires-python = \"<3.13\""), "")),
        ("other environment", errors(&format!("{extras}\nenvironments = [\"sys_platform == 'win32'\"]"), "")),
        ("a package for another Python", errors(extras, &package(&format!("requires-python = \"<3\"\n{wheel}")))),
        ("two of one name", errors(extras, &format!("{0}{0}", package(wheel)))),
        (
            "no file for the target",
            errors(extras, &package("wheels = [{ url = \"https://h/a-1-cp313-cp313-win32.whl\" }]")),
        ),
    ];
    let mut text = String::new();
    for (title, error) in all {
        writeln!(text, "{title}\n{error}\n").unwrap();
    }
    insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!("refusals", text) });
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(
        head in "(lock-version = \"1(\\.0)?\"\n)?(.{0,30}\n){0,2}",
        key in "wheels|sdist|vcs|archive|directory|marker|version|requires-python|index",
        value in "[\\[\"{](url|path|name|type|hashes)? ?=? ?\"?.{0,20}[\\]\"}]",
    ) {
        let text = format!("{head}[[packages]]\nname = \"a\"\n{key} = {value}\n");
        if let Ok(lock) = Pylock::read(&SourceFile::new("pylock.toml", text)) {
            let _ = resolve_pylock(&lock, &Request::default(), &target("3.13.0", "x86_64-manylinux_2_36"));
        }
    }
}
