//! The files that a package offers: wheels, source distributions and archives. A name is that which the file gives, else
//! the last part of its URL or path; either way it is the plain name of one file.

use uv_distribution_filename::WheelFilename;
use uv_normalize::PackageName;
use uv_pep440::Version;

use super::{accepted, path, printable, url};
use crate::project::document::{Problems, Table, Value, quoted};
use crate::project::lock::text::{self, UrlUse};
use crate::project::lock::{FileLocation, Hash, Sdist, Wheel};

/// Whose file it is.
pub(super) struct Owner<'o> {
    pub(super) name: &'o PackageName,
    pub(super) version: Option<&'o Version>,
}

/// A file of either kind.
pub(super) enum File {
    Wheel(Wheel),
    Source(Sdist),
}

/// Reads a wheel.
pub(super) fn wheel(value: &Value<'_>, owner: &Owner<'_>, problems: &mut Problems) -> Option<Wheel> {
    match read(value, owner, problems)? {
        File::Wheel(wheel) => Some(wheel),
        File::Source(sdist) => {
            problems
                .push(value.problem(format_args!("is {}, which is not the name of a wheel", quoted(&sdist.filename))));
            None
        }
    }
}

/// Reads a source distribution.
pub(super) fn sdist(value: &Value<'_>, owner: &Owner<'_>, problems: &mut Problems) -> Option<Sdist> {
    match read(value, owner, problems)? {
        File::Source(sdist) => Some(sdist),
        File::Wheel(wheel) => {
            problems.push(value.problem(format_args!("is {}, which is a wheel", quoted(&wheel.filename))));
            None
        }
    }
}

/// Reads a file; its name says which kind it is.
pub(super) fn read(value: &Value<'_>, owner: &Owner<'_>, problems: &mut Problems) -> Option<File> {
    let table = value.table("a table", problems)?;
    let (filename, location) = locate(value, &table, problems)?;
    let hash = hash(&table, problems);
    let size = table.get("size").and_then(|size| size.as_integer()).and_then(|size| u64::try_from(size).ok());
    let range = value.location().range;
    if !std::path::Path::new(&*filename).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("whl")) {
        return Some(File::Source(Sdist { filename, location, hash, size, range }));
    }
    let Ok(parsed) = filename.parse::<WheelFilename>() else {
        problems.push(value.problem(format_args!("is {}, which is not the name of a wheel", quoted(&filename))));
        return None;
    };
    if parsed.name != *owner.name {
        problems.push(value.problem(format_args!("is a wheel of {}, not of {}", parsed.name, owner.name)));
        return None;
    }
    if let Some(version) = owner.version
        && parsed.version != *version
        && parsed.version.clone().without_local() != *version
    {
        let says = format!("is a wheel of version {}, but {} is locked at {version}", parsed.version, owner.name);
        problems.push(value.problem(says));
        return None;
    }
    Some(File::Wheel(Wheel { filename, parsed, location, hash, size, range }))
}

fn locate(value: &Value<'_>, table: &Table<'_>, problems: &mut Problems) -> Option<(Box<str>, FileLocation)> {
    let name = match table.get("name") {
        None => None,
        Some(value) => {
            let name = printable(&value, problems)?;
            accepted(&value, text::file_name(name), problems)?;
            Some(name)
        }
    };
    // A file that has both can be had from either; the daemon fetches and checks URLs itself.
    if let Some(value) = table.get("url") {
        let url = url(&value, UrlUse::Http, problems)?;
        let own = accepted(&value, text::url_file_name(url), problems)?;
        return Some((name.map_or_else(|| own.as_ref().into(), Into::into), FileLocation::Url(url.into())));
    }
    if let Some(value) = table.get("path") {
        let path = path(&value, problems)?;
        let own = path.rsplit('/').next().unwrap_or_default();
        accepted(&value, text::file_name(own), problems)?;
        return Some((name.unwrap_or(own).into(), FileLocation::Path(path.into())));
    }
    problems.push(value.problem("has neither url nor path"));
    None
}

/// The hash to check: SHA-256 before all others.
fn hash(table: &Table<'_>, problems: &mut Problems) -> Option<Hash> {
    let hashes = table.get("hashes")?;
    let mut found = None;
    for value in hashes.table("a table of hashes", problems)?.entries() {
        let digest = value.string("a string", problems)?;
        let parsed = format!("{}:{digest}", value.key()).parse::<Hash>();
        match parsed {
            Ok(hash) if value.key() == "sha256" => return Some(hash),
            Ok(hash) => found = found.or(Some(hash)),
            Err(reason) if value.key() == "sha256" => {
                problems.push(value.problem(format_args!("is not valid: {reason}")));
            }
            // Algorithms that are not known here do not matter as long as there is one that is.
            Err(_) => {}
        }
    }
    found
}
