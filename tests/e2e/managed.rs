//! A base without Python: uv's managed Python is put on it. The real ones are out of reach of many machines that run these
//! tests, so a server of the test gives the slim image's Python, packed as those are.

use crate::engine::{Engine, example, tag};
use crate::projects::write;
use crate::served::{Served, gateway, sha256_hex};

/// The slim image without its Python and without what it says of that, nothing but a C library and what is beside it, and that
/// Python as uv expects to find it. The real ones need no other libraries.
const BASE: &str = r#"FROM python:3.13-slim AS whole
FROM whole AS pack
RUN set -e; mkdir -p /pack/python/bin /pack/python/lib; cp -a /usr/local/bin/python* /pack/python/bin/; \
    cp -a /usr/local/lib/python3.13 /pack/python/lib/; find /pack -lname '/*' -delete; \
    sed -i "s#'LIBDIR': '[^']*'#'LIBDIR': '/install/lib'#" /pack/python/lib/python3.13/_sysconfigdata_*.py; \
    find /pack -name '_sysconfigdata_*' ! -name '_sysconfigdata__linux_*' -delete; \
    tar -czf /python.tar.gz -C /pack python
FROM scratch AS archive
COPY --from=pack /python.tar.gz /
FROM whole AS without
RUN rm -rf /usr/local/bin/python* /usr/local/lib/python3* /usr/bin/python3*
FROM scratch AS plain
COPY --from=without / /
ENV PATH=/usr/local/bin:/usr/bin:/bin
FROM whole AS libraries
RUN set -e; mkdir -p /r/usr/lib /r/usr/lib64 /r/etc /r/tmp; chmod 1777 /r/tmp; cp -a /lib /lib64 /r/; cp -aL /usr/lib64/. /r/usr/lib64/; \
    cp -a /etc/os-release /etc/passwd /etc/group /r/etc/; cp -a /usr/lib/os-release /r/usr/lib/; \
    find /usr/local -name '*.so*' -exec ldd {} + > /tmp/needs; ldd /usr/local/bin/python3.13 >> /tmp/needs; \
    awk '/=> \//{print $3}' /tmp/needs | sort -u | xargs -I{} cp -L --parents {} /r
FROM scratch AS bare
COPY --from=libraries /r /
"#;

#[test]
fn a_base_without_python() {
    let Some(engine) = Engine::get() else { return };
    let context = tempfile::tempdir().unwrap();
    write(context.path(), "Dockerfile", BASE);
    let base = engine.build(context.path(), &tag("without-python"), &["--target", "plain"]);
    let bare = engine.build(context.path(), &tag("bare"), &["--target", "bare"]);
    let (path, out) = (context.path().display().to_string(), context.path().join("out"));
    let output = format!("type=local,dest={}", out.display());
    engine.docker(&["buildx", "build", "--quiet", "--target", "archive", "--output", &output, &path]);
    let archive = std::fs::read(out.join("python.tar.gz")).unwrap();
    let patch = engine.run("python:3.13-slim", &["python3", "-c", "import sys; print(sys.version_info.micro)"]);

    let served = Served::open(&gateway(&engine));
    served.file("python.tar.gz", &out.join("python.tar.gz"));
    let arch = std::env::consts::ARCH;
    let list = |hash: &str| {
        format!(
            r#"{{"cpython-3.13.{patch}-linux-{arch}-gnu": {{"name": "cpython", "arch": {{"family": "{arch}", "variant": null}},
            "os": "linux", "libc": "gnu", "major": 3, "minor": 13, "patch": {patch}, "prerelease": "", "variant": null,
            "url": "{}/python.tar.gz", "sha256": "{hash}", "build": null}}}}"#,
            served.url
        )
    };
    let hash = sha256_hex(&archive);
    served.text("list.json", &list(&hash));
    served.text("other.json", &list(&"0".repeat(64)));

    let project = example("hatchling");
    let pyproject = std::fs::read_to_string(project.path().join("pyproject.toml")).unwrap();
    let keys = format!(
        "[tool.pyfront]\nbase = \"{}\"\nhealthcheck = {{ port = 80 }}\n[tool.pyfront.targets.slim]\nbase = \"slim\"\n\
         [tool.pyfront.targets.bare]\nbase = \"{}\"\n[tool.uv]\npython-downloads-json-url = \"{}/list.json\"\n",
        base.tag, bare.tag, served.url
    );
    write(project.path(), "pyproject.toml", &format!("{pyproject}\n{keys}"));
    let build = engine.build_pyproject(project.path(), &tag("on-managed"));
    let look = "import os, sys, sysconfig; print(os.path.realpath(sys.executable), sysconfig.get_config_var('LIBDIR'), \
                os.getuid(), os.stat(os.__file__).st_mtime)";
    let expected = "/opt/python/bin/python3.13 /opt/python/lib 10001 315532800.0";
    assert_eq!(engine.run(&build.tag, &["python", "-c", look]), expected);
    assert!(!engine.run(&build.tag, &["greeter"]).is_empty());
    // What stays behind is the Python alone.
    assert_eq!(engine.run(&build.tag, &["ls", "/opt/python"]), "bin\nlib");

    // The layers of a second build from the start are the same, and wheels are as on any base with this Python.
    let file = project.path().join("pyproject.toml").display().to_string();
    let again = engine.build(project.path(), &tag("on-managed-again"), &["--file", &file, "--no-cache"]);
    engine.assert_same_layers(&again.tag, &build.tag);
    let slim = engine.build(project.path(), &tag("on-slim"), &["--file", &file, "--target", "slim"]);
    let wheels = engine.layers(&slim.tag)[engine.layers("python:3.13-slim").len()].clone();
    assert!(
        engine.layers(&build.tag).contains(&wheels),
        "a layer of wheels is the same with this Python, wherever that is"
    );

    // It needs no shell and no other program.
    let on_bare = engine.build(project.path(), &tag("on-bare"), &["--file", &file, "--target", "bare"]);
    assert_eq!(engine.run(&on_bare.tag, &["python", "-c", look]), expected);
    let shell = "import os; print([path for path in ('/bin/sh', '/bin/ls', '/usr/bin/env') if os.path.exists(path)])";
    assert_eq!(engine.run(&on_bare.tag, &["python", "-c", shell]), "[]");
    assert!(!engine.run(&on_bare.tag, &["greeter"]).is_empty());

    // uv checks what it fetches.
    write(project.path(), "pyproject.toml", &format!("{pyproject}\n{}", keys.replace("list.json", "other.json")));
    let failed = engine.try_build(project.path(), &tag("on-another"), &["--file", &file]);
    assert!(!failed.success && failed.log.contains("Hash mismatch"), "{}", failed.log);
}
