//! The C library of the base image decides which wheels fit: it is taken from the image, never assumed.

use buildkit_frontend::testing::{Call, FakeImage, Files, Outcome};

use crate::projects::{BASE, BASE_IMAGE, Project};
use crate::run;

/// A base image that does not say what it is made of, with these files.
fn unknown(files: &[(&str, &[u8])]) -> FakeImage {
    let mut image = FakeImage::new(BASE.replace("# debian.sh", "# unknown"));
    image.files = Files::from(files.iter().map(|(path, bytes)| (*path, bytes.to_vec())));
    image
}

fn build(base: FakeImage) -> Outcome {
    run(&Project::example("fastapi").build("pyproject.toml").image(BASE_IMAGE, base))
}

/// The platform tags of what is fetched for a package with wheels for every platform.
fn platforms(outcome: &Outcome) -> Vec<String> {
    let graph = outcome.graph(None);
    let wheels = graph.sources().into_iter().filter(|source| source.contains("pydantic_core"));
    wheels.filter_map(|source| Some(source.rsplit_once("313-")?.1.to_owned())).collect()
}

const GLIBC: &str = "manylinux2014_x86_64.manylinux_2_17_x86_64.whl";

#[test]
fn official_images_need_not_be_read() {
    let outcome = build(FakeImage::new(BASE));
    assert_eq!(platforms(&outcome), [GLIBC]);
    let listings = outcome.count(Call::ReadDir);
    let read = build(unknown(&[("usr/lib/x86_64-linux-gnu/libc.so.6", b"GNU C Library version 2.41.\n")]));
    assert_eq!(platforms(&read), [GLIBC]);
    assert!(read.count(Call::ReadDir) > listings);
}

#[test]
fn an_image_that_names_its_release_is_not_searched() {
    let debian: &[u8] = b"PRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\nVERSION_CODENAME=trixie\nID=debian\n";
    let outcome =
        build(unknown(&[("usr/lib/os-release", debian), ("lib64/libc.so.6", b"GNU C Library version 2.12.\n")]));
    assert_eq!(platforms(&outcome), [GLIBC]);
    let alpine: &[u8] = b"NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID=3.22.1\n";
    assert_eq!(platforms(&build(unknown(&[("usr/lib/os-release", alpine)]))), ["musllinux_1_1_x86_64.whl"]);
    // Of a distribution without a table the library is read.
    let other: &[u8] = b"ID=fedora\nVERSION_ID=42\n";
    let library: &[u8] = b"GNU C Library (GNU libc) stable release version 2.41.\n";
    let outcome = build(unknown(&[("usr/lib/os-release", other), ("lib64/libc.so.6", library)]));
    assert_eq!(platforms(&outcome), [GLIBC]);
}

#[test]
fn an_old_library_runs_no_newer_wheels() {
    let outcome = build(unknown(&[("lib64/libc.so.6", b"GNU C Library (GNU libc) stable release version 2.12.\n")]));
    let graph = outcome.graph(None);
    assert!(graph.names().iter().any(|name| name.starts_with("[deps] build pydantic-core")), "{:?}", graph.names());
}

#[test]
fn musl() {
    let loader: &[u8] = b"\0musl libc (x86_64)\nVersion %s\n\x001.2.5\0";
    let outcome = build(unknown(&[("lib/ld-musl-x86_64.so.1", loader)]));
    assert_eq!(platforms(&outcome), ["musllinux_1_1_x86_64.whl"]);
    let alpine = BASE.replace(
        "# debian.sh --arch 'amd64' out/ 'bookworm' '@1751241600'",
        "ADD alpine-minirootfs-3.22.1-x86_64.tar.gz / # buildkit",
    );
    assert_eq!(platforms(&build(FakeImage::new(alpine))), ["musllinux_1_1_x86_64.whl"]);
}

#[test]
fn an_image_without_any_library() {
    insta::assert_snapshot!(build(unknown(&[("etc/os-release", b"")])).error().message);
}
