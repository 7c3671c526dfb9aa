//! What was measured, as it is kept in a JSON file, and the medians that reports are made of.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

/// A run of the bench.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Results {
    /// The day, the commit, the engine and the machine, in words.
    pub(crate) date: String,
    pub(crate) commit: String,
    pub(crate) engine: String,
    pub(crate) machine: String,
    pub(crate) rounds: usize,
    pub(crate) records: Vec<Record>,
    pub(crate) not_run: Vec<NotRun>,
    /// What `bench import` has measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) imports: Vec<Import>,
}

/// How long the imports of an image take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Import {
    pub(crate) image: String,
    /// Each time that was counted.
    pub(crate) seconds: Vec<f64>,
}

impl Import {
    /// The middle one.
    pub(crate) fn median(&self) -> Option<f64> {
        let mut seconds = self.seconds.clone();
        seconds.sort_by(f64::total_cmp);
        median(&seconds)
    }
}

/// One build.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) project: String,
    pub(crate) scenario: String,
    pub(crate) contender: String,
    pub(crate) round: usize,
    /// From the start of buildx until the image is in the registry.
    pub(crate) seconds: f64,
    /// Seconds on the processor, of the engine and of all that it ran; other programs on the machine change them less.
    #[serde(default)]
    pub(crate) processor: Option<f64>,
    /// Bytes that are new in the registry.
    pub(crate) pushed: u64,
    /// Bytes that a node with the image before the change has to pull.
    pub(crate) pulled: u64,
    /// The image's compressed size in bytes, base included.
    pub(crate) size: u64,
    /// The image's layers, base included.
    pub(crate) layers: usize,
    /// The names of the steps that ran.
    pub(crate) steps: Vec<String>,
    /// The machine's load average over a minute when the build began; what else ran is not controlled.
    pub(crate) load: f64,
}

/// What could not be measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct NotRun {
    pub(crate) project: String,
    pub(crate) scenario: String,
    pub(crate) contender: String,
    pub(crate) reason: String,
}

/// The records of one contender in one scenario.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Summary {
    pub(crate) builds: usize,
    pub(crate) seconds: f64,
    pub(crate) fastest: f64,
    pub(crate) slowest: f64,
    pub(crate) processor: Option<f64>,
    pub(crate) pushed: u64,
    pub(crate) pulled: u64,
    pub(crate) size: u64,
    pub(crate) layers: usize,
    pub(crate) steps: usize,
}

impl Results {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("{} holds no results", path.display()))
    }

    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
    }

    /// The medians of one contender in one scenario.
    pub(crate) fn summary(&self, project: &str, scenario: &str, contender: &str) -> Option<Summary> {
        let ours = |record: &&Record| {
            record.project == project && record.scenario == scenario && record.contender == contender
        };
        let records: Vec<&Record> = self.records.iter().filter(ours).collect();
        let mut seconds: Vec<f64> = records.iter().map(|record| record.seconds).collect();
        seconds.sort_by(f64::total_cmp);
        let mut processor: Vec<f64> = records.iter().filter_map(|record| record.processor).collect();
        processor.sort_by(f64::total_cmp);
        let of = |value: fn(&Record) -> u64| {
            let mut values: Vec<u64> = records.iter().map(|record| value(record)).collect();
            values.sort_unstable();
            values.get(values.len() / 2).copied()
        };
        let count = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
        Some(Summary {
            builds: records.len(),
            seconds: median(&seconds)?,
            fastest: *seconds.first()?,
            slowest: *seconds.last()?,
            processor: median(&processor),
            pushed: of(|record| record.pushed)?,
            pulled: of(|record| record.pulled)?,
            size: of(|record| record.size)?,
            layers: count(of(|record| record.layers as u64)?),
            steps: count(of(|record| record.steps.len() as u64)?),
        })
    }

    /// Whether a contender was found not to run in a scenario.
    pub(crate) fn gave_up(&self, project: &str, scenario: &str, contender: &str) -> Option<&NotRun> {
        self.not_run.iter().find(|one| one.project == project && one.scenario == scenario && one.contender == contender)
    }

    /// The projects of which anything is known.
    pub(crate) fn projects(&self) -> Vec<&str> {
        let mut projects: Vec<&str> = Vec::new();
        let all = self.records.iter().map(|record| &record.project).chain(self.not_run.iter().map(|one| &one.project));
        for project in all {
            if !projects.contains(&project.as_str()) {
                projects.push(project);
            }
        }
        projects
    }

    /// The contenders that built anything, in the order in which they are listed.
    pub(crate) fn contenders(&self) -> Vec<String> {
        let everyone = crate::bench::contender::all(Some(""));
        let built = |name: &String| self.records.iter().any(|record| record.contender == *name);
        everyone.into_iter().map(|contender| contender.name).filter(built).collect()
    }
}

/// The middle of sorted values, or the mean of the two in the middle.
fn median(sorted: &[f64]) -> Option<f64> {
    let middle = sorted.len() / 2;
    match sorted.len() % 2 {
        1 => sorted.get(middle).copied(),
        _ => Some(f64::midpoint(*sorted.get(middle.checked_sub(1)?)?, *sorted.get(middle)?)),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn record(scenario: &str, contender: &str, seconds: f64) -> Record {
        Record {
            project: "api".to_owned(),
            scenario: scenario.to_owned(),
            contender: contender.to_owned(),
            round: 1,
            seconds,
            processor: Some(seconds / 2.0),
            pushed: 1_500_000,
            pulled: 1_500_000,
            size: 60_000_000,
            layers: 20,
            steps: vec!["[deps] install idna".to_owned()],
            load: 0.5,
        }
    }

    #[test]
    fn the_median_does_not_care_for_outliers() {
        let seconds = [2.0, 1.0, 60.0];
        let records = seconds.map(|seconds| record("cold", "pyfront", seconds)).to_vec();
        let results = Results { records, ..Results::default() };
        let summary = results.summary("api", "cold", "pyfront").unwrap();
        assert_eq!((summary.builds, summary.steps), (3, 1));
        let times = [summary.fastest, summary.seconds, summary.slowest].map(|seconds| format!("{seconds}"));
        assert_eq!(times, ["1", "2", "60"]);
        assert_eq!(results.summary("api", "cold", "guide"), None);
        assert_eq!(median(&[1.0, 2.0]), Some(1.5));
        assert_eq!(median(&[]), None);
    }
}
