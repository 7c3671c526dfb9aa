//! What `plan`, `graph`, `check` and `dockerfile` have in common: which project is meant, and the answers to what a
//! build would ask the daemon.

use std::path::{Path, PathBuf};

use buildkit_frontend::offline::Offline;
use lexopt::{Arg, Parser, ValueExt as _};

use super::{Failure, assume, unexpected};
use crate::closure::Libc;
use crate::gateway::preview::{Preview, preview};
use crate::project::entry::Entry;

pub(super) const PYPROJECT: &str = "pyproject.toml";
const DOCKERFILE: &str = "Dockerfile";
const LOCK: &str = "uv.lock";
/// What a project may have in the place of a lock of uv.
const OTHER_INPUTS: [&str; 2] = ["pylock.toml", "requirements.txt"];

/// The options that these commands share, for their help.
pub(super) const HELP: &str =
    "  PATH                     the project's directory, or its pyproject.toml, Dockerfile or script (default: .)
  --target NAME            as docker buildx build --target
  --package NAME           the member of the workspace
  --platform OS/ARCH       for another platform than this machine's; several are separated by commas
  --python VERSION         as --build-arg PYTHON_VERSION=VERSION
  --build-arg NAME=VALUE   as docker buildx build --build-arg
  --build-context NAME=DIR as docker buildx build --build-context, for directories
  --libc NAME-VERSION      the base image's C library: glibc-2.41, musl-1.2
";

/// The names of these options.
const OPTIONS: [&str; 7] = ["target", "package", "platform", "python", "build-arg", "build-context", "libc"];

/// Which project, and what of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    path: Option<PathBuf>,
    target: Option<String>,
    platform: Option<String>,
    build_args: Vec<(String, String)>,
    contexts: Vec<(String, PathBuf)>,
    libc: Option<Libc>,
}

/// What a build would make, and what it would warn of.
pub(super) struct Found {
    pub(super) previews: Vec<Preview>,
    /// The file that says all, with the context as its root.
    pub(super) file: String,
    pub(super) warnings: Vec<String>,
}

impl Wanted {
    /// Reads a command line. `option` is called with the name of each option that is the command's `own`, and reads its value.
    pub(super) fn read(
        mut parser: Parser,
        own: &[&str],
        mut option: impl FnMut(&str, &mut Parser) -> Result<(), Failure>,
    ) -> Result<Self, Failure> {
        let known: Vec<&str> = own.iter().chain(&OPTIONS).copied().collect();
        let mut wanted = Self::default();
        while let Some(argument) = parser.next()? {
            let refusal = unexpected(&argument, &known);
            match Taken::from(&argument) {
                Taken::Long(name) if own.contains(&name.as_str()) => option(&name, &mut parser)?,
                taken => {
                    if !wanted.take(&taken, &mut parser)? {
                        return Err(refusal);
                    }
                }
            }
        }
        Ok(wanted)
    }

    /// Takes an argument, if it is one that these commands share.
    fn take(&mut self, argument: &Taken, parser: &mut Parser) -> Result<bool, Failure> {
        match argument {
            Taken::Value(path) if self.path.is_none() => self.path = Some(path.clone()),
            Taken::Long(name) => {
                if !OPTIONS.contains(&name.as_str()) {
                    return Ok(false);
                }
                let value = parser.value()?.string()?;
                self.set(name, value)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn set(&mut self, name: &str, value: String) -> Result<(), Failure> {
        match name {
            "target" => self.target = Some(value),
            "platform" => self.platform = Some(value),
            "package" => self.build_args.push(("PYFRONT_PACKAGE".to_owned(), value)),
            "python" => self.build_args.push(("PYTHON_VERSION".to_owned(), value)),
            "libc" => {
                let libc = assume::parse(&value);
                let wrong = || Failure::Usage(format!("--libc {value}: write glibc-2.41 or musl-1.2, for example"));
                self.libc = Some(libc.ok_or_else(wrong)?);
            }
            other => {
                let (key, value) = value.split_once('=').ok_or_else(|| {
                    Failure::Usage(format!("--{other} {value}: write a name and a value, --{other} NAME=VALUE"))
                })?;
                match other {
                    "build-arg" => self.build_args.push((key.to_owned(), value.to_owned())),
                    _ => self.contexts.push((key.to_owned(), value.into())),
                }
            }
        }
        Ok(())
    }

    /// Whether nothing was said about the C library of the base.
    pub(super) fn assumes_libc(&self) -> bool {
        self.libc.is_none()
    }

    /// The target, if one was asked for.
    pub(super) fn target(&self) -> Option<&str> {
        self.target.as_deref()
    }

    /// The same project with another target.
    pub(super) fn with_target(&self, target: String) -> Self {
        Self { target: Some(target), ..self.clone() }
    }

    /// Where the project is.
    pub(super) fn place(&self) -> Result<Place, Failure> {
        let path = self.path.clone().unwrap_or_else(|| PathBuf::from("."));
        if !path.exists() {
            return Err(Failure::Failed(format!("{}: there is no such file or directory", path.display())));
        }
        let (entry, filename) = if path.is_dir() {
            (path.clone(), filename_in(&path))
        } else {
            let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            (directory.unwrap_or(Path::new(".")).to_owned(), name)
        };
        let is_member = filename == PYPROJECT && !has_packages(&entry);
        let context = is_member.then(|| workspace_of(&entry)).flatten().unwrap_or_else(|| entry.clone());
        Ok(Place { context, entry, filename })
    }

    /// Decides what a build would decide.
    pub(super) fn preview(&self) -> Result<Found, Failure> {
        let place = self.place()?;
        let file = place.file();
        let libc = self.libc;
        let mut offline = Offline::new()
            .option("filename", place.filename)
            .directory("context", place.context)
            .directory("dockerfile", place.entry)
            .images(move |reference, platform| assume::image(libc, reference, platform));
        for (key, value) in [("target", &self.target), ("platform", &self.platform)] {
            if let Some(value) = value {
                offline = offline.option(key, value);
            }
        }
        for (name, value) in &self.build_args {
            offline = offline.option(format!("build-arg:{name}"), value);
        }
        for (name, directory) in &self.contexts {
            offline = offline.option(format!("context:{name}"), format!("local:{name}")).directory(name, directory);
        }
        let (previews, mut warnings) = offline.run(async |gateway| preview(gateway).await);
        let previews = previews.map_err(|error| Failure::Failed(error.to_string()))?;
        for warning in previews.iter().flat_map(|preview| &preview.findings) {
            let warning = warning.to_string();
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
        Ok(Found { previews, file, warnings })
    }
}

/// What `docker buildx build -f ENTRY/FILENAME CONTEXT` would be given.
pub(super) struct Place {
    pub(super) context: PathBuf,
    pub(super) entry: PathBuf,
    pub(super) filename: String,
}

impl Place {
    /// Whether there is anything that says which packages are installed.
    pub(super) fn has_packages(&self) -> bool {
        self.context != self.entry || has_packages(&self.entry) || !Entry::is_pyproject(&self.filename)
    }

    /// The file to build from and the context, relative to the context, as `docker buildx build -f FILE .` takes them there.
    pub(super) fn file(&self) -> String {
        let relative = self.entry.canonicalize().ok().zip(self.context.canonicalize().ok());
        let relative = relative.and_then(|(entry, context)| Some(entry.strip_prefix(context).ok()?.to_owned()));
        relative.unwrap_or_default().join(&self.filename).display().to_string()
    }
}

/// A Dockerfile of ours, as Docker would take it; else the project file. A directory may have neither.
fn filename_in(directory: &Path) -> String {
    let dockerfile = std::fs::read_to_string(directory.join(DOCKERFILE)).unwrap_or_default();
    let first = dockerfile.lines().next().unwrap_or_default();
    let is_ours = first.contains("syntax") && first.contains("pyfront");
    let has_pyproject = directory.join(PYPROJECT).is_file();
    if !is_ours && has_pyproject { PYPROJECT.to_owned() } else { DOCKERFILE.to_owned() }
}

fn has_packages(directory: &Path) -> bool {
    std::iter::once(LOCK).chain(OTHER_INPUTS).any(|name| directory.join(name).is_file())
}

/// The nearest directory above that has a lock: the workspace's root, when this is a member of it.
fn workspace_of(member: &Path) -> Option<PathBuf> {
    let member = member.canonicalize().ok()?;
    let above = member.ancestors().skip(1).find(|directory| directory.join(LOCK).is_file())?;
    Some(above.to_owned())
}

/// An argument that no longer borrows from its parser, which has to give its value.
enum Taken {
    Long(String),
    Value(PathBuf),
    Other,
}

impl From<&Arg<'_>> for Taken {
    fn from(argument: &Arg<'_>) -> Self {
        match argument {
            Arg::Long(name) => Self::Long((*name).to_owned()),
            Arg::Value(value) => Self::Value(value.into()),
            Arg::Short(_) => Self::Other,
        }
    }
}
