//! The generator of this crate's code, as a test: it compiles `proto/*.proto` and fails when the Rust that is checked
//! in under `src/generated` is not what comes out. `cargo xtask codegen` runs it with `PYFRONT_UPDATE_GENERATED=1`,
//! and then it writes the files instead.

#![allow(clippy::unwrap_used)] // a test through and through

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{env, fs, process};

/// First lines of every generated file.
const HEADER: &str = "// Generated from proto/*.proto by `cargo xtask codegen`; do not edit.\n";

/// The `.proto` files, in the order they are compiled.
const PROTOS: [&str; 6] = ["ops.proto", "caps.proto", "worker.proto", "stat.proto", "status.proto", "gateway.proto"];

fn crate_dir() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// File name → content of every `.rs` file in a directory.
fn rust_files(dir: &Path) -> BTreeMap<String, String> {
    let Ok(entries) = fs::read_dir(dir) else {
        return BTreeMap::new();
    };
    entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "rs"))
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(&path).unwrap())
        })
        .collect()
}

/// Runs the generator; file name → content.
fn generate() -> BTreeMap<String, String> {
    let protos = crate_dir().join("../../proto");
    let descriptors = protox::compile(PROTOS, [protos]).unwrap();
    let out = env::temp_dir().join(format!("buildkit-proto-{}", process::id()));
    fs::create_dir_all(&out).unwrap();
    tonic_prost_build::configure()
        .btree_map(".")
        .build_client(true)
        .build_server(true)
        .build_transport(false)
        .generate_default_stubs(true)
        .server_mod_attribute(".", "#[cfg(feature = \"server\")]")
        .emit_rerun_if_changed(false)
        .out_dir(&out)
        .compile_fds(descriptors)
        .unwrap();
    let files = rust_files(&out).into_iter().map(|(name, code)| (name, format!("{HEADER}{code}"))).collect();
    fs::remove_dir_all(&out).unwrap();
    files
}

#[test]
fn generated_code_is_current() {
    let dir = crate_dir().join("src/generated");
    let fresh = generate();
    assert!(!fresh.is_empty(), "the generator wrote nothing");
    let checked_in = rust_files(&dir);
    if env::var_os("PYFRONT_UPDATE_GENERATED").is_some_and(|value| value == "1") {
        fs::create_dir_all(&dir).unwrap();
        for name in checked_in.keys().filter(|name| !fresh.contains_key(*name)) {
            fs::remove_file(dir.join(name)).unwrap();
        }
        for (name, code) in &fresh {
            if checked_in.get(name) != Some(code) {
                fs::write(dir.join(name), code).unwrap();
            }
        }
        return;
    }
    let stale: Vec<&str> = fresh
        .keys()
        .chain(checked_in.keys())
        .filter(|name| fresh.get(*name) != checked_in.get(*name))
        .map(String::as_str)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    assert!(
        stale.is_empty(),
        "src/generated does not match proto/*.proto: {}\nrun `cargo xtask codegen` and commit the result",
        stale.join(", ")
    );
}
