//! What a person reads when a lock cannot be used: one snapshot a case, since the messages are part of the product.

// Helpers of tests may panic like the tests themselves.
#![allow(clippy::unwrap_used)]

use pyfront::closure::{Arch, Libc, Python, Request, Root, Target, resolve};
use pyfront::diagnostic::SourceFile;
use pyfront::project::lock::Lock;

fn read(text: &str) -> Result<Lock, String> {
    Lock::read(&SourceFile::new("uv.lock", text)).map_err(|problems| problems.to_string())
}

fn refusal(text: &str) -> String {
    read(text).map_or_else(|error| error, |_| panic!("this lock should be refused:\n{text}"))
}

/// A project that needs one package, described by `package`.
fn lock_with(package: &str) -> String {
    format!(
        r#"version = 1
revision = 5
requires-python = ">=3.11"

[[package]]
name = "app"
version = "0.1.0"
source = {{ virtual = "." }}
dependencies = [
    {{ name = "middle" }},
]

[package.optional-dependencies]
postgres = [
    {{ name = "middle" }},
]

[package.dev-dependencies]
docs = [
    {{ name = "middle" }},
]

[package.metadata]
requires-dist = [{{ name = "middle" }}]
provides-extras = ["postgres", "redis"]

[package.metadata.requires-dev]
docs = [{{ name = "middle" }}]
lint = []

[[package]]
name = "middle"
version = "1.0"
source = {{ registry = "https://index.example/simple" }}
dependencies = [
    {{ name = "wheels" }},
]
wheels = [
    {{ url = "https://files.example/middle-1.0-py3-none-any.whl", hash = "sha256:{hash}" }},
]

[[package]]
name = "wheels"
version = "2.0"
source = {{ registry = "https://index.example/simple" }}
{package}
"#,
        hash = "0".repeat(64),
    )
}

fn wheels(names: &[&str]) -> String {
    let entries: Vec<String> =
        names.iter().map(|name| format!("    {{ url = \"https://files.example/{name}\" }},\n")).collect();
    lock_with(&format!("wheels = [\n{}]", entries.concat()))
}

fn target(python: &str, arch: Arch, libc: Libc) -> Target {
    Target { python: Python::new(python, false).unwrap(), arch, libc }
}

fn debian() -> Target {
    target("3.13.5", Arch::X86_64, Libc::Glibc { major: 2, minor: 36 })
}

fn unresolved(text: &str, request: &Request, target: &Target) -> String {
    let lock = read(text).unwrap();
    resolve(&lock, request, target).map_or_else(
        |problems| problems.to_string(),
        |closure| panic!("this should not be installable: {}", serde_json::to_string_pretty(&closure).unwrap()),
    )
}

fn no_wheel(names: &[&str], target: &Target) -> String {
    unresolved(&wheels(names), &Request::default(), target)
}

macro_rules! snapshots {
    ($($name:ident: $text:expr;)*) => {
        $(#[test]
        fn $name() {
            insta::with_settings!({ omit_expression => true }, {
                insta::assert_snapshot!(stringify!($name), $text);
            });
        })*
    };
}

snapshots! {
    future_version: refusal("version = 2\nrevision = 1\nrequires-python = \">=3.11\"\nshape = \"unheard of\"\n");
    ancient_version: refusal("version = 0\nrequires-python = \">=3.11\"\n");
    no_version: refusal("requires-python = \">=3.11\"\n");
    no_requires_python: refusal("version = 1\n");
    bad_requires_python: refusal("version = 1\nrequires-python = \"three\"\n");
    empty_file: refusal("");
    broken_toml: refusal(&lock_with("").replace("revision = 5", "revision = 5 5"));
    broken_toml_at_the_end: refusal(&lock_with("wheels = ["));
    merge_conflict: refusal(&lock_with("").replace("name = \"middle\"\n", "<<<<<<< HEAD\nname = \"middle\"\n=======\nname = \"center\"\n>>>>>>> x\n"));
    bad_hash: refusal(&lock_with("wheels = [\n    { url = \"https://files.example/wheels-2.0-py3-none-any.whl\", hash = \"sha256:123\" },\n]"));
    unknown_hash_algorithm: refusal(&lock_with("sdist = { url = \"https://files.example/wheels-2.0.tar.gz\", hash = \"crc32:00000000\" }"));
    path_traversal_in_a_wheel_name: refusal(&wheels(&["..%2F..%2Fetc%2Fwheels-2.0-py3-none-any.whl"]));
    path_traversal_in_a_filename: refusal(&lock_with("wheels = [{ filename = \"../wheels-2.0-py3-none-any.whl\" }]"));
    control_characters_in_a_url: refusal(&wheels(&["\\u001b[2Jwheels-2.0-py3-none-any.whl"]));
    a_name_that_is_no_wheel: refusal(&wheels(&["wheels-2.0.exe"]));
    a_wheel_of_another_package: refusal(&wheels(&["evil-2.0-py3-none-any.whl"]));
    a_wheel_of_another_version: refusal(&wheels(&["wheels-3.0-py3-none-any.whl"]));
    credentials: refusal(&lock_with("").replace("source = { registry = \"https://index.example/simple\" }", "source = { registry = \"https://user:hunter2@pypi.example/simple\" }"));
    credentials_in_a_broken_file: refusal(&lock_with("wheels = [").replace("index.example", "hunter2@pypi.example"));
    credentials_in_a_requirement: refusal(&lock_with("").replace("requires-dist = [{ name = \"middle\" }]", "requires-dist = [{ name = \"middle\", git = \"https://token@host.example/middle\" }]"));
    control_characters_in_a_marker: refusal(&lock_with("").replace("{ name = \"wheels\" }", "{ name = \"wheels\", marker = \"os_name == '\\u001b[2J'\" }"));
    ftp: refusal(&lock_with("sdist = { url = \"ftp://files.example/wheels-2.0.tar.gz\" }"));
    unknown_source: refusal(&lock_with("").replace("virtual = \".\"", "torrent = \".\""));
    git_without_commit: refusal(&lock_with("").replace("virtual = \".\"", "git = \"https://host.example/app?rev=main#abc\""));
    wrong_types: refusal(&lock_with("").replace("dependencies = [\n    { name = \"wheels\" },\n]", "dependencies = \"wheels\""));
    dangling_edge: refusal(&lock_with("").replace("{ name = \"wheels\" }", "{ name = \"wheelz\" }"));
    ambiguous_edge: refusal(&format!("{}\n[[package]]\nname = \"wheels\"\nversion = \"3.0\"\nsource = {{ registry = \"https://index.example/simple\" }}\n", lock_with("")));
    the_same_package_twice: refusal(&format!("{}\n[[package]]\nname = \"wheels\"\nversion = \"2.0\"\nsource = {{ registry = \"https://index.example/simple\" }}\n", lock_with("")));
    several_problems: refusal(&wheels(&["a.whl"]).replace("middle-1.0", "middle-2.0"));

    bad_marker: unresolved(&lock_with("").replace("{ name = \"wheels\" }", "{ name = \"wheels\", marker = \"python_version ~ 3\" }"), &Request::default(), &debian());
    no_files_at_all: unresolved(&lock_with(""), &Request::default(), &debian());
    no_wheel_for_the_cpu: no_wheel(&["wheels-2.0-cp313-cp313-macosx_11_0_arm64.whl", "wheels-2.0-cp313-cp313-win_amd64.whl"], &debian());
    no_wheel_for_the_python: no_wheel(&["wheels-2.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", "wheels-2.0-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"], &debian());
    no_wheel_for_the_glibc: no_wheel(&["wheels-2.0-cp39-abi3-manylinux_2_39_x86_64.whl", "wheels-2.0-cp39-abi3-manylinux_2_40_x86_64.whl"], &debian());
    no_wheel_for_musl: no_wheel(&["wheels-2.0-cp313-cp313-manylinux_2_28_aarch64.whl"], &target("3.13.5", Arch::Aarch64, Libc::Musl { major: 1, minor: 2 }));
    no_build_and_only_an_sdist: {
        let mut request = Request::default();
        request.build.no_build = true;
        unresolved(&lock_with("sdist = { url = \"https://files.example/wheels-2.0.tar.gz\" }"), &request, &debian())
    };
    no_binary_and_only_wheels: {
        let mut request = Request::default();
        request.build.no_binary_packages.push("wheels".parse().unwrap());
        unresolved(&wheels(&["wheels-2.0-py3-none-any.whl"]), &request, &debian())
    };
    python_that_the_lock_is_not_for: unresolved(&lock_with(""), &Request::default(), &target("3.10.4", Arch::X86_64, Libc::Glibc { major: 2, minor: 36 }));
    unknown_extra: {
        let mut request = Request::default();
        request.extras.include.push("postgre".parse().unwrap());
        unresolved(&lock_with(""), &request, &debian())
    };
    unknown_group: {
        let mut request = Request::default();
        request.groups.include.push("doc".parse().unwrap());
        unresolved(&lock_with(""), &request, &debian())
    };
    unknown_group_like_nothing: {
        let mut request = Request::default();
        request.groups.include.push("benchmarks".parse().unwrap());
        unresolved(&lock_with(""), &request, &debian())
    };
    unknown_member: unresolved(&lock_with(""), &Request { root: Root::Member("ap".parse().unwrap()), ..Request::default() }, &debian());
    lock_without_a_project: unresolved(
        "version = 1\nrequires-python = \">=3.11\"\n\n[[package]]\nname = \"a\"\nversion = \"1\"\nsource = { registry = \"https://index.example/simple\" }\n",
        &Request::default(),
        &debian(),
    );
}

#[test]
fn credentials_have_no_place_that_could_be_drawn() {
    let text = lock_with("wheels = [").replace("index.example", "hunter2@pypi.example");
    let problems = Lock::read(&SourceFile::new("uv.lock", text)).unwrap_err();
    assert!(problems.iter().all(|problem| problem.location().is_none()));
    assert!(!problems.to_string().contains("hunter2"));
}
