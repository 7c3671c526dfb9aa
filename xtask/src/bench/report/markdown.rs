//! `docs/performance.md`.

use std::fmt::Write as _;

use crate::bench::report::{plot, table};
use crate::bench::results::Results;
use crate::bench::scenario::Scenario;
use crate::bench::{contender, project};

pub(super) fn page(results: &Results) -> String {
    let mut page = String::from(
        "# Performance\n\n\
         <!-- Made from performance.json by `cargo xtask bench --write-docs`; `cargo xtask bench render` makes it again. -->\n\n",
    );
    let _ = writeln!(
        page,
        "Medians of up to {} rounds on {}, {}, at commit {} on {}. Contenders take turns in every round on one engine. What else \
         the machine did is not controlled: its load average was {}. Ratios travel, seconds do not.\n",
        results.rounds,
        results.engine,
        results.machine,
        results.commit,
        results.date,
        table::loads(results)
    );
    page.push_str(
        "A time is that of `docker buildx build --push`, from its start until the image is in a registry on the same machine. \
         Pushed is what was new in that registry afterwards; to pull is what a node lacks that has the image from before the \
         change; the image is its compressed size with the base, and its layers. Steps are those that ran, sources not \
         counted. The spread is from the fastest build to the slowest; without one there was one build. CPU is the processor \
         time of the engine and of everything that it ran, which other programs on the machine change less.\n\n\
         Base and uv images are stand-ins made from Debian's packages and are there already when a build begins, as is the \
         frontend's image.\n\n## Who\n\n",
    );
    for name in results.contenders() {
        let _ = writeln!(page, "- **{name}**: {}", contender::about(&name));
    }
    page.push_str("\nThe Dockerfiles are in `xtask/src/bench/dockerfiles/`, the projects in `xtask/bench-projects/`.\n\n## What\n\n");
    for scenario in Scenario::ALL {
        let _ = writeln!(page, "- **{}**: {}", scenario.name(), scenario.about());
    }
    for name in results.projects() {
        let _ = writeln!(page, "\n## {name}: {}\n\n![times of all builds]({})\n", project::about(name), plot(name));
        let _ = writeln!(page, "| {} |", table::TITLES.join(" | "));
        let _ = writeln!(page, "|---|---|{}", "--:|".repeat(table::TITLES.len() - 2));
        for row in table::rows(results, name) {
            let _ = writeln!(page, "| {} |", row.join(" | "));
        }
        let mut missing: Vec<String> = Vec::new();
        for one in results.not_run.iter().filter(|one| one.project == name) {
            let line =
                format!("- {} by {} was not run: {}", one.scenario, one.contender, one.reason.replace('\n', " "));
            if !missing.contains(&line) {
                missing.push(line);
            }
        }
        if !missing.is_empty() {
            let _ = writeln!(page, "\n{}", missing.join("\n"));
        }
    }
    let imports = table::imports(results);
    if !imports.is_empty() {
        let _ = writeln!(
            page,
            "\n## Imports\n\nHow long a fresh container of the data stack takes to import what it depends on (`cargo xtask bench \
             import`), when the files are in memory. The one layer has the same files as pyfront's image.\n\n{imports}"
        );
        page.truncate(page.trim_end().len());
        page.push('\n');
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::results::tests::record;

    #[test]
    fn the_page_has_a_plot_and_a_table_for_each_project() {
        let results = Results { records: vec![record("cold", "pyfront", 2.0)], rounds: 1, ..Results::default() };
        let page = page(&results);
        assert!(page.contains("](performance-api.svg)"), "{page}");
        assert!(page.contains("\n| cold | pyfront | 2.00 s |  | 1.00 | 1.00 s | 1.5 MB |"), "{page}");
        assert!(page.contains("- **pyfront**: `# syntax=org/pyfront`\n"), "{page}");
    }
}
