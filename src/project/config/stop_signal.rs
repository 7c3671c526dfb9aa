//! `stop-signal`: the signal that asks the container to end.

use crate::diagnostic::nearest;
use crate::project::config::element::Element;
use crate::project::document::{Problems, Value, quoted};

/// Linux' signals that have a name, without `SIG`.
const NAMES: &[&str] = &[
    "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL", "PIPE", "POLL",
    "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP", "TTIN", "TTOU", "URG", "USR1",
    "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ",
];

/// A signal, as image configs spell it: `SIGTERM`, `SIGRTMIN+3` or a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StopSignal(String);

impl StopSignal {
    /// The text for the image config.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Element for StopSignal {
    const EXPECTED: &'static str = "a signal such as \"SIGTERM\"";
    const SCHEMA: &'static str = r#"{"type": ["string", "integer"], "examples": ["SIGTERM", "SIGINT"]}"#;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let text = match value.as_integer() {
            Some(number) => number.to_string(),
            None => value.string(Self::EXPECTED, problems)?.to_owned(),
        };
        let signal = canonical(&text);
        if signal.is_none() {
            let problem = value.problem(format_args!("{} is not a signal", quoted(&text)));
            let name = text.to_ascii_uppercase();
            let name = name.strip_prefix("SIG").unwrap_or(&name);
            problems.push(match nearest(name, NAMES.iter().copied()) {
                Some(name) => problem.help(format!("did you mean \"SIG{name}\"?")),
                None => problem.help("use a name such as \"SIGTERM\" or \"SIGINT\", or a number from 1 to 64"),
            });
        }
        signal.map(Self)
    }
}

fn canonical(text: &str) -> Option<String> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse::<u8>().ok().filter(|number| (1..=64).contains(number)).map(|number| number.to_string());
    }
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    let real_time = |offset: &str| offset.parse::<u8>().is_ok_and(|offset| (1..=15).contains(&offset));
    let known = NAMES.contains(&name)
        || matches!(name, "RTMIN" | "RTMAX")
        || name.strip_prefix("RTMIN+").is_some_and(real_time)
        || name.strip_prefix("RTMAX-").is_some_and(|offset| real_time(offset) && offset != "15");
    known.then(|| format!("SIG{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::config::tests::{errors, read};

    #[test]
    fn names_and_numbers() {
        assert_eq!(read("stop-signal = 'SIGINT'").stop_signal.unwrap().as_str(), "SIGINT");
        assert_eq!(read("stop-signal = 'quit'").stop_signal.unwrap().as_str(), "SIGQUIT");
        assert_eq!(read("stop-signal = 15").stop_signal.unwrap().as_str(), "15");
        assert_eq!(canonical("SIGRTMIN+3").as_deref(), Some("SIGRTMIN+3"));
        for bad in ["", "SIG", "SIGRTMIN+0", "SIGRTMIN+99", "SIGRTMAX-15", "0", "65", "TERM\n", "SIGSIGTERM"] {
            assert_eq!(canonical(bad), None, "{bad}");
        }
    }

    #[test]
    fn refusals() {
        let all = ["'SIGTREM'", "'stop please'", "0", "-1", "true"];
        let all: Vec<String> = all.iter().map(|signal| errors(&format!("stop-signal = {signal}"))).collect();
        insta::assert_snapshot!(all.join("\n"));
    }
}
