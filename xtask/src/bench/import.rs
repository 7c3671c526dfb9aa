//! `cargo xtask bench import`: how long a program of the data stack imports what it depends on, in an image of many layers, in
//! the same files as one layer, and in the image of the hand-tuned Dockerfile. Containers take turns, and what they read is in
//! memory already: what differs is how files are found.

use anyhow::{Context as _, Result, bail};

use crate::bench::base;
use crate::bench::builder::{Builder, Cache, Order};
use crate::bench::contender::{self, PYFRONT};
use crate::bench::options::Options;
use crate::bench::report;
use crate::bench::results::{Import, Results};
use crate::bench::scenario::Scenario;
use crate::engine::Engine;
use crate::process::{capture, run};
use crate::progress::{note, step};
use crate::state::State;

const PROJECT: &str = "data";

/// All that the project depends on and that can be imported without files of its own in the home directory.
const PROGRAM: &str = "import time; before = time.perf_counter()
import boto3, celery, cryptography.x509, fastapi, matplotlib, numpy, opentelemetry.sdk.trace, pandas, polars, psycopg, pyarrow
import redis, scipy.stats, sklearn.ensemble, sqlalchemy.orm, structlog, uvicorn
print(time.perf_counter() - before)";

/// The image with the same files in one layer.
const FLAT: &str = "pyfront-bench/flat:latest";

/// How often an image is asked in a round; it takes seconds, and its noise is large in comparison.
const REPEATS: usize = 7;

/// Builds the images, measures, and adds to the results.
pub(crate) fn measure(options: &Options, engine: &Engine, results: &mut Results) -> Result<()> {
    let state = State::open()?;
    let mut builder = Builder::new(engine.clone(), None, &state)?;
    builder.reset()?;
    let mut images = Vec::new();
    for contender in contender::all(None).iter().filter(|one| [PYFRONT, "tuned"].contains(&one.name.as_str())) {
        let order = Order { project: PROJECT, contender, scenario: Scenario::Cold, turn: 1, cache: Cache::Unused };
        match step(format!("{PROJECT}: building by {}", contender.name), || builder.build(order))? {
            Ok(built) => images.push((contender.name.clone(), built.reference)),
            Err(reason) => bail!("{PROJECT} cannot be built by {}: {reason}", contender.name),
        }
    }
    let ours = images.iter().find(|(name, _)| name == PYFRONT).context("pyfront has built")?.1.clone();
    step("making one layer of it", || flatten(engine, &ours))?;
    images.push(("pyfront in one layer".to_owned(), FLAT.to_owned()));

    results.imports.clear();
    let mut seconds = vec![Vec::new(); images.len()];
    // The first time is not counted: files are read from the disk then.
    for turn in 0..=options.rounds * REPEATS {
        for at in 0..images.len() {
            let index = (turn + at) % images.len();
            let taken = time(engine, &images[index].1)?;
            if turn > 0 {
                seconds[index].push(taken);
            }
        }
    }
    for ((image, _), seconds) in images.into_iter().zip(seconds) {
        note(format!("{image}: {seconds:.2?}"));
        results.imports.push(Import { image, seconds });
    }
    run(&mut engine.docker(["image", "rm", "--force", FLAT]))?;
    builder.finish(&state)?;
    print!("{}", report::imports(results));
    Ok(())
}

/// Makes `FLAT` of an image.
fn flatten(engine: &Engine, image: &str) -> Result<()> {
    let dockerfile = format!("FROM {image} AS image\nFROM scratch\nCOPY --from=image / /\n");
    base::image(engine, FLAT, &dockerfile).context("the image in one layer does not build")
}

/// The seconds that the imports take in a fresh container.
fn time(engine: &Engine, image: &str) -> Result<f64> {
    let mut docker = engine.docker(["run", "--rm", "--network=none", "--env", "PYTHONDONTWRITEBYTECODE=1"]);
    docker.args(["--entrypoint", "/opt/venv/bin/python", image, "-c", PROGRAM]);
    let text = capture(&mut docker)?;
    text.trim().parse().with_context(|| format!("{image} printed `{text}`"))
}
