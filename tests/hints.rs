//! What a failed build from source is said to miss: logs of real build tools, and the message that the step makes of each.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;

/// Package, log.
const LOGS: &[(&str, &str)] = &[
    ("psycopg2", "Error: pg_config executable not found.\n\npg_config is required to build psycopg2 from source."),
    (
        "psycopg2",
        "./psycopg/psycopg.h:35:10: fatal error: libpq-fe.h: No such file or directory\n   35 | #include <libpq-fe.h>",
    ),
    ("speed", "error: command 'gcc' failed: No such file or directory"),
    ("speed", "error: command 'x86_64-linux-gnu-g++' failed: No such file or directory: 'x86_64-linux-gnu-g++'"),
    ("speed", "../meson.build:1:0: ERROR: Unknown compiler(s): [['cc'], ['gcc'], ['clang']]"),
    ("uwsgi", "Exception: you need a C compiler to build uWSGI"),
    (
        "uwsgi",
        "/usr/bin/ld: cannot find -lpython3.13: No such file or directory\ncollect2: error: ld returned 1 exit status",
    ),
    ("mysqlclient", "Trying pkg-config --exists mysqlclient\nException: Can not find valid pkg-config name.\n"),
    (
        "xmlsec",
        "  File \"setup.py\", line 1\ndistutils.errors.DistutilsError: Unable to invoke pkg-config: pkg-config is not found",
    ),
    ("xmlsec", "Package xmlsec1 was not found in the pkg-config search path."),
    ("python-ldap", "Modules/common.h:15:10: fatal error: lber.h: No such file or directory"),
    ("lxml", "Error: Please make sure the libxml2 and libxslt development packages are installed."),
    (
        "lib",
        "Run-time dependency cairo found: NO\n../meson.build:5:0: ERROR: Dependency \"cairo\" not found, tried pkgconfig",
    ),
    ("lib", "CMake Error: Could NOT find OpenSSL, try to set the path"),
    ("lib", "/usr/bin/ld: cannot find -lz: No such file or directory\ncollect2: error: ld returned 1 exit status"),
    ("lib", "FileNotFoundError: [Errno 2] No such file or directory: 'cmake'"),
    ("lib", "FileNotFoundError: [Errno 2] No such file or directory: 'git'"),
    ("lib", "Cargo, the Rust package manager, is not installed or is not on PATH."),
    ("lib", "error: linker `cc` not found"),
    ("lib", "/bin/sh: 1: gfortran: not found"),
    ("lib", "FileNotFoundError: [Errno 2] No such file or directory: 'README.md'"),
    ("lib", "ModuleNotFoundError: No module named 'torch'"),
    ("lib", "LookupError: setuptools-scm was unable to detect version for /src."),
    ("lib", "there is no version of lib==2 and you require lib==2, we can conclude"),
    ("lib", "error: something nobody has seen"),
];

#[test]
fn a_failed_build_says_what_is_missing() {
    let steps = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/emit/steps");
    let program = "import json, sys\n\
                   import pyfront_explain\n\
                   pyfront_explain.SYSTEM_LIBRARIES = sys.argv[1] + '/system-libraries.json'\n\
                   pyfront_explain.shutil.which = lambda name: None\n\
                   for name, log in json.load(sys.stdin):\n    \
                   print('-- ' + log.splitlines()[0])\n    \
                   print('\\n'.join(pyfront_explain.explain(log, name + ' 1', name, False)[1:]) + '\\n')\n\
                   print('-- the project')\n\
                   print('\\n'.join(pyfront_explain.explain('unable to detect version for /src', 'the project app', 'app', True)))\n";
    let child = Command::new("python3")
        .args(["-B", "-c", program])
        .arg(&steps)
        .env("PYTHONPATH", &steps)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        assert!(std::env::var_os("CI").is_none(), "there is no python3");
        eprintln!("SKIPPED: there is no python3");
        return;
    };
    serde_json::to_writer(child.stdin.take().unwrap(), LOGS).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    insta::assert_snapshot!(String::from_utf8(output.stdout).unwrap());
}
