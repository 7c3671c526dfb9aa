//! How much of a directory the client sends: what a build needs, whatever else lies there.

use std::fs::{File, create_dir_all};
use std::path::Path;

use crate::engine::{Build, Engine, example, tag};
use crate::projects::write;

/// A file of 50 MB.
fn big(project: &Path, path: &str) {
    let path = project.join(path);
    create_dir_all(path.parent().unwrap()).unwrap();
    File::create(path).unwrap().set_len(50_000_000).unwrap();
}

/// The bytes that were sent, as buildx tells them: `#5 transferring context: 1.23kB done`.
fn sent(build: &Build) -> f64 {
    let lines = build.log.lines().filter(|line| line.contains(" transferring ") && line.ends_with(" done"));
    let sizes = lines.map(|line| {
        let size = line.split_whitespace().find(|word| word.ends_with('B')).unwrap_or_else(|| panic!("{line}"));
        let unit = size.find(|letter: char| letter.is_ascii_alphabetic()).unwrap();
        let number: f64 = size[..unit].parse().unwrap();
        let units = [("B", 1.0), ("kB", 1e3), ("MB", 1e6), ("GB", 1e9)];
        number * units.iter().find(|(name, _)| *name == &size[unit..]).unwrap().1
    });
    sizes.sum()
}

#[test]
fn only_what_a_build_needs_is_sent() {
    let Some(engine) = Engine::get() else { return };
    let project = example("virtual");
    for path in [".venv/lib/big.so", ".git/objects/pack/big.pack", ".mypy_cache/big.json", "data/big.csv"] {
        big(project.path(), path);
    }
    write(project.path(), ".dockerignore", "data\n");
    let build = engine.build_pyproject(project.path(), &tag("sent"));
    assert!((100.0..100_000.0).contains(&sent(&build)), "{} bytes:\n{}", sent(&build), build.log);

    let project = example("workspace");
    // Nothing of this is in the package, or in those that it needs.
    for path in ["data/big.csv", "packages/worker/big.csv", "packages/api/.venv/big.so", ".git/objects/pack/big.pack"] {
        big(project.path(), path);
    }
    let build = engine.build_pyproject(project.path(), &tag("sent"));
    assert!((100.0..100_000.0).contains(&sent(&build)), "{} bytes:\n{}", sent(&build), build.log);

    write(project.path(), "packages/api/src/api/more.py", "MORE = 1\n");
    let build = engine.build_pyproject(project.path(), &tag("sent"));
    assert!((1.0..10_000.0).contains(&sent(&build)), "{} bytes:\n{}", sent(&build), build.log);
}
