"""Leaves bytecode of what steps use of Python's standard library in the root that steps run on.

Official slim images come without it, so every step would compile the same modules again: its own, those that uv asks the
interpreter with, and those of build backends. No image gets this root.
"""

import sys
import sysconfig

USED = """
argparse ast base64 bz2 concurrent.futures configparser contextlib csv dataclasses datetime decimal difflib email.generator
email.parser email.policy fnmatch getopt glob gzip hashlib http.client importlib.metadata importlib.resources importlib.util
inspect ipaddress json locale logging lzma netrc pathlib pickle platform queue random re shlex shutil socket ssl string
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
