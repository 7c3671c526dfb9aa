//! The files outside the code that a build of the project needs: readme, licences, hooks of the build backend, the
//! manifests of compiled extensions. They are the ones that an ignore file hides most easily, and a backend that misses one
//! says so badly or not at all.

use crate::diagnostic::Location;
use crate::project::document::{Table, Value};

/// A file, or a pattern of files, relative to the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildFile {
    /// A path, or a pattern with `*`, `?` or `[`.
    pub pattern: String,
    /// Who names it, for people: `readme of [project]`.
    pub named_by: &'static str,
    /// Where it is named; a backend's default has no place.
    pub location: Option<Location>,
    /// Whether the build fails without it. Others matter only when they are there.
    pub required: bool,
}

impl BuildFile {
    /// Whether it stands for many files.
    pub fn is_pattern(&self) -> bool {
        self.pattern.contains(['*', '?', '[', '{'])
    }
}

/// Reads the files from a `pyproject.toml`. What is not understood is left out: the backend will say what it misses.
pub fn read(root: &Table<'_>) -> Vec<BuildFile> {
    let mut files = Files(Vec::new());
    let project = |path: &[&str]| root.at(&[&["project"], path].concat());
    let tool = |path: &[&str]| root.at(&[&["tool"], path].concat());

    let backend = root.at(&["build-system", "build-backend"]);
    let backend = backend.as_ref().and_then(Value::as_str);
    // setuptools, also when nothing is said. It warns when a readme or the text of a licence is missing, and goes on, so
    // projects with it do hide `*.md` (`setuptools.config.expand`, `_filter_existing_files`).
    let setuptools = backend.is_none_or(|name| name.starts_with("setuptools"));

    if !setuptools {
        files.named(project(&["readme"]), "readme of [project]");
        files.named(project(&["readme", "file"]), "readme of [project]");
        files.named(project(&["license", "file"]), "license of [project]");
    }
    files.named(project(&["license-files"]), "license-files of [project]");
    files.named(tool(&["setuptools", "dynamic", "version", "file"]), "version of [tool.setuptools.dynamic]");
    files.named(tool(&["setuptools", "dynamic", "dependencies", "file"]), "dependencies of [tool.setuptools.dynamic]");
    files.named(tool(&["hatch", "version", "path"]), "path of [tool.hatch.version]");

    match backend {
        Some("hatchling.build") => {
            for hook in [
                &["hatch", "build", "hooks", "custom"][..],
                &["hatch", "build", "targets", "wheel", "hooks", "custom"],
                &["hatch", "metadata", "hooks", "custom"],
            ] {
                files.hook(tool(hook), "hatch_build.py");
            }
        }
        Some("maturin") => match tool(&["maturin", "manifest-path"]) {
            Some(manifest) => files.named(Some(manifest), "manifest-path of [tool.maturin]"),
            None => files.default("Cargo.toml", "the build backend maturin", true),
        },
        _ if !setuptools => {}
        _ => {
            for name in ["setup.py", "setup.cfg", "MANIFEST.in"] {
                files.default(name, "the build backend setuptools", false);
            }
        }
    }
    if backend == Some("maturin") {
        files.default("Cargo.lock", "the build backend maturin", false);
    }
    files.0
}

struct Files(Vec<BuildFile>);

impl Files {
    /// A string, or strings of an array.
    fn named(&mut self, value: Option<Value<'_>>, named_by: &'static str) {
        let Some(value) = value else { return };
        for value in value.as_array().unwrap_or_else(|| vec![value]) {
            let Some(text) = value.as_str() else { continue };
            self.add(text, named_by, Some(value.location()), true);
        }
    }

    /// A hook of hatchling, whose table may name another file.
    fn hook(&mut self, table: Option<Value<'_>>, default: &str) {
        let Some(table) = table else { return };
        let named_by = "a custom hook of hatchling";
        match table.as_table().and_then(|table| table.get("path")) {
            Some(path) => self.named(Some(path), named_by),
            None => self.add(default, named_by, Some(table.key_location()), true),
        }
    }

    fn default(&mut self, name: &str, named_by: &'static str, required: bool) {
        self.add(name, named_by, None, required);
    }

    fn add(&mut self, path: &str, named_by: &'static str, location: Option<Location>, required: bool) {
        let path = path.strip_prefix("./").unwrap_or(path);
        // A path that leads out of the project is the backend's business.
        let inside = !path.is_empty() && !path.starts_with('/') && path.split('/').all(|part| part != "..");
        if inside && self.0.iter().all(|known| known.pattern != path) {
            self.0.push(BuildFile { pattern: path.to_owned(), named_by, location, required });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::SourceFile;
    use crate::project::document::Document;

    /// `*` marks what the build fails without.
    fn files(text: &str) -> Vec<String> {
        let file = SourceFile::new("pyproject.toml", text);
        let files = read(&Document::parse(&file).unwrap().root());
        let mark = |file: &BuildFile| if file.required { "*" } else { "" };
        files.iter().map(|file| format!("{}{}", mark(file), file.pattern)).collect()
    }

    #[test]
    fn what_the_project_names() {
        let text = "[project]\nreadme = './docs/README.md'\nlicense-files = ['LICEN[CS]E*', 'NOTICE']\nlicense = 'MIT'\n\
                    [build-system]\nbuild-backend = 'uv_build'\n";
        assert_eq!(files(text), ["*docs/README.md", "*LICEN[CS]E*", "*NOTICE"]);
        let tables =
            "[project]\nreadme = { file = 'R.rst' }\nlicense = { file = 'L' }\n[build-system]\nbuild-backend = 'x'\n";
        assert_eq!(files(tables), ["*R.rst", "*L"]);
        let outside = "[project]\nreadme = '../README.md'\nlicense-files = ['/etc/passwd', 'a/../b', 3]\n";
        assert_eq!(files(&format!("{outside}[build-system]\nbuild-backend = 'x'\n")), [""; 0]);
    }

    #[test]
    fn what_build_backends_need() {
        let backend = |name: &str, rest: &str| files(&format!("[build-system]\nbuild-backend = '{name}'\n{rest}"));
        assert_eq!(backend("hatchling.build", ""), [""; 0]);
        assert_eq!(backend("hatchling.build", "[tool.hatch.build.hooks.custom]\n"), ["*hatch_build.py"]);
        let hooks = "[tool.hatch.build.targets.wheel.hooks.custom]\npath = 'build/hook.py'\n[tool.hatch.version]\npath = 'v.py'";
        assert_eq!(backend("hatchling.build", hooks), ["*v.py", "*build/hook.py"]);
        assert_eq!(backend("maturin", ""), ["*Cargo.toml", "Cargo.lock"]);
        assert_eq!(
            backend("maturin", "[tool.maturin]\nmanifest-path = 'rust/Cargo.toml'"),
            ["*rust/Cargo.toml", "Cargo.lock"]
        );
        let dynamic = "[project]\nreadme = 'README.md'\nlicense = { file = 'L' }\nlicense-files = ['NOTICE']\n\
                       [tool.setuptools.dynamic]\nreadme = { file = ['A.md', 'B.md'] }\nversion = { file = 'V' }\n";
        // It goes on without a readme.
        assert_eq!(
            backend("setuptools.build_meta", dynamic),
            ["*NOTICE", "*V", "setup.py", "setup.cfg", "MANIFEST.in"]
        );
        assert_eq!(files(""), ["setup.py", "setup.cfg", "MANIFEST.in"]);
    }
}
