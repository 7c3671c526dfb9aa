//! A file from a URL. With a checksum it is fetched at most once, and verified.

use super::{Attrs, annotate};
use crate::caps::Cap;
use crate::digest::Digest;
use crate::error::OpError;
use crate::graph::Output;
use crate::notes::Notes;

/// Builder of an HTTP source. Its result is a directory with one file in it.
#[derive(Debug, Clone)]
pub struct Http {
    url: String,
    checksum: Option<Digest>,
    filename: Option<String>,
    mode: Option<u32>,
    owner: (u32, u32),
    auth_header_secret: Option<String>,
    accept: Option<String>,
    user_agent: Option<String>,
    by_number: bool,
    notes: Notes,
}

annotate!(Http);

impl Http {
    /// An `http` or `https` URL.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            checksum: None,
            filename: None,
            mode: None,
            owner: (0, 0),
            auth_header_secret: None,
            accept: None,
            user_agent: None,
            by_number: false,
            notes: Notes::default(),
        }
    }

    /// What the content must be.
    #[must_use]
    pub fn checksum(mut self, checksum: Digest) -> Self {
        self.checksum = Some(checksum);
        self
    }

    /// What the file is called; otherwise the server or the URL decides.
    #[must_use]
    pub fn filename(mut self, name: impl Into<String>) -> Self {
        self.filename = Some(name.into());
        self
    }

    /// Permission bits of the file; otherwise 0600.
    #[must_use]
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = Some(mode);
        self
    }

    /// Owner of the file.
    #[must_use]
    pub fn owner(mut self, uid: u32, gid: u32) -> Self {
        self.owner = (uid, gid);
        self
    }

    /// The secret that holds the value of the `Authorization` header. Needs BuildKit 0.21.
    #[must_use]
    pub fn auth_header_secret(mut self, id: impl Into<String>) -> Self {
        self.auth_header_secret = Some(id.into());
        self
    }

    /// The `Accept` header. Needs BuildKit 0.21.
    #[must_use]
    pub fn accept(mut self, value: impl Into<String>) -> Self {
        self.accept = Some(value.into());
        self
    }

    /// The `User-Agent` header. Needs BuildKit 0.21.
    #[must_use]
    pub fn user_agent(mut self, value: impl Into<String>) -> Self {
        self.user_agent = Some(value.into());
        self
    }

    /// Gives the op the bytes that BuildKit's own frontends gave it before 0.17, so that in such a daemon it is the same op as
    /// theirs: what a client uploads, it uploads once.
    #[must_use]
    pub fn encoded_as_before_0_17(mut self) -> Self {
        self.by_number = true;
        self
    }

    /// Finishes the op.
    pub fn build(self) -> Result<Output, OpError> {
        let invalid = |what, value: &str, why| OpError::Invalid { what, value: value.to_owned(), why };
        let rest = self.url.strip_prefix("https://").or_else(|| self.url.strip_prefix("http://"));
        if rest.is_none_or(|rest| rest.is_empty() || rest.starts_with('/')) {
            return Err(invalid("a URL to download", &self.url, "it must begin with http:// or https:// and a host"));
        }
        if self.url.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(invalid("a URL to download", &self.url, "it has white space in it"));
        }
        if let Some(name) = &self.filename
            && (name.contains('/') || name == "." || name == "..")
        {
            return Err(invalid("a file name", name, "it must be a name, not a path"));
        }
        let mut attrs = Attrs { needs: vec![Cap::SourceHttp], by_number: self.by_number, ..Attrs::default() };
        let checksum = self.checksum.map(|checksum| checksum.to_string());
        attrs.set_some("http.checksum", checksum, &[Cap::SourceHttpChecksum])?;
        attrs.set_some("http.filename", self.filename, &[])?;
        if let Some(mode) = self.mode {
            if mode == 0 || mode > 0o777 {
                return Err(invalid("a file mode", &format!("{mode:o}"), "it must be between 1 and 777"));
            }
            attrs.set("http.perm", format!("0{mode:o}"))?;
            attrs.needs.push(Cap::SourceHttpPerm);
        }
        let id = |id: u32| (id != 0).then(|| id.to_string());
        attrs.set_some("http.uid", id(self.owner.0), &[Cap::SourceHttpUidGid])?;
        attrs.set_some("http.gid", id(self.owner.1), &[Cap::SourceHttpUidGid])?;
        attrs.set_some("http.authheadersecret", self.auth_header_secret, &[Cap::SourceHttpAuth])?;
        attrs.set_some("http.header.accept", self.accept, &[Cap::SourceHttpHeader])?;
        attrs.set_some("http.header.user-agent", self.user_agent, &[Cap::SourceHttpHeader])?;
        Ok(attrs.source(self.url, None, self.notes))
    }
}
