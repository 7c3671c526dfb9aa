//! `healthcheck`: `false`, a path to ask for by HTTP, or a table with a path, a command or a port and Docker's timings.

use std::time::Duration;

use crate::project::config::argv::Argv;
use crate::project::config::element::{Element, keys};
use crate::project::config::ports::port_number;
use crate::project::document::{Located, Problems, Value, quoted};

/// How Docker finds out whether the container works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Healthcheck {
    /// No check, also not the base image's.
    Disabled,
    /// A check.
    Check(Check),
}

/// A health check. What is `None` has its default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What is done.
    pub test: Test,
    /// Time between two checks.
    pub interval: Option<Duration>,
    /// How long one check may take.
    pub timeout: Option<Duration>,
    /// How long failures do not count after the start.
    pub start_period: Option<Duration>,
    /// Time between two checks during the start period.
    pub start_interval: Option<Duration>,
    /// How many failures in a row make the container unhealthy.
    pub retries: Option<u32>,
}

/// What a check does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// Asks for a path by HTTP on localhost; any status from 200 to 399 is healthy.
    Http {
        /// Begins with `/`; visible ASCII only.
        path: HttpPath,
        /// The port, when it is not the one that the start command listens on.
        port: Option<u16>,
    },
    /// Opens a connection to a port of localhost.
    Tcp(u16),
    /// Runs a program; exit code 0 is healthy.
    Command(Argv),
}

/// A path with an optional query, as it stands in an HTTP request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpPath(String);

impl HttpPath {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Element for HttpPath {
    const EXPECTED: &'static str = "a path such as \"/health\"";
    const SCHEMA: &'static str = r#"{"type": "string", "pattern": "^/"}"#;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let text = value.string(Self::EXPECTED, problems)?;
        if text.starts_with('/') && text.chars().all(|character| character.is_ascii_graphic()) {
            return Some(Self(text.to_owned()));
        }
        let problem = value.problem(format_args!("{} is not a path", quoted(text)));
        problems.push(if text.contains("://") {
            problem.help("write only the path, for example \"/health\"; the check always asks the container itself")
        } else if !text.starts_with('/') {
            problem.help("begin it with \"/\", for example \"/health\"")
        } else {
            problem.help("use visible ASCII characters, and percent-encode all others")
        });
        None
    }
}

/// `port` of a health check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckPort(u16);

impl Element for CheckPort {
    const EXPECTED: &'static str = "a port from 1 to 65535";
    const SCHEMA: &'static str = r#"{"type": "integer", "minimum": 1, "maximum": 65535}"#;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        port_number(value, problems).map(Self)
    }
}

/// `retries` of a health check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retries(u32);

impl Element for Retries {
    const EXPECTED: &'static str = "a number from 1 to 1000";
    const SCHEMA: &'static str = r#"{"type": "integer", "minimum": 1, "maximum": 1000}"#;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let retries = value.as_integer().and_then(|number| u32::try_from(number).ok());
        if let Some(retries) = retries.filter(|retries| (1..=1000).contains(retries)) {
            return Some(Self(retries));
        }
        problems.push(if value.is_integer() {
            value.problem(format_args!("must be {}", Self::EXPECTED))
        } else {
            value.wrong_type(Self::EXPECTED)
        });
        None
    }
}

keys! {
    /// The keys of `[tool.pyfront.healthcheck]`.
    pub struct HealthcheckTable {
        /// The path to ask for by HTTP. Any status from 200 to 399 is healthy.
        "path" => path: HttpPath,
        /// A program to run instead. Exit code 0 is healthy.
        "command" => command: Argv,
        /// The port of the HTTP request. The default is the port that the start command listens on. Without a path or a command,
        /// the container is healthy when the port takes a TCP connection.
        "port" => port: CheckPort,
        /// Time between two checks.
        "interval" => interval: Duration,
        /// How long one check may take.
        "timeout" => timeout: Duration,
        /// How long failures do not count after the start. The default is 30 seconds.
        "start-period" => start_period: Duration,
        /// Time between two checks during the start period, from Docker 25 on. The default is one second: a service is healthy as
        /// soon as it answers.
        "start-interval" => start_interval: Duration,
        /// How many failures in a row make the container unhealthy.
        "retries" => retries: Retries,
    }
}

impl Element for Healthcheck {
    const EXPECTED: &'static str = "false, a path such as \"/health\", or a table with a path, a command or a port";
    const SCHEMA: &'static str =
        r##"{"anyOf": [{"const": false}, {"type": "string", "pattern": "^/"}, {"$ref": "#/$defs/healthcheck"}]}"##;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        if value.as_str().is_some() {
            let path = HttpPath::read(value, problems)?;
            return Some(Self::Check(Check {
                test: Test::Http { path, port: None },
                interval: None,
                timeout: None,
                start_period: None,
                start_interval: None,
                retries: None,
            }));
        }
        match value.as_bool() {
            Some(false) => return Some(Self::Disabled),
            Some(true) => {
                problems.push(
                    value
                        .problem(format_args!("must be {}, not true", Self::EXPECTED))
                        .help("say what to ask for, for example healthcheck = \"/health\""),
                );
                return None;
            }
            None => {}
        }
        let before = problems.len();
        let table = HealthcheckTable::read_table(&value.table(Self::EXPECTED, problems)?, problems);
        let test = match (table.path, table.command, table.port) {
            (Some(path), None, port) => Test::Http { path: path.value, port: port.map(|port| port.value.0) },
            (None, Some(command), None) => Test::Command(command.value),
            (None, None, Some(port)) if problems.len() == before => Test::Tcp(port.value.0),
            _ if problems.len() > before => return None,
            (None, Some(_), Some(port)) => {
                problems.push(
                    at(&port, value, "port is only for a path").help("remove it: the command says what to check"),
                );
                return None;
            }
            (Some(_), Some(command), _) => {
                problems.push(at(&command, value, "has a path and a command").help("keep one of the two"));
                return None;
            }
            (None, None, _) => {
                problems.push(
                    value.problem("says neither path nor command nor port").help("add for example path = \"/health\""),
                );
                return None;
            }
        };
        (problems.len() == before).then(|| {
            Self::Check(Check {
                test,
                interval: table.interval.map(|interval| interval.value),
                timeout: table.timeout.map(|timeout| timeout.value),
                start_period: table.start_period.map(|period| period.value),
                start_interval: table.start_interval.map(|interval| interval.value),
                retries: table.retries.map(|retries| retries.value.0),
            })
        })
    }
}

fn at<T>(place: &Located<T>, value: &Value<'_>, says: &str) -> crate::diagnostic::Diagnostic {
    value.problem(says).at_location(Some(place.location.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::config::tests::{errors, read};

    fn check(text: &str) -> Healthcheck {
        read(text).healthcheck.unwrap().value
    }

    #[test]
    fn three_forms() {
        assert_eq!(check("healthcheck = false"), Healthcheck::Disabled);
        let Healthcheck::Check(short) = check("healthcheck = '/health?x=1'") else { panic!() };
        assert_eq!(short.test, Test::Http { path: HttpPath("/health?x=1".to_owned()), port: None });
        let Healthcheck::Check(long) = check(
            "[healthcheck]\npath = '/'\nport = 81\ninterval = '1m30s'\ntimeout = '5s'\nstart-period = '10s'\n\
             start-interval = '500ms'\nretries = 2\n",
        ) else {
            panic!()
        };
        assert_eq!(long.test, Test::Http { path: HttpPath("/".to_owned()), port: Some(81) });
        assert_eq!(long.interval, Some(Duration::from_secs(90)));
        assert_eq!(long.start_interval, Some(Duration::from_millis(500)));
        assert_eq!(long.retries, Some(2));
        let Healthcheck::Check(tcp) = check("healthcheck = { port = 5432 }") else { panic!() };
        assert_eq!(tcp.test, Test::Tcp(5432));
        let Healthcheck::Check(command) = check("healthcheck = { command = ['python', '-m', 'x'] }") else { panic!() };
        assert!(matches!(command.test, Test::Command(argv) if argv.to_vec() == ["python", "-m", "x"]));
    }

    #[test]
    fn refusals() {
        let all = [
            "true",
            "'health'",
            "'http://localhost/health'",
            "'/a b'",
            "8000",
            "{}",
            "{ path = '/', command = ['x'] }",
            "{ command = ['x'], port = 80 }",
            "{ path = '/', intervall = '30s', retries = 0, timeout = 30, port = 0 }",
            "{ command = 'curl -f localhost', start-period = '1 minute', interval = '0', retries = '3' }",
            "{ test = ['CMD', 'x'] }",
        ];
        let all: Vec<String> = all.iter().map(|check| errors(&format!("healthcheck = {check}"))).collect();
        insta::assert_snapshot!(all.join("\n"));
    }
}
