//! An environment marker of the lock, kept as text until somebody asks for it: most edges of a large lock are never
//! reached for one target, and the same few markers are written again and again.

use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

use uv_pep508::MarkerTree;

use crate::diagnostic::{Diagnostic, SourceFile};

/// Longer markers are refused: the decision diagram of a marker can grow exponentially with its text, and the longest
/// in public locks (hundreds of conflict markers) are far shorter.
const MAX_LENGTH: usize = 32 * 1024;
/// Deeper parentheses are refused: the parser recurses. uv writes at most two levels.
const MAX_DEPTH: usize = 64;

/// A PEP 508 marker as written, which may hold uv's conflict markers (`extra == 'extra-3-app-cpu'`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Marker {
    text: Arc<str>,
    range: Range<usize>,
}

impl Marker {
    pub(super) fn new(text: Arc<str>, range: Range<usize>) -> Self {
        Self { text, range }
    }

    /// The marker as written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where it stands in the lock.
    pub fn range(&self) -> Range<usize> {
        self.range.clone()
    }

    /// Parses the marker.
    ///
    /// # Errors
    /// A diagnostic that points at the marker in `file` (the lock it came from).
    pub fn tree(&self, file: &Arc<SourceFile>) -> Result<MarkerTree, Diagnostic> {
        let error = |reason: &str| {
            Diagnostic::new(format!("the marker cannot be understood: {reason}"))
                .at(file, self.range())
                .help("run `uv lock` to write the lock file anew")
        };
        if self.text.len() > MAX_LENGTH {
            return Err(error("it is too long"));
        }
        if depth(&self.text) > MAX_DEPTH {
            return Err(error("its parentheses are nested too deeply"));
        }
        MarkerTree::from_str(&self.text).map_err(|reason| {
            // The crate's message goes on with the marker and an underline; the place shows both already.
            error(reason.to_string().lines().next().unwrap_or("it is not a PEP 508 marker"))
        })
    }
}

/// How deeply parentheses are nested. Quoted ones count too, which only makes the limit stricter.
fn depth(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut deepest = 0;
    for byte in text.bytes() {
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<MarkerTree, Diagnostic> {
        Marker::new(text.into(), 0..text.len()).tree(&SourceFile::new("uv.lock", text))
    }

    #[test]
    fn hostile_markers_are_refused_before_they_are_parsed() {
        assert!(parse("python_version >= '3.9' and (os_name == 'posix' or extra == 'extra-3-app-cpu')").is_ok());
        assert!(parse(&"(".repeat(100_000)).is_err());
        assert!(parse(&"os_name == 'a' or ".repeat(10_000)).is_err());
        assert!(parse("python_version >=").is_err());
        assert!(parse("").is_err());
    }
}
