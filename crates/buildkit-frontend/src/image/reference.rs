//! Image references such as `python:3.13-slim`, read and completed the way Docker does it
//! (`github.com/distribution/reference`, `ParseNormalizedNamed`): `docker.io/library/python:3.13-slim`.
//!
//! This is the one place in which a registry's name stands in code.

use std::fmt;
use std::str::FromStr;

/// The registry that a reference without a host means.
const DEFAULT_DOMAIN: &str = "docker.io";
/// Another spelling of [`DEFAULT_DOMAIN`], still found in old files.
const LEGACY_DEFAULT_DOMAIN: &str = "index.docker.io";
/// The namespace of single-word names in the default registry.
const OFFICIAL_PREFIX: &str = "library/";
/// The tag that a reference with neither tag nor digest means.
const DEFAULT_TAG: &str = "latest";
/// Longest repository path, in bytes.
const PATH_MAX: usize = 255;
/// Longest tag, in bytes.
const TAG_MAX: usize = 128;

/// A fully spelled image reference: registry host, repository path, and optionally a tag and a digest.
///
/// Made by [`ImageReference::parse`]; it always has a host and a valid path. `Display` writes the normalised form that
/// BuildKit wants behind `docker-image://`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageReference {
    domain: String,
    path: String,
    tag: Option<String>,
    digest: Option<String>,
}

/// Why a text is not an image reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid image reference {text:?}: {reason}")]
pub struct ReferenceError {
    text: String,
    reason: &'static str,
}

impl ImageReference {
    /// Reads a reference as a person writes it, and completes host and namespace.
    ///
    /// No tag is added; see [`with_default_tag`](Self::with_default_tag).
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        parse(text).map_err(|reason| ReferenceError { text: text.to_owned(), reason })
    }

    /// The registry host, with port if one was given: `docker.io`, `localhost:5000`, `[::1]:5000`.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The repository path inside the registry: `library/python`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Host and path, without tag and digest: `docker.io/library/python`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.domain, self.path)
    }

    /// The tag, if one was given.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest (`sha256:…`), if one was given.
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }

    /// Adds the tag `latest` when there is neither a tag nor a digest.
    #[must_use]
    pub fn with_default_tag(mut self) -> Self {
        if self.tag.is_none() && self.digest.is_none() {
            self.tag = Some(DEFAULT_TAG.to_owned());
        }
        self
    }

    /// The same image pinned to a digest. The tag stays, for people to read.
    ///
    /// The digest must be spelled `algorithm:hex`; anything else is refused.
    pub fn with_digest(mut self, digest: &str) -> Result<Self, ReferenceError> {
        check_digest(digest).map_err(|reason| ReferenceError { text: digest.to_owned(), reason })?;
        self.digest = Some(digest.to_owned());
        Ok(self)
    }

    /// The short form that people know: `python:3.13-slim` instead of `docker.io/library/python:3.13-slim`.
    pub fn familiar(&self) -> String {
        let mut out = String::new();
        if self.domain == DEFAULT_DOMAIN {
            let path = match self.path.strip_prefix(OFFICIAL_PREFIX) {
                Some(single) if !single.contains('/') => single,
                _ => &self.path,
            };
            out.push_str(path);
        } else {
            out.push_str(&self.name());
        }
        self.push_suffix(&mut out);
        out
    }

    fn push_suffix(&self, out: &mut String) {
        if let Some(tag) = &self.tag {
            out.push(':');
            out.push_str(tag);
        }
        if let Some(digest) = &self.digest {
            out.push('@');
            out.push_str(digest);
        }
    }
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = self.name();
        self.push_suffix(&mut out);
        f.write_str(&out)
    }
}

impl FromStr for ImageReference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

fn parse(text: &str) -> Result<ImageReference, &'static str> {
    if text.is_empty() {
        return Err("it is empty");
    }
    if text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(
            "a name of 64 hexadecimal characters is an image id; write a name, optionally with @sha256:<digest>",
        );
    }
    let (domain, remainder) = split_domain(text);
    check_domain(&domain)?;
    let (named, digest) = match remainder.split_once('@') {
        Some((named, digest)) => {
            check_digest(digest)?;
            (named, Some(digest.to_owned()))
        }
        None => (remainder.as_str(), None),
    };
    let (path, tag) = match named.split_once(':') {
        Some((path, tag)) => {
            check_tag(tag)?;
            (path, Some(tag.to_owned()))
        }
        None => (named, None),
    };
    check_path(path)?;
    Ok(ImageReference { domain, path: path.to_owned(), tag, digest })
}

/// Decides whether what stands before the first slash is a host: it is when it is `localhost`, has a dot, a colon or a
/// capital letter.
fn split_domain(text: &str) -> (String, String) {
    let Some((first, rest)) = text.split_once('/') else {
        return (DEFAULT_DOMAIN.to_owned(), format!("{OFFICIAL_PREFIX}{text}"));
    };
    let (domain, rest) = if first == LEGACY_DEFAULT_DOMAIN {
        (DEFAULT_DOMAIN, rest)
    } else if first == "localhost" || first.contains(['.', ':']) || first.to_lowercase() != first {
        (first, rest)
    } else {
        (DEFAULT_DOMAIN, text)
    };
    if domain == DEFAULT_DOMAIN && !rest.contains('/') {
        (domain.to_owned(), format!("{OFFICIAL_PREFIX}{rest}"))
    } else {
        (domain.to_owned(), rest.to_owned())
    }
}

fn check_domain(domain: &str) -> Result<(), &'static str> {
    const WRONG: &str = "the part before the first slash is not a registry host";
    let (host, port) = if let Some(rest) = domain.strip_prefix('[') {
        let (address, after) = rest.split_once(']').ok_or(WRONG)?;
        if address.is_empty() || !address.bytes().all(|b| b.is_ascii_hexdigit() || b == b':') {
            return Err(WRONG);
        }
        match after {
            "" => ("", None),
            _ => ("", Some(after.strip_prefix(':').ok_or(WRONG)?)),
        }
    } else {
        match domain.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (domain, None),
        }
    };
    if !domain.starts_with('[') {
        let label_is_fine = |label: &str| {
            !label.is_empty()
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if !host.split('.').all(label_is_fine) {
            return Err(WRONG);
        }
    }
    match port {
        Some(port) if port.is_empty() || !port.bytes().all(|b| b.is_ascii_digit()) => Err("the port is not a number"),
        _ => Ok(()),
    }
}

fn check_path(path: &str) -> Result<(), &'static str> {
    if path.is_empty() {
        return Err("the repository name is missing");
    }
    if path.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err("the repository name must be lowercase");
    }
    if path.len() > PATH_MAX {
        return Err("the repository name is longer than 255 characters");
    }
    if path.split('/').all(component_is_valid) {
        Ok(())
    } else {
        Err(
            "a repository name consists of lowercase letters and digits, separated by one dot, one or two underscores, or dashes",
        )
    }
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn component_is_valid(component: &str) -> bool {
    let is_word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = component.as_bytes();
    if !bytes.first().copied().is_some_and(is_word) || !bytes.last().copied().is_some_and(is_word) {
        return false;
    }
    bytes
        .split(|b| is_word(*b))
        .filter(|separator| !separator.is_empty())
        .all(|separator| matches!(separator, b"." | b"_" | b"__") || separator.iter().all(|b| *b == b'-'))
}

fn check_tag(tag: &str) -> Result<(), &'static str> {
    let valid_first = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let valid = |b: u8| valid_first(b) || b == b'.' || b == b'-';
    if tag.len() <= TAG_MAX && tag.bytes().next().is_some_and(valid_first) && tag.bytes().all(valid) {
        Ok(())
    } else {
        Err("a tag has up to 128 letters, digits, underscores, dots and dashes, and begins with none of the last two")
    }
}

fn check_digest(digest: &str) -> Result<(), &'static str> {
    let (algorithm, hex) = digest.split_once(':').ok_or("a digest is written sha256:<64 hexadecimal digits>")?;
    let length = match algorithm {
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ => return Err("the digest's algorithm is not sha256, sha384 or sha512"),
    };
    if hex.len() == length && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        Ok(())
    } else {
        Err("the digest does not have the right number of lowercase hexadecimal digits")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";

    /// Written, normalised, familiar. The cases follow distribution/reference's own tests.
    #[test]
    fn normalises_like_distribution() {
        let digest = format!("@sha256:{HEX}");
        let pinned_in = format!("python:3.13{digest}");
        let pinned_out = format!("docker.io/library/python:3.13{digest}");
        let bare_in = format!("example.com/a/b{digest}");
        let cases: &[(&str, &str, &str)] = &[
            ("python", "docker.io/library/python", "python"),
            ("python:3.13-slim", "docker.io/library/python:3.13-slim", "python:3.13-slim"),
            ("library/python", "docker.io/library/python", "python"),
            ("docker.io/python", "docker.io/library/python", "python"),
            ("docker.io/library/python:3", "docker.io/library/python:3", "python:3"),
            ("index.docker.io/python", "docker.io/library/python", "python"),
            ("index.docker.io/a/b", "docker.io/a/b", "a/b"),
            ("docker/dockerfile:1", "docker.io/docker/dockerfile:1", "docker/dockerfile:1"),
            ("library/a/b", "docker.io/library/a/b", "library/a/b"),
            ("foo/foo_bar.com:8080", "docker.io/foo/foo_bar.com:8080", "foo/foo_bar.com:8080"),
            ("localhost/x", "localhost/x", "localhost/x"),
            ("localhost:5000/x:1", "localhost:5000/x:1", "localhost:5000/x:1"),
            ("localhost:5000", "docker.io/library/localhost:5000", "localhost:5000"),
            ("127.0.0.1:5000/x/y", "127.0.0.1:5000/x/y", "127.0.0.1:5000/x/y"),
            ("[::1]:5000/x", "[::1]:5000/x", "[::1]:5000/x"),
            ("[2001:db8::1]/x:t", "[2001:db8::1]/x:t", "[2001:db8::1]/x:t"),
            ("UPPER/x", "UPPER/x", "UPPER/x"),
            (
                "registry.example/astral-sh/uv:0.13.8",
                "registry.example/astral-sh/uv:0.13.8",
                "registry.example/astral-sh/uv:0.13.8",
            ),
            ("a/b_c/d__e/f--g/h.i", "docker.io/a/b_c/d__e/f--g/h.i", "a/b_c/d__e/f--g/h.i"),
            ("xn--n3h.com/myimage", "xn--n3h.com/myimage", "xn--n3h.com/myimage"),
            ("x:_Tag.-", "docker.io/library/x:_Tag.-", "x:_Tag.-"),
            (&pinned_in, &pinned_out, &pinned_in),
            (&bare_in, &bare_in, &bare_in),
        ];
        for (written, normalised, familiar) in cases {
            let reference = ImageReference::parse(written).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(reference.to_string(), *normalised, "{written}");
            assert_eq!(reference.familiar(), *familiar, "{written}");
            assert_eq!(ImageReference::parse(normalised), Ok(reference), "{written}");
        }
    }

    #[test]
    fn refuses_what_distribution_refuses() {
        let cases = [
            String::new(),
            HEX.to_owned(),
            "Python".to_owned(),
            "docker.io/Foo/bar".to_owned(),
            "a//b".to_owned(),
            "/x".to_owned(),
            "x/".to_owned(),
            "-foo/bar".to_owned(),
            "foo/bar-".to_owned(),
            "foo..bar".to_owned(),
            "foo___bar".to_owned(),
            "foo.-bar".to_owned(),
            "a b".to_owned(),
            "x:".to_owned(),
            "x:.tag".to_owned(),
            "x:-tag".to_owned(),
            format!("x:{}", "t".repeat(129)),
            "x@sha256:abc".to_owned(),
            format!("x@sha256:{}", HEX.to_uppercase()),
            format!("x@md5:{HEX}"),
            "x@".to_owned(),
            format!("@sha256:{HEX}"),
            "foo_bar.com:8080/x".to_owned(),
            "[::1:5000/x".to_owned(),
            "[fe80::1%eth0]/x".to_owned(),
            "host:port/x".to_owned(),
            "https://github.com/docker/docker".to_owned(),
            format!("a/{}", "a".repeat(256)),
        ];
        for text in cases {
            assert!(ImageReference::parse(&text).is_err(), "{text:?} was accepted");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_refused_or_survives_a_round_trip(text in "[a-zA-Z0-9./:@_\\[\\]-]{0,40}") {
            if let Ok(reference) = ImageReference::parse(&text) {
                assert_eq!(ImageReference::parse(&reference.to_string()), Ok(reference.clone()));
                assert_eq!(ImageReference::parse(&reference.familiar()), Ok(reference));
            }
        }
    }

    #[test]
    fn defaults_and_pins() {
        let plain = ImageReference::parse("python").unwrap();
        assert_eq!(plain.clone().with_default_tag().to_string(), "docker.io/library/python:latest");
        let pinned = plain.with_digest(&format!("sha256:{HEX}")).unwrap();
        assert_eq!(pinned.clone().with_default_tag(), pinned);
        assert_eq!(pinned.tag(), None);
        assert_eq!(pinned.digest(), Some(&*format!("sha256:{HEX}")));
        assert!(pinned.with_digest("nonsense").is_err());
    }
}
