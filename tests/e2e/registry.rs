//! A registry of images that a test has for itself, and that can be gone.

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A registry on this machine's loopback, for as long as it is held. Loopback needs no TLS.
pub(crate) struct Registry {
    process: Child,
    orders: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    /// `127.0.0.1:PORT`
    pub(crate) address: String,
}

impl Registry {
    pub(crate) fn new() -> Self {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/registry.py");
        let mut python = Command::new("python3");
        python.arg(program).arg("127.0.0.1").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = python.spawn().expect("python3 can be started");
        let mut lines = BufReader::new(process.stdout.take().expect("it is piped")).lines();
        let port = lines.next().expect("it says its port").expect("in UTF-8");
        let orders = process.stdin.take().expect("it is piped");
        Self { process, orders, lines, address: format!("127.0.0.1:{port}") }
    }

    /// Lets some more uploads end, and hangs up on everybody from then on.
    pub(crate) fn fail_after(&mut self, uploads: u32) {
        self.order(&format!("off {uploads}"));
    }

    /// Is well again.
    pub(crate) fn mend(&mut self) {
        self.order("on");
    }

    fn order(&mut self, order: &str) {
        writeln!(self.orders, "{order}").expect("the registry reads");
        assert_eq!(self.lines.next().expect("it answers").expect("in UTF-8"), order);
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // Who is gone already needs no end.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
