//! What lies in the image: every file of every layer is looked at.

use std::process::{Command, Stdio};

use crate::engine::{Engine, MARK, example, tag};

/// Lists the files of all layers of a saved image, also those that a later layer hides.
const LIST: &str = r#"
import io, json, sys, tarfile
image = tarfile.open(fileobj=io.BytesIO(sys.stdin.buffer.read()))
manifest = json.load(image.extractfile("manifest.json"))[0]
for layer in manifest["Layers"]:
    with tarfile.open(fileobj=io.BytesIO(image.extractfile(layer).read())) as files:
        for file in files:
            secret = file.isreg() and sys.argv[1].encode() in files.extractfile(file).read()
            print(layer, "/" + file.name.lstrip("./"), 0 if file.issym() else file.mode, file.uid, file.gid, int(file.mtime), secret, sep="\t")
"#;

struct File {
    layer: String,
    path: String,
    mode: u32,
    owner: (u32, u32),
    time: u64,
    has_secret: bool,
}

fn files(tag: &str) -> Vec<File> {
    let mut save =
        Command::new("docker").args(["image", "save", tag]).stdout(Stdio::piped()).spawn().expect("docker starts");
    let archive = save.stdout.take().expect("stdout is piped");
    let list = ["run", "--rm", "--interactive", "--network=none", "python:3.13-slim", "python3", "-c", LIST, MARK];
    let output = Command::new("docker").args(list).stdin(archive).output().expect("docker starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(save.wait().is_ok_and(|status| status.success()), "docker image save");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            let number = |index: usize| fields[index].parse().expect("a number");
            File {
                layer: fields[0].to_owned(),
                path: fields[1].to_owned(),
                mode: number(2),
                owner: (number(3), number(4)),
                time: fields[5].parse().expect("a number"),
                has_secret: fields[6] == "True",
            }
        })
        .collect()
}

#[test]
fn no_tool_cache_or_secret_lies_in_any_layer_of_ours() {
    let Some(engine) = Engine::get() else { return };
    let project = example("hatchling");
    let build = engine.build_pyproject(project.path(), &tag("files"));
    let base = engine.layers("python:3.13-slim").len();
    let all = files(&build.tag);
    let mut layers: Vec<&str> = Vec::new();
    for file in &all {
        if layers.last() != Some(&file.layer.as_str()) {
            layers.push(&file.layer);
        }
    }
    let ours: Vec<&File> = all.iter().filter(|file| layers[base..].contains(&file.layer.as_str())).collect();
    assert!(ours.iter().any(|file| file.path.ends_with("/greeter/cli.py")), "the walk saw nothing");

    let allowed = ["/opt/venv", "/etc/passwd", "/etc/group", "/home/app", "/app"];
    let parents = ["/", "/opt", "/etc", "/home", "/opt/venv"];
    for file in &ours {
        let path = file.path.trim_end_matches('/');
        let path = if path.is_empty() { "/" } else { path };
        assert!(
            parents.contains(&path)
                || allowed.iter().any(|root| path == *root || path.starts_with(&format!("{root}/"))),
            "{path} in {}",
            file.layer
        );
        let name = path.rsplit('/').next().unwrap_or_default();
        assert!(!["uv", "uvx", "gcc", "cc", "pip", "pyfront_step.py"].contains(&name), "{path}");
        assert!(!path.contains("cache/uv") && !path.contains("ca-certificates") && !path.contains("/run/"), "{path}");
        assert!(!file.has_secret, "{path} holds the company's certificates");
        assert_eq!(file.time, 315_532_800, "{path} carries a clock");
        let expected = if ["/home/app", "/app"].contains(&path) { (10001, 10001) } else { (0, 0) };
        assert_eq!(file.owner, expected, "{path}");
        assert_eq!(file.mode & 0o022, 0, "{path} can be written by others");
    }
}

#[test]
fn the_frontend_image_is_one_static_binary_with_its_labels() {
    let Some(engine) = Engine::get() else { return };
    let inspect = engine.inspect("org/pyfront");
    assert_eq!(inspect["Config"]["Entrypoint"], serde_json::json!(["/pyfront"]));
    let labels = &inspect["Config"]["Labels"];
    assert_eq!(labels["moby.buildkit.frontend.network.none"], "true");
    let caps = labels["moby.buildkit.frontend.caps"].as_str().unwrap();
    for cap in ["inputs", "subrequests", "contexts"] {
        assert!(caps.split(',').any(|listed| listed == format!("moby.buildkit.frontend.{cap}")), "{caps}");
    }
    let files = files("org/pyfront");
    let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["/pyfront"]);
}
