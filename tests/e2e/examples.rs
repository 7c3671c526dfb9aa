//! The example folders as their users see them: each is built, started, asked, stopped, and looked through. What an image must have and
//! must not have is said once, in `services`; a case says what is special about its example.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::engine::{Engine, example, tag};
use crate::projects::write;

/// An example that is a service.
struct Case {
    example: &'static str,
    /// For `--target`; empty for the image itself.
    target: &'static str,
    /// For `docker run`.
    options: &'static [&'static str],
    /// What is asked by HTTP, and what stands in the answer: `(port and path, answer)`.
    asked: &'static [(&'static str, &'static str)],
    /// Whether it has a health check.
    healthy: bool,
    /// Whether the image is compared with that of a Dockerfile with two stages.
    compared: bool,
    /// What it stands on.
    base: &'static str,
}

const PLAIN: Case =
    Case { example: "", target: "", options: &[], asked: &[], healthy: true, compared: false, base: SLIM };
const SLIM: &str = "python:3.13-slim";
const DISTROLESS: &str = "example/distroless-python:3.13";

const CASES: &[Case] = &[
    Case {
        example: "gunicorn",
        options: &["--env=WORKERS=3", "--env=TIMEOUT=77", "--env=KEEP_ALIVE=9", "--env=MAX_REQUESTS=1000"],
        asked: &[("8000/health", "\"uid\":10001"), ("8000/worker", "\"parent\":1")],
        compared: true,
        ..PLAIN
    },
    Case { example: "alpine", asked: &[("8000/health", "\"libc\":\"musl\"")], base: "python:3.13-alpine", ..PLAIN },
    Case { example: "distroless", asked: &[("8000/health", "\"shell\":false")], base: DISTROLESS, ..PLAIN },
    Case { example: "flask", asked: &[("8000/", "<ul></ul>"), ("8000/health", "10001")], compared: true, ..PLAIN },
    Case { example: "django", asked: &[("8000/health", "\"style\": \"/static/style.")], ..PLAIN },
    Case { example: "celery", asked: &[("8000/health", "\"uid\":10001")], ..PLAIN },
    Case { example: "celery", target: "worker", options: MEMORY, healthy: false, ..PLAIN },
    Case { example: "celery", target: "beat", options: MEMORY, healthy: false, ..PLAIN },
    Case { example: "streamlit", asked: &[("8501/_stcore/health", "ok")], ..PLAIN },
    Case {
        example: "numeric",
        asked: &[("8000/loudest?frequency=523", "{\"frequency\":523}")],
        compared: true,
        ..PLAIN
    },
];

/// A broker that needs no network: nobody else can send it anything.
const MEMORY: &[&str] = &["--env=BROKER_URL=memory://"];

/// Asks a URL of the container, from within: images have no other client.
const ASK: &str = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1], timeout=30).read().decode())";

/// Lists what has no place in an image, and sums up what lies in it.
const LOOK: &str = r#"
import os, stat
NAMES = {"cc", "c++", "gcc", "g++", "ld", "uv", "uvx", "cargo", "rustc", ".env", ".git", ".venv", ".pytest_cache", "pytest"}
total, wrong = 0, []
for directory, directories, files in os.walk("/"):
    if directory == "/":
        directories[:] = [name for name in directories if name not in ("proc", "sys", "dev")]
    if directory in ("/var/lib/apt/lists", "/root/.cache", "/home/app/.cache", "/var/cache/apt/archives") and files:
        wrong.append(directory)
    for name in [*directories, *files]:
        path = os.path.join(directory, name)
        if name in NAMES or name.endswith(".whl") or (name == "tests" and directory.startswith("/app")):
            wrong.append(path)
        status = os.lstat(path)
        if stat.S_ISREG(status.st_mode):
            total += status.st_size
        if status.st_mode & stat.S_IWOTH and not stat.S_ISLNK(status.st_mode) and not status.st_mode & stat.S_ISVTX:
            wrong.append("written by everybody: " + path)
print(total)
print(*sorted(wrong), sep="\n")
"#;

/// Directories with files that the stand-in for the slim image has.
const IN_BASE: &[&str] = &["/usr/share/gcc", "/var/cache/apt/archives", "/var/lib/apt/lists"];

/// The engine, unless it is the one with Docker's own store: what examples have to show does not depend on the store, and
/// other tests are about that.
fn engine() -> Option<Engine> {
    Engine::get().filter(|engine| !engine.is_graphdriver())
}

#[test]
fn services() {
    let Some(engine) = engine() else { return };
    for case in CASES {
        service(&engine, case);
    }
}

fn service(engine: &Engine, case: &Case) {
    let name = [case.example, case.target].join(" ");
    let project = example(case.example);
    write(project.path(), ".env", "SECRET=1\n");
    if case.base == DISTROLESS {
        let file = project.path().join("base.Dockerfile").display().to_string();
        engine.build(project.path(), DISTROLESS, &["--file", &file]);
    }
    let file = project.path().join("pyproject.toml").display().to_string();
    let mut arguments = vec!["--file", &file];
    if !case.target.is_empty() {
        arguments.extend(["--target", case.target]);
    }
    let began = Instant::now();
    let build = engine.build(project.path(), &tag(case.example), &arguments);
    let built = began.elapsed();

    let mut run = vec!["run", "--detach", "--network=none"];
    run.extend(case.options);
    run.push(&build.tag);
    let container = engine.docker(&run);
    let ask = |program: &str, argument: &str| try_docker(&["exec", &container, "python", "-c", program, argument]);
    if case.healthy {
        let health = wait(engine, &container);
        assert_eq!(health, "healthy", "{name}: {}", engine.docker(&["logs", &container]));
    } else {
        // Until it has set itself up to be stopped.
        std::thread::sleep(Duration::from_secs(6));
    }
    for (at, answer) in case.asked {
        let (port, path) = at.split_once('/').expect("a port and a path");
        let given = ask(ASK, &format!("http://127.0.0.1:{port}/{path}"));
        assert!(given.contains(answer), "{name} {at}: {given}\n{}", engine.docker(&["logs", &container]));
    }
    let owner = ask("import os; status = os.stat('/proc/1'); print(status.st_uid, status.st_gid)", "");
    assert_eq!(owner.trim(), "10001 10001", "{name}: {}", engine.docker(&["logs", &container]));

    // Docker would kill it after the time: 137.
    let began = Instant::now();
    engine.docker(&["stop", "--time=8", &container]);
    let stopped = began.elapsed();
    let code = engine.docker(&["inspect", "--format", "{{.State.ExitCode}}", &container]);
    assert!(["0", "143"].contains(&code.as_str()), "{name}: {code} {}", engine.docker(&["logs", &container]));
    engine.docker(&["rm", "--force", "--volumes", &container]);

    let size = look(engine, &build.tag, &name);
    let base = look(engine, case.base, "the base");
    let mut line =
        format!("{name}: {:.1} MB on the base, built in {built:.1?}, stopped in {stopped:.1?}", megabytes(size - base));
    if case.compared {
        let other = by_hand(engine, project.path(), case.example, &build.tag);
        line += &format!(
            ", {:.3} of {:.1} MB by a Dockerfile",
            megabytes(size - base) / megabytes(other - base),
            megabytes(other - base)
        );
        assert!(size <= other, "{line}");
    }
    println!("{line}");
}

/// The size of all files of an image in bytes. Fails for files that do not belong there, unless the base has them.
fn look(engine: &Engine, tag: &str, name: &str) -> u64 {
    let found =
        engine.docker(&["run", "--rm", "--network=none", "--user=0", "--entrypoint=python", tag, "-I", "-c", LOOK]);
    let (size, wrong) = found.split_once('\n').unwrap_or((&found, ""));
    let wrong: Vec<&str> = wrong.lines().filter(|path| !IN_BASE.contains(path)).collect();
    assert!(wrong.is_empty(), "{name} has files that do not belong into an image: {wrong:?}");
    size.parse().expect("a size")
}

#[allow(clippy::cast_precision_loss)]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// What the guides say, with the same base and the same bytecode.
const DOCKERFILE: &str = "\
FROM python:3.13-slim AS build
COPY --from=astral/uv:0.13.8 /uv /usr/local/bin/uv
ENV UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_PROJECT_ENVIRONMENT=/opt/venv UV_PYTHON_DOWNLOADS=never UV_SYSTEM_CERTS=1
WORKDIR /app
COPY . .
RUN --mount=type=secret,id=ca-certificates,target=/etc/ssl/certs/ca-certificates.crt uv sync --locked --no-dev --no-editable

FROM python:3.13-slim
@PACKAGES@
RUN groupadd --gid 10001 app && useradd --uid 10001 --gid app --create-home app
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
@PROJECT@
ENV PATH=/opt/venv/bin:$PATH
USER 10001:10001
";

/// The size of the same project's image by a Dockerfile with two stages.
fn by_hand(engine: &Engine, project: &Path, example: &str, ours: &str) -> u64 {
    let text = std::fs::read_to_string(project.join("pyproject.toml")).unwrap();
    let packages = if text.contains("libsndfile1") {
        "RUN apt-get update && apt-get install -y --no-install-recommends libsndfile1 && rm -rf /var/lib/apt/lists/*"
    } else {
        ""
    };
    let copied = if text.contains("[build-system]") { "" } else { "COPY . ." };
    write(project, ".dockerignore", ".env\nDockerfile.hand\n");
    write(project, "Dockerfile.hand", &DOCKERFILE.replace("@PACKAGES@", packages).replace("@PROJECT@", copied));
    let file = project.join("Dockerfile.hand").display().to_string();
    let built = engine.build(project, &tag(example), &["--file", &file]);
    let list = "import importlib.metadata as m; print(*sorted(f'{d.name}=={d.version}' for d in m.distributions()))";
    let packages = |tag: &str| engine.run(tag, &["python", "-c", list]);
    assert_eq!(packages(&built.tag), packages(ours), "both images have the same packages");
    look(engine, &built.tag, example)
}

/// The state of a container's health, once it has one.
fn wait(engine: &Engine, container: &str) -> String {
    let end = Instant::now() + Duration::from_secs(90);
    loop {
        let health = engine.docker(&["inspect", "--format", "{{.State.Health.Status}}", container]);
        if health != "starting" || Instant::now() > end {
            return health;
        }
        std::thread::sleep(Duration::from_millis(300));
    }
}

/// What a docker command prints, on either stream.
fn try_docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output().expect("docker can be started");
    [output.stdout, output.stderr].map(|stream| String::from_utf8_lossy(&stream).into_owned()).join("\n")
}

/// Builds an example that is no service.
fn program(engine: &Engine, name: &str, options: &[&str]) -> String {
    let project = example(name);
    let file = project.path().join("pyproject.toml").display().to_string();
    engine.build(project.path(), &tag(name), &[&["--file", &file], options].concat()).tag
}

#[test]
fn a_command_line_tool() {
    let Some(engine) = engine() else { return };
    let image = program(&engine, "cli", &[]);
    assert!(engine.run(&image, &[]).contains("Counts the words of standard input."));
    let mut run = Command::new("docker");
    run.args(["run", "--rm", "--interactive", "--network=none", &image, "--yaml"]);
    let mut run = run.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("docker can be started");
    run.stdin.take().expect("it is piped").write_all(b"b a b").expect("it reads");
    let output = run.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "b: 2\na: 1\n");
    let config = &engine.inspect(&image)["Config"];
    assert_eq!((&config["User"], &config["WorkingDir"]), (&"2000:2000".into(), &"/work".into()));
}

#[test]
fn files_of_another_image_and_commands() {
    let Some(engine) = engine() else { return };
    // No registry is needed: a directory takes the place of the image.
    let node = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(node.path().join("usr/local/bin")).unwrap();
    let program_of_node = node.path().join("usr/local/bin/node");
    std::fs::write(&program_of_node, "#!/bin/sh\necho v22.0.0\n").unwrap();
    std::fs::set_permissions(&program_of_node, std::fs::Permissions::from_mode(0o755)).unwrap();
    let context = format!("node:22-slim={}", node.path().display());
    let image = program(&engine, "node", &["--build-context", &context]);
    assert_eq!(engine.run(&image, &[]), "Hello from Python and Node v22.0.0; 1.0 kB");
    let look = "import os; status = os.stat('etc/renderer.json'); print(status.st_uid, oct(status.st_mode), os.listdir('__pycache__'))";
    assert_eq!(engine.run(&image, &["python", "-c", look]), "10001 0o100640 ['main.cpython-313.pyc']");
}

#[test]
fn a_sandbox() {
    let Some(engine) = engine() else { return };
    let image = program(&engine, "sandbox", &[]);
    let look = "id -un; pwd; cat /proc/1/comm; git --version; node --version; echo '{\"a\": 1}' | jq .a; echo x > /workspace/x; \
                python -c 'import httpx'; touch here; command -v gcc uv";
    let found = engine.docker(&["run", "--rm", "--network=none", &image, "bash", "-c", &format!("{look}; true")]);
    let lines: Vec<&str> = found.lines().collect();
    assert_eq!(lines[..3], ["agent", "/home/agent", "tini"], "{found}");
    assert!(lines[3].starts_with("git version") && lines[4].starts_with('v'), "{found}");
    assert_eq!(lines[5..], ["1"], "{found}");
}
