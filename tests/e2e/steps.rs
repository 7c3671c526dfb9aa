//! `[[tool.pyfront.run]]` and `[[tool.pyfront.copy]]`: what the user adds to an image by hand.

use crate::engine::{Engine, example, tag};
use crate::projects::write;

const CONFIGURATION: &str = "
[tool.pyfront]
command = [\"python\", \"main.py\"]
writable = [\"/models\"]
env = { STATE = \"/models\" }

[[tool.pyfront.run]]
at = \"dependencies\"
command = [\"python\", \"-c\", \"import humanize, os, pathlib; pathlib.Path('/models/size').write_text(humanize.naturalsize(1e6) + os.environ['UNIT'])\"]
env = { UNIT = \" in ${STATE}\" }

[[tool.pyfront.copy]]
src = \"conf/app.ini\"
dest = \"etc/\"
owner = \"user\"
mode = \"0640\"

[[tool.pyfront.copy]]
from = \"python:3.11-slim\"
src = \"/etc/os-release\"
dest = \"/usr/local/share/other-release\"

[[tool.pyfront.copy]]
from = \"assets\"
src = \".\"
dest = \"/srv/assets\"

[[tool.pyfront.run]]
command = [\"python\", \"collect.py\"]
secrets = [\"token\"]
cache = [\"/home/app/.cache/collect\"]
";

/// Looks at where it runs, and leaves files.
const COLLECT: &str = "\
import os, pathlib, socket, tempfile
assert pathlib.Path('/run/secrets/token').read_text() == 'hush'
assert pathlib.Path('/app/etc/app.ini').read_text() == 'x = 1'
cache = pathlib.Path.home() / '.cache/collect/runs'
runs = cache.read_text() if cache.exists() else ''
cache.write_text(runs + 'x')
try:
    socket.create_connection(('192.0.2.1', 80), timeout=1)
    network = 'some'
except OSError:
    network = 'none'
pathlib.Path(tempfile.gettempdir(), 'rest').write_text('rest')
pathlib.Path('static').mkdir()
pathlib.Path('static/made.txt').write_text(f'{os.getuid()} network {network}')
";

/// Says what is there, and what must not be.
const MAIN: &str = "\
import os, pathlib
text = lambda path: pathlib.Path(path).read_text()
own = lambda path: '%d:%o' % (os.stat(path).st_uid, os.stat(path).st_mode & 0o7777)
print(text('/models/size'))
print(text('static/made.txt'), own('static/made.txt'))
print(own('etc/app.ini'), own('/app'), own('/srv/assets/logo.svg'), text('/srv/assets/logo.svg'))
print('bookworm' in text('/usr/local/share/other-release'))
print([path for path in ('/run/secrets', '/tmp/rest', '/home/app/.cache', '/run/pyfront', '/out') if os.path.exists(path)])
";

/// What the program of [`project`] says.
pub(crate) const SAYS: [&str; 5] =
    ["1.0 MB in /models", "10001 network none 10001:644", "10001:640 10001:755 0:644 <svg/>", "True", "[]"];

/// A project with commands and copies of each kind, and the directory of the context `assets`.
pub(crate) fn project() -> (tempfile::TempDir, tempfile::TempDir) {
    let project = example("virtual");
    let path = project.path();
    let assets = tempfile::tempdir().unwrap();
    write(assets.path(), "logo.svg", "<svg/>");
    let pyproject = std::fs::read_to_string(path.join("pyproject.toml")).unwrap();
    write(path, "pyproject.toml", &format!("{pyproject}{CONFIGURATION}"));
    std::fs::create_dir(path.join("conf")).unwrap();
    write(path, "conf/app.ini", "x = 1");
    write(path, "collect.py", COLLECT);
    write(path, "main.py", MAIN);
    write(path, "token.txt", "hush");
    write(path, ".dockerignore", "token.txt\n");
    (project, assets)
}

#[test]
fn commands_and_copies_become_layers() {
    let Some(engine) = Engine::get() else { return };
    let (project, assets) = project();
    let path = project.path();
    let file = path.join("pyproject.toml").display().to_string();
    let secret = format!("id=token,src={}", path.join("token.txt").display());
    let context = format!("assets={}", assets.path().display());
    let arguments = ["--file", &file, "--secret", &secret, "--build-context", &context];
    let build = engine.build(path, &tag("steps"), &arguments);
    let printed = engine.run(&build.tag, &[]);
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines, SAYS);

    // A change of the project does not touch what needs the dependencies alone.
    write(
        path,
        "collect.py",
        // An engine that ran this test before must not know the answer.
        &format!(
            "{}# {}\n",
            COLLECT.replace("made.txt').write", "more.txt').write_text('more')\npathlib.Path('static/made.txt').write"),
            std::process::id()
        ),
    );
    let changed = engine.build(path, &tag("steps-changed"), &arguments);
    let ran = changed.steps_that_ran();
    assert!(ran.iter().any(|step| step.contains("run python collect.py")), "{ran:?}");
    assert!(!ran.iter().any(|step| step.contains("run python -c") || step.contains("copy /etc")), "{ran:?}");

    let mut again = arguments.to_vec();
    again.push("--no-cache");
    let again = engine.build(path, &tag("steps-again"), &again);
    engine.assert_same_layers(&again.tag, &changed.tag);
    // What is copied comes out of the cache there; another engine makes the same of it, for no layer of ours has a clock in it.
    let timed = |line: &&String| !line.contains("1980-01-01 00:00:00");
    let listings = engine.listings(&build.tag);
    let ours = &listings[engine.layers("python:3.13-slim").len()..];
    assert_eq!(ours.iter().flatten().filter(timed).collect::<Vec<_>>(), Vec::<&String>::new());
    let history = engine.docker(&["history", "--no-trunc", "--format", "{{.CreatedBy}}", &build.tag]);
    assert!(history.contains("run python collect.py\n") && !history.contains("hush"), "{history}");
}

#[test]
fn a_command_that_fails_is_told_with_its_line() {
    let Some(engine) = Engine::get() else { return };
    let project = example("virtual");
    let path = project.path();
    let pyproject = std::fs::read_to_string(path.join("pyproject.toml")).unwrap();
    let run = "[[tool.pyfront.run]]\ncommand = [\"python\", \"-c\", \"raise SystemExit(3)\"]\n";
    write(path, "pyproject.toml", &format!("{pyproject}\n{run}"));
    let file = path.join("pyproject.toml").display().to_string();
    let failed = engine.try_build(path, &tag("run-fails"), &["--file", &file]);
    assert!(!failed.success && failed.log.contains("[[tool.pyfront.run]] ended with status 3"), "{}", failed.log);
    assert!(failed.log.contains(">>> command = [\"python\", \"-c\""), "{}", failed.log);
}
