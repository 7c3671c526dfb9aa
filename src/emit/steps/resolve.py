"""Resolves and installs requirements that have no lock, with network, into a directory that becomes one layer.

usage: resolve.py hashed|unhashed   (requirements.txt and constraints.txt lie in /run/pyfront/requirements)

`hashed` means that every file which is installed must have one of the hashes that are given.
"""

import os
import subprocess
import sys

import pyfront_step as step

hashed = sys.argv[1] == "hashed"
directory = step.TOOLS + "/requirements"

step.trust_company_ca()
step.give_index_credentials()
# Compilers write this instead of the clock.
os.environ["SOURCE_DATE_EPOCH"] = str(step.EPOCH)
step.uv("venv", "--quiet", "--clear", "--python", step.interpreter(), step.VENV)
status = subprocess.run([
    step.UV, "pip", "install", "--no-config", "--python", step.VENV + "/bin/python", "--prefix", step.OUT + step.VENV,
    *(["--require-hashes"] if hashed else []),
    "--constraint", directory + "/constraints.txt", "--requirement", directory + "/requirements.txt",
]).returncode
if status != 0:
    message = "the requirements could not be installed; what uv said stands above"
    if hashed:
        message += "\nhelp: all packages must be listed with their hashes, also those that others need: write the file with"
        message += "\n      uv pip compile --generate-hashes"
    step.fail(message)
step.finish(checked=False)
