//! The user's own files as sources of the build graph: each project's directory on its own, so that a change of one is a
//! change of no other; single wheels and archives; and named contexts for what lies outside of the build context.

use buildkit_frontend::context::{Context, NamedContext, Selection};
use buildkit_frontend::{FrontendError, Gateway};
use buildkit_llb::{Annotate as _, Copy, File, Output, SCRATCH};
use uv_normalize::PackageName;

use super::read::{Written, hidden_build_files, hidden_or};
use super::{report, resolve};
use crate::diagnostic::{Diagnostic, Location};
use crate::emit::LocalSources;
use crate::plan::steps::CopySource;
use crate::plan::{BuildSource, How, LocalFile, Member, Plan, Tree};
use crate::project::document::quoted;
use crate::project::lock::{Registry, Source};
use crate::project::place::below;

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
            Some(context) => named(gateway, written, context, &member.origin).await?,
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
            Some(context) => named(gateway, written, context, origin).await?,
        };
        sources.files.insert(file.clone(), output);
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
            None => to_copy(&written.context, src.trim_start_matches('/'), &copy.origin).await?,
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
    let selection = selection.exclude(without.iter().map(|other| escaped(other)));
    let known = if *directory == written.project {
        Some(&written.pyproject)
    } else {
        written.members.iter().find(|(name, _)| name.as_str() == member.name).map(|(_, pyproject)| pyproject)
    };
    if let (Some(pyproject), How::Install { .. }) = (known, &member.how) {
        let prefix = if directory.is_empty() { String::new() } else { format!("{directory}/") };
        hidden.extend(hidden_build_files(context, &prefix, pyproject).await?);
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
    if context.is_local() || (without.is_empty() && !is_built) {
        return Ok(files);
    }
    // Of what BuildKit has fetched nothing can be selected before; so others' directories and locks are left out by a copy.
    let place = format!("/{directory}");
    let others = without.iter().filter_map(|other| below(directory, other)).map(escaped);
    let locks = is_built.then(|| LOCKS.to_owned());
    let copy = Copy::new(files, place.clone(), place).contents_only().create_dest_path().exclude(others.chain(locks));
    let what = match &member.how {
        How::Install { .. } => "the files of",
        How::Copy => "what is copied of",
    };
    Ok(File::on(SCRATCH).then(copy).named(format!("[internal] {what} {}", member.name)).build()?)
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

/// A file or directory of the build context that is copied, at its path there.
async fn to_copy(context: &Context, path: &str, origin: &Location) -> Result<Output, FrontendError> {
    let mut selection = Selection::everything().exclude_by_default(IGNORED.iter().copied());
    if !path.is_empty() {
        selection =
            selection.include([escaped(path)]).hint(format!("copy-{path}")).titled(format!("[internal] load {path}"));
        if !context.open(&selection).await?.has(path).await? {
            let missing = Diagnostic::new(format!("the build context has no {}", quoted(path)))
                .at_location(Some(origin.clone()))
                .help("correct src, or give a directory as the build context that has it");
            return Err(report::one(hidden_or(context, path, missing)));
        }
    }
    context.files(&selection)
}

/// What lies outside of the build context: a named context has to stand for it.
async fn named(gateway: &Gateway, written: &Written, name: &str, origin: &Location) -> Result<Output, FrontendError> {
    match gateway.named_context(name, None).await? {
        Some(NamedContext::Files { context, .. }) => {
            let selection = Selection::everything().exclude_by_default(IGNORED.iter().copied());
            context.files(&selection)
        }
        Some(NamedContext::Image { output, .. }) => Ok(output),
        Some(NamedContext::Scratch) => Err(FrontendError::new(format!("the build context {name} is empty"))),
        None => Err(report::one(outside(written, name, origin))),
    }
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
