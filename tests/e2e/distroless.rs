//! A base without shell and package manager: an interpreter, its libraries, and nothing else.

use crate::engine::{Engine, example, tag};
use crate::projects::write;

/// Python of the slim image with the libraries that it needs.
const DISTROLESS: &str = r#"FROM python:3.13-slim AS whole
RUN set -e; mkdir -p /r/usr/lib /r/usr/lib64 /r/etc /r/tmp; chmod 1777 /r/tmp; cp -a /lib /lib64 /r/; cp -a /usr/local /r/usr/; \
    cp -a /etc/os-release /etc/passwd /etc/group /r/etc/; cp -a /usr/lib/os-release /r/usr/lib/; cp -aL /usr/lib64/. /r/usr/lib64/; \
    find /usr/local -name '*.so*' -exec ldd {} + > /tmp/needs; ldd /usr/local/bin/python3.13 >> /tmp/needs; \
    awk '/=> \//{print $3}' /tmp/needs | sort -u | xargs -I{} cp -L --parents {} /r
FROM scratch
COPY --from=whole /r /
ENV PATH=/usr/local/bin:/usr/bin PYTHON_VERSION=3.13
CMD ["python3"]
"#;

#[test]
fn a_base_without_a_shell() {
    let Some(engine) = Engine::get() else { return };
    let base = tempfile::tempdir().unwrap();
    write(base.path(), "Dockerfile", DISTROLESS);
    let base = engine.build(base.path(), &tag("distroless"), &[]);
    let project = example("hatchling");
    let pyproject = std::fs::read_to_string(project.path().join("pyproject.toml")).unwrap();
    let target = "[tool.pyfront.targets.whole]\nbase = \"slim\"\n";
    let keys = format!("[tool.pyfront]\nbase = \"{}\"\nhealthcheck = {{ port = 80 }}\n{target}", base.tag);
    write(project.path(), "pyproject.toml", &format!("{pyproject}\n{keys}"));
    let build = engine.build_pyproject(project.path(), &tag("on-distroless"));
    let greeting = engine.run(&build.tag, &["greeter"]);
    let look = "import os, sys; print(os.path.realpath(sys.executable), [path for path in ('/bin/sh', '/usr/bin/apt-get') \
                if os.path.exists(path)], os.getuid())";
    assert_eq!(engine.run(&build.tag, &["python", "-c", look]), "/usr/local/bin/python3.13 [] 10001");

    // Another target stands on another base, with the same layers on top.
    let file = project.path().join("pyproject.toml").display().to_string();
    let whole = engine.build(project.path(), &tag("on-slim"), &["--file", &file, "--target", "whole"]);
    assert_eq!(engine.run(&whole.tag, &["greeter"]), greeting);
    assert!(engine.run(&whole.tag, &["python", "-c", look]).contains("'/bin/sh'"));
    let wheels = |tag: &str, base: &str| engine.layers(tag)[engine.layers(base).len()..].to_vec();
    let (without, with) = (wheels(&build.tag, &base.tag), wheels(&whole.tag, "python:3.13-slim"));
    assert_eq!(without.len(), with.len());
    assert_eq!(without[0], with[0], "a layer of wheels is the same on every base with the same Python");
}
