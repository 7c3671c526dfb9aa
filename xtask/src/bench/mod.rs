//! `cargo xtask bench`: how long builds take and how many bytes they move, by pyfront and by Dockerfiles, on the same engine
//! in the same run. Contenders take turns in every round, in another order each time, and medians are reported: what else the
//! machine does meanwhile is not controlled, and should hit all alike.

mod base;
mod builder;
mod contender;
mod contents;
mod emulator;
mod import;
mod layers;
mod log;
mod options;
mod project;
mod report;
mod results;
mod scenario;
mod synthetic;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Result, bail};

use self::builder::{Builder, Built, Cache, Order};
use self::contender::Contender;
use self::contents::{Blobs, added};
use self::options::Options;
use self::results::{NotRun, Record, Results};
use self::scenario::Scenario;
use crate::arguments::Arguments;
use crate::engine::{Engine, describe};
use crate::process::capture;
use crate::progress::{note, step};
use crate::state::State;
use crate::workspace::root;
use crate::{image, standin};

/// How often a build that has nothing to do is repeated in a round: it is short, and its noise is large in comparison.
const REPEATS: usize = 3;

pub(crate) fn command(mut arguments: Arguments) -> Result<()> {
    let options = Options::take(&mut arguments)?;
    match arguments.word().as_deref() {
        None => {
            arguments.finish()?;
            measure(&options)
        }
        Some("import") => {
            arguments.finish()?;
            measure_imports(&options)
        }
        Some("layers") => layers::command(arguments),
        Some("render") => {
            arguments.finish()?;
            report::render()
        }
        Some(other) => bail!("`bench {other}` is not known; take import, layers, render, or no word at all"),
    }
}

/// The engine to measure on. Its images and the frontend are there.
fn engine(options: &Options) -> Result<Engine> {
    let engine = Engine::choose(options.engine.as_deref())?;
    if !engine.is_private() {
        bail!(
            "the bench empties the build cache, and this engine's is yours: name a private one, as in --engine containerd"
        );
    }
    let engine = Engine::up(options.engine.as_deref())?;
    prepare(&engine, options)?;
    Ok(engine)
}

/// Loads what an engine cannot pull.
fn prepare(engine: &Engine, options: &Options) -> Result<()> {
    standin::ensure(engine, &standin::usual())?;
    if !options.keep_frontend {
        image::build(engine, &[])?;
    }
    if options.scenarios.contains(&Scenario::Arm64) && engine.has_containerd_store() {
        standin::ensure(engine, &[standin::SEVERAL_PLATFORMS, standin::UV_FOR_ARM64])?;
    }
    if options.scenarios.contains(&Scenario::BaseBump) {
        step("making the later base image", || base::prepare(engine))?;
    }
    Ok(())
}

/// What was measured before, when it is to be kept, under today's headline.
fn begin(options: &Options, engine: &Engine, json: &Path) -> Result<Results> {
    let earlier = if options.append && json.exists() { Results::read(json)? } else { Results::default() };
    Ok(Results {
        date: capture(Command::new("date").args(["--utc", "+%F"]))?,
        commit: capture(Command::new("git").args(["rev-parse", "--short", "HEAD"]).current_dir(root()))
            .unwrap_or_default(),
        engine: format!("{} ({})", engine.name(), describe(engine)?),
        machine: report::machine(),
        rounds: options.rounds,
        ..earlier
    })
}

fn measure_imports(options: &Options) -> Result<()> {
    let engine = engine(options)?;
    let json = options.json.clone().unwrap_or(State::open()?.directory("bench")?.join("results.json"));
    let mut results = begin(options, &engine, &json)?;
    import::measure(options, &engine, &mut results)?;
    results.write(&json)?;
    note(format!("results are in {}", json.display()));
    if options.write_docs { report::write_docs(&results) } else { Ok(()) }
}

fn measure(options: &Options) -> Result<()> {
    let began = Instant::now();
    let state = State::open()?;
    let engine = engine(options)?;
    let fallback = options.contenders.iter().any(|contender| contender.on_fallback);
    let fallback = fallback.then(|| Engine::up(Some("graphdriver"))).transpose()?;
    if let Some(fallback) = &fallback {
        prepare(fallback, options)?;
    }
    let synthetic = options.projects.iter().any(|project| project == synthetic::NAME);
    let _served = synthetic.then(|| synthetic::Served::new(&engine)).transpose()?;
    let json = options.json.clone().unwrap_or(state.directory("bench")?.join("results.json"));
    let mut run = Run {
        results: begin(options, &engine, &json)?,
        builder: Builder::new(engine, fallback, &state)?,
        options,
        turn: 0,
        json,
    };
    for project in &options.projects {
        // What goes wrong in one part must not lose the others.
        for round in 1..=options.rounds {
            if let Err(error) = run.changes(project, round) {
                note(format!("round {round} of {project} ended early: {error:#}"));
            }
        }
        if let Err(error) = run.repetitions(project) {
            note(format!("the repetitions of {project} ended early: {error:#}"));
        }
    }
    let Run { results, builder, json, .. } = run;
    results.write(&json)?;
    if let Err(error) = builder.finish(&state) {
        note(format!("the bench could not tidy up: {error:#}"));
    }
    print!("{}", report::text(&results));
    note(format!("results are in {}; the bench took {:.0?}", json.display(), began.elapsed()));
    if options.write_docs {
        report::write_docs(&results)?;
    }
    Ok(())
}

/// A run under way.
struct Run<'a> {
    builder: Builder,
    results: Results,
    options: &'a Options,
    /// Counts builds, so that no two edits are the same.
    turn: usize,
    /// Where results are written, after every build: a run that is stopped leaves what it has measured.
    json: PathBuf,
}

impl Run<'_> {
    fn scenarios(&self, repeatable: bool) -> Vec<Scenario> {
        self.options.scenarios.iter().copied().filter(|scenario| scenario.repeatable() == repeatable).collect()
    }

    /// One round of the scenarios that need caches which have not seen the change: each contender in turn begins with nothing.
    fn changes(&mut self, project: &str, round: usize) -> Result<()> {
        let scenarios = self.scenarios(false);
        if scenarios.is_empty() {
            return Ok(());
        }
        let options = self.options;
        for contender in rotated(&options.contenders, round) {
            self.builder.reset()?;
            let first = self.build(project, contender, Scenario::Cold, Cache::Unused)?;
            let Some(first) = first else { continue };
            let known = first.image.blobs.clone();
            if scenarios.contains(&Scenario::Cold) {
                // A node that has nothing pulls everything.
                self.record(project, contender, Scenario::Cold, round, first, &Blobs::new())?;
            }
            for scenario in scenarios.iter().copied().filter(|scenario| *scenario != Scenario::Cold) {
                if self.results.gave_up(project, scenario.name(), &contender.name).is_some() {
                    continue;
                }
                // As cold as the first one: a builder that has made neither.
                if scenario == Scenario::Arm64 {
                    self.builder.reset()?;
                }
                let imports = matches!(scenario, Scenario::CacheImport | Scenario::CacheImportEdit);
                if imports && !self.export(project, contender, scenario)? {
                    continue;
                }
                let cache = if imports { Cache::Import } else { Cache::Unused };
                if let Some(built) = self.build(project, contender, scenario, cache)? {
                    self.record(project, contender, scenario, round, built, &known)?;
                }
            }
        }
        Ok(())
    }

    /// All rounds of the scenarios that can be repeated on warm caches, scenario by scenario: builds that are compared follow
    /// each other at once.
    fn repetitions(&mut self, project: &str) -> Result<()> {
        let scenarios = self.scenarios(true);
        if scenarios.is_empty() {
            return Ok(());
        }
        self.builder.reset()?;
        let options = self.options;
        let mut ready: Vec<(&Contender, Blobs)> = Vec::new();
        for contender in &options.contenders {
            if let Some(built) = self.build(project, contender, Scenario::Cold, Cache::Unused)? {
                ready.push((contender, built.image.blobs));
            }
        }
        for scenario in scenarios {
            let repeats = if scenario == Scenario::Unchanged { REPEATS } else { 1 };
            for repeat in 0..options.rounds * repeats {
                for (contender, known) in rotated(&ready, repeat) {
                    if let Some(built) = self.build(project, contender, scenario, Cache::Unused)? {
                        self.record(project, contender, scenario, repeat / repeats + 1, built, known)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Puts the cache of the unchanged project into the registry, and makes the builder a fresh one. What was imported here before
    /// would not be exported as a whole: of that the builder knows only what it has needed.
    fn export(&mut self, project: &str, contender: &Contender, scenario: Scenario) -> Result<bool> {
        self.builder.forget(contender)?;
        let order = Order { project, contender, scenario: Scenario::Cold, turn: 0, cache: Cache::Export };
        let exported =
            step(format!("{project}: exporting the cache of {}", contender.name), || self.builder.build(order));
        if let Err(reason) = exported.unwrap_or_else(|error| Err(format!("{error:#}"))) {
            self.give_up(project, contender, scenario, format!("the cache cannot be exported: {reason}"))?;
            return Ok(false);
        }
        self.builder.forget(contender)?;
        Ok(true)
    }

    fn build(
        &mut self,
        project: &str,
        contender: &Contender,
        scenario: Scenario,
        cache: Cache,
    ) -> Result<Option<Built>> {
        self.turn += 1;
        let order = Order { project, contender, scenario, turn: self.turn, cache };
        let label = format!("{project}: {} by {}", scenario.name(), contender.name);
        match step(label, || self.builder.build(order)).unwrap_or_else(|error| Err(format!("{error:#}"))) {
            Ok(built) => Ok(Some(built)),
            Err(reason) => {
                self.give_up(project, contender, scenario, reason)?;
                Ok(None)
            }
        }
    }

    fn give_up(&mut self, project: &str, contender: &Contender, scenario: Scenario, reason: String) -> Result<()> {
        note(format!("NOT RUN: {project}, {} by {}: {reason}", scenario.name(), contender.name));
        self.results.not_run.push(NotRun {
            project: project.to_owned(),
            scenario: scenario.name().to_owned(),
            contender: contender.name.clone(),
            reason,
        });
        self.results.write(&self.json)
    }

    fn record(
        &mut self,
        project: &str,
        contender: &Contender,
        scenario: Scenario,
        round: usize,
        built: Built,
        known: &Blobs,
    ) -> Result<()> {
        note(format!("{project}: {} by {}: {:.2} s", scenario.name(), contender.name, built.seconds));
        self.results.records.push(Record {
            project: project.to_owned(),
            scenario: scenario.name().to_owned(),
            contender: contender.name.clone(),
            round,
            seconds: built.seconds,
            processor: built.processor,
            pushed: built.pushed,
            pulled: added(known, &built.image.blobs),
            size: built.image.size(),
            layers: built.image.layers,
            steps: built.steps,
            load: report::load(),
        });
        self.results.write(&self.json)
    }
}

/// The items from another one on in every round, so that nobody is always the first.
fn rotated<T>(items: &[T], round: usize) -> impl Iterator<Item = &T> {
    let start = if items.is_empty() { 0 } else { round % items.len() };
    items.iter().cycle().skip(start).take(items.len())
}

#[cfg(test)]
mod tests {
    use super::rotated;

    #[test]
    fn everyone_has_a_turn_in_every_round() {
        let of = |round| rotated(&["a", "b", "c"], round).copied().collect::<String>();
        assert_eq!([of(0), of(1), of(2), of(3)], ["abc", "bca", "cab", "abc"]);
        assert_eq!(rotated::<u8>(&[], 2).count(), 0);
    }
}
