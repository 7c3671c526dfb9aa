"""Runs a command of the user's in the image, as the container's user. What it changes in the root becomes a layer.

usage: run.py UID GID HOME DIRECTORY COMMAND…
"""

import os
import shutil
import subprocess
import sys

import pyfront_root as root
import pyfront_step as step

uid, gid, home, directory, *command = sys.argv[1:]
uid, gid = int(uid), int(gid)


def own_parents_of_caches():
    """The directories above a cache in the home are made by the builder, as root's; the command may want to write there."""
    for mount in root.mount_points():
        above = os.path.dirname(mount)
        while above.startswith(home + "/"):
            if os.stat(above).st_uid == 0:
                os.chown(above, uid, gid)
            above = os.path.dirname(above)


os.environ["HOME"] = home
if os.path.isdir(step.PRIVATE):
    # The command reads certificates there.
    os.chmod(step.PRIVATE, 0o755)
    step.trust_company_ca()
own_parents_of_caches()
before = set(os.listdir("/tmp")) if os.path.isdir("/tmp") else set()
try:
    status = subprocess.run(
        command, cwd=directory, user=uid, group=gid, extra_groups=[], stdin=subprocess.DEVNULL
    ).returncode
except FileNotFoundError:
    step.fail("there is no program %s in the image\nhelp: correct the command of [[tool.pyfront.run]]" % command[0])
except PermissionError:
    step.fail("%s is not a program that the user %d can run" % (command[0], uid))
if status != 0:
    how = "was ended by signal %d" % -status if status < 0 else "ended with status %d" % status
    step.fail("the command of [[tool.pyfront.run]] %s: %s" % (how, " ".join(command)))
for name in set(os.listdir("/tmp")) - before if os.path.isdir("/tmp") else ():
    path = os.path.join("/tmp", name)
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.remove(path)
root.fix_times()
