//! Edits of a project file that leave everything else as it is: a line on top, a table at the end.

use crate::diagnostic::{Diagnostic, SourceFile};
use crate::project::config::argv::toml_string;
use crate::project::document::quoted;
use crate::project::entry::directives;

use super::facts::Health;

/// The line that names pyfront.
pub(super) const SYNTAX: &str = "# syntax=org/pyfront";
const TABLE: &str = "[tool.pyfront]";

/// The text with what is missing, and the lines that are new. `None` when nothing is.
///
/// # Errors
/// The file names another frontend, unless that may be replaced.
pub(super) fn edit(
    name: &str,
    text: &str,
    health: Option<&Health>,
    force: bool,
) -> Result<Option<(String, Vec<String>)>, Diagnostic> {
    let (mark, body) = match text.strip_prefix('\u{feff}') {
        Some(body) => ("\u{feff}", body),
        None => ("", text),
    };
    let line_break = if body.contains("\r\n") { "\r\n" } else { "\n" };
    let mut added = Vec::new();
    let file = SourceFile::new(name, body);
    let named = directives(&file).into_iter().find(|directive| directive.name == "syntax");
    let mut edited = body.to_owned();
    match named {
        Some(syntax) if syntax.value.value.contains("pyfront") => {}
        Some(syntax) if !force => {
            let other = quoted(&syntax.value.value);
            return Err(Diagnostic::new(format!("the file is built by another frontend, {other}"))
                .at_location(Some(syntax.value.location))
                .help("--force replaces it"));
        }
        Some(syntax) => {
            edited.replace_range(syntax.value.location.range, SYNTAX);
            added.push(SYNTAX.to_owned());
        }
        None => {
            // A script begins with what starts it.
            let first = edited.split_inclusive('\n').next().filter(|line| line.starts_with("#!")).map_or(0, str::len);
            edited.insert_str(first, &format!("{SYNTAX}{line_break}"));
            added.push(SYNTAX.to_owned());
        }
    }
    if let Some(health) = health.filter(|_| !body.contains("[tool.pyfront")) {
        let line = format!("healthcheck = {}", toml_string(&health.path));
        if !edited.ends_with('\n') {
            edited.push_str(line_break);
        }
        edited.push_str(&[line_break, TABLE, line_break, &line, line_break].concat());
        added.extend([TABLE.to_owned(), format!("{line}  ({})", health.reason)]);
    }
    Ok((!added.is_empty()).then(|| (format!("{mark}{edited}"), added)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health() -> Health {
        Health { path: "/health".to_owned(), reason: "seen".to_owned() }
    }

    #[test]
    fn everything_else_stays_as_it_is() {
        fn edit(text: &str, health: Option<&Health>) -> Option<String> {
            super::edit("pyproject.toml", text, health, false).unwrap().map(|(text, _)| text)
        }
        let project = "[project]\nname = 'a'   # odd\n\n\n[tool.x]\na=1";
        assert_eq!(edit(project, None).unwrap(), format!("{SYNTAX}\n{project}"));
        assert_eq!(
            edit(project, Some(&health())).unwrap(),
            format!("{SYNTAX}\n{project}\n\n[tool.pyfront]\nhealthcheck = \"/health\"\n")
        );
        assert_eq!(
            edit("\u{feff}a = 1\r\n", Some(&health())).unwrap(),
            format!("\u{feff}{SYNTAX}\r\na = 1\r\n\r\n[tool.pyfront]\r\nhealthcheck = \"/health\"\r\n")
        );
        assert_eq!(
            edit("#!/usr/bin/env -S uv run\n# x\n", None).unwrap(),
            format!("#!/usr/bin/env -S uv run\n{SYNTAX}\n# x\n")
        );
        // Twice is once.
        let once = edit(project, Some(&health())).unwrap();
        assert_eq!(edit(&once, Some(&health())), None);
        assert_eq!(edit("#syntax = me/pyfront:1\n[tool.pyfront]\nuser = 1\n", Some(&health())), None);
    }

    #[test]
    fn another_frontend_is_not_replaced_unasked() {
        let text = "# syntax=other/frontend\n[project]\n";
        let refused = edit("pyproject.toml", text, None, false).unwrap_err();
        assert_eq!(refused.location().unwrap().to_string(), "pyproject.toml:1");
        let (forced, _) = edit("pyproject.toml", text, None, true).unwrap().unwrap();
        assert_eq!(forced, format!("{SYNTAX}\n[project]\n"));
    }
}
