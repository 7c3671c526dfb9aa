"""Runs the program that lists an image's parts, on a made-up image. The argument is the directory of the programs."""

import json
import pathlib
import runpy
import sys
import tempfile

sys.path.insert(0, sys.argv[1])
import pyfront_step as step

METADATA = {
    "new": "Name: New\nVersion: 1.0\nLicense-Expression: MIT OR Apache-2.0\nLicense: whatever\n",
    "old": "Name: old\nVersion: 2\nLicense: BSD\nClassifier: License :: OSI Approved :: MIT License\n",
    "torn": "Name: torn\nVersion: 3\nLicense: MIT\nClassifier: License :: OSI Approved :: ISC License (ISCL)\n",
    "free": "Name: Un.Locked\nVersion: 4+x\nLicense: do what you like\n\nName: not this\n",
}
PARTS = [
    {"name": "app", "version": None, "location": None, "digest": None, "purl": None, "needs": ["new", "gone"]},
    {"name": "new", "version": "1.0", "location": "https://files.example/new.whl", "digest": "sha256:ab", "purl": "pkg:pypi/new@1.0",
     "needs": []},
]


def document(root, created="0"):
    image = root / "image"
    for name, text in METADATA.items():
        directory = image / "opt/venv/lib/python3.13/site-packages" / (name + "-1.dist-info")
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "METADATA").write_text(text)
    (root / "parts").mkdir(exist_ok=True)
    (root / "parts/parts.json").write_text(json.dumps(PARTS))
    step.TOOLS, step.OUT, step.VENV = str(root), str(root), "/opt/venv"
    import glob
    found = glob.glob
    glob.glob = lambda pattern: found(pattern.replace("/image", str(image), 1))
    sys.argv = ["sbom.py", "app", "registry.example/python:3.13", "sha256:ba", created, "tool-1", "out.json"]
    runpy.run_path(PROGRAM)
    glob.glob = found
    return json.loads((root / "out.json").read_text())


PROGRAM = sys.argv[1] + "/sbom.py"
with tempfile.TemporaryDirectory() as directory:
    root = pathlib.Path(directory)
    first = document(root)
    assert first == document(root), "the same parts make the same document"
    later = document(root, "1700000000")
packages = {package["name"]: package for package in first["packages"]}
assert sorted(packages) == ["app", "new", "old", "registry.example/python:3.13", "torn", "un-locked"], packages
licences = {name: package["licenseDeclared"] for name, package in packages.items()}
assert licences["new"] == "MIT OR Apache-2.0" and licences["old"] == "MIT", licences
assert licences["torn"] == licences["un-locked"] == "NOASSERTION", licences
assert packages["new"]["checksums"] == [{"algorithm": "SHA256", "checksumValue": "ab"}]
assert packages["new"]["downloadLocation"] == "https://files.example/new.whl"
assert packages["un-locked"]["externalRefs"][0]["referenceLocator"] == "pkg:pypi/un-locked@4%2Bx"
assert "externalRefs" not in packages["app"] and "versionInfo" not in packages["app"]
relations = [(r["spdxElementId"], r["relationshipType"], r["relatedSpdxElement"]) for r in first["relationships"]]
assert ("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-Image-this") in relations
assert ("SPDXRef-Image-this", "DESCENDANT_OF", "SPDXRef-Image-base") in relations
assert ("SPDXRef-app", "DEPENDS_ON", "SPDXRef-new") in relations
assert not any("gone" in relation[2] for relation in relations)
identifiers = [package["SPDXID"] for package in first["packages"]]
assert len(set(identifiers)) == len(identifiers), identifiers
assert first["creationInfo"]["created"] == "1970-01-01T00:00:00Z"
assert later["creationInfo"]["created"] == "2023-11-14T22:13:20Z"
assert first["documentNamespace"] != later["documentNamespace"]
