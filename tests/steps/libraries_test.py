"""Runs the program that finds missing shared libraries, on made-up images and packages.

usage: libraries_test.py DIRECTORY-OF-STEPS
"""

import json
import os
import pathlib
import struct
import sys
import tempfile
import unittest

STEPS = sys.argv.pop()
sys.path.insert(0, STEPS)
import libraries
import pyfront_step as step

SITE = "opt/venv/lib/python3.13/site-packages/"
AMD64, ARM64, S390X, I386 = (2, 1, 62), (2, 1, 183), (2, 2, 22), (1, 1, 3)
NEEDED, SONAME, RPATH, RUNPATH = 1, 14, 15, 29


def elf(*entries, cpu=AMD64):
    """A shared library with these entries in its dynamic section."""
    wide, order = cpu[0] == 2, "<" if cpu[1] == 1 else ">"
    strings, dynamic = b"\0", b""
    entry = order + ("qQ" if wide else "iI")
    for tag, text in entries:
        dynamic += struct.pack(entry, tag, len(strings))
        strings += text.encode() + b"\0"
    begin = 64 + 2 * 56
    # The file is loaded elsewhere than where it lies.
    dynamic += struct.pack(entry, 5, 0x1000 + begin) + struct.pack(entry, 0, 0)
    size, parts = begin + len(strings) + len(dynamic), (begin + len(strings), len(dynamic))
    ident = b"\x7fELF" + bytes([cpu[0], cpu[1], 1]) + bytes(9)
    if wide:
        head = struct.pack(order + "HHIQQQIHHHHHH", 3, cpu[2], 1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0)
        loads = struct.pack(order + "IIQQQQQQ", 1, 5, 0, 0x1000, 0, size, size, 1)
        loads += struct.pack(order + "IIQQQQQQ", 2, 6, parts[0], 0x1000 + parts[0], 0, parts[1], parts[1], 8)
    else:
        head = struct.pack(order + "HHIIIIIHHHHHH", 3, cpu[2], 1, 0, 64, 0, 0, 52, 32, 2, 0, 0, 0)
        loads = struct.pack(order + "IIIIIIII", 1, 0, 0x1000, 0, size, size, 5, 1)
        loads += struct.pack(order + "IIIIIIII", 2, parts[0], 0x1000 + parts[0], 0, parts[1], parts[1], 6, 4)
    data = (ident + head).ljust(64, b"\0") + loads
    return data.ljust(begin, b"\0") + strings + dynamic


class Libraries(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = pathlib.Path(directory.name).resolve()
        self.cpu, self.layers = AMD64, 0
        libraries.IMAGE, libraries.LAYERS = str(self.root / "image"), str(self.root / "layers")
        libraries.TABLE, step.OUT = STEPS + "/shared-libraries.json", str(self.root)
        self.base("debian", "13", "usr/bin/apt-get")

    def write(self, path, data=b""):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)

    def base(self, distribution, version, *files, libc="lib/some-linux-gnu/libc.so.6"):
        self.write("image/etc/os-release", ('NAME="Some"\nID=%s\nVERSION_ID="%s"\n' % (distribution, version)).encode())
        self.write("image/" + libc, elf(cpu=self.cpu))
        for file in files:
            self.write("image/" + file)

    def package(self, name, files, layer=None):
        """Installs a package into a layer of its own."""
        self.layers += 1
        root = "layers/%03d/%s" % (self.layers if layer is None else layer, SITE)
        for path, data in files.items():
            self.write(root + path, data)
        record = "".join('%s,sha256=x,1\n' % path for path in files)
        self.write(root + name + "-1.0.dist-info/RECORD", record.encode())

    def look(self, *names, search=""):
        libraries.main(search, *names)
        found = json.loads((self.root / "missing.json").read_text())
        self.install = found["install"]
        self.found = {finding["package"]: finding for finding in found["findings"]}
        return [finding["message"].replace(", which the image does not have", "") for finding in found["findings"]]

    def test_a_library_that_is_nowhere_is_named_with_its_package(self):
        self.package("open_cv", {"cv/cv.abi3.so": elf((NEEDED, "libGL.so.1"), (NEEDED, "libglib-2.0.so.0"), (NEEDED, "libc.so.6"))})
        self.assertEqual(self.look(), ["open-cv needs libGL.so.1, libglib-2.0.so.0"])
        self.assertEqual(self.install, ["libgl1", "libglib2.0-0t64"])
        self.assertEqual(self.found["open-cv"]["help"], 'add to packages in [tool.pyfront]: "libgl1", "libglib2.0-0t64"')
        self.assertIn("/opt/venv/lib/python3.13/site-packages/cv/cv.abi3.so", self.found["open-cv"]["note"])

    def test_names_of_packages_are_those_of_the_release(self):
        self.package("cv", {"cv.so": elf((NEEDED, "libglib-2.0.so.0"), (NEEDED, "libxmlsec1-openssl.so.1"), (NEEDED, "libgeos_c.so.1"))})
        for distribution, version, expected in (
            ("debian", "12", ["libgeos-c1v5", "libglib2.0-0", "libxmlsec1-openssl"]),
            ("debian", "13", ["libgeos-c1t64", "libglib2.0-0t64", "libxmlsec1t64-openssl"]),
            ("debian", "", ["libgeos-c1t64", "libglib2.0-0t64", "libxmlsec1t64-openssl"]),
            ("ubuntu\nID_LIKE=debian", "22.04", ["libgeos-c1v5", "libglib2.0-0", "libxmlsec1-openssl"]),
            ("ubuntu\nID_LIKE=debian", "24.04", ["libgeos-c1t64", "libglib2.0-0t64", "libxmlsec1t64-openssl"]),
        ):
            self.base(distribution, version)
            self.look()
            self.assertEqual(self.install, expected, (distribution, version))

    def test_alpine(self):
        os.remove(self.root / "image/lib/some-linux-gnu/libc.so.6")
        self.base("alpine", "3.22", "sbin/apk", "usr/lib/libz.so.1", libc="lib/ld-musl-x86_64.so.1")
        needs = ((NEEDED, "libc.musl-x86_64.so.1"), (NEEDED, "libz.so.1"), (NEEDED, "libpq.so.5"), (NEEDED, "libstdc++.so.6"))
        self.package("db", {"db.so": elf(*needs)})
        self.assertEqual(self.look(), ["db needs libpq.so.5, libstdc++.so.6"])
        self.assertEqual(self.install, ["so:libpq.so.5", "so:libstdc++.so.6"])

    def test_alpine_finds_packages_by_their_libraries(self):
        os.remove(self.root / "image/lib/some-linux-gnu/libc.so.6")
        self.base("alpine", "3.22", "sbin/apk", libc="lib/ld-musl-x86_64.so.1")
        self.package("cv", {"cv.so": elf((NEEDED, "libGL.so.1"), (NEEDED, "libunheard.so.1"), (NEEDED, "libtinfo.so.6"))})
        self.look()
        # Without a word in the table nothing is installed unasked: that no package has it would end the build.
        self.assertEqual(self.install, ["so:libGL.so.1"])
        self.assertEqual(
            self.found["cv"]["help"],
            'add to packages in [tool.pyfront]: "so:libGL.so.1", "so:libtinfo.so.6", "so:libunheard.so.1"',
        )
        self.look("pypandoc", "gitpython")
        self.assertIn('"cmd:pandoc"', self.found["pypandoc"]["help"])
        self.assertIn('"git"', self.found["gitpython"]["help"])

    def test_a_base_without_a_package_manager(self):
        os.remove(self.root / "image/usr/bin/apt-get")
        self.package("cv", {"cv.so": elf((NEEDED, "libGL.so.1"))})
        self.assertEqual(self.look(), ["cv needs libGL.so.1"])
        self.assertEqual(self.install, [])
        self.assertIn("take a base image with apt-get or apk", self.found["cv"]["help"])

    def test_what_the_image_has_in_all_its_places(self):
        self.package("cv", {"cv.so": elf(*((NEEDED, "lib%s.so.1" % name) for name in "abcdefg"))})
        self.write("image/etc/ld.so.conf.d/x.conf", b"# comment\n/opt/vendor/lib\n")
        for place in ("lib/liba.so.1", "usr/lib/libb.so.1", "usr/lib/x86_64-linux-gnu/libc.so.1", "usr/local/lib/libd.so.1",
                      "opt/vendor/lib/libe.so.1", "opt/searched/libf.so.1"):
            self.write("image/" + place)
        self.assertEqual(self.look(search="/opt/other:/opt/searched"), ["cv needs libg.so.1"])
        self.assertIn("apt-file search libg.so.1", self.found["cv"]["help"])
        # A layer that was copied from another image.
        self.write("layers/900/usr/lib/libg.so.1")
        self.assertEqual(self.look(search="/opt/searched"), [])

    def test_what_a_package_brings_itself(self):
        self.package("vendor", {
            "vendor/core.abi3.so": elf((NEEDED, "libgomp-a1b2.so.1"), (NEEDED, "libpq.so.5"), (RPATH, "$ORIGIN/../vendor.libs")),
            "vendor.libs/libgomp-a1b2.so.1": elf(),
            # Found by the name that it has in itself, as it is loaded before.
            "vendor.libs/libpq-renamed.so": elf((SONAME, "libpq.so.5")),
        })
        self.assertEqual(self.look(), [])

    def test_what_another_package_brings(self):
        self.package("nvidia_cublas", {"nvidia/cublas/lib/libcublas.so.12": elf(), "nvidia/cublas/lib/libgomp.so.1": elf()})
        self.package("torch", {
            "torch/lib/libtorch.so": elf((NEEDED, "libcublas.so.12"), (NEEDED, "libgomp.so.1"), (RUNPATH, "/x:${ORIGIN}/../../nvidia/cublas/lib")),
        })
        # It is imported after torch, and says nowhere where that is.
        self.package("vision", {"vision/_C.so": elf((NEEDED, "libtorch.so"))})
        self.assertEqual(self.look(), [])
        # But nobody relies on another package for a library of the system.
        self.package("boost", {"boost/lib/lib_boost.so": elf((NEEDED, "libgomp.so.1"))})
        self.assertEqual(self.look(), ["boost needs libgomp.so.1"])

    def test_what_only_a_driver_brings_and_what_is_optional(self):
        self.package("torch", {"torch/lib/libtorch.so": elf((NEEDED, "libcuda.so.1"), (NEEDED, "libnvidia-ml.so.1"))})
        self.package("numba", {"numba/tbbpool.so": elf((NEEDED, "libtbb.so.12"))})
        self.package("qt", {"qt/plugins/sqldrivers/libqsqlpsql.so": elf((NEEDED, "libpq.so.5"))})
        self.assertEqual(self.look(), [])

    def test_files_for_other_cpus(self):
        self.package("debug", {"debug/x86.so": elf((NEEDED, "libgone.so.1"), cpu=I386), "debug/arm.so": elf((NEEDED, "libgone.so.1"), cpu=ARM64)})
        self.assertEqual(self.look(), [])
        for cpu in (ARM64, S390X, I386):
            self.cpu = cpu
            self.base("debian", "13")
            self.package("other", {"other.so": elf((NEEDED, "libpq.so.5"), cpu=cpu)})
            self.assertIn("other needs libpq.so.5", self.look())

    def test_what_is_loaded_by_its_name(self):
        self.assertEqual(self.look("psycopg"), ["psycopg needs libpq.so.5"])
        self.assertEqual(self.look("psycopg", "psycopg-binary"), [])
        self.write("image/usr/lib/libpq.so.5")
        self.assertEqual(self.look("psycopg"), [])
        self.package("soundfile", {"_soundfile_data/libsndfile_x86_64.so": elf()})
        self.assertEqual(self.look(), [])

    def test_programs_are_told_but_never_installed(self):
        self.assertEqual(self.look("gitpython"), ["gitpython runs the program git"])
        self.assertEqual(self.install, [])
        self.assertEqual(self.found["gitpython"]["help"], 'add to packages in [tool.pyfront]: "git"')
        self.write("image/usr/bin/git")
        self.assertEqual(self.look("gitpython"), [])

    def test_what_is_no_elf_file_or_a_broken_one(self):
        whole = elf((NEEDED, "libpq.so.5"))
        broken = {"cut%d.so" % length: whole[:length] for length in range(0, len(whole), 7)}
        broken["script.so"] = b"INPUT(libfoo.so.1)"
        broken["endless.so"] = whole[:56] + b"\xff\xff" + whole[58:]
        self.package("broken", broken)
        self.package("gone", {})
        self.write("layers/%03d/%sgone-1.0.dist-info/RECORD" % (self.layers, SITE), b'gone.so,,\n"a,b.so",,\n../../../../../../../etc/x.so,,\n')
        self.look()

    def test_names_cannot_do_anything_to_a_terminal(self):
        self.package("bad", {"bad.so": elf((NEEDED, "lib\x1b[31mx\n.so.1"))})
        self.assertEqual(self.look(), ["bad needs lib??31mx?.so.1"])

    def test_many_are_counted(self):
        self.package("qt", {"qt.so": elf(*((NEEDED, "libq%02d.so.5" % number) for number in range(30)))})
        self.assertIn("libq07.so.5 and 22 more", self.look()[0])

    def test_the_table(self):
        table = json.loads(pathlib.Path(libraries.TABLE).read_text())
        known = [library for row in table["libraries"] for library in row["libraries"]]
        self.assertEqual(len(known), len(set(known)), "each library once")
        for row in table["loads"]:
            self.assertLessEqual(set(row["libraries"]), set(known), row)


unittest.main()
