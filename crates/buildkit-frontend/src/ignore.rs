//! Ignore files: `.dockerignore` and its `<entry file>.dockerignore` form, read and matched as Docker does it
//! (`github.com/moby/patternmatcher`). BuildKit's client applies the patterns during the transfer; the matcher here is
//! for saying *which line* hides a file that a build needs.

use std::fmt;

/// The ignore file of a context that has no specific one.
pub const DEFAULT_NAME: &str = ".dockerignore";

/// A parsed ignore file. Patterns are anchored at the context's root, and the last one that matches decides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IgnoreFile {
    name: String,
    text: String,
    rules: Vec<Rule>,
}

/// One pattern of an ignore file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pattern: String,
    reinclude: bool,
    line: u32,
    matcher: Matcher,
}

/// A line of an ignore file that is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {pattern:?} is not a valid pattern: {reason}")]
pub struct IgnoreError {
    /// Name of the ignore file.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// What stands there.
    pub pattern: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl IgnoreFile {
    /// Parses an ignore file. `name` is only used to speak about it.
    pub fn parse(name: impl Into<String>, data: &[u8]) -> Result<Self, IgnoreError> {
        let name = name.into();
        let text = String::from_utf8_lossy(data.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(data));
        let mut rules = Vec::new();
        for (line, raw) in (1..).zip(text.split('\n')) {
            if raw.starts_with('#') {
                continue;
            }
            let trimmed = raw.trim();
            if trimmed.is_empty() {
                continue;
            }
            let (reinclude, written) = match trimmed.strip_prefix('!') {
                Some(rest) => (true, rest.trim()),
                None => (false, trimmed),
            };
            let fail = |reason| IgnoreError { file: name.clone(), line, pattern: trimmed.to_owned(), reason };
            if written.is_empty() {
                return Err(fail("nothing stands behind the exclamation mark"));
            }
            let cleaned = clean(written);
            let pattern = match cleaned.strip_prefix('/') {
                Some(rest) if !rest.is_empty() => rest.to_owned(),
                _ => cleaned,
            };
            let matcher = Matcher::new(&pattern).map_err(fail)?;
            rules.push(Rule { pattern, reinclude, line, matcher });
        }
        Ok(Self { name, text: text.into_owned(), rules })
    }

    /// The name that the file was parsed under.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text, without a byte order mark. What was not UTF-8 is replaced.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The rules in order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The patterns as BuildKit wants them in `local.excludepatterns`.
    pub fn patterns(&self) -> Vec<String> {
        self.rules.iter().map(ToString::to_string).collect()
    }

    /// The rule that hides a path of the context, or `None` if the path is visible.
    ///
    /// `path` is relative to the context's root, with slashes.
    pub fn excluding_rule(&self, path: &str) -> Option<&Rule> {
        let path = clean(path.trim_start_matches('/'));
        if path == "." {
            return None;
        }
        let mut verdict: Option<&Rule> = None;
        for rule in &self.rules {
            // A rule that could not change the verdict is not looked at.
            if rule.reinclude == verdict.is_some() && path_and_parents(&path).any(|part| rule.matcher.matches(part)) {
                verdict = (!rule.reinclude).then_some(rule);
            }
        }
        verdict
    }
}

impl Rule {
    /// The pattern, cleaned, without a leading exclamation mark.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// True for `!pattern`: what it matches is visible again.
    pub fn reincludes(&self) -> bool {
        self.reinclude
    }

    /// Its line in the file, from 1.
    pub fn line(&self) -> u32 {
        self.line
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.reinclude {
            f.write_str("!")?;
        }
        f.write_str(&self.pattern)
    }
}

/// The path, then each directory above it: a pattern that matches a directory matches everything below.
fn path_and_parents(path: &str) -> impl Iterator<Item = &str> {
    let parents = path.match_indices('/').map(|(at, _)| &path[..at]).filter(|parent| !parent.is_empty());
    std::iter::once(path).chain(parents)
}

/// Go's `path.Clean`: no empty, `.` or inner `..` components; the empty path is `.`.
pub(crate) fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            _ => parts.push(part),
        }
    }
    match (rooted, parts.is_empty()) {
        (true, _) => format!("/{}", parts.join("/")),
        (false, true) => ".".to_owned(),
        (false, false) => parts.join("/"),
    }
}

/// A compiled pattern. The first three kinds mirror patternmatcher's short cuts, one of which (`**suffix`) means something
/// else than its general rule would.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Matcher {
    Exact(String),
    Prefix(String),
    Suffix(String),
    Glob(Vec<Token>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Literal(char),
    /// `?`
    OneInSegment,
    /// `*`
    ManyInSegment,
    /// `**/` or `**` before something else: nothing, or anything up to and including a slash.
    Directories,
    /// `**` at the end.
    Rest,
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

const UNCLOSED: &str = "a bracket is not closed";
const BAD_CLASS: &str = "what stands between the brackets is not a set of characters";

impl Matcher {
    fn new(pattern: &str) -> Result<Self, &'static str> {
        /// What the pattern can be matched by, as far as it is read.
        #[derive(Clone, Copy, PartialEq)]
        enum Kind {
            Exact,
            Prefix,
            Suffix,
            Glob,
        }
        let mut kind = Kind::Exact;
        let mut tokens = Vec::new();
        let mut chars = pattern.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '*' if chars.next_if_eq(&'*').is_some() => {
                    let first = tokens.is_empty();
                    chars.next_if_eq(&'/');
                    if chars.peek().is_none() {
                        kind = if kind == Kind::Exact { Kind::Prefix } else { Kind::Glob };
                        tokens.push(Token::Rest);
                    } else {
                        kind = Kind::Glob;
                        tokens.push(Token::Directories);
                    }
                    if first {
                        kind = Kind::Suffix;
                    }
                }
                '*' => {
                    kind = Kind::Glob;
                    tokens.push(Token::ManyInSegment);
                }
                '?' => {
                    kind = Kind::Glob;
                    tokens.push(Token::OneInSegment);
                }
                '\\' => {
                    kind = Kind::Glob;
                    tokens.push(Token::Literal(chars.next().ok_or("a backslash stands at the end")?));
                }
                '[' => {
                    kind = Kind::Glob;
                    let negated = chars.next_if_eq(&'^').is_some();
                    let mut ranges = Vec::new();
                    loop {
                        if !ranges.is_empty() && chars.next_if_eq(&']').is_some() {
                            break;
                        }
                        let low = class_char(&mut chars)?;
                        let high = if chars.next_if_eq(&'-').is_some() { class_char(&mut chars)? } else { low };
                        if high < low {
                            return Err(BAD_CLASS);
                        }
                        ranges.push((low, high));
                    }
                    tokens.push(Token::Class { negated, ranges });
                }
                _ => tokens.push(Token::Literal(c)),
            }
        }
        Ok(match kind {
            Kind::Exact => Self::Exact(pattern.to_owned()),
            Kind::Prefix => Self::Prefix(pattern[..pattern.len() - 2].to_owned()),
            Kind::Suffix => Self::Suffix(pattern[2..].to_owned()),
            Kind::Glob => Self::Glob(tokens),
        })
    }

    fn matches(&self, path: &str) -> bool {
        match self {
            Self::Exact(pattern) => path == pattern,
            Self::Prefix(prefix) => path.starts_with(prefix.as_str()),
            Self::Suffix(suffix) => path.ends_with(suffix.as_str()) || suffix.strip_prefix('/') == Some(path),
            Self::Glob(tokens) => glob(tokens, &path.chars().collect::<Vec<_>>()),
        }
    }
}

fn class_char(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<char, &'static str> {
    match chars.next() {
        None => Err(UNCLOSED),
        Some('-' | ']') => Err(BAD_CLASS),
        Some('\\') => chars.next().ok_or(UNCLOSED),
        Some(c) => Ok(c),
    }
}

/// Matches by keeping the set of places that can be reached: one sweep over the path per token, whatever the pattern.
fn glob(tokens: &[Token], path: &[char]) -> bool {
    let end = path.len();
    let mut reached = vec![false; end + 1];
    reached[0] = true;
    for token in tokens {
        let mut next = vec![false; end + 1];
        // Whether a place before this one was reached, and the token can stretch from there.
        let mut stretching = false;
        for at in 0..=end {
            stretching |= reached[at];
            match token {
                Token::ManyInSegment => {
                    next[at] = stretching;
                    stretching &= at < end && path[at] != '/';
                }
                Token::Directories => next[at] = reached[at] || (stretching && path[at - 1] == '/'),
                Token::Rest => next[at] = stretching,
                one if at < end && reached[at] => next[at + 1] = one.matches_one(path[at]),
                _ => {}
            }
        }
        reached = next;
    }
    reached[end]
}

impl Token {
    /// Whether a token for exactly one character matches this one.
    fn matches_one(&self, c: char) -> bool {
        match self {
            Self::Literal(literal) => c == *literal,
            Self::OneInSegment => c != '/',
            Self::Class { negated, ranges } => ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated,
            Self::ManyInSegment | Self::Directories | Self::Rest => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ignore(text: &str) -> IgnoreFile {
        IgnoreFile::parse(DEFAULT_NAME, text.as_bytes()).unwrap()
    }

    /// Pattern, path, excluded: patternmatcher's own table (those rows that are not about Windows).
    #[test]
    fn matches_like_patternmatcher() {
        let cases: &[(&str, &str, bool)] = &[
            ("**", "file", true),
            ("**", "dir/file", true),
            ("**/", "file", true),
            ("**/", "file/", true),
            ("**/**", "dir/file", true),
            ("dir/**", "dir/file", true),
            ("dir/**", "dir/dir2/file", true),
            ("dir/**", "dir", false),
            ("**/dir", "dir", true),
            ("**/dir", "dir/file", true),
            ("**/dir2/*", "dir/dir2/file", true),
            ("**/dir2/*", "dir/dir2/dir2/file", true),
            ("**/dir2/**", "dir/dir2/dir2/file/", true),
            ("**file", "file", true),
            ("**file", "dir/file", true),
            ("**file", "dir/dirfile", true),
            ("**/file", "dir/file", true),
            ("**/file", "dir/afile", false),
            ("**/file*", "dir/dir/file.txt", true),
            ("**/file*txt", "dir/dir/file.txt", true),
            ("**/file*.txt*", "dir/dir/file.txt", true),
            ("**/**/*.txt", "dir/dir/file.txt", true),
            ("**/**/*.txt2", "dir/dir/file.txt", false),
            ("**/*.txt", "file.txt", true),
            ("a**/*.txt", "a/file.txt", true),
            ("a**/*.txt", "a/dir/file.txt", true),
            ("a/*.txt", "a/dir/file.txt", false),
            ("a/*.txt", "a/file.txt", true),
            ("a/*.txt**", "a/file.txt", true),
            ("a[b-d]e", "ae", false),
            ("a[b-d]e", "ace", true),
            ("a[b-d]e", "aae", false),
            ("a[^b-d]e", "aze", true),
            (".*", ".foo", true),
            (".*", "foo", false),
            ("abc.def", "abcdef", false),
            ("abc.def", "abc.def", true),
            ("abc.def", "abcZdef", false),
            ("abc?def", "abcZdef", true),
            ("abc?def", "abcdef", false),
            ("a\\*b", "a*b", true),
            ("a\\*b", "axb", false),
            ("a\\\\", "a\\", true),
            ("**/foo/bar", "foo/bar", true),
            ("**/foo/bar", "dir/foo/bar", true),
            ("abc/**", "abc", false),
            ("abc/**", "abc/def", true),
            ("**/.foo", "bar.foo", false),
            ("a(b)c/def", "a(b)c/def", true),
            ("a(b)c/def", "a(b)c/xyz", false),
            ("a.|)$(}+{bc", "a.|)$(}+{bc", true),
            ("dist/*.whl", "dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl", true),
            ("*.pyc", "a/b.pyc", false),
            ("**/*.pyc", "a/b.pyc", true),
            ("/a", "a", true),
            ("./a/../b", "b/c", true),
            ("a", "a/b/c", true),
            ("ä*", "äö", true),
        ];
        for (pattern, path, excluded) in cases {
            let file = ignore(pattern);
            assert_eq!(file.excluding_rule(path).is_some(), *excluded, "{pattern} on {path}");
        }
    }

    #[test]
    fn the_last_match_decides_and_names_its_line() {
        let file = ignore("# all but the sources\n*\n\n!src\r\n! README.md\n  src/**/*.tmp  \n");
        assert_eq!(file.patterns(), ["*", "!src", "!README.md", "src/**/*.tmp"]);
        assert_eq!(file.excluding_rule("uv.lock").map(Rule::line), Some(2));
        assert_eq!(file.excluding_rule("src"), None);
        assert_eq!(file.excluding_rule("src/a/b.py"), None);
        assert_eq!(
            file.excluding_rule("src/a/b.tmp").map(|rule| (rule.line(), rule.pattern())),
            Some((6, "src/**/*.tmp"))
        );
        assert_eq!(file.excluding_rule("/README.md"), None);
        assert_eq!(file.excluding_rule("."), None);
    }

    #[test]
    fn a_byte_order_mark_is_dropped_and_other_comments_are_patterns() {
        let file = ignore("\u{feff}# comment\n #no-comment\n");
        assert_eq!(file.patterns(), ["#no-comment"]);
        assert_eq!(ignore("").patterns(), Vec::<String>::new());
        assert_eq!(ignore("/\n").patterns(), ["/"]);
    }

    #[test]
    fn bad_patterns_say_where() {
        let error = IgnoreFile::parse("x.dockerignore", b"ok\n\n!\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            "x.dockerignore:3: \"!\" is not a valid pattern: nothing stands behind the exclamation mark"
        );
        for pattern in ["[", "[]", "[]a]", "[^]", "[a-]", "[-a]", "[b-a]", "a\\"] {
            assert!(IgnoreFile::parse("x", pattern.as_bytes()).is_err(), "{pattern}");
        }
    }

    /// A second, obvious implementation of the same patterns.
    fn backtrack(tokens: &[Token], path: &[char]) -> bool {
        let Some((token, rest)) = tokens.split_first() else { return path.is_empty() };
        match token {
            Token::ManyInSegment => {
                (0..=path.len()).take_while(|end| !path[..*end].contains(&'/')).any(|end| backtrack(rest, &path[end..]))
            }
            Token::Directories => {
                backtrack(rest, path) || (0..path.len()).any(|at| path[at] == '/' && backtrack(rest, &path[at + 1..]))
            }
            Token::Rest => (0..=path.len()).any(|end| backtrack(rest, &path[end..])),
            one => path.first().is_some_and(|c| one.matches_one(*c)) && backtrack(rest, &path[1..]),
        }
    }

    proptest::proptest! {
        #[test]
        fn globs_agree_with_backtracking(pattern in "[ab/*?]{1,8}", path in "[ab/]{1,8}") {
            if let Ok(Matcher::Glob(tokens)) = Matcher::new(&pattern) {
                let path: Vec<char> = path.chars().collect();
                assert_eq!(glob(&tokens, &path), backtrack(&tokens, &path));
            }
        }

        #[test]
        fn any_file_can_be_read(text in "[ -~\n]{0,60}", path in "[ab./]{0,12}") {
            if let Ok(file) = IgnoreFile::parse("x", text.as_bytes()) {
                let _ = file.excluding_rule(&path);
            }
        }
    }

    #[test]
    fn hostile_patterns_are_quick() {
        let pattern = "*a".repeat(200);
        let path = "a".repeat(4000);
        assert!(ignore(&pattern).excluding_rule(&path).is_some());
        assert!(ignore(&format!("{pattern}b")).excluding_rule(&path).is_none());
    }
}
