"""Finds the shared libraries that installed packages need and that the image does not have. Nothing of them is run, so
they may be for any CPU.

usage: libraries.py SEARCH NAME…

The image without its packages lies in /image, the layers of packages in /layers. SEARCH is the image's LD_LIBRARY_PATH; the
NAMEs are packages beside those of the layers. What is missing is written to missing.json: what to say, and what to install.
"""

import fnmatch
import glob
import json
import mmap
import os
import re
import struct
import sys

import pyfront_step as step

IMAGE, LAYERS = "/image", "/layers"
TABLE = step.TOOLS + "/step/shared-libraries.json"
# Entries of a dynamic section (ELF specification, chapter 5).
NEEDED, STRTAB, SONAME, RPATH, RUNPATH = 1, 5, 14, 15, 29
LOAD, DYNAMIC = 1, 2
# More names than this are not listed.
MOST = 8
# Names that are no libraries of anybody's: the loader itself, which is the C library, too, with musl.
LOADERS = re.compile(r"^(ld-linux|ld-musl-|ld64|ld\.so|libc\.musl-|libc\.so$|linux-vdso)")


class Elf:
    """What an ELF file says of itself: its kind of CPU, and the strings of its dynamic section by their tags."""

    def __init__(self, data):
        if data[:4] != b"\x7fELF":
            raise ValueError("no ELF file")
        wide, self.order = data[4] == 2, "<" if data[5] == 1 else ">"
        self.cpu = (data[4], data[5], self.read("H", data, 18)[0])
        (start,) = self.read("Q" if wide else "I", data, 32 if wide else 28)
        size, number = self.read("HH", data, 54 if wide else 42)
        loaded, dynamic = [], None
        for index in range(number):
            at = start + index * size
            if wide:
                kind, _, offset, address, _, length = self.read("IIQQQQ", data, at)
            else:
                kind, offset, address, _, length = self.read("IIIII", data, at)
            if kind == LOAD:
                loaded.append((address, offset, length))
            elif kind == DYNAMIC:
                dynamic = (offset, length)
        entries = self.entries(data, wide, *dynamic) if dynamic else []
        (table,) = [value for tag, value in entries if tag == STRTAB][:1] or (0,)
        places = [offset + table - address for address, offset, length in loaded if address <= table < address + length]
        self.strings = {}
        for tag, value in entries:
            if tag in (NEEDED, SONAME, RPATH, RUNPATH) and places:
                begin = places[0] + value
                text = data[begin:data.find(b"\0", begin)].decode("utf-8", "replace")
                self.strings.setdefault(tag, []).append(text)

    def read(self, form, data, offset):
        return struct.unpack_from(self.order + form, data, offset)

    def entries(self, data, wide, offset, length):
        form, size = ("qQ", 16) if wide else ("iI", 8)
        found = []
        for at in range(offset, offset + length, size):
            tag, value = self.read(form, data, at)
            if tag == 0:
                break
            found.append((tag, value))
        return found


def elf(path):
    """The ELF file at a path; None if there is none that can be read."""
    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return Elf(data)
    except (OSError, ValueError, IndexError, struct.error):
        return None


def cpu_of_image():
    """The kind of CPU that the image is for, as its C library says; None if it has none at a usual place."""
    places = ("lib/*/libc.so.6", "lib64/libc.so.6", "lib/libc.so.6", "usr/lib/*/libc.so.6", "lib/ld-musl-*.so.1")
    for place in places:
        for path in sorted(glob.glob(IMAGE + "/" + place)):
            # An absolute link would lead out of the image.
            found = elf(path) if os.path.realpath(path).startswith(IMAGE + "/") else None
            if found:
                return found.cpu
    return None


def lines(pattern):
    for path in sorted(glob.glob(IMAGE + pattern)):
        with open(path, errors="replace") as file:
            yield from file.read().split("\n")


def names_in(roots, directories):
    """The names in directories of the image, whatever lies behind them."""
    found = set()
    for root in roots:
        for directory in directories:
            try:
                found.update(os.listdir(root + directory))
            except OSError:
                continue
    return found


def search_path(search):
    """The directories that the image's loader looks into, with those of its configuration (glibc and musl)."""
    plain = ["/lib", "/usr/lib", "/lib64", "/usr/lib64", "/usr/local/lib", "/usr/local/lib64"]
    for directory in ("/lib", "/usr/lib", "/usr/local/lib"):
        plain += [path[len(IMAGE):] for path in sorted(glob.glob(IMAGE + directory + "/*-linux-*"))]
    configured = [line.strip() for line in lines("/etc/ld.so.conf.d/*.conf")]
    configured += [part.strip() for line in lines("/etc/ld-musl-*.path") for part in line.split(":")]
    return plain + [path for path in [*search.split(":"), *configured] if path.startswith("/")]


class Package:
    """An installed Python package, and its shared libraries as paths of the image."""

    def __init__(self, name, layer, files):
        self.name, self.layer = name, layer
        self.files = files
        self.elves = {}
        self.provided = set()

    def read(self, cpu):
        for path in self.files:
            found = elf(self.layer + path)
            if found and found.cpu == cpu:
                self.elves[path] = found
                self.provided |= {os.path.basename(path), *found.strings.get(SONAME, [])}


def packages(layers):
    """The packages of the layers. Their RECORDs tell their files, so no tree has to be walked."""
    for layer in layers:
        for record in sorted(glob.glob(layer + step.VENV + "/lib/python3*/site-packages/*.dist-info/RECORD")):
            directory = os.path.dirname(record)
            site = os.path.dirname(directory)[len(layer):]
            name = re.sub("[-_.]+", "-", os.path.basename(directory).split("-")[0]).lower()
            with open(record, encoding="utf-8", errors="replace") as file:
                paths = [line.split(",")[0].strip('"') for line in file if ".so" in line]
            # Plugins are loaded where their kind is used: a database's, a display's.
            paths = [path for path in paths if re.search(r"\.so(\.[\w.-]+)?$", path) and "/plugins/" not in path]
            yield Package(name, layer, [os.path.normpath(os.path.join(site, path)) for path in paths])


def run_paths(path, found):
    """The directories that a file itself tells the loader to look into."""
    entries = found.strings.get(RUNPATH) or found.strings.get(RPATH) or []
    origin = os.path.dirname(path)
    for entry in ":".join(entries).split(":"):
        directory = entry.replace("${ORIGIN}", origin).replace("$ORIGIN", origin)
        if directory.startswith("/"):
            yield os.path.normpath(directory)


def is_optional(table, package, library):
    for row in table["optional"]:
        if any(fnmatch.fnmatch(package, name) for name in row["python"]):
            if any(fnmatch.fnmatch(library, name) for name in row["libraries"]):
                return True
    return False


def missing_libraries(table, installed, names, search):
    """What each package needs and does not find: {package: {library: the first file that needs it}}."""
    known = {library for row in table["libraries"] for library in row["libraries"]}
    roots = [IMAGE, *glob.glob(LAYERS + "/*")]
    there = names_in(roots, search)
    files = {path for package in installed for path in package.elves}
    of_all = set().union(*(package.provided for package in installed)) if installed else set()
    found = {}

    def is_there(package, path, library):
        if library in there or library in package.provided or LOADERS.match(library):
            return True
        # A package may rely on another one that is imported first, but hardly for a library of the system.
        if library in of_all and library not in known:
            return True
        directories = list(run_paths(path, package.elves[path]))
        if any(os.path.join(directory, library) in files for directory in directories):
            return True
        return any(os.path.lexists(root + os.path.join(directory, library)) for directory in directories for root in roots)

    for package in installed:
        for path, file in package.elves.items():
            for library in file.strings.get(NEEDED, []):
                if "/" in library or is_there(package, path, library) or is_optional(table, package.name, library):
                    continue
                found.setdefault(package.name, {}).setdefault(library, path)
    provided = {package.name: package.provided for package in installed}
    for row in table["loads"]:
        if names & set(row.get("unless", [])):
            continue
        for name in names & set(row["python"]):
            stems = {library.split(".so")[0] for library in row["libraries"]}
            if any(own.startswith(tuple(stems)) for own in provided.get(name, ())):
                continue
            for library in row["libraries"]:
                if library not in there:
                    found.setdefault(name, {}).setdefault(library, None)
    return found


class System:
    """The base image's distribution: how it calls packages, and whether it can install any."""

    def __init__(self):
        values = dict(line.split("=", 1) for line in lines("/etc/os-release") if "=" in line)
        values = {key: value.strip().strip("\"'") for key, value in values.items()}
        self.name = values.get("NAME") or "the base image"
        family = [values.get("ID", ""), *values.get("ID_LIKE", "").split()]
        self.family = next((name for name in family if name in ("debian", "alpine")), None)
        try:
            version = float(values.get("VERSION_ID", ""))
        except ValueError:
            # Debian's testing has no number.
            version = 1000.0
        self.is_later = version >= (24.04 if values.get("ID") == "ubuntu" else 13)
        manager = {"debian": "apt-get", "alpine": "apk"}.get(self.family)
        places = ("/usr/bin/", "/bin/", "/sbin/", "/usr/sbin/")
        self.installs = manager is not None and any(os.path.lexists(IMAGE + place + manager) for place in places)

    def package(self, row):
        """The name of a row's package here, if it has one."""
        name = row.get(self.family) if self.family else None
        if name and "|" in name:
            name = name.split("|")[self.is_later]
        return name and name.replace("~", "t64" if self.is_later else "")

    def package_of(self, table, library):
        """The package with a shared library, if the table knows."""
        rows = [row for row in table["libraries"] if library in row["libraries"]]
        if self.family == "alpine":
            # apk finds a package by what is in it, whatever the release calls that package.
            return "so:" + library if any(row.get("musl", True) for row in rows) else None
        names = [self.package(row) for row in rows]
        return next(filter(None, names), None)

    def help(self, known, unknown):
        """What to do about packages that are missing, and libraries whose package is not known."""
        if not self.installs:
            return "take a base image with apt-get or apk and add the package to packages in [tool.pyfront], or add the library " \
                "with [[tool.pyfront.copy]]"
        parts = []
        if self.family == "alpine":
            known, unknown = known | {"so:" + library for library in unknown}, []
        if known:
            parts.append("add to packages in [tool.pyfront]: " + ", ".join('"%s"' % name for name in sorted(known)))
        if unknown:
            ask = "apt-file search " + unknown[0]
            parts.append("look for the package of %s that has %s (%s)" % (self.name, listed(unknown), ask))
        return "; ".join(parts)


def listed(names):
    """Some names, for people."""
    return ", ".join(names[:MOST]) + (" and %d more" % (len(names) - MOST) if len(names) > MOST else "")


def shown(text):
    """A name that comes from a package's files, without what could do something to a terminal."""
    return re.sub(r"[^\w.+,/@~-]", "?", text)[:200]


def report(table, installed, names, search):
    """What is missing: what to say of each package, and the system packages that would help."""
    system = System()
    findings, install = [], set()
    for package, libraries in sorted(missing_libraries(table, installed, names, search).items()):
        known = {system.package_of(table, library) for library in libraries} - {None}
        unknown = [shown(library) for library in sorted(libraries) if not system.package_of(table, library)]
        file = next(filter(None, libraries.values()), None)
        findings.append({
            "package": package, "help": system.help(known, unknown),
            "message": "%s needs %s, which the image does not have" % (
                shown(package), listed([shown(library) for library in sorted(libraries)])
            ),
            "note": "the first file that needs one is " + shown(file) if file else "it is loaded by its name",
        })
        if system.installs:
            install |= known
    programs = names_in([IMAGE], ["/usr/bin", "/bin", "/usr/local/bin", "/usr/sbin", "/sbin"])
    for row in table["runs"]:
        for package in sorted(names & set(row["python"])):
            wanted = [program for program in row["programs"] if program not in programs]
            if wanted:
                findings.append({
                    "package": package, "help": system.help({system.package(row)} - {None}, []),
                    "message": "%s runs the program %s, which the image does not have" % (package, ", ".join(wanted)),
                    "note": "which programs a package runs is no part of it: this is known of some packages",
                })
    return {"findings": findings, "install": sorted(install)}


def main(search, *names):
    with open(TABLE, encoding="utf-8") as file:
        table = json.load(file)
    installed = list(packages(sorted(glob.glob(LAYERS + "/*"))))
    cpu = cpu_of_image()
    for package in installed:
        package.read(cpu)
    found = report(table, installed, {*names, *(package.name for package in installed)}, search_path(search))
    with open(step.OUT + "/missing.json", "w") as file:
        json.dump(found, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
