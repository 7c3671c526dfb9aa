//! `base`: the image below everything. A short name chooses a variant of the official Python image; anything else must be
//! a full image reference, so that a misspelt variant is not looked up in a registry.

use crate::diagnostic::nearest;
use crate::project::config::element::Element;
use crate::project::document::{Problems, Value, quoted};

/// The variants of the official image that have a name.
const VARIANTS: &[(&str, Base)] = &[("slim", Base::Slim), ("alpine", Base::Alpine), ("full", Base::Full)];

/// What to build on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    /// `python:<version>-slim`: Debian with little more than Python.
    Slim,
    /// `python:<version>-alpine`: Alpine, whose C library is musl.
    Alpine,
    /// `python:<version>`: Debian with compilers and the headers of many libraries.
    Full,
    /// An image that the user named.
    Image(ImageReference),
}

impl Element for Base {
    const EXPECTED: &'static str =
        "\"slim\", \"alpine\", \"full\" or a full image reference, for example \"python:3.13-slim-trixie\"";
    const SCHEMA: &'static str = r#"{"type": "string", "examples": ["slim", "alpine", "full"]}"#;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let text = value.string(Self::EXPECTED, problems)?;
        if let Some((_, variant)) = VARIANTS.iter().find(|(name, _)| *name == text) {
            return Some(variant.clone());
        }
        if text == "distroless" {
            problems.push(
                value
                    .problem(format_args!("{text:?} is no variant of the official image"))
                    .note("an image without shell and package manager is as good a base as any, if it has Python")
                    .help("write the full reference of such an image, as for docker pull"),
            );
            return None;
        }
        if !text.contains(['/', ':', '@']) {
            let problem = value
                .problem(format_args!("{} is neither a variant nor a full image reference", quoted(text)))
                .note("variants: slim, alpine, full");
            problems.push(match nearest(text, VARIANTS.iter().map(|(name, _)| *name)) {
                Some(variant) => problem.help(format!("did you mean {variant:?}?")),
                None => problem.help("write an image with its tag or digest, for example \"python:3.13-slim-trixie\""),
            });
            return None;
        }
        match ImageReference::parse(text) {
            Ok(reference) => Some(Self::Image(reference)),
            Err(reason) => {
                problems.push(
                    value
                        .problem(format_args!("{} is not an image reference: {reason}", quoted(text)))
                        .help("write it as for docker pull, for example \"registry.example.com/python:3.13\""),
                );
                None
            }
        }
    }
}

/// The reference of an image, checked against the grammar of distribution/reference: `[host[:port]/]path[:tag][@digest]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageReference(String);

impl ImageReference {
    /// The reference as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        if digest.is_some_and(|digest| !is_digest(digest)) {
            return Err("the digest must be sha256: and 64 hexadecimal digits in lower case");
        }
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (rest, None),
        };
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err("the tag may hold letters, digits, '_', '.' and '-', at most 128");
        }
        if name.len() > 255 {
            return Err("the name is longer than 255 characters");
        }
        let path = match name.split_once('/') {
            Some((host, path)) if is_host_like(host) => {
                if !is_host(host) {
                    return Err("the registry's host is not valid");
                }
                path
            }
            _ => name,
        };
        if path.split('/').all(is_path_component) {
            Ok(Self(text.to_owned()))
        } else {
            Err("the name may hold lower-case letters and digits, separated by '.', '_', '-' and '/'")
        }
    }
}

/// The first component is a host, not part of the path, when it could be nothing else (distribution/reference).
fn is_host_like(component: &str) -> bool {
    component.contains(['.', ':'])
        || component == "localhost"
        || component.bytes().any(|byte| byte.is_ascii_uppercase())
}

fn is_host(text: &str) -> bool {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let Some((address, rest)) = rest.split_once(']') else { return false };
        if address.is_empty() || !address.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':') {
            return false;
        }
        if rest.is_empty() {
            return true;
        }
        let Some(port) = rest.strip_prefix(':') else { return false };
        ("localhost", Some(port))
    } else {
        text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)))
    };
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    host.split('.').all(label)
        && port.is_none_or(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Runs of lower-case letters and digits, separated by one `.`, one or two `_`, or any number of `-`.
fn is_path_component(text: &str) -> bool {
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    if !alphanumeric(*first) || !alphanumeric(*last) {
        return false;
    }
    text.split(|character: char| character.is_ascii_lowercase() || character.is_ascii_digit())
        .all(|separator| matches!(separator, "" | "." | "_" | "__") || separator.bytes().all(|byte| byte == b'-'))
}

fn is_tag(text: &str) -> bool {
    text.len() <= 128
        && text.bytes().enumerate().all(|(index, byte)| {
            byte.is_ascii_alphanumeric() || byte == b'_' || (index > 0 && (byte == b'.' || byte == b'-'))
        })
        && !text.is_empty()
}

fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|hex| {
        hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::config::tests::{errors, read};

    #[test]
    fn variants_and_references() {
        for (name, variant) in VARIANTS {
            assert_eq!(read(&format!("base = '{name}'")).base.unwrap().value, *variant);
        }
        let Base::Image(image) = read("base = 'python:3.13-slim-trixie'").base.unwrap().value else { panic!() };
        assert_eq!(image.as_str(), "python:3.13-slim-trixie");
    }

    #[test]
    fn references_follow_the_grammar_of_distribution() {
        let digest = "a".repeat(64);
        for good in [
            "python:3.13",
            "library/python",
            "registry.example/acme/python-base:1.0_x.y-z",
            "localhost:5000/py",
            "[::1]:5000/py",
            "REG/py:latest",
            &format!("python@sha256:{digest}"),
            &format!("h.example:1/a/b__c:3.13@sha256:{digest}"),
        ] {
            assert!(ImageReference::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "python:",
            ":3",
            "a/",
            "/a",
            "a//b",
            "acme/Python",
            "a:b:c",
            "a b/c",
            "a/b\nc",
            "python:-x",
            "a___b/c",
            "-a/b",
            "python@sha256:abc",
            "python@md5:aa",
            "ex_ample.com/py",
            "host:port/py",
            "a@b@c",
            "[::1/py",
            "é/b",
            "docker-image://python:3",
            "https://example.com/x",
        ] {
            assert!(ImageReference::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn refusals() {
        let all = ["'distroless'", "'slm'", "'ubuntu'", "'Acme/Python'", "'python@sha256:12'", "3.13", "'a/b\tc'"];
        let all: Vec<String> = all.iter().map(|base| errors(&format!("base = {base}"))).collect();
        insta::assert_snapshot!(all.join("\n"));
    }
}
