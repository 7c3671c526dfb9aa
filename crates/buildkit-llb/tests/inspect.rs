//! What a definition looks like in goldens of other crates.

#![allow(clippy::unwrap_used)] // a test through and through

use buildkit_llb::{
    Annotate, Bind, Cache, Caps, Copy, Exec, File, Image, Local, Location, Mkfile, NetworkMode, Platform, Range,
    SCRATCH, Secret, SourceFile, diff, inspect, marshal,
};
use serde_json::json;

#[test]
fn readable() {
    let file = SourceFile::new("pyproject.toml", "TOML", "x");
    let base = Image::new("docker.io/library/a:1", Platform::new("linux", "arm64")).build().unwrap();
    let context = Local::new("context").session("s").include(["*.py"]).build().unwrap();
    let step = Exec::on(&base, ["make"])
        .env("A", "1")
        .network(NetworkMode::None)
        .mount(Bind::readonly(&context, "/src"))
        .mount(Bind::writable(SCRATCH, "/out"))
        .mount(Cache::new("c", "/cache"))
        .mount(Secret::new("t", "/t").optional(true))
        .named("make it")
        .at(Location::new(&file, [Range::line(2), Range::lines(4, 5)]))
        .build()
        .unwrap();
    let change = diff(&base, &step.root().unwrap());
    let files = File::on(&change)
        .then(Copy::new(step.output("/out").unwrap(), "/", "/app").create_dest_path())
        .then(Mkfile::new("/etc/x", "text"))
        .build()
        .unwrap();
    // Without capabilities beyond the necessary ones the text stays short.
    let mut definition = marshal(Some(&files), &Caps::all()).unwrap().into_pb();
    for metadata in definition.metadata.values_mut() {
        metadata.caps.clear();
    }
    let definition = buildkit_llb::Definition::from_pb(definition).unwrap();
    let expected = json!([
        { "op": 0, "platform": "linux/arm64", "source": { "identifier": "docker-image://docker.io/library/a:1" } },
        { "op": 1, "source": {
            "identifier": "local://context",
            "attrs": { "local.session": "s", "local.includepattern": "[\"*.py\"]" },
        } },
        {
            "op": 2,
            "inputs": ["0", "1"],
            "platform": "linux/arm64",
            "description": { "llb.customname": "make it" },
            "at": ["pyproject.toml:2", "pyproject.toml:4-5"],
            "exec": {
                "args": ["make"],
                "env": ["A=1"],
                "cwd": "/",
                "network": "NONE",
                "mounts": [
                    { "dest": "/", "input": 0, "output": 0 },
                    { "dest": "/cache", "type": "CACHE", "cache": { "id": "c", "sharing": "SHARED" } },
                    { "dest": "/out", "output": 1 },
                    { "dest": "/src", "input": 1, "readonly": true },
                    { "dest": "/t", "type": "SECRET", "secret": { "id": "t", "mode": "0400", "optional": true } },
                ],
            },
        },
        { "op": 3, "inputs": ["0", "2"], "diff": { "lower": 0, "upper": 1 } },
        { "op": 4, "inputs": ["3", "2#1"], "file": [
            { "input": 0, "from": 1, "copy": { "src": "/", "dest": "/app", "create_dest_path": true } },
            { "input": 2, "output": 0, "mkfile": { "path": "/etc/x", "mode": "0644", "data": "text" } },
        ] },
        { "result": ["4"] },
    ]);
    let text = |value| serde_json::to_string_pretty(value).unwrap();
    assert_eq!(text(&inspect(&definition)), text(&expected));
}
