//! The logical lines of a requirements file: continued lines are joined, comments and blank lines are gone, and each line
//! knows its place.

use std::ops::Range;

/// A line that says something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// The text, on one line and trimmed.
    pub(super) text: String,
    /// Its place, from the first character to the last.
    pub(super) range: Range<usize>,
}

/// The lines of a file, as pip and uv read them: `\` at the end of a line continues it, and `#` begins a comment at the
/// start of a line or after white space.
pub(super) fn logical(text: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut open: Option<Line> = None;
    let mut start = 0;
    for physical in text.split_inclusive('\n') {
        let content = physical.trim_end_matches(['\n', '\r']);
        let (kept, comment) = without_comment(content);
        let continued = if comment { None } else { kept.trim_end().strip_suffix('\\') };
        let kept = continued.unwrap_or(kept);
        let indent = kept.len() - kept.trim_start().len();
        let range = start + indent..start + kept.trim_end().len().max(indent);
        match &mut open {
            Some(line) => {
                if !kept.trim().is_empty() {
                    line.range.end = range.end;
                }
                line.text.push(' ');
                line.text.push_str(kept.trim());
            }
            None => open = Some(Line { text: kept.trim().to_owned(), range }),
        }
        start += physical.len();
        if continued.is_none() {
            lines.extend(open.take());
        }
    }
    lines.extend(open);
    for line in &mut lines {
        line.text = line.text.trim().replace('\t', " ");
    }
    lines.retain(|line| !line.text.is_empty());
    lines
}

/// A line without its comment, and whether it had one.
fn without_comment(line: &str) -> (&str, bool) {
    let mut before = ' ';
    for (at, character) in line.char_indices() {
        if character == '#' && before.is_whitespace() {
            return (&line[..at], true);
        }
        before = character;
    }
    (line, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        logical(text).into_iter().map(|line| format!("{} @{}", line.text, &text[line.range])).collect()
    }

    #[test]
    fn comments_and_continuations() {
        assert_eq!(
            texts("# a\n\nidna\t# b\nurl @ https://h/x#egg=y\n  c \\\n    --hash=1 \\\r\n  --hash=2\nd\\\n"),
            [
                "idna @idna",
                "url @ https://h/x#egg=y @url @ https://h/x#egg=y",
                "c --hash=1 --hash=2 @c \\\n    --hash=1 \\\r\n  --hash=2",
                "d @d",
            ]
        );
    }

    #[test]
    fn a_comment_ends_a_continued_line() {
        assert_eq!(texts("a \\\n# no \\\nb\n"), ["a @a", "b @b"]);
    }
}
