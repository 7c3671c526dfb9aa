//! The stand-in for uv's official image: nothing but `/uv` and `/uvx`, out of uv's wheel on PyPI. The musl wheel is
//! taken, whose programs are static and so run in every image, as the official ones do.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::engine::{Engine, image_id};
use crate::process::{capture, run, succeeds};
use crate::progress::step;
use crate::standin::{Archive, pack};
use crate::state::State;

/// The image's name on Docker Hub.
pub(crate) const IMAGE: &str = "astral/uv:0.13.8";

/// The same for arm64, for those who run it on an emulator.
pub(crate) const ARM64_IMAGE: &str = "standin/uv-arm64:0.13.8";

const VERSION: &str = "0.13.8";

const CONFIGURATION: &str = "ENTRYPOINT [\"/uv\"]\nWORKDIR /io\n";

/// Unpacks the programs with whatever Python is at hand.
const UNPACK: &str = "\
import sys, zipfile, pathlib
wheel, target = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
with zipfile.ZipFile(wheel) as archive:
    for name in archive.namelist():
        if '.data/scripts/' in name:
            program = target / name.rsplit('/', 1)[1]
            program.write_bytes(archive.read(name))
            program.chmod(0o755)
";

/// Where pip is, and which files it sees.
enum Pip<'a> {
    /// This machine's.
    Here(&'static str),
    /// The one of a Python stand-in, in a container.
    In(&'a Engine),
}

/// Whatever changes the image changes this.
pub(crate) fn key(cpu: &str) -> String {
    crate::state::key(&[VERSION, cpu, include_str!("uv.rs")])
}

/// The image for a CPU, made when it is not there yet. Without an engine it takes a Python with pip on this machine; `None` says
/// that there is none. With an engine, a Python stand-in helps out.
pub(crate) fn archive(state: &State, engine: Option<&Engine>, cpu: &str) -> Result<Option<Archive>> {
    let key = key(cpu);
    let name = format!("uv-{cpu}");
    let made = Archive::path(state, &name, &key);
    if made.exists() {
        return Ok(Some(Archive(made)));
    }
    let pip = match (local_python(), engine) {
        (Some(python), _) => Pip::Here(python),
        (None, Some(engine)) => Pip::In(engine),
        (None, None) => return Ok(None),
    };
    Archive::ensure(state, &name, &key, |archive| {
        step(format!("getting uv {VERSION} for {cpu}"), || make(archive, &pip, cpu)).context("cannot make the uv image")
    })
    .map(Some)
}

fn make(archive: &Archive, pip: &Pip<'_>, cpu: &str) -> Result<()> {
    let tree = archive.directory().join("tree");
    fs::create_dir(&tree)?;
    match pip {
        Pip::Here(python) => {
            let wheels = archive.directory().join("wheels");
            fs::create_dir(&wheels)?;
            run(download(&mut Command::new(python), cpu).arg(&wheels))?;
            let wheel = fs::read_dir(&wheels)?.next().context("pip downloaded nothing")??.path();
            run(Command::new(python).args(["-I", "-c", UNPACK]).arg(&wheel).arg(&tree))?;
            fs::remove_dir_all(&wheels)?;
        }
        Pip::In(engine) => in_container(engine, &tree, cpu)?,
    }
    for program in ["uv", "uvx"] {
        if !tree.join(program).exists() {
            bail!("the wheel has no {program}");
        }
    }
    fs::write(archive.changes(), CONFIGURATION)?;
    pack(&tree, &["uv", "uvx"], archive)?;
    fs::remove_dir_all(&tree)?;
    Ok(())
}

/// `pip download` of the wheel; the directory to download to comes last.
fn download<'a>(python: &'a mut Command, cpu: &str) -> &'a mut Command {
    python.args(pip_words(cpu)).env_remove("PIP_FIND_LINKS")
}

fn pip_words(cpu: &str) -> Vec<String> {
    let tag = format!("musllinux_1_1_{cpu}");
    let fixed = ["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--platform", &tag];
    let mut words: Vec<String> = fixed.map(str::to_owned).to_vec();
    words.extend([format!("uv=={VERSION}"), "--dest".to_owned()]);
    words
}

/// Downloads and unpacks in a container of a Python stand-in, with this machine's certificate authorities and pip
/// settings.
fn in_container(engine: &Engine, tree: &Path, cpu: &str) -> Result<()> {
    let base = super::usual().into_iter().find(|name| image_id(engine, name).is_some());
    let base = base.context("neither this machine nor the engine has a Python to download uv with")?;
    let script = format!(
        "set -e; export PIP_CERT=/ca.crt; mkdir /wheels /out; python3 {} /wheels; python3 -c \"$UNPACK\" /wheels/* /out",
        pip_words(cpu).join(" ")
    );
    let mut create = engine.docker(["create", "--env", &format!("UNPACK={UNPACK}")]);
    for name in ["PIP_INDEX_URL", "PIP_TRUSTED_HOST", "HTTPS_PROXY", "NO_PROXY", "https_proxy", "no_proxy"] {
        if std::env::var_os(name).is_some() {
            create.args(["--env", name]);
        }
    }
    let container = capture(create.args([base, "sh", "-c", &script]))?;
    let result = (|| {
        let trusted = std::env::var("SSL_CERT_FILE").unwrap_or("/etc/ssl/certs/ca-certificates.crt".to_owned());
        let copy = |from: &str, to: &str| run(&mut engine.docker(["cp", "--follow-link", from, to]));
        if !Path::new(&trusted).is_file() {
            bail!("there is no {trusted}; install ca-certificates, or set SSL_CERT_FILE");
        }
        copy(&trusted, &format!("{container}:/ca.crt"))?;
        run(&mut engine.docker(["start", "--attach", &container]))?;
        copy(&format!("{container}:/out/."), &tree.display().to_string())
    })();
    // What happened in it matters more than whether it could be deleted.
    let _ = run(&mut engine.docker(["rm", "--force", &container]));
    result
}

fn local_python() -> Option<&'static str> {
    let works =
        |python: &&str| succeeds(Command::new(python).args(["-m", "pip", "--version"]), Duration::from_secs(30));
    ["python3", "python"].into_iter().find(works)
}
