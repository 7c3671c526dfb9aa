"""Makes a layer with the bytecode of Python's standard library, which official slim images come without.

In development a server is started again with every edit, as a user who cannot keep the bytecode beside the sources.
"""

import os
import sysconfig

import pyfront_step as step

# What no server imports.
LEFT_OUT = {"__pycache__", "ensurepip", "idlelib", "lib2to3", "site-packages", "test", "tests", "tkinter", "turtledemo"}

library = sysconfig.get_path("stdlib")
for directory, names, files in os.walk(library):
    names[:] = sorted(set(names) - LEFT_OUT)
    for name in sorted(files):
        path = os.path.join(directory, name)
        if name.endswith(".py") and not os.path.exists(step.bytecode_of(path)):
            step.compile_file(path, checked=False)
step.fix_metadata()
