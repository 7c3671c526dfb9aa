//! Running other programs: what they print is kept, and when one fails, the end of it is part of the error.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// How many lines of a failed program's output belong in an error.
const TAIL: usize = 15;

/// Runs a program and returns what it printed on stdout, without the line end.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| cannot_start(command))?;
    text_of(command, output)
}

/// Runs a program whose output nobody needs unless it fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    capture(command).map(drop)
}

/// Runs a program with its output in a file; an error quotes the end of that file.
pub(crate) fn run_logged(command: &mut Command, log: &Path) -> Result<()> {
    let file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    let status = command
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file)
        .status()
        .with_context(|| cannot_start(command))?;
    if !status.success() {
        let text = std::fs::read_to_string(log).unwrap_or_default();
        bail!("`{}` failed ({status}), log in {}:\n{}", describe(command), log.display(), tail(&text));
    }
    Ok(())
}

/// Whether a program ends well, and within `limit`. What it prints is thrown away.
pub(crate) fn succeeds(command: &mut Command, limit: Duration) -> bool {
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let Ok(mut child) = child else { return false };
    let deadline = Instant::now() + limit;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(20)),
            _ => {
                // It is given up either way.
                let _ = child.kill();
                let _ = child.wait();
                return false;
            }
        }
    }
}

/// The last lines of a text.
pub(crate) fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(TAIL)..].iter().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}

/// A command as a person would type it.
pub(crate) fn describe(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

fn text_of(command: &Command, output: Output) -> Result<String> {
    if !output.status.success() {
        let mut text = String::from_utf8_lossy(&output.stderr).into_owned();
        if text.trim().is_empty() {
            text = String::from_utf8_lossy(&output.stdout).into_owned();
        }
        bail!("`{}` failed ({}):\n{}", describe(command), output.status, tail(&text));
    }
    let text = String::from_utf8(output.stdout)
        .with_context(|| format!("`{}` printed something that is not UTF-8", describe(command)))?;
    Ok(text.trim_end().to_owned())
}

fn cannot_start(command: &Command) -> String {
    format!("cannot run `{}`", command.get_program().to_string_lossy())
}
