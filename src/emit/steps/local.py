"""Installs wheels of the user's own files, after a look at their hashes, into an empty directory that becomes one layer.

usage: local.py (NAME==VERSION FILENAME ALGORITHM:HASH)…   (the wheels lie in /run/pyfront/wheels; there is no network)
"""

import sys

import pyfront_step as step

arguments = sys.argv[1:]
for filename, digest in zip(arguments[1::3], arguments[2::3]):
    step.check_hash(step.TOOLS + "/wheels/" + filename, digest)
step.install(step.TOOLS + "/wheels", arguments[0::3], checked=False)
