"""What the steps that run a build backend share: the settings that uv gets, the environment of builds without isolation,
and what is shown of a build. What would help when it fails is in pyfront_explain.py, which most steps do not need.
"""

import os
import sys

import pyfront_step as step

# uv's settings for this build, when there are any.
SETTINGS = step.TOOLS + "/settings/uv.toml"
# Wheels and installed files for a build without isolation.
ENVIRONMENT = step.TOOLS + "/environment"


def settings():
    """The arguments that make uv take the settings of this step and no others."""
    return ["--config-file", SETTINGS] if os.path.exists(SETTINGS) else ["--no-config"]


def without_isolation():
    """Whether the backend runs in an environment that is there already."""
    return "PYFRONT_NO_BUILD_ISOLATION" in os.environ


def prepare():
    """Gets everything ready for a build backend, and returns the interpreter that it runs on."""
    # Compilers write this instead of the clock.
    os.environ["SOURCE_DATE_EPOCH"] = str(step.EPOCH)
    step.trust_company_ca()
    step.give_index_credentials()
    if not without_isolation():
        return step.interpreter()
    import glob

    # Without isolation, a backend runs in an environment that is there already: at the venv's own path, as with uv sync.
    step.uv("venv", "--quiet", "--no-config", "--clear", "--python", step.interpreter(), step.VENV)
    python = step.VENV + "/bin/python"
    wheels = sorted(glob.glob(ENVIRONMENT + "/wheels/*.whl"))
    if wheels:
        step.uv("pip", "install", "--quiet", "--offline", "--no-cache", "--no-config", "--no-index", "--no-deps", "--python", python, "--", *wheels)
    programs = [step.VENV + "/bin"]
    packages = []
    for built in sorted(glob.glob(ENVIRONMENT + "/built/*")):
        packages += glob.glob(built + step.VENV + "/lib/python3*/site-packages")
        programs.append(built + step.VENV + "/bin")
    for site in glob.glob(step.VENV + "/lib/python3*/site-packages"):
        with open(site + "/pyfront.pth", "w") as file:
            file.write("".join(path + "\n" for path in packages))
    os.environ["PATH"] = os.pathsep.join([*programs, os.environ["PATH"]])
    os.environ["VIRTUAL_ENV"] = step.VENV
    return python


def pass_over_left_out(directory):
    """Lets git pass over the tracked files that the build does not get: uv.lock, and what .dockerignore names.

    They would count as deleted, and the version of a tagged commit would be one of a tree that was changed after it.
    """
    if not os.path.exists(directory + "/.git"):
        return
    import shutil
    import subprocess

    if not shutil.which("git"):
        return
    git = ["git", "-c", "safe.directory=*", "-C", directory]
    # A repository that git cannot read is for the backend to complain about.
    deleted = subprocess.run([*git, "ls-files", "-z", "--deleted"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    subprocess.run([*git, "update-index", "-z", "--skip-worktree", "--stdin"], input=deleted, stderr=subprocess.DEVNULL)


def links_out(directory):
    """The symbolic links of a project that lead out of its directory to what its build does not see, as (path, target).

    Absolute ones are for the machine that they were made on; nobody expects them to work elsewhere.
    """
    found = []
    for parent, directories, files in os.walk(directory):
        directories[:] = sorted(set(directories) - {".git", "node_modules"})
        for name in sorted(files):
            path = os.path.join(parent, name)
            if not os.path.islink(path) or os.path.exists(path) or os.path.isabs(os.readlink(path)):
                continue
            leads = os.path.relpath(os.path.join(parent, os.readlink(path)), directory)
            if leads.split(os.sep)[0] == os.pardir:
                found.append((os.path.relpath(path, directory), os.readlink(path)))
    return found


def run(*arguments, title, name, project=None):
    """Runs a command of uv that builds, and shows what the backend says while it says it. A failure ends the step.

    `project` is the directory of a project of the user's.
    """
    links = links_out(project) if project else []
    for path, target in links:
        print("warning: %s is a link to %s: it leads out of the project, and its build sees no other files" % (path, target), file=sys.stderr)
    if project:
        pass_over_left_out(project)
    # uv hands on a backend's output when it failed, or as log lines of this module.
    environment = dict(os.environ, RUST_LOG="uv_build_frontend=debug")
    reader, writer = os.pipe()
    streams = [(os.POSIX_SPAWN_DUP2, writer, 1), (os.POSIX_SPAWN_DUP2, writer, 2)]
    process = os.posix_spawn(step.UV, [step.UV, *arguments], environment, file_actions=streams)
    os.close(writer)
    log = []
    repeats = False
    with open(reader, "rb") as output:
        for line in output:
            shown = line[6:] if line.startswith(b"DEBUG ") else line
            log.append(shown)
            text = line.strip()
            if text in (b"[stdout]", b"[stderr]"):
                # What stands here stood above already.
                repeats = True
            elif text.startswith((b"hint:", b"help:")):
                repeats = False
            if not repeats:
                sys.stderr.buffer.write(shown)
                sys.stderr.buffer.flush()
    _, status = os.waitpid(process, 0)
    if status != 0:
        from pyfront_explain import explain, explain_links

        text = b"".join(log[-20000:]).decode("utf-8", "replace")
        step.fail("\n".join(explain(text, title, name, project) + explain_links(links)))
