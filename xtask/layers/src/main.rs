//! `cargo xtask bench layers`: what the numbers in the layer planner mean for real locks. Every package of a closure is bumped,
//! and removed, once; what has to move then is the layers that are different afterwards. Sizes are those of the wheels: what
//! they become in a layer is about proportional.
//!
//! Without arguments it reads the bench's projects; arguments are directories (or lock files) to read instead.

#![allow(clippy::print_stdout)]

mod read;
mod simulate;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use pyfront::plan::layers::Parameters;

use crate::simulate::{Moved, Rule, Sizes, simulate};

/// The numbers that are tried; the first line is what images are made with.
fn candidates() -> Vec<Rule> {
    let default = Parameters::default();
    let mut all = vec![default];
    all.extend([0, 8, 16, 26].map(|own| Parameters { own, ..default }));
    all.extend([1 << 20, 4 << 20, 8 << 20].map(|large| Parameters { large, ..default }));
    all.extend([2, 8, 16].map(|medium_slots| Parameters { medium_slots, ..default }));
    all.extend([64 << 10, 256 << 10, 512 << 10].map(|medium| Parameters { medium, ..default }));
    all.extend([2, 6, 12].map(|small_slots| Parameters { small_slots, ..default }));
    let both = [(3, 2), (4, 3), (8, 6), (16, 12)];
    all.extend(both.map(|(medium_slots, small_slots)| Parameters { medium_slots, small_slots, ..default }));
    // Two sizes only.
    all.extend([4, 8, 16].map(|small_slots| Parameters {
        own: 32,
        large: 1 << 20,
        medium: 1 << 20,
        medium_slots: small_slots,
        small_slots,
        ..default
    }));
    let mut rules: Vec<Rule> = all.into_iter().map(Rule::Places).collect();
    rules.extend([(32, 8), (48, 8)].map(|(large_slots, small_slots)| Rule::Slots { large_slots, small_slots }));
    rules.push(Rule::Names(40));
    rules
}

fn main() -> ExitCode {
    let mut paths: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    if paths.is_empty() {
        let projects = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("bench-projects");
        paths = ["api", "api/second", "data", "data/second"].map(|name| projects.join(name)).to_vec();
    }
    match paths.iter().try_for_each(|path| report(path)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn report(path: &Path) -> Result<()> {
    let wheels = read::wheels(path)?;
    let total: u64 = wheels.iter().map(|wheel| wheel.size).sum();
    println!(
        "\n{}: {} wheels, {} MB{}",
        path.display(),
        wheels.len(),
        total / 1_000_000,
        match wheels.iter().filter(|wheel| wheel.guessed).count() {
            0 => String::new(),
            unknown => format!(" ({unknown} without a size, counted as 100 kB or, if compiled, 1 MB)"),
        }
    );
    println!(
        "\n{:>4} {:>9} {:>9}   {:>6}   {:>9} {:>9} {:>9}   {:>9}   {:>9} {:>6} {:>6}   {:>6}",
        "own",
        "medium",
        "small",
        "layers",
        "bump",
        "by size",
        "small",
        "no sizes",
        "removal",
        "others",
        "worst",
        "alone"
    );
    for rule in candidates() {
        let [known, unknown] = [Sizes::Known, Sizes::Unknown].map(|sizes| simulate(&wheels, rule, sizes));
        let Moved { layers, bump, bump_by_size, bump_of_tail, removal, others, worst, alone } = known;
        println!(
            "{}   {layers:>6}   {} {} {}   {}   {} {others:>5.1}% {worst:>6}   {alone:>5.0}%",
            rule.columns(),
            kilobytes(bump),
            kilobytes(bump_by_size),
            kilobytes(bump_of_tail),
            kilobytes(unknown.bump),
            kilobytes(removal)
        );
    }
    println!(
        "\nown: how many wheels can be alone, and from which size on; medium, small: slots for the others, and from which size\n\
         on. \"slots\": large wheels are dealt to slots as well; \"names\": so is everything, whatever its size.\n\
         bump: kB that move when one package changes, each equally often; by size: big packages more often; small: packages\n\
         below 1 MiB only; no sizes: as bump, for a lock that does not tell sizes; removal: when one package goes; others: how\n\
         many changes (bumps to four fifths and five quarters of the size, removals) move more than one layer; worst: the most\n\
         layers that any of them moves; alone: how many of the wheels of 8 MiB and more have a layer to themselves."
    );
    Ok(())
}

fn kilobytes(bytes: u64) -> String {
    format!("{:>9}", bytes / 1_000)
}
