//! What the templates need to know of a project, all of it from its plan: name, ports, health, and the services whose drivers
//! are locked.

use std::collections::BTreeSet;

use crate::cli::project::{Place, Wanted};
use crate::gateway::preview::Preview;
use crate::plan::{Account, Plan, start};
use crate::project::document::quoted;

/// Paths by which services are asked for their health.
const HEALTH: [&str; 6] = ["/health", "/healthz", "/health/live", "/livez", "/healthcheck", "/up"];

/// A health check that was found in the project's source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Health {
    /// The path to ask for.
    pub(super) path: String,
    /// Where it was seen.
    pub(super) reason: String,
}

/// A service that a project talks to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Service {
    /// Its name, which is its host name.
    pub(super) name: &'static str,
    pub(super) image: &'static str,
    /// The variable by which projects usually take its address, and its value.
    pub(super) address: (&'static str, &'static str),
    pub(super) environment: &'static [(&'static str, &'static str)],
    /// Exits with 0 when it is ready.
    pub(super) healthcheck: &'static [&'static str],
    /// Where its data lie.
    pub(super) data: &'static str,
    /// Packages that talk to it.
    drivers: &'static [&'static str],
}

/// `$$` is Compose's way to leave a variable to the container.
const SERVICES: &[Service] = &[
    Service {
        name: "postgres",
        image: "postgres:17-alpine",
        address: ("DATABASE_URL", "postgresql://app:${POSTGRES_PASSWORD:-app}@postgres:5432/app"),
        environment: &[
            ("POSTGRES_DB", "app"),
            ("POSTGRES_PASSWORD", "${POSTGRES_PASSWORD:-app}"),
            ("POSTGRES_USER", "app"),
        ],
        healthcheck: &["CMD", "pg_isready", "--username=app", "--dbname=app"],
        data: "/var/lib/postgresql/data",
        drivers: &["asyncpg", "pg8000", "psycopg", "psycopg2", "psycopg2-binary"],
    },
    Service {
        name: "mysql",
        image: "mysql:8.4",
        address: ("DATABASE_URL", "mysql://app:${MYSQL_PASSWORD:-app}@mysql:3306/app"),
        environment: &[
            ("MYSQL_DATABASE", "app"),
            ("MYSQL_PASSWORD", "${MYSQL_PASSWORD:-app}"),
            ("MYSQL_RANDOM_ROOT_PASSWORD", "yes"),
            ("MYSQL_USER", "app"),
        ],
        healthcheck: &["CMD-SHELL", "mysqladmin ping --user=app --password=$$MYSQL_PASSWORD --host=127.0.0.1"],
        data: "/var/lib/mysql",
        drivers: &["aiomysql", "asyncmy", "mysql-connector-python", "mysqlclient", "pymysql"],
    },
    Service {
        name: "redis",
        image: "redis:8-alpine",
        address: ("REDIS_URL", "redis://redis:6379/0"),
        environment: &[],
        healthcheck: &["CMD", "redis-cli", "ping"],
        data: "/data",
        drivers: &["aioredis", "redis", "valkey"],
    },
    Service {
        name: "mongo",
        image: "mongo:8",
        address: ("MONGODB_URL", "mongodb://mongo:27017/app"),
        environment: &[],
        healthcheck: &["CMD", "mongosh", "--quiet", "--eval", "db.adminCommand('ping')"],
        data: "/data/db",
        drivers: &["motor", "pymongo"],
    },
    Service {
        name: "rabbitmq",
        image: "rabbitmq:4-alpine",
        address: ("RABBITMQ_URL", "amqp://guest:guest@rabbitmq:5672/"),
        environment: &[],
        healthcheck: &["CMD", "rabbitmq-diagnostics", "--quiet", "ping"],
        data: "/var/lib/rabbitmq",
        drivers: &["aio-pika", "pika"],
    },
];

/// What is known.
pub(super) struct Facts {
    /// The project's name, fit for services and tags.
    pub(super) name: String,
    /// What `-f` names, in the context.
    pub(super) file: String,
    /// The TCP port that it listens on.
    pub(super) port: Option<u16>,
    /// The path of the health check, configured or found.
    pub(super) health: Option<String>,
    /// A health check that is not configured yet.
    pub(super) found_health: Option<Health>,
    pub(super) account: Account,
    pub(super) services: Vec<&'static Service>,
    /// Whether a package is compiled or built from its source, which may take the image's own CPU.
    pub(super) builds: bool,
    /// Whether the root file system may be read-only: the program writes to volumes alone.
    pub(super) writes_nothing: bool,
    /// Further images, each with the same of it.
    pub(super) targets: Vec<(String, bool)>,
    /// Whether `--target test` has something to run.
    pub(super) has_tests: bool,
}

impl Facts {
    pub(super) fn new(preview: &Preview, place: &Place, wanted: &Wanted) -> Self {
        let plan = &preview.plan;
        let names = packages(plan);
        let services: Vec<&Service> =
            SERVICES.iter().filter(|service| service.drivers.iter().any(|driver| names.contains(driver))).collect();
        let taken = services.iter().any(|service| service.name == plan.project);
        let tcp = plan.config.ports.iter().find_map(|port| port.strip_suffix("/tcp"));
        let port = tcp.and_then(|port| port.parse().ok());
        let configured = plan.config.healthcheck.as_ref();
        let found_health =
            if configured.is_none() && port.is_some() { found(&plan.config.command, &preview.sources) } else { None };
        let health = configured.and_then(|check| path_of(check.command.last()?));
        Self {
            name: if taken { "app".to_owned() } else { plan.project.clone() },
            file: place.file(),
            port,
            health: health.or_else(|| found_health.as_ref().map(|health| health.path.clone())),
            found_health,
            account: plan.account.clone(),
            builds: !plan.built.is_empty(),
            services,
            writes_nothing: writes_nothing(plan),
            targets: preview
                .own_targets
                .iter()
                .filter(|name| !BUILT_IN.contains(&name.as_str()))
                .map(|name| {
                    let found = wanted.with_target(name.clone()).preview();
                    let plan =
                        found.as_ref().ok().and_then(|found| found.previews.first()).map(|preview| &preview.plan);
                    (name.clone(), plan.is_some_and(writes_nothing))
                })
                .collect(),
            has_tests: wanted.with_target("test".to_owned()).preview().is_ok(),
        }
    }
}

/// Targets that there always are.
const BUILT_IN: [&str; 7] = ["runtime", "dev", "test", "venv", "wheel", "requirements", "plan"];

/// What `writable` names lies in the container itself, with what the build put there.
fn writes_nothing(plan: &Plan) -> bool {
    plan.writable.iter().all(|path| plan.config.volumes.contains(path))
}

/// The names of all that is installed.
fn packages(plan: &Plan) -> BTreeSet<&str> {
    let wheels = plan.groups.iter().flat_map(|group| &group.wheels).map(|wheel| wheel.name.as_str());
    let local = plan.local.iter().flat_map(|group| &group.wheels).map(|wheel| wheel.name.as_str());
    let built = plan.built.iter().map(|built| built.name.as_str());
    let resolved = plan.resolved.iter().flat_map(|resolved| &resolved.names).map(String::as_str);
    wheels.chain(local).chain(built).chain(resolved).collect()
}

/// The path of a URL on this host.
fn path_of(url: &str) -> Option<String> {
    let rest = url.strip_prefix("http://127.0.0.1:")?;
    rest.find('/').map(|start| rest[start..].to_owned())
}

/// A route of the object that is served, by its decorator: `@app.get("/health")`.
fn found(command: &[String], sources: &start::Files) -> Option<Health> {
    let object = command.iter().find_map(|argument| {
        let (module, object) = argument.split_once(':')?;
        let is_name = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "_.".contains(c));
        (is_name(module) && is_name(object)).then_some(object)
    })?;
    for file in sources.values() {
        for (number, line) in (1..).zip(file.text().lines()) {
            let Some(call) = line.strip_prefix('@').and_then(|line| line.strip_prefix(object)) else { continue };
            let Some(rest) = call.strip_prefix(".get(").or_else(|| call.strip_prefix(".route(")) else { continue };
            let path = rest.strip_prefix(['"', '\'']).and_then(|rest| rest.split(['"', '\'']).next());
            if let Some(path) = path.filter(|path| HEALTH.contains(path)) {
                let reason = format!("a route of {}:{number}", quoted(file.name()).trim_matches('"'));
                return Some(Health { path: path.to_owned(), reason });
            }
        }
    }
    None
}
