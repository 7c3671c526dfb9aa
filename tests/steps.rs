//! Programs of steps that can be run without an engine, on this machine's Python: each has a test of its own in
//! `tests/steps/`.

use std::path::Path;
use std::process::Command;

#[track_caller]
fn run(test: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut python = Command::new("python3");
    python.args(["-B", "-W", "ignore"]).arg(root.join("tests/steps").join(test)).arg(root.join("src/emit/steps"));
    // Nothing on loopback is behind a proxy.
    let output = python.env("NO_PROXY", "*").env_remove("HTTP_PROXY").env_remove("http_proxy").output();
    let output = output.expect("python3 can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Against servers that note what they are asked.
#[test]
fn credentials_go_where_they_belong() {
    run("fetch_test.py");
}

#[test]
fn the_list_of_parts_has_what_was_locked_and_what_is_installed() {
    run("sbom_test.py");
}

#[test]
fn git_lfs_files_stand_where_pointers_were() {
    run("lfs_test.py");
}

#[test]
fn no_noise_gets_into_a_layer() {
    run("layer_test.py");
}

#[test]
fn links_that_lead_out_of_a_project_are_named() {
    run("build_test.py");
}

#[test]
fn missing_system_libraries_are_found_and_their_packages_named() {
    run("libraries_test.py");
}
