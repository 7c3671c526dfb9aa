//! From tree to typed values: the small questions ("this must be a string") that every part of the lock asks, with one
//! way of saying what is wrong.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::fmt::Display;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

use super::Marker;
use super::text::{self, Refused, UrlUse};
use super::tree::{Node, Table, Value};
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::project::credentials::refusal;

pub(super) type Result<T> = std::result::Result<T, Diagnostic>;

/// What to do about nearly everything that is wrong in a lock: nobody writes one by hand.
pub(super) const RELOCK: &str = "run `uv lock` to write the lock file anew";

/// The lock being read.
pub(super) struct Reader {
    pub(super) file: Arc<SourceFile>,
    /// Markers repeat a lot: each text is stored once.
    markers: HashSet<Arc<str>>,
}

impl Reader {
    pub(super) fn new(file: &Arc<SourceFile>) -> Self {
        Self { file: Arc::clone(file), markers: HashSet::new() }
    }

    pub(super) fn error(&self, range: &Range<usize>, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(message).at(&self.file, range.clone()).help(RELOCK)
    }

    fn wrong_type(&self, node: &Node<'_>, key: &str, expected: &str) -> Diagnostic {
        self.error(&node.range, format!("{key:?} must be {expected}, not {}", node.value.kind()))
    }

    pub(super) fn string<'n>(&self, node: &'n Node<'_>, key: &str) -> Result<&'n str> {
        match &node.value {
            Value::String(text) => Ok(text),
            _ => Err(self.wrong_type(node, key, "a string")),
        }
    }

    pub(super) fn array<'n, 'a>(&self, node: &'n Node<'a>, key: &str) -> Result<&'n [Node<'a>]> {
        match &node.value {
            Value::Array(nodes) => Ok(nodes),
            _ => Err(self.wrong_type(node, key, "an array")),
        }
    }

    pub(super) fn table<'n, 'a>(&self, node: &'n Node<'a>, key: &str) -> Result<&'n Table<'a>> {
        match &node.value {
            Value::Table(table) => Ok(table),
            _ => Err(self.wrong_type(node, key, "a table")),
        }
    }

    pub(super) fn unsigned(&self, node: &Node<'_>, key: &str) -> Result<u64> {
        match &node.value {
            Value::Integer(Some(integer)) if *integer >= 0 => Ok(integer.unsigned_abs()),
            Value::Integer(_) => Err(self.error(&node.range, format!("{key:?} is out of range"))),
            _ => Err(self.wrong_type(node, key, "an integer")),
        }
    }

    /// A string of a type with rules: a name, a version, a hash.
    pub(super) fn parsed<T>(&self, node: &Node<'_>, key: &str, what: &str) -> Result<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        let text = self.text(node, key)?;
        text.parse().map_err(|error: T::Err| {
            let error = error.to_string();
            self.error(
                &node.range,
                format!("{what} is not valid: {}", error.lines().next().unwrap_or_default().trim_end_matches(':')),
            )
        })
    }

    /// The elements of an optional array of such strings.
    pub(super) fn parsed_list<T>(&self, node: Option<&Node<'_>>, key: &str, what: &str) -> Result<Vec<T>>
    where
        T: FromStr,
        T::Err: Display,
    {
        match node {
            None => Ok(Vec::new()),
            Some(node) => self.array(node, key)?.iter().map(|item| self.parsed(item, key, what)).collect(),
        }
    }

    /// A table whose keys are names: extras or groups.
    pub(super) fn by_name<K, V>(
        &mut self,
        node: Option<&Node<'_>>,
        key: &str,
        what: &str,
        mut value: impl FnMut(&mut Self, &Node<'_>) -> Result<V>,
    ) -> Result<BTreeMap<K, V>>
    where
        K: FromStr + Ord,
        K::Err: Display,
    {
        let mut map = BTreeMap::new();
        let Some(node) = node else { return Ok(map) };
        for entry in &self.table(node, key)?.entries {
            let name = entry
                .key
                .parse::<K>()
                .map_err(|_| self.error(&entry.key_range, format!("this is not a valid name of {what}")))?;
            map.insert(name, value(self, &entry.node)?);
        }
        Ok(map)
    }

    /// A string without rules of its own, except that it can be shown to people.
    pub(super) fn text<'n>(&self, node: &'n Node<'_>, key: &str) -> Result<&'n str> {
        let text = self.string(node, key)?;
        text::printable(text).map_err(|refused| self.error(&node.range, format!("{key:?} {}", refused.reason())))?;
        Ok(text)
    }

    pub(super) fn marker(&mut self, node: &Node<'_>, key: &str) -> Result<Marker> {
        let text = self.text(node, key)?;
        let shared = if let Some(shared) = self.markers.get(text) {
            Arc::clone(shared)
        } else {
            let shared = Arc::<str>::from(text);
            self.markers.insert(Arc::clone(&shared));
            shared
        };
        Ok(Marker::new(shared, node.range.clone()))
    }

    pub(super) fn markers(&mut self, node: Option<&Node<'_>>, key: &str) -> Result<Vec<Marker>> {
        let Some(node) = node else { return Ok(Vec::new()) };
        let nodes = match &node.value {
            Value::Array(nodes) => nodes.as_slice(),
            _ => return Err(self.wrong_type(node, key, "an array")),
        };
        nodes.iter().map(|node| self.marker(node, key)).collect()
    }

    pub(super) fn url<'n>(&self, node: &'n Node<'_>, key: &str, purpose: UrlUse) -> Result<&'n str> {
        let text = self.string(node, key)?;
        text::url(text, purpose).map_err(|refused| self.refused_url(&node.range, refused))?;
        Ok(text)
    }

    /// Refuses credentials in something that may be a URL.
    pub(super) fn no_credentials(&self, text: &str, range: &Range<usize>) -> Result<()> {
        match text::url(text, UrlUse::Git) {
            Err(Refused::Credentials) => Err(credentials(&self.file, range.start)),
            _ => Ok(()),
        }
    }

    fn refused_url(&self, range: &Range<usize>, refused: Refused) -> Diagnostic {
        if refused == Refused::Credentials {
            credentials(&self.file, range.start)
        } else {
            self.error(range, format!("this URL {}", refused.reason()))
        }
    }

    pub(super) fn path<'n>(&self, node: &'n Node<'_>, key: &str) -> Result<&'n str> {
        let text = self.string(node, key)?;
        text::path(text).map_err(|refused| self.error(&node.range, format!("this path {}", refused.reason())))?;
        Ok(if text.is_empty() { "." } else { text })
    }

    pub(super) fn url_file_name<'u>(&self, url: &'u str, range: &Range<usize>) -> Result<Cow<'u, str>> {
        text::url_file_name(url)
            .map_err(|refused| self.error(range, format!("the file name in this URL {}", refused.reason())))
    }

    pub(super) fn file_name(&self, name: &str, range: &Range<usize>) -> Result<()> {
        text::file_name(name).map_err(|refused| self.error(range, format!("this file name {}", refused.reason())))
    }
}

/// The refusal of a URL with a user name or password.
pub(super) fn credentials(file: &Arc<SourceFile>, offset: usize) -> Diagnostic {
    let help = "take user name and password out of the URL in pyproject.toml, run `uv lock`, and pass them as build secrets; \
                then change them, since they are in the repository's history";
    refusal("a URL", file, offset, help)
}
