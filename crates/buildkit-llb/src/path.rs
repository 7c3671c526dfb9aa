//! Paths inside file systems of a build: always absolute, always with slashes, cleaned as Go's `path.Clean` does.

use crate::error::OpError;

/// A cleaned absolute path: no empty parts, no `.` and no `..`.
pub(crate) fn absolute(what: &'static str, path: &str) -> Result<String, OpError> {
    if !path.starts_with('/') {
        return Err(OpError::RelativePath { what, path: path.to_owned() });
    }
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    Ok(format!("/{}", parts.join("/")))
}

/// The same, but a final `/` or `/.` stays: as the destination of a copy it means “into this directory”.
pub(crate) fn absolute_destination(what: &'static str, path: &str) -> Result<String, OpError> {
    let mut clean = absolute(what, path)?;
    if path.ends_with('/') {
        if clean != "/" {
            clean.push('/');
        }
    } else if path.ends_with("/.") {
        if clean != "/" {
            clean.push('/');
        }
        clean.push('.');
    }
    Ok(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cleaned_like_go() {
        for (path, clean, destination) in [
            ("/", "/", "/"),
            ("/.", "/", "/."),
            ("//a//b", "/a/b", "/a/b"),
            ("/a/./b/", "/a/b", "/a/b/"),
            ("/a/../../b", "/b", "/b"),
            ("/a/.", "/a", "/a/."),
            ("/a/..", "/", "/"),
        ] {
            assert_eq!(absolute("x", path).as_deref(), Ok(clean), "{path}");
            assert_eq!(absolute_destination("x", path).as_deref(), Ok(destination), "{path}");
        }
        let error = OpError::RelativePath { what: "x", path: "a/b".into() };
        assert_eq!(absolute("x", "a/b"), Err(error));
    }
}
