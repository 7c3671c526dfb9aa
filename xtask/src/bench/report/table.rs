//! The table: one row for each contender in each scenario. At the terminal its columns are aligned, in Markdown they are
//! cells.

use std::fmt::Write as _;

use crate::bench::contender::PYFRONT;
use crate::bench::results::{Import, Results, Summary};
use crate::bench::scenario::Scenario;

/// The column's titles.
pub(super) const TITLES: [&str; 10] =
    ["scenario", "by", "time", "spread", "× pyfront", "CPU", "pushed", "to pull", "image", "steps"];

/// Everything, for the terminal.
pub(crate) fn text(results: &Results) -> String {
    let mut text = format!(
        "\n{} on {}; {} rounds, medians. What else the machine did is not controlled; load average {}.\n",
        results.engine,
        results.machine,
        results.rounds,
        loads(results)
    );
    for project in results.projects() {
        let mut rows = vec![TITLES.map(str::to_owned)];
        rows.extend(self::rows(results, project));
        let widths: Vec<usize> = (0..TITLES.len())
            .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default())
            .collect();
        let _ = writeln!(text, "\n{project}\n");
        for row in rows {
            let mut line = String::new();
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let _ = if column < 2 { write!(line, "{cell:<width$}  ") } else { write!(line, "{cell:>width$}  ") };
            }
            let _ = writeln!(text, "{}", line.trim_end());
        }
        for one in results.not_run.iter().filter(|one| one.project == project) {
            let _ = writeln!(text, "NOT RUN: {} by {}: {}", one.scenario, one.contender, one.reason);
        }
    }
    text
}

/// What the imports took, for the terminal and for the page; nothing if they were not measured.
pub(crate) fn imports(results: &Results) -> String {
    let one_layer = results.imports.iter().find(|import| import.image.contains("one layer")).and_then(Import::median);
    let rows = results.imports.iter().filter_map(|import| {
        let median = import.median()?;
        let ratio = one_layer.map_or_else(String::new, |one_layer| format!("{:.2}", median / one_layer));
        Some(format!("| {} | {} | {ratio} | {} |\n", import.image, seconds(median), import.seconds.len()))
    });
    let rows: String = rows.collect();
    if rows.is_empty() {
        rows
    } else {
        format!("| image | imports | × one layer | times |\n|---|--:|--:|--:|\n{rows}")
    }
}

/// The rows of a project, by scenario.
pub(super) fn rows(results: &Results, project: &str) -> Vec<[String; TITLES.len()]> {
    let mut rows = Vec::new();
    for scenario in Scenario::ALL {
        let of = |contender: &str| results.summary(project, scenario.name(), contender);
        let pyfront = of(PYFRONT);
        for contender in results.contenders() {
            if let Some(summary) = of(&contender) {
                rows.push(row(scenario, &contender, &summary, pyfront.as_ref()));
            }
        }
    }
    rows
}

fn row(scenario: Scenario, contender: &str, summary: &Summary, pyfront: Option<&Summary>) -> [String; TITLES.len()] {
    let ratio = pyfront.map(|pyfront| summary.seconds / pyfront.seconds);
    [
        scenario.name().to_owned(),
        contender.to_owned(),
        seconds(summary.seconds),
        if summary.builds > 1 { format!("{:.2}–{:.2}", summary.fastest, summary.slowest) } else { String::new() },
        ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}")),
        summary.processor.map_or_else(String::new, seconds),
        bytes(summary.pushed),
        bytes(summary.pulled),
        format!("{} in {}", bytes(summary.size), summary.layers),
        summary.steps.to_string(),
    ]
}

/// The lowest and the highest load average during the run.
pub(super) fn loads(results: &Results) -> String {
    let loads = || results.records.iter().map(|record| record.load);
    let (low, high) = (loads().fold(f64::INFINITY, f64::min), loads().fold(0.0, f64::max));
    if low > high { "unknown".to_owned() } else { format!("{low:.1} to {high:.1}") }
}

pub(super) fn seconds(value: f64) -> String {
    format!("{value:.2} s")
}

/// A size as people read it.
pub(super) fn bytes(value: u64) -> String {
    match value {
        0..1_000 => format!("{value} B"),
        1_000..1_000_000 => format!("{}.{} kB", value / 1_000, value % 1_000 / 100),
        _ => format!("{}.{} MB", value / 1_000_000, value % 1_000_000 / 100_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::results::NotRun;
    use crate::bench::results::tests::record;

    #[test]
    fn a_terminal_shows_aligned_columns_and_what_was_not_run() {
        let records = vec![record("cold", "guide", 4.0), record("cold", PYFRONT, 2.0), record("cold", PYFRONT, 2.5)];
        let not_run = NotRun {
            project: "api".to_owned(),
            scenario: "arm64".to_owned(),
            contender: "guide".to_owned(),
            reason: "no emulator".to_owned(),
        };
        let results = Results { records, not_run: vec![not_run], rounds: 2, ..Results::default() };
        let text = text(&results);
        let lines: Vec<&str> =
            text.lines().filter(|line| line.starts_with("cold") || line.starts_with("NOT")).collect();
        assert_eq!(
            lines,
            [
                "cold      guide    4.00 s                  1.78  2.00 s  1.5 MB   1.5 MB  60.0 MB in 20      1",
                "cold      pyfront  2.25 s  2.00–2.50       1.00  1.12 s  1.5 MB   1.5 MB  60.0 MB in 20      1",
                "NOT RUN: arm64 by guide: no emulator",
            ]
        );
    }

    #[test]
    fn sizes_are_short() {
        assert_eq!([0, 999, 1_250, 2_345_678].map(bytes), ["0 B", "999 B", "1.2 kB", "2.3 MB"]);
    }
}
