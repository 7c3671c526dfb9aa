//! Files of indexes that give no hashes: they are installed unchecked, as uv does it, and the user is told.

use crate::projects::Project;
use crate::run;

const HASH: &str = ", hash = \"sha256:02d0899527760efe18011944f882df4970943b4cdff7b5a0ba7fed43a576ef98\"";

#[test]
fn a_wheel_without_a_hash_is_a_warning() {
    let project = Project::example("virtual").edit("uv.lock", HASH, "");
    let outcome = run(&project.build("pyproject.toml"));
    insta::assert_snapshot!(outcome.warnings().join("\n"));
    let graph = outcome.graph(None);
    let sources = graph.sources();
    let wheel = sources.iter().find(|source| source.contains("humanize")).unwrap();
    assert!(!graph.source_attrs(wheel).unwrap().contains_key("http.checksum"));
}

/// A hash that BuildKit cannot check is not passed over in silence.
#[test]
fn a_hash_of_another_kind_is_an_error() {
    let weak = format!(", hash = \"md5:{}\"", "ab".repeat(16));
    let project = Project::example("virtual").edit("uv.lock", HASH, &weak);
    insta::assert_snapshot!(run(&project.build("pyproject.toml")).error().message);
}
