//! What to do when something that is fetched does not arrive. BuildKit says what happened; who wants it and which secret would have
//! helped only the plan knows.

mod files;

use std::collections::BTreeSet;

use buildkit_frontend::FrontendError;

use self::files::Files;
use crate::closure::Closure;
use crate::plan::indexes::Secrets;
use crate::plan::{BuildSource, Plan};
use crate::project::indexes::{Index, Realm};
use crate::project::pyproject::Pyproject;

/// What could be said about failures of a plan's sources.
pub(super) struct Advice<'a> {
    /// The named indexes that files are fetched from without credentials.
    indexes: Vec<&'a Index>,
    files: Files<'a>,
    https: bool,
    http: bool,
    ssh: bool,
}

impl<'a> Advice<'a> {
    /// `declared` are the indexes of the user, `pyproject` is theirs, and the plan is made of the closure.
    pub(super) fn new(plan: &'a Plan, closure: &'a Closure, pyproject: &'a Pyproject, declared: &'a [Index]) -> Self {
        let wheels = plan.groups.iter().flat_map(|group| &group.wheels);
        let mut plain: BTreeSet<String> =
            wheels.filter(|wheel| wheel.access.is_none()).filter_map(|wheel| realm(&wheel.url)).collect();
        let (mut https, mut http, mut ssh) = (false, false, false);
        for built in &plan.built {
            match &built.source {
                BuildSource::Archive { url, access: None, .. } => plain.extend(realm(url)),
                BuildSource::Archive { .. } | BuildSource::File { .. } => {}
                BuildSource::Git { remote, .. } => {
                    https |= remote.starts_with("https://");
                    http |= remote.starts_with("http://");
                    ssh |= remote.starts_with("ssh://");
                }
            }
        }
        let asked = |index: &&Index| realm(&index.url).is_some_and(|realm| plain.contains(&realm));
        let files = Files::new(plan, closure, pyproject);
        Self { indexes: declared.iter().filter(asked).collect(), files, https, http, ssh }
    }

    /// Whether there is anything to say. If not, nobody needs to wait for the build.
    pub(super) fn is_possible(&self) -> bool {
        !self.files.is_empty()
    }

    /// The error with what helps, if that is known.
    pub(super) fn on(&self, error: FrontendError) -> FrontendError {
        if !error.is_from_call() {
            return error;
        }
        if error.message().contains("no space left on device") {
            return error.help("the builder's disk is full: docker buildx prune removes what other builds left on it");
        }
        let repository = self.of_repository(error.message());
        self.files.on(error, repository, self.credentials().as_deref())
    }

    /// What helps with a git repository.
    fn of_repository(&self, message: &str) -> Option<String> {
        let says = |texts: &[&str]| texts.iter().any(|text| message.contains(text));
        if self.ssh && says(&["forwarded from the client", "unset ssh forward key", "sshforward"]) {
            return Some("pass your SSH agent to the build: docker buildx build --ssh default …".to_owned());
        }
        if self.ssh && says(&["cannot run ssh"]) {
            return Some(
                "install an ssh client (openssh-client) on the machine or in the image that BuildKit runs on"
                    .to_owned(),
            );
        }
        if self.ssh && says(&["Permission denied (publickey"]) {
            return Some("add a key that may read the repository to the agent that --ssh default passes".to_owned());
        }
        // git names the address that it could not log in to.
        if self.http && says(&["could not read Username for 'http://", "Authentication failed for 'http://"]) {
            return Some(
                "credentials are not sent over http, where anybody could read them: give the repository's https address in \
                 [tool.uv.sources], then run uv lock"
                    .to_owned(),
            );
        }
        if self.https && says(&["could not read Username", "could not read Password", "Authentication failed"]) {
            return Some(
                "if the repository is private, pass a token that may read it: --secret id=GIT_AUTH_TOKEN,env=…"
                    .to_owned(),
            );
        }
        None
    }

    /// What to pass when the indexes want credentials.
    fn credentials(&self) -> Option<String> {
        if self.indexes.is_empty() {
            return None;
        }
        let each = self.indexes.iter().map(|index| match (Secrets::of(index), &index.name) {
            (Some(Secrets { username, password }), Some(name)) => {
                format!("{name}: --secret id={username},env={username} --secret id={password},env={password}")
            }
            _ => format!("{}: give it a name, or pass --secret id=netrc,src=$HOME/.netrc", index.location),
        });
        Some(format!(
            "if the index wants credentials, pass them as build secrets\n    {}",
            each.collect::<Vec<_>>().join("\n    ")
        ))
    }
}

fn realm(url: &str) -> Option<String> {
    Realm::of(url).map(|realm| realm.to_string())
}
