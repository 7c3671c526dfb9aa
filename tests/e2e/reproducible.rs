//! The same image, bit by bit, on another engine of the same version.

use crate::engine::{Engine, example, tag};
use crate::scratch::Scratch;

#[test]
fn with_a_fixed_date_the_image_is_the_same_on_another_engine() {
    let Some(engine) = Engine::get() else { return };
    let Some(scratch) = Scratch::new(&engine) else { return };
    let date = ["--build-arg", "SOURCE_DATE_EPOCH=1700000000"];
    let here = example("virtual");
    let file = here.path().join("pyproject.toml").display().to_string();
    let first = engine.build(here.path(), &tag("dated"), &[&date[..], &["--file", &file]].concat());
    let second = scratch.build(example("virtual").path(), &date);
    assert!(second.success, "{}", second.log);
    // The other one had nothing of it.
    assert!(second.steps_that_ran().iter().any(|step| step.contains("install humanize")), "{}", second.log);
    let digest = ["image", "inspect", "--format", "{{.Id}}"];
    let [first, second] = [
        engine.docker(&[&digest[..], &[&first.tag]].concat()),
        scratch.docker(&[&digest[..], &[&second.tag]].concat()),
    ];
    assert!(first.starts_with("sha256:"), "{first}");
    assert_eq!(first, second);
}
