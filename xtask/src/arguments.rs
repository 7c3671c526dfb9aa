//! The command line as xtask reads it: words in order, `--flag`, and `--name value` or `--name=value`. Small enough that
//! an argument parser would be the larger part of the build.

use anyhow::{Result, bail};

/// What was written after `cargo xtask`, consumed piece by piece; [`finish`](Self::finish) rejects what nobody asked for.
pub(crate) struct Arguments(Vec<String>);

impl Arguments {
    pub(crate) fn new(words: impl IntoIterator<Item = String>) -> Self {
        Self(words.into_iter().collect())
    }

    /// Takes `name` out, and tells whether it was there.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|word| word != name);
        self.0.len() != before
    }

    /// Takes `name value` or `name=value` out; the first one when it is written more than once.
    pub(crate) fn value(&mut self, name: &str) -> Result<Option<String>> {
        let Some(at) = self.0.iter().position(|word| word == name || is_assignment(word, name)) else {
            return Ok(None);
        };
        let word = self.0.remove(at);
        if let Some((_, value)) = word.split_once('=') {
            return Ok(Some(value.to_owned()));
        }
        if at < self.0.len() && !self.0[at].starts_with("--") {
            return Ok(Some(self.0.remove(at)));
        }
        bail!("{name} needs a value");
    }

    /// Takes every value of an option that may be repeated.
    pub(crate) fn values(&mut self, name: &str) -> Result<Vec<String>> {
        let mut values = Vec::new();
        while let Some(value) = self.value(name)? {
            values.push(value);
        }
        Ok(values)
    }

    /// Takes the next plain word.
    pub(crate) fn word(&mut self) -> Option<String> {
        let at = self.0.iter().position(|word| !word.starts_with("--"))?;
        Some(self.0.remove(at))
    }

    /// Takes the remaining plain words.
    pub(crate) fn words(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.word()).collect()
    }

    /// Rejects what is left.
    pub(crate) fn finish(self) -> Result<()> {
        match self.0.first() {
            None => Ok(()),
            Some(word) => bail!("`{word}` means nothing here; see `cargo xtask --help`"),
        }
    }
}

fn is_assignment(word: &str, name: &str) -> bool {
    word.strip_prefix(name).is_some_and(|rest| rest.starts_with('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(words: &str) -> Arguments {
        Arguments::new(words.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn reads_options_in_any_place_and_spelling() {
        let mut read = arguments("engine --engine=newest up --tag a --purge --tag b");
        assert_eq!(read.value("--engine").unwrap().as_deref(), Some("newest"));
        assert_eq!(read.values("--tag").unwrap(), ["a", "b"]);
        assert!(read.flag("--purge"));
        assert_eq!(read.words(), ["engine", "up"]);
        read.finish().unwrap();
    }

    #[test]
    fn names_what_is_missing_or_unknown() {
        let missing = arguments("--engine --purge").value("--engine").unwrap_err();
        assert_eq!(missing.to_string(), "--engine needs a value");
        let unknown = arguments("--purgee").finish().unwrap_err();
        assert_eq!(unknown.to_string(), "`--purgee` means nothing here; see `cargo xtask --help`");
    }
}
