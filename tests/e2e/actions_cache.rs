//! GitHub's cache of workflows, played by a server on this machine's loopback: for `type=gha`.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;

/// A cache, for as long as it is held.
pub(crate) struct ActionsCache {
    process: Child,
    /// The parameters that a workflow has from GitHub: `url=…,token=…`.
    pub(crate) parameters: String,
}

impl ActionsCache {
    pub(crate) fn new() -> Self {
        // BuildKit reads from the token what it is good for, and leaves it to the server to check the signature.
        let access = "[{\"Scope\":\"refs/heads/main\",\"Permission\":3}]";
        let claims = serde_json::json!({ "nbf": 0, "exp": 4_102_444_800_u32, "ac": access });
        let parts = [r#"{"alg":"HS256","typ":"JWT"}"#, &claims.to_string(), "signature"];
        let token = parts.map(|part| BASE64.encode(part)).join(".");
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/actions_cache.py");
        let mut python = Command::new("python3");
        python.arg(program).args(["127.0.0.1", &token]).stdout(Stdio::piped());
        let mut process = python.spawn().expect("python3 can be started");
        let mut lines = BufReader::new(process.stdout.take().expect("it is piped")).lines();
        let port = lines.next().expect("it says its port").expect("in UTF-8");
        Self { process, parameters: format!("url=http://127.0.0.1:{port}/,token={token}") }
    }
}

impl Drop for ActionsCache {
    fn drop(&mut self) {
        // Who is gone already needs no end.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
