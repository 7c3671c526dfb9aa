"""Leaves in the root that steps run on what each of them would find out again: bytecode of what they use of Python's standard
library, and what uv wants to know of the interpreter.

Official slim images come without bytecode, so every step would compile the same modules: its own, those that uv asks the
interpreter with, and those of build backends. No image gets this root.
"""

import os
import shutil
import sys
import sysconfig

import pyfront_step as step

USED = """
argparse ast base64 bz2 concurrent.futures configparser contextlib csv dataclasses datetime decimal difflib email.generator
email.parser email.policy fnmatch getopt glob gzip hashlib http.client importlib.metadata importlib.resources importlib.util
inspect ipaddress json locale logging lzma netrc pathlib pickle platform queue random re shlex shutil site socket ssl string
subprocess tarfile tempfile textwrap threading tokenize tomllib traceback typing urllib.request uuid warnings zipfile
""".split()

sys.dont_write_bytecode = False
for name in USED:
    try:
        __import__(name)
    except ImportError:
        # Another version of Python has another library, and some images have a part of it.
        pass
# A module of its own, which describes this interpreter.
sysconfig.get_config_vars()

if os.path.exists(step.UV):
    step.make_venv()
    # Wheels are installed by the one, and built by the other. Whatever is wrong with the interpreter, a step with work to do tells
    # it better.
    for python in (step.VENV + "/bin/python", step.interpreter()):
        options = ["--no-config", "--offline", "--cache-dir", step.KNOWN, "--python", python]
        os.spawnv(os.P_WAIT, step.UV, [step.UV, "pip", "list", "-qq", *options])
    for name in os.listdir(step.KNOWN) if os.path.isdir(step.KNOWN) else ():
        if not name.startswith("interpreter-"):
            path = step.KNOWN + "/" + name
            shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
    shutil.rmtree(step.VENV)
