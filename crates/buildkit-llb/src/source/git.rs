//! A commit of a git repository.

use super::{Attrs, annotate};
use crate::caps::Cap;
use crate::error::OpError;
use crate::graph::Output;
use crate::notes::Notes;
use crate::path::absolute;

/// Builder of a git source.
#[derive(Debug, Clone)]
pub struct Git {
    remote: String,
    reference: String,
    subdir: String,
    keep_git_dir: bool,
    auth_token_secret: Option<String>,
    auth_header_secret: Option<String>,
    anonymous: bool,
    ssh_socket: Option<String>,
    known_hosts: String,
    checksum: Option<String>,
    skip_submodules: bool,
    commit_times: bool,
    notes: Notes,
}

annotate!(Git);

impl Git {
    /// A repository by its URL (`https`, `http`, `ssh` or `git`), or in the form `user@host:path`; and a branch, a tag
    /// or a commit of it (empty for the default branch).
    pub fn new(remote: impl Into<String>, reference: impl Into<String>) -> Self {
        Self {
            remote: remote.into(),
            reference: reference.into(),
            subdir: String::new(),
            keep_git_dir: false,
            auth_token_secret: None,
            auth_header_secret: None,
            anonymous: false,
            ssh_socket: None,
            known_hosts: String::new(),
            checksum: None,
            skip_submodules: false,
            commit_times: false,
            notes: Notes::default(),
        }
    }

    /// Only this directory of it.
    #[must_use]
    pub fn subdir(mut self, path: impl Into<String>) -> Self {
        self.subdir = path.into();
        self
    }

    /// Keeps `.git`.
    #[must_use]
    pub fn keep_git_dir(mut self) -> Self {
        self.keep_git_dir = true;
        self
    }

    /// The secret that holds a token for HTTPS; `GIT_AUTH_TOKEN` unless set.
    #[must_use]
    pub fn auth_token_secret(mut self, id: impl Into<String>) -> Self {
        self.auth_token_secret = Some(id.into());
        self
    }

    /// The secret that holds the `Authorization` header for HTTPS; `GIT_AUTH_HEADER` unless set.
    #[must_use]
    pub fn auth_header_secret(mut self, id: impl Into<String>) -> Self {
        self.auth_header_secret = Some(id.into());
        self
    }

    /// Sends neither a token nor a header, whatever secrets the client gives.
    #[must_use]
    pub fn anonymous(mut self) -> Self {
        self.anonymous = true;
        self
    }

    /// Which of the client's SSH agents to use for an SSH remote; `default` unless set.
    #[must_use]
    pub fn ssh_socket(mut self, id: impl Into<String>) -> Self {
        self.ssh_socket = Some(id.into());
        self
    }

    /// Keys of SSH hosts, in the form of `known_hosts`; only used for an SSH remote. Can be called repeatedly.
    #[must_use]
    pub fn known_hosts(mut self, lines: &str) -> Self {
        self.known_hosts.push_str(lines.strip_suffix('\n').unwrap_or(lines));
        self.known_hosts.push('\n');
        self
    }

    /// The commit that the reference must be, as hexadecimal digits. Needs BuildKit 0.22; a commit as the reference
    /// works everywhere.
    #[must_use]
    pub fn checksum(mut self, commit: impl Into<String>) -> Self {
        self.checksum = Some(commit.into());
        self
    }

    /// Leaves submodules out. Needs BuildKit 0.24.
    #[must_use]
    pub fn skip_submodules(mut self) -> Self {
        self.skip_submodules = true;
        self
    }

    /// Gives files the time of the commit. Needs BuildKit 0.29.
    #[must_use]
    pub fn commit_times(mut self) -> Self {
        self.commit_times = true;
        self
    }

    /// Finishes the op.
    pub fn build(self) -> Result<Output, OpError> {
        let remote = Remote::parse(&self.remote)?;
        let subdir = absolute("a directory of a git repository", &format!("/{}", self.subdir))?;
        let subdir = subdir.trim_start_matches('/');
        if self.reference.contains([':', '#']) || self.reference.chars().any(char::is_whitespace) {
            return Err(OpError::Invalid {
                what: "a git reference",
                value: self.reference,
                why: "it must be a branch, a tag or a commit",
            });
        }
        if let Some(commit) = &self.checksum
            && (commit.is_empty() || !commit.bytes().all(|b| b.is_ascii_hexdigit()))
        {
            return Err(OpError::Invalid {
                what: "a git commit",
                value: commit.clone(),
                why: "it must be hexadecimal digits",
            });
        }
        let mut identifier = format!("git://{}{}", remote.host, remote.path);
        let mut attrs = Attrs { needs: vec![Cap::SourceGit], ..Attrs::default() };
        if !(self.reference.is_empty() && subdir.is_empty()) {
            identifier.push('#');
            identifier.push_str(&self.reference);
            if !subdir.is_empty() {
                identifier.push(':');
                identifier.push_str(subdir);
                attrs.needs.push(Cap::SourceGitSubdir);
            }
        }
        attrs.set_some("git.fullurl", Some(remote.url), &[Cap::SourceGitFullUrl])?;
        attrs.set_if_true(self.keep_git_dir, "git.keepgitdir", Cap::SourceGitKeepDir)?;
        // The default names are written too, as the Go client does; only a name of one's own needs a capability.
        for (key, secret, default) in [
            ("git.authtokensecret", self.auth_token_secret, "GIT_AUTH_TOKEN"),
            ("git.authheadersecret", self.auth_header_secret, "GIT_AUTH_HEADER"),
        ] {
            match secret {
                _ if self.anonymous => {}
                Some(id) => attrs.set_some(key, Some(id), &[Cap::SourceGitHttpAuth])?,
                None => attrs.set(key, default)?,
            }
        }
        if remote.ssh {
            if !self.known_hosts.is_empty() {
                attrs.set_some("git.knownsshhosts", Some(self.known_hosts), &[Cap::SourceGitKnownSshHosts])?;
            }
            let socket = self.ssh_socket.unwrap_or_else(|| "default".to_owned());
            attrs.set_some("git.mountsshsock", Some(socket), &[Cap::SourceGitMountSshSock])?;
        }
        attrs.set_some("git.checksum", self.checksum, &[Cap::SourceGitChecksum])?;
        attrs.set_if_true(self.skip_submodules, "git.skipsubmodules", Cap::SourceGitSkipSubmodules)?;
        attrs.set_some("git.mtime", self.commit_times.then_some("commit"), &[Cap::SourceGitMtime])?;
        Ok(attrs.source(identifier, None, self.notes))
    }
}

/// A remote, split as BuildKit's `gitutil` does.
#[derive(Debug, PartialEq, Eq)]
struct Remote {
    /// What git is called with.
    url: String,
    ssh: bool,
    /// With port, without user.
    host: String,
    /// Absolute and decoded; the op has the same identifier for all protocols.
    path: String,
}

impl Remote {
    fn parse(text: &str) -> Result<Self, OpError> {
        let invalid = |why| OpError::Invalid { what: "a git remote", value: text.to_owned(), why };
        let form = "it must be an http, https, ssh or git URL, or of the form user@host:path";
        if text.contains(['#', '?']) {
            return Err(invalid("reference and directory are given separately"));
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(invalid("it has white space in it"));
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            let (user, rest) = text.split_once('@').ok_or_else(|| invalid(form))?;
            let (host, path) = rest.split_once(':').ok_or_else(|| invalid(form))?;
            let word = |text: &str, extra: &[u8]| {
                !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || extra.contains(&b))
            };
            if !word(user, b"-_") || !word(host, b"-.") || path.is_empty() {
                return Err(invalid(form));
            }
            return Ok(Self {
                url: text.to_owned(),
                ssh: true,
                host: host.to_owned(),
                path: absolute("the path of a git remote", &format!("/{path}"))?,
            });
        };
        let scheme = scheme.to_ascii_lowercase();
        if !["http", "https", "ssh", "git"].contains(&scheme.as_str()) {
            return Err(invalid(form));
        }
        let (authority, path) = rest.split_once('/').ok_or_else(|| invalid("the path is missing"))?;
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        if host.is_empty() || path.is_empty() {
            return Err(invalid("host or path is missing"));
        }
        let decoded = percent_decode(path).ok_or_else(|| invalid("it has a broken percent-encoding"))?;
        Ok(Self {
            url: format!("{scheme}://{rest}"),
            ssh: scheme == "ssh",
            host: host.to_owned(),
            path: absolute("the path of a git remote", &format!("/{decoded}"))?,
        })
    }
}

/// The text behind `%XX`, if it is UTF-8.
fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            bytes.push(u8::try_from(digit()? * 16 + digit()?).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remotes() {
        for (text, url, ssh, host, path) in [
            ("https://github.com/a/b.git", "https://github.com/a/b.git", false, "github.com", "/a/b.git"),
            ("HTTPS://u:p@h:8443/a%20b/", "https://u:p@h:8443/a%20b/", false, "h:8443", "/a b"),
            ("ssh://git@h:2222/a/b", "ssh://git@h:2222/a/b", true, "h:2222", "/a/b"),
            ("git@github.com:a/b.git", "git@github.com:a/b.git", true, "github.com", "/a/b.git"),
            ("git@h:/abs/b", "git@h:/abs/b", true, "h", "/abs/b"),
        ] {
            let expected = Remote { url: url.into(), ssh, host: host.into(), path: path.into() };
            assert_eq!(Remote::parse(text), Ok(expected), "{text}");
        }
        for text in ["", "github.com/a/b", "ftp://h/p", "https://h", "https:///p", "https://h/p#main", "https://h/%zz"]
        {
            assert!(Remote::parse(text).is_err(), "{text}");
        }
    }
}
