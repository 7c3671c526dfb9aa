//! From diagnostics to what buildx draws: errors and source maps with the lines of the user's file.
//!
//! A file's whole text travels with every error and every graph, so of a big file only the lines around the places that
//! matter are sent; blank lines stand in for the others, so that every line keeps its number.

use std::collections::BTreeSet;
use std::sync::Arc;

use buildkit_frontend::FrontendError;
use buildkit_llb::{Location as Place, Range, SourceFile as Sent};

use crate::diagnostic::{Diagnostic, Diagnostics, Location, SourceFile};

/// Files up to this size, in bytes, are sent whole.
const WHOLE: usize = 32 << 10;
/// This many lines before and after a place are kept of a bigger file: as many as clients show (`Source.Print` in BuildKit's
/// `solver/errdefs/source.go`).
const CONTEXT: usize = 2;

/// The error for everything that is wrong; each place is shown with its lines.
pub fn error(diagnostics: &Diagnostics) -> FrontendError {
    let mut error = FrontendError::new(diagnostics.to_string());
    for location in diagnostics.iter().filter_map(Diagnostic::location) {
        error = error.with_source(place(location));
    }
    error
}

/// The same for one diagnostic.
pub fn one(diagnostic: Diagnostic) -> FrontendError {
    error(&Diagnostics::from(diagnostic))
}

/// A single place with its file.
pub fn place(location: &Location) -> Place {
    Excerpt::new(&location.file, [location]).place(location)
}

/// A file as it is sent, with the lines around some places.
pub struct Excerpt {
    sent: Arc<Sent>,
}

impl Excerpt {
    /// Keeps the lines around `places`, which lie in `file`.
    pub fn new<'a>(file: &SourceFile, places: impl IntoIterator<Item = &'a Location>) -> Self {
        let language = match file.name().rsplit_once('.') {
            Some((_, "toml" | "lock")) => "TOML",
            _ => "",
        };
        let data = if file.text().len() <= WHOLE { file.text().to_owned() } else { blanked(file, places) };
        Self { sent: Sent::new(file.name(), language, data) }
    }

    /// A place in it.
    pub fn place(&self, location: &Location) -> Place {
        let line = |line: usize| i32::try_from(line).unwrap_or(i32::MAX);
        let (first, last) = location.lines();
        Place::new(&self.sent, [Range::lines(line(first), line(last))])
    }
}

fn blanked<'a>(file: &SourceFile, places: impl IntoIterator<Item = &'a Location>) -> String {
    let mut kept = BTreeSet::new();
    for location in places {
        let (first, last) = location.lines();
        kept.extend(first.saturating_sub(CONTEXT)..=last.saturating_add(CONTEXT));
    }
    let mut text = String::new();
    for (index, line) in file.text().lines().enumerate() {
        if kept.last().is_some_and(|last| index >= *last) {
            break;
        }
        if kept.contains(&(index + 1)) {
            text.push_str(line);
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_its_text_and_its_lines() {
        let file = SourceFile::new("pyproject.toml", "a = 1\nb = 2\n");
        let error = one(Diagnostic::new("unknown key").at(&file, 6..7));
        assert_eq!(error.message(), "pyproject.toml:2: unknown key");
        assert_eq!(error.sources()[0].file.filename, "pyproject.toml");
        assert_eq!(error.sources()[0].ranges, [Range::line(2)]);
    }

    #[test]
    fn of_a_big_file_the_lines_around_the_place_are_sent_with_their_numbers() {
        let text = (1..10_000).map(|line| format!("line {line}")).collect::<Vec<_>>().join("\n");
        let offset = text.find("line 5000\n").unwrap();
        let file = SourceFile::new("uv.lock", text);
        let place = place(&Location::new(&file, offset..offset + 4));
        let sent = String::from_utf8(place.file.data.clone()).unwrap();
        assert_eq!(sent.lines().nth(4999), Some("line 5000"));
        assert_eq!(sent.lines().nth(4), Some(""));
        assert!(sent.len() < 6_000, "{}", sent.len());
    }
}
