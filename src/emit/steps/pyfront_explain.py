"""What would help when a build has failed, by what its log says."""

import json
import re
import shutil

import pyfront_build as build
import pyfront_step as step

# The system packages that are known to be missing, by what a log says.
SYSTEM_LIBRARIES = step.TOOLS + "/step/system-libraries.json"


def explain_links(links):
    """What to do about links that lead out of a project."""
    message = ["missing: what %s links to (%s): a build sees the files of its project alone" % link for link in links[:5]]
    if links:
        message.append("help: replace the link by what it stands for, or make that a package, as a member of the workspace")
    return message


# What missing things look like in the logs of compilers, setuptools, meson, CMake, pkg-config, cargo and configure scripts.
# The last group that matches is the thing's name.
HEADERS = [r"fatal error: '?([\w./+-]+\.(?:h|hh|hpp|hxx))'?(?: file not found|: No such file)"]
LIBRARIES = [r"cannot find -l([\w.+-]+)"]
MODULES = [
    r"Package '?([\w.+-]+)'? was not found in the pkg-config search path",
    r"No package '([\w.+-]+)' found",
    r"Package '([\w.+-]+)', required by '[^']*', not found",
    r"Dependency \"?([\w.+-]+)\"? not found",
    r"[Dd]ependency lookup for ([\w.+-]+) with method",
    r"Could NOT find ([\w.+-]+)",
    r"The pkg-config file `([\w.+-]+)\.pc` needs to be installed",
]
PROGRAMS = [
    r"command '(?:\S*/)?([\w.+-]+)' failed: No such file",
    r"No such file or directory: b?'(?:\S*/)?([\w.+-]+)'",
    r"(?:^|[\s:/'\"`])([\w.+-]+)['\"`]?: (?:command )?not found",
    r"Program '?([\w.+-]+)'? not found",
    r"Program '([\w.+-]+)' not found or not executable",
    r"(pg_config|mysql_config|curl-config|xml2-config|xslt-config|krb5-config|nc-config|geos-config|gdal-config) executable not found",
    r"Could not run (curl-config)",
    r"linker `(\S*cc)` not found",
    r"Could not find (ninja|cmake|git|cargo|rustc|swig|gfortran|pkg-config|patchelf)\b",
    r"unable to find [\"'`]?(git|cmake|ninja|cargo|rustc)\b",
    r"'?([\w.+-]+)'? (?:executable|program) (?:was )?not found",
]
# What is said without the name of what is missing, and that name.
SAYINGS = [
    (r"Unknown compiler|No CMAKE_C_COMPILER|no acceptable C compiler found|need a C compiler", "gcc"),
    (r"No CMAKE_CXX_COMPILER", "g++"),
    (r"No CMAKE_Fortran_COMPILER|Unknown compiler\(s\): \[\['gfortran'", "gfortran"),
    (r"[Cc]argo, the Rust package manager, is not installed|can't find Rust compiler", "cargo"),
    (r"Can not find valid pkg-config name|pkg-config (?:is|was) not found|Did not find pkg-config|pkg-config not found", "pkg-config"),
    (r"Trying `pkg-config --exists mysqlclient`|Can not find valid pkg-config name", "mysqlclient"),
    (r"Please make sure the libxml2 and libxslt development packages are installed", "libxslt"),
    (r"CMake must be installed to build|Problem with the CMake installation|CMake is not installed", "cmake"),
    (r"Did you install the python3-dev|Python\.h: No such file", "Python.h"),
]
NO_VERSION = re.compile(
    r"unable to detect version for|setuptools-scm was unable|Versioning for this project requires either an sdist"
    r"|Cannot find the version number|does not appear to be a Git project|Unable to determine version|unable to determine version"
    r"|not a git repository|This does not appear to be a git"
)


def missing(log):
    """What a log says is missing, as (kind, name) in the order of the table's kinds."""
    found = []
    for kind, patterns in (("headers", HEADERS), ("libraries", LIBRARIES), ("modules", MODULES), ("programs", PROGRAMS)):
        for pattern in patterns:
            # x86_64-linux-gnu-gcc is gcc.
            found += [(kind, re.sub(r"^\w+-linux-\w+-", "", match)) for match in re.findall(pattern, log, re.MULTILINE)]
    # Python's own library has the version in its name, which is that of the system packages then.
    found = [(kind, re.sub(r"^python3(\.\d+)?t?m?$", "python3", thing) if kind == "libraries" else thing) for kind, thing in found]
    for pattern, name in SAYINGS:
        if re.search(pattern, log):
            found += [("programs", name), ("modules", name)]
    return found


def system_packages(log, name):
    """What to install, by what a log says and by the package's name; and what of it was said to be missing."""
    with open(SYSTEM_LIBRARIES, encoding="utf-8") as file:
        table = json.load(file)
    system = "alpine" if shutil.which("apk") else "debian"
    packages, things = [], []
    for kind, thing in missing(log):
        for entry in table["evidence"]:
            names = entry.get(kind, [])
            if thing in names or any(thing.endswith("/" + known) for known in names):
                packages += entry.get(system, [])
                things.append("lib" + thing if kind == "libraries" else thing)
    if things:
        for entry in table["projects"]:
            if name in entry["names"]:
                packages += entry.get(system, [])
    # Compilers and other tools that are there already are named as their packages are.
    packages = [package for package in dict.fromkeys(packages) if not shutil.which(package)]
    return packages, list(dict.fromkeys(things))


def explain(log, title, name, project):
    """What a person needs: which package, what is missing, and what would help. Who wants it is in the step's name."""
    message = ["%s could not be built from its source" % title]
    packages, things = system_packages(log, name)
    wrong = re.search(r"no version of (\S+?)==(\S+) and you require", log)
    module = re.search(r"(?:ModuleNotFoundError|ImportError): No module named '?([\w.]+)", log)
    unversioned = NO_VERSION.search(log)
    if packages and not (unversioned and packages == ["git"]):
        message.append("missing: %s" % ", ".join(things))
        message.append("help: add to build-packages in [tool.pyfront]: %s" % ", ".join('"%s"' % package for package in packages))
        if not project:
            message.append("      or lock a version of %s that has a wheel for this platform" % name)
    elif unversioned:
        if project:
            message.append("its version comes from git, but the build has no git repository: .git is left out of the context")
            message.append("help: pass the version: --build-arg SETUPTOOLS_SCM_PRETEND_VERSION=1.2.3 (docs/building-from-source.md)")
        else:
            message.append("its version comes from git, and its source has no git repository with tags")
            message.append("help: lock a release of it from an index, or set the variable that its backend reads for the")
            message.append("      version in [tool.uv.extra-build-variables]")
    elif wrong:
        message.append("the source makes another version than %s, which the lock says" % wrong.group(2))
        message.append("help: run uv lock --refresh-package %s" % name)
    elif module and build.without_isolation():
        message.append("missing: the Python module %s" % module.group(1))
        message.append("help: without build isolation a build finds the locked packages that it depends on, and build tools.")
        message.append("      Add the package to extra-build-dependencies.%s in [tool.uv] and to the project" % name)
    elif module:
        message.append("missing: the Python module %s" % module.group(1))
        message.append('help: add the package that has it to [tool.uv.extra-build-dependencies]: %s = ["…"]' % name)
    else:
        message.append("what its build backend said stands above")
        if not project:
            message.append("help: a version with a wheel for this platform needs no build")
    return message
