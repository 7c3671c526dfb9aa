//! A directory behind plain HTTP on loopback: archives and git repositories that a test makes for itself. On request it answers
//! as servers do that have a bad day.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::engine::Engine;

/// What a server does in place of its duty.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// Answers with a status and no content.
    Status(u16),
    /// Takes this long for the file.
    Slow(Duration),
    /// Hangs up after half of the file.
    Cut,
    /// Sends something else of the same length.
    Other,
}

/// The faults, by the path of the file.
type Faults = Arc<Mutex<BTreeMap<String, Fault>>>;

/// The directory, and where it is served for as long as the tests run.
pub(crate) struct Served {
    directory: tempfile::TempDir,
    /// `http://127.0.0.1:PORT`
    pub(crate) url: String,
    faults: Faults,
}

impl Served {
    pub(crate) fn new() -> Self {
        Self::at("127.0.0.1", None)
    }

    /// Served at another address of this machine.
    pub(crate) fn at_address(address: &str) -> Self {
        Self::at(address, None)
    }

    /// Served at another address of this machine.
    pub(crate) fn open(address: &str) -> Self {
        Self::at(address, None)
    }

    /// Served at another address of this machine, and only to whom sends this `Authorization` header.
    pub(crate) fn private(address: &str, authorization: &str) -> Self {
        Self::at(address, Some(format!("authorization: {authorization}")))
    }

    fn at(address: &str, authorization: Option<String>) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let listener = TcpListener::bind((address, 0)).expect("a port is free");
        let url = format!("http://{}", listener.local_addr().expect("it has an address"));
        let root = directory.path().to_owned();
        let faults = Faults::default();
        let shared = Arc::clone(&faults);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (root, authorization, faults) = (root.clone(), authorization.clone(), Arc::clone(&shared));
                // Who hangs up early gets nothing.
                std::thread::spawn(move || answer(&root, authorization.as_deref(), &faults, stream));
            }
        });
        Self { directory, url, faults }
    }

    /// Lets a file have a fault from now on, or none any more.
    pub(crate) fn fail(&self, name: &str, fault: Option<Fault>) {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        match fault {
            Some(fault) => faults.insert(name.to_owned(), fault),
            None => faults.remove(name),
        };
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Serves a copy of a file. Returns `sha256:…`.
    pub(crate) fn file(&self, name: &str, file: &Path) -> String {
        let content = std::fs::read(file).expect("the file can be read");
        self.content(name, &content);
        sha256(&content)
    }

    /// Serves a text.
    pub(crate) fn text(&self, name: &str, text: &str) {
        self.content(name, text.as_bytes());
    }

    /// Serves some bytes.
    pub(crate) fn content(&self, name: &str, content: &[u8]) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("it lies in the directory")).expect("a directory can be made");
        std::fs::write(path, content).expect("the file can be written");
    }

    /// Serves the files of a directory as `NAME`, a gzipped archive with one directory in it. Returns `sha256:…`.
    pub(crate) fn archive(&self, name: &str, files: &Path) -> String {
        let file = self.path(name);
        let transform = "--transform=s,^\\.,parcel,";
        run(Command::new("tar").arg("-czf").arg(&file).arg(transform).arg("-C").arg(files).arg("."));
        sha256(&std::fs::read(&file).expect("tar made the archive"))
    }

    /// Serves the files of a directory as the git repository `NAME`, with one commit. Returns the commit.
    pub(crate) fn repository(&self, name: &str, files: &Path) -> String {
        commit(&self.path(name), files, None)
    }
}

/// The address of the engine's bridge on this machine: what listens there, containers reach.
pub(crate) fn gateway(engine: &Engine) -> String {
    engine.docker(&["network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}"])
}

/// Adds the files of a directory as one more commit to a bare repository, which is made when it is not there yet, with an
/// annotated tag. Returns the commit.
pub(crate) fn commit(bare: &Path, files: &Path, tag: Option<&str>) -> String {
    let author = ["-c", "user.name=Test", "-c", "user.email=test@example.org"];
    if !bare.exists() {
        run(git(files).args(["init", "--quiet", "--initial-branch=main"]));
        let parent = bare.parent().expect("it lies in a directory");
        std::fs::create_dir_all(parent).expect("a directory can be made");
        run(git(parent).args(["init", "--quiet", "--bare", "--initial-branch=main"]).arg(bare));
    }
    run(git(files).args(["add", "."]));
    run(git(files).args(author).args(["commit", "--quiet", "--no-gpg-sign", "--message=Files"]));
    if let Some(tag) = tag {
        run(git(files).args(author).args(["tag", "--annotate", "--message=Release", tag]));
    }
    run(git(files).args(["push", "--quiet", "--tags"]).arg(bare).arg("main"));
    // What git needs where the server knows nothing of git.
    run(git(bare).arg("update-server-info"));
    run(git(bare).args(["rev-parse", "HEAD"]))
}

fn sha256(content: &[u8]) -> String {
    format!("sha256:{}", sha256_hex(content))
}

/// The SHA-256 of something, in hexadecimal digits.
pub(crate) fn sha256_hex(content: &[u8]) -> String {
    Sha256::digest(content).iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}

fn git(directory: &Path) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(directory).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
    command
}

fn run(command: &mut Command) -> String {
    let output = command.output().expect("the program can be started");
    assert!(output.status.success(), "{command:?}:\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Answers one request with a file, or with 404; without the header that is wanted with 401.
fn answer(root: &Path, authorization: Option<&str>, faults: &Faults, mut stream: TcpStream) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?.take(64 << 10));
    let mut request = String::new();
    reader.read_line(&mut request).ok()?;
    let mut header = String::new();
    let mut allowed = authorization.is_none();
    while reader.read_line(&mut header).ok()? > 2 {
        // The name of a header is written in any case.
        let (name, value) = header.trim().split_once(": ").unwrap_or_default();
        allowed |= authorization == Some(&format!("{}: {value}", name.to_ascii_lowercase()));
        header.clear();
    }
    if !allowed {
        let challenge = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"index\"\r\nContent-Length: 0\r\n\
                         Connection: close\r\n\r\n";
        return stream.write_all(challenge.as_bytes()).ok();
    }
    let mut words = request.split(' ');
    let method = words.next()?;
    let path = words.next()?.split('?').next()?.trim_start_matches('/').to_owned();
    let path = if path.ends_with('/') { path + "index.html" } else { path };
    let kind = if Path::new(&path).extension().is_some_and(|extension| extension == "html") {
        "text/html"
    } else {
        "application/octet-stream"
    };
    let fault = faults.lock().unwrap_or_else(PoisonError::into_inner).get(&path).copied();
    let content = if path.contains("..") { None } else { std::fs::read(root.join(path)).ok() };
    let (status, mut content) = match (fault, content) {
        (Some(Fault::Status(status)), _) => (format!("{status} Fault"), Vec::new()),
        (_, Some(content)) => ("200 OK".to_owned(), content),
        (_, None) => ("404 Not Found".to_owned(), Vec::new()),
    };
    let length = content.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )
    .ok()?;
    if method != "GET" {
        return Some(());
    }
    match fault {
        Some(Fault::Cut) => content.truncate(length / 2),
        Some(Fault::Other) => content.reverse(),
        Some(Fault::Slow(time)) => {
            let parts = 10;
            for part in content.chunks(length / parts + 1) {
                std::thread::sleep(time / u32::try_from(parts).ok()?);
                stream.write_all(part).ok()?;
            }
            return Some(());
        }
        Some(Fault::Status(_)) | None => {}
    }
    stream.write_all(&content).ok()
}
