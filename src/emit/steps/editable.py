"""Installs a project so that its files in the working directory are what is imported: what `uv sync` does.

usage: editable.py NAME DIRECTORY   (the project's files lie in DIRECTORY, a copy that the image gets)

Some build backends put compiled modules beside the sources, so the directory belongs to the result.
"""

import sys

import pyfront_build as build
import pyfront_step as step

name, directory = sys.argv[1:]
python = build.prepare()
if python == step.interpreter():
    step.make_venv()
    python = step.VENV + "/bin/python"
build.run(
    "pip", "install", *build.settings(), "--no-deps", "--no-progress", "--python", python, "--prefix", step.OUT + step.VENV,
    "--editable", directory,
    title="the project " + name, name=name, project=True,
)
step.finish(checked=True)
