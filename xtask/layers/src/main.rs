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

use crate::simulate::{Moved, Sizes, simulate};

/// The numbers that are tried; the first line is what images are made with.
fn candidates() -> Vec<Parameters> {
    let default = Parameters::DEFAULT;
    let mut all = vec![default];
    all.extend([1, 2, 8, 16].map(|buckets| Parameters { buckets, ..default }));
    all.extend([256 << 10, 512 << 10, 2 << 20, 4 << 20].map(|big| Parameters { big, ..default }));
    all.extend([0, 8, 16, 24, 40, 48].map(|max_own| Parameters { max_own, ..default }));
    for (max_own, buckets, big) in [(40, 8, 512 << 10), (40, 16, 512 << 10), (32, 8, 2 << 20), (48, 8, 256 << 10)] {
        all.push(Parameters { max_own, buckets, big });
    }
    all
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
        "\n{:>3} {:>7} {:>7}   {:>6}   {:>9} {:>9} {:>9}   {:>9}   {:>9} {:>6}",
        "own", "buckets", "big kB", "layers", "bump", "by size", "small", "no sizes", "removal", "worst"
    );
    for parameters in candidates() {
        let [known, unknown] = [Sizes::Known, Sizes::Unknown].map(|sizes| simulate(&wheels, parameters, sizes));
        let Moved { layers, bump, bump_by_size, bump_of_tail, removal, worst } = known;
        println!(
            "{:>3} {:>7} {:>7}   {layers:>6}   {} {} {}   {}   {} {worst:>6}",
            parameters.max_own,
            parameters.buckets,
            parameters.big >> 10,
            kilobytes(bump),
            kilobytes(bump_by_size),
            kilobytes(bump_of_tail),
            kilobytes(unknown.bump),
            kilobytes(removal)
        );
    }
    println!(
        "\nbump: kB that move when one package changes, each equally often; by size: big packages more often; small: packages\n\
         below 1 MiB only; no sizes: as bump, for a lock that does not tell sizes; removal: when one package goes; worst: the\n\
         most layers that any of these changes moves."
    );
    Ok(())
}

fn kilobytes(bytes: u64) -> String {
    format!("{:>9}", bytes / 1_000)
}
