"""Puts the files that Git LFS keeps elsewhere into a checked-out commit.

usage: lfs.py TITLE REMOTE TREE   (credentials lie in /run/secrets)

In the commit such a file is a pointer: the sha256 and the size of the content. The content is asked for by these, so it
is what the commit means, whoever answers. Protocol: git-lfs, docs/api/batch.md, docs/api/basic-transfers.md and
docs/spec.md. Credentials go to the scheme, host and port of the repository and nowhere else.
"""

import collections
import concurrent.futures
import http.client
import json
import os
import re
import stat
import sys
import urllib.error
import urllib.parse

import pyfront_http as web
import pyfront_step as step
from pyfront_http import Failed

# Pointers are shorter than this many bytes.
LIMIT = 1024
FIRST_LINE = re.compile(rb"version https://(?:git-lfs|hawser)\.github\.com/spec/v1\n")
POINTER = re.compile(FIRST_LINE.pattern + rb"oid sha256:([0-9a-f]{64})\nsize ([0-9]{1,18})\n?")
# As many objects are asked for at once.
BATCH = 100
JSON = {"Accept": "application/vnd.git-lfs+json", "Content-Type": "application/vnd.git-lfs+json"}

title, remote, root = sys.argv[1:]

Pointer = collections.namedtuple("Pointer", "path mode oid size")


def pointers():
    """The pointers of the tree, by the repository that they belong to: the tree itself, or a submodule."""
    found = {}
    repositories = {}
    for directory, names, files in os.walk(root):
        parent = repositories.get(os.path.dirname(directory), root)
        repository = repositories[directory] = directory if ".git" in names + files else parent
        if ".git" in names:
            names.remove(".git")
        for name in sorted(files):
            pointer = read(os.path.join(directory, name))
            if pointer:
                found.setdefault(repository, []).append(pointer)
    return found


def read(path):
    """The pointer that a file is, if it is one."""
    status = os.lstat(path)
    if not stat.S_ISREG(status.st_mode) or status.st_size >= LIMIT:
        return None
    with open(path, "rb") as file:
        text = file.read()
    match = POINTER.fullmatch(text)
    if match:
        return Pointer(path, stat.S_IMODE(status.st_mode), match.group(1).decode(), int(match.group(2)))
    if FIRST_LINE.match(text) and b"\noid " in text:
        step.fail("%s: %s is a Git LFS pointer of a kind that is not known" % (title, inside(path)))
    return None


def inside(path):
    """A path of the tree as it may be printed."""
    return "".join(letter if letter.isprintable() else "?" for letter in os.path.relpath(path, root))


def setting(path, section, key):
    """A value of a file in git's own format."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
    except OSError:
        return None
    value, here = None, False
    for line in lines:
        line = line.strip()
        if line.startswith("["):
            here = re.sub(r"\s+", " ", line.strip("[] \t")).lower() == section
        name, equals, text = line.partition("=")
        if here and equals and name.strip().lower() == key:
            value = text.strip().strip('"')
    return value


def server(repository):
    """The address of the LFS server of a repository."""
    own = setting(repository + "/.lfsconfig", "lfs", "url")
    url = own or remote
    if not own and repository != root:
        # git keeps a submodule's own directory in that of the tree.
        with open(repository + "/.git", encoding="utf-8", errors="replace") as file:
            directory = os.path.realpath(os.path.join(repository, file.read().partition("gitdir:")[2].strip()))
        is_ours = os.path.commonpath([directory, root]) == root
        url = setting(directory + "/config", 'remote "origin"', "url") if is_ours else None
    if urllib.parse.urlsplit(url or "").scheme not in ("http", "https"):
        where = "the repository" if repository == root else "the submodule " + inside(repository)
        step.fail("%s: the Git LFS server of %s is not reached over https\nhelp: lock a release of it from an index" % (title, where))
    # A user name in an address is no part of the server's.
    parts = urllib.parse.urlsplit(url)
    url = urllib.parse.urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", ""))
    return url if own else (url if url.endswith(".git") else url + ".git") + "/info/lfs"


def credentials():
    """The header to send, found and made as BuildKit does it for the repository itself; and the secret that it is from."""
    host = urllib.parse.urlsplit(remote).netloc.rpartition("@")[2]
    for name in ("GIT_AUTH_HEADER." + host, "GIT_AUTH_TOKEN." + host, "GIT_AUTH_HEADER", "GIT_AUTH_TOKEN"):
        value = step.secret(name)
        if not value:
            continue
        if "_TOKEN" in name:
            return web.basic("x-access-token", value), name
        if not (value.isascii() and value.isprintable()):
            # The library would print it.
            step.fail("the secret %s is no header" % name)
        return value, name
    return None, None


class Server:
    """Where the objects of one repository are."""

    def __init__(self, opener, url, authorization, secret):
        self.opener, self.url, self.secret = opener, url, secret
        self.authorization = authorization if web.realm(url) == web.realm(remote) else None

    def objects(self, wanted):
        """What the server says of objects."""
        body = {"operation": "download", "transfers": ["basic"], "hash_algo": "sha256"}
        sizes = {pointer.oid: pointer.size for pointer in wanted}
        body["objects"] = [{"oid": oid, "size": size} for oid, size in sorted(sizes.items())]
        request = web.request(self.url + "/objects/batch", {}, self.authorization, json.dumps(body).encode())
        for name, value in JSON.items():
            request.add_header(name, value)

        def ask():
            with self.opener.open(request, timeout=web.PATIENCE) as response:
                return json.load(response)

        return {entry["oid"]: entry for entry in web.patient(ask)["objects"]}

    def fetch(self, pointer, entry):
        """Puts the content in the place of a pointer."""
        error = entry.get("error")
        if error:
            raise Failed("the server has no such object (%s)" % error.get("code"))
        action = (entry.get("actions") or {}).get("download")
        if not action:
            raise Failed("the server does not say where it is")
        url, headers = action["href"], dict(action.get("header") or {})
        if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
            raise Failed("the server says that it is at an address that is neither http nor https")
        if web.realm(remote)[0] == "https" and web.realm(url)[0] != "https":
            raise Failed("the server says that it is at an address that is not https")
        known = entry.get("authenticated") or any(name.lower() == "authorization" for name in headers)
        authorization = self.authorization if not known and web.realm(url) == web.realm(remote) else None
        fresh = pointer.path + ".pyfront"
        digest = web.patient(web.download, self.opener, web.request(url, headers, authorization), fresh)
        if digest != pointer.oid:
            raise Failed("the server answers with something else (sha256 %s, wanted %s)" % (digest, pointer.oid))
        os.chmod(fresh, pointer.mode)
        os.replace(fresh, pointer.path)

    def explained(self, work, *arguments):
        """Does something, and says in words what went wrong."""
        try:
            return work(*arguments)
        except urllib.error.HTTPError as error:
            message = "the server answers %d" % error.code
            if error.code in (401, 403, 404):
                message += "\nhelp: " + (
                    "check that the token of the secret %s may read the repository" % self.secret
                    if self.authorization
                    else "if it is private, pass a token: --secret id=GIT_AUTH_TOKEN.%s,env=…" % urllib.parse.urlsplit(remote).netloc
                    if web.realm(self.url) == web.realm(remote) and remote.startswith("https:")
                    else "a token is sent to %s alone, over https" % urllib.parse.urlsplit(remote).netloc
                )
            raise Failed(message) from None
        except (OSError, http.client.HTTPException) as error:
            raise web.broken(error) from None
        except (ValueError, LookupError, TypeError, AttributeError):
            raise Failed("what answers is no Git LFS server") from None


def main():
    step.trust_company_ca()
    found = pointers()
    header, secret = credentials()
    opener, failures, count, size = web.opener(), [], 0, 0
    for repository, wanted in sorted(found.items()):
        server_ = Server(opener, server(repository), header, secret)
        for start in range(0, len(wanted), BATCH):
            batch = wanted[start:start + BATCH]
            try:
                entries = server_.explained(server_.objects, batch)
            except Failed as failure:
                step.fail("%s: its Git LFS files could not be fetched from %s: %s" % (title, web.shown(server_.url), failure))
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                running = [pool.submit(server_.explained, server_.fetch, one, entries.get(one.oid) or {}) for one in batch]
                for one, result in zip(batch, running):
                    try:
                        result.result()
                        count, size = count + 1, size + one.size
                    except Failed as failure:
                        failures.append("%s: the Git LFS file %s could not be fetched: %s" % (title, inside(one.path), failure))
    if failures:
        step.fail("\n".join(failures))
    if not found:
        print("no file of the commit is a Git LFS pointer")
        return
    print("fetched %d files of Git LFS, %d bytes" % (count, size))


main()
