//! `SOURCE_DATE_EPOCH`: the time that a reproducible image carries instead of now.

use super::OptionError;

/// Where the image's time comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceDateEpoch {
    /// Seconds since 1970.
    Seconds(i64),
    /// The time of the build context: the commit of a git context. It says nothing for a local one.
    Context,
}

pub(super) fn parse(text: &str) -> Result<Option<SourceDateEpoch>, OptionError> {
    match text {
        "" => Ok(None),
        "context" => Ok(Some(SourceDateEpoch::Context)),
        seconds => match seconds.parse() {
            Ok(seconds) => Ok(Some(SourceDateEpoch::Seconds(seconds))),
            Err(_) => {
                Err(OptionError::new("build-arg:SOURCE_DATE_EPOCH", text, "whole seconds since 1970, or `context`"))
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        assert_eq!(parse(""), Ok(None));
        assert_eq!(parse("0"), Ok(Some(SourceDateEpoch::Seconds(0))));
        assert_eq!(parse("context"), Ok(Some(SourceDateEpoch::Context)));
        assert!(parse("2024-01-01").is_err());
    }
}
