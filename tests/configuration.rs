//! `docs/configuration.md` and `docs/pyfront.schema.json` are made from the documentation of the types, and these tests fail
//! when they are stale.
//! `cargo xtask codegen` writes it anew.

use std::fmt::Write as _;
use std::path::Path;

use pyfront::project::config::Config;
use pyfront::project::config::copy::CopyTable;
use pyfront::project::config::element::Key;
use pyfront::project::config::healthcheck::HealthcheckTable;
use pyfront::project::config::layers::Layers;
use pyfront::project::config::repositories::RepositoryTable;
use pyfront::project::config::run::RunTable;
use pyfront::project::config::user::UserTable;

const INTRODUCTION: &str = "\
# Configuration

<!-- Made from the types in src/project/config/ by `cargo xtask codegen`. -->

Everything here is optional. The keys stand in `[tool.pyfront]` of `pyproject.toml`:

```toml
[tool.pyfront]
command = [\"uvicorn\", \"api.main:app\", \"--host\", \"0.0.0.0\", \"--port\", \"8000\"]
healthcheck = \"/health\"
env = { LOG_LEVEL = \"info\" }
```

or, without the table's name, below the `# syntax=` line of a one-line Dockerfile. Where both say something, the Dockerfile
wins; `env` and `labels` are merged name by name. An unknown key is an error.
";

fn section(text: &mut String, title: &str, keys: &[Key]) {
    let _ = write!(text, "\n## {title}\n");
    for key in keys {
        let doc = key.doc.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
        let _ = write!(text, "\n### `{}`\n\n{}\n\nWritten as: {}.\n", key.name, doc, key.expected);
    }
}

#[test]
fn the_documentation_is_that_of_the_types() {
    let mut text = INTRODUCTION.to_owned();
    section(&mut text, "`[tool.pyfront]`", Config::KEYS);
    section(&mut text, "`[tool.pyfront.user]`", UserTable::KEYS);
    section(&mut text, "`[tool.pyfront.healthcheck]`", HealthcheckTable::KEYS);
    section(&mut text, "`[[tool.pyfront.copy]]`", CopyTable::KEYS);
    section(&mut text, "`[[tool.pyfront.run]]`", RunTable::KEYS);
    section(&mut text, "`[[tool.pyfront.repositories]]`", RepositoryTable::KEYS);
    section(&mut text, "`[tool.pyfront.layers]`", Layers::KEYS);
    check("docs/configuration.md", &text);
}

#[test]
fn the_schema_is_that_of_the_types() {
    let schema = serde_json::to_string_pretty(&pyfront::project::config::schema::schema()).expect("JSON");
    check("docs/pyfront.schema.json", &format!("{schema}\n"));
}

/// The tables of the examples in which keys of ours stand.
fn written(document: &toml::Table, tables: &mut Vec<(String, toml::Table)>) {
    fn walk(name: &str, table: &toml::Table, tables: &mut Vec<(String, toml::Table)>) {
        tables.push((name.to_owned(), table.clone()));
        for (key, value) in table {
            match value {
                toml::Value::Table(targets) if key == "targets" => {
                    for target in targets.values().filter_map(toml::Value::as_table) {
                        walk(name, target, tables);
                    }
                }
                toml::Value::Table(inner) => walk(key, inner, tables),
                toml::Value::Array(list) => {
                    for inner in list.iter().filter_map(toml::Value::as_table) {
                        walk(key, inner, tables);
                    }
                }
                _ => {}
            }
        }
    }
    let ours = document.get("tool").and_then(|tool| tool.get("pyfront")).and_then(toml::Value::as_table);
    if let Some(ours) = ours {
        walk("", ours, tables);
    }
}

#[test]
fn every_key_stands_in_an_example() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut tables = Vec::new();
    for example in std::fs::read_dir(examples).expect("there are examples") {
        let file = example.expect("it can be listed").path().join("pyproject.toml");
        if let Ok(text) = std::fs::read_to_string(file) {
            written(&text.parse().expect("TOML"), &mut tables);
        }
    }
    let known = [
        ("", Config::KEYS),
        ("user", UserTable::KEYS),
        ("healthcheck", HealthcheckTable::KEYS),
        ("copy", CopyTable::KEYS),
        ("run", RunTable::KEYS),
        ("repositories", RepositoryTable::KEYS),
        ("layers", Layers::KEYS),
    ];
    for (name, keys) in known {
        for key in keys {
            let shown = tables.iter().any(|(table, content)| table == name && content.contains_key(key.name));
            assert!(shown, "no example shows {} of [tool.pyfront {name}]: write it into one of examples/", key.name);
        }
    }
}

#[test]
fn every_example_is_in_the_documentation_with_its_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/examples.md")).expect("there is a page");
    for example in std::fs::read_dir(root.join("examples")).expect("there are examples") {
        let name = example.expect("it can be listed").file_name().into_string().expect("a plain name");
        let row = page.lines().find(|line| line.contains(&format!("](../examples/{name})")));
        let row = row.unwrap_or_else(|| panic!("docs/examples.md says nothing of {name}"));
        let (module, test) = row
            .trim_end_matches("` |")
            .rsplit_once('`')
            .and_then(|(_, test)| test.split_once("::"))
            .unwrap_or_else(|| panic!("docs/examples.md does not say which test is that of {name}"));
        let tests =
            std::fs::read_to_string(root.join(format!("tests/e2e/{module}.rs"))).expect("there is such a module");
        assert!(tests.contains(&format!("#[test]\nfn {test}() {{")), "there is no test {module}::{test}");
        assert!(tests.contains(&format!("\"{name}\"")), "{module} does not build {name}");
    }
}

fn check(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    if std::env::var_os("PYFRONT_UPDATE_GENERATED").is_some() {
        std::fs::write(&path, text).expect("the file can be written");
    }
    let checked_in = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(checked_in == text, "{name} is stale: run `cargo xtask codegen`");
}
