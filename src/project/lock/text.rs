//! Rules for text that comes out of a lock and ends up in URLs, file names, commands and messages. A lock is written by
//! uv, but it arrives in pull requests: nothing in it is trusted.

use std::borrow::Cow;

/// Why a text was refused. The text itself is never part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::project) enum Refused {
    /// Control characters, or characters that turn the writing direction.
    Control,
    /// A user name or password inside a URL.
    Credentials,
    /// Something else, in words that follow "the URL …" or "the file name …".
    Because(&'static str),
}

impl Refused {
    pub(in crate::project) fn reason(self) -> &'static str {
        match self {
            Self::Control => "contains control characters",
            Self::Credentials => "contains credentials",
            Self::Because(reason) => reason,
        }
    }
}

/// What a URL is for decides which schemes it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::project) enum UrlUse {
    /// A file to download, or the index that lists it.
    Http,
    /// A git repository: ssh with a user name (`git@`) is fine.
    Git,
}

/// What kinds of bytes a text has: the union of [`KINDS`]. Locks are mostly URLs and hashes, so eight bytes are looked at
/// in one turn of the loop.
pub(super) fn kinds(text: &str) -> u8 {
    let kind = |byte: u8| KINDS[usize::from(byte)];
    let (words, rest) = text.as_bytes().as_chunks::<8>();
    let kinds = words.iter().fold(0, |kinds, [a, b, c, d, e, f, g, h]| {
        kinds | kind(*a) | kind(*b) | kind(*c) | kind(*d) | kind(*e) | kind(*f) | kind(*g) | kind(*h)
    });
    rest.iter().fold(kinds, |kinds, byte| kinds | kind(*byte))
}

/// Control characters, and everything that is not ASCII.
const UNUSUAL: u8 = 1;
/// ASCII characters that a URL holds only percent-encoded.
const NOT_IN_URLS: u8 = 2;
/// What ends the path of a URL.
const QUERY: u8 = 4;
/// The percent sign.
const PERCENT: u8 = 8;
/// The capitals among the hexadecimal digits.
pub(super) const HEX_CAPITAL: u8 = 16;
/// Everything that is no hexadecimal digit.
pub(super) const NOT_HEX: u8 = 32;

const KINDS: [u8; 256] = {
    let mut table = [UNUSUAL | NOT_HEX; 256];
    let mut byte = 0x20;
    while byte < 0x7f {
        table[byte as usize] = match byte {
            b' ' | b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' => NOT_IN_URLS | NOT_HEX,
            b'?' | b'#' => QUERY | NOT_HEX,
            b'%' => PERCENT | NOT_HEX,
            b'0'..=b'9' | b'a'..=b'f' => 0,
            b'A'..=b'F' => HEX_CAPITAL,
            _ => NOT_HEX,
        };
        byte += 1_u8;
    }
    table
};

/// Refuses control characters and bidirectional overrides.
pub(in crate::project) fn printable(text: &str) -> Result<(), Refused> {
    printable_of_kinds(text, kinds(text))
}

fn printable_of_kinds(text: &str, kinds: u8) -> Result<(), Refused> {
    let bad = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if kinds & UNUSUAL != 0 && text.chars().any(bad) { Err(Refused::Control) } else { Ok(()) }
}

/// Checks a URL's scheme, host and characters.
pub(in crate::project) fn url(text: &str, purpose: UrlUse) -> Result<(), Refused> {
    let kinds = kinds(text);
    printable_of_kinds(text, kinds)?;
    let Some((scheme, rest)) = split_scheme(text) else {
        return Err(Refused::Because("has no scheme"));
    };
    if kinds & NOT_IN_URLS != 0 {
        return Err(Refused::Because("contains characters that must be percent-encoded"));
    }
    let authority = authority(rest);
    let known = match purpose {
        UrlUse::Http => matches!(scheme, "http" | "https" | "file"),
        UrlUse::Git => matches!(scheme, "http" | "https" | "ssh" | "git" | "file" | "git+ssh" | "git+https"),
    };
    if !known {
        return Err(Refused::Because(match purpose {
            UrlUse::Http => "is neither http nor https",
            UrlUse::Git => "is not one that git can clone",
        }));
    }
    if has_credentials(scheme, authority) {
        return Err(Refused::Credentials);
    }
    if authority.is_empty() && scheme != "file" {
        return Err(Refused::Because("has no host"));
    }
    Ok(())
}

/// Splits at the first `://`.
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let colon = text.bytes().position(|byte| byte == b':')?;
    let rest = text.get(colon..)?.strip_prefix("://")?;
    Some((&text[..colon], rest))
}

fn authority(rest: &str) -> &str {
    let end = rest.bytes().position(|byte| matches!(byte, b'/' | b'?' | b'#' | b'\\')).unwrap_or(rest.len());
    &rest[..end]
}

/// Whether the part before the host holds a secret: any user over http (tokens are put there), a password elsewhere.
fn has_credentials(scheme: &str, authority: &str) -> bool {
    authority
        .rsplit_once('@')
        .is_some_and(|(user, _)| user.contains(':') || scheme.ends_with("http") || scheme.ends_with("https"))
}

/// The offset of the first URL with credentials anywhere in a file. Messages about such a file show no source lines.
pub(in crate::project) fn first_credentials(text: &str) -> Option<usize> {
    text.match_indices("://").find_map(|(at, _)| {
        let start = text[..at].rfind(|c: char| !c.is_ascii_alphanumeric() && c != '+').map_or(0, |index| index + 1);
        let rest = &text[at + 3..];
        let end = rest.find(['/', '?', '#', '"', '\'', '\n', ' ']).unwrap_or(rest.len());
        has_credentials(text.get(start..at)?, &rest[..end]).then_some(at)
    })
}

/// The file name at the end of a URL that [`url`] has accepted, percent-decoded.
pub(in crate::project) fn url_file_name(url: &str) -> Result<Cow<'_, str>, Refused> {
    let end = memchr::memchr2(b'?', b'#', url.as_bytes()).unwrap_or(url.len());
    let path = &url[..end];
    let path = split_scheme(path).map_or(path, |(_, rest)| rest);
    let start = memchr::memrchr(b'/', path.as_bytes()).map_or(0, |slash| slash + 1);
    let name = &path[start..];
    if kinds(name) & (UNUSUAL | NOT_IN_URLS | PERCENT) == 0 {
        // No separator and nothing unusual can be left.
        one_file(name)?;
        return Ok(Cow::Borrowed(name));
    }
    let name = percent_decode(name)?;
    file_name(&name)?;
    Ok(name)
}

/// Checks that a text is the name of one file: no separators, not a directory, nothing that a shell or terminal minds.
pub(in crate::project) fn file_name(name: &str) -> Result<(), Refused> {
    printable(name)?;
    if name.bytes().any(|byte| byte == b'/' || byte == b'\\') {
        return Err(Refused::Because("contains a path separator"));
    }
    one_file(name)
}

fn one_file(name: &str) -> Result<(), Refused> {
    if name.is_empty() || name == "." || name == ".." {
        return Err(Refused::Because("is not the name of a file"));
    }
    if name.len() > 255 {
        return Err(Refused::Because("is longer than 255 bytes"));
    }
    Ok(())
}

/// Checks a path of the lock: relative or absolute, with `/` as separator.
pub(in crate::project) fn path(text: &str) -> Result<(), Refused> {
    printable(text)?;
    if text.contains('\\') {
        return Err(Refused::Because("contains a backslash"));
    }
    Ok(())
}

/// A value in a URL's query, decoded as forms are (`+` is a space).
pub(in crate::project) fn query_value(text: &str) -> Result<Cow<'_, str>, Refused> {
    if text.contains('+') {
        let spaced = text.replace('+', " ");
        return percent_decode(&spaced).map(|value| Cow::Owned(value.into_owned()));
    }
    percent_decode(text)
}

fn percent_decode(text: &str) -> Result<Cow<'_, str>, Refused> {
    if kinds(text) & PERCENT == 0 {
        return Ok(Cow::Borrowed(text));
    }
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while index < bytes.len() {
        let hex = |offset: usize| bytes.get(index + offset).and_then(|byte| (*byte as char).to_digit(16));
        match (bytes[index], hex(1), hex(2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push(u8::try_from(high * 16 + low).unwrap_or_default());
                index += 3;
            }
            (byte, ..) => {
                decoded.push(byte);
                index += 1;
            }
        }
    }
    String::from_utf8(decoded).map(Cow::Owned).map_err(|_| Refused::Because("is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_that_carry_secrets_or_tricks_are_refused() {
        assert_eq!(url("https://files.example/a-1.whl", UrlUse::Http), Ok(()));
        assert_eq!(url("ssh://git@host/repo?rev=1#abc", UrlUse::Git), Ok(()));
        assert_eq!(url("https://token@host/simple", UrlUse::Http), Err(Refused::Credentials));
        assert_eq!(url("https://user:word@host/simple", UrlUse::Git), Err(Refused::Credentials));
        assert_eq!(url("ssh://user:word@host/repo", UrlUse::Git), Err(Refused::Credentials));
        assert_eq!(url("https://host/a\u{7}", UrlUse::Http), Err(Refused::Control));
        assert!(url("ext::sh -c true", UrlUse::Git).is_err());
        assert!(url("ftp://host/a", UrlUse::Http).is_err());
        assert!(url("https:///a", UrlUse::Http).is_err());
        assert!(url("https://host\\@evil/a", UrlUse::Http).is_err());
    }

    #[test]
    fn file_names_come_decoded_and_stay_one_file() {
        assert_eq!(
            url_file_name("https://h/x/torch-2.6.0%2Bcpu-py3-none-any.whl#sha256=1").unwrap(),
            "torch-2.6.0+cpu-py3-none-any.whl"
        );
        assert!(url_file_name("https://h/..%2F..%2Fetc.whl").is_err());
        assert!(url_file_name("https://h/..%5Cetc.whl").is_err());
        assert!(url_file_name("https://h/").is_err());
        assert!(url_file_name("https://h/%2e%2e").is_err());
        assert!(url_file_name("https://h/a%0ab.whl").is_err());
        assert_eq!(url_file_name("https://h/100%.whl").unwrap(), "100%.whl");
    }

    #[test]
    fn credentials_are_found_anywhere_in_a_file() {
        assert_eq!(first_credentials("a = \"https://host/p@q\"\n"), None);
        assert_eq!(first_credentials("a = \"ssh://git@host/p\"\n"), None);
        assert!(first_credentials("x\na = \"https://u:p@host/\"").is_some());
        assert!(first_credentials("broken = https://u@host").is_some());
    }
}
