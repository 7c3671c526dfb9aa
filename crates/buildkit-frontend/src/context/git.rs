//! Git repositories as build contexts: the URLs that `docker build` takes, with a reference and a sub-directory in the
//! fragment or in the query (`frontend/dockerfile/dfgitutil` and `util/gitutil` in BuildKit).

use crate::error::FrontendError;
use crate::ignore::clean;

/// A git repository at a reference.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct GitContext {
    /// What git clones from, without reference and sub-directory.
    pub(super) remote: String,
    /// Branch, tag or commit; empty is the default branch.
    pub(super) reference: String,
    /// Directory in the repository; empty is its root.
    pub(super) subdir: String,
    /// The commit that the reference has to be.
    pub(super) checksum: String,
    pub(super) keep_git_dir: bool,
    pub(super) skip_submodules: bool,
    /// `checkout` or `commit`; empty is BuildKit's default.
    pub(super) mtime: String,
    pub(super) fetch_by_commit: bool,
}

/// Reads a context's URL. `None` if it is no git repository: http URLs are only if their path ends with `.git`.
pub(super) fn parse(url: &str) -> Option<Result<GitContext, FrontendError>> {
    let (before_fragment, fragment) = split(url, '#');
    let (remote, query) = split(before_fragment, '?');
    let remote = if remote.starts_with("github.com/") {
        format!("https://{remote}")
    } else if let Some((scheme, rest)) = remote.split_once("://") {
        if scheme.is_empty() || !scheme.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return None;
        }
        match scheme.to_ascii_lowercase().as_str() {
            "git" | "ssh" => {}
            "http" | "https" if rest.split_once('/').is_some_and(|(_, path)| path.strip_suffix(".git").is_some()) => {}
            _ => return None,
        }
        remote.to_owned()
    } else if is_scp_like(remote) {
        remote.to_owned()
    } else {
        return None;
    };
    let (reference, subdir) = split(fragment, ':');
    let mut context =
        GitContext { remote, reference: decode(reference), subdir: relative(&decode(subdir)), ..GitContext::default() };
    let wrong = |reason: String| FrontendError::new(format!("cannot use the git context {url}: {reason}"));
    Some(context.read_query(query).map_err(wrong).map(|()| context))
}

/// `user@host:path`, as in `git@github.com:org/repository.git`.
fn is_scp_like(remote: &str) -> bool {
    let word = |text: &str, more: &[u8]| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || more.contains(&b))
    };
    let parts = remote.split_once('@').and_then(|(user, rest)| Some((user, rest.split_once(':')?.0)));
    parts.is_some_and(|(user, host)| word(user, b"_") && word(host, b"."))
}

impl GitContext {
    fn read_query(&mut self, query: &str) -> Result<(), String> {
        let mut seen: Vec<String> = Vec::new();
        let (mut tag, mut branch) = (None, None);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = split(pair, '=');
            let (key, value) = (decode(key), decode(value));
            if seen.contains(&key) {
                return Err(format!("query {key:?} has multiple values"));
            }
            let switch = || match value.as_str() {
                "" | "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
                "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
                other => Err(format!("invalid {key} value: {other:?}")),
            };
            match key.as_str() {
                "submodules" => self.skip_submodules = !switch()?,
                "keep-git-dir" => self.keep_git_dir = switch()?,
                "fetch-by-commit" => self.fetch_by_commit = switch()?,
                _ if value.is_empty() => return Err(format!("query {key:?} has no value")),
                "ref" => agree("ref", &mut self.reference, value)?,
                "subdir" => agree("subdir", &mut self.subdir, relative(&value))?,
                "checksum" | "commit" => self.checksum = value,
                "tag" => tag = Some(value),
                "branch" => branch = Some(value),
                "mtime" if matches!(value.as_str(), "checkout" | "commit") => self.mtime = value,
                "mtime" => return Err(format!("invalid mtime value: {value:?} (must be checkout or commit)")),
                _ => return Err(format!("unexpected query {key:?}")),
            }
            seen.push(key);
        }
        if tag.is_some() && branch.is_some() {
            return Err("branch conflicts with tag".to_owned());
        }
        for (name, prefix) in [(tag, "refs/tags/"), (branch, "refs/heads/")] {
            if let Some(name) = name {
                let full = if name.starts_with(prefix) { name } else { format!("{prefix}{name}") };
                agree("ref", &mut self.reference, full)?;
            }
        }
        Ok(())
    }
}

/// The same thing can be said twice, but not differently.
fn agree(what: &str, old: &mut String, new: String) -> Result<(), String> {
    if !old.is_empty() && *old != new {
        return Err(format!("{what} conflicts: {old:?} vs {new:?}"));
    }
    *old = new;
    Ok(())
}

fn split(text: &str, at: char) -> (&str, &str) {
    text.split_once(at).unwrap_or((text, ""))
}

/// A path inside the repository, which it cannot leave.
fn relative(path: &str) -> String {
    clean(&format!("/{path}"))[1..].to_owned()
}

/// Resolves `%20` and the like; what is none stays.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match (first, tail) {
            (b'%', [high, low, after @ ..]) if hex(*high).is_some() && hex(*low).is_some() => {
                bytes.push(hex(*high).unwrap_or(0) << 4 | hex(*low).unwrap_or(0));
                rest = after;
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn git(remote: &str, reference: &str, subdir: &str) -> GitContext {
        GitContext {
            remote: remote.into(),
            reference: reference.into(),
            subdir: subdir.into(),
            ..GitContext::default()
        }
    }

    #[test]
    fn repositories() {
        let cases = [
            ("https://example.com/a/b.git", git("https://example.com/a/b.git", "", "")),
            ("https://example.com/a/b.git#main", git("https://example.com/a/b.git", "main", "")),
            (
                "https://example.com/b.git#refs/pull/1/merge:x/y",
                git("https://example.com/b.git", "refs/pull/1/merge", "x/y"),
            ),
            ("https://u:p@example.com/b.git#:x/../../y", git("https://u:p@example.com/b.git", "", "y")),
            ("http://example.com/b.git", git("http://example.com/b.git", "", "")),
            ("git://example.com/b#v1", git("git://example.com/b", "v1", "")),
            ("ssh://git@example.com:2222/b", git("ssh://git@example.com:2222/b", "", "")),
            ("git@github.com:a/b.git#x:y", git("git@github.com:a/b.git", "x", "y")),
            ("github.com/a/b", git("https://github.com/a/b", "", "")),
            (
                "https://example.com/b.git?branch=x%2Fy&subdir=z",
                git("https://example.com/b.git", "refs/heads/x/y", "z"),
            ),
            ("https://example.com/b.git?tag=v1#refs/tags/v1:z", git("https://example.com/b.git", "refs/tags/v1", "z")),
        ];
        for (url, expected) in cases {
            assert_eq!(parse(url).unwrap().unwrap(), expected, "{url}");
        }
    }

    #[test]
    fn switches() {
        let context =
            parse("https://e.com/b.git?submodules=0&keep-git-dir&checksum=abc&mtime=commit&fetch-by-commit=true");
        let expected = GitContext {
            checksum: "abc".into(),
            keep_git_dir: true,
            skip_submodules: true,
            mtime: "commit".into(),
            fetch_by_commit: true,
            ..git("https://e.com/b.git", "", "")
        };
        assert_eq!(context.unwrap().unwrap(), expected);
    }

    #[test]
    fn other_things() {
        for url in [
            "",
            ".",
            "./b.git",
            "context",
            "https://e.com/a.tar.gz",
            "https://e.com",
            "ftp://e.com/b.git",
            "a@b",
            "a b@c:d",
        ] {
            assert!(parse(url).is_none(), "{url}");
        }
    }

    #[test]
    fn bad_queries() {
        for query in
            ["ref=", "ref=a&ref=b", "tag=a&branch=b", "x=y", "mtime=now", "submodules=maybe", "ref=a#b", "subdir=a#:b"]
        {
            let error = parse(&format!("https://e.com/b.git?{query}")).unwrap().unwrap_err();
            assert!(error.message().starts_with("cannot use the git context https://e.com/b.git?"), "{error}");
        }
    }
}
