//! Which installed server runs an ASGI object, and its command line. A server that is not locked is never assumed.

use super::frameworks::Kind;
use super::gunicorn;

/// A server for ASGI objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Server {
    Uvicorn,
    Hypercorn,
    Granian,
    /// gunicorn with the worker class of `uvicorn-worker`.
    Gunicorn,
    Daphne,
    Sanic,
}

/// What a server is to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// The dotted module.
    pub(super) module: String,
    /// The object, or the function that makes it.
    pub(super) object: String,
    /// Whether `object` is a function to call.
    pub(super) factory: bool,
    /// The directory to import from, when it is not where the process starts.
    pub(super) directory: Option<String>,
}

/// In order of preference among those that the project does not name itself.
const SERVERS: &[(Server, &str)] = &[
    (Server::Uvicorn, "uvicorn"),
    (Server::Hypercorn, "hypercorn"),
    (Server::Granian, "granian"),
    (Server::Gunicorn, "gunicorn"),
    (Server::Daphne, "daphne"),
];

/// Chooses a server: the framework's own, else one that is a direct dependency, else any that is installed.
pub(super) fn choose(kind: Kind, direct: &dyn Fn(&str) -> bool, installed: &dyn Fn(&str) -> bool) -> Option<Server> {
    if kind == Kind::Sanic && installed("sanic") {
        return Some(Server::Sanic);
    }
    let usable = |(server, name): &&(Server, &str)| {
        installed(name) && (*server != Server::Gunicorn || installed("uvicorn-worker"))
    };
    let usable: Vec<_> = SERVERS.iter().filter(usable).collect();
    usable.iter().find(|(_, name)| direct(name)).or(usable.first()).map(|(server, _)| *server)
}

impl Server {
    /// The name of the program, which is that of the package.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Sanic => "sanic",
            server => SERVERS.iter().find(|(known, _)| *known == server).map_or("uvicorn", |(_, name)| name),
        }
    }

    /// The command line. `None` when this server can't run such a target.
    pub(super) fn command(self, target: &Target, port: u16) -> Option<Vec<String>> {
        let path = format!("{}:{}", target.module, target.object);
        let called = if target.factory { format!("{path}()") } else { path.clone() };
        let bind = format!("0.0.0.0:{port}");
        let port = port.to_string();
        let mut command: Vec<&str> = vec![self.name()];
        if target.directory.is_some() && !matches!(self, Self::Uvicorn | Self::Gunicorn) {
            return None;
        }
        match self {
            Self::Uvicorn => {
                command.push(&path);
                if target.factory {
                    command.push("--factory");
                }
                if let Some(directory) = &target.directory {
                    command.extend(["--app-dir", directory]);
                }
                command.extend(["--host", "0.0.0.0", "--port", &port]);
            }
            Self::Hypercorn => command.extend([called.as_str(), "--bind", &bind]),
            Self::Granian => {
                command.extend(["--interface", "asgi", "--host", "0.0.0.0", "--port", &port]);
                if target.factory {
                    command.push("--factory");
                }
                command.push(&path);
            }
            Self::Gunicorn => return Some(gunicorn::command(target, &bind, Some("uvicorn_worker.UvicornWorker"))),
            Self::Daphne if target.factory => return None,
            Self::Daphne => command.extend(["-b", "0.0.0.0", "-p", &port, &path]),
            Self::Sanic => {
                command.push(&path);
                if target.factory {
                    command.push("--factory");
                }
                command.extend(["--host", "0.0.0.0", "--port", &port]);
            }
        }
        Some(command.into_iter().map(str::to_owned).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_installed_server_is_chosen() {
        let choose = |direct: &[&str], installed: &[&str]| {
            super::choose(Kind::Asgi, &|name| direct.contains(&name), &|name| installed.contains(&name))
                .map(Server::name)
        };
        assert_eq!(choose(&[], &["uvicorn", "hypercorn"]), Some("uvicorn"));
        assert_eq!(choose(&["hypercorn"], &["uvicorn", "hypercorn"]), Some("hypercorn"));
        assert_eq!(choose(&["hypercorn"], &["uvicorn"]), Some("uvicorn"));
        assert_eq!(choose(&["gunicorn"], &["gunicorn", "uvicorn"]), Some("uvicorn"));
        assert_eq!(choose(&["gunicorn"], &["gunicorn", "uvicorn", "uvicorn-worker"]), Some("gunicorn"));
        assert_eq!(choose(&["gunicorn"], &["gunicorn"]), None);
        assert_eq!(choose(&["uvicorn"], &[]), None);
    }

    #[test]
    fn command_lines() {
        let mut target = Target { module: "a.b".to_owned(), object: "app".to_owned(), factory: false, directory: None };
        let all =
            [Server::Uvicorn, Server::Hypercorn, Server::Granian, Server::Gunicorn, Server::Daphne, Server::Sanic];
        let line = |target: &Target, server: Server| {
            server.command(target, 8000).map_or_else(|| format!("{}: -", server.name()), |command| command.join(" "))
        };
        let mut shown: Vec<String> = all.iter().map(|server| line(&target, *server)).collect();
        target.factory = true;
        shown.extend(all.iter().map(|server| line(&target, *server)));
        target.directory = Some("src".to_owned());
        shown.extend(all.iter().map(|server| line(&target, *server)));
        insta::assert_snapshot!(shown.join("\n"));
    }
}
