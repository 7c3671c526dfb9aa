//! Runs several programs at once, and keeps apart what they print: each line begins with the name of the program that it is of, and
//! with the seconds that have passed since that began.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context as _, Result};

use crate::process::describe;
use crate::progress::note;

/// A program, and what its lines begin with.
pub(crate) struct Program {
    pub(crate) name: String,
    pub(crate) command: Command,
}

/// A program that failed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failed {
    pub(crate) name: String,
    /// The tests of it that failed, as Rust's test harness prints their names.
    pub(crate) tests: Vec<String>,
}

/// Runs programs, `at_once` of them at a time, in their order. Every one of them is run to its end, whatever becomes of the others:
/// a person who mends one thing wants to know of the rest. Returns those that failed.
pub(crate) fn run(programs: Vec<Program>, at_once: usize) -> Result<Vec<Failed>> {
    let width = programs.iter().map(|program| program.name.len()).max().unwrap_or(0);
    let waiting = Mutex::new(programs.into_iter());
    let work = || {
        let mut failed = Vec::new();
        loop {
            let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some(Program { name, command }) = next else { return anyhow::Ok(failed) };
            let began = Instant::now();
            let (passed, tests) = labelled(&format!("{name:<width$}"), command)?;
            let result = if passed { "passed" } else { "failed" };
            note(format!("== {name}: {result} in {:.0?}", began.elapsed()));
            if !passed {
                failed.push(Failed { name, tests });
            }
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..at_once).map(|_| scope.spawn(work)).collect();
        let mut failed = Vec::new();
        for worker in workers {
            let result = worker.join().map_err(|_| anyhow::anyhow!("running programs side by side panicked"))?;
            failed.extend(result?);
        }
        Ok(failed)
    })
}

/// Runs a program with a label and the time before each line that it prints, on whichever of its streams. Says whether it ended well,
/// and which of its tests did not.
fn labelled(label: &str, mut command: Command) -> Result<(bool, Vec<String>)> {
    let what = describe(&command);
    let (lines, output) = std::io::pipe()?;
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    let mut child = command.spawn().with_context(|| format!("cannot run `{what}`"))?;
    // It holds the pipe's other end, too: without that the lines never end.
    drop(command);
    let (mut failed, began) = (Vec::new(), Instant::now());
    for line in BufReader::new(lines).split(b'\n') {
        let line = line?;
        failed.extend(failed_test(&line));
        // In one piece, so that lines of several programs do not mix.
        let label = format!("{label} {:>4} | ", began.elapsed().as_secs());
        std::io::stdout().write_all(&[label.as_bytes(), &line, b"\n"].concat())?;
    }
    Ok((child.wait()?.success(), failed))
}

/// The name of the test that a line of Rust's test harness says to have failed.
fn failed_test(line: &[u8]) -> Option<String> {
    let name = line.strip_prefix(b"test ")?.strip_suffix(b" ... FAILED")?;
    String::from_utf8(name.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(name: &str, script: String) -> Program {
        let mut command = Command::new("sh");
        command.arg("-c").arg(script);
        Program { name: name.to_owned(), command }
    }

    /// Each of the first two waits until the other one runs; both end, though one fails, and so the third is run.
    #[test]
    fn two_run_at_once_and_those_that_failed_are_named() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name).display().to_string();
        let meet = |mine: &str, other: &str| {
            format!("touch '{}'; until test -e '{}'; do sleep 0.01; done", at(mine), at(other))
        };
        let programs = vec![
            shell("first", meet("first", "second")),
            shell(
                "second",
                format!("{}; echo 'test a::b ... ok'; echo 'test a::c ... FAILED'; exit 1", meet("second", "first")),
            ),
            shell("third", format!("touch '{}'", at("third"))),
        ];
        let failed = Failed { name: "second".to_owned(), tests: vec!["a::c".to_owned()] };
        assert_eq!(run(programs, 2).unwrap(), [failed]);
        assert!(directory.path().join("third").exists());
    }
}
