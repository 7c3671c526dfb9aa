//! `pyfront dockerfile`. That the images are the same is tested on an engine, in `tests/e2e/leaving.rs`.

use crate::command::{example, pyfront};

#[test]
fn a_dockerfile_that_a_person_could_have_written() {
    let mut all = String::new();
    for name in ["fastapi", "virtual", "workspace", "source", "requirements", "pylock", "script"] {
        let path = if name == "script" { "report.py" } else { "." };
        let run = pyfront(&example(name), &["dockerfile", path]);
        assert!(run.err.is_empty() || run.err.contains("no .dockerignore"), "{name}: {}", run.err);
        all += &["=== ", name, " ===\n", &run.ok(), "\n"].concat();
    }
    insta::assert_snapshot!(all);
}

#[test]
fn what_is_no_image_has_none() {
    let run = pyfront(&example("fastapi"), &["dockerfile", "--target", "dev"]);
    assert_eq!((run.code, run.out.as_str()), (Some(1), ""));
    assert!(run.err.contains("the target dev is no image to run in production"), "{}", run.err);
}

#[test]
fn what_the_running_program_needs_of_the_system_is_there() {
    let project = tempfile::tempdir().unwrap();
    for name in ["pyproject.toml", "uv.lock", "main.py"] {
        std::fs::copy(example("virtual").join(name), project.path().join(name)).unwrap();
    }
    let file = project.path().join("pyproject.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let keys = "[tool.pyfront]\npackages = [\"libpq5\"]\ninit = true\nvolumes = [\"/data\"]\n";
    std::fs::write(&file, format!("{text}\n{keys}")).unwrap();
    let dockerfile = pyfront(project.path(), &["dockerfile"]).ok();
    for line in ["--no-install-recommends libpq5 tini ", "RUN install -d -o 10001 -g 10001 /data", "VOLUME [\"/data\"]"]
    {
        assert!(dockerfile.contains(line), "{line}: {dockerfile}");
    }
}

#[test]
fn what_was_added_by_hand_is_there() {
    let mut all = String::new();
    for name in ["node", "django", "apt-repository"] {
        all += &["=== ", name, " ===\n", &pyfront(&example(name), &["dockerfile"]).ok(), "\n"].concat();
    }
    insta::assert_snapshot!(all);
}

#[test]
fn on_a_base_without_python_uv_installs_one() {
    let project = tempfile::tempdir().unwrap();
    for name in ["pyproject.toml", "uv.lock", "main.py"] {
        std::fs::copy(example("virtual").join(name), project.path().join(name)).unwrap();
    }
    let file = project.path().join("pyproject.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{text}\n[tool.pyfront]\nbase = \"ubuntu:24.04\"\npython = \"3.13\"\n")).unwrap();
    let plan = pyfront(project.path(), &["plan", "--platform", "linux/amd64"]).ok();
    assert!(plan.contains("install cpython-3.13-linux-x86_64-gnu, which uv manages, into /opt/python"), "{plan}");
    let dockerfile = pyfront(project.path(), &["dockerfile"]).ok();
    for line in ["uv python install --no-bin cpython-3.13-linux-", "\nCOPY --from=build /opt/python /opt/python\n"] {
        assert!(dockerfile.contains(line), "{line}: {dockerfile}");
    }
}
