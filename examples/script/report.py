#!/usr/bin/env -S uv run --script
# syntax=org/pyfront
#
# /// script
# requires-python = ">=3.11"
# dependencies = ["humanize"]
#
# [tool.pyfront]
# python = "3.13"
# env = { UNIT = "bytes" }
# ///
"""Says how big a million bytes are. The comment above is all that an image of this script needs."""

import os
import sys

import humanize

print(humanize.naturalsize(1_000_000), os.environ["UNIT"], sys.prefix)
