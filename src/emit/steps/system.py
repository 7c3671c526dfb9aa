"""Installs packages of the base image's distribution into the root that build steps run on.

usage: system.py NAME[=VERSION]…

Nothing of this root gets into an image. Packages, and the lists of what there is, lie in cache mounts.
"""

import os
import shutil
import subprocess
import sys

import pyfront_step as step

packages = sys.argv[1:]


def run(*command):
    """Runs a program of the distribution; its failure ends the step."""
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive", DEBCONF_NONINTERACTIVE_SEEN="true")
    status = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL).returncode
    if status != 0:
        step.fail(
            "build-packages could not be installed: %s\n"
            "help: what %s said stands above; the names in build-packages of [tool.pyfront] must be those of the\n"
            "      distribution of the base image" % (", ".join(packages), command[0])
        )


def with_headers(headers):
    """The packages, and the C library's headers where a compiler is asked for: distributions only recommend them."""
    compilers = [package for package in packages if package.split("=")[0].split("-")[0] in ("gcc", "clang")]
    return [*packages, headers] if compilers and headers not in packages else packages


step.trust_company_ca()
if shutil.which("apt-get"):
    # Official images tell apt to throw packages away; here a cache mount keeps them.
    for settings in ("/etc/apt/apt.conf.d/docker-clean", "/etc/apt/apt.conf.d/docker-gzip-indexes"):
        if os.path.exists(settings):
            os.remove(settings)
    os.makedirs("/var/cache/apt/archives/partial", exist_ok=True)
    options = [
        "-o", "APT::Install-Recommends=false", "-o", "APT::Install-Suggests=false", "-o", "Dpkg::Use-Pty=false",
        "-o", "APT::Keep-Downloaded-Packages=true", "-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=3",
        "-o", "Dpkg::Options::=--force-confold", "-o", "Dpkg::Options::=--path-exclude=/usr/share/doc/*",
        "-o", "Dpkg::Options::=--path-exclude=/usr/share/man/*",
    ]
    run("apt-get", *options, "--quiet", "--error-on=any", "update")
    run("apt-get", *options, "--quiet", "--yes", "install", "--", *with_headers("libc6-dev"))
elif shutil.which("apk"):
    run("apk", "--cache-dir", "/var/cache/apk", "--no-progress", "add", "--update-cache", "--", *with_headers("musl-dev"))
else:
    step.fail(
        "build-packages needs a base image with apt-get or apk, and this one has neither\n"
        "help: set base in [tool.pyfront] to an image that has the packages already, and remove build-packages"
    )
