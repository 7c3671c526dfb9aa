//! `uv.lock`, typed, with the place of everything that an error may have to point at. Reads every revision of version 1
//! (keys that are not known are ignored, as uv promises to older readers) and refuses other versions. Everything that
//! could end up in a URL, a file name or a terminal is checked here.

mod artifact;
mod canonical;
mod hash;
mod link;
mod manifest;
mod marker;
mod package;
mod reader;
mod requirement;
mod source;
pub(super) mod text;
mod tree;

use std::ops::Range;
use std::sync::Arc;

use uv_normalize::PackageName;
use uv_pep440::VersionSpecifiers;

pub use self::artifact::{FileLocation, Sdist, Wheel};
pub use self::hash::{Hash, HashAlgorithm};
pub use self::manifest::{ConflictItem, ConflictKind, ConflictSet, Manifest, Options};
pub use self::marker::{Comparison, Expression, Marker};
pub use self::package::{DefaultGroups, Edge, Metadata, Package};
pub use self::requirement::Requirement;
pub use self::source::{GitReference, GitSource, Registry, Source};

use self::package::Unlinked;
use self::reader::Reader;
use self::tree::{Table, Value};
use crate::diagnostic::{Diagnostic, Diagnostics, Location, SourceFile};

/// The only version of the format there is so far.
const VERSION: u64 = 1;
/// More problems than this say nothing new.
const MAX_PROBLEMS: usize = 10;

/// A lock file.
#[derive(Debug, Clone)]
pub struct Lock {
    /// The file that it was read from.
    pub file: Arc<SourceFile>,
    /// The format's version: always 1.
    pub version: u32,
    /// The format's revision: 0 for locks from before revisions were counted.
    pub revision: u32,
    /// The Python versions that the lock is for.
    pub requires_python: VersionSpecifiers,
    /// Where `requires_python` stands.
    pub requires_python_range: Range<usize>,
    /// The forks of the resolution. Their union is where the lock is valid; none means everywhere.
    pub resolution_markers: Vec<Marker>,
    /// `tool.uv.environments`: the only environments that the lock is for. None means all.
    pub supported_markers: Vec<Marker>,
    /// `tool.uv.required-environments`: environments that must have wheels.
    pub required_markers: Vec<Marker>,
    /// Extras, groups and projects that exclude each other.
    pub conflicts: Vec<ConflictSet>,
    /// `[options]`.
    pub options: Options,
    /// `[manifest]`.
    pub manifest: Manifest,
    /// All packages, in the file's order.
    pub packages: Vec<Package>,
}

impl Lock {
    /// Reads a lock.
    ///
    /// # Errors
    /// Diagnostics with lines: TOML that is broken, a version of the format that is not known, values that do not fit
    /// the schema or that nobody should trust (at most ten). When any URL of the file has credentials in it, that is
    /// the only diagnostic, and it has no place, so that nobody draws the line.
    pub fn read(file: &Arc<SourceFile>) -> Result<Self, Diagnostics> {
        Self::read_inner(file).map_err(|problems| match text::first_credentials(file.text()) {
            Some(offset) => reader::credentials(file, offset).into(),
            None => diagnostics(problems),
        })
    }

    fn read_inner(file: &Arc<SourceFile>) -> Result<Self, Vec<Diagnostic>> {
        let mut reader = Reader::new(file);
        let mut problems = Vec::new();
        let mut unlinked = Vec::new();
        let head = canonical::read(file.text(), |table, range| {
            match Unlinked::read(&mut reader, table, range) {
                Ok(package) => unlinked.push(package),
                Err(problem) => problems.push(problem),
            }
            problems.len() < MAX_PROBLEMS
        });
        if let Some(head) = head {
            return Self::assemble(file, &mut reader, &head, unlinked, problems);
        }

        // Not in the layout that uv writes (edited by hand, or broken): the general reader decides.
        let mut unlinked = Vec::new();
        let mut problems = Vec::new();
        let root = tree::parse(file.text()).map_err(|error| vec![broken(file, &error)])?;
        check_version(&reader, &root).map_err(|problem| vec![problem])?;
        if let Some(node) = root.get("package").or_else(|| root.get("distribution")) {
            for node in reader.array(node, "package").map_err(|problem| vec![problem])? {
                let package = match &node.value {
                    Value::Table(table) => Unlinked::read(&mut reader, table, &node.range),
                    _ => Err(reader.error(&node.range, "a package must be a table")),
                };
                match package {
                    Ok(package) => unlinked.push(package),
                    Err(problem) => problems.push(problem),
                }
                if problems.len() >= MAX_PROBLEMS {
                    break;
                }
            }
        }
        Self::assemble(file, &mut reader, &root, unlinked, problems)
    }

    fn assemble(
        file: &Arc<SourceFile>,
        reader: &mut Reader,
        head: &Table<'_>,
        unlinked: Vec<Unlinked>,
        problems: Vec<Diagnostic>,
    ) -> Result<Self, Vec<Diagnostic>> {
        check_version(reader, head).map_err(|problem| vec![problem])?;
        if !problems.is_empty() {
            return Err(problems);
        }
        let packages = link::link(reader, unlinked)?;
        let read_head = || -> reader::Result<Self> {
            let Some(python) = head.get("requires-python") else {
                return Err(reader.error(&(0..0), "the lock has no requires-python"));
            };
            let revision = head.get("revision").map(|node| reader.unsigned(node, "revision")).transpose()?;
            Ok(Self {
                file: Arc::clone(file),
                version: 1,
                revision: revision.and_then(|revision| u32::try_from(revision).ok()).unwrap_or_default(),
                requires_python: reader.parsed(python, "requires-python", "this version specifier")?,
                requires_python_range: python.range.clone(),
                resolution_markers: reader.markers(head.get("resolution-markers"), "resolution-markers")?,
                supported_markers: reader.markers(head.get("supported-markers"), "supported-markers")?,
                required_markers: reader.markers(head.get("required-markers"), "required-markers")?,
                conflicts: ConflictSet::read_list(reader, head.get("conflicts"))?,
                options: Options::read(reader, head.get("options"))?,
                manifest: Manifest::read(reader, head.get("manifest"))?,
                packages,
            })
        };
        read_head().map_err(|problem| vec![problem])
    }

    /// What stands for a lock where another file says what is installed: its packages, without edges between them.
    pub fn of_packages(file: &Arc<SourceFile>, packages: Vec<Package>) -> Self {
        Self {
            file: Arc::clone(file),
            version: 1,
            revision: 0,
            requires_python: VersionSpecifiers::empty(),
            requires_python_range: 0..0,
            resolution_markers: Vec::new(),
            supported_markers: Vec::new(),
            required_markers: Vec::new(),
            conflicts: Vec::new(),
            options: Options::default(),
            manifest: Manifest::default(),
            packages,
        }
    }

    /// A place in this lock.
    pub fn location(&self, range: &Range<usize>) -> Location {
        Location::new(&self.file, range.clone())
    }

    /// The package at the root of the project: the source tree at the lock's own directory.
    pub fn root(&self) -> Option<&Package> {
        self.packages.iter().find(
            |package| matches!(&package.source, Source::Editable { path } | Source::Virtual { path } if &**path == "."),
        )
    }

    /// All packages of a name (several when the resolution forked).
    pub fn packages_named<'l>(&'l self, name: &'l PackageName) -> impl Iterator<Item = &'l Package> {
        self.packages.iter().filter(move |package| package.name == *name)
    }

    /// The names of the workspace's members, sorted; of the project at the root when there is no workspace.
    pub fn members(&self) -> Vec<&PackageName> {
        let mut members: Vec<&PackageName> = if self.manifest.members.is_empty() {
            self.root().map(|package| &package.name).into_iter().collect()
        } else {
            self.manifest.members.iter().collect()
        };
        members.sort_unstable();
        members
    }
}

fn diagnostics(problems: Vec<Diagnostic>) -> Diagnostics {
    match Diagnostics::into_result(problems) {
        Err(diagnostics) => diagnostics,
        Ok(()) => Diagnostic::new("the lock file cannot be read").into(),
    }
}

fn broken(file: &Arc<SourceFile>, error: &toml::de::Error) -> Diagnostic {
    let range = error.span().unwrap_or(0..0);
    let mut diagnostic =
        Diagnostic::new(format!("the lock file is not valid TOML: {}", error.message())).at(file, range);
    if ["<<<<<<<", "=======", ">>>>>>>"].iter().any(|mark| file.text().lines().any(|line| line.starts_with(mark))) {
        diagnostic = diagnostic.note("the file has conflict marks of a git merge");
    }
    diagnostic.help("restore the file from version control, or run `uv lock` to write it anew")
}

fn check_version(reader: &Reader, head: &Table<'_>) -> reader::Result<()> {
    let Some(node) = head.get("version") else {
        return Err(reader.error(&(0..0), "the lock has no version"));
    };
    let version = reader.unsigned(node, "version")?;
    if version == VERSION {
        return Ok(());
    }
    let diagnostic = Diagnostic::new(format!("version {version} of the lock format is not known, only version 1"))
        .at(&reader.file, node.range.clone());
    Err(if version > VERSION {
        diagnostic
            .note("the lock was written by a uv that is newer than this pyfront")
            .help("use a newer pyfront, or write the lock with a uv of the 0.4 to 0.13 series (`uvx uv@0.13.8 lock`)")
    } else {
        diagnostic.help("run `uv lock` with uv 0.4 or later to write the lock file anew")
    })
}
