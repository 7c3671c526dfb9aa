//! What the image says about itself in the terms of the OCI image specification (`annotations.md`, "Pre-Defined Annotation
//! Keys"): title, version, licence and the rest of `[project]`, and the base image. They stand in the image's labels, and
//! the gateway repeats them as annotations of its manifest. Nothing but the config depends on them.

use std::collections::BTreeMap;

use super::Base;
use crate::project::pyproject::{Project, Pyproject};

/// What every key begins with.
pub const PREFIX: &str = "org.opencontainers.image.";

/// The labels of URLs that are about the same thing, as PEP 753 normalises them.
const URLS: [(&str, &[&str]); 3] = [
    ("url", &["homepage"]),
    ("source", &["source", "repository", "sourcecode", "github"]),
    ("documentation", &["documentation", "docs"]),
];

/// The labels that follow from the project and from its base image.
pub(super) fn labels(pyproject: &Pyproject, base: &Base) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    let mut add = |key: &str, value: &str| {
        if !value.is_empty() {
            labels.insert(format!("{PREFIX}{key}"), value.to_owned());
        }
    };
    // A project without a table has a name of ours, which says nothing.
    if let Some(project) =
        pyproject.project.as_ref().filter(|project| project.location.file.name() == pyproject.file.name())
    {
        describe(project, &mut add);
    }
    if let Some(name) = &base.name {
        add("base.name", name);
    }
    add("base.digest", base.image.digest.as_deref().unwrap_or_default());
    labels
}

fn describe(project: &Project, add: &mut impl FnMut(&str, &str)) {
    add("title", project.name.value.as_str());
    let text = |value: &Option<crate::project::document::Located<String>>| {
        value.as_ref().map(|value| value.value.trim().to_owned()).unwrap_or_default()
    };
    add("version", &text(&project.version));
    add("description", &text(&project.description));
    // The text of an old-style table can be that of a whole licence.
    add("licenses", &Some(text(&project.license)).filter(|text| is_expression(text)).unwrap_or_default());
    add("authors", &project.authors.iter().map(|author| author.as_str()).collect::<Vec<_>>().join(", "));
    for (key, names) in URLS {
        let url = project.urls.iter().find(|(label, _)| names.contains(&normalized(label).as_str()));
        add(key, url.map(|(_, url)| url.as_str()).unwrap_or_default());
    }
}

/// Whether a text can be an SPDX expression.
fn is_expression(text: &str) -> bool {
    text.len() < 256 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" ().+-".contains(&byte))
}

/// PEP 753: without punctuation and white space, in lower case.
fn normalized(label: &str) -> String {
    label.chars().filter(|c| !c.is_ascii_punctuation() && !c.is_whitespace()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::SourceFile;
    use crate::plan::Image;

    fn of(project: &str, name: Option<&str>, digest: Option<&str>) -> String {
        let file = SourceFile::new("pyproject.toml", project);
        let pyproject = Pyproject::parse(&file).unwrap();
        let base = Base {
            image: Image { reference: "python:3.13-slim".to_owned(), digest: digest.map(str::to_owned) },
            name: name.map(str::to_owned),
            python: "3.13".to_owned(),
            reason: String::new(),
            managed_python: None,
            env: std::collections::BTreeMap::new(),
        };
        let labels = labels(&pyproject, &base);
        let lines: Vec<String> =
            labels.iter().map(|(key, value)| format!("{}: {value}\n", key.strip_prefix(PREFIX).unwrap())).collect();
        lines.concat()
    }

    #[test]
    fn everything_that_a_project_says() {
        let project = r#"
            [project]
            name = "My.App"
            version = "1.2"
            description = " A thing. "
            license = "MIT OR Apache-2.0"
            authors = [{ name = "A", email = "a@example.org" }, { email = "b@example.org" }]
            [project.urls]
            "Home Page" = "https://example.org"
            "Source Code" = "https://example.org/git"
            docs = "https://example.org/docs"
            Funding = "https://example.org/money"
        "#;
        insta::assert_snapshot!(of(project, Some("reg.example/python:3.13-slim"), Some("sha256:ba")), @r"
        authors: A, b@example.org
        base.digest: sha256:ba
        base.name: reg.example/python:3.13-slim
        description: A thing.
        documentation: https://example.org/docs
        licenses: MIT OR Apache-2.0
        source: https://example.org/git
        title: my-app
        url: https://example.org
        version: 1.2
        ");
    }

    #[test]
    fn what_is_not_known_is_not_said() {
        let project =
            "[project]\nname = 'a'\ndynamic = ['version']\nlicense = { text = '''Copyright (c) A\nDo it.''' }";
        assert_eq!(of(project, None, None), "title: a\n");
        assert_eq!(of("", None, None), "");
    }
}
