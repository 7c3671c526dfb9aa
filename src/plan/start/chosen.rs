//! Which server runs an object, whatever its kind.

use super::evidence::Evidence;
use super::frameworks::Kind;
use super::servers::{self, Target};
use super::wsgi;

/// A server of either kind.
pub(super) enum Chosen {
    Asgi(servers::Server),
    Wsgi(wsgi::Server),
}

/// Chooses the server of an object: see [`servers::choose`] and [`wsgi::choose`].
pub(super) fn choose(evidence: &Evidence<'_>, kind: Kind) -> Option<Chosen> {
    let (direct, installed) = (|name: &str| evidence.direct(name), |name: &str| evidence.installed(name));
    match kind {
        Kind::Wsgi => wsgi::choose(&direct, &installed).map(Chosen::Wsgi),
        _ => servers::choose(kind, &direct, &installed).map(Chosen::Asgi),
    }
}

impl Chosen {
    /// Its name for people.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Asgi(server) => server.name(),
            Self::Wsgi(server) => server.name(),
        }
    }

    /// The command line. `None` when this server can't run such a target.
    pub(super) fn command(&self, target: &Target, port: u16) -> Option<Vec<String>> {
        match self {
            Self::Asgi(server) => server.command(target, port),
            Self::Wsgi(server) => server.command(target, port),
        }
    }
}
