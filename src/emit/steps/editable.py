"""Installs a project so that its files in the working directory are what is imported: what `uv sync` does.

usage: editable.py NAME DIRECTORY   (the project's files lie in DIRECTORY, a copy that the image gets)

Some build backends put compiled modules beside the sources, so the directory belongs to the result.
"""

import re
import sys

import pyfront_build as build
import pyfront_step as step

try:
    import tomllib
except ImportError:
    tomllib = None

name, directory = sys.argv[1:]


def sources():
    """Makes uv pass over [tool.uv.sources], unless what the build itself requires is among them: it looks into the sources
    of all dependencies, and the rest of the workspace is not there. Nothing of them is installed in this step."""
    if tomllib is None:
        return ["--no-sources"]
    with open(directory + "/pyproject.toml", "rb") as file:
        project = tomllib.load(file)
    normal = lambda text: re.sub(r"[-_.]+", "-", text).lower()
    named = {normal(source) for source in project.get("tool", {}).get("uv", {}).get("sources", {})}
    requires = project.get("build-system", {}).get("requires", [])
    needed = {normal(re.match(r"\s*([\w.-]*)", requirement).group(1)) for requirement in requires}
    return [] if named & needed else ["--no-sources"]


python = build.prepare()
if python == step.interpreter():
    step.make_venv()
    python = step.VENV + "/bin/python"
build.run(
    "pip", "install", *build.settings(), *sources(), "--no-deps", "--no-progress", "--python", python, "--prefix", step.OUT + step.VENV,
    "--editable", directory,
    title="the project " + name, name=name, project=directory,
)
step.finish(checked=True)
