//! What the running container has and may do: its first process, its environment, what it can write, its health.

use crate::engine::{Engine, example, tag};
use crate::projects::write;

const CONFIGURATION: &str = "
[tool.pyfront]
command = [\"python\", \"main.py\"]
init = true
writable = [\"/var/lib/tick\"]
volumes = [\"/data\"]
user = { name = \"ticker\", uid = 1234 }
healthcheck = { port = 8123, interval = \"1s\", start-interval = \"1s\", start-period = \"30s\" }

[tool.pyfront.env]
STATE = \"/var/lib/tick\"
STATE_FILE = \"${STATE}/state-${UNKNOWN:-1}\"
PATH = \"/app/bin:${PATH}\"

[tool.pyfront.targets.admin]
user = \"root\"
init = false
";

/// Listens, after a look at where it is.
const MAIN: &str = "\
import os, pathlib, socket, tempfile
pathlib.Path('/data/x').write_text('x')
with tempfile.TemporaryFile() as file:
    file.write(b'x')
server = socket.create_server(('127.0.0.1', 8123))
try:
    pathlib.Path(os.environ['STATE_FILE']).write_text('x')
    state = 'written'
except OSError as error:
    state = error.strerror
first = pathlib.Path('/proc/1/cmdline').read_bytes().split(b'\\0')[:2]
print(state, os.environ['PATH'].split(':')[:2], first, os.getuid(), os.path.expanduser('~'), flush=True)
while True:
    server.accept()[0].close()
";

#[test]
fn a_container_with_a_first_process_and_directories_of_its_own() {
    let Some(engine) = Engine::get() else { return };
    let project = example("virtual");
    let file = std::fs::read_to_string(project.path().join("pyproject.toml")).unwrap();
    write(project.path(), "pyproject.toml", &format!("{file}{CONFIGURATION}"));
    write(project.path(), "main.py", MAIN);
    let build = engine.build_pyproject(project.path(), &tag("runtime"));
    let start = |arguments: &[&str]| {
        let mut all = vec!["run", "--detach", "--network=none"];
        all.extend(arguments);
        all.push(&build.tag);
        engine.docker(&all)
    };
    let (plain, readonly) = (start(&[]), start(&["--read-only", "--tmpfs", "/tmp"]));
    let rest = "['/app/bin', '/opt/venv/bin'] [b'tini', b'--'] 1234 /home/ticker";
    for (container, state) in [(plain, "written"), (readonly, "Read-only file system")] {
        assert_eq!(engine.health(&container), "healthy", "{}", engine.docker(&["logs", &container]));
        assert_eq!(engine.docker(&["logs", &container]), format!("{state} {rest}"));
        engine.docker(&["stop", &container]);
        let code = engine.docker(&["inspect", "--format", "{{.State.ExitCode}}", &container]);
        assert_eq!(code, "143", "the program gets SIGTERM");
        engine.docker(&["rm", "--force", "--volumes", &container]);
    }
    let volumes = engine.docker(&["image", "inspect", "--format", "{{json .Config.Volumes}}", &build.tag]);
    assert_eq!(volumes, "{\"/data\":{}}");

    // Who insists on root gets it, and a warning.
    let file = project.path().join("pyproject.toml").display().to_string();
    let admin = engine.build(project.path(), &tag("runtime-root"), &["--file", &file, "--target", "admin"]);
    assert!(admin.log.contains("RootUser: pyproject.toml:"), "{}", admin.log);
    let look = "import os, pathlib; pathlib.Path('/etc/mine').touch(); \
                print(os.getuid(), os.getgid(), os.path.expanduser('~'), os.stat('/data').st_uid, os.stat('/app').st_uid)";
    assert_eq!(engine.run(&admin.tag, &["python", "-c", look]), "0 0 /root 0 0");
    assert!(!build.log.contains("RootUser"), "{}", build.log);
}
