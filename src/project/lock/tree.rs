//! A small TOML tree with the place of every key and value. The lock's types are read from it, so that they need not
//! know which of the two readers made it: the general one (the `toml` crate, here) or the fast one for files in the
//! layout that uv writes (`canonical.rs`).

use std::borrow::Cow;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node<'a> {
    pub(super) range: Range<usize>,
    pub(super) value: Value<'a>,
}

/// The kinds of value that a lock has. Floats and dates never mean anything in one; only their type name is kept.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value<'a> {
    String(Cow<'a, str>),
    Integer(Option<i64>),
    Boolean(bool),
    Array(Vec<Node<'a>>),
    Table(Table<'a>),
    Other(&'static str),
}

impl Value<'_> {
    /// The type with its article, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Value::String(_) => "a string",
            Value::Integer(_) => "an integer",
            Value::Boolean(_) => "a boolean",
            Value::Array(_) => "an array",
            Value::Table(_) => "a table",
            Value::Other(kind) => kind,
        }
    }
}

/// A table. Lock tables have few keys, so a list is smaller and faster than a map.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Table<'a> {
    pub(super) entries: Vec<Entry<'a>>,
}

/// A key of a table with its value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry<'a> {
    pub(super) key: Cow<'a, str>,
    pub(super) key_range: Range<usize>,
    pub(super) node: Node<'a>,
}

impl<'a> Table<'a> {
    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&Node<'a>> {
        self.entries.iter().find(|entry| entry.key == key).map(|entry| &entry.node)
    }
}

/// Parses a whole document with the `toml` crate.
pub(super) fn parse(text: &str) -> Result<Table<'_>, toml::de::Error> {
    DeTable::parse(text).map(|table| table_from(table.into_inner()))
}

fn table_from(table: DeTable<'_>) -> Table<'_> {
    let entries = table
        .into_iter()
        .map(|(key, value)| Entry { key_range: key.span(), key: key.into_inner(), node: node_from(value) })
        .collect();
    Table { entries }
}

fn node_from(node: Spanned<DeValue<'_>>) -> Node<'_> {
    let range = node.span();
    let value = match node.into_inner() {
        DeValue::String(text) => Value::String(text),
        DeValue::Integer(integer) => Value::Integer(i64::from_str_radix(integer.as_str(), integer.radix()).ok()),
        DeValue::Boolean(boolean) => Value::Boolean(boolean),
        DeValue::Array(array) => Value::Array(array.into_iter().map(node_from).collect()),
        DeValue::Table(table) => Value::Table(table_from(table)),
        DeValue::Float(_) => Value::Other("a float"),
        DeValue::Datetime(_) => Value::Other("a date or time"),
    };
    Node { range, value }
}
