//! How long the largest lock takes, and how much memory: `cargo bench --bench lock`. Each run is a process of its own, as in
//! a build, and what it says is compared with the bars.

// A program that prints, and has nobody to hand an error to.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

#[expect(dead_code, reason = "this bench needs no pyproject.toml")]
mod largest;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use std::{env, fs};

use pyfront::closure::{Arch, Libc, Python, Request, Target, resolve};
use pyfront::diagnostic::SourceFile;
use pyfront::project::lock::Lock;

const RUNS: usize = 21;
const TIME_BAR: Duration = Duration::from_millis(60);
/// In KiB.
const MEMORY_BAR: u64 = 60 * 1024;

fn main() {
    let arguments: Vec<String> = env::args().collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [_, "once", path] => once(Path::new(path)),
        [_, "write", path] => fs::write(path, largest::lock()).unwrap(),
        _ => all(),
    }
}

/// Reads and resolves, and prints the times of both in microseconds, the time on the processor, which other programs on
/// the machine change less, and the greatest memory in KiB.
fn once(path: &Path) {
    let python = Python::new("3.13.5", false).unwrap();
    let target = Target { python, arch: Arch::X86_64, libc: Libc::Glibc { major: 2, minor: 36 } };
    let begin = Instant::now();
    let lock = Lock::read(&SourceFile::new("uv.lock", fs::read_to_string(path).unwrap())).unwrap();
    let read = begin.elapsed();
    let closure = resolve(&lock, &Request::default(), &target).unwrap();
    let resolved = begin.elapsed().saturating_sub(read);
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let memory = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let memory = memory.trim_end_matches("kB").trim();
    // Nanoseconds on the processor since the process began.
    let processor = fs::read_to_string("/proc/self/schedstat").unwrap();
    let processor: u64 = processor.split_whitespace().next().unwrap().parse().unwrap();
    println!("{} {} {} {memory} {}", read.as_micros(), resolved.as_micros(), processor / 1000, closure.packages.len());
}

fn all() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("uv.lock");
    let text = largest::lock();
    fs::write(&path, &text).unwrap();
    println!(
        "{:.1} MB, {} packages, {} wheels, {} conflict markers",
        Duration::from_micros(text.len() as u64).as_secs_f64(),
        text.matches("[[package]]").count(),
        text.matches(".whl\"").count(),
        text.matches("marker = \"extra").count(),
    );
    let mut columns: [Vec<u64>; 4] = Default::default();
    let mut installed = String::new();
    for _ in 0..RUNS {
        let output = Command::new(env::current_exe().unwrap()).arg("once").arg(&path).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let line = String::from_utf8(output.stdout).unwrap();
        let mut words = line.split_whitespace();
        for column in &mut columns {
            column.push(words.next().unwrap().parse().unwrap());
        }
        words.next().unwrap().clone_into(&mut installed);
    }
    let [read, resolved, processor, memory] = columns.map(|mut column| {
        column.sort_unstable();
        (column[0], column[RUNS / 2], column[RUNS - 1])
    });
    let milliseconds = |micros: u64| format!("{:.1} ms", Duration::from_micros(micros).as_secs_f64() * 1e3);
    for (what, (least, median, most)) in [("read", read), ("resolve", resolved), ("CPU", processor)] {
        println!(
            "{what:8} median {:>9} (least {}, most {})",
            milliseconds(median),
            milliseconds(least),
            milliseconds(most)
        );
    }
    let verdict = |good| if good { "within" } else { "ABOVE" };
    let whole = read.1 + resolved.1;
    println!(
        "together median {:>9}, {} the bar of {TIME_BAR:?}; {installed} packages are installed",
        milliseconds(whole),
        verdict(Duration::from_micros(whole) <= TIME_BAR),
    );
    println!(
        "memory   at most {} MiB, {} the bar of {} MiB",
        memory.2 / 1024,
        verdict(memory.2 <= MEMORY_BAR),
        MEMORY_BAR / 1024
    );
}
