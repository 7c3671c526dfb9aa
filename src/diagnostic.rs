//! What goes wrong in a file that the user wrote: a message, the place in the file, and the next step to take.
//!
//! Every stage (project, closure, plan) reports with these types. They know nothing of BuildKit; the gateway turns
//! them into errors with source ranges that buildx draws, the command line prints them as text.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// A text file of the user's, as it was read, with its name as the user knows it (`pyproject.toml`, `uv.lock`).
#[derive(Debug)]
pub struct SourceFile {
    name: String,
    text: String,
    /// Where the lines but the first begin. Every operation of a build has its line, and a lock has a hundred thousand.
    later_lines: OnceLock<Vec<u32>>,
}

impl PartialEq for SourceFile {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.text == other.text
    }
}

impl Eq for SourceFile {}

impl SourceFile {
    /// Wraps a file's text. `name` is its path relative to the build context.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Arc<Self> {
        Arc::new(Self { name: name.into(), text: text.into(), later_lines: OnceLock::new() })
    }

    /// Decodes UTF-8 bytes (a byte order mark is dropped).
    ///
    /// # Errors
    /// A diagnostic that names the file and the line of the first byte that is not UTF-8.
    pub fn from_bytes(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Result<Arc<Self>, Diagnostic> {
        let mut bytes = bytes.into();
        if bytes.starts_with(b"\xef\xbb\xbf") {
            bytes.drain(..3);
        }
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Self::new(name, text)),
            Err(error) => {
                let good = error.utf8_error().valid_up_to();
                let file = Self::new(name, String::from_utf8_lossy(error.as_bytes()));
                Err(Diagnostic::new("the file is not valid UTF-8")
                    .at(&file, good..good)
                    .help("save the file as UTF-8 and build again"))
            }
        }
    }

    /// The file's path relative to the build context.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The line (from 1) of a byte offset. Offsets past the end belong to the last line.
    pub fn line_of(&self, offset: usize) -> usize {
        // No file of 4 GiB is read.
        let position = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        let starts = || {
            let ends = || memchr::memchr_iter(b'\n', self.text.as_bytes());
            let mut starts = Vec::with_capacity(ends().count());
            starts.extend(ends().map(|end| position(end + 1)));
            starts
        };
        self.later_lines.get_or_init(starts).partition_point(|start| *start <= position(offset)) + 1
    }

    /// The column (from 0, in characters) of a byte offset.
    pub fn column_of(&self, offset: usize) -> usize {
        let offset = self.text.floor_char_boundary(offset.min(self.text.len()));
        let start = self.text[..offset].rfind('\n').map_or(0, |index| index + 1);
        self.text[start..offset].chars().count()
    }
}

/// A place in a [`SourceFile`]: a range of bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The file.
    pub file: Arc<SourceFile>,
    /// Byte offsets into the file's text.
    pub range: Range<usize>,
}

impl Location {
    /// A place in a file.
    pub fn new(file: &Arc<SourceFile>, range: Range<usize>) -> Self {
        Self { file: Arc::clone(file), range }
    }

    /// First and last line of the range, both counted from 1.
    pub fn lines(&self) -> (usize, usize) {
        let end = if self.range.end > self.range.start { self.range.end - 1 } else { self.range.end };
        (self.file.line_of(self.range.start), self.file.line_of(end))
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.name(), self.lines().0)
    }
}

/// An error (or warning) about something that the user wrote.
///
/// Displayed as `<file>:<line>: <message>` followed by indented lines with details and what to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    message: String,
    location: Option<Location>,
    notes: Vec<String>,
    help: Vec<String>,
}

impl Diagnostic {
    /// A diagnostic without a place. `message` begins in lower case and has no full stop.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), location: None, notes: Vec::new(), help: Vec::new() }
    }

    /// Points at a place in a file.
    #[must_use]
    pub fn at(mut self, file: &Arc<SourceFile>, range: Range<usize>) -> Self {
        self.location = Some(Location::new(file, range));
        self
    }

    /// Points at a place, when there is one.
    #[must_use]
    pub fn at_location(mut self, location: Option<Location>) -> Self {
        self.location = location.or(self.location);
        self
    }

    /// Adds a line of detail (what was looked at, who asked for it).
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Adds a next step for the user, as an imperative sentence.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// The message without place, notes and help.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The place, if there is one.
    pub fn location(&self) -> Option<&Location> {
        self.location.as_ref()
    }

    /// The details.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The next steps.
    pub fn helps(&self) -> &[String] {
        &self.help
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(location) = &self.location {
            write!(f, "{location}: ")?;
        }
        f.write_str(&self.message)?;
        for note in &self.notes {
            write!(f, "\n  {note}")?;
        }
        for help in &self.help {
            write!(f, "\n  help: {help}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostic {}

/// One or more diagnostics; the stages collect as many as make sense before they give up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostics(Vec<Diagnostic>);

/// Nobody reads more at once. Each travels with lines of its file, and what a frontend may send is limited.
const MOST: usize = 20;

impl Diagnostics {
    /// `Err` with what was collected (of very many, the first), or `Ok` when nothing was.
    ///
    /// # Errors
    /// The diagnostics themselves, when there is at least one.
    pub fn into_result(mut list: Vec<Diagnostic>) -> Result<(), Self> {
        let more = list.len().saturating_sub(MOST);
        list.truncate(MOST);
        match list.pop() {
            None => Ok(()),
            Some(last) => {
                list.push(if more > 0 { last.note(format!("there are {more} more problems")) } else { last });
                Err(Self(list))
            }
        }
    }

    /// All diagnostics, in the order in which they were found. Never empty.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.0.iter()
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(one: Diagnostic) -> Self {
        Self(vec![one])
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            diagnostic.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

/// The known name nearest to a misspelt one, when it is near enough to be worth suggesting.
///
/// Distance is Damerau-Levenshtein (optimal string alignment); at most a third of the longer name may differ.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Nobody types longer names, and the distance of two long ones takes their product in time and memory.
    const LONGEST: usize = 100;
    if name.len() > LONGEST {
        return None;
    }
    let length = name.chars().count();
    known
        .into_iter()
        .filter(|candidate| candidate.len() <= LONGEST)
        .filter_map(|candidate| {
            let other = candidate.chars().count();
            let most = length.max(other).div_ceil(3);
            // The distance is at least the difference of the lengths.
            let distance = (length.abs_diff(other) <= most).then(|| distance(name, candidate))?;
            (distance <= most).then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().flat_map(char::to_lowercase).collect();
    let right: Vec<char> = right.chars().flat_map(char::to_lowercase).collect();
    let width = right.len() + 1;
    let mut table = vec![0; (left.len() + 1) * width];
    for (index, cell) in table[..width].iter_mut().enumerate() {
        *cell = index;
    }
    for i in 1..=left.len() {
        table[i * width] = i;
        for j in 1..=right.len() {
            let substitution = table[(i - 1) * width + j - 1] + usize::from(left[i - 1] != right[j - 1]);
            let mut best = substitution.min(table[(i - 1) * width + j] + 1).min(table[i * width + j - 1] + 1);
            if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                best = best.min(table[(i - 2) * width + j - 2] + 1);
            }
            table[i * width + j] = best;
        }
    }
    table[left.len() * width + right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_count_from_one_and_columns_from_zero() {
        let file = SourceFile::new("pyproject.toml", "a = 1\nbé = 2\n");
        assert_eq!(file.line_of(0), 1);
        assert_eq!(file.line_of(5), 1);
        assert_eq!(file.line_of(6), 2);
        assert_eq!(file.column_of(9), 2);
        assert_eq!(file.line_of(999), 3);
    }

    #[test]
    fn a_diagnostic_says_what_where_and_what_next() {
        let file = SourceFile::new("pyproject.toml", "a = 1\nb = 2\n");
        let diagnostic = Diagnostic::new("unknown key \"b\"").at(&file, 6..7).note("known: a").help("remove it");
        assert_eq!(diagnostic.to_string(), "pyproject.toml:2: unknown key \"b\"\n  known: a\n  help: remove it");
    }

    #[test]
    fn a_file_that_is_not_utf8_names_its_line() {
        let error = SourceFile::from_bytes("uv.lock", b"a\nb\xff").unwrap_err();
        assert!(error.to_string().starts_with("uv.lock:2: "), "{error}");
    }

    #[test]
    fn of_very_many_the_first_are_shown() {
        let many = (1..=100).map(|number| Diagnostic::new(format!("problem {number}"))).collect();
        let error = Diagnostics::into_result(many).unwrap_err();
        assert_eq!(error.iter().count(), MOST);
        assert!(error.to_string().ends_with("problem 20\n  there are 80 more problems"), "{error}");
    }

    #[test]
    fn long_names_are_not_compared() {
        let long = "x".repeat(1_000_000);
        assert_eq!(nearest(&long, [long.as_str()]), None);
        assert_eq!(nearest("user", [long.as_str(), "users"]), Some("users"));
    }

    #[test]
    fn suggestions_are_near_or_absent() {
        let known = ["port", "ports", "healthcheck", "user"];
        assert_eq!(nearest("prot", known), Some("port"));
        assert_eq!(nearest("healtcheck", known), Some("healthcheck"));
        assert_eq!(nearest("entrypoint", known), None);
    }
}
