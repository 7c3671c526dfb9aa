//! Files of the build context.

use super::Finding;
use super::rules::LARGE_FILE;
use crate::diagnostic::Diagnostic;
use crate::project::document::quoted;

/// From this size on, in bytes, a file is large.
pub const LARGE: u64 = 50 << 20;

/// A file of the build context, by its path and its size in bytes.
pub fn large_file(path: &str, size: u64) -> Option<Finding> {
    (size >= LARGE).then(|| {
        LARGE_FILE.finding(
            Diagnostic::new(format!("{} in the build context has {} MB", quoted(path), size >> 20))
                .help(format!("if the image does not need it, add /{path} to .dockerignore")),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_is_from_50_mb_on() {
        assert_eq!(large_file("a", LARGE - 1), None);
        let found = large_file("data/model.bin", 52 << 20).unwrap();
        assert_eq!(
            found.diagnostic.to_string(),
            "\"data/model.bin\" in the build context has 52 MB\n  \
             help: if the image does not need it, add /data/model.bin to .dockerignore"
        );
    }
}
