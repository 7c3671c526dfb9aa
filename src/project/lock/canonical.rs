//! A fast reader for locks in the layout that uv writes, which is nearly all of them: a head, then one `[[package]]`
//! after the other, bare keys, plain strings, no comments. It hands over one package at a time, so that even a lock of
//! many megabytes never exists as a tree. At the first sign of anything else it gives up, and the general TOML reader,
//! which also knows how to complain, starts from the beginning. A test holds the two equal.

use std::borrow::Cow;
use std::ops::Range;

use super::tree::{self, Entry, Node, Table, Value};

const PACKAGE: &str = "[[package]]";
/// uv nests four levels deep.
const MAX_DEPTH: usize = 8;

/// Reads a lock: calls `package` with each package and the place of its header, and returns the head. `package` says
/// whether to go on. `None` means that the file is not in uv's layout, and that everything so far must be forgotten.
pub(super) fn read<'a>(text: &'a str, mut package: impl FnMut(&Table<'a>, &Range<usize>) -> bool) -> Option<Table<'a>> {
    let start =
        if text.starts_with(PACKAGE) { 0 } else { text.find("\n[[package]]\n").map_or(text.len(), |at| at + 1) };
    let head = tree::parse(&text[..start]).ok()?;
    if head.get("package").is_some() || head.get("distribution").is_some() {
        return None;
    }
    let mut scanner = Scanner { text, at: start };
    while !scanner.rest().is_empty() {
        let header = scanner.at..scanner.at + PACKAGE.len();
        scanner.expect(PACKAGE)?;
        scanner.end_of_line()?;
        let table = scanner.package()?;
        if !package(&table, &header) {
            break;
        }
    }
    Some(head)
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn expect(&mut self, text: &str) -> Option<()> {
        self.rest().starts_with(text).then(|| self.at += text.len())
    }

    fn skip(&mut self, blank: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&blank) {
            self.at += 1;
        }
    }

    fn end_of_line(&mut self) -> Option<()> {
        match self.peek() {
            None => Some(()),
            Some(b'\n') => {
                self.at += 1;
                Some(())
            }
            Some(_) => None,
        }
    }

    /// The keys and tables of a package, up to the next package or the end.
    fn package(&mut self) -> Option<Table<'a>> {
        let mut package = Table::default();
        let mut path: Vec<&'a str> = Vec::new();
        loop {
            self.skip(|byte| byte == b'\n');
            match self.peek() {
                None => return Some(package),
                Some(b'[') if self.rest().starts_with(PACKAGE) => return Some(package),
                Some(b'[') => {
                    let start = self.at;
                    self.expect("[package.")?;
                    path = self.dotted_key()?;
                    self.expect("]")?;
                    let range = start..self.at;
                    self.end_of_line()?;
                    define(&mut package, &path, range)?;
                }
                Some(_) => {
                    let entry = self.entry(0)?;
                    self.end_of_line()?;
                    let table = path.iter().try_fold(&mut package, |table, key| child(table, key))?;
                    insert(table, entry)?;
                }
            }
        }
    }

    fn dotted_key(&mut self) -> Option<Vec<&'a str>> {
        let mut keys = vec![self.key()?];
        while self.peek() == Some(b'.') {
            self.at += 1;
            keys.push(self.key()?);
        }
        Some(keys)
    }

    fn key(&mut self) -> Option<&'a str> {
        let start = self.at;
        self.skip(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        (self.at > start).then(|| &self.text[start..self.at])
    }

    /// `key = value`
    fn entry(&mut self, depth: usize) -> Option<Entry<'a>> {
        let start = self.at;
        let key = self.key()?;
        let key_range = start..self.at;
        self.expect(" = ")?;
        let node = self.value(depth)?;
        Some(Entry { key: Cow::Borrowed(key), key_range, node })
    }

    fn value(&mut self, depth: usize) -> Option<Node<'a>> {
        if depth > MAX_DEPTH {
            return None;
        }
        let start = self.at;
        let value = match self.peek()? {
            b'"' => self.string()?,
            b'{' => self.inline_table(depth)?,
            b'[' => self.array(depth)?,
            b'0'..=b'9' => self.integer()?,
            b't' => {
                self.expect("true")?;
                Value::Boolean(true)
            }
            b'f' => {
                self.expect("false")?;
                Value::Boolean(false)
            }
            _ => return None,
        };
        Some(Node { range: start..self.at, value })
    }

    /// A basic string without escapes.
    fn string(&mut self) -> Option<Value<'a>> {
        self.at += 1;
        let start = self.at;
        let length = plain_length(&self.text.as_bytes()[start..])?;
        self.at = start + length;
        if self.peek() != Some(b'"') {
            return None;
        }
        self.at += 1;
        // `""` may be the beginning of a string of several lines.
        if length == 0 && self.peek() == Some(b'"') {
            return None;
        }
        Some(Value::String(Cow::Borrowed(&self.text[start..start + length])))
    }

    fn integer(&mut self) -> Option<Value<'a>> {
        let start = self.at;
        self.skip(|byte| byte.is_ascii_digit());
        let digits = &self.text[start..self.at];
        let plain = digits == "0" || !digits.starts_with('0');
        // Anything else behind the digits (a fraction, a date) is not for this reader.
        let ends = matches!(self.peek(), None | Some(b'\n' | b' ' | b',' | b']' | b'}'));
        (plain && ends).then(|| Value::Integer(digits.parse().ok()))
    }

    fn inline_table(&mut self, depth: usize) -> Option<Value<'a>> {
        self.expect("{ ")?;
        let mut table = Table { entries: Vec::with_capacity(4) };
        loop {
            let entry = self.entry(depth + 1)?;
            insert(&mut table, entry)?;
            if self.expect(", ").is_none() {
                self.expect(" }")?;
                return Some(Value::Table(table));
            }
        }
    }

    fn array(&mut self, depth: usize) -> Option<Value<'a>> {
        self.at += 1;
        let blank = |byte| byte == b'\n' || byte == b' ';
        let mut nodes = Vec::new();
        loop {
            self.skip(blank);
            if self.peek()? == b']' {
                break;
            }
            nodes.push(self.value(depth + 1)?);
            self.skip(blank);
            match self.peek()? {
                b',' => self.at += 1,
                b']' => break,
                _ => return None,
            }
        }
        self.at += 1;
        Some(Value::Array(nodes))
    }
}

/// The number of bytes before the first that is not plain content of a basic string: quote, backslash, control character.
/// Strings are most of a lock, so eight bytes are looked at together until one of them stands out.
fn plain_length(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    // The high bit of the lowest byte that is less than `limit` is set; those above it may be set by mistake.
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word & HIGH;
    let equal = |word: u64, byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    let (words, _) = bytes.as_chunks::<8>();
    let plain = words
        .iter()
        .map(|word| u64::from_le_bytes(*word))
        .take_while(|word| below(*word, 0x20) | equal(*word, b'"') | equal(*word, b'\\') | equal(*word, 0x7f) == 0)
        .count()
        * 8;
    let rest = bytes.get(plain..)?;
    Some(plain + rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20 | 0x7f))?)
}

/// Adds an entry; `None` when the key is there already.
fn insert<'a>(table: &mut Table<'a>, entry: Entry<'a>) -> Option<()> {
    // Longer tables than uv writes are left to the general reader, which does not search linearly.
    if table.entries.len() >= 1000 || table.get(&entry.key).is_some() {
        return None;
    }
    table.entries.push(entry);
    Some(())
}

/// The table that a header has defined under a key (its key and its value have the same place). Inline tables cannot be
/// added to.
fn child<'t, 'a>(table: &'t mut Table<'a>, key: &str) -> Option<&'t mut Table<'a>> {
    let entry = table.entries.iter_mut().find(|entry| entry.key == key)?;
    match &mut entry.node.value {
        Value::Table(table) if entry.key_range == entry.node.range => Some(table),
        _ => None,
    }
}

/// Defines the table of a header, whose parents must be there.
fn define<'a>(package: &mut Table<'a>, path: &[&'a str], range: Range<usize>) -> Option<()> {
    let (last, parents) = path.split_last()?;
    let parent = parents.iter().try_fold(package, |table, key| child(table, key))?;
    let node = Node { range: range.clone(), value: Value::Table(Table::default()) };
    insert(parent, Entry { key: Cow::Borrowed(last), key_range: range, node })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tables in one order, with ranges of values only: the general reader gives headers other ranges.
    fn plain(table: &Table<'_>) -> Vec<String> {
        let mut list: Vec<String> = table
            .entries
            .iter()
            .map(|entry| match &entry.node.value {
                Value::Table(table) => format!("{} {:?}", entry.key, plain(table)),
                Value::Array(nodes) => {
                    format!("{} {:?} {:?}", entry.key, entry.node.range, nodes.iter().map(node).collect::<Vec<_>>())
                }
                _ => format!("{} {:?} {}", entry.key, entry.key_range, node(&entry.node)),
            })
            .collect();
        list.sort();
        list
    }

    fn node(node: &Node<'_>) -> String {
        match &node.value {
            Value::Table(table) => format!("{:?} {:?}", node.range, plain(table)),
            Value::Array(nodes) => format!("{:?}", nodes.iter().map(self::node).collect::<Vec<_>>()),
            value => format!("{:?} {value:?}", node.range),
        }
    }

    fn packages(text: &str) -> Option<Vec<Vec<String>>> {
        let mut list = Vec::new();
        read(text, |table, _| {
            list.push(plain(table));
            true
        })?;
        Some(list)
    }

    fn general(text: &str) -> Option<Vec<Vec<String>>> {
        let root = tree::parse(text).ok()?;
        let Some(node) = root.get("package") else { return Some(Vec::new()) };
        let Value::Array(nodes) = &node.value else { return None };
        nodes
            .iter()
            .map(|node| match &node.value {
                Value::Table(table) => Some(plain(table)),
                _ => None,
            })
            .collect()
    }

    fn locks() -> Vec<(std::path::PathBuf, String)> {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/locks");
        let paths = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path().join("uv.lock"));
        paths.filter(|path| path.exists()).map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect()
    }

    #[test]
    fn both_readers_see_the_same_in_every_lock_of_uv() {
        for (path, text) in locks() {
            let fast = packages(&text);
            assert!(fast.is_some(), "{} is not read by the fast reader", path.display());
            assert_eq!(fast, general(&text), "{}", path.display());
        }
    }

    /// Whatever a mutation makes of a lock: if the fast reader takes it, it is TOML, and means the same.
    #[test]
    fn the_fast_reader_never_takes_what_toml_refuses() {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut random = |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % (below.max(1) as u64)).unwrap()
        };
        let tokens =
            ["\"", "[", "]", "{", "}", "\n", ",", "=", " ", "#", "\\", "[[package]]\n", "\"\"\"", "0", "a", ".", "\r"];
        for (path, text) in locks() {
            if text.len() > 60_000 {
                continue;
            }
            for _ in 0..40 {
                let mut text = text.clone();
                let at = text.floor_char_boundary(random(text.len()));
                match random(3) {
                    0 => text.insert_str(at, tokens[random(tokens.len())]),
                    1 => {
                        let end = text.floor_char_boundary((at + random(40)).min(text.len()));
                        text.replace_range(at..end, "");
                    }
                    _ => {
                        let end = text.floor_char_boundary((at + random(200)).min(text.len()));
                        let copy = text[at..end].to_owned();
                        let to = text.floor_char_boundary(random(text.len()));
                        text.insert_str(to, &copy);
                    }
                }
                if let Some(fast) = packages(&text) {
                    assert_eq!(Some(fast), general(&text), "{}\n{text}", path.display());
                }
            }
        }
    }

    #[test]
    fn strings_end_where_the_simple_search_says() {
        let simple = |bytes: &[u8]| bytes.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20 | 0x7f));
        for length in 0..20 {
            for at in 0..=length {
                for byte in 0..=u8::MAX {
                    let mut bytes = vec![b'!'; length];
                    bytes.insert(at, byte);
                    bytes.extend([0xc3, 0x80, b'"']);
                    assert_eq!(plain_length(&bytes), simple(&bytes), "{bytes:?}");
                }
            }
        }
        assert_eq!(plain_length("abcdefghijklmnopé".as_bytes()), None);
    }

    #[test]
    fn other_layouts_are_left_to_the_general_reader() {
        let lock = "version = 1\n\n[[package]]\nname = \"a\"\n";
        assert!(packages(lock).is_some());
        for odd in [
            "[[package]]\nname = 'a'\n",
            "[[package]]\nname = \"\"\"a\"\"\"\n",
            "[[package]]\nname = \"a\" # comment\n",
            "[[package]]\n\"name\" = \"a\"\n",
            "[[package]]\nname = \"a\"\nname = \"b\"\n",
            "[[package]]\nsize = 1.5\n",
            "[[package]]\nsize = 2024-01-01\n",
            "[[package]]\nsize = 007\n",
            "[[package]]\n[package.metadata]\n[package.metadata]\n",
            "[[package]]\n[options]\n",
            "[[package]]\nmetadata = { a = 1 }\n[package.metadata.requires-dev]\n",
            "[[package]]\nname = \"a\\u0062\"\n",
            "[[package]]\nwheels = [\n",
        ] {
            assert!(packages(odd).is_none(), "{odd}");
        }
    }
}
