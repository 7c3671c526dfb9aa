//! Starting, finding and stopping a private engine's dockerd. There is no pid file to go stale: a running engine is
//! found in the process table, by the `unshare` process that holds its namespaces and names its directory.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::debian::{remove_tree, require_root};
use crate::engine::network::{Network, mtu};
use crate::engine::{Engine, Kind, certificate, client, directory, init, mounts, rootfs};
use crate::process::tail;
use crate::progress::{note, step};
use crate::state::State;

/// How long a dockerd may take until it answers, and until it has ended.
const START: Duration = Duration::from_secs(90);
const STOP: Duration = Duration::from_secs(20);

/// The hidden command of xtask that becomes dockerd; with the engine's directory after it, it marks the engine's process.
const INIT: &str = "engine-init";

/// Makes the engine answer: by doing nothing, by starting it, or by replacing one that hangs or is made of other packages than
/// it would be now.
pub(crate) fn up(state: &State, kind: Kind, engine: &Path) -> Result<()> {
    let this = Engine::Private { kind, directory: engine.to_owned() };
    let is_current = || rootfs_of(engine).is_ok_and(|rootfs| rootfs::is_current(&rootfs, kind.suite()));
    if find(engine)?.is_some() && is_current() && client::answers(&this) {
        return Ok(());
    }
    require_root()?;
    let _lock = state.lock(&format!("engine-{}", kind.name()))?;
    // Made first: one that runs goes on running until then.
    let rootfs = rootfs::ensure(state, kind.suite())?;
    if find(engine)?.is_some() {
        let why = match (is_current(), client::answers(&this)) {
            (true, true) => return Ok(()),
            (false, _) => "is made of other packages",
            (true, false) => "does not answer",
        };
        note(format!("the {} engine runs but {why}: it is started again", kind.name()));
        stop(engine)?;
    }
    step(format!("starting the {} engine", kind.name()), || start(state, kind, &rootfs, &this))
}

/// Ends the engine; its images and caches stay unless `purge`.
pub(crate) fn down(state: &State, kind: Kind, purge: bool) -> Result<()> {
    require_root()?;
    let _lock = state.lock(&format!("engine-{}", kind.name()))?;
    let engine = directory(state, kind)?;
    step(format!("stopping the {} engine", kind.name()), || stop(&engine))?;
    if let Ok(rootfs) = rootfs_of(&engine) {
        Network::of(kind).down(&rootfs);
    }
    mounts::unmount_below(&engine)?;
    if purge {
        step(format!("deleting what the {} engine stored", kind.name()), || remove_tree(&engine))?;
    }
    Ok(())
}

/// Ends the engine without a warning, as a crash does. It is started by [`up`] with all that it has stored.
pub(crate) fn kill(state: &State, kind: Kind) -> Result<()> {
    require_root()?;
    let _lock = state.lock(&format!("engine-{}", kind.name()))?;
    let engine = directory(state, kind)?;
    if let Some(supervisor) = find(&engine)? {
        signal(supervisor, Signal::KILL);
    }
    if wait_until_gone(&engine, STOP)? { Ok(()) } else { bail!("the {} engine cannot be killed", kind.name()) }
}

fn start(state: &State, kind: Kind, rootfs: &Path, this: &Engine) -> Result<()> {
    let engine = directory(state, kind)?;
    mounts::unmount_below(rootfs)?;
    for name in ["run", "data"] {
        fs::create_dir_all(engine.join(name))?;
    }
    match kind.memory() {
        // What a killed predecessor has stored stays.
        Some(size) => mounts::in_memory(&engine.join("data"), size)?,
        None => mounts::unmount_below(&engine)?,
    }
    fs::set_permissions(&engine, fs::Permissions::from_mode(0o755))?;
    // A socket or a pid file of a killed predecessor would be mistaken for a living one.
    for stale in ["run/docker.sock", "data/containerd/containerd.pid"] {
        let path = engine.join(stale);
        if path.exists() {
            fs::remove_file(&path).with_context(|| format!("cannot delete {}", path.display()))?;
        }
    }
    rootfs::refresh(rootfs)?;
    certificate::ensure(kind, &engine, rootfs)?;
    client::write(&engine, rootfs)?;
    Network::of(kind).up(rootfs)?;
    fs::write(engine.join("run/daemon.json"), settings(kind)?)?;
    fs::write(engine.join("rootfs"), rootfs.as_os_str().as_encoded_bytes())?;
    let log = log(&engine);
    let child = spawn(rootfs, &engine, &log)?;
    wait_until_up(child, this, &log)
}

/// Where the engine's daemon writes what it does, and its container runtime why it could not start something.
pub(super) fn log(engine: &Path) -> PathBuf {
    engine.join("dockerd.log")
}

fn settings(kind: Kind) -> Result<String> {
    let network = Network::of(kind);
    let settings = json!({
        "hosts": [format!("unix://{}/docker.sock", init::ENGINE)],
        "group": "0",
        "features": { "containerd-snapshotter": kind.containerd_store() },
        "bridge": network.bridge(),
        "mtu": mtu(),
        "iptables": false,
        "ip6tables": false,
        "default-address-pools": [{ "base": network.pool(), "size": 24 }],
    });
    Ok(serde_json::to_string_pretty(&settings)?)
}

/// Starts the engine's first process, detached from this one in every respect: session, stdio, namespaces.
fn spawn(rootfs: &Path, engine: &Path, log: &Path) -> Result<Child> {
    let log = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    Command::new("setsid")
        .args(["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private"])
        .arg(std::env::current_exe().context("xtask does not find itself")?)
        .arg(INIT)
        .args([rootfs, engine])
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .context("cannot run setsid and unshare (package util-linux)")
}

fn wait_until_up(mut child: Child, this: &Engine, log: &Path) -> Result<()> {
    let began = Instant::now();
    loop {
        let text = || tail(&fs::read_to_string(log).unwrap_or_default());
        if let Some(status) = child.try_wait()? {
            bail!("dockerd ended while it started ({status}), log in {}:\n{}", log.display(), text());
        }
        if client::answers(this) {
            return Ok(());
        }
        if began.elapsed() > START {
            bail!("dockerd does not answer after {} s, log in {}:\n{}", START.as_secs(), log.display(), text());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Ends the engine's processes: kindly, then not.
fn stop(engine: &Path) -> Result<()> {
    let Some(supervisor) = find(engine)? else { return Ok(()) };
    // `unshare` ignores the kind signal; the process below it is tini, which hands it on to dockerd.
    for child in children(supervisor) {
        signal(child, Signal::TERM);
    }
    if wait_until_gone(engine, STOP)? {
        return Ok(());
    }
    note("dockerd does not end by itself: it is killed");
    signal(supervisor, Signal::KILL);
    if wait_until_gone(engine, STOP)? {
        return Ok(());
    }
    bail!("process {supervisor} cannot be killed; a reboot ends it")
}

fn signal(process: i32, signal: Signal) {
    // A process that is gone already is what was wanted.
    if let Some(process) = Pid::from_raw(process) {
        let _ = kill_process(process, signal);
    }
}

fn wait_until_gone(engine: &Path, limit: Duration) -> Result<bool> {
    let began = Instant::now();
    while find(engine)?.is_some() {
        if began.elapsed() > limit {
            return Ok(false);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(true)
}

/// The process that holds the engine's namespaces, when the engine runs.
pub(crate) fn find(engine: &Path) -> Result<Option<i32>> {
    for entry in fs::read_dir("/proc").context("cannot read the process table")? {
        let entry = entry?;
        let Some(process) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // A process may end while it is looked at.
        let Ok(words) = fs::read(entry.path().join("cmdline")) else { continue };
        if is_supervisor(&words, engine) {
            return Ok(Some(process));
        }
    }
    Ok(None)
}

fn is_supervisor(words: &[u8], engine: &Path) -> bool {
    let words: Vec<&[u8]> = words.split(|&byte| byte == 0).filter(|word| !word.is_empty()).collect();
    words.first().is_some_and(|program| program.ends_with(b"unshare"))
        && words.contains(&INIT.as_bytes())
        && words.last() == Some(&engine.as_os_str().as_encoded_bytes())
}

fn children(process: i32) -> Vec<i32> {
    let list = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
    list.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

/// Seconds on the processor of a process and all below it, those that have ended included. (Steps are children of the daemon,
/// so theirs are in its own account once they have ended.)
pub(crate) fn processor_time(process: i32) -> Option<f64> {
    let mut ticks = 0;
    let mut pending = vec![process];
    while let Some(process) = pending.pop() {
        if let Ok(stat) = fs::read_to_string(format!("/proc/{process}/stat")) {
            ticks += ticks_of(&stat)?;
        }
        pending.extend(children_of_all_threads(process));
    }
    // USER_HZ, which is 100 wherever Linux runs.
    Some(f64::from(u32::try_from(ticks).ok()?) / 100.0)
}

/// `utime`, `stime`, `cutime` and `cstime` of proc_pid_stat(5), together.
fn ticks_of(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().skip(11).take(4).map(|number| number.parse::<u64>().ok()).sum()
}

fn children_of_all_threads(process: i32) -> Vec<i32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{process}/task")) else { return Vec::new() };
    let lists = threads.flatten().filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().filter_map(|word| word.parse().ok()).collect::<Vec<_>>()).collect()
}

/// The root file system with which the engine was started last.
pub(crate) fn rootfs_of(engine: &Path) -> Result<PathBuf> {
    let path = engine.join("rootfs");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_counts_with_its_children() {
        let stat = "7 (a (b) c) S 1 7 7 0 -1 4194560 10 20 0 0 100 20 3 4 20 0 1 0 99 1000 10";
        assert_eq!(ticks_of(stat), Some(127));
        assert!(processor_time(i32::try_from(std::process::id()).unwrap()).is_some());
    }

    #[test]
    fn only_the_process_that_holds_the_namespaces_is_the_engine() {
        let engine = Path::new("/state/engines/containerd");
        let of = |text: &str| is_supervisor(text.replace(' ', "\0").as_bytes(), engine);
        assert!(of("unshare --mount /x/xtask engine-init /state/rootfs/a /state/engines/containerd "));
        assert!(!of("unshare --mount /x/xtask engine-init /state/rootfs/a /state/engines/graphdriver "));
        assert!(!of("/x/xtask engine-init /state/rootfs/a /state/engines/containerd "));
        assert!(!of("tail -f /state/engines/containerd "));
    }
}
