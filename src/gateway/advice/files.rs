//! What to do when a file of the lock does not arrive: which package it is of, who wants that, and what helps. BuildKit's own
//! words are "digest mismatch" or "unexpected EOF".

use buildkit_frontend::FrontendError;

use crate::closure::Closure;
use crate::diagnostic::Location;
use crate::gateway::report;
use crate::plan::{BuildSource, Plan};
use crate::project::pyproject::Pyproject;

/// The sha256 of nothing.
const NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// A file of the lock that is fetched.
struct LockedFile<'a> {
    name: &'a str,
    version: &'a str,
    url: &'a str,
    digest: Option<&'a str>,
    /// Whether BuildKit itself fetches it. A step's own words say enough.
    is_source: bool,
    origin: &'a Location,
}

/// The files of a plan, and who wants them.
pub(super) struct Files<'a> {
    fetched: Vec<LockedFile<'a>>,
    closure: &'a Closure,
    pyproject: &'a Pyproject,
}

impl<'a> Files<'a> {
    pub(super) fn new(plan: &'a Plan, closure: &'a Closure, pyproject: &'a Pyproject) -> Self {
        let wheels = plan.groups.iter().flat_map(|group| &group.wheels).map(|wheel| LockedFile {
            name: &wheel.name,
            version: &wheel.version,
            url: &wheel.url,
            digest: wheel.digest.as_deref(),
            is_source: wheel.access.is_none(),
            origin: &wheel.origin,
        });
        let archives = plan.built.iter().filter_map(|built| match &built.source {
            BuildSource::Archive { url, digest, access, .. } => Some(LockedFile {
                name: &built.name,
                version: &built.version,
                url,
                digest: digest.as_deref(),
                is_source: access.is_none(),
                origin: &built.origin,
            }),
            BuildSource::File { .. } | BuildSource::Git { .. } => None,
        });
        Self { fetched: wheels.chain(archives).collect(), closure, pyproject }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.fetched.is_empty()
    }

    /// The error with the package that it is about, if it is about one: what happened, who wants it, and what helps.
    /// `credentials` is what to pass if the index wants credentials.
    pub(super) fn on(&self, error: FrontendError, credentials: Option<&str>) -> FrontendError {
        let credentials = credentials.filter(|_| may_be_refusal(error.message()));
        let Some(file) = self.failed(&error) else {
            return match credentials {
                Some(credentials) => error.help(credentials),
                None => error,
            };
        };
        let package = self.closure.packages.iter().find(|package| package.name.as_str() == file.name);
        let chain = package.map(|package| &package.chain);
        let message = error.message().to_owned();
        let mut error = error;
        if file.is_source {
            error = error.note(format!("{} {} is fetched from {}", file.name, file.version, file.url));
        }
        if let Some(chain) = chain {
            error = error.note(format!("wanted by {chain}"));
        }
        // The first package that is not the project itself is what pyproject.toml names.
        let direct = chain.and_then(|chain| chain.0.get(1)).and_then(|link| link.package.as_ref());
        if let Some(place) = direct.and_then(|name| self.pyproject.who_asks_for(name)) {
            error = error.with_source(report::place(place));
        }
        match file.is_source.then(|| help(&message, file.name)).flatten() {
            Some(help) => error.help(match credentials {
                Some(credentials) => format!("{help}\n  {credentials}"),
                None => help,
            }),
            None => error,
        }
    }

    /// The file that could not be fetched: the one whose hash BuildKit names, or else the one at whose place the error is.
    fn failed(&self, error: &FrontendError) -> Option<&LockedFile<'a>> {
        let named = self.fetched.iter().find(|file| file.digest.is_some_and(|digest| error.message().contains(digest)));
        let places = error.forwarded_places();
        let is_there = |file: &&LockedFile<'_>| {
            let line = file.origin.lines().0;
            places.iter().any(|(name, at)| name == file.origin.file.name() && *at == line)
        };
        // A step can be about several packages.
        let mut there = self.fetched.iter().filter(is_there);
        let only = there.next().filter(|_| there.next().is_none());
        named.or(only)
    }
}

/// Whether this can be what a server says to those that it does not know.
fn may_be_refusal(message: &str) -> bool {
    let texts = ["digest mismatch", "response status 401", "response status 403", "response status 404"];
    texts.iter().any(|text| message.contains(text))
}

fn help(message: &str, name: &str) -> Option<String> {
    let says = |texts: &[&str]| texts.iter().any(|text| message.contains(text));
    // BuildKit before 0.21 looks at the hash of what it got, whatever the status.
    let help = if says(&["digest mismatch"]) {
        let what = if says(&[NOTHING]) { "nothing" } else { "something else than the locked file" };
        format!(
            "the server sent {what}; open the address: when it gives the file again, build again, and if the file is gone or was \
             replaced, run uv lock --upgrade-package {name}"
        )
    } else if says(&["response status 404", "response status 410"]) {
        format!("the server does not have the file any more: run uv lock --upgrade-package {name}, and build again")
    } else if says(&["response status 401", "response status 403"]) {
        "the server wants credentials, or does not accept those that it was given".to_owned()
    } else if says(&["response status "]) {
        "the server has trouble: build again later; what was fetched is kept".to_owned()
    } else if says(&["x509: ", "certificate"]) {
        "BuildKit fetches with the certificates of the machine or container that it runs on: add your company's to those"
            .to_owned()
    } else if says(&[
        "EOF",
        "connection re",
        "no such host",
        "timeout",
        "timed out",
        "unreachable",
        "dial tcp",
        "server misbehaving",
    ]) {
        "the connection broke or could not be made: build again, what was fetched is kept; BuildKit uses the proxy and the name \
         servers of the machine or container that it runs on"
            .to_owned()
    } else {
        return None;
    };
    Some(help)
}
