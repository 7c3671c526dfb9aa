"""Installs one group of locked wheels into an empty directory that becomes one layer.

usage: install.py NAME==VERSION…   (the wheels lie in /run/pyfront/wheels; there is no network)
"""

import sys

import pyfront_step as step

step.uv("venv", "--quiet", "--python", step.interpreter(), step.VENV)
step.uv(
    "pip", "install", "--quiet", "--offline", "--no-index", "--find-links", step.TOOLS + "/wheels", "--no-deps",
    "--python", step.VENV + "/bin/python", "--prefix", step.OUT + step.VENV, "--", *sys.argv[1:],
)
step.drop_lock()
step.compile_bytecode(checked=False)
step.fix_metadata()
