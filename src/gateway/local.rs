//! The user's own files as sources of the build graph: each project's directory on its own, so that a change of one is a
//! change of no other; single wheels and archives; and named contexts for what lies outside of the build context.

use buildkit_frontend::context::{Context, NamedContext, Selection};
use buildkit_frontend::{FrontendError, Gateway};
use buildkit_llb::{Annotate as _, Copy, File, Output, SCRATCH};
use futures_util::future::join_all;
use uv_normalize::PackageName;

use super::Task;
use super::chosen::Chosen;
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
                let chosen = Chosen::of(written, member, Some(&written.pyproject))?;
                named(gateway, written, context, &member.origin, &chosen).await?
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
            Some(context) => named(gateway, written, context, origin, &Chosen::default()).await?,
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

impl Task<'_> {
    /// Lets the client send the projects' files while the daemon looks for what it has of everything else. By itself it asks for
    /// files that a step needs only when it knows all other inputs of that step.
    pub(super) async fn fetch_projects(&self) -> Result<(), FrontendError> {
        let trees = self.image.local.trees.iter().filter(|(tree, _)| tree.context.is_none());
        let fetch = async |files: &Output| self.gateway.solve_output(Some(files)).await?.evaluate().await;
        // One that fails gives none of the others up.
        join_all(trees.map(|(_, files)| fetch(files))).await.into_iter().collect()
    }
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
    let known = if *directory == written.project {
        Some(&written.pyproject)
    } else {
        written.members.iter().find(|(name, _)| name.as_str() == member.name).map(|(_, pyproject)| pyproject)
    };
    let chosen = Chosen::of(written, member, known)?;
    let include = chosen.include(directory);
    if !directory.is_empty() {
        let whole = include.is_empty().then(|| escaped(directory));
        selection =
            selection.include(whole).hint(format!("member-{directory}")).titled(format!("[internal] load {directory}"));
    } else if !without.is_empty() {
        selection = selection.hint("root");
    }
    // A transfer keeps the files of the last one by this word.
    let selection = if chosen.is_everything() { selection } else { selection.hint(format!("chosen-{directory}")) };
    let selection = selection.include(include).exclude(chosen.exclude(directory));
    let selection = selection.exclude(without.iter().map(|other| escaped(other)));
    if let (Some(pyproject), How::Install { .. }) = (known, &member.how) {
        let prefix = if directory.is_empty() { String::new() } else { format!("{directory}/") };
        hidden.extend(hidden_build_files(context, &prefix, pyproject).await?);
        hidden.extend(chosen.excluded_build_files(written, pyproject));
    }
    if !member.tree.include.is_empty() {
        hidden.extend(chosen.missing(written, context, directory, &context.open(&selection).await?).await?);
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
    if context.is_local() || (without.is_empty() && !is_built && chosen.is_everything()) {
        return Ok(files);
    }
    // Of what BuildKit has fetched nothing can be selected before; so others' directories and locks are left out by a copy.
    let place = format!("/{directory}");
    let others = without.iter().filter_map(|other| below(directory, other)).map(escaped);
    let locks = is_built.then(|| LOCKS.to_owned());
    let all = chosen.exclude("").into_iter().chain(others).chain(locks);
    let copy = Copy::new(files, place.clone(), place).contents_only().create_dest_path();
    let copy = copy.include(chosen.include("")).exclude(all);
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

/// What lies outside of the build context: a named context has to stand for it, of which some files may be chosen.
async fn named(
    gateway: &Gateway,
    written: &Written,
    name: &str,
    origin: &Location,
    chosen: &Chosen,
) -> Result<Output, FrontendError> {
    let files = match gateway.named_context(name, None).await? {
        Some(NamedContext::Files { context, .. }) => {
            let mut selection = Selection::everything().exclude_by_default(IGNORED.iter().copied());
            if !chosen.is_everything() {
                selection = selection.hint("chosen").include(chosen.include("")).exclude(chosen.exclude(""));
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
    if chosen.is_everything() {
        return Ok(files);
    }
    let copy = Copy::new(files, "/", "/").contents_only().create_dest_path();
    let copy = copy.include(chosen.include("")).exclude(chosen.exclude(""));
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
