"""Writes the list of an image's parts as an SPDX 2.3 document, without network.

usage: sbom.py PROJECT BASE BASE_DIGEST CREATED TOOL FILE   (parts.json lies in /run/pyfront/parts, the image in /image)

What was locked stands in parts.json. The installed metadata adds licences, and packages that no lock names.
"""

import email.parser
import glob
import hashlib
import json
import re
import sys
import time

import pyfront_step as step

# What old metadata says that names one licence for certain.
LICENCES = {
    "apache 2": "Apache-2.0", "apache 2.0": "Apache-2.0", "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0", "apache-2.0": "Apache-2.0", "bsd 3-clause": "BSD-3-Clause",
    "bsd 3-clause license": "BSD-3-Clause", "bsd-2-clause": "BSD-2-Clause", "bsd-3-clause": "BSD-3-Clause",
    "isc": "ISC", "isc license (iscl)": "ISC", "mit": "MIT", "mit license": "MIT", "mpl-2.0": "MPL-2.0",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0", "python software foundation license": "PSF-2.0",
    "psf-2.0": "PSF-2.0", "the unlicense (unlicense)": "Unlicense", "unlicense": "Unlicense",
    "zope public license": "ZPL-2.1",
}
NONE = "NOASSERTION"


def licence(metadata):
    """The SPDX expression that the metadata gives (PEP 639), or the one that it must have meant."""
    if metadata["License-Expression"]:
        return metadata["License-Expression"].strip()
    said = {(metadata["License"] or "").strip().lower()}
    classifiers = metadata.get_all("Classifier", [])
    said |= {text.split(" :: ")[-1].lower() for text in classifiers if text.startswith("License :: OSI Approved ::")}
    found = {LICENCES[text] for text in said if text in LICENCES}
    return found.pop() if len(found) == 1 else NONE


def package(name, version, location, purl):
    identifier = "SPDXRef-" + re.sub("[^A-Za-z0-9.-]", "-", name)
    entry = {"name": name, "SPDXID": identifier, "downloadLocation": location or NONE, "filesAnalyzed": False}
    entry |= {"licenseConcluded": NONE, "licenseDeclared": NONE, "copyrightText": NONE}
    if version:
        entry["versionInfo"] = version
    if purl:
        reference = {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl}
        entry["externalRefs"] = [reference]
    return entry


def relate(one, kind, other):
    relationships.append({"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other})


project, base, base_digest, created, tool, file = sys.argv[1:]
with open(step.TOOLS + "/parts/parts.json") as source:
    parts = {part["name"]: part for part in json.load(source)}
relationships = []
packages = {}
for name, part in parts.items():
    entry = packages[name] = package(name, part["version"], part["location"], part["purl"])
    if part["digest"]:
        algorithm, _, value = part["digest"].partition(":")
        algorithm = {"blake2b": "BLAKE2b-512"}.get(algorithm, algorithm.upper())
        entry["checksums"] = [{"algorithm": algorithm, "checksumValue": value}]

for path in sorted(glob.glob("/image" + step.VENV + "/lib/python3*/site-packages/*.dist-info/METADATA")):
    with open(path, encoding="utf-8", errors="replace") as source:
        metadata = email.parser.HeaderParser().parse(source)
    name = re.sub("[-_.]+", "-", metadata["Name"] or "").lower()
    version = metadata["Version"]
    if not name:
        continue
    if name not in packages:
        packages[name] = package(name, version, None, "pkg:pypi/%s@%s" % (name, version.replace("+", "%2B")))
    packages[name]["licenseDeclared"] = licence(metadata)
    packages[name].setdefault("versionInfo", version)

IMAGE = "SPDXRef-Image-"
image = package(project, None, None, None) | {"SPDXID": IMAGE + "this", "primaryPackagePurpose": "CONTAINER"}
relate("SPDXRef-DOCUMENT", "DESCRIBES", image["SPDXID"])
listed = [image]
if base:
    below = package(base, base_digest or None, None, None)
    below |= {"SPDXID": IMAGE + "base", "primaryPackagePurpose": "CONTAINER"}
    listed.append(below)
    relate(image["SPDXID"], "DESCENDANT_OF", below["SPDXID"])
for name, entry in sorted(packages.items()):
    entry["primaryPackagePurpose"] = "LIBRARY"
    listed.append(entry)
    relate(image["SPDXID"], "CONTAINS", entry["SPDXID"])
    for need in parts.get(name, {}).get("needs", []):
        if need in packages:
            relate(entry["SPDXID"], "DEPENDS_ON", packages[need]["SPDXID"])

document = {
    "spdxVersion": "SPDX-2.3",
    "dataLicense": "CC0-1.0",
    "SPDXID": "SPDXRef-DOCUMENT",
    "name": project,
    "creationInfo": {
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(created))), "creators": ["Tool: " + tool],
    },
    "packages": listed,
    "relationships": relationships,
}
# The name has to be unique, and the same for the same content.
digest = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
document["documentNamespace"] = "https://spdx.org/spdxdocs/%s-%s" % (project, digest)
with open(step.OUT + "/" + file, "w") as target:
    json.dump(document, target, indent=1)
