//! The user's own files as sources of the build graph: each project's directory on its own, so that a change of one is a
//! change of no other; single wheels and archives; and named contexts for what lies outside of the build context.

use buildkit_frontend::context::{Context, NamedContext, Selection};
use buildkit_frontend::ignore::{IgnoreError, IgnoreFile};
use buildkit_frontend::{FrontendError, Gateway};
use buildkit_llb::{Annotate as _, Copy, File, Output, SCRATCH};
use uv_normalize::PackageName;

use super::read::{Written, hidden_build_files, hidden_or};
use super::{report, resolve};
use crate::diagnostic::{Diagnostic, Location};
use crate::emit::LocalSources;
use crate::plan::repositories::Key;
use crate::plan::steps::CopySource;
use crate::plan::{BuildSource, How, LocalFile, Member, Plan, Tree};
use crate::project::document::quoted;
use crate::project::lock::{Registry, Source};
use crate::project::place::below;
use crate::project::pyproject::Pyproject;

/// What no build of a project needs. A `.dockerignore` can bring each back with `!`.
pub(super) const IGNORED: &[&str] = &[
    ".git",
    "**/.venv",
    "**/__pycache__",
    "**/*.pyc",
    "**/.pytest_cache",
    "**/.mypy_cache",
    "**/.ruff_cache",
    "**/.env",
    "**/.env.*",
];

/// What a wheel is not built from, and what changes with every dependency: a bump must not build the project again.
const LOCKS: &str = "**/uv.lock";

/// Finds all that a plan needs of the user's own files, and says which of them are hidden.
pub(super) async fn sources(
    gateway: &Gateway,
    written: &Written,
    plan: &Plan,
) -> Result<(LocalSources, Vec<Diagnostic>), FrontendError> {
    let mut sources = LocalSources::default();
    let mut hidden = Vec::new();
    for member in &plan.first_party {
        let output = match &member.tree.context {
            None => directory(written, member, &mut hidden).await?,
            Some(context) => {
                let excluded = excluded(written, &member.tree)?;
                let patterns = excluded.iter().flat_map(IgnoreFile::patterns).collect();
                named(gateway, written, context, &member.origin, patterns).await?
            }
        };
        sources.trees.insert(member.tree.clone(), output);
    }
    let wheels = plan.local.iter().flat_map(|group| &group.wheels).map(|wheel| (&wheel.file, &wheel.origin));
    let archives = plan.built.iter().filter_map(|built| match &built.source {
        BuildSource::File { file, .. } => Some((file, &built.origin)),
        _ => None,
    });
    for (file, origin) in wheels.chain(archives) {
        let output = match &file.context {
            None => single(&written.context, file, origin).await?,
            Some(context) => named(gateway, written, context, origin, Vec::new()).await?,
        };
        sources.files.insert(file.clone(), output);
    }
    for repository in &plan.repositories {
        if let Key::File { file, origin } = &repository.key {
            sources.files.insert(file.clone(), to_copy(&written.context, &file.path, origin, "key").await?);
        }
    }
    for copy in &plan.copies {
        let CopySource { from, src } = &copy.source;
        if sources.copies.contains_key(&copy.source) {
            continue;
        }
        let output = match from {
            Some(from) => {
                let platform = plan.platform.parse().map_err(|_| FrontendError::new("the plan's platform is none"))?;
                resolve::copied_from(gateway, from, &platform, &copy.origin).await?
            }
            None => to_copy(&written.context, src.trim_start_matches('/'), &copy.origin, "src").await?,
        };
        sources.copies.insert(copy.source.clone(), output);
    }
    Ok((sources, hidden))
}

/// A project's directory of the build context, at its path there.
async fn directory(written: &Written, member: &Member, hidden: &mut Vec<Diagnostic>) -> Result<Output, FrontendError> {
    if let Some(script) = &written.script {
        return written.context.files(&Selection::paths([script.as_str()]));
    }
    let Tree { directory, without, .. } = &member.tree;
    let context = &written.context;
    let mut selection = Selection::everything().exclude_by_default(IGNORED.iter().copied());
    let is_built = matches!(member.how, How::Install { .. });
    if is_built {
        selection = selection.exclude_by_default([LOCKS]);
    }
    if !directory.is_empty() {
        selection = selection
            .include([escaped(directory)])
            .hint(format!("member-{directory}"))
            .titled(format!("[internal] load {directory}"));
    } else if !without.is_empty() {
        selection = selection.hint("root");
    }
    let excluded = excluded(written, &member.tree)?;
    let own = excluded.iter().flat_map(IgnoreFile::rules).map(|rule| {
        let (sign, pattern) = (if rule.reincludes() { "!" } else { "" }, rule.pattern());
        if directory.is_empty() {
            format!("{sign}{pattern}")
        } else {
            format!("{sign}{}/{pattern}", escaped(directory))
        }
    });
    let own: Vec<String> = own.collect();
    // A transfer keeps the files of the last one by this word.
    let selection = if own.is_empty() { selection } else { selection.hint(format!("excluded-{directory}")) };
    let selection = selection.exclude(own).exclude(without.iter().map(|other| escaped(other)));
    let known = if *directory == written.project {
        Some(&written.pyproject)
    } else {
        written.members.iter().find(|(name, _)| name.as_str() == member.name).map(|(_, pyproject)| pyproject)
    };
    if let (Some(pyproject), How::Install { .. }) = (known, &member.how) {
        let prefix = if directory.is_empty() { String::new() } else { format!("{directory}/") };
        hidden.extend(hidden_build_files(context, &prefix, pyproject).await?);
        hidden.extend(excluded_build_files(written, excluded.as_ref(), pyproject));
    }
    if known.is_none() && !context.open(&selection).await?.has(directory).await? {
        let missing =
            Diagnostic::new(format!("the build context has no directory {directory}, which is {}", member.name))
                .at_location(Some(member.origin.clone()));
        return Err(report::one(hidden_or(
            context,
            directory,
            missing.help("give a directory as the build context that has everything that uv.lock names"),
        )));
    }
    let files = context.files(&selection)?;
    if context.is_local() || (without.is_empty() && !is_built && excluded.is_none()) {
        return Ok(files);
    }
    // Of what BuildKit has fetched nothing can be selected before; so others' directories and locks are left out by a copy.
    let place = format!("/{directory}");
    let others = without.iter().filter_map(|other| below(directory, other)).map(escaped);
    let locks = is_built.then(|| LOCKS.to_owned());
    let patterns = excluded.iter().flat_map(IgnoreFile::patterns);
    let all = patterns.chain(others).chain(locks);
    let copy = Copy::new(files, place.clone(), place).contents_only().create_dest_path().exclude(all);
    let what = match &member.how {
        How::Install { .. } => "the files of",
        How::Copy => "what is copied of",
    };
    Ok(File::on(SCRATCH).then(copy).named(format!("[internal] {what} {}", member.name)).build()?)
}

/// What `exclude` leaves out of a project, by patterns of its directory.
fn excluded(written: &Written, tree: &Tree) -> Result<Option<IgnoreFile>, FrontendError> {
    if tree.exclude.is_empty() {
        return Ok(None);
    }
    // Each has a line of its own, so that the line of one says which it is. None begins a comment.
    let text: String = tree.exclude.iter().flat_map(|pattern| [" ", pattern, "\n"]).collect();
    let problem = |error: IgnoreError| {
        let place = place_of(written, error.line);
        report::one(
            Diagnostic::new(format!("exclude: {:?} is no pattern: {}", error.pattern, error.reason))
                .at_location(place)
                .help("correct the pattern, or remove it; a \\ takes the character behind it as it is"),
        )
    };
    IgnoreFile::parse("exclude", text.as_bytes()).map(Some).map_err(problem)
}

/// The place of a pattern of `exclude`, by its number from 1.
fn place_of(written: &Written, number: u32) -> Option<Location> {
    let patterns = &written.config.exclude.as_ref()?.value.0;
    let index = usize::try_from(number).ok()?.checked_sub(1)?;
    patterns.get(index).map(|pattern| pattern.location.clone())
}

/// What `exclude` leaves out although the project's build fails without it.
fn excluded_build_files(written: &Written, excluded: Option<&IgnoreFile>, pyproject: &Pyproject) -> Vec<Diagnostic> {
    let Some(excluded) = excluded else { return Vec::new() };
    let required = pyproject.build_files.iter().filter(|file| file.required && !file.is_pattern());
    let required = required.map(|file| (file.pattern.as_str(), file.named_by));
    let all = std::iter::once(("pyproject.toml", "the project's settings")).chain(required);
    let problem = |(path, named_by): (&str, &str)| {
        let rule = excluded.excluding_rule(path)?;
        Some(
            Diagnostic::new(format!("{path} is left out of the build by the pattern {rule} of exclude"))
                .at_location(place_of(written, rule.line()))
                .note(format!("the project's build needs it: {named_by}"))
                .help(format!("remove the pattern, or add \"!{path}\" behind it")),
        )
    };
    all.filter_map(problem).collect()
}

/// A file of the build context, at its path there.
async fn single(context: &Context, file: &LocalFile, origin: &Location) -> Result<Output, FrontendError> {
    let path = &file.path;
    let selection = Selection::everything()
        .include([escaped(path)])
        .hint(format!("file-{path}"))
        .titled(format!("[internal] load {path}"));
    if !context.open(&selection).await?.has(path).await? {
        let missing =
            Diagnostic::new(format!("the build context has no file {path}")).at_location(Some(origin.clone()));
        let help = "commit the file, or give a directory as the build context that has everything that uv.lock names";
        let problem = hidden_or(context, path, missing.help(help));
        let elsewhere = problem.location() != Some(origin);
        return Err(report::one(if elsewhere {
            problem.note(format!("the lock needs it ({origin})"))
        } else {
            problem
        }));
    }
    context.files(&selection)
}

/// A file or directory of the build context that is copied, at its path there. `named_by` is the key that names it.
async fn to_copy(context: &Context, path: &str, origin: &Location, named_by: &str) -> Result<Output, FrontendError> {
    let mut selection = Selection::everything().exclude_by_default(IGNORED.iter().copied());
    if !path.is_empty() {
        selection =
            selection.include([escaped(path)]).hint(format!("copy-{path}")).titled(format!("[internal] load {path}"));
        if !context.open(&selection).await?.has(path).await? {
            let missing = Diagnostic::new(format!("the build context has no {}", quoted(path)))
                .at_location(Some(origin.clone()))
                .help(format!("correct {named_by}, or give a directory as the build context that has it"));
            return Err(report::one(hidden_or(context, path, missing)));
        }
    }
    context.files(&selection)
}

/// What lies outside of the build context: a named context has to stand for it, without what some patterns match.
async fn named(
    gateway: &Gateway,
    written: &Written,
    name: &str,
    origin: &Location,
    patterns: Vec<String>,
) -> Result<Output, FrontendError> {
    let files = match gateway.named_context(name, None).await? {
        Some(NamedContext::Files { context, .. }) => {
            let mut selection = Selection::everything().exclude_by_default(IGNORED.iter().copied());
            if !patterns.is_empty() {
                selection = selection.hint("excluded").exclude(patterns.clone());
            }
            if context.is_local() {
                return context.files(&selection);
            }
            context.files(&selection)
        }
        Some(NamedContext::Image { output, .. }) => Ok(output),
        Some(NamedContext::Scratch) => Err(FrontendError::new(format!("the build context {name} is empty"))),
        None => Err(report::one(outside(written, name, origin))),
    }?;
    if patterns.is_empty() {
        return Ok(files);
    }
    let copy = Copy::new(files, "/", "/").contents_only().create_dest_path().exclude(patterns);
    Ok(File::on(SCRATCH).then(copy).named(format!("[internal] the files of {name}")).build()?)
}

fn outside(written: &Written, name: &str, origin: &Location) -> Diagnostic {
    let package = written.lock.packages.iter().find(|package| package.name.as_str() == name);
    let path = match package.map(|package| &package.source) {
        Some(Source::Path { path }) => path.rsplit_once('/').map_or("/", |(parent, _)| parent).to_owned(),
        Some(
            Source::Directory { path }
            | Source::Editable { path }
            | Source::Virtual { path }
            | Source::Registry { registry: Registry::Path(path) },
        ) => path.to_string(),
        _ => String::new(),
    };
    let files = [&written.pyproject, written.root()].into_iter().chain(written.members.values());
    let key: Option<PackageName> = name.parse().ok();
    let place = key.and_then(|key| files.into_iter().find_map(|file| file.uv.sources.get(&key)).cloned());
    let lock = format!("the path is relative to the directory of {}", written.lock.file.name());
    let diagnostic = Diagnostic::new(format!("{name} lies outside of the build context, at {}", quoted(&path)))
        .at_location(Some(place.unwrap_or_else(|| origin.clone())))
        .help(format!("give its directory, too: docker buildx build --build-context {name}={path} …"));
    if path.starts_with('/') { diagnostic } else { diagnostic.note(lock) }
}

/// A path as a pattern of an ignore file that matches nothing else.
pub(super) fn escaped(path: &str) -> String {
    let mut pattern = String::with_capacity(path.len());
    for character in path.chars() {
        if matches!(character, '*' | '?' | '[' | ']' | '\\' | '!') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_what_the_path_says() {
        assert_eq!(escaped("libs/core"), "libs/core");
        assert_eq!(escaped("!a/[b]*"), "\\!a/\\[b\\]\\*");
    }
}
