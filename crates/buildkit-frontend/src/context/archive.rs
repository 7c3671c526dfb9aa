//! Telling an archive from any other file by its first bytes, as BuildKit does for a context that is one http URL.

/// How many bytes are looked at.
pub(super) const HEADER: usize = 1024;

/// Whether BuildKit can unpack a file that begins like this: bzip2, gzip, xz, or tar itself.
pub(super) fn is_archive(header: &[u8]) -> bool {
    const MAGIC: [&[u8]; 3] = [b"BZh", &[0x1f, 0x8b, 0x08], &[0xfd, b'7', b'z', b'X', b'Z', 0x00]];
    MAGIC.iter().any(|magic| header.starts_with(magic)) || is_tar(header)
}

/// A tar header is known by its checksum: the sum of its 512 bytes, with spaces in place of the sum itself.
fn is_tar(header: &[u8]) -> bool {
    let Some(block) = header.get(..512) else { return false };
    let field = String::from_utf8_lossy(&block[148..156]);
    let Ok(expected) = u32::from_str_radix(field.trim_matches([' ', '\0']), 8) else { return false };
    let sum: u32 =
        block.iter().enumerate().map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u32::from(*byte) }).sum();
    sum == expected
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archives() {
        let mut tar = vec![0; 1024];
        tar[..5].copy_from_slice(b"a.txt");
        let sum: u32 = tar[..512].iter().map(|b| u32::from(*b)).sum::<u32>() + 8 * 32;
        tar[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        assert!(is_archive(&tar));
        tar[0] = b'b';
        assert!(!is_archive(&tar));
        assert!(is_archive(b"BZh9") && is_archive(&[0x1f, 0x8b, 8, 0]));
        assert!(!is_archive(b"[project]\n") && !is_archive(b"") && !is_archive(&[0; 1024]));
    }
}
