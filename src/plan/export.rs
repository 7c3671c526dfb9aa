//! The packages of a lock as `requirements.txt`, as `uv export` and `pip` write it: one package of the closure each, with the
//! hashes of all files that the lock has of it. The user's own projects have no hash and are left out.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::input::Input;
use crate::closure::{Closure, Locked};
use crate::diagnostic::{Diagnostic, Location};
use crate::project::lock::{Lock, Source};

/// The text of the file, for one platform.
///
/// # Errors
/// There is no lock.
pub fn requirements(
    closure: &Closure,
    lock: &Lock,
    input: &Input,
    platform: &str,
    python: &str,
) -> Result<String, Diagnostic> {
    if let Input::Requirements(_) = input {
        return Err(Diagnostic::new(format!(
            "there is no lock, so there is nothing to export but {}",
            lock.file.name()
        ))
        .at_location(Some(Location::new(&lock.file, 0..0)))
        .help("run uv lock, and commit the uv.lock that it writes"));
    }
    let mut text = format!("# {} on {platform} with Python {python}\n", lock.file.name());
    for package in &closure.packages {
        if package.first_party {
            continue;
        }
        text.push_str(&requirement(package));
        for hash in hashes(package, lock) {
            let _ = write!(text, " \\\n    --hash={hash}");
        }
        text.push('\n');
    }
    Ok(text)
}

fn requirement(package: &Locked) -> String {
    let name = &package.name;
    let fragment = |subdirectory: &Option<Box<str>>| {
        subdirectory.as_ref().map(|subdirectory| format!("#subdirectory={subdirectory}")).unwrap_or_default()
    };
    match &package.source {
        Source::Git(git) => {
            let url = git.url.strip_prefix("git+").unwrap_or(&git.url);
            format!("{name} @ git+{url}@{}{}", git.commit, fragment(&git.subdirectory))
        }
        Source::Url { url, subdirectory } => format!("{name} @ {url}{}", fragment(subdirectory)),
        Source::Path { path } if path.starts_with(['.', '/']) => path.to_string(),
        Source::Path { path } => format!("./{path}"),
        Source::Registry { .. } | Source::Directory { .. } | Source::Editable { .. } | Source::Virtual { .. } => {
            match &package.version {
                Some(version) => format!("{name}=={version}"),
                None => name.to_string(),
            }
        }
    }
}

/// The hashes of the files of a package, each once.
fn hashes(package: &Locked, lock: &Lock) -> BTreeSet<String> {
    let same = lock.packages.iter().filter(|locked| {
        locked.name == package.name && locked.version == package.version && locked.source == package.source
    });
    let files = same.flat_map(|locked| {
        let wheels = locked.wheels.iter().map(|wheel| &wheel.hash);
        wheels.chain(locked.sdist.iter().map(|sdist| &sdist.hash))
    });
    files.flatten().map(ToString::to_string).collect()
}
