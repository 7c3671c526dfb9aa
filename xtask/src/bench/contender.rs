//! Who competes: ways to build one project, each with its own Dockerfile or none. A contender prepares files and the words
//! of a `docker buildx build`, and knows nothing of scenarios. Their cache mounts have different ids, so that no contender
//! lives on what another has fetched.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::image;

/// A way to build a project.
#[derive(Clone, Debug)]
pub(crate) struct Contender {
    /// What `--contender` and the tables call it.
    pub(crate) name: String,
    /// The Dockerfile with placeholders, or none for pyfront.
    dockerfile: Option<&'static str>,
    /// The frontend image; the engine's built-in frontend without one.
    syntax: Option<String>,
    /// Whether it builds on the engine without Merge and Diff, and not on the one that all others build on.
    pub(crate) on_fallback: bool,
}

/// The contender that all others are compared with.
pub(crate) const PYFRONT: &str = "pyfront";

/// Everyone. With `stock`, the image of the stock Dockerfile frontend, the tuned Dockerfile also runs through that: it tells
/// how much of a build that does nothing is owed to being an external frontend.
pub(crate) fn all(stock: Option<&str>) -> Vec<Contender> {
    let by_hand =
        |name: &str, dockerfile, syntax| Contender { name: name.to_owned(), dockerfile, syntax, on_fallback: false };
    let guide = include_str!("dockerfiles/guide.Dockerfile");
    let tuned = include_str!("dockerfiles/tuned.Dockerfile");
    let mut all = vec![
        by_hand("guide", Some(guide), None),
        by_hand("tuned", Some(tuned), None),
        by_hand("pip", Some(include_str!("dockerfiles/pip.Dockerfile")), None),
        by_hand(PYFRONT, None, Some(image::NAME.to_owned())),
        Contender { on_fallback: true, ..by_hand("guide-fallback", Some(guide), None) },
        Contender { on_fallback: true, ..by_hand("pyfront-fallback", None, Some(image::NAME.to_owned())) },
    ];
    if let Some(stock) = stock {
        all.push(by_hand("tuned-external", Some(tuned), Some(stock.to_owned())));
    }
    all
}

/// What a contender is, for readers of the report.
pub(crate) fn about(name: &str) -> &'static str {
    match name {
        "guide" => "the multi-stage Dockerfile of uv's Docker guide",
        "tuned" => "a hand-tuned Dockerfile: cache mounts, `COPY --link` of the environment and then of the code",
        "pip" => "a Dockerfile with `pip install` and a cache mount",
        PYFRONT => "`# syntax=org/pyfront`",
        "guide-fallback" => "the Dockerfile of uv's guide on an engine without the containerd image store",
        "pyfront-fallback" => "pyfront on that engine, where layers are copied and not merged",
        "tuned-external" => "the hand-tuned Dockerfile through the stock frontend as an external image",
        _ => "",
    }
}

impl Contender {
    /// Whether it is a Dockerfile.
    pub(crate) fn is_by_hand(&self) -> bool {
        self.dockerfile.is_some()
    }

    /// Whether it installs from `requirements.txt`.
    pub(crate) fn needs_requirements(&self) -> bool {
        self.dockerfile.is_some_and(|text| text.contains("requirements.txt"))
    }

    /// Writes the Dockerfile to `directory`, which is not the context, and adds to `build` which file and which frontend is
    /// meant. `module` is the project's Python module.
    pub(crate) fn prepare(&self, build: &mut Command, directory: &Path, context: &Path, module: &str) -> Result<()> {
        let file = match self.dockerfile {
            Some(text) => {
                let path = directory.join(format!("{}-{module}.Dockerfile", self.name));
                let text = text.replace("{contender}", &self.name).replace("{module}", module);
                fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
                path
            }
            None => context.join("pyproject.toml"),
        };
        build.arg("--file").arg(file);
        if let (Some(syntax), Some(_)) = (&self.syntax, self.dockerfile) {
            build.args(["--build-arg", &format!("BUILDKIT_SYNTAX={syntax}")]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_contenders_share_a_cache_mount() {
        for contender in all(Some("docker/dockerfile:1")) {
            let Some(text) = contender.dockerfile else { continue };
            assert_eq!(text.matches("type=cache,").count(), text.matches("type=cache,id={contender}-").count());
            assert!(!about(&contender.name).is_empty());
        }
    }
}
