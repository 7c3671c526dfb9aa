//! `cargo xtask registry`: a plain image registry on this machine's loopback, for tests that push. It is Debian's, out
//! of the private engine's root file system; engines reach it because they share the machine's network. The bench has one of
//! its own, since it counts what is in it.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::arguments::Arguments;
use crate::debian::remove_tree;
use crate::engine::{docker_rootfs, linked};
use crate::process::tail;
use crate::progress::step;
use crate::state::State;

/// A registry: its directory's name in the state directory, and where it answers. Loopback registries need no TLS, whatever
/// their port.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Registry {
    name: &'static str,
    pub(crate) address: &'static str,
}

/// The one of `cargo xtask registry`.
const PLAIN: Registry = Registry { name: "registry", address: "127.0.0.1:5055" };
/// The one of `cargo xtask bench`.
pub(crate) const BENCH: Registry = Registry { name: "bench-registry", address: "127.0.0.1:5056" };

/// Runs its arguments without the files that this process was started with: under `flock`, one of them is the lock, and it
/// would be held for as long as the registry lives.
const CLOSE_INHERITED: &str = "exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-; exec \"$@\"";

pub(crate) fn command(mut arguments: Arguments) -> Result<()> {
    let purge = arguments.flag("--purge");
    let word = arguments.word();
    arguments.finish()?;
    let state = State::open()?;
    match word.as_deref() {
        Some("up") => {
            PLAIN.up(&state)?;
            println!("{}", PLAIN.address);
        }
        Some("down") => PLAIN.down(&state, purge)?,
        Some("status") => println!("{} is {}", PLAIN.address, if PLAIN.answers() { "up" } else { "down" }),
        _ => bail!("say what to do with the registry: up, down or status"),
    }
    Ok(())
}

impl Registry {
    /// Where it keeps what was pushed, in the layout of the registry's file system driver.
    pub(crate) fn storage(self, state: &State) -> PathBuf {
        state.path(self.name).join("data/docker/registry/v2")
    }

    /// Makes the registry answer.
    pub(crate) fn up(self, state: &State) -> Result<()> {
        let _lock = state.lock(self.name)?;
        let directory = state.directory(self.name)?;
        if find(&directory)?.is_some() && self.answers() {
            return Ok(());
        }
        stop(&directory)?;
        let rootfs = docker_rootfs(state)?;
        let configuration = settings(&directory);
        fs::write(&configuration, self.settings_text(&directory)?)?;
        step("starting the registry", || {
            let log = directory.join("registry.log");
            let file = File::create(&log)?;
            let mut child = Command::new("setsid")
                .args(["sh", "-c", CLOSE_INHERITED, "sh"])
                .args(linked(&rootfs, "usr/bin/docker-registry"))
                .arg("serve")
                .arg(&configuration)
                .current_dir("/")
                .env("OTEL_TRACES_EXPORTER", "none")
                .stdin(Stdio::null())
                .stdout(file.try_clone()?)
                .stderr(file)
                .spawn()
                .context("cannot run setsid (package util-linux)")?;
            let began = Instant::now();
            while !self.answers() {
                if child.try_wait()?.is_some() || began.elapsed() > Duration::from_secs(20) {
                    bail!("the registry does not start:\n{}", tail(&fs::read_to_string(&log).unwrap_or_default()));
                }
                std::thread::sleep(Duration::from_millis(50));
            }
            Ok(())
        })
    }

    /// Ends it; what was pushed stays unless `purge`.
    pub(crate) fn down(self, state: &State, purge: bool) -> Result<()> {
        let directory = state.path(self.name);
        stop(&directory)?;
        if purge { remove_tree(&directory) } else { Ok(()) }
    }

    /// The registry reads YAML, of which JSON is a part.
    fn settings_text(self, directory: &Path) -> Result<String> {
        let settings = serde_json::json!({
            "version": "0.1",
            "log": { "level": "warn" },
            "storage": {
                "filesystem": { "rootdirectory": directory.join("data") },
                "delete": { "enabled": true },
            },
            "http": { "addr": self.address },
        });
        Ok(serde_json::to_string_pretty(&settings)?)
    }

    fn answers(self) -> bool {
        self.address
            .parse::<SocketAddr>()
            .is_ok_and(|address| TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok())
    }
}

fn stop(directory: &Path) -> Result<()> {
    let began = Instant::now();
    while let Some(process) = find(directory)? {
        let Some(process) = Pid::from_raw(process) else { break };
        // It may have ended in between.
        let _ = kill_process(process, Signal::TERM);
        if began.elapsed() > Duration::from_secs(10) {
            let _ = kill_process(process, Signal::KILL);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

fn settings(directory: &Path) -> PathBuf {
    directory.join("config.json")
}

/// The registry's process: the one that serves our settings.
fn find(directory: &Path) -> Result<Option<i32>> {
    let ours = settings(directory);
    for entry in fs::read_dir("/proc").context("cannot read the process table")? {
        let entry = entry?;
        let Some(process) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // A process may end while it is looked at.
        let Ok(words) = fs::read(entry.path().join("cmdline")) else { continue };
        let words: Vec<&[u8]> = words.split(|&byte| byte == 0).filter(|word| !word.is_empty()).collect();
        if words.last() == Some(&ours.as_os_str().as_encoded_bytes()) && words.contains(&b"serve".as_slice()) {
            return Ok(Some(process));
        }
    }
    Ok(None)
}
