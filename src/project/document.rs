//! A TOML file whose values know where they stand. Reading is by hand, not by serde, so that one pass can collect every
//! problem of a file and each problem can point at a key or a value. Nothing here knows what the keys mean.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::diagnostic::{Diagnostic, Diagnostics, Location, SourceFile, nearest};

/// Everything that is wrong with a file, collected while it is read.
pub type Problems = Vec<Diagnostic>;

/// A value and the place where the user wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it was written, and in which file.
    pub location: Location,
}

impl<T> Located<T> {
    /// A value with its place.
    pub fn new(value: T, location: Location) -> Self {
        Self { value, location }
    }

    /// Changes the value and keeps the place.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Located<U> {
        Located { value: change(self.value), location: self.location }
    }
}

impl<T> Deref for Located<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: fmt::Display> fmt::Display for Located<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

/// A parsed TOML file.
#[derive(Debug)]
pub struct Document<'a> {
    file: &'a Arc<SourceFile>,
    root: Spanned<DeTable<'a>>,
}

impl<'a> Document<'a> {
    /// Parses a file's text.
    ///
    /// # Errors
    /// The first syntax error, with its line.
    pub fn parse(file: &'a Arc<SourceFile>) -> Result<Self, Diagnostic> {
        Self::parse_within(file, file.text())
    }

    /// Parses a text that stands within a file, at the same places: everything else is blank in `text`.
    ///
    /// # Errors
    /// The first syntax error, with its line.
    pub fn parse_within(file: &'a Arc<SourceFile>, text: &'a str) -> Result<Self, Diagnostic> {
        let invalid = |message: &str, range: Range<usize>| {
            Diagnostic::new(format!("this is not valid TOML: {}", printable(message)))
                .at(file, range)
                .help("correct this line; the syntax is described at https://toml.io")
        };
        let root = DeTable::parse(text).map_err(|error| invalid(error.message(), error.span().unwrap_or_default()))?;
        match root.get_ref().values().find_map(bad_integer) {
            Some(range) => Err(invalid("invalid integer number", range)),
            None => Ok(Self { file, root }),
        }
    }

    /// The top-level table.
    pub fn root(&self) -> Table<'_> {
        Table { file: self.file, path: String::new(), range: 0..0, entries: self.root.get_ref() }
    }
}

/// A table of a [`Document`].
#[derive(Debug, Clone)]
pub struct Table<'a> {
    file: &'a Arc<SourceFile>,
    path: String,
    range: Range<usize>,
    entries: &'a DeTable<'a>,
}

impl<'a> Table<'a> {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<Value<'a>> {
        let (key, value) = self.entries.get_key_value(key)?;
        Some(self.value(key.get_ref(), key.span(), value))
    }

    /// The value at the end of a path of keys, if everything before it is a table.
    pub fn at(&self, path: &[&str]) -> Option<Value<'a>> {
        let (last, tables) = path.split_last()?;
        let mut table = self.clone();
        for key in tables {
            table = table.get(key)?.as_table()?;
        }
        table.get(last)
    }

    /// The value of a key, when it is a table; anything else is a problem.
    pub fn get_table(&self, key: &str, problems: &mut Problems) -> Option<Table<'a>> {
        self.get(key)?.table("a table", problems)
    }

    /// All values, in the order of the file.
    pub fn entries(&self) -> Vec<Value<'a>> {
        let mut entries: Vec<_> =
            self.entries.iter().map(|(key, value)| self.value(key.get_ref(), key.span(), value)).collect();
        entries.sort_by_key(|value| value.key_range.start);
        entries
    }

    /// The dotted path of this table (`tool.pyfront`), empty for the top level.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The place of this table.
    pub fn location(&self) -> Location {
        Location::new(self.file, self.range.clone())
    }

    fn value(&self, key: &str, key_range: Range<usize>, value: &'a Spanned<DeValue<'a>>) -> Value<'a> {
        let shown = if is_bare(key) { key.to_owned() } else { quoted(key) };
        let path = if self.path.is_empty() { shown } else { format!("{}.{shown}", self.path) };
        Value { file: self.file, path, key: key.to_owned(), key_range, written: value }
    }
}

/// A value of a [`Document`], with the path that leads to it.
#[derive(Debug, Clone)]
pub struct Value<'a> {
    file: &'a Arc<SourceFile>,
    path: String,
    key: String,
    key_range: Range<usize>,
    written: &'a Spanned<DeValue<'a>>,
}

impl<'a> Value<'a> {
    /// The key as it was written (untrusted text), or that of the array which holds this value.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The dotted path (`tool.pyfront.user`), safe to print.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The place of the value.
    pub fn location(&self) -> Location {
        Location::new(self.file, self.written.span())
    }

    /// The place of the key.
    pub fn key_location(&self) -> Location {
        Location::new(self.file, self.key_range.clone())
    }

    /// Gives a result of reading this value its place.
    pub fn located<T>(&self, value: T) -> Located<T> {
        Located::new(value, self.location())
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&'a str> {
        self.written.get_ref().as_str()
    }

    /// A boolean.
    pub fn as_bool(&self) -> Option<bool> {
        self.written.get_ref().as_bool()
    }

    /// An integer that fits.
    pub fn as_integer(&self) -> Option<i64> {
        let integer = self.written.get_ref().as_integer()?;
        i64::from_str_radix(integer.as_str(), integer.radix()).ok()
    }

    /// Whether this is an integer, in range or not.
    pub fn is_integer(&self) -> bool {
        self.written.get_ref().is_integer()
    }

    /// The digits of a number as they were written (`3.10` stays `3.10`).
    pub fn as_number_text(&self) -> Option<&'a str> {
        let value = self.written.get_ref();
        value.as_float().map(toml::de::DeFloat::as_str).or_else(|| value.as_integer().map(toml::de::DeInteger::as_str))
    }

    /// The entries of a table.
    pub fn as_table(&self) -> Option<Table<'a>> {
        let entries = self.written.get_ref().as_table()?;
        Some(Table { file: self.file, path: self.path.clone(), range: self.key_range.clone(), entries })
    }

    /// The items of an array.
    pub fn as_array(&self) -> Option<Vec<Value<'a>>> {
        let items = self.written.get_ref().as_array()?;
        Some(
            items
                .iter()
                .enumerate()
                .map(|(index, value)| Value {
                    file: self.file,
                    path: format!("{}[{index}]", self.path),
                    key: self.key.clone(),
                    key_range: self.key_range.clone(),
                    written: value,
                })
                .collect(),
        )
    }

    /// The text of a string; anything else is a problem. `expected` reads like "a string".
    pub fn string(&self, expected: &str, problems: &mut Problems) -> Option<&'a str> {
        self.required(self.as_str(), expected, problems)
    }

    /// A boolean; anything else is a problem.
    pub fn boolean(&self, problems: &mut Problems) -> Option<bool> {
        self.required(self.as_bool(), "true or false", problems)
    }

    /// The entries of a table; anything else is a problem.
    pub fn table(&self, expected: &str, problems: &mut Problems) -> Option<Table<'a>> {
        self.required(self.as_table(), expected, problems)
    }

    /// The items of an array; anything else is a problem.
    pub fn array(&self, expected: &str, problems: &mut Problems) -> Option<Vec<Value<'a>>> {
        self.required(self.as_array(), expected, problems)
    }

    /// The strings of an array, each with its place; anything else is a problem.
    pub fn strings(&self, expected: &str, problems: &mut Problems) -> Option<Vec<Located<String>>> {
        let items = self.array(expected, problems)?;
        let before = problems.len();
        let strings =
            items.iter().filter_map(|item| Some(item.located(item.string("a string", problems)?.to_owned()))).collect();
        (problems.len() == before).then_some(strings)
    }

    /// A diagnostic at this value. The message begins with the value's path: "`tool.pyfront.user` `says`".
    pub fn problem(&self, says: impl fmt::Display) -> Diagnostic {
        Diagnostic::new(format!("{} {says}", self.path)).at(self.file, self.written.span())
    }

    /// The diagnostic for a value of the wrong type. `expected` reads like "an array of strings".
    pub fn wrong_type(&self, expected: impl fmt::Display) -> Diagnostic {
        self.problem(format_args!("must be {expected}, not {}", self.type_name()))
    }

    /// The diagnostic for a key that nobody knows: the nearest known one, and all of them. `meant` is the known key that
    /// another tool calls by this name, if there is one.
    pub fn unknown_key(&self, known: &[&str], meant: Option<&str>) -> Diagnostic {
        let parent =
            self.path.len().checked_sub(if is_bare(&self.key) { self.key.len() } else { quoted(&self.key).len() });
        let parent = parent.and_then(|end| self.path.get(..end)).unwrap_or_default().trim_end_matches('.');
        let place = if parent.is_empty() { String::new() } else { format!(" in {parent}") };
        let diagnostic = Diagnostic::new(format!("unknown key {}{place}", quoted(&self.key)))
            .at(self.file, self.key_range.clone())
            .note(format!("known keys: {}", known.join(", ")));
        match meant.filter(|meant| known.contains(meant)).or_else(|| nearest(&self.key, known.iter().copied())) {
            Some(name) => diagnostic.help(format!("did you mean {name}?")),
            None => diagnostic.help("remove it, or use one of the known keys"),
        }
    }

    /// What kind of TOML value this is, as a noun with its article.
    pub fn type_name(&self) -> &'static str {
        match self.written.get_ref() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a float",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "an array",
            DeValue::Table(_) => "a table",
        }
    }

    fn required<T>(&self, value: Option<T>, expected: &str, problems: &mut Problems) -> Option<T> {
        if value.is_none() {
            problems.push(self.wrong_type(expected));
        }
        value
    }
}

/// The place of an integer that is none. The parser takes anything behind digits and `_`, control characters included.
fn bad_integer(value: &Spanned<DeValue<'_>>) -> Option<Range<usize>> {
    match value.get_ref() {
        DeValue::Integer(integer) => {
            let mut digits = integer.as_str().trim_start_matches(['+', '-']).chars();
            (!digits.all(|digit| digit.is_digit(integer.radix()))).then(|| value.span())
        }
        DeValue::Array(items) => items.iter().find_map(bad_integer),
        DeValue::Table(entries) => entries.values().find_map(bad_integer),
        _ => None,
    }
}

/// `Ok` when nothing was collected; otherwise everything, in the order of the file.
///
/// # Errors
/// The problems, when there are any.
pub fn finish<T>(value: T, mut problems: Problems) -> Result<T, Diagnostics> {
    problems.sort_by_key(|problem| problem.location().map(|location| location.range.start));
    Diagnostics::into_result(problems).map(|()| value)
}

/// Untrusted text in quotes for a message: control and other invisible characters are escaped, and long text is cut.
pub fn quoted(text: &str) -> String {
    const LONGEST: usize = 120;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// Text of a library's message without control characters.
fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

fn is_bare(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_know_their_path_and_line() {
        let file = SourceFile::new("pyproject.toml", "[tool.x]\n\"a b\" = [1,\n 'two']\n");
        let document = Document::parse(&file).unwrap();
        let mut problems = Problems::new();
        let table = document.root().get_table("tool", &mut problems).unwrap().get_table("x", &mut problems).unwrap();
        let items = table.get("a b").unwrap().as_array().unwrap();
        assert_eq!(items[1].path(), "tool.x.\"a b\"[1]");
        assert_eq!(items[1].location().to_string(), "pyproject.toml:3");
        assert_eq!(items[0].as_integer(), Some(1));
        assert_eq!(
            items[0].wrong_type("a string").to_string(),
            "pyproject.toml:2: tool.x.\"a b\"[0] must be a string, not an integer"
        );
    }

    #[test]
    fn hostile_text_is_escaped_and_cut() {
        assert_eq!(quoted("a\u{1b}[31m\u{202e}"), "\"a\\u{1b}[31m\\u{202e}\"");
        assert_eq!(quoted(&"é".repeat(200)).chars().count(), 123);
    }

    #[test]
    fn an_integer_is_made_of_digits() {
        for bad in ["1_0\u{1b}[31m", "[{ b = 9_9 x }]", "1_0\u{0}"] {
            let file = SourceFile::new("x.toml", format!("a = {bad}\n"));
            assert!(Document::parse(&file).is_err(), "{bad:?}");
        }
        for good in ["+1_000", "-0", "0xDEAD_beef", "0o7_7", "0b1_0", "99999999999999999999"] {
            let file = SourceFile::new("x.toml", format!("a = {good}\n"));
            assert!(Document::parse(&file).is_ok(), "{good}");
        }
    }

    #[test]
    fn deep_nesting_is_an_error_and_not_a_stack_overflow() {
        let file = SourceFile::new("x.toml", format!("a = {}", "[".repeat(100_000)));
        assert!(Document::parse(&file).is_err());
    }
}
