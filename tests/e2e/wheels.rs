//! Wheels that a test makes for itself: one module, one version, no dependencies.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::served::Served;

/// Makes a wheel of `NAME VERSION` with one module, whose text is read from standard input.
const MAKE_WHEEL: &str = r#"
import base64, hashlib, sys, zipfile
path, name, version = sys.argv[1:]
info = "%s-%s.dist-info" % (name, version)
files = {
    name + ".py": sys.stdin.read(),
    info + "/METADATA": "Metadata-Version: 2.1\nName: %s\nVersion: %s\n" % (name, version),
    info + "/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
}
def line(name, text):
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
    return "%s,sha256=%s,%d" % (name, digest, len(text.encode()))
record = [line(*item) for item in files.items()] + [info + "/RECORD,,"]
files[info + "/RECORD"] = "\n".join(record) + "\n"
with zipfile.ZipFile(path, "w") as wheel:
    for item, text in files.items():
        wheel.writestr(zipfile.ZipInfo(item), text)
"#;

/// Makes the wheel of one module, whose text is `module`, in a directory.
pub(crate) fn wheel(directory: &Path, name: &str, version: &str, module: &str) -> PathBuf {
    let path = directory.join(format!("{name}-{version}-py3-none-any.whl"));
    let mut python = Command::new("python3")
        .args(["-c", MAKE_WHEEL, path.to_str().unwrap(), name, version])
        .stdin(Stdio::piped())
        .spawn()
        .expect("python3 can be started");
    python.stdin.take().unwrap().write_all(module.as_bytes()).unwrap();
    assert!(python.wait().unwrap().success());
    path
}

/// Serves such a wheel below `files/`. Returns the rest of its package's entry in a lock, after the name: it comes from the index
/// `simple/` of the same server.
pub(crate) fn locked(served: &Served, name: &str, version: &str, module: &str) -> String {
    let files = tempfile::tempdir().unwrap();
    let file = format!("files/{name}-{version}-py3-none-any.whl");
    let hash = served.file(&file, &wheel(files.path(), name, version, module));
    let url = &served.url;
    format!(
        "version = \"{version}\"\nsource = {{ registry = \"{url}/simple\" }}\nwheels = [\n    \
         {{ url = \"{url}/{file}\", hash = \"{hash}\" }},\n]\n"
    )
}
