//! An environment marker of the lock, kept as text until somebody asks for it: most edges of a large lock are never
//! reached for one target, and the same few markers are written again and again.
//!
//! The comparisons are uv's (`uv-pep508`); `and`, `or` and parentheses are read here. uv makes one decision diagram of a
//! whole marker, which can overflow the stack or grow without bounds for a marker that somebody made up.

use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

use uv_pep508::MarkerTree;

use crate::diagnostic::{Diagnostic, SourceFile};

/// Deeper parentheses are refused: the parser recurses. uv writes at most two levels.
const MAX_DEPTH: usize = 64;
/// Longer markers are refused. The longest in public locks, full of conflict markers, has 5505 bytes.
const MAX_LENGTH: usize = 256 * 1024;

/// A PEP 508 marker as written, which may hold uv's conflict markers (`extra == 'extra-3-app-cpu'`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Marker {
    text: Arc<str>,
    range: Range<usize>,
}

/// A marker taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expression {
    /// One comparison, for example `sys_platform == 'win32'`.
    Comparison(Comparison),
    /// All of these: `and`.
    All(Vec<Expression>),
    /// Any of these: `or`.
    Any(Vec<Expression>),
}

/// One comparison of a marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Comparison {
    /// The comparison, ready to be evaluated.
    pub tree: MarkerTree,
    /// Whether it compares `extra`: then its value depends on what is active, not on the target.
    pub of_extra: bool,
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
    pub fn parse(&self, file: &Arc<SourceFile>) -> Result<Expression, Diagnostic> {
        Expression::parse(&self.text).map_err(|reason| {
            Diagnostic::new(format!("the marker cannot be understood: {reason}"))
                .at(file, self.range())
                .help("run `uv lock` to write the lock file anew")
        })
    }
}

impl Expression {
    /// Parses the text of a marker.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_LENGTH {
            return Err("it is too long".to_owned());
        }
        let mut parser = Parser { text, at: 0, depth: 0 };
        let expression = parser.any()?;
        match parser.peek() {
            // Like uv: where nothing is left, everything holds.
            None => Ok(expression.unwrap_or(Self::All(Vec::new()))),
            Some(_) => Err("there is a closing parenthesis too many".to_owned()),
        }
    }
}

struct Parser<'m> {
    text: &'m str,
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    /// The next byte that is not a space.
    fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while bytes.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        bytes.get(self.at).copied()
    }

    /// Takes a word if it comes next.
    fn word(&mut self, word: &str) -> bool {
        let next = self.peek().is_some() && word_at(self.text, self.at) == word;
        if next {
            self.at += word.len();
        }
        next
    }

    /// `… or …`. `None` when nothing is left of it; so below.
    fn any(&mut self) -> Result<Option<Expression>, String> {
        let mut list = Vec::from_iter(self.all()?);
        while self.word("or") {
            list.extend(self.all()?);
        }
        Ok(single(list, Expression::Any))
    }

    /// `… and …`
    fn all(&mut self) -> Result<Option<Expression>, String> {
        let mut list = Vec::from_iter(self.primary()?);
        while self.word("and") {
            list.extend(self.primary()?);
        }
        Ok(single(list, Expression::All))
    }

    fn primary(&mut self) -> Result<Option<Expression>, String> {
        if self.peek() != Some(b'(') {
            return self.comparison();
        }
        self.at += 1;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("its parentheses are nested too deeply".to_owned());
        }
        let inner = self.any()?;
        self.depth -= 1;
        if self.peek() != Some(b')') {
            return Err("a parenthesis is not closed".to_owned());
        }
        self.at += 1;
        Ok(inner)
    }

    /// A comparison: everything up to `and`, `or` or a parenthesis. Some that make no sense (`os_name > 'a'`) are left out
    /// by uv, with a warning, as if they were not there.
    fn comparison(&mut self) -> Result<Option<Expression>, String> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        let mut of_extra = false;
        while let Some(byte) = bytes.get(self.at) {
            match byte {
                b'(' | b')' => break,
                b'"' | b'\'' => {
                    let inside = &bytes[self.at + 1..];
                    let Some(length) = inside.iter().position(|other| other == byte) else {
                        return Err("a quotation mark is not closed".to_owned());
                    };
                    self.at += length + 2;
                }
                b'a'..=b'z' | b'A'..=b'Z' | b'_' => {
                    let word = word_at(self.text, self.at);
                    if matches!(word, "and" | "or") {
                        break;
                    }
                    of_extra |= word == "extra";
                    self.at += word.len();
                }
                _ => self.at += 1,
            }
        }
        let text = self.text[start..self.at].trim();
        if text.is_empty() {
            return Err("a comparison is missing".to_owned());
        }
        let tree = MarkerTree::from_str(text).map_err(|error| {
            // The crate's message goes on with the marker and an underline; the place shows both already.
            error.to_string().lines().next().unwrap_or("it is not a PEP 508 marker").to_owned()
        })?;
        if tree.is_true() && is_left_out(text) {
            return Ok(None);
        }
        Ok(Some(Expression::Comparison(Comparison { tree, of_extra })))
    }
}

/// Whether a comparison that seems to hold always is one that uv leaves out: then another decides alone.
fn is_left_out(comparison: &str) -> bool {
    MarkerTree::from_str(&format!("{comparison} or os_name == 'pyfront'")).is_ok_and(|tree| !tree.is_true())
}

/// The letters, digits and underscores at a place.
fn word_at(text: &str, at: usize) -> &str {
    let rest = text.get(at..).unwrap_or_default();
    let end = rest.bytes().position(|byte| !byte.is_ascii_alphanumeric() && byte != b'_').unwrap_or(rest.len());
    &rest[..end]
}

fn single(mut list: Vec<Expression>, many: fn(Vec<Expression>) -> Expression) -> Option<Expression> {
    let last = list.pop()?;
    if list.is_empty() {
        return Some(last);
    }
    list.push(last);
    Some(many(list))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Expression, Diagnostic> {
        Marker::new(text.into(), 0..text.len()).parse(&SourceFile::new("uv.lock", text))
    }

    /// The whole as one decision diagram, as uv would make it.
    fn whole(expression: &Expression) -> MarkerTree {
        match expression {
            Expression::Comparison(comparison) => comparison.tree,
            Expression::All(list) => list.iter().map(whole).fold(MarkerTree::TRUE, MarkerTree::and),
            Expression::Any(list) => list.iter().map(whole).fold(MarkerTree::FALSE, MarkerTree::or),
        }
    }

    #[test]
    fn the_parts_make_up_the_marker_that_uv_reads() {
        for text in [
            "sys_platform == 'win32'",
            "python_version >= '3.9' and (os_name == 'posix' or extra == 'extra-3-app-cpu')",
            "(python_version not in '3.8, 3.9' and 'linux' in sys_platform) or extra != \"and or (\"",
            "(((os_name == 'a')))and (sys_platform == 'b')or platform_machine=='c'",
            "os_name == 'a' or os_name == 'b' and sys_platform == 'c'",
            "python_full_version < '3.x' or sys_platform == 'a'",
            "(os_name > 'a' and 'a' == 'b') and sys_platform == 'a'",
            "os_name == sys_platform or extra < 'a'",
            "python_version >= '0' or sys_platform == 'a'",
        ] {
            assert_eq!(whole(&parse(text).unwrap()), text.parse().unwrap(), "{text}");
        }
    }

    #[test]
    fn what_uv_refuses_is_refused() {
        for text in [
            "",
            "()",
            "(",
            ")",
            "and",
            "os_name == 'a' or",
            "os_name == 'a' and and os_name == 'b'",
            "os_name == 'a",
            "python_version >=",
            "os_name == 'a') or (os_name == 'b'",
            "(os_name == 'a'",
            "os_name == 'a' os_name == 'b'",
            "nonsense == 'a'",
            "os_name == 'a' (os_name == 'b')",
        ] {
            assert!(MarkerTree::from_str(text).is_err() && parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn hostile_markers_neither_overflow_the_stack_nor_grow() {
        assert!(parse(&"(".repeat(100_000)).is_err());
        let many = |pattern: &str, word: &str| {
            let list: Vec<String> = (0..5000).map(|index| pattern.replace('#', &index.to_string())).collect();
            parse(&list.join(word))
        };
        assert!(many("extra == 'x#'", " and ").is_ok());
        assert!(many("sys_platform == 'x#'", " or ").is_ok());
        assert!(many("(extra == 'a#' and extra == 'b#')", " or ").is_ok());
    }
}
