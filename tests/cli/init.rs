//! `pyfront init`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::command::{example, pyfront, pyfront_beside};

/// What `uv init hello` writes.
const FRESH: [(&str, &str); 4] = [
    (
        "pyproject.toml",
        "[project]\nname = \"hello\"\nversion = \"0.1.0\"\ndescription = \"Add your description here\"\nreadme = \
         \"README.md\"\nrequires-python = \">=3.13\"\ndependencies = []\n",
    ),
    ("README.md", ""),
    (".python-version", "3.13\n"),
    ("main.py", "def main():\n    print(\"Hello from hello!\")\n\n\nif __name__ == \"__main__\":\n    main()\n"),
];

/// A web service that talks to a database and a cache.
const SERVICE: [(&str, &str); 3] = [
    (
        "pyproject.toml",
        "[project]\nname = \"shop\"\nversion = \"1.0\"\nrequires-python = \">=3.13\"\n\n[tool.ruff]\nline-length = 100   # wide",
    ),
    ("requirements.txt", "fastapi==0.115.0\nuvicorn==0.30.0\npsycopg==3.2.0\nredis==5.0.0\npytest==8.0.0\n"),
    (
        "main.py",
        "from fastapi import FastAPI\n\napp = FastAPI()\n\n\n@app.get(\"/healthz\")\ndef health() -> str:\n    return \"ok\"\n",
    ),
];

const ALL: [&str; 6] = ["init", "--compose", "--kubernetes", "--github", "--gitlab", "--bake"];

fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(directory.path().join(name), text).unwrap();
    }
    directory
}

fn read(directory: &Path, name: &str) -> String {
    fs::read_to_string(directory.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A program `uv` that locks a project without dependencies.
fn uv() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("uv");
    let lock = "version = 1\nrevision = 3\nrequires-python = \">=3.13\"\n\n[[package]]\nname = \"hello\"\nversion = \
                \"0.1.0\"\nsource = { virtual = \".\" }\n";
    fs::write(&path, format!("#!/bin/sh\n[ \"$*\" = lock ] || exit 1\necho '{lock}' > uv.lock\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    directory
}

#[test]
fn a_fresh_project_needs_one_line_and_a_lock() {
    let (project, uv) = (project(&FRESH), uv());
    let out = pyfront_beside(uv.path(), project.path(), &["init"]).ok();
    assert_eq!(
        out,
        "ran uv lock\nadded to pyproject.toml:\n  # syntax=org/pyfront\nwrote .dockerignore\nnext: docker buildx build -f \
         pyproject.toml -t hello .\n"
    );
    assert_eq!(read(project.path(), "pyproject.toml"), format!("# syntax=org/pyfront\n{}", FRESH[0].1));
    // There is nothing left to do.
    let again = pyfront_beside(uv.path(), project.path(), &["init"]).ok();
    assert_eq!(again, "kept .dockerignore\nnext: docker buildx build -f pyproject.toml -t hello .\n");
    pyfront(project.path(), &["check"]).ok();
}

#[test]
fn without_uv_it_says_what_is_left() {
    let project = project(&FRESH);
    let out = pyfront(project.path(), &["init"]).ok();
    assert!(out.contains("One thing is left before it builds:\n") && out.contains("help: run uv lock"), "{out}");
    assert!(read(project.path(), "pyproject.toml").starts_with("# syntax=org/pyfront\n[project]"));
    let refused = pyfront(project.path(), &["init", "--compose"]);
    assert_eq!(refused.code, Some(1), "{}", refused.out);
    assert!(refused.err.starts_with("--compose needs a project that would build\n"), "{}", refused.err);
}

#[test]
fn all_that_runs_the_image() {
    let project = project(&SERVICE);
    let mut all = pyfront(project.path(), &ALL).ok();
    for name in [
        "pyproject.toml",
        ".dockerignore",
        "compose.yaml",
        "kubernetes.yaml",
        ".github/workflows/image.yml",
        ".gitlab-ci.yml",
        "docker-bake.hcl",
    ] {
        all += &["=== ", name, " ===\n", &read(project.path(), name), "\n"].concat();
    }
    insta::assert_snapshot!(all);
    pyfront(project.path(), &["check"]).ok();
    // Names of jobs at the outermost level, where GitLab has words of its own: a job called `image` is none.
    let gitlab = read(project.path(), ".gitlab-ci.yml");
    let jobs: Vec<&str> =
        gitlab.lines().filter_map(|line| line.strip_suffix(':')).filter(|line| !line.starts_with(' ')).collect();
    assert_eq!(jobs, [".buildx", "test", "build"]);
}

/// With a read-only root, what the build has put into such a directory can be read and nothing be added.
#[test]
fn who_writes_into_the_container_gets_no_read_only_root() {
    let project = tempfile::tempdir().unwrap();
    for name in ["pyproject.toml", "uv.lock", "main.py"] {
        fs::copy(example("virtual").join(name), project.path().join(name)).unwrap();
    }
    let file = project.path().join("pyproject.toml");
    let text = fs::read_to_string(&file).unwrap();
    let keys = "[tool.pyfront]\nvolumes = [\"/data\"]\n[tool.pyfront.targets.on]\nwritable = [\"/srv\"]\n";
    fs::write(&file, format!("{text}\n{keys}")).unwrap();
    pyfront(project.path(), &["init", "--compose", "--kubernetes"]).ok();
    let compose = read(project.path(), "compose.yaml");
    let (own, target) = compose.split_once("\n  \"on\":\n").unwrap();
    assert!(own.contains("read_only: true") && !target.contains("read_only"), "{compose}");
    assert!(read(project.path(), "kubernetes.yaml").contains("readOnlyRootFilesystem: true"));
    fs::write(&file, format!("{text}\n[tool.pyfront]\nwritable = [\"/srv\"]\n")).unwrap();
    pyfront(project.path(), &["init", "--kubernetes", "--force"]).ok();
    assert!(!read(project.path(), "kubernetes.yaml").contains("readOnlyRootFilesystem"));
}

#[test]
fn nothing_is_overwritten_without_being_asked() {
    let project = project(&SERVICE);
    fs::write(project.path().join("compose.yaml"), "mine\n").unwrap();
    fs::write(project.path().join(".dockerignore"), "mine\n").unwrap();
    let refused = pyfront(project.path(), &ALL);
    assert_eq!(refused.code, Some(1));
    assert!(
        refused.err.contains("compose.yaml is there already") && refused.err.contains("--force"),
        "{}",
        refused.err
    );
    // Also nothing else.
    assert_eq!(read(project.path(), "pyproject.toml"), SERVICE[0].1);
    assert!(!project.path().join("kubernetes.yaml").exists());
    let dry = pyfront(project.path(), &[&ALL[..], &["--force", "--dry-run"]].concat()).ok();
    assert!(dry.contains("would write compose.yaml:\nservices:\n"), "{dry}");
    assert_eq!(
        (read(project.path(), "compose.yaml"), read(project.path(), ".dockerignore")),
        ("mine\n".into(), "mine\n".into())
    );
    assert!(pyfront(project.path(), &["init"]).ok().contains("kept .dockerignore"));
    pyfront(project.path(), &["init", "--compose", "--force"]).ok();
    assert!(read(project.path(), "compose.yaml").starts_with("services:\n"));
    assert_ne!(read(project.path(), ".dockerignore"), "mine\n");
}

#[test]
fn without_a_project_file_there_is_a_dockerfile_of_one_line() {
    let project = project(&SERVICE[1..]);
    let out = pyfront(project.path(), &["init"]).ok();
    assert_eq!(read(project.path(), "Dockerfile"), "# syntax=org/pyfront\n", "{out}");
    assert!(out.contains("next: docker buildx build -t app ."), "{out}");
}
