//! Truth values as Go's `strconv.ParseBool` takes them; every switch among the options is one.

use super::OptionError;

/// `1 t T TRUE true True 0 f F FALSE false False`.
pub(super) fn parse(option: &str, text: &str) -> Result<bool, OptionError> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => Err(OptionError::new(option, text, "true or false")),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn like_go() {
        assert_eq!(super::parse("x", "T"), Ok(true));
        assert_eq!(super::parse("x", "0"), Ok(false));
        assert!(super::parse("x", "yes").is_err());
        assert!(super::parse("x", "").is_err());
    }
}
