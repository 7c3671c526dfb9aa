"""Installs packages of the base image's distribution.

usage: system.py build-packages NAME[=VERSION]…   into the root that build steps run on; nothing of it gets into an image
       system.py packages NAME[=VERSION]…         into the image's own root

Packages, and the lists of what there is, lie in cache mounts. What the package manager leaves in the image besides, and
what would make the layer another one every time, is taken out again.
"""

import json
import os
import shutil
import subprocess
import sys

import pyfront_root as root
import pyfront_step as step

key, *packages = sys.argv[1:]


# What [[tool.pyfront.repositories]] names.
REPOSITORIES = step.TOOLS + "/repositories/repositories.json"
NETRC = step.SECRETS + "/netrc"


def repositories():
    """The repositories besides those that the base image knows: tables with url, suite, components and key, a file."""
    if not os.path.exists(REPOSITORIES):
        return []
    with open(REPOSITORIES) as file:
        return json.load(file)


def run(*command, hint=None):
    """Runs a program of the distribution; its failure ends the step."""
    environment = dict(
        os.environ,
        DEBIAN_FRONTEND="noninteractive", DEBCONF_NONINTERACTIVE_SEEN="true", SOURCE_DATE_EPOCH=str(step.EPOCH),
    )
    status = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL).returncode
    if status != 0:
        step.fail(
            "%s could not be installed: %s\n"
            "help: what %s said stands above; %s" % (
                key, ", ".join(packages), command[0],
                hint or "the names in %s of [tool.pyfront] must be those of the\n      distribution of the base image, and its repositories must be reachable" % key,
            )
        )


def with_headers(headers):
    """The packages, and the C library's headers where a compiler is asked for: distributions only recommend them."""
    if key != "build-packages":
        return packages
    compilers = [package for package in packages if package.split("=")[0].split("-")[0] in ("gcc", "clang")]
    return [*packages, headers] if compilers and headers not in packages else packages


def configure_apt():
    """Lets apt pass over the settings by which official images throw packages away: here a cache mount keeps them."""
    parts, settings = step.PRIVATE + "/apt.conf.d", step.PRIVATE + "/apt-settings.conf"
    os.makedirs(parts)
    installed = "/etc/apt/apt.conf.d"
    for name in os.listdir(installed) if os.path.isdir(installed) else ():
        if name not in ("docker-clean", "docker-gzip-indexes"):
            shutil.copy(os.path.join(installed, name), parts)
    with open(settings, "w") as file:
        file.write('Dir::Etc::parts "%s";\n' % parts)
        if repositories():
            file.write('Dir::Etc::sourceparts "%s";\n' % sources())
        if os.path.exists(NETRC):
            file.write('Dir::Etc::netrc "%s";\n' % NETRC)
        if "APT_CONFIG" in os.environ:
            with open(os.environ["APT_CONFIG"]) as company:
                file.write(company.read())
    os.environ["APT_CONFIG"] = settings


def sources():
    """A directory for apt with what the base image has in its own, and the further repositories. None of it stays."""
    directory, installed = step.PRIVATE + "/sources.list.d", "/etc/apt/sources.list.d"
    os.makedirs(directory)
    for name in os.listdir(installed) if os.path.isdir(installed) else ():
        shutil.copy(os.path.join(installed, name), directory)
    for index, repository in enumerate(repositories()):
        with open(repository["key"], "rb") as file:
            text = file.read()
        # apt tells the kinds of keys apart by their names.
        kind = "asc" if text.lstrip().startswith(b"-----BEGIN PGP") else "gpg"
        signed_by = "%s/pyfront-%d.%s" % (directory, index, kind)
        with open(signed_by, "wb") as file:
            file.write(text)
        lines = ["Types: deb", "URIs: " + repository["url"], "Suites: " + (repository["suite"] or codename(repository))]
        if repository["components"]:
            lines.append("Components: " + " ".join(repository["components"]))
        with open("%s/pyfront-%d.sources" % (directory, index), "w") as file:
            file.write("\n".join([*lines, "Signed-By: " + signed_by]) + "\n")
    return directory


def codename(repository):
    """What the base image's release is called in repositories."""
    with open("/etc/os-release") as file:
        for line in file:
            name, _, value = line.strip().partition("=")
            if name == "VERSION_CODENAME" and value:
                return value.strip('"')
    step.fail("the base image does not tell its release\nhelp: add suite to the repository %s" % repository["url"])


def apk_options():
    """The arguments by which apk takes further repositories, for this time alone."""
    if not repositories():
        return []
    keys = step.PRIVATE + "/keys"
    shutil.copytree("/etc/apk/keys", keys)
    options = ["--keys-dir", keys]
    for repository in repositories():
        shutil.copy(repository["key"], keys)
        options += ["--repository", repository["url"]]
    if os.path.exists(NETRC):
        os.environ["NETRC"] = NETRC
    return options


def logs():
    """The files that tell what was installed when, with what they hold and how old they are."""
    found = {}
    for directory, _, names in os.walk("/var/log"):
        for name in names:
            path = os.path.join(directory, name)
            if os.path.isfile(path) and not os.path.islink(path):
                with open(path, "rb") as file:
                    found[path] = (file.read(), os.stat(path).st_mtime_ns)
    return found


def restore_logs(before):
    """Leaves of the logs what there was."""
    for path, (text, _) in logs().items():
        if path not in before:
            os.remove(path)
        elif text != before[path][0]:
            with open(path, "wb") as file:
                file.write(before[path][0])
            os.utime(path, ns=(before[path][1],) * 2)


SHADOW = "/etc/shadow"


def accounts():
    """The lines of accounts that have passwords, or may have."""
    if not os.path.exists(SHADOW):
        return []
    with open(SHADOW, "rb") as file:
        return file.read().splitlines(keepends=True)


def fix_accounts(before):
    """Gives accounts that packages have made the same day of a last password always. Alpine's tools take today."""
    fixed, found = [], accounts()
    for line in found:
        fields = line.split(b":")
        if line not in before and len(fields) > 2 and fields[2]:
            fields[2] = b"%d" % (step.EPOCH // 86400)
        fixed.append(b":".join(fields))
    if fixed != found:
        with open(SHADOW, "wb") as file:
            file.writelines(fixed)


# What package managers keep of the time before, and an index by inode numbers, which are others every time.
REMAINS = (
    "/var/cache/ldconfig/aux-cache", "/var/lib/dpkg/status-old", "/var/lib/dpkg/diversions-old",
    "/var/lib/dpkg/statoverride-old", "/var/cache/debconf/config.dat-old", "/var/cache/debconf/templates.dat-old",
)


HINT = "a repository must be reachable, and signed with the key\n      that stands beside it in [[tool.pyfront.repositories]]"

step.trust_company_ca()
before, accounts_before = logs(), accounts()
if shutil.which("apt-get"):
    configure_apt()
    os.makedirs("/var/cache/apt/archives/partial", exist_ok=True)
    options = [
        "-o", "APT::Install-Recommends=false", "-o", "APT::Install-Suggests=false", "-o", "Dpkg::Use-Pty=false",
        "-o", "APT::Keep-Downloaded-Packages=true", "-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=3",
        "-o", "Dpkg::Options::=--force-confold", "-o", "Dpkg::Options::=--path-exclude=/usr/share/doc/*",
        "-o", "Dpkg::Options::=--path-include=/usr/share/doc/*/copyright",
        "-o", "Dpkg::Options::=--path-exclude=/usr/share/man/*",
    ]
    run("apt-get", *options, "--quiet", "--error-on=any", "update", hint=HINT if repositories() else None)
    run("apt-get", *options, "--quiet", "--yes", "install", "--", *with_headers("libc6-dev"))
elif shutil.which("apk"):
    apk, further = ("apk", "--cache-dir", "/var/cache/apk", "--no-progress"), apk_options()
    if further:
        # What it cannot read, or does not trust, apk passes over when it installs: it would take the package from elsewhere.
        hint = HINT + ";\n      apk knows a key by the name of its file"
        run(*apk, "--repositories-file", "/dev/null", *further, "update", hint=hint)
    run(*apk, *further, "add", "--update-cache", "--", *with_headers("musl-dev"))
else:
    step.fail(
        "%s needs a base image with apt-get or apk, and this one has neither\n"
        "help: set base in [tool.pyfront] to an image that has the packages already, and remove %s" % (key, key)
    )
if key == "packages":
    restore_logs(before)
    fix_accounts(accounts_before)
    for path in REMAINS:
        if os.path.exists(path):
            os.remove(path)
    root.fix_times()
