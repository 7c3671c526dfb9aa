//! What this crate refuses, and in which words.

#![allow(clippy::unwrap_used)] // a test through and through

use buildkit_llb::{
    Annotate, Bind, Cache, Cap, Caps, Copy, Definition, Exec, File, Git, Http, Image, Local, Location, Mkdir, Mkfile,
    OpError, Output, Owner, Platform, Range, SCRATCH, Secret, SourceFile, Ssh, Symlink, Tmpfs, diff, marshal,
};
use buildkit_proto::pb;
use prost::Message as _;

fn amd64() -> Platform {
    Platform::new("linux", "amd64")
}

fn base() -> Output {
    Image::new("docker.io/library/a:1", amd64()).build().unwrap()
}

fn local() -> Output {
    Local::new("context").session("s").build().unwrap()
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, OpError>, message: &str) {
    assert_eq!(result.unwrap_err().to_string(), message);
}

#[test]
fn steps() {
    let exec = || Exec::on(base(), ["true"]);
    refused(Exec::on::<String>(&base(), []).build(), "a step needs a command");
    refused(Exec::on(base(), [""]).build(), "the program of a step must not be empty");
    refused(exec().cwd("app").build(), "the working directory of a step must be an absolute path, not “app”");
    refused(exec().mount(Tmpfs::new("tmp")).build(), "the destination of a mount must be an absolute path, not “tmp”");
    refused(
        exec().mount(Tmpfs::new("/tmp")).mount(Secret::new("s", "/tmp/")).build(),
        "two mounts have the destination “/tmp”",
    );
    refused(
        exec().mount(Bind::readonly(local(), "/..")).build(),
        "a mount cannot cover “/”: the root is what the step runs on",
    );
    refused(Exec::on(SCRATCH, ["true"]).build(), "the platform of a step on a base without one must be given");
    refused(Exec::on(local(), ["true"]).build(), "the platform of a step on a base without one must be given");
    refused(exec().mount(Cache::new("", "/c")).build(), "the id of a cache mount must not be empty");
    refused(exec().mount(Secret::new("", "/c")).build(), "the id of a secret must not be empty");
    refused(
        exec().mount(Bind::readonly(local(), "/c").selector("")).build(),
        "the selector of a mount must not be empty",
    );
    refused(exec().secret_env("", "id", false).build(), "the name of a variable must not be empty");
    refused(
        exec().env("A=B", "c").build(),
        "“A=B” cannot be used as the name of a variable: it has “=” or a zero byte in it",
    );
    let done = exec().mount(Tmpfs::new("/tmp")).mount(Ssh::new("default")).build().unwrap();
    refused(done.output("/tmp"), "the step has no result at “/tmp”");
    refused(done.output("/nowhere"), "the step has no result at “/nowhere”");
    refused(Exec::on_discarded(base(), ["true"]).build().unwrap().root(), "the step has no result at “/”");
    assert_eq!(Exec::on_readonly(base(), ["true"]).build().unwrap().root(), Ok(base()));
}

#[test]
fn files() {
    let file = || File::on(base());
    refused(file().build(), "a file operation needs at least one action");
    refused(file().then(Mkdir::new("a")).build(), "the path of a directory must be an absolute path, not “a”");
    refused(
        file().then(Mkdir::new("/tmp").mode(0o1777)).build(),
        "“1777” cannot be used as a file mode: it has bits that this action cannot set",
    );
    refused(
        file().then(Mkfile::new("/a", "").owner(Owner::user(""))).build(),
        "the name of an owner must not be empty",
    );
    refused(
        file().then(Copy::new(local(), "src", "/")).build(),
        "the source of a copy must be an absolute path, not “src”",
    );
    refused(file().then(Symlink::new("", "/a")).build(), "the target of a symbolic link must not be empty");
}

#[test]
fn sources() {
    let image = |reference: &str| Image::new(reference, amd64()).build();
    let complaint = |reference, why| format!("“{reference}” cannot be used as an image reference: {why}");
    refused(image(""), "an image reference must not be empty");
    for reference in ["python", "python:3.13", "library/python:3.13"] {
        refused(image(reference), &complaint(reference, "the registry is missing"));
    }
    refused(
        image("docker.io/library/python"),
        &complaint("docker.io/library/python", "it has neither a tag nor a digest"),
    );
    refused(
        image("docker-image://docker.io/a/b:1"),
        &complaint("docker-image://docker.io/a/b:1", "it must be a name, not a URL"),
    );
    for reference in ["localhost/a:1", "[::1]:5000/a:1", "UPPER/a:1"] {
        assert!(image(reference).is_ok(), "{reference}");
    }
    refused(Local::new("").session("s").build(), "the name of a local source must not be empty");
    refused(
        Local::new("context").build(),
        "the local source “context” needs the session of the client, or a unique id",
    );
    refused(Local::new("context").session("").build(), "local.session must not be empty");
    refused(
        Http::new("file:///etc/passwd").build(),
        "“file:///etc/passwd” cannot be used as a URL to download: it must begin with http:// or https:// and a host",
    );
    refused(
        Http::new("https://h/a").filename("a/b").build(),
        "“a/b” cannot be used as a file name: it must be a name, not a path",
    );
    refused(Http::new("https://h/a").filename("").build(), "http.filename must not be empty");
    refused(
        Git::new("https://h/r#main", "").build(),
        "“https://h/r#main” cannot be used as a git remote: reference and directory are given separately",
    );
    refused(
        Git::new("https://h/r", "a b").build(),
        "“a b” cannot be used as a git reference: it must be a branch, a tag or a commit",
    );
    refused(
        Git::new("https://h/r", "main").checksum("main").build(),
        "“main” cannot be used as a git commit: it must be hexadecimal digits",
    );
}

#[test]
fn missing_capabilities() {
    let file = SourceFile::new("pyproject.toml", "TOML", "x");
    let at = Location::new(&file, [Range::line(3)]);
    let link =
        File::on(base()).then(Symlink::new("a", "/b")).named("link the interpreter").at(at.clone()).build().unwrap();
    let without_symlinks: Caps =
        Cap::ALL.iter().filter(|cap| **cap != Cap::FileSymlinkCreate).map(|cap| cap.id()).collect();
    let error = marshal(Some(&link), &without_symlinks).unwrap_err();
    assert_eq!(
        error.to_string(),
        "“link the interpreter”: needs BuildKit 0.19 or later (it has no “file.symlink.create”)"
    );
    assert_eq!((error.cap, error.digest), (Cap::FileSymlinkCreate, link.digest()));
    assert_eq!(error.locations, [at]);

    let change = diff(&base(), &link);
    let graphdriver = Caps::all().without(Cap::DiffOp, "only works with the containerd image store");
    assert_eq!(
        marshal(Some(&change), &graphdriver).unwrap_err().to_string(),
        "this BuildKit has “diffop” disabled: only works with the containerd image store"
    );
    assert!(marshal(Some(&link), &graphdriver).is_ok());
}

/// What is only nice to have is left out where it is missing, and never listed there.
#[test]
fn optional_capabilities() {
    let optional = [Cap::ExecMetaSetsDefaultPath, Cap::MetaDescription, Cap::Constraints, Cap::Platform];
    let caps: Caps = Cap::ALL.iter().filter(|cap| !optional.contains(cap)).map(|cap| cap.id()).collect();
    let step = Exec::on(base(), ["true"]).named("true").build().unwrap().root().unwrap();
    let definition = marshal(Some(&step), &caps).unwrap();
    let listed: Vec<&String> = definition.as_pb().metadata.values().flat_map(|metadata| metadata.caps.keys()).collect();
    assert!(optional.iter().all(|cap| !listed.contains(&&cap.id().to_owned())), "{listed:?}");
    assert!(listed.contains(&&"exec.meta.base".to_owned()));
}

#[test]
fn foreign_definitions() {
    let good = marshal(Some(&File::on(base()).then(Mkdir::new("/a")).build().unwrap()), &Caps::all()).unwrap();
    let message = |change: fn(&mut pb::Definition)| {
        let mut definition = good.as_pb().clone();
        change(&mut definition);
        Definition::from_pb(definition).unwrap_err().to_string()
    };
    assert!(message(|d| d.def[0] = vec![0xff]).starts_with("cannot decode an op: "));
    assert_eq!(message(|d| drop(d.def.pop())), "the definition has no terminal op");
    assert_eq!(
        message(|d| drop(d.def.remove(0))),
        format!("an op of the definition has the input {}, which no op before it has made", base().digest())
    );
    assert_eq!(
        message(|d| {
            let mut terminal = pb::Op::decode(d.def[2].as_slice()).unwrap();
            terminal.inputs[0].index = -1;
            d.def[2] = terminal.encode_to_vec();
        }),
        "an input of the definition has the output number -1"
    );
    assert_eq!(
        message(|d| {
            let location = pb::Location { source_index: 1, ranges: vec![] };
            let of_op = pb::Locations { locations: vec![location] };
            d.source = Some(pb::Source { locations: [("x".to_owned(), of_op)].into(), infos: vec![] });
        }),
        "the definition has a location in source file 1, which it does not list"
    );
    assert!(Definition::from_bytes(b"\xff").unwrap_err().to_string().starts_with("cannot decode a definition: "));
}
