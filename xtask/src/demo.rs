//! `cargo xtask demo`: from a fresh machine to a running container. Builds `examples/fastapi` through its `# syntax=` line,
//! starts it, asks its health endpoint, and prints what happened: layers, sizes, and how long which kind of build took.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::arguments::Arguments;
use crate::engine::Engine;
use crate::process::{capture, run};
use crate::progress::{note, step};
use crate::state::State;
use crate::workspace::root;
use crate::{image, standin};

const TAG: &str = "pyfront-demo/api";
/// The equivalent Dockerfile, and the tag that its image gets.
const DOCKERFILE: &str = include_str!("demo.Dockerfile");
const DOCKERFILE_TAG: &str = "pyfront-demo/api-by-dockerfile";
/// How often an unchanged build is measured with each.
const ROUNDS: usize = 9;
/// Asks the service from inside its container: it needs no published port, and the image needs no curl.
const ASK: &str = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:8000/health').read().decode())";

pub(crate) fn command(mut arguments: Arguments) -> Result<()> {
    let asked = arguments.value("--engine")?;
    arguments.finish()?;
    let engine = Engine::up(asked.as_deref())?;
    standin::ensure(&engine, &standin::usual())?;
    let frontend = image::build(&engine, &[])?;

    let project = project()?;
    if engine.is_private() {
        // What an earlier demo left in the build cache would make the first build look better than it is. The cache of
        // an engine that is not ours is not ours either.
        run(&mut engine.docker(["builder", "prune", "--all", "--force"]))?;
    }
    let pyproject = project.join("pyproject.toml");
    let cold = build(&engine, &project, &pyproject, TAG, "cold build")?;
    let (unchanged, by_dockerfile) = unchanged(&engine, &project, &pyproject)?;
    edit(&project)?;
    let before = layers(&engine)?;
    let code_edit = build(&engine, &project, &pyproject, TAG, "build after a code edit")?;
    let after = layers(&engine)?;

    println!("\nexamples/fastapi through `# syntax=org/pyfront`, on the {} engine\n", engine.name());
    print_history(&engine)?;
    let moved = after.iter().filter(|layer| !before.contains(layer)).count();
    println!(
        "\nlayers             {} of the base image and {} of ours",
        base_layers(&engine)?,
        after.len() - base_layers(&engine)?
    );
    if let Some(compressed) = frontend.compressed {
        println!("frontend image     {compressed} bytes compressed");
    }
    println!("cold build         {}", seconds(cold));
    println!(
        "unchanged build    {}; by an equivalent Dockerfile through the built-in frontend {}: {:.2} times as long",
        seconds(unchanged),
        seconds(by_dockerfile),
        unchanged.as_secs_f64() / by_dockerfile.as_secs_f64()
    );
    println!("code edit          {}, {moved} layer of {} moved", seconds(code_edit), after.len());
    print_config(&engine)?;
    serve(&engine)
}

/// A copy of the example, outside the checkout, so that the code edit edits nothing of yours.
fn project() -> Result<PathBuf> {
    let directory = State::open()?.directory("demo")?;
    fs::remove_dir_all(&directory)?;
    copy(&root().join("examples/fastapi"), &directory)?;
    Ok(directory)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

fn edit(project: &Path) -> Result<()> {
    let path = project.join("src/api/main.py");
    let code = fs::read_to_string(&path)?;
    fs::write(&path, code.replace("Hello from pyfront", "Hello again from pyfront"))?;
    Ok(())
}

/// Medians of unchanged builds, through pyfront and through a Dockerfile, measured in turns.
fn unchanged(engine: &Engine, project: &Path, pyproject: &Path) -> Result<(Duration, Duration)> {
    let directory = State::open()?.directory("demo-dockerfile")?;
    let dockerfile = directory.join("Dockerfile");
    fs::write(&dockerfile, DOCKERFILE)?;
    build(engine, project, &dockerfile, DOCKERFILE_TAG, "the equivalent Dockerfile")?;
    let mut ours = Vec::new();
    let mut theirs = Vec::new();
    step(format!("{ROUNDS} rounds of unchanged builds"), || -> Result<()> {
        for _ in 0..ROUNDS {
            ours.push(build(engine, project, pyproject, TAG, "unchanged build")?);
            theirs.push(build(engine, project, &dockerfile, DOCKERFILE_TAG, "unchanged build")?);
        }
        Ok(())
    })?;
    Ok((median(ours), median(theirs)))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn build(engine: &Engine, project: &Path, file: &Path, tag: &str, what: &str) -> Result<Duration> {
    let mut command = engine.docker(["buildx", "build", "--provenance=false", "--quiet", "--tag", tag, "--file"]);
    command.arg(file);
    let bundle = Path::new("/etc/ssl/certs/ca-certificates.crt");
    if bundle.exists() {
        command.arg("--secret").arg(format!("id=ca-certificates,src={}", bundle.display()));
    }
    command.arg(project);
    let began = Instant::now();
    step(what, || run(&mut command))?;
    Ok(began.elapsed())
}

fn inspect(engine: &Engine, name: &str) -> Result<Value> {
    let text = capture(&mut engine.docker(["image", "inspect", name]))?;
    let list: Value = serde_json::from_str(&text).context("`docker image inspect` prints no JSON")?;
    Ok(list[0].clone())
}

fn layers(engine: &Engine) -> Result<Vec<String>> {
    let inspect = inspect(engine, TAG)?;
    let layers = inspect["RootFS"]["Layers"].as_array().context("the image has no layers")?;
    Ok(layers.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

fn base_layers(engine: &Engine) -> Result<usize> {
    Ok(inspect(engine, "python:3.13-slim")?["RootFS"]["Layers"].as_array().map_or(0, Vec::len))
}

fn print_history(engine: &Engine) -> Result<()> {
    let history = capture(&mut engine.docker([
        "history",
        "--no-trunc",
        "--format",
        "{{.Size}}\t{{.Comment}}\t{{.CreatedBy}}",
        TAG,
    ]))?;
    for line in history.lines().rev() {
        if let [size, "pyfront.v0", created_by] = line.splitn(3, '\t').collect::<Vec<_>>()[..] {
            println!("{size:>10}  {created_by}");
        }
    }
    Ok(())
}

fn print_config(engine: &Engine) -> Result<()> {
    let config = inspect(engine, TAG)?["Config"].clone();
    println!();
    for key in ["User", "WorkingDir", "Entrypoint", "Cmd", "ExposedPorts", "Healthcheck", "Labels"] {
        println!("{key:<18} {}", config[key]);
    }
    Ok(())
}

/// Runs the image until it has answered, and prints the answer.
fn serve(engine: &Engine) -> Result<()> {
    let container = capture(&mut engine.docker(["run", "--detach", "--network=none", TAG]))?;
    let answer = step("waiting for the container's answer", || answer(engine, &container));
    let logs = capture(&mut engine.docker(["logs", &container])).unwrap_or_default();
    // Whatever came of it, nothing is left running.
    let _ = capture(&mut engine.docker(["rm", "--force", &container]));
    let answer = answer.with_context(|| format!("the container's log:\n{logs}"))?;
    println!("\nGET /health        {answer}");
    note("done; build and run your own: eval \"$(cargo xtask engine env)\"");
    Ok(())
}

fn answer(engine: &Engine, container: &str) -> Result<String> {
    let began = Instant::now();
    loop {
        let ask: &mut Command = &mut engine.docker(["exec", container, "python", "-c", ASK]);
        match capture(ask) {
            Ok(answer) => return Ok(answer),
            Err(error) if began.elapsed() > Duration::from_mins(1) => bail!("no answer within a minute: {error:#}"),
            Err(_) => std::thread::sleep(Duration::from_millis(250)),
        }
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}
