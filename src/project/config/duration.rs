//! Durations as Docker and Compose write them: `30s`, `1m30s`, `1.5h`, `500ms`.

use std::time::Duration;

use crate::project::config::element::Element;
use crate::project::document::{Problems, Value, quoted};

/// Docker refuses shorter ones.
const SHORTEST: Duration = Duration::from_millis(1);

/// Image configs hold a signed 64-bit number of nanoseconds.
const LONGEST: Duration = Duration::from_nanos(i64::MAX as u64);

impl Element for Duration {
    const EXPECTED: &'static str = "a duration such as \"30s\" or \"1m30s\"";
    const SCHEMA: &'static str = r#"{"type": "string", "examples": ["30s", "1m30s"]}"#;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let Some(text) = value.as_str() else {
            let problem = value.wrong_type(Self::EXPECTED);
            problems.push(match value.as_number_text() {
                Some(number) if value.as_integer().is_some_and(|seconds| seconds > 0) => {
                    problem.help(format!("if seconds are meant, write {} = \"{number}s\"", value.key()))
                }
                _ => problem,
            });
            return None;
        };
        match parse(text) {
            Some(duration) if duration >= SHORTEST => Some(duration),
            Some(_) => {
                let problem = value.problem(format_args!("{} is too short", quoted(text)));
                problems.push(problem.help("use at least 1ms, or remove the key for Docker's default"));
                None
            }
            None => {
                problems.push(
                    value
                        .problem(format_args!("{} is not a duration", quoted(text)))
                        .help("write numbers with units h, m, s or ms, for example \"1m30s\""),
                );
                None
            }
        }
    }
}

/// The syntax of Go's `time.ParseDuration`, without signs.
fn parse(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() || text.is_empty() {
        let digits = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
        let (whole, after) = rest.split_at(digits);
        let (fraction, after) = match after.strip_prefix('.') {
            Some(after) => after.split_at(after.find(|character: char| !character.is_ascii_digit())?),
            None => ("", after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let end = after.find(|character: char| character.is_ascii_digit() || character == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let nanoseconds: u64 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return None,
        };
        let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        total = total.checked_add(Duration::from_nanos(whole.checked_mul(nanoseconds)?))?;
        let mut scale = nanoseconds;
        for digit in fraction.bytes() {
            scale /= 10;
            total = total.checked_add(Duration::from_nanos(u64::from(digit - b'0') * scale))?;
        }
        rest = after;
    }
    (total <= LONGEST).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_durations() {
        for (text, milliseconds) in [
            ("30s", Some(30_000)),
            ("1m30s", Some(90_000)),
            ("1.5h", Some(5_400_000)),
            ("500ms", Some(500)),
            (".5s", Some(500)),
            ("1.s", Some(1_000)),
            ("0", Some(0)),
            ("1h0m0.25s", Some(3_600_250)),
            ("2000000us", Some(2_000)),
            ("", None),
            ("30", None),
            ("s", None),
            (".s", None),
            ("-1s", None),
            ("+1s", None),
            ("1 s", None),
            ("1d", None),
            ("1s ", None),
            ("1S", None),
            ("3000000h", None),
            ("99999999999999999999s", None),
            ("1.", None),
        ] {
            assert_eq!(parse(text), milliseconds.map(Duration::from_millis), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "[0-9.hmsnuµ+-]{0,40}|.{0,20}") {
            let _ = parse(&text);
        }
    }
}
