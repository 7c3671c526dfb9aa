//! `docs/configuration.md` and `docs/pyfront.schema.json` are made from the documentation of the types, and these tests fail
//! when they are stale.
//! `cargo xtask codegen` writes it anew.

use std::collections::BTreeSet;
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
use serde_json::Value;

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

/// The keys of the schema, each with the name of its table: none for the outermost one, which a target is like.
fn keys(schema: &Value) -> BTreeSet<(&str, &str)> {
    let inner = schema["$defs"].as_object().expect("definitions").iter().filter(|(name, _)| *name != "target");
    let tables = std::iter::once(("", schema)).chain(inner.map(|(name, table)| (name.as_str(), table)));
    let of = |(name, table)| properties(table).map(move |(key, _)| (name, key));
    tables.flat_map(of).collect()
}

fn properties(table: &Value) -> impl Iterator<Item = (&str, &Value)> {
    table["properties"].as_object().expect("properties").iter().map(|(key, schema)| (key.as_str(), schema))
}

/// Adds the keys of a table that stand in a document.
fn written<'a>(schema: &'a Value, name: &'a str, document: &toml::Table, found: &mut BTreeSet<(&'a str, &'a str)>) {
    let table = if name.is_empty() { schema } else { &schema["$defs"][name] };
    for (key, of_key) in properties(table) {
        let Some(value) = document.get(key) else { continue };
        found.insert((if name == "target" { "" } else { name }, key));
        let text = of_key.to_string();
        let inner = text.split_once("#/$defs/").and_then(|(_, rest)| rest.split('"').next());
        let Some((inner, _)) = inner.and_then(|inner| schema["$defs"].as_object()?.get_key_value(inner)) else {
            continue;
        };
        let several: Vec<&toml::Value> = match value {
            toml::Value::Table(tables) if inner == "target" => tables.values().collect(),
            toml::Value::Array(tables) => tables.iter().collect(),
            one => vec![one],
        };
        for table in several.into_iter().filter_map(toml::Value::as_table) {
            written(schema, inner, table, found);
        }
    }
}

#[test]
fn every_key_stands_in_an_example_and_in_the_documentation() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let schema = pyfront::project::config::schema::schema();
    let mut found = BTreeSet::new();
    for example in std::fs::read_dir(root.join("examples")).expect("there are examples") {
        let directory = example.expect("it can be listed").path();
        let read = |name: &str| std::fs::read_to_string(directory.join(name)).unwrap_or_default();
        let project: toml::Table = read("pyproject.toml").parse().expect("TOML");
        let ours = project.get("tool").and_then(|tool| tool.get("pyfront")).and_then(toml::Value::as_table);
        for table in ours.cloned().into_iter().chain(read("Dockerfile").parse()) {
            written(&schema, "", &table, &mut found);
        }
    }
    let all = keys(&schema);
    let missing: Vec<_> = all.difference(&found).collect();
    assert!(missing.is_empty(), "no example shows these keys; write them into one of examples/: {missing:?}");
    let page = std::fs::read_to_string(root.join("docs/configuration.md")).expect("there is a page");
    assert_eq!(
        page.matches("\n### `").count(),
        all.len(),
        "a table is missing in the_documentation_is_that_of_the_types"
    );
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
