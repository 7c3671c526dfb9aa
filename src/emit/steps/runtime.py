"""Makes what the running container needs besides packages: the venv's skeleton, the user, its home, the work directory.

usage: runtime.py PROMPT USER UID GID HOME WORKDIR   (the base's /etc lies in /target/etc)

No tool of the target is run, so a base without shell, useradd or even the build's CPU is as good as any other.
"""

import os
import shutil
import sys

import pyfront_step as step

prompt, user, uid, gid, home, workdir = sys.argv[1:7]
uid, gid = int(uid), int(gid)


def with_entry(path, name, number, entry):
    """Adds `entry` to a passwd-like file unless the number is there; a taken name is an error."""
    try:
        with open("/target" + path, encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().splitlines()
    except FileNotFoundError:
        lines = []
    fields = [line.split(":") for line in lines]
    if any(len(field) > 2 and field[2] == str(number) for field in fields):
        return
    if any(field[0] == name for field in fields):
        step.fail('the base image has "%s" in %s with another id; choose another user.name in [tool.pyfront]' % (name, path))
    os.makedirs(step.OUT + "/etc", exist_ok=True)
    with open(step.OUT + path, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write("\n".join([*lines, entry]) + "\n")


step.uv("venv", "--quiet", "--python", step.interpreter(), "--prompt", prompt, step.VENV)
shutil.copytree(step.VENV, step.OUT + step.VENV, symlinks=True)
# `uv sync` leaves its lock file in every environment, so it belongs to what uv would have made.
open(step.OUT + step.VENV + "/.lock", "wb").close()
step.compile_bytecode(checked=False)

owners = {}
if uid != 0:
    with_entry("/etc/group", user, gid, "%s:x:%d:" % (user, gid))
    with_entry("/etc/passwd", user, uid, "%s:x:%d:%d::%s:/usr/sbin/nologin" % (user, uid, gid, home))
    os.makedirs(step.OUT + home, exist_ok=True)
    owners[home] = (uid, gid, 0o750)
os.makedirs(step.OUT + workdir, exist_ok=True)
owners[workdir] = (uid, gid, 0o755)
step.fix_metadata(owners)
