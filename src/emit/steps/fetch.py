"""Fetches files of indexes that want credentials, checks them, and puts them into a directory.

usage: fetch.py   (what to fetch stands in /run/pyfront/fetch/files.json; credentials lie in /run/secrets)

As in uv, an index's own credentials go to its scheme, host and port and nowhere else, and a netrc is asked when a server
does not answer without. Nothing that is printed holds a credential: URLs are shown without user and query.
"""

import concurrent.futures
import http.client
import json
import netrc
import os
import urllib.error
import urllib.parse

import pyfront_http as web
import pyfront_step as step
from pyfront_http import Failed, basic, realm, shown

# What servers answer to strangers; some hide what they have.
REFUSED = (401, 403, 404)


class Credentials:
    """What the user gave: secrets by index, and a netrc."""

    def __init__(self, indexes):
        self.own = [self.of_index(index["secrets"]) for index in indexes]
        self.netrc = None
        path = step.SECRETS + "/netrc"
        if os.path.exists(path):
            try:
                self.netrc = netrc.netrc(path)
            except (netrc.NetrcParseError, UnicodeDecodeError) as error:
                # The parser's message can hold a word of the file; its line number cannot.
                step.fail("the secret netrc could not be read (line %s)" % getattr(error, "lineno", "unknown"))

    @staticmethod
    def of_index(secrets):
        if secrets is None:
            return None
        user, password = step.secret(secrets["username"]), step.secret(secrets["password"])
        return basic(user, password) if user or password else None

    def of_host(self, url):
        """What the netrc says of a URL's host."""
        parts = urllib.parse.urlsplit(url)
        if self.netrc is None or not parts.hostname:
            return None
        found = None
        # uv and curl look for the bare host; some files have the port, too.
        for name in (parts.netloc, parts.hostname):
            found = found or self.netrc.hosts.get(name)
        found = found or self.netrc.hosts.get("default")
        return basic(found[0] or "", found[2] or "") if found else None

    def attempts(self, file, index):
        """What to send, one after the other until a server does not refuse it."""
        own = self.own[file["index"]] if realm(file["url"]) == realm(index["realm"]) else None
        if own:
            return [own]
        of_host = self.of_host(file["url"])
        if index["required"]:
            return [of_host] if of_host else []
        return [None, of_host] if of_host else [None]


def advice(index, credentials, file):
    """What to pass, by the names of the secrets."""
    secrets = index["secrets"]
    if secrets and credentials.own[file["index"]]:
        return "help: check the values of the secrets %s and %s" % (secrets["username"], secrets["password"])
    if secrets:
        return (
            "help: pass the credentials of the index %s as build secrets:\n"
            "      --secret id=%s,env=%s --secret id=%s,env=%s\n"
            "      or a file with them: --secret id=netrc,src=$HOME/.netrc"
        ) % (index["index"], secrets["username"], secrets["username"], secrets["password"], secrets["password"])
    host = urllib.parse.urlsplit(file["url"]).hostname
    return "help: the netrc of the secret netrc must have an entry for %s that the server accepts" % host


def fetch(opener, credentials, index, file):
    """Fetches and checks one file."""
    url, path = file["url"], step.OUT + "/" + file["filename"]
    attempts = credentials.attempts(file, index)
    if not attempts:
        raise Failed("the index %s wants credentials, and there are none\n%s" % (index["index"], advice(index, credentials, file)))
    for number, authorization in enumerate(attempts, 1):
        try:
            found = web.patient(web.download, opener, web.request(url, {}, authorization), path)
            break
        except urllib.error.HTTPError as error:
            if error.code in REFUSED and number < len(attempts):
                continue
            message = "the index %s answers %d" % (index["index"], error.code)
            if error.code in REFUSED:
                message += " to %s\n%s" % (
                    "the credentials" if authorization else "a request without credentials",
                    advice(index, credentials, file),
                )
            raise Failed(message) from None
        except (OSError, http.client.HTTPException) as error:
            raise web.broken(error) from None
    # An index may not have given a hash.
    if file["sha256"] is not None and found != file["sha256"]:
        os.remove(path)
        raise Failed(
            "%s has another hash than the lock says\n"
            "      locked:  sha256:%s\n      fetched: sha256:%s\n"
            "help: the file was replaced on the index; run uv lock if that is right" % (file["filename"], file["sha256"], found)
        )
    os.chmod(path, 0o600)
    os.utime(path, (step.EPOCH, step.EPOCH))


def main():
    with open(step.TOOLS + "/fetch/files.json", encoding="utf-8") as file:
        manifest = json.load(file)
    step.trust_company_ca()
    indexes, files = manifest["indexes"], manifest["files"]
    credentials, shared, failures = Credentials(indexes), web.opener(), []
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        running = [pool.submit(fetch, shared, credentials, indexes[file["index"]], file) for file in files]
        for file, result in zip(files, running):
            try:
                result.result()
                print("fetched %s" % shown(file["url"]))
            except Failed as failure:
                failures.append("%s could not be fetched from %s: %s" % (file["title"], shown(file["url"]), failure))
    if failures:
        step.fail("\n".join(failures))
    os.utime(step.OUT, (step.EPOCH, step.EPOCH))


main()
