//! How long the frontend's process takes from its start until it asks for the image's graph, how long it works until then, and
//! how much memory it has: `cargo bench --bench frontend`. The daemon is a fake in this process, over real pipes. What its
//! answers cost is in the time, and not in the work.

// A program that prints, and has nobody to hand an error to.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

mod largest;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use buildkit_frontend::testing::{Call, FakeDaemon, FakeImage};

const RUNS: usize = 21;
/// In KiB.
const MEMORY_BAR: u64 = 40 * 1024;
const BASE: &str = r##"{"architecture":"amd64","os":"linux","config":{"Env":["PATH=/usr/local/bin:/usr/bin:/bin",
"PYTHON_VERSION=3.13.5"]},"rootfs":{"type":"layers","diff_ids":["sha256:aa"]},
"history":[{"created_by":"# debian.sh --arch 'amd64' out/ 'bookworm' '@1751241600'"}]}"##;
const SETTINGS: &str = "[tool.pyfront]\ncommand = [\"python\", \"-V\"]\nlocked = false\n";

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    println!("             first Solve   image's graph   work until then   whole process   memory");
    for (name, directory) in [("api", "xtask/bench-projects/api"), ("data stack", "xtask/bench-projects/data")] {
        let mut files = BTreeMap::new();
        read(&root.join(directory), "", &mut files);
        measure(name, files, Duration::from_millis(30));
    }
    let mut files = BTreeMap::from([("uv.lock".to_owned(), largest::lock())]);
    for index in 0..largest::MEMBERS {
        let settings = if index == 0 { SETTINGS } else { "" };
        let text = format!("{}{settings}", largest::pyproject(index));
        files.insert(format!("{}pyproject.toml", largest::directory(index)), text);
    }
    measure("555 packages", files, Duration::from_millis(150));
}

fn read(root: &Path, prefix: &str, files: &mut BTreeMap<String, String>) {
    for entry in root.join(prefix).read_dir().unwrap() {
        let entry = entry.unwrap();
        let path = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            read(root, &format!("{path}/"), files);
        } else {
            files.insert(path, std::fs::read_to_string(entry.path()).unwrap());
        }
    }
}

fn measure(name: &str, files: BTreeMap<String, String>, bar: Duration) {
    let daemon = FakeDaemon::new()
        .option("filename", "pyproject.toml")
        .local("dockerfile", files.clone())
        .local("context", files)
        .image("python:3.13-slim", FakeImage::new(BASE))
        .image("astral/uv:0.13.8", FakeImage::new(r#"{"architecture":"amd64","os":"linux"}"#));
    let mut columns: [Vec<Duration>; 4] = Default::default();
    let mut memory = 0;
    for _ in 0..RUNS {
        let outcome = daemon.run(env!("CARGO_BIN_EXE_pyfront"));
        outcome.result();
        let calls = outcome.received.iter().zip(outcome.arrivals.iter().zip(&outcome.processor_times));
        let solves: Vec<_> = calls.filter(|(call, _)| **call == Call::Solve).map(|(_, times)| times).collect();
        // The last one asks which libraries the image lacks.
        let graph = solves[solves.len() - 2];
        columns[0].push(*solves[0].0);
        columns[1].push(*graph.0);
        columns[2].push(*graph.1);
        columns[3].push(outcome.duration);
        memory = memory.max(outcome.peak_memory.unwrap_or_default());
    }
    let [first, graph, work, whole] = columns.map(|mut column| {
        column.sort_unstable();
        column[RUNS / 2]
    });
    let verdict = |good| if good { "within" } else { "ABOVE" };
    let [first, graph, work, whole] = [first, graph, work, whole].map(|time| time.as_secs_f64() * 1e3);
    println!(
        "{name:12} {first:>8.1} ms {graph:>12.1} ms {work:>14.1} ms {whole:>12.1} ms {:>5} MiB; {} the bar of {bar:?} for the \
         graph, {} that of {} MiB",
        memory / 1024,
        verdict(graph <= bar.as_secs_f64() * 1e3),
        verdict(memory <= MEMORY_BAR),
        MEMORY_BAR / 1024,
    );
}
