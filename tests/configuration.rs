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
    section(&mut text, "`[tool.pyfront.layers]`", Layers::KEYS);
    check("docs/configuration.md", &text);
}

#[test]
fn the_schema_is_that_of_the_types() {
    let schema = serde_json::to_string_pretty(&pyfront::project::config::schema::schema()).expect("JSON");
    check("docs/pyfront.schema.json", &format!("{schema}\n"));
}

fn check(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    if std::env::var_os("PYFRONT_UPDATE_GENERATED").is_some() {
        std::fs::write(&path, text).expect("the file can be written");
    }
    let checked_in = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(checked_in == text, "{name} is stale: run `cargo xtask codegen`");
}
