"""Builds one locked package from its source and installs the wheel into a directory that becomes one layer.

usage: build.py NAME VERSION archive FILENAME [SUBDIRECTORY]   (the file lies in /run/pyfront/archive)
       build.py NAME VERSION file FILENAME HASH               (the same for a file of the user's, to be checked first)
       build.py NAME VERSION git [SUBDIRECTORY]                (the tree lies in /src, a copy that is thrown away)
"""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile

import pyfront_step as step

name, version, kind, *rest = sys.argv[1:]
title = name + " " + version
# What compilers that are not there look like in the log of setuptools, meson, CMake, maturin and others.
NO_COMPILER = re.compile(
    rb"command '\S*(gcc|g\+\+|cc|c\+\+|clang)' failed: No such file|No such file or directory: '\S*(gcc|g\+\+|cc|clang)'"
    rb"|Unknown compiler|No CMAKE_\w+_COMPILER|linker `\S*cc` not found|(gcc|g\+\+|cc|clang): (command )?not found"
)
NO_RUST = re.compile(
    rb"[Cc]argo, the Rust package manager, is not installed|can't find Rust compiler|No such file or directory: 'cargo'"
)
NO_GIT = re.compile(rb"No such file or directory: 'git'|git: (command )?not found|unable to find.{0,20}\bgit\b")


def refuse(what):
    """Ends the step with what is wrong with the source."""
    step.fail("%s %s" % (title, what))


def failed(log):
    """Ends the step with what a person needs: which package, and what would help. Who wants it is in the step's name."""
    message = ["%s could not be built from its source" % title]
    if NO_RUST.search(log):
        message.append("help: the base image has no Rust toolchain; set base in [tool.pyfront] to an image that has one,")
        message.append("      or lock a version of %s that has a wheel for this platform" % name)
    elif NO_COMPILER.search(log):
        message.append("help: the base image has no C compiler; set base in [tool.pyfront] to an image that has one (the")
        message.append("      full python image without -slim, for example), or lock a version of %s with a wheel" % name)
    elif NO_GIT.search(log):
        message.append("help: this build calls git, which the base image does not have; set base in [tool.pyfront] to an")
        message.append("      image that has it")
    else:
        message.append("what its build backend said stands above; a version with a wheel for this platform needs no build")
    step.fail("\n".join(message))


def run(*arguments):
    """Runs uv and returns its status and its log, which is also shown while it grows."""
    process = subprocess.Popen([step.UV, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    log = []
    for line in process.stdout:
        sys.stderr.buffer.write(line)
        sys.stderr.buffer.flush()
        log.append(line)
    return process.wait(), b"".join(log[-5000:])


def unpack(archive, directory):
    """Unpacks an archive; nothing in it can get out of the directory."""
    os.makedirs(directory)
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as files:
            files.extractall(directory)
    elif not hasattr(tarfile, "data_filter"):
        refuse("is in a subdirectory of an archive, and this Python is too old to unpack archives safely")
    else:
        try:
            with tarfile.open(archive) as files:
                files.extractall(directory, filter="data")
        except tarfile.TarError as error:
            refuse("could not be unpacked: %s" % error)
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
        refuse("has no directory %s in its source" % subdirectory)
    return path


if kind == "git":
    source = inside("/src", rest[0] if rest else ".")
    # The tree has neither the tags nor, in a slim image, the git that versions are made of. The lock has the version that
    # this commit had when it was written.
    for variable in ("SETUPTOOLS_SCM_PRETEND_VERSION", "PBR_VERSION", "PDM_BUILD_SCM_VERSION"):
        os.environ[variable] = version
    os.environ["POETRY_DYNAMIC_VERSIONING_BYPASS"] = version
elif kind == "file":
    source = step.TOOLS + "/archive/" + rest[0]
    step.check_hash(source, rest[1])
else:
    source = step.TOOLS + "/archive/" + rest[0]
    if len(rest) > 1:
        source = inside(unpack(source, "/tmp/pyfront-source"), rest[1])

# Compilers write this instead of the clock.
os.environ["SOURCE_DATE_EPOCH"] = str(step.EPOCH)
step.trust_company_ca()
status, log = run("build", "--wheel", "--python", step.interpreter(), "--out-dir", step.DIST, "--", source)
if status != 0:
    failed(log)
step.built_wheel(title)
step.install(step.DIST, [name + "==" + version], checked=False)
