//! File trees in memory, and the small interpreter that says which files a build graph results in.

use std::collections::BTreeMap;

use buildkit_proto::pb::{self, file_action::Action};

use super::{FakeDaemon, Graph, SESSION_ID, image_key};
use crate::context::listing;
use crate::ignore::{IgnoreFile, clean};

/// A file tree: content by path, without a slash in front. Directories are those that paths imply.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files(BTreeMap<String, Vec<u8>>);

impl<P: Into<String>, D: Into<Vec<u8>>, I: IntoIterator<Item = (P, D)>> From<I> for Files {
    fn from(files: I) -> Self {
        Self(files.into_iter().map(|(path, data)| (inside(&path.into()), data.into())).collect())
    }
}

/// What stands at a path.
pub(super) enum Entry<'a> {
    File(&'a [u8]),
    Directory,
}

impl Files {
    pub(super) fn get(&self, path: &str) -> Option<Entry<'_>> {
        let path = inside(path);
        match self.0.get(&path) {
            Some(data) => Some(Entry::File(data)),
            None if path.is_empty() || self.0.keys().any(|file| is_below(file, &path)) => Some(Entry::Directory),
            None => None,
        }
    }

    /// The names in a directory, each with its content if it is a file.
    pub(super) fn list(&self, directory: &str) -> BTreeMap<&str, Option<&[u8]>> {
        let directory = inside(directory);
        let mut names = BTreeMap::new();
        for (path, data) in &self.0 {
            let below = if directory.is_empty() {
                path
            } else {
                match path.strip_prefix(&directory).and_then(|rest| rest.strip_prefix('/')) {
                    Some(below) => below,
                    None => continue,
                }
            };
            match below.split_once('/') {
                Some((name, _)) => names.insert(name, None),
                None => names.insert(below, Some(data.as_slice())),
            };
        }
        names
    }

    fn retain(mut self, keep: impl Fn(&str) -> bool) -> Self {
        self.0.retain(|path, _| keep(path));
        self
    }
}

/// The form in which paths are keys: clean, relative to the root, which is empty.
fn inside(path: &str) -> String {
    clean(&format!("/{path}"))[1..].to_owned()
}

fn is_below(path: &str, directory: &str) -> bool {
    directory.is_empty() || path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
}

/// The files that a graph results in.
pub(super) fn evaluate(daemon: &FakeDaemon, graph: &Graph) -> Result<Files, String> {
    match &graph.result {
        None => Ok(Files::default()),
        Some(result) => output(daemon, graph, result),
    }
}

fn output(daemon: &FakeDaemon, graph: &Graph, input: &pb::Input) -> Result<Files, String> {
    let op = graph.op(&input.digest).ok_or("an input comes from nowhere")?;
    let nth = |index: i64| match usize::try_from(index) {
        Ok(index) => output(daemon, graph, op.inputs.get(index).ok_or("an op has too few inputs")?),
        Err(_) => Ok(Files::default()),
    };
    match op.op.as_ref().ok_or("an op in the middle does nothing")? {
        pb::op::Op::Source(source) => source_files(daemon, source, op.platform.as_ref()),
        pb::op::Op::File(file) => {
            let is_step = |index: i64| {
                let input = usize::try_from(index).ok().and_then(|index| op.inputs.get(index));
                let op = input.and_then(|input| graph.op(&input.digest)).and_then(|op| op.op.as_ref());
                matches!(op, Some(pb::op::Op::Exec(_)))
            };
            file_op(op, file, input.index, nth, is_step)
        }
        pb::op::Op::Exec(exec) => {
            let mount =
                exec.mounts.iter().find(|mount| mount.output == input.index).ok_or("no mount has this output")?;
            let mut files = nth(mount.input)?;
            let name = graph.name(&input.digest).unwrap_or_default();
            for (_, added) in daemon.steps.iter().filter(|(part, _)| name.contains(part.as_str())) {
                files.0.extend(added.0.clone());
            }
            Ok(files)
        }
        pb::op::Op::Merge(merge) => {
            let mut files = Files::default();
            for input in &merge.inputs {
                files.0.extend(nth(input.input)?.0);
            }
            Ok(files)
        }
        pb::op::Op::Diff(diff) => {
            let lower = nth(diff.lower.as_ref().map_or(-1, |it| it.input))?;
            let mut upper = nth(diff.upper.as_ref().map_or(-1, |it| it.input))?;
            upper.0.retain(|path, data| lower.0.get(path) != Some(data));
            Ok(upper)
        }
        pb::op::Op::Build(_) | pb::op::Op::Passthrough(_) => Err("the fake does not know this op".to_owned()),
    }
}

fn source_files(daemon: &FakeDaemon, source: &pb::SourceOp, platform: Option<&pb::Platform>) -> Result<Files, String> {
    if let Some(local) = source.identifier.strip_prefix("local://") {
        let session = source.attrs.get("local.session").map_or("", String::as_str);
        let other = |(key, value): &(String, String)| *key == format!("local-sessionid:{local}") && value == session;
        if session != SESSION_ID && !daemon.options.iter().any(other) {
            return Err(format!("no active session for {session}: context deadline exceeded"));
        }
        let files = daemon.locals.get(local);
        let files = files.ok_or_else(|| format!("local source {local} is not enabled by the client"))?;
        return local_files(files.clone(), &source.attrs);
    }
    if let Some(reference) = source.identifier.strip_prefix("docker-image://") {
        let key = image_key(reference.split('@').next().unwrap_or(reference));
        let platform = platform.map(|platform| buildkit_llb::Platform::from(platform).to_string());
        let is_it = |name: &String| *name == key || *name == reference;
        let mut images =
            daemon.images.iter().filter(|((name, of), _)| is_it(name) && (of.is_none() || *of == platform));
        return images
            .next_back()
            .map(|(_, image)| image.files.clone())
            .ok_or_else(|| format!("{reference}: not found"));
    }
    daemon.sources.get(&source.identifier).cloned().ok_or_else(|| format!("{}: not found", source.identifier))
}

/// What the client sends of a local source: what is asked for by path or pattern, without what is excluded.
fn local_files(files: Files, attrs: &BTreeMap<String, String>) -> Result<Files, String> {
    let list = |key: &str| -> Result<Option<IgnoreFile>, String> {
        let Some(json) = attrs.get(key) else { return Ok(None) };
        let patterns: Vec<String> = serde_json::from_str(json).map_err(|error| format!("{key}: {error}"))?;
        if patterns.is_empty() {
            return Ok(None);
        }
        IgnoreFile::parse(key, patterns.join("\n").as_bytes()).map(Some).map_err(|error| error.to_string())
    };
    let matches =
        |patterns: &Option<IgnoreFile>, path: &str| patterns.as_ref().map(|it| it.excluding_rule(path).is_some());
    let (follow, include) = (list("local.followpaths")?, list("local.includepattern")?);
    let exclude = list("local.excludepatterns")?;
    let mut files = files.retain(|path| {
        let wanted = match (matches(&follow, path), matches(&include, path)) {
            (None, None) => true,
            (follow, include) => follow == Some(true) || include == Some(true),
        };
        wanted && matches(&exclude, path) != Some(true)
    });
    if attrs.get("local.metadatatransfer").is_some_and(|value| value == "true") {
        let with_content = list("local.metadatatransferexclude")?;
        let (name, list) = listing::list(files.0.iter().map(|(path, data)| (path.as_str(), data.len())));
        files = files.retain(|path| matches(&with_content, path) == Some(true));
        files.0.insert(name, list);
    }
    Ok(files)
}

fn file_op(
    op: &pb::Op,
    file: &pb::FileOp,
    wanted: i64,
    nth: impl Fn(i64) -> Result<Files, String>,
    is_step: impl Fn(i64) -> bool,
) -> Result<Files, String> {
    let inputs = i64::try_from(op.inputs.len()).unwrap_or(i64::MAX);
    let mut results: Vec<Files> = Vec::new();
    for action in &file.actions {
        let get = |index: i64| match usize::try_from(index - inputs) {
            Ok(earlier) => results.get(earlier).cloned().ok_or_else(|| "an action uses a later one".to_owned()),
            Err(_) => nth(index),
        };
        let mut files = get(action.input)?;
        match action.action.as_ref().ok_or("an action does nothing")? {
            Action::Copy(copy) => {
                let copied = copy_into(&mut files, &get(action.secondary_input)?, copy);
                // Nothing runs here, so what a step leaves may well be there.
                copied.or_else(|error| if is_step(action.secondary_input) { Ok(()) } else { Err(error) })?;
            }
            Action::Mkfile(mkfile) => {
                files.0.insert(inside(&mkfile.path), mkfile.data.clone());
            }
            Action::Rm(rm) => {
                let path = inside(&rm.path);
                files = files.retain(|file| file != path && !is_below(file, &path));
            }
            // Directories and links hold nothing that could be read.
            Action::Mkdir(_) | Action::Symlink(_) => {}
        }
        if action.output == wanted {
            return Ok(files);
        }
        results.push(files);
    }
    Err("no action has this output".to_owned())
}

fn copy_into(to: &mut Files, from: &Files, copy: &pb::FileActionCopy) -> Result<(), String> {
    let (src, dest) = (inside(&copy.src), inside(&copy.dest));
    let join = |rest: &str| inside(&format!("{dest}/{rest}"));
    let patterns =
        |list: &[String]| IgnoreFile::parse("copy", list.join("\n").as_bytes()).map_err(|error| error.to_string());
    let (include, exclude) = (patterns(&copy.include_patterns)?, patterns(&copy.exclude_patterns)?);
    let wanted = |rest: &str| {
        (copy.include_patterns.is_empty() || include.excluding_rule(rest).is_some())
            && exclude.excluding_rule(rest).is_none()
    };
    match from.get(&src) {
        Some(Entry::File(data)) => {
            let name = src.rsplit('/').next().unwrap_or(&src);
            let into_directory = copy.dest.ends_with('/') || matches!(to.get(&dest), Some(Entry::Directory));
            to.0.insert(if into_directory { join(name) } else { dest.clone() }, data.to_vec());
        }
        Some(Entry::Directory) => {
            for (path, data) in from.0.iter().filter(|(path, _)| is_below(path, &src)) {
                let rest = path[src.len()..].trim_start_matches('/');
                if wanted(rest) {
                    to.0.insert(join(rest), data.clone());
                }
            }
        }
        None if copy.allow_wildcard => {
            let pattern = patterns(std::slice::from_ref(&src))?;
            for (path, data) in from.0.iter().filter(|(path, _)| pattern.excluding_rule(path).is_some()) {
                to.0.insert(join(path.rsplit('/').next().unwrap_or(path)), data.clone());
            }
        }
        None => return Err(format!("failed to compute cache key: \"/{src}\": not found")),
    }
    Ok(())
}
