//! What people see of the results: a table at the terminal, and `docs/performance.md` with its plots. The page is made from
//! `docs/performance.json` alone, and a test finds out when it was not.

mod machine;
mod markdown;
mod svg;
mod table;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

pub(crate) use self::machine::{load, machine};
pub(crate) use self::table::{imports, text};
use crate::bench::results::Results;
use crate::progress::note;
use crate::workspace::root;

/// What the page is made from, and the page.
const DATA: &str = "performance.json";
const PAGE: &str = "performance.md";

/// Makes these results the documented ones.
pub(crate) fn write_docs(results: &Results) -> Result<()> {
    results.write(&docs().join(DATA))?;
    render()
}

/// Makes the page of the documented results again.
pub(crate) fn render() -> Result<()> {
    let results = Results::read(&docs().join(DATA))?;
    for (name, text) in files(&results) {
        let path = docs().join(&name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        note(format!("wrote {}", path.display()));
    }
    Ok(())
}

fn docs() -> PathBuf {
    Path::new(root()).join("docs")
}

/// The page and its plots: names in `docs/`, and what is in them.
fn files(results: &Results) -> Vec<(String, String)> {
    let mut files = vec![(PAGE.to_owned(), markdown::page(results))];
    for project in results.projects() {
        files.push((plot(project), svg::plot(results, project)));
    }
    files
}

/// The file name of a project's plot.
fn plot(project: &str) -> String {
    format!("performance-{project}.svg")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_the_one_of_the_documented_results() {
        let data = docs().join(DATA);
        if !data.exists() {
            return;
        }
        for (name, text) in files(&Results::read(&data).unwrap()) {
            let written = fs::read_to_string(docs().join(&name)).unwrap();
            assert!(written == text, "docs/{name} is stale: run `cargo xtask bench render`");
        }
    }
}
