//! The projects that are built: copies of `xtask/bench-projects/`, one for each contender, and the edits that scenarios make
//! in them. A file that does not change is not written, so that a build which has nothing to do has nothing to look at either.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::bench::scenario::Scenario;
use crate::bench::synthetic;
use crate::workspace::root;

/// The projects' names. All but the last are directories of `xtask/bench-projects/`.
pub(crate) const ALL: [&str; 3] = ["api", "data", synthetic::NAME];

/// What a reader of the report should know of a project.
pub(crate) fn about(name: &str) -> &'static str {
    match name {
        "api" => "a web service",
        "data" => "a data stack",
        synthetic::NAME => "a large lock of 400 packages that nobody has, served by this machine",
        _ => "",
    }
}

/// The files that no context gets.
const NOT_FOR_CONTEXTS: [&str; 4] = ["requirements.txt", "small-bump.lock", "big-bump.lock", "second"];

/// A project's sources in this checkout.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    directory: PathBuf,
}

impl Template {
    pub(crate) fn of(project: &str) -> Self {
        let directory = match project {
            synthetic::NAME => synthetic::directory(),
            _ => root().join("xtask/bench-projects").join(project),
        };
        Self { directory }
    }

    /// The project that shares packages with this one.
    pub(crate) fn second(&self) -> Self {
        Self { directory: self.directory.join("second") }
    }

    /// The name of the only Python package in `src/`.
    pub(crate) fn module(&self) -> Result<String> {
        let sources = self.directory.join("src");
        let entry = fs::read_dir(&sources)
            .with_context(|| format!("cannot read {}", sources.display()))?
            .next()
            .with_context(|| format!("{} is empty", sources.display()))??;
        Ok(entry.file_name().to_string_lossy().into_owned())
    }

    /// Makes `context` what a scenario builds. `turn` makes changes differ that must differ every time.
    pub(crate) fn write(&self, context: &Path, scenario: Scenario, turn: usize, requirements: bool) -> Result<()> {
        copy(&self.directory, context)?;
        if requirements {
            write(&context.join("requirements.txt"), &read(&self.directory.join("requirements.txt"))?)?;
        }
        match scenario {
            Scenario::CodeEdit | Scenario::CacheImportEdit => {
                let path = Path::new("src").join(self.module()?).join("main.py");
                self.edit(context, &path, |text| Ok(text.replace("Hello from", &format!("Hello {turn} from"))))
            }
            Scenario::OwnVersion => {
                for file in ["pyproject.toml", "uv.lock"] {
                    let version = format!("version = \"0.2.{turn}\"");
                    self.edit(context, Path::new(file), |text| Ok(text.replace("version = \"0.1.0\"", &version)))?;
                }
                Ok(())
            }
            Scenario::SmallBump | Scenario::BigBump => {
                let entry = read(&self.directory.join(format!("{}.lock", scenario.name())))?;
                self.edit(context, Path::new("uv.lock"), |text| replace_package(text, &entry))?;
                if requirements {
                    self.edit(context, Path::new("requirements.txt"), |text| replace_requirement(text, &entry))?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn edit(&self, context: &Path, file: &Path, change: impl FnOnce(&str) -> Result<String>) -> Result<()> {
        let before = read(&self.directory.join(file))?;
        let after = change(&before).with_context(|| format!("cannot edit {}", file.display()))?;
        if after == before {
            bail!("{} has nothing to edit", file.display());
        }
        write(&context.join(file), &after)
    }
}

/// Makes `to` equal to `from`; what is only in `to` stays.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let name = entry.file_name();
        if NOT_FOR_CONTEXTS.iter().any(|other| name == *other) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to.join(name))?;
        } else {
            write(&to.join(name), &read(&entry.path())?)?;
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<()> {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// A lock with another entry for the package that `entry` is about.
fn replace_package(lock: &str, entry: &str) -> Result<String> {
    let head = format!("[[package]]\nname = \"{}\"\n", value(entry, "name")?);
    let mut found = false;
    let packages: Vec<&str> = lock
        .split("\n\n")
        .map(|text| {
            let ours = text.starts_with(&head);
            found |= ours;
            if ours { entry.trim_end() } else { text }
        })
        .collect();
    if found { Ok(packages.join("\n\n")) } else { bail!("the lock has no package of which the entry is `{head}`") }
}

/// Requirements with the version of `entry` for its package.
fn replace_requirement(requirements: &str, entry: &str) -> Result<String> {
    let start = format!("{}==", value(entry, "name")?);
    let version = value(entry, "version")?;
    let lines = requirements.lines().map(|line| match line.strip_prefix(&start) {
        Some(rest) => {
            let marker = rest.find(' ').map_or("", |at| &rest[at..]);
            format!("{start}{version}{marker}\n")
        }
        None => format!("{line}\n"),
    });
    Ok(lines.collect())
}

/// The text of `key = "…"` in an entry of a lock.
fn value<'a>(entry: &'a str, key: &str) -> Result<&'a str> {
    let start = format!("{key} = \"");
    let line = entry.lines().find_map(|line| line.strip_prefix(&start));
    line.and_then(|line| line.strip_suffix('"')).with_context(|| format!("the entry has no {key}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_edit_fits_every_project() {
        for project in ["api", "data"] {
            let template = Template::of(project);
            for scenario in Scenario::ALL {
                let directory = tempfile::tempdir().unwrap();
                template.write(directory.path(), scenario, 1, true).unwrap();
                template.second().write(directory.path(), Scenario::Cold, 1, true).unwrap();
            }
        }
    }

    #[test]
    fn a_bump_changes_one_entry_and_one_requirement() {
        let template = Template::of("data");
        let [before, after] = [Scenario::Cold, Scenario::BigBump].map(|scenario| {
            let directory = tempfile::tempdir().unwrap();
            template.write(directory.path(), scenario, 1, true).unwrap();
            ["uv.lock", "requirements.txt"].map(|file| read(&directory.path().join(file)).unwrap())
        });
        let packages = |text: &str| text.split("\n\n").map(str::to_owned).collect::<Vec<_>>();
        let (old, new) = (packages(&before[0]), packages(&after[0]));
        assert_eq!(old.len(), new.len());
        let changed: Vec<_> = new.iter().filter(|package| !old.contains(package)).collect();
        assert!(matches!(changed[..], [entry] if entry.contains("name = \"numpy\"")), "{changed:?}");
        let changed: Vec<_> = after[1].lines().filter(|line| !before[1].lines().any(|other| other == *line)).collect();
        assert!(matches!(changed[..], [line] if line.starts_with("numpy==")), "{changed:?}");
    }

    #[test]
    fn going_back_writes_what_changed_and_nothing_else() {
        let template = Template::of("api");
        let directory = tempfile::tempdir().unwrap();
        let time = |file: &str| fs::metadata(directory.path().join(file)).unwrap().modified().unwrap();
        template.write(directory.path(), Scenario::CodeEdit, 1, false).unwrap();
        let (lock, code) = (time("uv.lock"), time("src/api/main.py"));
        template.write(directory.path(), Scenario::Unchanged, 2, false).unwrap();
        assert_eq!(time("uv.lock"), lock);
        assert_ne!(time("src/api/main.py"), code);
        assert!(!directory.path().join("second").exists());
        assert!(!directory.path().join("requirements.txt").exists());
    }
}
