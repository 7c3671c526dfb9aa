//! The hash of an artifact as locks write it, `sha256:<hex>`: checked once, so that whoever holds a [`Hash`] can put it
//! into a checksum attribute or a file name without looking at it again.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use super::text;

/// The algorithms that a lock may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HashAlgorithm {
    /// MD5; only seen for old third-party indexes.
    Md5,
    /// SHA-256; what practically every lock has.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
    /// BLAKE2b with 64 bytes.
    Blake2b,
}

impl HashAlgorithm {
    /// The name as written before the colon.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
            Self::Blake2b => "blake2b",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Md5, Self::Sha256, Self::Sha384, Self::Sha512, Self::Blake2b]
            .into_iter()
            .find(|algorithm| algorithm.as_str() == name)
    }

    /// How many hexadecimal digits a digest has.
    fn digits(self) -> usize {
        match self {
            Self::Md5 => 32,
            Self::Sha256 => 64,
            Self::Sha384 => 96,
            Self::Sha512 | Self::Blake2b => 128,
        }
    }
}

/// An algorithm and a digest in lower-case hexadecimal of the right length.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash {
    algorithm: HashAlgorithm,
    hex: Box<str>,
}

impl Hash {
    /// The algorithm.
    pub fn algorithm(&self) -> HashAlgorithm {
        self.algorithm
    }

    /// The digest: lower-case hexadecimal digits, nothing else.
    pub fn hex(&self) -> &str {
        &self.hex
    }

    /// `sha256:<hex>` when this is a SHA-256, which is the only kind that BuildKit's http source can check.
    pub fn as_sha256_digest(&self) -> Option<String> {
        (self.algorithm == HashAlgorithm::Sha256).then(|| self.to_string())
    }
}

impl FromStr for Hash {
    type Err = String;

    /// Parses `<algorithm>:<hex>`; the error says what is wrong, without repeating the text.
    fn from_str(written: &str) -> Result<Self, String> {
        let Some((name, hex)) = written.split_once(':') else {
            return Err("a hash is written as algorithm:digest, for example sha256:…".to_owned());
        };
        let Some(algorithm) = HashAlgorithm::from_name(name) else {
            return Err("the hash algorithm is not one of md5, sha256, sha384, sha512, blake2b".to_owned());
        };
        let kinds = text::kinds(hex);
        if kinds & text::NOT_HEX != 0 {
            return Err(format!("a {name} digest has only the digits 0-9 and a-f"));
        }
        if hex.len() != algorithm.digits() {
            return Err(format!("a {name} digest has {} digits, this one has {}", algorithm.digits(), hex.len()));
        }
        let hex = if kinds & text::HEX_CAPITAL != 0 { hex.to_ascii_lowercase().into() } else { hex.into() };
        Ok(Self { algorithm, hex })
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.as_str(), self.hex)
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_algorithm_has_its_length_and_digits_are_lowered() {
        for (name, digits) in [("md5", 32), ("sha256", 64), ("sha384", 96), ("sha512", 128), ("blake2b", 128)] {
            let hash: Hash = format!("{name}:{}", "A".repeat(digits)).parse().unwrap();
            assert_eq!(hash.to_string(), format!("{name}:{}", "a".repeat(digits)));
            assert!(format!("{name}:{}", "a".repeat(digits - 1)).parse::<Hash>().is_err());
        }
        for bad in ["", "sha256", "sha256:", "sha1:00", "SHA256:00", &format!("sha256:{}g", "0".repeat(63))] {
            assert!(bad.parse::<Hash>().is_err(), "{bad}");
        }
    }
}
