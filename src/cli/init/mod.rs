//! `pyfront init`: makes a project one that pyfront builds, with no more than it needs, and writes on request what runs the
//! image: for Compose, Kubernetes, GitHub Actions, GitLab and bake. Nothing that exists is overwritten without `--force`.

mod bake;
mod compose;
mod facts;
mod ignore;
mod kubernetes;
mod pipelines;
mod pyproject;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use lexopt::Parser;

use self::facts::Facts;
use super::project::{PYPROJECT, Place, Wanted};
use super::{Failure, Terminal};
use crate::project::entry::Entry;

pub(super) const ABOUT: &str = "make a project one that pyfront builds, and write what runs its image";
pub(super) const HELP: &str = "[PATH] [OPTIONS]

Writes the # syntax line and what is needed of [tool.pyfront] into pyproject.toml, and a .dockerignore. A project without a
lock is locked with uv, if uv is installed.

  --compose                also compose.yaml, with the services whose drivers are locked
  --kubernetes             also kubernetes.yaml: a Deployment with probes, and a Service
  --github                 also .github/workflows/image.yml
  --gitlab                 also .gitlab-ci.yml
  --bake                   also docker-bake.hcl
  --force                  overwrite what is there
  --dry-run                show what would be written
";

/// What can be asked for: the option, the file in the context, and its text.
type Template = (&'static str, &'static str, fn(&Facts) -> String);

const TEMPLATES: [Template; 5] = [
    ("compose", "compose.yaml", compose::text),
    ("kubernetes", "kubernetes.yaml", kubernetes::text),
    ("github", ".github/workflows/image.yml", pipelines::github),
    ("gitlab", ".gitlab-ci.yml", pipelines::gitlab),
    ("bake", "docker-bake.hcl", bake::text),
];
const IGNORE: &str = ".dockerignore";

/// What was asked for.
#[derive(Default)]
struct Options {
    wanted: Wanted,
    templates: Vec<&'static Template>,
    force: bool,
    dry_run: bool,
}

/// A file to write.
struct File {
    path: PathBuf,
    text: String,
    /// What of it is new, when there was one before.
    added: Option<Vec<String>>,
}

pub(super) fn run(parser: Parser, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
    let options = read(parser)?;
    let place = options.wanted.place()?;
    if !place.has_packages() {
        lock(&place, &options, terminal)?;
    }
    let found = options.wanted.preview();
    let preview = found.as_ref().ok().and_then(|found| found.previews.first());
    let facts = preview.map(|preview| Facts::new(preview, &place, &options.wanted));
    let mut files = Vec::new();
    let mut kept = Vec::new();
    files.extend(project_file(&place, facts.as_ref(), options.force)?);
    let ignore = place.context.join(IGNORE);
    if !ignore.exists() || options.force {
        files.push(File { path: ignore, text: ignore::TEXT.to_owned(), added: None });
    } else {
        kept.push(IGNORE);
    }
    for (option, name, text) in &options.templates {
        let path = place.context.join(name);
        if path.exists() && !options.force {
            return Err(Failure::Failed(format!(
                "{} is there already, so nothing was written\n  help: --force overwrites it",
                path.display()
            )));
        }
        match (&facts, &found) {
            (Some(facts), _) => files.push(File { path, text: text(facts), added: None }),
            (None, Err(Failure::Failed(error))) => {
                return Err(Failure::Failed(format!("--{option} needs a project that would build\n{error}")));
            }
            (None, _) => {}
        }
    }
    for file in &files {
        report(file, &place, options.dry_run, terminal)?;
        if !options.dry_run {
            write(file)?;
        }
    }
    for name in kept {
        writeln!(terminal.out, "kept {name}")?;
    }
    let file = place.file();
    match found {
        Ok(_) => {
            let tag = facts.map(|facts| facts.name).unwrap_or_default();
            let file = if file == "Dockerfile" { String::new() } else { format!("-f {file} ") };
            writeln!(terminal.out, "next: docker buildx build {file}-t {tag} .")?;
        }
        Err(Failure::Failed(error)) => writeln!(terminal.out, "\nOne thing is left before it builds:\n{error}")?,
        Err(other) => return Err(other),
    }
    Ok(())
}

fn read(parser: Parser) -> Result<Options, Failure> {
    let mut options = Options::default();
    let own: Vec<&str> = TEMPLATES.iter().map(|(option, ..)| *option).chain(["force", "dry-run"]).collect();
    let wanted = Wanted::read(parser, &own, |name, _| {
        match name {
            "force" => options.force = true,
            "dry-run" => options.dry_run = true,
            name => options.templates.extend(TEMPLATES.iter().find(|(option, ..)| *option == name)),
        }
        Ok(())
    })?;
    options.wanted = wanted;
    Ok(options)
}

/// Locks a project with the uv that is installed. Without one it is said later that there is no lock.
fn lock(place: &Place, options: &Options, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
    if options.dry_run {
        return Ok(writeln!(terminal.out, "would run uv lock")?);
    }
    let Ok(output) = Command::new("uv").arg("lock").current_dir(&place.entry).output() else { return Ok(()) };
    if output.status.success() {
        return Ok(writeln!(terminal.out, "ran uv lock")?);
    }
    Err(Failure::Failed(format!(
        "uv lock failed, so nothing was written\n{}",
        String::from_utf8_lossy(&output.stderr).trim_end()
    )))
}

/// What becomes of the file that names pyfront: `pyproject.toml`, or a Dockerfile of one line where there is none.
fn project_file(place: &Place, facts: Option<&Facts>, force: bool) -> Result<Option<File>, Failure> {
    let path = place.entry.join(&place.filename);
    if !Entry::is_pyproject(&place.filename) && place.filename != "Dockerfile" {
        // A script.
        return edited(&path, None, force);
    }
    if path.exists() || place.filename == PYPROJECT {
        return edited(&path, facts.and_then(|facts| facts.found_health.as_ref()), force);
    }
    Ok(Some(File { path, text: format!("{}\n", pyproject::SYNTAX), added: None }))
}

fn edited(path: &Path, health: Option<&facts::Health>, force: bool) -> Result<Option<File>, Failure> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let text = fs::read_to_string(path).map_err(|error| Failure::Failed(format!("{}: {error}", path.display())))?;
    let edit = pyproject::edit(&name, &text, health, force).map_err(|problem| Failure::Failed(problem.to_string()))?;
    Ok(edit.map(|(text, added)| File { path: path.to_owned(), text, added: Some(added) }))
}

fn report(file: &File, place: &Place, dry_run: bool, terminal: &mut Terminal<'_>) -> Result<(), Failure> {
    let shown = file.path.strip_prefix(&place.context).unwrap_or(&file.path).display();
    match &file.added {
        Some(added) => {
            writeln!(terminal.out, "{} {shown}:", if dry_run { "would add to" } else { "added to" })?;
            for line in added {
                writeln!(terminal.out, "  {line}")?;
            }
        }
        None if dry_run => writeln!(terminal.out, "would write {shown}:\n{}", file.text)?,
        None => writeln!(terminal.out, "wrote {shown}")?,
    }
    Ok(())
}

fn write(file: &File) -> Result<(), Failure> {
    let wrong = |error: std::io::Error| Failure::Failed(format!("{}: {error}", file.path.display()));
    if let Some(parent) = file.path.parent() {
        fs::create_dir_all(parent).map_err(wrong)?;
    }
    fs::write(&file.path, &file.text).map_err(wrong)
}
