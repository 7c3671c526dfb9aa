"""Builds the project's own wheel from its sources and installs it, not editable, into a directory that becomes one layer.

usage: project.py NAME

The sources lie in /src, a copy that is thrown away. The wheel itself stays in /dist for `--target wheel`.
"""

import sys

import pyfront_build as build
import pyfront_step as step

name = sys.argv[1]
python = build.prepare()
build.run(
    "build", *build.settings(), "--wheel", "--python", python, "--out-dir", step.DIST, "/src",
    title="the project " + name, name=name, project="/src",
)
step.install(step.DIST, [step.built_wheel("the project")], checked=True)
