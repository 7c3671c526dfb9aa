//! Places in the build context: clean paths with slashes, relative to its root, which is the empty path. What the lock and
//! `pyproject.toml` say is relative to a directory, and may lead out of the context.

/// The path `path`, read in the directory `base` of the context. `None` when it is absolute or leads out of the context.
pub fn within(base: &str, path: &str) -> Option<String> {
    if path.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = base.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// A file of a directory.
pub fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}

/// What of a path lies below a directory; `None` when the path is that directory or lies elsewhere.
pub fn below<'p>(directory: &str, path: &'p str) -> Option<&'p str> {
    let rest = if directory.is_empty() { path } else { path.strip_prefix(directory)?.strip_prefix('/')? };
    (!rest.is_empty()).then_some(rest)
}

/// A directory and those above it, outermost (the context's root, which is the empty path) first.
pub fn ancestors(directory: &str) -> Vec<&str> {
    let slashes = directory.match_indices('/').map(|(index, _)| &directory[..index]);
    let mut all: Vec<&str> = std::iter::once("").chain(slashes).collect();
    if !directory.is_empty() {
        all.push(directory);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_in_the_context() {
        assert_eq!(within("", ".").as_deref(), Some(""));
        assert_eq!(within("services/api", "../../libs/./core/").as_deref(), Some("libs/core"));
        assert_eq!(within("services", "../../x"), None);
        assert_eq!(within("", "a/../../x/../y"), None);
        assert_eq!(within("a", "/etc"), None);
    }

    #[test]
    fn below_is_by_whole_names() {
        assert_eq!(below("packages/api", "packages/api/x"), Some("x"));
        assert_eq!(below("packages/api", "packages/api2"), None);
        assert_eq!(below("", "packages"), Some("packages"));
        assert_eq!(below("a", "a"), None);
        assert_eq!(ancestors("a/b/c"), ["", "a", "a/b", "a/b/c"]);
        assert_eq!(ancestors(""), [""]);
    }
}
