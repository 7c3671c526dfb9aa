//! Where files come from: the main context, the local that holds the entry file, and named contexts (`--build-context`).

use std::collections::BTreeMap;

use buildkit_llb::Platform;

use super::OptionError;
use crate::image::ImageReference;

/// The local source that holds the entry file, unless `dockerfilekey` says otherwise.
pub const DEFAULT_ENTRY_LOCAL: &str = "dockerfile";
/// The local source (or input) that is the main context.
pub const DEFAULT_CONTEXT_LOCAL: &str = "context";

/// The main context, as the options describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MainContextOptions {
    /// A git or http URL. Without it the context is an input or a local source.
    pub url: Option<String>,
    /// A sub-directory of a remote or input context.
    pub subdir: Option<String>,
    /// The local source of the entry file.
    pub entry_local: String,
    /// True if the entry file comes from that local even when the context is remote or an input.
    pub force_entry_local: bool,
    /// `BUILDKIT_CONTEXT_KEEP_GIT_DIR`: keep `.git` of a git context.
    pub keep_git_dir: bool,
}

/// Where a named context comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamedSource {
    /// `docker-image://scratch`: nothing at all.
    Scratch,
    /// `docker-image://reference`.
    Image(ImageReference),
    /// `local:name`, a local source of the client.
    Local(String),
    /// `input:name`, a graph that the client passes.
    Input(String),
    /// `oci-layout://store[:tag]@digest`, without its scheme.
    OciLayout(String),
    /// A git repository or an http URL.
    Url(String),
}

/// All named contexts, by name, some of them for one platform only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamedContexts(BTreeMap<String, NamedSource>);

impl NamedContexts {
    pub(super) fn parse<'a>(options: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Self, OptionError> {
        options
            .map(|(name, value)| Ok((name.to_owned(), parse_source(name, value)?)))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Finds the context of a name, the one for the platform first. The key that it stands under comes with it.
    ///
    /// Names are compared as image references: `python`, `docker.io/library/python` and `python:latest` are the same.
    pub fn get(&self, name: &str, platform: Option<&Platform>) -> Option<(&str, &NamedSource)> {
        let name = normalized_name(name);
        let with_platform = platform.map(|platform| format!("{name}::{platform}"));
        let find = |key: &str| self.0.get_key_value(key).map(|(key, source)| (key.as_str(), source));
        with_platform.as_deref().and_then(find).or_else(|| find(&name))
    }

    /// All of them, with the keys as the client sent them (`name` or `name::platform`).
    pub fn iter(&self) -> impl Iterator<Item = (&str, &NamedSource)> {
        self.0.iter().map(|(key, source)| (key.as_str(), source))
    }

    /// True if the client passed none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A context's name as clients send it: the familiar form of an image reference, without `:latest`.
pub(crate) fn normalized_name(name: &str) -> String {
    match ImageReference::parse(name) {
        Ok(reference) => {
            let familiar = reference.familiar();
            familiar.strip_suffix(":latest").unwrap_or(&familiar).to_owned()
        }
        Err(_) => name.to_owned(),
    }
}

fn parse_source(name: &str, value: &str) -> Result<NamedSource, OptionError> {
    let wrong = |expected| OptionError::new(&format!("context:{name}"), value, expected);
    let (scheme, rest) = value.split_once(':').unwrap_or((value, ""));
    let bare = rest.strip_prefix("//").unwrap_or(rest);
    match scheme {
        "docker-image" if bare == "scratch" => Ok(NamedSource::Scratch),
        "docker-image" => match ImageReference::parse(bare) {
            Ok(reference) => Ok(NamedSource::Image(reference.with_default_tag())),
            Err(_) => Err(wrong("an image reference behind docker-image://")),
        },
        "local" if !rest.is_empty() => Ok(NamedSource::Local(rest.to_owned())),
        "input" if !rest.is_empty() => Ok(NamedSource::Input(rest.to_owned())),
        "oci-layout" if bare.contains('@') => Ok(NamedSource::OciLayout(bare.to_owned())),
        "oci-layout" => Err(wrong("an OCI layout with a digest: oci-layout://<store>@sha256:<digest>")),
        "git" | "ssh" | "http" | "https" => Ok(NamedSource::Url(value.to_owned())),
        _ if scheme.starts_with("git@") => Ok(NamedSource::Url(value.to_owned())),
        _ => Err(wrong("docker-image://, oci-layout://, local:, input:, or a git or http URL")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contexts(pairs: &[(&'static str, &'static str)]) -> Result<NamedContexts, OptionError> {
        NamedContexts::parse(pairs.iter().copied())
    }

    #[test]
    fn sources() {
        let contexts = contexts(&[
            ("a", "docker-image://python:3.13"),
            ("b", "docker-image://scratch"),
            ("c", "local:c"),
            ("d", "input:target"),
            ("e", "git@github.com:a/b.git"),
            ("f", "https://example.com/a.tar.gz"),
            ("g", "oci-layout://store@sha256:0"),
        ])
        .unwrap();
        let got: Vec<_> = contexts.iter().map(|(_, source)| source.clone()).collect();
        let expected = [
            NamedSource::Image(ImageReference::parse("python:3.13").unwrap()),
            NamedSource::Scratch,
            NamedSource::Local("c".into()),
            NamedSource::Input("target".into()),
            NamedSource::Url("git@github.com:a/b.git".into()),
            NamedSource::Url("https://example.com/a.tar.gz".into()),
            NamedSource::OciLayout("store@sha256:0".into()),
        ];
        assert_eq!(got, expected);
    }

    #[test]
    fn bad_sources_name_their_option() {
        for bad in ["x", "local:", "docker-image://A B", "oci-layout://x:tag", "target:x", "ftp://x"] {
            let error = contexts(&[("base", bad)]).unwrap_err().to_string();
            assert!(error.contains("context:base"), "{error}");
        }
    }

    #[test]
    fn the_platforms_own_context_wins() {
        let contexts =
            contexts(&[("python::linux/arm64", "local:arm"), ("python", "local:any"), ("x:1", "local:x")]).unwrap();
        let arm = Platform::new("linux", "arm64");
        let amd = Platform::new("linux", "amd64");
        let local = |name: &str| NamedSource::Local(name.into());
        assert_eq!(contexts.get("python", Some(&arm)), Some(("python::linux/arm64", &local("arm"))));
        assert_eq!(contexts.get("docker.io/library/python:latest", Some(&amd)), Some(("python", &local("any"))));
        assert_eq!(contexts.get("python", None), Some(("python", &local("any"))));
        assert_eq!(contexts.get("python:3", None), None);
        assert_eq!(contexts.get("x:1", None), Some(("x:1", &local("x"))));
    }
}
