//! How a file of the lock gets to the step that installs it: as a source of BuildKit's own, or, where it takes credentials,
//! out of a step that has them mounted. One such step fetches what one layer is made of.

use std::collections::BTreeSet;

use buildkit_llb::{
    Annotate, Bind, Digest, Exec, File, Http, Location as Place, Mkfile, OpError, Output, ProgressGroup, SCRATCH,
    Secret,
};
use serde::Serialize;

use super::programs::{self, TOOLS};
use super::{EPOCH, Emitter};
use crate::plan::Access;
use crate::plan::indexes::NETRC;

/// A file of the lock, and what to call it.
#[derive(Clone)]
pub(super) struct Locked<'a> {
    /// `parcel 1.4`
    pub(super) title: String,
    pub(super) url: &'a str,
    pub(super) filename: &'a str,
    /// `sha256:…`; without one nothing is checked.
    pub(super) digest: Option<&'a str>,
    pub(super) access: Option<&'a Access>,
    pub(super) place: Option<Place>,
    /// The line of progress that it shares with others.
    pub(super) group: Option<ProgressGroup>,
}

/// What the program reads: nothing in it is secret.
#[derive(Serialize)]
struct Manifest<'a> {
    indexes: Vec<&'a Access>,
    files: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    title: &'a str,
    url: &'a str,
    filename: &'a str,
    sha256: Option<String>,
    /// Which of the indexes.
    index: usize,
}

impl Emitter<'_> {
    /// Fetches files; each has its directory among the results, in the same order.
    pub(super) fn fetch(&self, files: &[Locked<'_>]) -> Result<Vec<Output>, OpError> {
        let private: Vec<_> = files.iter().filter_map(|file| Some((file, file.access?))).collect();
        let shared = if private.is_empty() { None } else { Some(self.fetch_with_credentials(&private)?) };
        let one = |file: &Locked<'_>| match (&shared, file.access) {
            (Some(directory), Some(_)) => Ok(directory.clone()),
            _ => source(file),
        };
        files.iter().map(one).collect()
    }

    /// A step that fetches and checks files, with the credentials of their indexes.
    fn fetch_with_credentials(&self, files: &[(&Locked<'_>, &Access)]) -> Result<Output, OpError> {
        let indexes: BTreeSet<&Access> = files.iter().map(|(_, access)| *access).collect();
        let indexes: Vec<&Access> = indexes.into_iter().collect();
        let mut entries = Vec::new();
        for (file, access) in files {
            entries.push(Entry {
                title: &file.title,
                url: file.url,
                filename: file.filename,
                sha256: checksum(file)?.map(|checksum| checksum.hex()),
                index: indexes.iter().position(|index| index == access).unwrap_or_default(),
            });
        }
        let manifest = Manifest { indexes: indexes.clone(), files: entries };
        // Texts and numbers always serialise.
        let manifest = serde_json::to_vec(&manifest).unwrap_or_default();
        let manifest = File::on(SCRATCH)
            .then(Mkfile::new("/files.json", manifest).mode(0o644).timestamp(EPOCH))
            .named("[internal] list of files to fetch")
            .build()?;

        let titles: Vec<&str> = files.iter().map(|(file, _)| file.title.as_str()).collect();
        let names: BTreeSet<&str> = indexes.iter().map(|access| access.index.as_str()).collect();
        let names: Vec<&str> = names.into_iter().collect();
        let name = format!("[deps] fetch {} from {}", titles.join(", "), names.join(", "));
        let own = indexes.iter().filter_map(|access| access.secrets.as_ref());
        let ids: BTreeSet<&str> =
            own.flat_map(|secrets| [secrets.username.as_str(), secrets.password.as_str()]).chain([NETRC]).collect();
        let exec = self.networked_step(self.context.builder, self.context.builder.base, &programs::FETCH, [], name)?;
        let mut exec = with_secrets(exec, ids).mount(Bind::readonly(&manifest, format!("{TOOLS}/fetch")));
        for (file, _) in files {
            if let Some(place) = file.place.clone() {
                exec = exec.at(place);
            }
        }
        exec.build()?.output(programs::OUT)
    }

    /// The one line for all wheels that share their layer with others. Those that have a layer of their own are the big ones,
    /// which somebody may wait for.
    pub(super) fn small_files(&self) -> ProgressGroup {
        let shared = self.plan.groups.iter().filter(|group| group.wheels.len() > 1);
        let wheels = shared.flat_map(|group| &group.wheels).filter(|wheel| wheel.access.is_none());
        let urls: Vec<&str> = wheels.map(|wheel| wheel.url.as_str()).collect();
        let name = match self.context.label {
            // What several platforms have in common is fetched once, in the group of whichever comes first.
            Some(_) => "[deps] fetch small packages".to_owned(),
            None => format!("[deps] fetch {} packages", urls.len()),
        };
        // Bake shows several builds at once, and takes groups with the same id for one.
        ProgressGroup::new(Digest::of(urls.join("\n").as_bytes()).to_string(), name)
    }
}

/// Mounts secrets as files; those that the client does not give are not there.
pub(super) fn with_secrets<'a>(exec: Exec, ids: impl IntoIterator<Item = &'a str>) -> Exec {
    exec.mounts(ids.into_iter().map(|id| Secret::new(id, format!("/run/secrets/{id}")).optional(true)))
}

/// A file as a source of its own: BuildKit fetches, checks and keeps it by its hash.
fn source(file: &Locked<'_>) -> Result<Output, OpError> {
    let name = format!("[deps] fetch {}", file.title);
    let mut source = Http::new(file.url).filename(file.filename).named(name);
    if let Some(checksum) = checksum(file)? {
        source = source.checksum(checksum);
    }
    if let Some(place) = file.place.clone() {
        source = source.at(place);
    }
    if let Some(group) = &file.group {
        source = source.in_group(group);
    }
    source.build()
}

fn checksum(file: &Locked<'_>) -> Result<Option<Digest>, OpError> {
    let Some(digest) = file.digest else { return Ok(None) };
    digest.parse().map(Some).map_err(|_| OpError::Invalid {
        what: "the hash of a locked file",
        value: digest.to_owned(),
        why: "it is no sha256 digest",
    })
}
