//! `docs/checks/README.md` is made from the rules, and every rule has a page. `cargo xtask codegen` writes the list anew.

use std::fmt::Write as _;
use std::path::Path;

use pyfront::lint::RULES;

const INTRODUCTION: &str = "\
# Checks

<!-- The table is made from the rules in src/lint/rules.rs by `cargo xtask codegen`. -->

```console
$ docker buildx build --check -f pyproject.toml .
```

looks at the project and at what would be built of it, and builds nothing. It ends with exit code 1 when it finds something. What
it finds is also said by every build, as a warning, except by the rules that are for `--check` alone. What only shows when packages
are installed is only said by builds. What would end a build is told as its error. `--check --target dev` checks another target.

A line of the entry file, below the `# syntax=` line, says how findings are treated, as in a Dockerfile:

```toml
# syntax=org/pyfront
# check=skip=RootUser,StaleLock;experimental=MissingHealthcheck;error=true
```

`skip` leaves rules out, `experimental` switches experimental ones on (`all` means every rule), and `error=true` makes a finding end
the build. Each part may be left out. `--build-arg BUILDKIT_DOCKERFILE_CHECK=…` says the same, in the place of the line.

| rule | what it asks for | when |
|---|---|---|
";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_list_is_that_of_the_rules() {
    let mut text = INTRODUCTION.to_owned();
    for rule in RULES {
        let page = rule.page();
        let file = page.rsplit('/').next().unwrap_or_default();
        let when = match rule {
            rule if rule.experimental => "experimental",
            rule if rule.check_only => "`--check`",
            rule if rule.build_only => "builds",
            _ => "always",
        };
        let _ = writeln!(text, "| [{}]({file}) | {} | {when} |", rule.name, rule.description);
    }
    let path = root().join("docs/checks/README.md");
    if std::env::var_os("PYFRONT_UPDATE_GENERATED").is_some() {
        std::fs::write(&path, &text).expect("docs/checks/README.md can be written");
    }
    let checked_in = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(checked_in == text, "docs/checks/README.md is stale: run `cargo xtask codegen`");
}

#[test]
fn every_rule_has_a_page_and_every_page_a_rule() {
    let pages: Vec<String> = RULES.iter().map(|rule| rule.page()).collect();
    for (rule, page) in RULES.iter().zip(&pages) {
        let text = std::fs::read_to_string(root().join(page)).unwrap_or_default();
        assert!(text.starts_with(&format!("# {}\n\n{}.\n\n", rule.name, rule.description)), "{page}");
        assert!(text.contains("\n## Bad\n") && text.contains("\n## Good\n"), "{page}");
    }
    for file in root().join("docs/checks").read_dir().expect("docs/checks can be listed").flatten() {
        let page = format!("docs/checks/{}", file.file_name().to_string_lossy());
        assert!(page == "docs/checks/README.md" || pages.contains(&page), "{page} is about no rule");
    }
}
