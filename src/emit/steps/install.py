"""Installs one group of locked wheels into an empty directory that becomes one layer.

usage: install.py NAME==VERSION…   (the wheels lie in /run/pyfront/wheels; there is no network)
"""

import sys

import pyfront_step as step

step.install(step.TOOLS + "/wheels", sys.argv[1:], checked=False)
