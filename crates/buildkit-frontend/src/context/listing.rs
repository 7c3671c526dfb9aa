//! The list of files that a transfer of metadata leaves behind (`Selection::metadata_only`): BuildKit writes it to a file of
//! its own, and the files themselves are not there.

use buildkit_proto::fsutil::Stat;
use prost::Message as _;

use crate::error::FrontendError;
use crate::gateway::{FileStat, Reference};

/// The name of the list (fsutil's `receive.go`).
const LIST: &str = ".fsutil-metadata";

impl Reference {
    /// What a transfer of metadata listed: files and directories by their whole paths. `None` if this came from none.
    pub async fn metadata(&self) -> Result<Option<Vec<FileStat>>, FrontendError> {
        Ok(self.read_optional_file(LIST).await?.map(|list| stats(&list)))
    }
}

/// Reads the list: each entry has its length in front, in four bytes, little end first. What is cut off is left out.
fn stats(mut list: &[u8]) -> Vec<FileStat> {
    let mut stats = Vec::new();
    while let Some((length, rest)) = list.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let Some((entry, rest)) = rest.split_at_checked(length) else { break };
        stats.extend(Stat::decode(entry).map(FileStat::from));
        list = rest;
    }
    stats
}

/// Writes such a list, for tests.
#[cfg(feature = "testing")]
pub(crate) fn list<'f>(files: impl IntoIterator<Item = (&'f str, usize)>) -> (String, Vec<u8>) {
    let mut list = Vec::new();
    for (path, size) in files {
        let stat = Stat { path: path.to_owned(), size: i64::try_from(size).unwrap_or(i64::MAX), ..Stat::default() };
        let entry = stat.encode_to_vec();
        list.extend(u32::try_from(entry.len()).unwrap_or(u32::MAX).to_le_bytes());
        list.extend(entry);
    }
    (LIST.to_owned(), list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_until_the_list_ends() {
        // Two entries as fsutil writes them: `a` of 300 bytes, `b/c` with nothing but its name; then half a length.
        let list = b"\x06\0\0\0\x0a\x01a\x28\xac\x02\x05\0\0\0\x0a\x03b/c\x01\0";
        let stats: Vec<_> = stats(list).into_iter().map(|stat| (stat.path, stat.size)).collect();
        assert_eq!(stats, [("a".to_owned(), 300), ("b/c".to_owned(), 0)]);
    }
}
