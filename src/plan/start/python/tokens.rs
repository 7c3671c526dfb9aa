//! Splits Python source into logical lines of tokens. It knows strings of every kind, comments, brackets and continued
//! lines, which is what it takes not to be fooled; it does not check the syntax, and no input makes it fail.

use std::ops::Range;

/// A token. Numbers, and whatever is not understood, are [`Token::Other`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A name or keyword.
    Name(&'a str),
    /// A string: the text between its quotes, as it stands there.
    Text(&'a str),
    /// An operator or bracket.
    Op(&'a str),
    /// Anything else.
    Other,
}

/// A logical line: it ends where a statement can end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// How many spaces and tabs the line begins with.
    pub(super) indent: usize,
    /// Where it stands in the file.
    pub(super) range: Range<usize>,
    /// Its tokens, at least one.
    pub(super) tokens: Vec<Token<'a>>,
}

/// The keywords of statements that hold others.
const COMPOUND: &[&str] =
    &["async", "class", "def", "elif", "else", "except", "finally", "for", "if", "try", "while", "with"];

/// Splits a file.
pub(super) fn lines(text: &str) -> Vec<Line<'_>> {
    let mut scanner = Scanner { text, at: 0 };
    let mut lines: Vec<Line<'_>> = Vec::new();
    let mut tokens = Vec::new();
    let mut begin = 0;
    let mut indent = 0;
    let mut depth = 0usize;
    let mut fresh = true;
    loop {
        if fresh {
            indent = scanner.skip_while(|byte| byte == b' ' || byte == b'\t' || byte == b'\x0c');
            fresh = false;
        }
        let at = scanner.at;
        let Some(byte) = scanner.peek(0) else { break };
        match byte {
            b'\n' | b';' if depth == 0 => {
                scanner.at += 1;
                fresh = byte == b'\n';
                let inner = !fresh && matches!(tokens.first(), Some(Token::Name(name)) if COMPOUND.contains(name));
                if !tokens.is_empty() {
                    lines.push(Line { indent, range: begin..at, tokens: std::mem::take(&mut tokens) });
                }
                // In `if x: a; b` the second statement belongs to the `if`.
                indent += usize::from(inner);
                continue;
            }
            b' ' | b'\t' | b'\r' | b'\n' | b'\x0c' => {
                scanner.at += 1;
                continue;
            }
            b'#' => {
                scanner.skip_while(|byte| byte != b'\n');
                continue;
            }
            b'\\' => {
                scanner.at += 1;
                scanner.skip_while(|byte| byte == b'\r');
                if scanner.peek(0) == Some(b'\n') {
                    scanner.at += 1;
                }
                continue;
            }
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if tokens.is_empty() {
            begin = at;
        }
        tokens.push(scanner.token(byte));
    }
    if !tokens.is_empty() {
        lines.push(Line { indent, range: begin..text.trim_end().len().max(begin), tokens });
    }
    lines
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    fn skip_while(&mut self, wanted: impl Fn(u8) -> bool) -> usize {
        let begin = self.at;
        while self.peek(0).is_some_and(&wanted) {
            self.at += 1;
        }
        self.at - begin
    }

    /// The text between two offsets, which this scanner only ever puts between characters.
    fn slice(&self, range: Range<usize>) -> &'a str {
        self.text.get(range).unwrap_or_default()
    }

    fn token(&mut self, first: u8) -> Token<'a> {
        let begin = self.at;
        match first {
            b'"' | b'\'' => self.string(false),
            _ if first.is_ascii_alphabetic() || first == b'_' || first >= 0x80 => {
                self.skip_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80);
                let name = self.slice(begin..self.at);
                let prefix = name.len() <= 2 && name.bytes().all(|byte| b"rRbBuUfFtT".contains(&byte));
                if prefix && matches!(self.peek(0), Some(b'"' | b'\'')) {
                    return self.string(name.bytes().any(|byte| b"fFtT".contains(&byte)));
                }
                Token::Name(name)
            }
            _ if first.is_ascii_digit() => {
                self.skip_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.');
                Token::Other
            }
            _ => {
                let second = self.peek(1);
                let double = match first {
                    b'=' | b'<' | b'>' | b'!' | b'+' | b'*' | b'/' | b'%' | b'&' | b'|' | b'^' | b'@' | b':'
                        if second == Some(b'=') =>
                    {
                        true
                    }
                    b'-' => matches!(second, Some(b'=' | b'>')),
                    b'*' | b'/' | b'<' | b'>' => second == Some(first),
                    _ => false,
                };
                self.at += if double { 2 } else { 1 };
                match self.slice(begin..self.at) {
                    "" => Token::Other,
                    operator => Token::Op(operator),
                }
            }
        }
    }

    /// A string, from its opening quote on.
    fn string(&mut self, formatted: bool) -> Token<'a> {
        let quote = self.peek(0).unwrap_or(b'"');
        let triple = self.peek(1) == Some(quote) && self.peek(2) == Some(quote);
        let begin = self.at + if triple { 3 } else { 1 };
        // Since Python 3.12 the braces of an f-string may hold the quote that ends it.
        let nested = if formatted && !triple { self.formatted_end(begin, quote, 0) } else { None };
        let end = nested.unwrap_or_else(|| self.plain_end(begin, quote, triple));
        let quotes = if triple { 3 } else { 1 };
        self.at = (end + quotes).min(self.text.len());
        if self.text.as_bytes().get(end) != Some(&quote) {
            self.at = end;
        }
        Token::Text(self.slice(begin..end))
    }

    /// Where a string's content ends: at its closing quote, or at the end of the line or file when there is none.
    fn plain_end(&self, begin: usize, quote: u8, triple: bool) -> usize {
        let bytes = self.text.as_bytes();
        let mut at = begin;
        while let Some(byte) = bytes.get(at) {
            match byte {
                b'\\' => at += 1,
                b'\n' if !triple => return at,
                byte if *byte == quote
                    && (!triple || (bytes.get(at + 1) == Some(&quote) && bytes.get(at + 2) == Some(&quote))) =>
                {
                    return at;
                }
                _ => {}
            }
            at += 1;
        }
        bytes.len()
    }

    /// Where an f-string on one line ends, when its braces and the strings in them are in order.
    fn formatted_end(&self, begin: usize, quote: u8, level: usize) -> Option<usize> {
        const DEEPEST: usize = 5;
        // A file full of open ones would be read again and again to its end.
        const LONGEST: usize = 1000;
        let bytes = self.text.as_bytes();
        let mut at = begin;
        let mut braces = 0usize;
        let mut format = false;
        loop {
            let byte = *bytes.get(at)?;
            match byte {
                b'\n' => return None,
                _ if at - begin > LONGEST => return None,
                b'\\' => at += 1,
                b'{' if braces == 0 && bytes.get(at + 1) == Some(&b'{') => at += 1,
                b'{' => {
                    braces += 1;
                    format = false;
                }
                b'}' => {
                    braces = braces.saturating_sub(1);
                    format = braces > 0;
                }
                b':' if braces > 0 => format = true,
                _ if byte == quote && (braces == 0 || format) => return (braces == 0).then_some(at),
                b'"' | b'\'' if braces > 0 && !format => {
                    if level >= DEEPEST {
                        return None;
                    }
                    at = self.formatted_end(at + 1, byte, level + 1)?;
                }
                _ => {}
            }
            at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        lines(text)
            .iter()
            .map(|line| {
                let tokens: Vec<&str> = line
                    .tokens
                    .iter()
                    .map(|token| match token {
                        Token::Name(text) | Token::Op(text) => text,
                        Token::Text(_) => "S",
                        Token::Other => "N",
                    })
                    .collect();
                format!("{}:{}", line.indent, tokens.join(" "))
            })
            .collect()
    }

    #[test]
    fn strings_and_comments_are_no_code() {
        assert_eq!(
            shown("'''a = FastAPI()\nb'''\nx = \"app = 1 # no\" # app = 2\ny = r'\\\\' + b'''\\''' '''\n"),
            ["0:S", "0:x = S", "0:y = S + S"]
        );
        assert_eq!(shown("a = 'open\nb = 1"), ["0:a = S", "0:b = N"]);
        assert_eq!(shown("a = '''open\nb = 1"), ["0:a = S"]);
    }

    #[test]
    fn logical_lines() {
        assert_eq!(
            shown("a = f(\n  1,\n\n  2)\nb = 1 + \\\n  2; c = 3\n  d\r\n"),
            ["0:a = f ( N , N )", "0:b = N + N", "0:c = N", "2:d"]
        );
        assert_eq!(
            shown("x: int = 1\nx == 2\ndef f() -> A: ..\n"),
            ["0:x : int = N", "0:x == N", "0:def f ( ) -> A : . ."]
        );
        assert_eq!(shown(")\na = (1"), ["0:)", "0:a = ( N"]);
        assert_eq!(shown("if x: a; b; c\nd"), ["0:if x : a", "1:b", "1:c", "0:d"]);
    }

    #[test]
    fn formatted_strings() {
        for text in [
            "f'{a[\"b\"]}'",
            "f\"{a[\"b(\"]}\"",
            "f'{x!r:>{width}}'",
            "f\"{x:'>10}\"",
            "f'{{'",
            "rf'{a}\\''",
            "f'{d[\"k\"]:%H:%M}'",
            "f'{'",
            "f'{(a'",
        ] {
            assert_eq!(shown(&format!("{text}\nb = 1")), ["0:S", "0:b = N"], "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "([a-z=:.,;#\\\\\"'(){}\\[\\]\n \tfé]|'''|f\"|->){0,60}") {
            for line in lines(&text) {
                assert!(text.get(line.range.clone()).is_some() && !line.tokens.is_empty());
            }
        }
    }
}
