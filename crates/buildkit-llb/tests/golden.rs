//! Compares the ops of this crate, byte by byte, with ops that BuildKit's own Go client has made. `golden/README.md`
//! says how the data came to be.
//!
//! Each case is built twice: by the Go program that is described there, and here. The set of ops, their digests, the
//! terminal op, the metadata and the source locations must agree. The order of the ops may differ, as long as producers
//! come first.

#![allow(clippy::unwrap_used)] // a test through and through

use std::collections::{BTreeMap, BTreeSet};

use buildkit_llb::{
    Annotate, Bind, Cache, Caps, ContentCache, Copy, Definition, Diff, Differ, Digest, Exec, ExecResult, ExtraHost,
    File, Git, Http, Image, Local, Location, Merge, Mkdir, Mkfile, NetworkMode, OciLayout, OpError, Output, Owner,
    Platform, ProgressGroup, ProxyEnv, Range, RecordType, ResolveMode, Rm, SCRATCH, Secret, Sharing, SourceFile, Ssh,
    Symlink, Timestamp, Tmpfs, Ulimit, User, diff, marshal, merge,
};
use buildkit_proto::pb;
use prost::Message as _;
use serde_json::Value;

const SUM: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const COMMIT: &str = "0123456789012345678901234567890123456789";
const SLIM: &str = "docker.io/library/python:3.13-slim";

/// Capabilities that we list and the Go client does not, although the daemon checks them: the Go client forgets those of
/// file actions, and lets old daemons fail in their own way where we would rather say so.
const MORE_THAN_GO: [&str; 12] = [
    "exec.meta.cgroup.parent",
    "exec.meta.setsdefaultpath",
    "exec.mount.bind",
    "exec.mount.bind.readwrite-nooutput",
    "file.copy.alwaysreplaceexistingdestpaths",
    "file.copy.includeexcludepatterns",
    "file.copy.requiredpaths",
    "file.rm.wildcard",
    "file.symlink.create",
    "source.git.subdir",
    "source.local.differ",
    "exec.validexitcode",
];

/// What a case is built by.
type Cases = Vec<(&'static str, Result<Option<Output>, OpError>)>;

fn amd64() -> Platform {
    Platform::new("linux", "amd64")
}

fn arm64() -> Platform {
    Platform::new("linux", "arm64")
}

fn sum() -> Digest {
    SUM.parse().unwrap()
}

fn image(reference: &str) -> Output {
    Image::new(reference, amd64()).build().unwrap()
}

fn python() -> Output {
    image(SLIM)
}

fn alpine() -> Output {
    image("docker.io/library/alpine:3")
}

fn local() -> Output {
    Local::new("context").session("session-1").build().unwrap()
}

/// 1980-01-01.
const T0: Timestamp = Timestamp::from_secs(315_532_800);

#[test]
fn sources() {
    let context = || Local::new("context").session("session-1");
    let windows = Platform {
        os_version: "10.0.17763".into(),
        os_features: vec!["win32k".into()],
        ..Platform::new("windows", "amd64")
    };
    let wheel = "https://files.example/a-1.0-py3-none-any.whl";
    let cases: Vec<(&str, Result<Output, OpError>)> = vec![
        ("image", Ok(python())),
        ("image from a short name", Ok(image("docker.io/library/python:latest"))),
        (
            "image with every option",
            Image::new(format!("registry.example:5000/a/b:1@{SUM}"), arm64())
                .resolve_mode(ResolveMode::Pull)
                .record_type(RecordType::Internal)
                .layer_limit(3)
                .checksum(sum())
                .build(),
        ),
        (
            "image, local preferred, arm with variant",
            Image::new(SLIM, "linux/arm/v7".parse().unwrap()).resolve_mode(ResolveMode::Local).build(),
        ),
        ("image for arm64 v8", Image::new(SLIM, "linux/arm64/v8".parse().unwrap()).build()),
        ("image for windows", Image::new("docker.io/library/python:3.13", windows).build()),
        ("local", Ok(local())),
        (
            "local with every option",
            context()
                .include([
                    "pyproject.toml",
                    "a b",
                    "<html>&co",
                    "quote\"back\\slash",
                    "tab\there",
                    "ünï\u{2028}code",
                    "\u{1}",
                ])
                .exclude(["**/*.pyc", "!keep"])
                .follow(["src", "uv.lock"])
                .shared_key_hint("context:pyproject")
                .differ(Differ::None)
                .build(),
        ),
        ("local, metadata only", context().metadata_only(["**/pyproject.toml"]).differ(Differ::Metadata).build()),
        ("local, metadata only, no exceptions", context().metadata_only::<String>([]).build()),
        ("local without session", Local::new("context").unique("unique-1").build()),
        ("git", Git::new("https://github.com/moby/buildkit.git", "v0.13.0").build()),
        ("git, default branch", Git::new("https://github.com/moby/buildkit.git", "").build()),
        (
            "git with every option for https",
            Git::new("https://user@host.example:8443/group/sub%20dir/repo.git", COMMIT)
                .subdir("python/lib")
                .keep_git_dir()
                .auth_token_secret("my-token")
                .auth_header_secret("my-header")
                .checksum(COMMIT)
                .skip_submodules()
                .commit_times()
                .build(),
        ),
        (
            "git over ssh",
            Git::new("ssh://git@host.example:2222/group/repo.git", "main")
                .known_hosts("host.example ssh-ed25519 AAAA")
                .known_hosts("other ssh-rsa BBBB\n")
                .ssh_socket("work")
                .build(),
        ),
        (
            "git, scp-like",
            Git::new("git@github.com:moby/buildkit.git", "main").known_hosts("github.com ssh-ed25519 AAAA").build(),
        ),
        ("git, directory only", Git::new("https://github.com/moby/buildkit", "").subdir("docs").build()),
        ("http", Http::new(wheel).build()),
        (
            "http with every option",
            Http::new(format!("{wheel}?x=1#frag"))
                .checksum(sum())
                .filename("a-1.0-py3-none-any.whl")
                .mode(0o644)
                .owner(10001, 10002)
                .auth_header_secret("index-auth")
                .accept("application/octet-stream")
                .user_agent("pyfront/1")
                .build(),
        ),
        ("oci layout", OciLayout::new("example.com/a/b", sum(), amd64()).build()),
        (
            "oci layout with every option",
            OciLayout::new("example.com/a/b", sum(), arm64()).store("session-1", "store-1").layer_limit(2).build(),
        ),
    ];
    check("source", cases.into_iter().map(|(name, output)| (name, output.map(Some))).collect());
}

/// A step with every kind of mount.
fn all_mounts() -> Result<ExecResult, OpError> {
    let seed = File::on(SCRATCH).then(Mkdir::new("/cache").mode(0o700).owner(Owner::new(10001, 10001))).build()?;
    Exec::on(python(), ["build"])
        .mount(Bind::writable(SCRATCH, "/z/out"))
        .mount(Bind::readonly(local(), "/src").selector("/python"))
        .mount(Bind::discarded(local(), "/src/work"))
        .mount(Bind::writable(python(), "/a"))
        .mount(Tmpfs::new("/tmp"))
        .mount(Tmpfs::new("/dev/shm2").size(1 << 20))
        .mount(Cache::new("uv", "/root/.cache/uv"))
        .mount(Cache::new("pip", "/root/.cache/pip").seed(&seed).selector("/cache").sharing(Sharing::Locked))
        .mount(Cache::new("one", "/root/.cache/one").sharing(Sharing::Private))
        .mount(Bind::readonly(SCRATCH, "/empty"))
        .mount(Bind::readonly(local(), "/on").content_cache(ContentCache::On))
        .mount(Bind::readonly(local(), "/off").content_cache(ContentCache::Off))
        .mount(Secret::new("z", "/run/secrets/z"))
        .mount(Secret::new("ca-certificates", "/run/secrets/ca").optional(true).owner(1, 2).mode(0o444))
        .mount(Ssh::new("default"))
        .mount(Ssh::new("work").dest("/run/work.sock").owner(3, 4).mode(0o660).optional(true))
        .mount(Ssh::new("third"))
        .build()
}

#[test]
fn execs() {
    let run = |exec: Exec| exec.build().and_then(|result| result.root());
    let on = |base: &Output| Exec::on(base, ["true"]);
    let arm_image = Image::new(SLIM, arm64()).build().unwrap();
    let output = |result: Result<ExecResult, OpError>, dest: &str| result.and_then(|result| result.output(dest));
    let two = Exec::on(python(), ["build"]).mount(Bind::writable(SCRATCH, "/out")).build().unwrap();
    let cases: Vec<(&str, Result<Output, OpError>)> = vec![
        ("exec", run(Exec::on(python(), ["python", "-V"]))),
        (
            "exec, every kind of meta",
            run(Exec::on(python(), ["sh", "-c", "echo \"$A\"", ""])
                .env("PATH", "/usr/bin")
                .envs([("B", "2"), ("A", "1"), ("B", "3"), ("EMPTY", "")])
                .cwd("/app")
                .user("10001:10001")
                .hostname("builder")
                .extra_host(ExtraHost { host: "db".into(), ip: [10, 0, 0, 7].into() })
                .extra_host(ExtraHost { host: "v6".into(), ip: "2001:db8::1".parse().unwrap() })
                .ulimits([
                    Ulimit { name: "nofile".into(), soft: 1024, hard: 2048 },
                    Ulimit { name: "core".into(), soft: -1, hard: -1 },
                ])
                .cgroup_parent("parent")
                .proxy(ProxyEnv {
                    http: "http://p:1".into(),
                    https: "http://p:2".into(),
                    ftp: "http://p:3".into(),
                    no: "localhost".into(),
                    all: "http://p:4".into(),
                })
                .valid_exit_codes([0, 1, 42])
                .device("vendor.com/device=foo", true)
                .device("vendor.com/device=bar", false)
                .secret_env("TOKEN", "token-id", false)
                .secret_env("OPT", "opt-id", true)),
        ),
        ("exec without network", run(on(&python()).network(NetworkMode::None))),
        ("exec on the host's network", run(on(&python()).network(NetworkMode::Host))),
        ("exec, privileged", run(on(&python()).insecure(true))),
        ("exec for arm64", run(on(&arm_image))),
        ("exec as another platform than its root", run(on(&python()).platform(arm64()))),
        ("exec on scratch", run(Exec::on(SCRATCH, ["/bin"]).platform(amd64()))),
        ("exec with every kind of mount, its root", output(all_mounts(), "/")),
        ("exec with every kind of mount, its last output", output(all_mounts(), "/z/out")),
        ("exec with every kind of mount, its first other output", output(all_mounts(), "/a")),
        ("exec with every kind of mount, a read-only one", output(all_mounts(), "/src")),
        (
            "exec on a read-only root",
            output(Exec::on_readonly(python(), ["build"]).mount(Bind::writable(SCRATCH, "/out")).build(), "/out"),
        ),
        (
            "exec with SSH_AUTH_SOCK set",
            run(on(&python()).env("SSH_AUTH_SOCK", "/mine").mount(Ssh::new("default").dest("/s"))),
        ),
        (
            "exec on two outputs of another",
            run(Exec::on(two.root().unwrap(), ["check"]).mount(Bind::readonly(two.output("/out").unwrap(), "/in"))),
        ),
    ];
    check("exec", cases.into_iter().map(|(name, output)| (name, output.map(Some))).collect());
}

#[test]
fn files() {
    let scratch = || File::on(SCRATCH);
    let on = || File::on(python());
    let cases: Vec<(&str, File)> = vec![
        ("mkdir on scratch", scratch().then(Mkdir::new("/app"))),
        (
            "mkdir with every option",
            on().then(Mkdir::new("/a/b").mode(0o700).parents().owner(Owner::new(10001, 0)).timestamp(T0)),
        ),
        ("mkdir by names", on().then(Mkdir::new("/a").owner(Owner::new("app", "staff")))),
        ("mkdir by names on scratch", scratch().then(Mkdir::new("/a").owner(Owner::user("app")))),
        ("mkfile", scratch().then(Mkfile::new("/etc/passwd", "root:x:0:0::/root:/bin/sh\n"))),
        (
            "mkfile with every option",
            on().then(Mkfile::new("/bin", [0, 255, 128]).mode(0).owner(Owner::new(1, 2)).timestamp(Timestamp::EPOCH)),
        ),
        ("mkfile, empty", on().then(Mkfile::new("/empty", "").mode(0o600))),
        ("rm", on().then(Rm::new("/usr/share/doc"))),
        ("rm with every option", on().then(Rm::new("/usr/share/doc/*").allow_not_found().wildcard())),
        ("symlink", on().then(Symlink::new("../opt/venv/bin/python", "/usr/bin/py"))),
        (
            "symlink with every option",
            on().then(Symlink::new("/opt/venv/bin/python", "/usr/bin/py").owner(Owner::new(5, 6)).timestamp(T0)),
        ),
        ("copy", on().then(Copy::new(local(), "/src", "/app/"))),
        ("copy onto scratch", scratch().then(Copy::new(local(), "/", "/"))),
        (
            "copy with every option",
            on().then(
                Copy::new(local(), "/src/*.py", "/app/.")
                    .mode(0o750)
                    .follow_symlinks()
                    .contents_only()
                    .include(["*.py", "a/**"])
                    .exclude(["**/tests"])
                    .required(["*.py"])
                    .unpack()
                    .create_dest_path()
                    .wildcard(true)
                    .owner(Owner::new(10001, User::Name("staff".into())))
                    .timestamp(T0)
                    .always_replace(),
            ),
        ),
        ("copy with a mode in words", on().then(Copy::new(local(), "/src", "/app").mode_text("u=rwX,go=rX"))),
        ("copy with mode 0", on().then(Copy::new(local(), "/src", "/app").mode(0))),
        ("copy from the base itself", on().then(Copy::new(python(), "/a", "/b"))),
        ("copy, unclean paths", on().then(Copy::new(local(), "/src//a/../b/", "//app/./x//"))),
        (
            "a chain of actions",
            on().then(Mkdir::new("/app"))
                .then(Mkfile::new("/app/a", "a"))
                .then(Copy::new(local(), "/src", "/app/src").contents_only().create_dest_path())
                .then(Copy::new(alpine(), "/etc/os-release", "/app/"))
                .then(Copy::new(local(), "/docs", "/app/docs"))
                .then(Rm::new("/tmp/x").allow_not_found())
                .then(Symlink::new("/app/a", "/a"))
                .then(Mkdir::new("/last").owner(Owner::user("app"))),
        ),
        (
            "a chain on scratch",
            scratch()
                .then(Copy::new(local(), "/a", "/a"))
                .then(Copy::new(alpine(), "/b", "/b"))
                .then(Mkfile::new("/c", "c")),
        ),
        (
            "file ops on each other",
            File::on(
                File::on(scratch().then(Mkdir::new("/a")).build().unwrap())
                    .then(Copy::new(local(), "/x", "/a/x"))
                    .build()
                    .unwrap(),
            )
            .then(Rm::new("/a/x/y")),
        ),
    ];
    check("file", cases.into_iter().map(|(name, file)| (name, file.build().map(Some))).collect());
}

#[test]
fn layers() {
    let run = Exec::on(python(), ["build"]).build().unwrap().root().unwrap();
    let x = File::on(SCRATCH).then(Mkfile::new("/x", "x")).build().unwrap();
    let cases = vec![
        ("merge", merge([python(), alpine()])),
        ("merge of one", merge([python()])),
        ("merge with scratch", merge([None, Some(python()), None, Some(alpine())])),
        ("merge of the same twice", merge([python(), alpine(), python()])),
        ("diff", Some(diff(&python(), &run))),
        ("diff to scratch", Diff::between(python(), SCRATCH).build()),
        ("diff from scratch", Diff::between(SCRATCH, python()).build()),
        ("diff with itself", Some(diff(&python(), &python()))),
        ("merge of diffs", merge([python(), diff(&python(), &run), x])),
    ];
    check("layers", cases.into_iter().map(|(name, output)| (name, Ok(output))).collect());
}

fn input_definition() -> Definition {
    let text = include_str!("golden/input.definition.hex");
    Definition::from_bytes(&unhex(text.trim())).unwrap()
}

#[test]
fn graphs() {
    let project = SourceFile::new("pyproject.toml", "TOML", "[project]\nname = \"x\"\n");
    let lock = SourceFile::new("uv.lock", "", "version = 1\n");
    let at = |file, start, end| Location::new(file, [Range { start, end }]);
    let described = || -> Result<Output, OpError> {
        let base = Image::new(SLIM, amd64()).named("base image").at(at(&project, (1, 0), (1, 9))).build()?;
        let group = ProgressGroup { weak: true, ..ProgressGroup::new("g1", "group") };
        let a = Exec::on(&base, ["a"])
            .named("step a")
            .ignore_cache(true)
            .in_group(&group)
            .at(at(&lock, (1, 0), (1, 0)))
            .at(at(&project, (2, 0), (2, 4)))
            .build()?
            .root()?;
        let b = Exec::on(&base, ["b"]).described("com.example.key", "value").export_cache(true).build()?.root()?;
        File::on(&base)
            .then(Copy::new(&a, "/a", "/a"))
            .then(Copy::new(&b, "/b", "/b"))
            .export_cache(false)
            .at(at(&project, (2, 7), (2, 10)))
            .build()
    };
    let twice = || -> Result<Option<Output>, OpError> {
        let image = || Image::new("docker.io/library/alpine:3", amd64());
        let x = image().named("one").at(Location::new(&project, [Range::line(1)])).build()?;
        let y = image().described("k", "v").at(Location::new(&lock, [Range::line(1)])).build()?;
        let x = File::on(&x).then(Mkdir::new("/x")).build()?;
        let y = File::on(&y).then(Mkdir::new("/y")).build()?;
        Ok(Merge::of([x, y]).build())
    };
    let foreign = input_definition().output().unwrap().unwrap();
    check(
        "graph",
        vec![
            ("scratch", Ok(None)),
            ("metadata and source maps", described().map(Some)),
            ("the same op twice", twice()),
            (
                "on a definition from elsewhere",
                File::on(&foreign).then(Copy::new(python(), "/etc/os-release", "/etc/")).build().map(Some),
            ),
        ],
    );
}

/// A definition of the Go client survives being taken apart and put together.
#[test]
fn foreign_definitions_are_kept_as_they_are() {
    let definition = input_definition();
    let output = definition.output().unwrap().unwrap();
    assert_eq!(output.platform(), Some(&arm64()));
    let again = marshal(Some(&output), &Caps::all()).unwrap();
    assert_eq!(again.as_pb().def, definition.as_pb().def);
    // The Go client also lists the ops that come from nowhere.
    let mut source = definition.as_pb().source.clone().unwrap();
    source.locations.retain(|_, of_op| !of_op.locations.is_empty());
    assert_eq!(again.as_pb().source, Some(source));
    let mut metadata = definition.as_pb().metadata.clone();
    for (digest, again) in &again.as_pb().metadata {
        let mut known = metadata.remove(digest).unwrap();
        // The terminal op is made anew.
        if again.description.is_empty() {
            known.caps.retain(|cap, _| again.caps.contains_key(cap));
        }
        assert_eq!(*again, known);
    }
    assert!(metadata.is_empty());
    assert_eq!(Definition::from_bytes(&again.to_bytes()).unwrap(), again);
}

/// Compares all cases of a file; each one there must be here, and the other way round.
fn check(file: &str, cases: Cases) {
    let path = format!("{}/tests/golden/{file}.json", env!("CARGO_MANIFEST_DIR"));
    let golden: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut golden: BTreeMap<&str, &Value> =
        golden["cases"].as_array().unwrap().iter().map(|case| (case["name"].as_str().unwrap(), case)).collect();
    for (name, output) in cases {
        let expected = golden.remove(name).unwrap_or_else(|| panic!("“{name}” is not in {file}.json"));
        let output = output.unwrap_or_else(|error| panic!("“{name}”: {error}"));
        compare(name, marshal(output.as_ref(), &Caps::all()).unwrap().as_pb(), expected);
    }
    assert!(golden.is_empty(), "not built here: {:?}", golden.keys());
}

fn compare(name: &str, ours: &pb::Definition, golden: &Value) {
    let ops = golden["ops"].as_array().unwrap();
    let bytes = |op: &Value| unhex(op["bytes"].as_str().unwrap());
    // Not just the sets: a difference is easier to find in a decoded op.
    let theirs: BTreeMap<String, Vec<u8>> =
        ops.iter().map(|op| (op["digest"].as_str().unwrap().to_owned(), bytes(op))).collect();
    let mine: BTreeMap<String, Vec<u8>> =
        ours.def.iter().map(|bytes| (Digest::of(bytes).to_string(), bytes.clone())).collect();
    let decoded = |ops: &BTreeMap<String, Vec<u8>>, other: &BTreeMap<String, Vec<u8>>| -> Vec<pb::Op> {
        let missing = ops.iter().filter(|(digest, _)| !other.contains_key(*digest));
        missing.map(|(_, bytes)| pb::Op::decode(bytes.as_slice()).unwrap()).collect()
    };
    assert_eq!(
        mine,
        theirs,
        "“{name}”: ops differ\nours: {:#?}\nGo's: {:#?}",
        decoded(&mine, &theirs),
        decoded(&theirs, &mine)
    );
    assert_eq!(ours.def.len(), ops.len(), "“{name}”: an op is there twice");
    assert_eq!(ours.def.last(), ops.last().map(bytes).as_ref(), "“{name}”: another terminal op");
    check_order(name, ours);

    let metadata = golden["metadata"].as_object().unwrap();
    assert_eq!(
        ours.metadata.keys().collect::<BTreeSet<_>>(),
        metadata.keys().collect::<BTreeSet<_>>(),
        "“{name}”: metadata of other ops"
    );
    for (digest, mine) in &ours.metadata {
        compare_metadata(name, mine, &metadata[digest]);
    }

    let source = golden["source"].as_str().map(|hex| pb::Source::decode(unhex(hex).as_slice()).unwrap());
    assert_eq!(ours.source, source, "“{name}”: other source locations");
}

fn compare_metadata(name: &str, mine: &pb::OpMetadata, golden: &Value) {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let description: BTreeMap<String, String> = golden["description"]
        .as_object()
        .map(|map| map.iter().map(|(key, value)| (key.clone(), text(value))).collect())
        .unwrap_or_default();
    let expected = pb::OpMetadata {
        ignore_cache: golden["ignore_cache"].as_bool().unwrap_or_default(),
        description,
        export_cache: golden["export_cache"].as_bool().map(|value| pb::ExportCache { value }),
        caps: BTreeMap::new(),
        progress_group: golden["progress_group"].as_array().map(|group| pb::ProgressGroup {
            id: text(&group[0]),
            name: text(&group[1]),
            weak: group[2].as_bool().unwrap(),
        }),
        linux_resources: None,
    };
    assert_eq!(pb::OpMetadata { caps: BTreeMap::new(), ..mine.clone() }, expected, "“{name}”: other metadata");
    let caps: BTreeSet<String> =
        golden["caps"].as_array().map(|caps| caps.iter().map(text).collect()).unwrap_or_default();
    let listed: BTreeSet<String> = mine.caps.keys().cloned().collect();
    let more: Vec<_> = listed.difference(&caps).filter(|cap| !MORE_THAN_GO.contains(&cap.as_str())).collect();
    let fewer: Vec<_> = caps.difference(&listed).collect();
    assert!(more.is_empty() && fewer.is_empty(), "“{name}”: caps we list alone: {more:?}, Go alone: {fewer:?}");
}

/// Producers come before consumers.
fn check_order(name: &str, definition: &pb::Definition) {
    let mut made = BTreeSet::new();
    for bytes in &definition.def {
        for input in pb::Op::decode(bytes.as_slice()).unwrap().inputs {
            assert!(made.contains(&input.digest), "“{name}”: an op comes before its input");
        }
        made.insert(Digest::of(bytes).to_string());
    }
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap();
    text.as_bytes().chunks_exact(2).map(|pair| u8::try_from(digit(pair[0]) * 16 + digit(pair[1])).unwrap()).collect()
}
