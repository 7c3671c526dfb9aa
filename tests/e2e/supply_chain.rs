//! What lies beside an image: the list of its parts, its provenance, and what its labels and annotations say.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::engine::{Engine, example, tag};
use crate::projects::write;

/// Takes an OCI layout apart: the manifests of platforms, and the statements that belong to them, as one JSON object.
const INSPECT: &str = r#"
import io, json, sys, tarfile
layout = tarfile.open(fileobj=io.BytesIO(sys.stdin.buffer.read()))
blob = lambda digest: json.loads(layout.extractfile("blobs/" + digest.replace(":", "/")).read())
manifests = lambda index: [one for entry in index["manifests"] for one in (
    manifests(blob(entry["digest"])) if "index" in entry["mediaType"] else [entry])]
found = {"images": [], "statements": []}
for entry in manifests(json.load(layout.extractfile("index.json"))):
    manifest = blob(entry["digest"])
    if (entry.get("annotations") or {}).get("vnd.docker.reference.type") == "attestation-manifest":
        found["statements"] += [blob(layer["digest"]) for layer in manifest["layers"]]
    else:
        found["images"].append({"manifest": manifest, "config": blob(manifest["config"]["digest"])})
print(json.dumps(found))
"#;

/// Builds an example into an OCI layout and takes that apart.
fn exported(engine: &Engine, name: &str, more: &[&str]) -> Value {
    let project = example(name);
    let target = tempfile::tempdir().unwrap();
    let layout = target.path().join("image.tar");
    let file = project.path().join("pyproject.toml").display().to_string();
    let output = format!("type=oci,dest={}", layout.display());
    let mut arguments = vec!["--file", &file, "--output", &output];
    arguments.extend(more);
    engine.build(project.path(), &tag("supply"), &arguments);
    let mut python = Command::new("docker");
    python.args(["run", "--rm", "--interactive", "--network=none", "python:3.13-slim", "python3", "-c", INSPECT]);
    let output = python.stdin(Stdio::from(std::fs::File::open(&layout).unwrap())).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn statement<'v>(found: &'v Value, predicate: &str) -> &'v Value {
    let statements = found["statements"].as_array().unwrap();
    let of = |one: &&Value| one["predicateType"].as_str().is_some_and(|kind| kind.starts_with(predicate));
    &statements.iter().find(of).unwrap_or_else(|| panic!("no {predicate} in {found}"))["predicate"]
}

#[test]
fn the_list_of_parts_is_that_of_the_image() {
    let Some(engine) = Engine::get() else { return };
    if engine.is_graphdriver() {
        return;
    }
    let found = exported(&engine, "hatchling", &["--sbom=true"]);
    let list = statement(&found, "https://spdx.dev/Document");
    assert_eq!(list["spdxVersion"], "SPDX-2.3");
    assert_eq!(list["creationInfo"]["created"], "1970-01-01T00:00:00Z");
    let packages = list["packages"].as_array().unwrap();
    let package =
        |name: &str| packages.iter().find(|one| one["name"] == name).unwrap_or_else(|| panic!("{name}: {list}"));
    let click = package("click");
    assert_eq!(click["externalRefs"][0]["referenceLocator"], "pkg:pypi/click@8.5.1");
    assert_eq!(click["checksums"][0]["algorithm"], "SHA256");
    assert_eq!(click["licenseDeclared"], "BSD-3-Clause");
    assert!(click["downloadLocation"].as_str().unwrap().contains("/click-8.5.1-py3-none-any.whl"), "{click}");
    let base = packages.iter().find(|one| one["SPDXID"] == "SPDXRef-Image-base").unwrap();
    assert!(base["versionInfo"].as_str().unwrap().starts_with("sha256:"), "{base}");
    // Every package of the venv is listed, and no other.
    let build = engine.build_pyproject(example("hatchling").path(), &tag("supply-run"));
    let code =
        "import importlib.metadata as m; print(*sorted(d.name.lower() for d in m.distributions(path=m.sys.path[-1:])))";
    let installed = engine.run(&build.tag, &["python", "-c", code]);
    let mut listed: Vec<&str> = packages
        .iter()
        .filter(|one| one["primaryPackagePurpose"] == "LIBRARY")
        .filter_map(|one| one["name"].as_str())
        .collect();
    listed.sort_unstable();
    assert_eq!(listed.join(" "), installed);

    let dated = exported(&engine, "hatchling", &["--sbom=true", "--build-arg", "SOURCE_DATE_EPOCH=1700000000"]);
    let list = statement(&dated, "https://spdx.dev/Document");
    assert_eq!(list["creationInfo"]["created"], "2023-11-14T22:13:20Z");
}

/// A scanner as BuildKit runs them: it writes a statement about what it finds at the top of the image.
const SCANNER: &str = r#"
import json, os
packages = [{"name": name} for name in os.listdir(os.environ["BUILDKIT_SCAN_SOURCE"]) if name == "opt"]
document = {"spdxVersion": "SPDX-2.3", "name": "by the scanner", "packages": packages}
statement = {"_type": "https://in-toto.io/Statement/v0.1", "predicateType": "https://spdx.dev/Document", "predicate": document}
with open(os.environ["BUILDKIT_SCAN_DESTINATION"] + "/scan.spdx.json", "w") as file:
    json.dump(statement, file)
"#;

#[test]
fn a_scanner_that_is_named_has_its_list_beside_ours() {
    let Some(engine) = Engine::get() else { return };
    if engine.is_graphdriver() {
        return;
    }
    let context = tempfile::tempdir().unwrap();
    write(context.path(), "scan.py", SCANNER);
    let dockerfile = "FROM python:3.13-slim\nCOPY scan.py /\nENTRYPOINT [\"python3\", \"/scan.py\"]\n";
    write(context.path(), "Dockerfile", dockerfile);
    let scanner = engine.build(context.path(), &tag("scanner"), &[]).tag;
    let found = exported(&engine, "virtual", &["--attest", &format!("type=sbom,generator={scanner}")]);
    let statements = found["statements"].as_array().unwrap();
    let packages = |document: &Value| {
        let packages = document["predicate"]["packages"].as_array().unwrap().clone();
        packages.iter().map(|package| package["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let (theirs, ours): (Vec<_>, Vec<_>) =
        statements.iter().partition(|one| one["predicate"]["name"] == "by the scanner");
    assert!(theirs.len() == 1 && ours.len() == 1, "{found}");
    assert_eq!(packages(theirs[0]), ["opt"], "it has seen the image");
    assert!(packages(ours[0]).contains(&"humanize".to_owned()), "{}", ours[0]);
}

#[test]
fn provenance_has_every_file_with_its_digest_and_no_secret() {
    let Some(engine) = Engine::get() else { return };
    if engine.is_graphdriver() {
        return;
    }
    let found = exported(&engine, "hatchling", &["--provenance=mode=max"]);
    let provenance = statement(&found, "https://slsa.dev/provenance/");
    let text = provenance.to_string();
    let materials =
        provenance["materials"].as_array().or(provenance["buildDefinition"]["resolvedDependencies"].as_array());
    let materials = materials.unwrap_or_else(|| panic!("{text}"));
    let uri = |part: &str| materials.iter().find(|one| one["uri"].as_str().is_some_and(|uri| uri.contains(part)));
    for part in ["python", "/uv@", "click-8.5.1-py3-none-any.whl", "markupsafe-3.0.4"] {
        let material = uri(part).unwrap_or_else(|| panic!("{part} is not in {materials:?}"));
        assert!(material["digest"]["sha256"].as_str().is_some_and(|digest| digest.len() == 64), "{material}");
    }
    assert!(!text.contains(crate::engine::MARK), "the certificates are in the provenance");
}

#[test]
fn labels_and_annotations_say_what_the_image_is() {
    let Some(engine) = Engine::get() else { return };
    let project = example("hatchling");
    let file = project.path().join("pyproject.toml").display().to_string();
    let label = "org.opencontainers.image.version=7";
    let build = engine.build(project.path(), &tag("labels"), &["--file", &file, "--label", label]);
    let labels = engine.inspect(&build.tag)["Config"]["Labels"].clone();
    assert_eq!(labels["org.opencontainers.image.title"], "greeter");
    assert_eq!(labels["org.opencontainers.image.version"], "7");
    assert!(labels["org.opencontainers.image.base.name"].as_str().unwrap().ends_with("python:3.13-slim"), "{labels}");
    if engine.is_graphdriver() {
        return;
    }
    let found = exported(&engine, "hatchling", &["--label", label]);
    let annotations = &found["images"][0]["manifest"]["annotations"];
    assert_eq!(annotations["org.opencontainers.image.version"], "7");
    assert_eq!(annotations["org.opencontainers.image.base.digest"], labels["org.opencontainers.image.base.digest"]);
}
