"""The files of a layer are a function of what was installed: clocks, umasks, hash seeds and the order of a directory are not.

usage: layer_test.py DIRECTORY-OF-STEPS
"""

import hashlib
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import unittest

STEPS = sys.argv.pop()

# Sets in constants are what hash seeds would put into another order; names that occur twice are what marshal writes once.
MODULE = """
NAMES = frozenset({'alpha', 'beta', 'gamma', 'delta', 'epsilon'})
def known(name, names=('alpha', 'beta')):
    return name in {'alpha', 'beta', 'gamma', 'delta'} or name in names
"""

FILES = {
    "lib/python3/site-packages/parcel/__init__.py": MODULE,
    "lib/python3/site-packages/parcel/first.py": MODULE + "from parcel import known\n",
    "lib/python3/site-packages/parcel/second.py": MODULE + "from parcel.first import known\n",
    "lib/python3/site-packages/parcel/template.py": "def {{ name }}():\n",
    "lib/python3/site-packages/parcel/tests/test_parcel.py": MODULE,
    "lib/python3/site-packages/parcel-1.0.dist-info/RECORD": "parcel/__init__.py,,\n",
    "bin/parcel": "#!/opt/venv/bin/python\nimport parcel\n",
}

# Runs in a process of its own: installs the files as uv would, and finishes the layer.
PROGRAM = """
import os, sys, time
steps, out, umask, ahead, *names = sys.argv[1:]
sys.path.insert(0, steps)
os.umask(int(umask, 8))
now = time.time() + int(ahead)
time.time = lambda: now
import pyfront_step as step
step.OUT = out
if os.getuid() != 0:
    os.lchown = lambda *_: None
import layer_files
for name in names:
    path = out + step.VENV + "/" + name
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(layer_files.FILES[name])
    os.utime(path, (now, now))
    if "/bin/" in path:
        os.chmod(path, 0o777)
open(out + step.VENV + "/.lock", "w").close()
step.finish(checked=False)
"""


def digest(root):
    """What a layer of these files would differ by."""
    found = hashlib.sha256()
    for directory, names, files in os.walk(root):
        names.sort()
        for name in sorted(names + files):
            path = os.path.join(directory, name)
            status = os.lstat(path)
            data = b"" if name in names else pathlib.Path(path).read_bytes()
            entry = (path[len(root):], oct(status.st_mode), status.st_uid, status.st_gid, status.st_mtime_ns, data)
            found.update(repr(entry).encode())
    return found.hexdigest()


class Noise(unittest.TestCase):
    def layer(self, umask="022", ahead=0, order=None, **environment):
        names = list(FILES)
        if order is not None:
            random.Random(order).shuffle(names)
        with tempfile.TemporaryDirectory() as work:
            with open(work + "/layer_files.py", "w") as file:
                file.write("FILES = %r\n" % FILES)
            # Steps have this seed; what a layer has must not depend on what is around it.
            environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": work, **environment}
            os.mkdir(work + "/out")
            subprocess.run(
                [sys.executable, "-B", "-c", PROGRAM, STEPS, work + "/out", umask, str(ahead), *names],
                env=environment, check=True, stdout=subprocess.DEVNULL,
            )
            # Not the template, which is no Python, and not the tests, which nobody imports.
            compiled = sorted(name.split(".")[0] for *_, files in os.walk(work) for name in files if name.endswith(".pyc"))
            self.assertEqual(compiled, ["__init__", "first", "second"])
            return digest(work + "/out")

    def test_nothing_gets_in(self):
        usual = self.layer()
        self.assertEqual(usual, self.layer(), "the same again, in another directory")
        self.assertEqual(usual, self.layer(ahead=400 * 24 * 3600), "another day")
        self.assertEqual(usual, self.layer(umask="077"), "another umask")
        self.assertEqual(usual, self.layer(order=1), "another order")
        self.assertEqual(usual, self.layer(order=2, umask="000", ahead=-86400, TZ="Asia/Tokyo", LC_ALL="C", HOME="/nowhere"))
        self.assertEqual(usual, self.layer(PYTHONDONTWRITEBYTECODE="1", SOURCE_DATE_EPOCH="1000000000"), "other variables")

    def test_what_is_installed_does(self):
        usual = self.layer()
        FILES["bin/parcel"] += "# more\n"
        self.assertNotEqual(usual, self.layer())


if __name__ == "__main__":
    unittest.main()
