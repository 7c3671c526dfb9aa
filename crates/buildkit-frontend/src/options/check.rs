//! How lint rules are treated: `build-arg:BUILDKIT_DOCKERFILE_CHECK`, and the `# check=` line of an entry file, which has the
//! same grammar: at most three of `skip=…`, `experimental=…` and `error=…`, with semicolons between them.

use super::{OptionError, boolean};

const OPTION: &str = "build-arg:BUILDKIT_DOCKERFILE_CHECK";
const EXPECTED: &str =
    "up to three parts, separated by semicolons: skip=<rules or all>, experimental=<rules or all>, error=<bool>";

/// How lint rules are treated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckOptions {
    /// Rules that are not to be reported.
    pub skip: RuleSet,
    /// Experimental rules that are switched on.
    pub experimental: RuleSet,
    /// Whether a warning makes the build fail.
    pub error: bool,
}

/// Some rules, or all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleSet {
    /// Every rule.
    All,
    /// These.
    Named(Vec<String>),
}

impl Default for RuleSet {
    fn default() -> Self {
        Self::Named(Vec::new())
    }
}

impl RuleSet {
    fn parse(text: &str) -> Self {
        match text.trim() {
            "all" => Self::All,
            names => Self::Named(names.split(',').map(|name| name.trim().to_owned()).collect()),
        }
    }

    /// Whether a rule is among them. Names are compared without regard to case.
    pub fn contains(&self, rule: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.iter().any(|name| name.eq_ignore_ascii_case(rule)),
        }
    }
}

impl CheckOptions {
    /// Reads the value of the build arg, or of a `# check=` line.
    pub fn parse(text: &str) -> Result<Self, OptionError> {
        let mut options = Self::default();
        if text.trim().is_empty() {
            return Ok(options);
        }
        let wrong = || OptionError::new(OPTION, text, EXPECTED);
        for part in text.trim().splitn(3, ';') {
            let (key, value) = part.split_once('=').ok_or_else(wrong)?;
            match key.trim() {
                "skip" => options.skip = RuleSet::parse(value),
                "experimental" => options.experimental = RuleSet::parse(value),
                "error" => options.error = boolean::parse(OPTION, value.trim()).map_err(|_| wrong())?,
                _ => return Err(wrong()),
            }
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let options = CheckOptions::parse(" skip=RuleA, RuleB;error=true;experimental=all ").unwrap();
        assert!(options.skip.contains("ruleb") && !options.skip.contains("RuleC"));
        assert!(options.experimental.contains("anything"));
        assert!(options.error);
        assert_eq!(CheckOptions::parse(""), Ok(CheckOptions::default()));
        for bad in ["skip", "error=maybe", "what=x"] {
            assert!(CheckOptions::parse(bad).is_err(), "{bad}");
        }
    }
}
