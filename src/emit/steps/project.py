"""Builds the project's own wheel from its sources and installs it, not editable, into a directory that becomes one layer.

The sources lie in /src, a copy that is thrown away. The wheel itself stays in /dist for `--target wheel`.
"""

import pyfront_step as step

step.trust_company_ca()
step.give_index_credentials()
step.uv("build", "--wheel", "--python", step.interpreter(), "--out-dir", step.DIST, "/src")
step.install(step.DIST, [step.built_wheel("the project")], checked=True)
