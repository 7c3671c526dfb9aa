"""What every build step of pyfront shares: running uv, company certificates, bytecode, and fixed metadata.

Runs on the base image's own interpreter, with the standard library only. Nothing here reads the clock, the host name or
the project's name: the files of a step are a function of the artifacts, the Python minor and the venv's path alone.

Slim images have no bytecode of the standard library, and a build runs dozens of steps: what few steps need, or what brings
half of the library along (subprocess, shutil, compileall), is not imported at the top.
"""

import importlib.util
import marshal
import os
import stat
import sys
import warnings

TOOLS = "/run/pyfront"
UV = TOOLS + "/uv"
VENV = "/opt/venv"
OUT = "/out"
# Where wheels that a step builds lie.
DIST = "/dist"
SECRETS = "/run/secrets"
CA_SECRET = SECRETS + "/ca-certificates"
# Memory, in steps that have secrets: what lies here is in no layer and in no cache.
PRIVATE = TOOLS + "/private"
# What uv has found out about the venv's interpreter, in the root of most steps: asking costs more than a small wheel. Where it
# is missing, or the interpreter is another one, uv asks again.
KNOWN = "/var/cache/pyfront/uv"
# 1980-01-01T00:00:00Z, the first moment that a zip archive can express.
EPOCH = 315532800


def fail(message):
    """Ends the step with a message for the person at the terminal."""
    sys.stderr.write("pyfront: " + message + "\n")
    tell_full_disk()
    tell_missing_credentials()
    sys.exit(1)


def tell_missing_credentials():
    """Says which secrets the step could have used; a step that went well did not need them."""
    wanted = os.environ.get("PYFRONT_INDEX_SECRETS", "").split()
    missing = [name for name in wanted if not os.path.exists(SECRETS + "/" + name)]
    if missing and not os.path.exists(SECRETS + "/netrc"):
        sys.stderr.write("pyfront: an index may have wanted credentials; these build secrets were not passed:\n")
        for name in missing:
            sys.stderr.write("      --secret id=%s,env=%s\n" % (name, name))


def uv(*arguments):
    """Runs a quiet uv; what it says becomes the step's log when it has ended. A failing uv ends the step with its own status."""
    log = os.memfd_create("uv")
    process = os.posix_spawn(UV, [UV, *arguments], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, log, 2)])
    _, status = os.waitpid(process, 0)
    status = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 1
    said = os.pread(log, 1 << 20, 0)
    os.close(log)
    sys.stderr.buffer.write(said)
    sys.stderr.flush()
    if status != 0:
        tell_full_disk(b"No space left on device" in said)
        tell_missing_credentials()
        sys.exit(status)


def tell_full_disk(met=False):
    """Says what helps when the builder's disk is full, which something has `met` and has made room again, perhaps."""
    disk = os.statvfs(OUT if os.path.exists(OUT) else "/")
    if met or disk.f_bavail * disk.f_frsize < 1 << 20 or (disk.f_files and disk.f_favail < 16):
        sys.stderr.write(
            "pyfront: the builder's disk is full\n"
            "help: docker buildx prune removes what other builds left on it\n"
        )


# The Python that the wheels were chosen for. Every layer is made for its minor version, and by it.
if os.environ.get("PYFRONT_PYTHON", "%d.%d" % sys.version_info[:2]) != "%d.%d" % sys.version_info[:2]:
    fail(
        "the base image has Python %d.%d at %s, where Python %s was expected\n"
        "help: choose a base image with this Python, or the Python that the image has" % (
            *sys.version_info[:2], sys.executable, os.environ["PYFRONT_PYTHON"]
        )
    )


def interpreter():
    """The base image's interpreter, as the venv shall link to it: `uv venv --python` records the same path."""
    return sys.executable


def check_hash(path, expected):
    """Ends the step unless a file is the one that was locked. The lock has no hash for files of a directory of wheels."""
    if not expected:
        return
    import hashlib

    algorithm, _, digest = expected.partition(":")
    with open(path, "rb") as file:
        found = hashlib.new(algorithm, file.read()).hexdigest()
    if found != digest:
        fail(
            "%s is not the file that was locked\n  the lock has %s:%s\n  the file has %s:%s\n"
            "help: run uv lock if the file was changed on purpose" % (
                os.path.basename(path), algorithm, digest, algorithm, found
            )
        )


def built_wheel(title):
    """The one wheel that a build backend made."""
    wheels = [name for name in os.listdir(DIST) if name.endswith(".whl")]
    if len(wheels) != 1:
        fail("the build backend of %s made %d wheels where one is expected" % (title, len(wheels)))
    return DIST + "/" + wheels[0]


def install(find_links, requirements, checked):
    """Installs wheels of a directory, without network, into the output and finishes it as a layer.

    Third-party wheels are asked for by name (`NAME==VERSION`): then uv records no path of this step. Wheels for another
    platform than this step's are installed without running anything of it.
    """
    platform = os.environ.get("PYFRONT_PYTHON_PLATFORM")
    make_venv()
    # uv unpacks wheels here and links the files to their places; elsewhere it would have to write every byte twice.
    cache = OUT + "/unpacked"
    if os.path.isdir(KNOWN):
        copy_tree(KNOWN, cache)
    uv(
        "pip", "install", "--link-mode", "hardlink", "--quiet", "--offline", "--cache-dir", cache, "--no-config", "--no-index", "--find-links", find_links,
        "--no-deps", "--python", VENV + "/bin/python", "--prefix", OUT + VENV,
        *(["--python-platform", platform] if platform else []), "--", *requirements,
    )
    remove_tree(cache)
    finish(checked)


def copy_tree(source, target):
    """Copies a directory of plain files."""
    os.makedirs(target)
    for entry in os.scandir(source):
        path = target + "/" + entry.name
        if entry.is_dir():
            copy_tree(entry.path, path)
            continue
        with open(entry.path, "rb") as before, open(path, "xb") as after:
            after.write(before.read())


def remove_tree(directory):
    """Removes a directory with all that it holds."""
    for entry in os.scandir(directory):
        if entry.is_dir(follow_symlinks=False):
            remove_tree(entry.path)
        else:
            os.remove(entry.path)
    os.rmdir(directory)


def make_venv():
    """Makes the venv that lends its interpreter to an installation and is thrown away.

    By hand: `uv venv` takes a quarter of a second of processor time, as long as the installation of a small wheel.
    """
    if os.path.exists(VENV):
        # Seldom: of a build without isolation, or of the base image, which may have anything there.
        import shutil

        shutil.rmtree(VENV, ignore_errors=True)
    os.makedirs(VENV + "/bin")
    os.symlink(interpreter(), VENV + "/bin/python")
    with open(VENV + "/pyvenv.cfg", "w") as file:
        file.write("home = %s\ninclude-system-site-packages = false\n" % os.path.dirname(interpreter()))


def finish(checked):
    """Makes a layer of what uv has installed into the output."""
    drop_lock()
    compile_bytecode(checked)
    fix_metadata()


def drop_lock():
    """Removes uv's own lock file, which every installation leaves behind; the venv's skeleton has the one there is."""
    try:
        os.remove(OUT + VENV + "/.lock")
    except FileNotFoundError:
        pass


def secret(name):
    """The text of a secret, empty when the client does not give it. A file usually ends with a line break that is not meant."""
    try:
        with open(SECRETS + "/" + name, encoding="utf-8") as file:
            return file.read().rstrip("\r\n")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        fail("the secret %s is no text" % name)


def give_index_credentials():
    """Lets uv, and nothing outside of this step, use the credentials of indexes that the client gives."""
    try:
        names = os.listdir(SECRETS)
    except FileNotFoundError:
        return
    for name in names:
        if name.startswith("UV_INDEX_") and secret(name):
            os.environ[name] = secret(name)
        elif name == "netrc":
            os.environ["NETRC"] = SECRETS + "/netrc"


def trust_company_ca():
    """Lets every networked tool of this step trust the company's certificates next to the image's own."""
    try:
        with open(CA_SECRET, "rb") as secret:
            company = secret.read()
    except FileNotFoundError:
        return
    if not company.strip():
        return
    system = b""
    for path in ("/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/cert.pem", "/etc/pki/tls/certs/ca-bundle.crt"):
        try:
            with open(path, "rb") as bundle:
                system = bundle.read()
            break
        except OSError:
            continue
    path = PRIVATE + "/ca-certificates.pem"
    with open(path, "wb") as bundle:
        bundle.write(system.rstrip() + b"\n" + company)
    # uv and most of Python; requests; curl; pip; git; cargo.
    for variable in (
        "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT", "GIT_SSL_CAINFO", "CARGO_HTTP_CAINFO",
    ):
        os.environ[variable] = path
    os.environ["UV_SYSTEM_CERTS"] = "1"
    # apt has no variable for certificates, but one for a file of settings.
    settings = PRIVATE + "/apt.conf"
    with open(settings, "w") as file:
        file.write('Acquire::https::CAInfo "%s";\n' % path)
    os.environ["APT_CONFIG"] = settings


def compile_bytecode(checked):
    """Compiles everything under the output's venv but packages' own tests, in sorted order, into hash-based .pyc files: what
    `compileall` does, which takes longer to import than a small wheel to install.

    Third-party files never change in an image, so their hash is not checked at import (`checked=False`); first-party
    files may be replaced by a bind mount or by compose watch, so theirs is.
    """
    pending = [OUT + VENV + "/lib"]
    while pending:
        path = pending.pop()
        if os.path.isdir(path):
            if not os.path.islink(path) and os.path.basename(path) not in ("__pycache__", "tests"):
                pending.extend(path + "/" + name for name in sorted(os.listdir(path), reverse=True))
        elif path.endswith(".py"):
            compile_file(path, checked)


def bytecode_of(path):
    """Where the bytecode of a source file lies."""
    directory, name = os.path.split(path)
    return "%s/__pycache__/%s.%s.pyc" % (directory, name[:-3], sys.implementation.cache_tag)


def compile_file(path, checked):
    """Compiles one source file of the output, or of the step's root, as an import of it would; into the output."""
    place = path[len(OUT):] if path.startswith(OUT + "/") else path
    bytecode = OUT + bytecode_of(place)
    warnings.simplefilter("ignore")
    # The layout of PEP 552: bit 0 says hash-based, bit 1 says checked.
    header = importlib.util.MAGIC_NUMBER + (0b11 if checked else 0b01).to_bytes(4, "little")
    try:
        with open(path, "rb") as file:
            source = file.read()
        code = compile(source, place, "exec", dont_inherit=True)
    except Exception:
        # Some packages ship templates and files for other Python versions that do not compile; uv passes over them too.
        return
    os.makedirs(os.path.dirname(bytecode), exist_ok=True)
    try:
        os.remove(bytecode)
    except FileNotFoundError:
        pass
    with open(bytecode, "xb") as file:
        file.write(header + importlib.util.source_hash(source) + marshal.dumps(code))


def fix_metadata(owners=None):
    """Gives every file of the output a fixed time, owner and mode, so that equal content makes an equal layer.

    `owners` maps absolute paths of the image to (uid, gid, mode) where they differ from root's 0755 and 0644.
    """
    owners = owners or {}
    for directory, names, files in os.walk(OUT, topdown=False):
        for name in names + files:
            path = os.path.join(directory, name)
            uid, gid, mode = owners.get(path[len(OUT):], (0, 0, None))
            found = os.lstat(path)
            if (found.st_uid, found.st_gid) != (uid, gid):
                os.lchown(path, uid, gid)
            if not stat.S_ISLNK(found.st_mode):
                if mode is None:
                    executable = stat.S_ISDIR(found.st_mode) or found.st_mode & 0o111
                    mode = 0o755 if executable else 0o644
                if stat.S_IMODE(found.st_mode) != mode:
                    os.chmod(path, mode)
            os.utime(path, (EPOCH, EPOCH), follow_symlinks=False)
