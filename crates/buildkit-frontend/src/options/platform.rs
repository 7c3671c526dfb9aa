//! What to build for: `platform` (`--platform`) and `multi-platform`.

use buildkit_llb::Platform;

use super::{OptionError, boolean};

const EXPECTED: &str = "a comma-separated list of os/architecture[/variant], such as linux/amd64,linux/arm64";

/// Parses the list of target platforms and normalises each (`linux/aarch64` is `linux/arm64`).
pub(super) fn parse_list(text: &str) -> Result<Vec<Platform>, OptionError> {
    let one = |text: &str| match text.parse::<Platform>() {
        Ok(platform) => Ok(platform.normalized()),
        Err(_) => Err(OptionError::new("platform", text, EXPECTED)),
    };
    match text {
        "" => Ok(Vec::new()),
        list => list.split(',').map(one).collect(),
    }
}

/// Whether the answer has to be a list of platforms, even of one.
pub(super) fn parse_multi(
    option: Option<&str>,
    build_arg: Option<&str>,
    platforms: usize,
) -> Result<bool, OptionError> {
    let given = build_arg.filter(|text| !text.is_empty()).map(|text| ("build-arg:BUILDKIT_MULTI_PLATFORM", text));
    let given = given.or(option.filter(|text| !text.is_empty()).map(|text| ("multi-platform", text)));
    match given {
        None => Ok(platforms > 1),
        Some((name, text)) => match boolean::parse(name, text)? {
            false if platforms > 1 => {
                Err(OptionError::new(name, text, "true, because several platforms were asked for"))
            }
            multi => Ok(multi),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists() {
        let cases = [
            ("linux/amd64", "linux/amd64"),
            ("linux/arm64/v8,linux/arm/v7", "linux/arm64,linux/arm/v7"),
            ("Linux/aarch64", "linux/arm64"),
            ("linux/arm", "linux/arm/v7"),
            ("linux/x86_64/v1", "linux/amd64"),
            ("arm64", "linux/arm64"),
            ("linux/386", "linux/386"),
        ];
        for (text, expected) in cases {
            let ids: Vec<_> = parse_list(text).unwrap().iter().map(ToString::to_string).collect();
            assert_eq!(ids.join(","), expected, "{text}");
        }
        assert_eq!(parse_list("").unwrap(), []);
        for bad in ["linux/", "linux/amd64,", "a/b/c/d", "*", "nonsense", "linux/am d64"] {
            assert!(parse_list(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn multi() {
        assert_eq!(parse_multi(None, None, 1), Ok(false));
        assert_eq!(parse_multi(None, None, 2), Ok(true));
        assert_eq!(parse_multi(Some("1"), None, 0), Ok(true));
        assert_eq!(parse_multi(Some("false"), Some("true"), 1), Ok(true));
        assert!(parse_multi(Some("false"), None, 2).is_err());
        assert!(parse_multi(Some("maybe"), None, 1).is_err());
    }
}
