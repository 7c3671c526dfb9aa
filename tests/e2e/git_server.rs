//! A git server on this machine, at an address that build containers reach: smart HTTP, by git's own program, with Git LFS,
//! with a token, and with TLS where the engine trusts a certificate of ours.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::engine::Engine;
use crate::served::{commit, gateway, sha256_hex};

/// A server, for as long as it is held.
pub(crate) struct GitServer {
    directory: tempfile::TempDir,
    process: Child,
    /// `https://ADDRESS:PORT`, or the same with http.
    pub(crate) url: String,
    /// What opens the repositories below `private/`.
    pub(crate) token: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl GitServer {
    /// A server of plain HTTP.
    pub(crate) fn http(engine: &Engine) -> Self {
        Self::new(engine, None)
    }

    /// A server with TLS; `None` (said loudly) where the engine does not trust a certificate of ours.
    pub(crate) fn https(engine: &Engine) -> Option<Self> {
        let certificate = std::env::var_os("PYFRONT_TEST_CERTIFICATE").filter(|path| Path::new(path).exists());
        let Some(certificate) = certificate else {
            eprintln!(
                "SKIPPED: this engine trusts no certificate of the tests; `cargo xtask test` makes one that does"
            );
            return None;
        };
        Some(Self::new(engine, Some(Path::new(&certificate))))
    }

    fn new(engine: &Engine, certificate: Option<&Path>) -> Self {
        // Different in each run, so that nothing is found of an earlier one.
        let token = format!("hunter2-{}-{:?}", std::process::id(), std::time::Instant::now());
        let token: String = token.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let address = gateway(engine);
        let mut python = Command::new("python3");
        python.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/git_server.py"));
        // As BuildKit sends a token.
        let header = format!("Basic {}", BASE64.encode(format!("x-access-token:{token}")));
        python.arg(&address).arg(directory.path()).arg(header).args(certificate).stdout(Stdio::piped());
        let mut process = python.spawn().expect("python3 can be started");
        let mut lines = BufReader::new(process.stdout.take().expect("it is a pipe")).lines();
        let port = lines.next().expect("the server says its port").expect("the port is text");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&asked);
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| heard.lock().unwrap().push(line)));
        let scheme = if certificate.is_some() { "https" } else { "http" };
        Self { directory, process, url: format!("{scheme}://{address}:{port}"), token, asked }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Serves the files of a directory as the repository `NAME` (`private/parcel.git`), with one commit. Returns the commit.
    pub(crate) fn repository(&self, name: &str, files: &Path) -> String {
        commit(&self.path(name), files, None)
    }

    /// The same, with an annotated tag.
    pub(crate) fn tagged(&self, name: &str, files: &Path, tag: &str) -> String {
        commit(&self.path(name), files, Some(tag))
    }

    /// Keeps content as an object of Git LFS of the repository `NAME`. Returns the pointer that stands for it.
    pub(crate) fn object(&self, name: &str, content: &[u8]) -> String {
        let oid = sha256_hex(content);
        let objects = self.path(&format!("{}/objects/sha256", name.trim_end_matches(".git")));
        std::fs::create_dir_all(&objects).expect("a directory can be made");
        std::fs::write(objects.join(&oid), content).expect("the object can be written");
        format!("version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {}\n", content.len())
    }

    /// What was asked for, each with whether a header came with it.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for GitServer {
    fn drop(&mut self) {
        // Who is gone already needs no end.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
