//! The entry file: what `docker build -f` names. It is a `pyproject.toml` (any name that ends in `.toml`), or a Dockerfile
//! that holds directive lines (`# syntax=…`) and, below them, configuration as TOML, or a script with metadata (PEP 723), or a
//! `pylock.toml` (PEP 751). A Dockerfile with instructions is not ours to build and says so.

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Diagnostics, Location, SourceFile};
use crate::project::config::Config;
use crate::project::document::{Document, Located};
use crate::project::pyproject::Pyproject;
use crate::project::script;

/// What the entry file turned out to be.
#[derive(Debug, Clone)]
pub enum Entry {
    /// The project file itself.
    Pyproject(Box<Pyproject>),
    /// A Dockerfile of ours. `pyproject.toml` comes from the build context.
    Dockerfile(Box<Dockerfile>),
    /// A script, which is the whole project; its metadata is read as one.
    Script(Box<Pyproject>),
    /// The lock of PEP 751 that is to be installed. `pyproject.toml`, if any, comes from the build context.
    Pylock,
}

/// A Dockerfile without instructions.
#[derive(Debug, Clone)]
pub struct Dockerfile {
    /// The file.
    pub file: Arc<SourceFile>,
    /// Its directive lines.
    pub directives: Vec<Directive>,
    /// Its body.
    pub config: Config,
}

/// A line like `# syntax=org/pyfront` at the top of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directive {
    /// `syntax`, `check` or `escape`, in lower case.
    pub name: String,
    /// The value, and the place of the line.
    pub value: Located<String>,
}

impl Entry {
    /// Whether a file of this name is a `pyproject.toml`, whatever it is called.
    pub fn is_pyproject(name: &str) -> bool {
        std::path::Path::new(name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"))
    }

    /// Whether a file of this name is `pylock.toml` or `pylock.NAME.toml` (PEP 751, "File Name").
    pub fn is_pylock(name: &str) -> bool {
        let name = name.rsplit_once('/').map_or(name, |(_, name)| name);
        let between = name.strip_prefix("pylock.").and_then(|rest| rest.strip_suffix("toml"));
        between.is_some_and(|between| {
            between.is_empty() || between.strip_suffix('.').is_some_and(|name| !name.is_empty() && !name.contains('.'))
        })
    }

    /// Reads the entry file. `name` is its path as the user gave it, as far as that is known.
    ///
    /// # Errors
    /// Bytes that are not UTF-8, broken TOML, wrong values, or a Dockerfile with instructions.
    pub fn read(name: &str, bytes: &[u8]) -> Result<Self, Diagnostics> {
        let file = SourceFile::from_bytes(name, bytes)?;
        if Self::is_pylock(name) {
            return Ok(Self::Pylock);
        }
        if Self::is_pyproject(name) {
            return Ok(Self::Pyproject(Box::new(Pyproject::parse(&file)?)));
        }
        if script::is_script(name, file.text()) {
            return Ok(Self::Script(Box::new(script::read(&file)?)));
        }
        let directives = directives(&file);
        // `//` may begin a directive too. Blanks keep every place in the file where it is.
        let slashes = |directive: &Directive| file.text()[directive.value.location.range.clone()].starts_with('/');
        let body = if directives.iter().any(slashes) {
            SourceFile::new(name, without_slash_directives(&file, &directives))
        } else {
            Arc::clone(&file)
        };
        if let Err(error) = Document::parse(&body) {
            let end = error.location().map_or(0, |location| location.range.start);
            return Err(instructions(&file, end).unwrap_or(error).into());
        }
        if let Some(error) = tool_table(&body) {
            return Err(error.into());
        }
        let config = Config::read_body(&body)?;
        Ok(Self::Dockerfile(Box::new(Dockerfile { file, directives, config })))
    }
}

/// The directive lines of a file, by BuildKit's rules (`frontend/dockerfile/parser/directives.go`): from the first line (or
/// the second, below `#!`), each `# name = value` with a known name, until the first line that is none or repeats one.
pub fn directives(file: &Arc<SourceFile>) -> Vec<Directive> {
    let marker = ["#", "//"];
    let mut found: Vec<Directive> = Vec::new();
    for marker in marker {
        let mut start = 0;
        for (index, line) in file.text().split_inclusive('\n').enumerate() {
            let range = start..start + line.trim_end().len();
            start += line.len();
            if index == 0 && line.starts_with("#!") {
                continue;
            }
            match directive(line, marker) {
                Some((name, value)) if found.iter().all(|known| known.name != name) => {
                    found.push(Directive { name, value: Located::new(value, Location::new(file, range)) });
                }
                _ => break,
            }
        }
        if !found.is_empty() {
            break;
        }
    }
    found
}

fn directive(line: &str, marker: &str) -> Option<(String, String)> {
    let (name, value) = line.strip_prefix(marker)?.split_once('=')?;
    let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
    (matches!(name.as_str(), "syntax" | "check" | "escape") && !value.is_empty()).then(|| (name, value.to_owned()))
}

fn without_slash_directives(file: &SourceFile, directives: &[Directive]) -> String {
    let mut text = file.text().to_owned();
    for directive in directives {
        let range = directive.value.location.range.clone();
        let blanks = " ".repeat(range.len());
        text.replace_range(range, &blanks);
    }
    text
}

/// The instructions of the Dockerfile language.
const INSTRUCTIONS: &[&str] = &[
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

/// The error for a file whose TOML breaks at `end`, when the first line up to there that says anything is an instruction.
fn instructions(file: &Arc<SourceFile>, end: usize) -> Option<Diagnostic> {
    let mut start = 0;
    for line in file.text().split_inclusive('\n') {
        if start > end {
            return None;
        }
        let text = line.trim();
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let rest = rest.trim_start();
        let instruction = INSTRUCTIONS.iter().find(|instruction| instruction.eq_ignore_ascii_case(word));
        if let Some(instruction) = instruction.filter(|_| !rest.is_empty() && !rest.starts_with(['=', '.'])) {
            let begin = start + (line.len() - line.trim_start().len());
            return Some(
                Diagnostic::new(format!(
                    "this is a Dockerfile with instructions ({instruction}), which pyfront does not run"
                ))
                .at(file, begin..begin + text.len())
                .note("below # syntax= may stand configuration as TOML, with the keys of [tool.pyfront]")
                .help("to build from pyproject.toml, name it: docker buildx build -f pyproject.toml .")
                .help("to build this Dockerfile, remove the # syntax line (or BUILDKIT_SYNTAX) that names pyfront"),
            );
        }
        start += line.len();
    }
    None
}

/// The error for someone who wrote `[tool.pyfront]` in a Dockerfile.
fn tool_table(file: &Arc<SourceFile>) -> Option<Diagnostic> {
    let document = Document::parse(file).ok()?;
    let pyfront = document.root().get("tool")?.as_table()?.get("pyfront")?;
    Some(
        Diagnostic::new("[tool.pyfront] belongs to pyproject.toml").at_location(Some(pyfront.key_location())).help(
            "in a Dockerfile, write the keys at the top level: remove this line, and tool.pyfront from the others",
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dockerfile(text: &str) -> Dockerfile {
        match Entry::read("Dockerfile", text.as_bytes()) {
            Ok(Entry::Dockerfile(dockerfile)) => *dockerfile,
            Ok(Entry::Pyproject(_) | Entry::Script(_) | Entry::Pylock) => panic!("no Dockerfile"),
            Err(errors) => panic!("{errors}"),
        }
    }

    fn error(name: &str, text: impl AsRef<[u8]>) -> String {
        Entry::read(name, text.as_ref()).unwrap_err().to_string()
    }

    #[test]
    fn names_of_pylock_files_have_at_most_one_part_of_their_own() {
        for name in ["pylock.toml", "locks/pylock.prod.toml"] {
            assert!(Entry::is_pylock(name), "{name}");
        }
        for name in ["pylock..toml", "pylock.a.b.toml", "pylock.lock", "pylocktoml", "my.pylock.toml", "PYLOCK.toml"] {
            assert!(!Entry::is_pylock(name), "{name}");
        }
    }

    #[test]
    fn a_name_in_toml_is_a_project_file() {
        for name in ["pyproject.toml", "api.toml", "x/pyproject.TOML"] {
            assert!(
                matches!(Entry::read(name, b"# syntax=x\n[project]\nname='a'\n"), Ok(Entry::Pyproject(_))),
                "{name}"
            );
        }
        for name in ["Dockerfile", "toml", "prod.Dockerfile", ".toml"] {
            assert!(!Entry::is_pyproject(name), "{name}");
        }
    }

    #[test]
    fn directive_lines_alone_are_enough() {
        for text in
            ["", "# syntax=org/pyfront", "#syntax = org/pyfront --flag\r\n\r\n# a comment\r\n", "\u{feff}# syntax=x\n"]
        {
            assert_eq!(dockerfile(text).config, Config::default(), "{text:?}");
        }
        let directives =
            dockerfile("#!/bin/x\n# Syntax=org/pyfront:1 -a\n# check=skip=all\n# other\n# escape=`\n").directives;
        let shown: Vec<_> = directives
            .iter()
            .map(|directive| (directive.name.as_str(), directive.value.as_str(), directive.value.location.lines().0))
            .collect();
        assert_eq!(shown, [("syntax", "org/pyfront:1 -a", 2), ("check", "skip=all", 3)]);
    }

    #[test]
    fn the_body_is_configuration() {
        let dockerfile = dockerfile("# syntax=org/pyfront\n\nuser = '5:6'\n[env]\nENV = 'x'\n");
        assert_eq!(dockerfile.config.user.as_ref().unwrap().uid, 5);
        assert_eq!(dockerfile.config.user.unwrap().location.to_string(), "Dockerfile:3");
        assert_eq!(dockerfile.config.env.unwrap().0["ENV"].value, "x");
    }

    #[test]
    fn slashes_may_begin_directives_too() {
        let dockerfile = dockerfile("// syntax=org/pyfront\n// check=x\nuser = 5\n");
        assert_eq!(dockerfile.directives.len(), 2);
        assert_eq!(dockerfile.config.user.unwrap().location.to_string(), "Dockerfile:3");
    }

    #[test]
    fn an_instruction_in_a_string_is_none() {
        assert!(dockerfile("command = ['sh', '-c', '''\nRUN x\n''']\n").config.command.is_some());
    }

    #[test]
    fn refusals() {
        let all = [
            error("Dockerfile", "# syntax=org/pyfront\n\n# base\nFROM python:3.13\nRUN pip install x\n"),
            error("Dockerfile", "# syntax=org/pyfront\nuser = 5\nenv A=1\n"),
            error("Dockerfile", "# syntax=org/pyfront\nuser = \n"),
            error("Dockerfile", "# syntax=org/pyfront\n[tool.pyfront]\nuser = 5\n"),
            error("Dockerfile", "# syntax=org/pyfront\nuser = 5\nusr = 'x'\nport = 80\n"),
            error("Dockerfile", "hello world\n"),
            error("Dockerfile", b"# syntax=x\nuser = '\xff'\n"),
            error("pyproject.toml", "# syntax=x\n[project]\nname = \"a\nversion = '1'\n"),
        ];
        insta::assert_snapshot!(all.join("\n\n"));
    }

    proptest::proptest! {
        #[test]
        fn no_file_makes_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..60), text in "[#/]{0,2}.{0,20}\n(.{0,20}\n)?[A-Za-z]{0,5} ?.{0,20}") {
            for name in ["Dockerfile", "pyproject.toml"] {
                let _ = Entry::read(name, &bytes).map_err(|errors| errors.to_string());
                let _ = Entry::read(name, text.as_bytes()).map_err(|errors| errors.to_string());
            }
        }
    }
}
