"""Makes what the running container needs besides packages: the venv's skeleton, the user, its home, the work directory.

usage: runtime.py PROMPT USER UID GID HOME WORKDIR DIRECTORY…         (/etc of the base and of packages is /target/etc)
       runtime.py PROMPT USER UID GID HOME WORKDIR cross DIRECTORY…   (the base is for another CPU; it lies in /target)

Files that the start command reads lie in /run/pyfront/files as they shall lie in the image.

No tool of the target is run, so a base without shell, useradd or even the build's CPU is as good as any other.
"""

import os
import shutil
import sys

import pyfront_step as step

prompt, user, uid, gid, home, workdir, *directories = sys.argv[1:]
uid, gid = int(uid), int(gid)
cross = directories[:1] == ["cross"]
directories = directories[1:] if cross else directories


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


def in_target(path):
    """The file that a path of the target means, by the way of the target's own links; None if there is none."""
    pending, found, links = path.split("/"), [], 0
    while pending:
        part = pending.pop(0)
        if part == "..":
            found = found[:-1]
        elif part not in ("", "."):
            here = "/".join(["/target", *found, part])
            if not os.path.islink(here):
                found.append(part)
                continue
            links += 1
            if links > 40:
                return None
            link = os.readlink(here)
            if link.startswith("/"):
                found = []
            pending = link.split("/") + pending
    here = "/".join(["/target", *found])
    return here if os.path.isfile(here) else None


def check_target():
    """Ends the step unless the target's Python is where this one's is: the venv is made here, for there. Returns whether
    it is a 32-bit program, which its fifth byte tells."""
    program, is_32_bit = in_target(step.interpreter()), False
    if program is not None:
        with open(program, "rb") as file:
            is_32_bit = file.read(5) == b"\x7fELF\x01"
    # Where 64-bit libraries have a directory of their own, 32-bit ones are elsewhere.
    if program is None or not (is_32_bit or in_target(os.__file__)):
        step.fail(
            "the base image has no Python %d.%d at %s for the image's platform, only for the builder's\n"
            "help: choose a base image that is the same on both platforms" % (*sys.version_info[:2], step.interpreter())
        )
    return is_32_bit


def make_directory(path):
    """Makes a directory, and what is above it as it is in the base image: a layer says that of all directories on its way."""
    base = "/target" if cross else ""
    parts = path.split("/")[1:]
    for number in range(1, len(parts) + 1):
        above = "/" + "/".join(parts[:number])
        if os.path.islink(base + above):
            step.fail(
                "%s can't be made a writable directory: %s is a link to %s in the base image\n"
                "help: write the path without the link, in writable or volumes of [tool.pyfront]"
                % (path, above, os.readlink(base + above))
            )
        if os.path.isdir(base + above) and above != path:
            status = os.stat(base + above)
            owners.setdefault(above, (status.st_uid, status.st_gid, status.st_mode & 0o7777))
    os.makedirs(step.OUT + path, exist_ok=True)


owners = {}
is_32_bit = cross and check_target()
step.uv("venv", "--quiet", "--python", step.interpreter(), "--prompt", prompt, step.VENV)
shutil.copytree(step.VENV, step.OUT + step.VENV, symlinks=True)
if is_32_bit:
    # uv makes this link for 64-bit interpreters only.
    try:
        os.remove(step.OUT + step.VENV + "/lib64")
    except FileNotFoundError:
        pass
# `uv sync` leaves its lock file in every environment, so it belongs to what uv would have made.
open(step.OUT + step.VENV + "/.lock", "wb").close()
step.compile_bytecode(checked=False)

if uid != 0:
    with_entry("/etc/group", user, gid, "%s:x:%d:" % (user, gid))
    with_entry("/etc/passwd", user, uid, "%s:x:%d:%d::%s:/usr/sbin/nologin" % (user, uid, gid, home))
    os.makedirs(step.OUT + home, exist_ok=True)
    owners[home] = (uid, gid, 0o750)
for directory in directories:
    make_directory(directory)
    owners[directory] = (uid, gid, 0o755)
if os.path.isdir("/run/pyfront/files"):
    shutil.copytree("/run/pyfront/files", step.OUT, dirs_exist_ok=True)
os.makedirs(step.OUT + workdir, exist_ok=True)
owners[workdir] = (uid, gid, 0o755)
step.fix_metadata(owners)
