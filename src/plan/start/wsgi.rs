//! Which installed server runs a WSGI object, and its command line. As with ASGI, a server that is not locked is never assumed.

use super::gunicorn;
use super::servers::Target;

/// A server for WSGI objects, by the package that brings it, in order of preference among those that the project does not name
/// itself. `pyuwsgi` is uWSGI as a wheel.
const SERVERS: &[(Server, &str)] = &[
    (Server::Gunicorn, "gunicorn"),
    (Server::Waitress, "waitress"),
    (Server::Granian, "granian"),
    (Server::Uwsgi, "uwsgi"),
    (Server::Uwsgi, "pyuwsgi"),
];

/// A server for WSGI objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Server {
    Gunicorn,
    Waitress,
    Granian,
    Uwsgi,
}

/// Chooses a server: one that is a direct dependency, else any that is installed.
pub(super) fn choose(direct: &dyn Fn(&str) -> bool, installed: &dyn Fn(&str) -> bool) -> Option<Server> {
    let mut usable = SERVERS.iter().filter(|(_, name)| installed(name));
    let first = usable.clone().next();
    usable.find(|(_, name)| direct(name)).or(first).map(|(server, _)| *server)
}

impl Server {
    /// Its name for people.
    pub(super) fn name(self) -> &'static str {
        SERVERS.iter().find(|(server, _)| *server == self).map_or("", |(_, name)| name)
    }

    /// The command line. `None` when this server can't run such a target.
    pub(super) fn command(self, target: &Target, port: u16) -> Option<Vec<String>> {
        let path = format!("{}:{}", target.module, target.object);
        let called = if target.factory { format!("{path}()") } else { path.clone() };
        let bind = format!("0.0.0.0:{port}");
        let listen = format!("--listen={bind}");
        let port = port.to_string();
        let directory = target.directory.as_deref();
        if directory.is_some() && !matches!(self, Self::Gunicorn | Self::Uwsgi) {
            return None;
        }
        let mut command: Vec<&str> = match self {
            Self::Gunicorn => return Some(gunicorn::command(target, &bind, None)),
            Self::Waitress if target.factory => vec!["waitress-serve", &listen, "--call", &path],
            Self::Waitress => vec!["waitress-serve", &listen, &path],
            Self::Granian => {
                let mut command = vec!["granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", &port];
                command.extend(target.factory.then_some("--factory"));
                command.push(&path);
                command
            }
            // Without the options, SIGTERM reloads it and an object that is not there is served as errors.
            Self::Uwsgi => {
                let options = ["--master", "--die-on-term", "--need-app", "--enable-threads"];
                [&["uwsgi", "--http-socket", &bind][..], &options, &["--module", &called]].concat()
            }
        };
        if let Some(directory) = directory {
            command.extend(["--chdir", directory]);
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
            super::choose(&|name| direct.contains(&name), &|name| installed.contains(&name)).map(Server::name)
        };
        assert_eq!(choose(&[], &["waitress", "gunicorn"]), Some("gunicorn"));
        assert_eq!(choose(&["waitress"], &["waitress", "gunicorn"]), Some("waitress"));
        assert_eq!(choose(&["waitress"], &["granian"]), Some("granian"));
        assert_eq!(choose(&["pyuwsgi"], &["pyuwsgi"]), Some("uwsgi"));
        assert_eq!(choose(&["gunicorn"], &["uvicorn"]), None);
    }

    #[test]
    fn command_lines() {
        let mut target = Target { module: "a.b".to_owned(), object: "app".to_owned(), factory: false, directory: None };
        let all = [Server::Gunicorn, Server::Waitress, Server::Granian, Server::Uwsgi];
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
