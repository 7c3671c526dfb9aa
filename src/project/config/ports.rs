//! `ports`: what the container listens on, written as Docker's `EXPOSE` does. Publishing a port is for whoever runs the
//! container, so `8080:80` is refused.

use std::fmt;

use crate::project::config::element::Element;
use crate::project::document::{Located, Problems, Value, quoted};

/// The ports, in the order in which they were written, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ports(pub Vec<Located<Port>>);

impl Ports {
    /// The first TCP port: the one that a server without its own port setting listens on.
    pub fn first_tcp(&self) -> Option<u16> {
        self.0.iter().find(|port| port.protocol == Protocol::Tcp).map(|port| port.number)
    }
}

/// A port of the container. Displayed as image configs spell it: `8000/tcp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Port {
    /// 1 to 65535.
    pub number: u16,
    /// The transport.
    pub protocol: Protocol,
}

/// The transport of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// TCP, also when nothing is written.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = match self.protocol {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Sctp => "sctp",
        };
        write!(f, "{}/{protocol}", self.number)
    }
}

impl Element for Ports {
    const EXPECTED: &'static str = "an array of ports, for example [8000, \"53/udp\"]";
    const SCHEMA: &'static str = r#"{"type": "array", "items": {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 65535}, {"type": "string", "pattern": "^[0-9]+(/(tcp|udp|sctp))?$"}]}}"#;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let before = problems.len();
        let mut ports: Vec<Located<Port>> = Vec::new();
        for item in value.array(Self::EXPECTED, problems)? {
            match read_port(&item, problems) {
                Some(port) if ports.iter().any(|known| known.value == port) => {}
                Some(port) => ports.push(item.located(port)),
                None => {}
            }
        }
        (problems.len() == before).then_some(Self(ports))
    }
}

fn read_port(value: &Value<'_>, problems: &mut Problems) -> Option<Port> {
    const EXPECTED: &str = "a port such as 8000 or \"53/udp\"";
    if value.is_integer() {
        let number = port_number(value, problems)?;
        return Some(Port { number, protocol: Protocol::Tcp });
    }
    let text = value.string(EXPECTED, problems)?;
    if text.contains(':') {
        problems.push(
            value.problem(format_args!("{} looks like a published port", quoted(text))).help(
                "write only the container's port; which port of the host it gets is said when the container is run",
            ),
        );
        return None;
    }
    let (digits, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let protocol = match protocol {
        "tcp" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        "sctp" => Protocol::Sctp,
        _ => {
            let problem = value.problem(format_args!("{} has an unknown protocol", quoted(text)));
            problems.push(problem.help("use tcp, udp or sctp"));
            return None;
        }
    };
    let number = if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().unwrap_or(0) } else { 0 };
    if number == 0 {
        let problem = value.problem(format_args!("{} is not a port", quoted(text)));
        problems.push(problem.help(if digits.contains('-') {
            "list every port of the range by itself"
        } else {
            "write a number from 1 to 65535, with /udp if it is not TCP"
        }));
        return None;
    }
    Some(Port { number, protocol })
}

/// An integer from 1 to 65535.
pub(super) fn port_number(value: &Value<'_>, problems: &mut Problems) -> Option<u16> {
    if !value.is_integer() {
        problems.push(value.wrong_type("a port from 1 to 65535"));
        return None;
    }
    let number = value.as_integer().and_then(|number| u16::try_from(number).ok()).filter(|number| *number > 0);
    if number.is_none() {
        let written = value.as_number_text().unwrap_or_default();
        let problem = value.problem(format_args!("{written} is not a port"));
        problems.push(problem.help("write a number from 1 to 65535"));
    }
    number
}

#[cfg(test)]
mod tests {
    use crate::project::config::tests::{errors, read};

    #[test]
    fn numbers_are_tcp() {
        let ports = read("ports = ['53/udp', 8000, '8000/tcp', '9000', '5000/sctp']").ports.unwrap();
        let shown: Vec<String> = ports.0.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["53/udp", "8000/tcp", "9000/tcp", "5000/sctp"]);
        assert_eq!(ports.first_tcp(), Some(8000));
    }

    #[test]
    fn refusals() {
        insta::assert_snapshot!(errors(
            "ports = [0, 65536, -1, 99999999999999999999, '80:80', '80/http', '8000-8010', '', '+80', '80 ', 1.5, '/tcp']"
        ));
        insta::assert_snapshot!(errors("ports = 8000"));
    }
}
