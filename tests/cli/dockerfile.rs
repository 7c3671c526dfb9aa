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
