"""Builds one locked package from its source and installs it into a directory that becomes one layer.

usage: build.py NAME VERSION archive FILENAME [SUBDIRECTORY]   (the file lies in /run/pyfront/archive)
       build.py NAME VERSION file FILENAME HASH               (the same for a file of the user's, to be checked first)
       build.py NAME VERSION git [SUBDIRECTORY]                (the tree lies in /src, a copy that is thrown away)

uv installs from the source itself, as in uv sync, so it applies the settings for this package as it does there.
"""

import os
import sys
import tarfile
import urllib.parse
import zipfile

import pyfront_build as build
import pyfront_step as step

name, version, kind, *rest = sys.argv[1:]
title = name + " " + version


def unpack(archive, directory):
    """Unpacks an archive; nothing in it can get out of the directory. None where that has to be left to uv.

    Compilers write the path of sources into what they make. uv unpacks into a directory with a random name.
    """
    os.makedirs(directory)
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as files:
            files.extractall(directory)
    elif not hasattr(tarfile, "data_filter"):
        return None
    else:
        try:
            with tarfile.open(archive) as files:
                files.extractall(directory, filter="data")
        except tarfile.TarError:
            return None
    # Most archives hold one directory with everything in it.
    entries = os.listdir(directory)
    if len(entries) == 1 and os.path.isdir(os.path.join(directory, entries[0])):
        return os.path.join(directory, entries[0])
    return directory


def inside(root, subdirectory):
    """The directory below a root; one that leads out of it ends the step."""
    root = os.path.realpath(root)
    path = os.path.realpath(os.path.join(root, subdirectory))
    if os.path.commonpath([root, path]) != root or not os.path.isdir(path):
        step.fail("%s has no directory %s in its source" % (title, subdirectory))
    return path


def url(path, subdirectory=None):
    """A path as uv wants it in a requirement."""
    fragment = "#subdirectory=" + urllib.parse.quote(subdirectory) if subdirectory else ""
    return "file://" + urllib.parse.quote(path) + fragment


if kind == "git":
    source = url(inside("/src", rest[0] if rest else "."))
    # The tree has neither the tags nor, in a slim image, the git that versions are made of. The lock has the version that
    # this commit had when it was written.
    for variable in ("SETUPTOOLS_SCM_PRETEND_VERSION", "PBR_VERSION", "PDM_BUILD_SCM_VERSION", "UV_DYNAMIC_VERSIONING_BYPASS"):
        os.environ.setdefault(variable, version)
    os.environ.setdefault("POETRY_DYNAMIC_VERSIONING_BYPASS", version)
else:
    archive = step.TOOLS + "/archive/" + rest[0]
    subdirectory = rest[1] if kind == "archive" and len(rest) > 1 else None
    if kind == "file":
        step.check_hash(archive, rest[1])
    tree = unpack(archive, "/tmp/pyfront/" + name)
    source = url(inside(tree, subdirectory or ".")) if tree else url(archive, subdirectory)

python = build.prepare()
if python == step.interpreter():
    step.uv("venv", "--quiet", "--no-config", "--python", python, step.VENV)
    python = step.VENV + "/bin/python"
# What is built must be what the lock says.
constraints = "/tmp/pyfront-constraints.txt"
with open(constraints, "w", encoding="utf-8") as file:
    file.write("%s==%s\n" % (name, version))
build.run(
    "pip", "install", *build.settings(), "--no-deps", "--no-progress", "--refresh-package", name, "--constraints", constraints,
    "--python", python, "--prefix", step.OUT + step.VENV, "--", "%s @ %s" % (name, source),
    title=title, name=name,
)
step.finish(checked=False)
