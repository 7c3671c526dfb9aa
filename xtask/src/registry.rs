//! `cargo xtask registry`: a plain image registry on this machine's loopback, for tests that push. It is Debian's, out
//! of the private engine's root file system; engines reach it because they share the machine's network.

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

/// Loopback registries need no TLS, whatever their port.
pub(crate) const ADDRESS: &str = "127.0.0.1:5055";

pub(crate) fn command(mut arguments: Arguments) -> Result<()> {
    let purge = arguments.flag("--purge");
    let word = arguments.word();
    arguments.finish()?;
    let state = State::open()?;
    let directory = state.path("registry");
    match word.as_deref() {
        Some("up") => {
            up(&state)?;
            println!("{ADDRESS}");
        }
        Some("down") => {
            down(&directory)?;
            if purge {
                remove_tree(&directory)?;
            }
        }
        Some("status") => println!("{ADDRESS} is {}", if answers() { "up" } else { "down" }),
        _ => bail!("say what to do with the registry: up, down or status"),
    }
    Ok(())
}

/// Makes the registry answer.
pub(crate) fn up(state: &State) -> Result<()> {
    let _lock = state.lock("registry")?;
    let directory = state.directory("registry")?;
    if find(&directory)?.is_some() && answers() {
        return Ok(());
    }
    down(&directory)?;
    let rootfs = docker_rootfs(state)?;
    let configuration = settings(&directory);
    fs::write(&configuration, settings_text(&directory)?)?;
    step("starting the registry", || {
        let log = directory.join("registry.log");
        let file = File::create(&log)?;
        let mut child = Command::new("setsid")
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
        while !answers() {
            if child.try_wait()?.is_some() || began.elapsed() > Duration::from_secs(20) {
                bail!("the registry does not start:\n{}", tail(&fs::read_to_string(&log).unwrap_or_default()));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    })
}

fn down(directory: &Path) -> Result<()> {
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

/// The registry reads YAML, of which JSON is a part.
fn settings_text(directory: &Path) -> Result<String> {
    let settings = serde_json::json!({
        "version": "0.1",
        "log": { "level": "warn" },
        "storage": {
            "filesystem": { "rootdirectory": directory.join("data") },
            "delete": { "enabled": true },
        },
        "http": { "addr": ADDRESS },
    });
    Ok(serde_json::to_string_pretty(&settings)?)
}

fn answers() -> bool {
    ADDRESS
        .parse::<SocketAddr>()
        .is_ok_and(|address| TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok())
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
