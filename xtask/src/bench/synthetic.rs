//! The project with a large lock: hundreds of packages that nobody has, made and served by a program for the length of a bench.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::engine::Engine;
use crate::progress::step;
use crate::workspace::root;

/// What `--project` and the tables call it.
pub(crate) const NAME: &str = "synthetic";

/// How many packages it has.
pub(crate) const PACKAGES: u32 = 400;

/// The lock names the port, and the layers the lock; so it is the same every time.
const PORT: u16 = 5057;

/// Where it is made: not in the checkout's own directories, but in one that git ignores.
fn home() -> PathBuf {
    Path::new(root()).join("target/bench-synthetic")
}

/// Its files, laid out as those of the other projects.
pub(crate) fn directory() -> PathBuf {
    home().join("project")
}

/// Its index, for as long as it is held.
pub(crate) struct Served(Child);

impl Served {
    /// Makes the project and serves its packages where the engine and the containers of the engine reach them.
    pub(crate) fn new(engine: &Engine) -> Result<Self> {
        let address = engine.gateway_address().context("only a private engine has an address that is known")?;
        step(format!("making a project of {PACKAGES} packages"), || {
            Self::start(&home(), &format!("{address}:{PORT}"), PACKAGES)
        })
    }

    fn start(home: &Path, address: &str, packages: u32) -> Result<Self> {
        let program = Path::new(root()).join("xtask/bench-projects/synthetic.py");
        let mut python = Command::new("python3");
        python.arg(program).arg(home).arg(address).arg(packages.to_string());
        let mut process = python.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("cannot run python3")?;
        let mut line = String::new();
        let output = process.stdout.take().context("python3 has no stdout")?;
        let mut served = Self(process);
        BufReader::new(output).read_line(&mut line)?;
        if line.trim() != "ready" {
            let status = served.0.wait()?;
            bail!("the synthetic project cannot be made or served at {address} ({status}); python3 says why above");
        }
        Ok(served)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Who is gone already needs no end.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_laid_out_as_other_projects_are_and_has_each_package_once() {
        let home = tempfile::tempdir().unwrap();
        let _served = Served::start(home.path(), "127.0.0.1:0", 16).unwrap();
        let read = |path: &str| std::fs::read_to_string(home.path().join("project").join(path)).unwrap();
        assert_eq!(read("uv.lock").matches("[[package]]").count(), 17);
        assert_eq!(read("second/uv.lock").matches("[[package]]").count(), 9);
        for (file, version) in [("uv.lock", "1.0.0"), ("small-bump.lock", "1.0.1")] {
            let text = read(file);
            let entry = text.split("\n\n").find(|entry| entry.contains("name = \"part-009\"\nversion")).unwrap();
            let url = entry.split('"').find(|word| word.contains("/simple/part")).unwrap();
            let path = url.split_once("/simple/").unwrap().1;
            assert!(path.contains(version) && home.path().join("files/simple").join(path).exists(), "{url}");
        }
    }
}
