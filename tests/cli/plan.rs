//! `pyfront plan` and `pyfront graph`.

use std::fs;

use crate::command::{example, pyfront};

const AMD64: [&str; 2] = ["--platform", "linux/amd64"];

#[test]
fn the_plan_for_people() {
    let mut all = String::new();
    for name in ["fastapi", "source", "requirements", "django"] {
        let arguments = [&["plan"][..], &AMD64].concat();
        all += &["=== ", name, " ===\n", &pyfront(&example(name), &arguments).ok(), "\n"].concat();
    }
    insta::assert_snapshot!(all);
}

#[test]
fn the_plan_as_json_is_that_of_the_target() {
    let json = |arguments: &[&str]| {
        let arguments = [&["plan"], arguments, &AMD64].concat();
        pyfront(&example("fastapi"), &arguments).ok()
    };
    let text = json(&["--json"]);
    assert_eq!(text, json(&["--target", "plan"]));
    let plan: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(plan["project"], "api");
    assert_eq!(plan["base"]["image"]["reference"], "python:3.13-slim");
    let dev: serde_json::Value = serde_json::from_str(&json(&["--target", "dev", "--json"])).unwrap();
    assert_eq!(dev["target"], "dev");
}

#[test]
fn options_are_those_of_a_build() {
    let base = |arguments: &[&str]| {
        let arguments = [&["plan", "--json"], arguments, &AMD64].concat();
        let text = pyfront(&example("fastapi"), &arguments).ok();
        serde_json::from_str::<serde_json::Value>(&text).unwrap()
    };
    assert_eq!(base(&["--python", "3.12"])["base"]["python"], "3.12");
    assert_eq!(base(&["--build-arg", "PYTHON_VERSION=3.12"])["base"]["python"], "3.12");
    let musl = base(&["--libc", "musl-1.2"]).to_string();
    assert!(musl.contains("musllinux_1_") && !musl.contains("manylinux"), "{musl}");
    let old = pyfront(&example("fastapi"), &["plan", "--libc", "glibc-2.5"]);
    assert_eq!(old.code, Some(0), "{}", old.err);
}

#[test]
fn a_member_is_found_from_its_own_directory() {
    let workspace = example("workspace");
    let member = std::fs::read_dir(workspace.join("packages")).unwrap().next().unwrap().unwrap().file_name();
    let member = member.into_string().unwrap();
    let from_root = pyfront(&workspace, &["plan", "--json", "--package", &member]);
    let from_member = pyfront(&workspace.join("packages").join(&member), &["plan", "--json"]);
    assert_eq!(from_member.code, Some(0), "{}", from_member.err);
    assert_eq!(from_member.out, from_root.out);
}

#[test]
fn graphs() {
    let graph = |name: &str, format: &str| {
        let arguments = [&["graph", "--format", format][..], &AMD64].concat();
        pyfront(&example(name), &arguments).ok()
    };
    let (dot, mermaid) = (graph("hatchling", "dot"), graph("hatchling", "mermaid"));
    // Commands run on what is below them, and copies have a source.
    insta::assert_snapshot!([dot, mermaid, graph("node", "dot")].join("\n"));
}

#[test]
fn sizes_are_those_of_the_lock() {
    let copy = tempfile::tempdir().unwrap();
    for name in ["pyproject.toml", "main.py"] {
        fs::copy(example("virtual").join(name), copy.path().join(name)).unwrap();
    }
    let lock = fs::read_to_string(example("virtual").join("uv.lock")).unwrap();
    let sized = |line: &str| match line.strip_suffix(" },").filter(|line| line.contains(".whl")) {
        Some(wheel) if !wheel.contains("size") => format!("{wheel}, size = 4321000 }},\n"),
        _ => format!("{line}\n"),
    };
    fs::write(copy.path().join("uv.lock"), lock.lines().map(sized).collect::<String>()).unwrap();
    let text = pyfront(copy.path(), &["plan"]).ok();
    let own = text.lines().find(|line| line.contains("  own  ")).unwrap_or_else(|| panic!("{text}"));
    assert!(own.contains(" 4.3 MB "), "{text}");
    assert!(text.contains(" MB  in "), "{text}");
}
