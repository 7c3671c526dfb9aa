"""Makes a layer of a Python that uv has installed, at a path that says neither its patch nor its CPU.

usage: managed.py DIRECTORY   (uv's directory of Pythons; runs on one of its Pythons, perhaps on another than the one in it)
"""

import glob
import os
import shutil
import sys

import pyfront_step as step

PLACE = "/opt/python"

installed = [path for path in glob.glob(sys.argv[1] + "/cpython-*") if not os.path.islink(path)]
if len(installed) != 1:
    step.fail("uv has installed %d Pythons where one is expected" % len(installed))
shutil.copytree(installed[0], step.OUT + PLACE, symlinks=True)
# uv tells a Python where it was installed: what the settings of compilers for extension modules are made of.
name = os.path.basename(installed[0])
for path in glob.glob(step.OUT + PLACE + "/lib/python3*/_sysconfigdata_*.py"):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace("/run/pyfront/managed/" + name, PLACE))
step.fix_metadata()
print("Python of the image: " + name)
