//! `docker-bake.hcl`: the image, its further targets and its tests, all built by `docker buildx bake`.

use std::fmt::Write as _;

use super::facts::Facts;

pub(super) fn text(facts: &Facts) -> String {
    let Facts { name, file, targets, .. } = facts;
    // Text of HCL has the escapes of JSON, and templates.
    let quoted = |text: &str| serde_json::to_string(text).unwrap_or_default().replace("${", "$${").replace("%{", "%%{");
    let all: Vec<String> =
        std::iter::once(name).chain(targets.iter().map(|(name, _)| name)).map(|name| quoted(name)).collect();
    let mut text = format!(
        "variable \"TAG\" {{\n  default = \"latest\"\n}}\n\ngroup \"default\" {{\n  targets = [{}]\n}}\n\ntarget {} {{\n  context    = \
         \".\"\n  dockerfile = {}\n  tags       = [\"{name}:${{TAG}}\"]\n}}\n",
        all.join(", "),
        quoted(name),
        quoted(file)
    );
    for (target, _) in targets {
        let _ = write!(
            text,
            "\ntarget {target} {{\n  inherits = [{name}]\n  target   = {target}\n  tags     = [\"{plain}-{}:${{TAG}}\"]\n}}\n",
            target.trim_matches('"'),
            target = quoted(target),
            name = quoted(name),
            plain = name
        );
    }
    if facts.has_tests {
        let _ = write!(
            text,
            "\ntarget \"test\" {{\n  inherits = [{}]\n  target   = \"test\"\n  tags     = []\n  output   = [\"reports\"]\n}}\n",
            quoted(name)
        );
    }
    text
}
