"""Builds the project's own wheel from its sources and installs it, not editable, into a directory that becomes one layer.

The sources lie in /src, a copy that is thrown away. The wheel itself stays in /dist for `--target wheel`.
"""

import glob

import pyfront_step as step

step.trust_company_ca()
step.uv("build", "--wheel", "--python", step.interpreter(), "--out-dir", "/dist", "/src")
wheels = glob.glob("/dist/*.whl")
if len(wheels) != 1:
    step.fail("the build backend made %d wheels where one is expected" % len(wheels))
step.uv("venv", "--quiet", "--python", step.interpreter(), step.VENV)
step.uv(
    "pip", "install", "--quiet", "--offline", "--no-index", "--no-deps",
    "--python", step.VENV + "/bin/python", "--prefix", step.OUT + step.VENV, "--", wheels[0],
)
step.drop_lock()
step.compile_bytecode(checked=True)
step.fix_metadata()
