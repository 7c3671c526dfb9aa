//! Placeholder.
use std::ops::Range;

use super::tree::Table;

pub(super) fn read<'a>(_text: &'a str, _package: impl FnMut(&Table<'a>, &Range<usize>) -> bool) -> Option<Table<'a>> {
    None
}
