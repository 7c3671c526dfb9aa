//! A directory behind plain HTTP on loopback: archives and git repositories that a test makes for itself.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest as _, Sha256};

/// The directory, and where it is served for as long as the tests run.
pub(crate) struct Served {
    directory: tempfile::TempDir,
    /// `http://127.0.0.1:PORT`
    pub(crate) url: String,
}

impl Served {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let url = format!("http://{}", listener.local_addr().expect("it has an address"));
        let root = directory.path().to_owned();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let root = root.clone();
                // Who hangs up early gets nothing.
                std::thread::spawn(move || answer(&root, stream));
            }
        });
        Self { directory, url }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Serves the files of a directory as `NAME`, a gzipped archive with one directory in it. Returns `sha256:…`.
    pub(crate) fn archive(&self, name: &str, files: &Path) -> String {
        let file = self.path(name);
        let transform = "--transform=s,^\\.,parcel,";
        run(Command::new("tar").arg("-czf").arg(&file).arg(transform).arg("-C").arg(files).arg("."));
        let digest = Sha256::digest(std::fs::read(&file).expect("tar made the archive"));
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("sha256:{hex}")
    }

    /// Serves the files of a directory as the git repository `NAME`, with one commit. Returns the commit.
    pub(crate) fn repository(&self, name: &str, files: &Path) -> String {
        let bare = self.path(name);
        let author = ["-c", "user.name=Test", "-c", "user.email=test@example.org"];
        run(git(files).args(["init", "--quiet", "--initial-branch=main"]));
        run(git(files).args(["add", "."]));
        run(git(files).args(author).args(["commit", "--quiet", "--no-gpg-sign", "--message=First"]));
        run(git(files).args(["clone", "--quiet", "--bare", "."]).arg(&bare));
        // What git needs where the server knows nothing of git.
        run(git(&bare).arg("update-server-info"));
        run(git(&bare).args(["rev-parse", "HEAD"]))
    }
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

/// Answers one request with a file, or with 404.
fn answer(root: &Path, mut stream: TcpStream) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?.take(64 << 10));
    let mut request = String::new();
    reader.read_line(&mut request).ok()?;
    let mut header = String::new();
    while reader.read_line(&mut header).ok()? > 2 {
        header.clear();
    }
    let mut words = request.split(' ');
    let method = words.next()?;
    let path = words.next()?.split('?').next()?.trim_start_matches('/').to_owned();
    let content = if path.contains("..") { None } else { std::fs::read(root.join(path)).ok() };
    let status = if content.is_some() { "200 OK" } else { "404 Not Found" };
    let content = content.unwrap_or_default();
    let length = content.len();
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n").ok()?;
    if method == "GET" {
        stream.write_all(&content).ok()?;
    }
    Some(())
}
