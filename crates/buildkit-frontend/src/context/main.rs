//! The main context, and where the entry file is: a git repository or a URL if the options name one, else an input of that
//! name, else directories of the client.

use buildkit_llb::{Annotate as _, Cap, Copy, Definition, File, Git, Http, Output, SCRATCH};

use super::archive::{HEADER, is_archive};
use super::entry::Entry;
use super::git::{self, GitContext};
use super::{Context, LocalDirectory, Origin, Selection, parse_ignore_file};
use crate::error::FrontendError;
use crate::gateway::{Gateway, Reference};
use crate::ignore::{self, IgnoreFile};
use crate::options::DEFAULT_CONTEXT_LOCAL;

/// The name of the file that a context of one http URL consists of.
const DOWNLOAD: &str = "context";

/// Where the main context and the entry file are.
#[derive(Debug, Clone)]
pub(crate) struct MainSource {
    /// Not a local directory.
    pub(super) context: Option<Output>,
    /// Not a local directory.
    pub(super) entry: Option<Output>,
    /// The entry file's name; a URL that is no archive is the entry file itself.
    pub(super) filename: String,
}

impl MainSource {
    /// Reads the options, and what the client passed in.
    pub(crate) async fn find(gateway: &Gateway) -> Result<Self, FrontendError> {
        let options = gateway.options();
        let filename = options.filename.clone();
        let url = options.context.url.as_deref().unwrap_or_default();
        let mut found = if let Some(context) = git::parse(url) {
            let mut context = context?;
            context.keep_git_dir |= options.context.keep_git_dir;
            if options.source_date_epoch.is_some() && context.mtime.is_empty() && can_set_times(gateway) {
                "commit".clone_into(&mut context.mtime);
            }
            let output = git_source(&context, &format!("[internal] load git source {url}"))?;
            Self { context: Some(output.clone()), entry: Some(output), filename }
        } else if is_http(url) {
            download(gateway, url, filename).await?
        } else {
            let inputs = gateway.inputs().await?;
            let input = |name: &str| inputs.get(name).map(Definition::output).transpose();
            let wrong = |error| FrontendError::new(format!("cannot read an input: {error}"));
            Self {
                context: input(DEFAULT_CONTEXT_LOCAL).map_err(wrong)?.flatten(),
                entry: input(&options.context.entry_local).map_err(wrong)?.flatten(),
                filename,
            }
        };
        if options.context.force_entry_local {
            found.entry = None;
            found.filename.clone_from(&options.filename);
        }
        if let (Some(context), Some(subdir)) = (&found.context, &options.context.subdir) {
            let copy = Copy::new(context, format!("/{}", subdir.trim_start_matches('/')), "/").contents_only();
            found.context = Some(File::on(SCRATCH).then(copy).named(format!("[internal] enter {subdir}")).build()?);
        }
        Ok(found)
    }
}

fn can_set_times(gateway: &Gateway) -> bool {
    gateway.llb_caps().supports(Cap::SourceGitMtime)
}

pub(super) fn is_http(url: &str) -> bool {
    url.starts_with("http://") || url.starts_with("https://")
}

pub(super) fn git_source(context: &GitContext, title: &str) -> Result<Output, FrontendError> {
    if context.fetch_by_commit {
        return Err(FrontendError::new(
            "fetch-by-commit is not supported in the URL of a git context; give the commit as ref",
        ));
    }
    let mut source = Git::new(&context.remote, &context.reference).subdir(&context.subdir).named(title);
    if context.keep_git_dir {
        source = source.keep_git_dir();
    }
    if !context.checksum.is_empty() {
        source = source.checksum(&context.checksum);
    }
    if context.skip_submodules {
        source = source.skip_submodules();
    }
    if context.mtime == "commit" {
        source = source.commit_times();
    }
    Ok(source.build()?)
}

/// A URL is an archive to unpack, or else the entry file.
async fn download(gateway: &Gateway, url: &str, filename: String) -> Result<MainSource, FrontendError> {
    let mut source = Http::new(url).filename(DOWNLOAD).named("[internal] load remote build context");
    // BuildKit's own frontend has read this to find us, and what comes from the client (`docker build -`) comes only once: so it
    // must be the very same op.
    if !gateway.llb_caps().supports(Cap::ExecValidExitCode) {
        source = source.encoded_as_before_0_17();
    }
    let source = source.build()?;
    let file = gateway.solve_output(Some(&source)).await?;
    let header = file.read_file_start(DOWNLOAD, HEADER).await;
    let header = header.map_err(|error| error.context("cannot read the downloaded context"))?;
    if is_archive(&header) {
        let unpack = Copy::new(&source, format!("/{DOWNLOAD}"), "/").unpack();
        let files = File::on(SCRATCH).then(unpack).named("[internal] unpack remote build context").build()?;
        return Ok(MainSource { context: Some(files.clone()), entry: Some(files), filename });
    }
    Ok(MainSource { context: Some(source.clone()), entry: Some(source), filename: DOWNLOAD.to_owned() })
}

impl LocalDirectory {
    /// The main context's directory, before anything is known of its ignore file.
    fn main() -> Self {
        Self {
            name: DEFAULT_CONTEXT_LOCAL.to_owned(),
            hint: DEFAULT_CONTEXT_LOCAL.to_owned(),
            title: "[internal] load build context".to_owned(),
            ignore: None,
        }
    }
}

impl Gateway {
    /// The main context.
    ///
    /// If it is a directory of the client, the ignore file is found: the one beside the entry file
    /// (`<entry file>.dockerignore`) wins over `.dockerignore` in the directory.
    pub async fn main_context(&self, entry: &Entry) -> Result<Context, FrontendError> {
        if let Some(output) = &self.main_source().await?.context {
            return Ok(Context::fetched(self, output.clone()));
        }
        let mut directory = LocalDirectory::main();
        directory.ignore = entry.ignore().cloned();
        if directory.ignore.is_none() {
            directory.read_ignore_file(self, format!("[internal] load {}", ignore::DEFAULT_NAME)).await?;
        }
        Ok(Context { gateway: self.clone(), origin: Origin::Local(directory) })
    }

    /// The [entry file](Self::entry), the [main context](Self::main_context), and a few files of the context that are
    /// looked into anyway: asked for at the same time, since each transfer from the client has to be waited for.
    /// `language` is that of the entry file; `selection` should be [small](Selection::small).
    pub async fn entry_and_context(
        &self,
        language: &str,
        selection: Selection,
    ) -> Result<(Entry, Context, FirstLook), FrontendError> {
        if self.main_source().await?.context.is_some() {
            let entry = self.entry(language, &[]).await?;
            let context = self.main_context(&entry).await?;
            let files = context.open(&selection).await?;
            return Ok((entry, context, FirstLook { files, ignore: None }));
        }
        let mut directory = LocalDirectory::main();
        // What the ignore file hides is left out afterwards: it comes along with the rest.
        let mut selection = selection;
        selection.paths.push(ignore::DEFAULT_NAME.to_owned());
        let look = async {
            let files = self.solve_output(Some(&directory.source(self, &selection)?)).await?;
            let data = files.read_optional_file(ignore::DEFAULT_NAME).await?;
            Ok::<_, FrontendError>((files, data))
        };
        let (entry, look) = tokio::join!(self.entry(language, &[]), look);
        let (entry, (files, data)) = (entry?, look?);
        directory.ignore = match (entry.ignore(), data) {
            (Some(own), _) => Some(own.clone()),
            (None, Some(data)) => Some(parse_ignore_file(ignore::DEFAULT_NAME, &data)?),
            (None, None) => None,
        };
        let look = FirstLook { files, ignore: directory.ignore.clone() };
        Ok((entry, Context { gateway: self.clone(), origin: Origin::Local(directory) }, look))
    }
}

/// The files of the main context that were asked for together with the entry file.
#[derive(Debug, Clone)]
pub struct FirstLook {
    files: Reference,
    ignore: Option<IgnoreFile>,
}

impl FirstLook {
    /// One of the files, if it is there and nothing hides it.
    pub async fn read_optional_file(&self, path: &str) -> Result<Option<Vec<u8>>, FrontendError> {
        if self.ignore.as_ref().is_some_and(|ignore| ignore.excluding_rule(path).is_some()) {
            return Ok(None);
        }
        self.files.read_optional_file(path).await
    }
}
