//! Files that a build needs and that the ignore file hides: the error says which line of it does.

use std::sync::Arc;

use buildkit_frontend::FrontendError;
use buildkit_frontend::context::{Context, Selection};
use buildkit_frontend::ignore::{IgnoreFile, Rule};

use crate::diagnostic::{Diagnostic, SourceFile};
use crate::project::build_files::BuildFile;
use crate::project::pyproject::Pyproject;

/// Says so when a missing file is hidden by a line of the ignore file.
pub(crate) fn hidden_or(context: &Context, path: &str, missing: Diagnostic) -> Diagnostic {
    let Some(ignore) = context.ignore() else { return missing };
    match ignore.excluding_rule(path) {
        None => missing,
        Some(rule) => hidden(ignore, rule, path),
    }
}

/// Points at the line of the ignore file.
fn hidden(ignore: &IgnoreFile, rule: &Rule, path: &str) -> Diagnostic {
    let file = SourceFile::new(ignore.name(), ignore.text());
    let line = usize::try_from(rule.line()).unwrap_or(usize::MAX);
    Diagnostic::new(format!("{path} is hidden from the build by the pattern {rule}"))
        .at(&file, line_start(&file, line)..line_start(&file, line))
        .help(format!("remove the pattern, or add a line !{path} below it"))
}

fn line_start(file: &Arc<SourceFile>, line: usize) -> usize {
    let breaks = file.text().match_indices('\n').map(|(index, _)| index + 1);
    std::iter::once(0).chain(breaks).nth(line.saturating_sub(1)).unwrap_or_default()
}

/// What hides the files that a build of a project needs, which would fail. `directory` is where the project lies in the
/// context: empty, or a path that ends in a slash.
pub(crate) async fn hidden_build_files(
    context: &Context,
    directory: &str,
    pyproject: &Pyproject,
) -> Result<Vec<Diagnostic>, FrontendError> {
    let Some(ignore) = context.ignore() else { return Ok(Vec::new()) };
    if !pyproject.is_package() {
        return Ok(Vec::new());
    }
    let mut problems = Vec::new();
    let mut unsure = Vec::new();
    for file in &pyproject.build_files {
        if file.required && !file.is_pattern() {
            let path = format!("{directory}{}", file.pattern);
            problems.extend(ignore.excluding_rule(&path).map(|rule| explain(ignore, rule, &path, file)));
        } else {
            unsure.push(file);
        }
    }
    // The rest only matters when it is there. Without a rule that could hide it nobody has to look.
    unsure.retain(|file| file.is_pattern() || ignore.excluding_rule(&format!("{directory}{}", file.pattern)).is_some());
    if !unsure.is_empty() {
        let patterns = unsure.iter().map(|file| format!("{directory}{}", file.pattern));
        let selection = Selection::paths(patterns)
            .hint(format!("hidden-{directory}"))
            .titled("[internal] look for files that are hidden")
            .small();
        let files = context.without_ignore_file().open(&selection).await?;
        for file in unsure {
            for path in matches(&files, &format!("{directory}{}", file.pattern)).await? {
                problems.extend(ignore.excluding_rule(&path).map(|rule| explain(ignore, rule, &path, file)));
            }
        }
    }
    Ok(problems)
}

fn explain(ignore: &IgnoreFile, rule: &Rule, path: &str, file: &BuildFile) -> Diagnostic {
    let place = file.location.as_ref().map(|location| format!(" ({location})")).unwrap_or_default();
    hidden(ignore, rule, path).note(format!("the project's build needs it: {}{place}", file.named_by))
}

/// The files that a pattern names in its directory. (Patterns of licence files that reach over directories are left to the
/// backend.)
async fn matches(files: &buildkit_frontend::Reference, pattern: &str) -> Result<Vec<String>, FrontendError> {
    let (parent, name) = pattern.rsplit_once('/').unwrap_or(("", pattern));
    if parent.contains(['*', '?', '[', '{']) {
        return Ok(Vec::new());
    }
    let entries = match files.read_dir(if parent.is_empty() { "/" } else { parent }, Some(name)).await {
        Ok(entries) => entries,
        Err(error) if error.is_not_found() => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let names = entries.into_iter().filter(|entry| !entry.is_dir()).map(|entry| entry.path);
    Ok(names.map(|name| if parent.is_empty() { name } else { format!("{parent}/{name}") }).collect())
}
