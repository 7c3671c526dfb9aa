//! A script with inline metadata (PEP 723): one Python file that says in a comment what it needs. Its comment is read as a
//! small `pyproject.toml`, whose values have their places in the script itself.

use std::ops::Range;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Diagnostics, SourceFile};
use crate::project::pyproject::Pyproject;

const BEGIN: &str = "# /// script";
const END: &str = "# ///";

/// Whether the entry file is a Python script, by its name or by what it begins with.
pub fn is_script(name: &str, text: &str) -> bool {
    let python = std::path::Path::new(name).extension().is_some_and(|extension| extension == "py");
    python || (text.starts_with("#!") && text.lines().any(|line| line.trim_end() == BEGIN))
}

/// The name of a script's lock file, which lies beside it.
pub fn lock_name(script: &str) -> String {
    format!("{script}.lock")
}

/// Reads a script's metadata.
///
/// # Errors
/// No metadata, metadata that is not closed or is there twice, and everything that is wrong in it.
pub fn read(file: &Arc<SourceFile>) -> Result<Pyproject, Diagnostics> {
    let contents = block(file)?;
    Pyproject::of_script(file, &masked(file.text(), &contents))
}

/// The lines between the marks, mark lines excluded.
fn block(file: &Arc<SourceFile>) -> Result<Range<usize>, Diagnostic> {
    let lines = lines(file.text());
    let mut begins = lines.iter().enumerate().filter(|(_, line)| file.text()[(*line).clone()].trim_end() == BEGIN);
    let Some((first, begin)) = begins.next() else {
        return Err(Diagnostic::new("the script has no metadata that says what it needs")
            .at(file, 0..0)
            .help(format!("write it with uv add --script {} PACKAGE…, then uv lock --script {0}", file.name())));
    };
    let comment = |line: &&Range<usize>| {
        let text = file.text()[(*line).clone()].trim_end();
        text == "#" || text.starts_with("# ")
    };
    // The last closing mark of the comment counts.
    let inside: Vec<&Range<usize>> = lines[first + 1..].iter().take_while(comment).collect();
    let Some(end) = inside.iter().rposition(|line| file.text()[(**line).clone()].trim_end() == END) else {
        return Err(Diagnostic::new("the script's metadata is not closed")
            .at(file, begin.clone())
            .help("end it with a line # ///, with nothing but comments before it"));
    };
    let after = inside.get(end).map_or(begin.end, |line| line.start);
    if let Some((_, second)) = begins.find(|(_, line)| line.start > after) {
        return Err(Diagnostic::new("the script has metadata twice")
            .at(file, second.clone())
            .help("keep one of the two"));
    }
    Ok(begin.end..after)
}

/// The lines of a text with their ends.
fn lines(text: &str) -> Vec<Range<usize>> {
    let mut start = 0;
    text.split_inclusive('\n')
        .map(|line| {
            let range = start..start + line.len();
            start = range.end;
            range
        })
        .collect()
}

/// The metadata alone: everything else, and the comment marks, are spaces, so that every place stays where it is.
fn masked(text: &str, contents: &Range<usize>) -> String {
    let mut masked = String::with_capacity(text.len());
    for range in lines(text) {
        let line = &text[range.clone()];
        let inside = contents.contains(&range.start);
        if let Some(rest) = line.strip_prefix('#').filter(|_| inside) {
            masked.push(' ');
            masked.push_str(rest);
            continue;
        }
        let blank = line.trim_end_matches(['\r', '\n']).len();
        masked.extend(std::iter::repeat_n(' ', blank));
        masked.push_str(&line[blank..]);
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(text: &str) -> Result<Pyproject, String> {
        read(&SourceFile::new("tool.py", text)).map_err(|errors| errors.to_string())
    }

    #[test]
    fn metadata_is_a_small_project_with_the_lines_of_the_script() {
        let read = script(
            "#!/usr/bin/env python3\n# syntax=org/pyfront\n\"\"\"é\"\"\"\n# /// script\n# requires-python = \">=3.11\"\n#\n# \
             dependencies = [\n#   \"httpx\",\n# ]\n# [tool.pyfront]\n# ports = [80]\n# ///\nimport httpx\n# ///\n",
        )
        .unwrap();
        let project = read.project.as_ref().unwrap();
        assert_eq!(project.name.as_str(), "tool");
        assert_eq!(project.requires_python.as_ref().unwrap().location.to_string(), "tool.py:5");
        assert_eq!(project.dependencies[0].requirement.location.to_string(), "tool.py:8");
        assert_eq!(read.config.ports.as_ref().unwrap().location.to_string(), "tool.py:11");
        assert!(!read.is_package());
        assert!(script("# /// script\r\n# dependencies = []\r\n# ///\r\n").is_ok());
    }

    #[test]
    fn scripts_are_known_by_their_name_or_their_first_line() {
        assert!(is_script("a.py", ""));
        assert!(is_script("a", "#!/usr/bin/env -S uv run --script\n# /// script\n# ///\n"));
        assert!(!is_script("Dockerfile", "# syntax=org/pyfront\n"));
        assert!(!is_script("pyproject.toml", "# /// script\n"));
    }

    #[test]
    fn refusals() {
        let all = [
            script("print()\n"),
            script("# /// script\n# dependencies = []\nprint()\n# ///\n"),
            script("# /// script\n# ///\n\n# /// script\n# ///\n"),
            script("x = 'é'\n# /// script\n# dependencies = [\n# ///\n"),
            script(
                "\n# /// script\n# dependencies = 'httpx'\n# requires-python = 'new'\n# [tool.pyfront]\n# usr = 1\n# ///\n",
            ),
        ];
        insta::assert_snapshot!(all.map(Result::unwrap_err).join("\n\n"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(.{0,5}\n)?# /// script\n(# ?.{0,15}\r?\n){0,4}# ///\n?.{0,5}") {
            let _ = script(&text);
        }
    }
}
