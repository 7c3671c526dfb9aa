"""Runs lfs.py on trees with pointers, against servers of its own, and looks at what they are asked.

usage: lfs_test.py DIRECTORY-OF-STEPS
"""

import base64
import contextlib
import hashlib
import io
import json
import os
import runpy
import sys
import tempfile
import unittest

steps = sys.argv.pop(1)
sys.path.insert(0, steps)
import pyfront_step as step  # noqa: E402

from servers import Server  # noqa: E402

TOKEN = "hunter2-token"
SENT = "Basic " + base64.b64encode(("x-access-token:%s" % TOKEN).encode()).decode()


def oid(content):
    return hashlib.sha256(content).hexdigest()


def pointer(content):
    return b"version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n" % (oid(content).encode(), len(content))


def batch(*contents, at, **more):
    """What a server says of objects that it has at an address."""
    entries = [
        {"oid": oid(content), "size": len(content), "actions": {"download": {"href": "%s/%s" % (at, oid(content)), **more}}}
        for content in contents
    ]
    return 200, json.dumps({"transfer": "basic", "objects": entries}).encode(), {}


class Lfs(unittest.TestCase):
    def run_step(self, remote, files, secrets=()):
        """What the step prints, whether it ended well, and the files afterwards."""
        with tempfile.TemporaryDirectory() as root:
            step.SECRETS, tree = root + "/secrets", root + "/src"
            step.CA_SECRET, step.PRIVATE = step.SECRETS + "/ca-certificates", root
            os.mkdir(step.SECRETS)
            for name, value in dict(secrets).items():
                with open(step.SECRETS + "/" + name, "w", encoding="utf-8") as file:
                    file.write(value)
            for name, content in files.items():
                os.makedirs(os.path.dirname(tree + "/" + name), exist_ok=True)
                with open(tree + "/" + name, "wb") as file:
                    file.write(content)
            if "run.sh" in files:
                os.chmod(tree + "/run.sh", 0o755)
            os.symlink("/etc/passwd", tree + "/link")
            printed, ended_well = io.StringIO(), True
            arguments, sys.argv = sys.argv, ["lfs.py", "parcel 1", remote, tree]
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
                try:
                    runpy.run_path(steps + "/lfs.py")
                except SystemExit as end:
                    ended_well = not end.code
            sys.argv = arguments
            after = {}
            for name in files:
                with open(tree + "/" + name, "rb") as file:
                    after[name] = file.read()
            if "run.sh" in files:
                self.assertEqual(os.stat(tree + "/run.sh").st_mode & 0o777, 0o755)
            text = printed.getvalue()
            for secret in (TOKEN, SENT, SENT[6:]):
                self.assertNotIn(secret, text)
            return text, ended_well, after

    def repository(self, *contents, wanted=None):
        """A server that has objects, and its repository's address."""

        def answer(path, authorization):
            if wanted is not None and authorization != wanted:
                return 401, b"", {}
            if path == "/team/parcel.git/info/lfs/objects/batch":
                return batch(*contents, at=server.url + "/objects")
            return next(((200, content, {}) for content in contents if path == "/objects/" + oid(content)), (404, b"", {}))

        server = Server(answer)
        return server, server.url + "/team/parcel.git"

    def test_content_stands_where_pointers_were(self):
        model, script = b"\0model" * 1000, b"#!/bin/sh\n"
        server, remote = self.repository(model, script)
        files = {".git/HEAD": pointer(b"not looked at"), "data/model.bin": pointer(model), "copy.bin": pointer(model)}
        files.update({"run.sh": pointer(script), "plain.txt": b"version 2\n"})
        text, well, after = self.run_step(remote, files)
        self.assertTrue(well, text)
        self.assertEqual(text, "fetched 3 files of Git LFS, %d bytes\n" % (2 * len(model) + len(script)))
        self.assertEqual((after["data/model.bin"], after["copy.bin"], after["run.sh"]), (model, model, script))
        self.assertEqual((after["plain.txt"], after[".git/HEAD"]), (files["plain.txt"], files[".git/HEAD"]))
        self.assertEqual(server.posted[0]["operation"], "download")
        objects = sorted([{"oid": oid(model), "size": len(model)}, {"oid": oid(script), "size": len(script)}], key=str)
        self.assertEqual(server.posted[0]["objects"], objects, "each object once")

    def test_a_token_is_sent_as_for_the_repository(self):
        server, remote = self.repository(b"model", wanted=SENT)
        host = server.url.split("//")[1]
        files = {"model": pointer(b"model")}
        for secrets in (
            {"GIT_AUTH_TOKEN": TOKEN + "\n"},
            {"GIT_AUTH_TOKEN." + host: TOKEN, "GIT_AUTH_HEADER": "wrong"},
            {"GIT_AUTH_HEADER": SENT},
        ):
            text, well, after = self.run_step(remote, files, secrets)
            self.assertTrue(well, text)
            self.assertEqual(after["model"], b"model")

    def test_a_refusal_says_what_to_pass(self):
        server, remote = self.repository(b"model", wanted=SENT)
        files = {"model": pointer(b"model")}
        text, well, after = self.run_step(remote, files)
        self.assertFalse(well)
        self.assertEqual(after, files)
        start = "pyfront: parcel 1: its Git LFS files could not be fetched from %s/info/lfs: the server answers 401\n" % remote
        self.assertTrue(text.startswith(start), text)
        text, well, _ = self.run_step(remote, files, {"GIT_AUTH_TOKEN": "wrong"})
        self.assertFalse(well)
        self.assertIn("help: check that the token of the secret GIT_AUTH_TOKEN may read the repository", text)
        text, well, _ = self.run_step(remote, files, {"GIT_AUTH_HEADER": "two\nlines " + TOKEN})
        self.assertFalse(well)
        self.assertIn("the secret GIT_AUTH_HEADER is no header", text)

    def test_another_server_gets_the_headers_that_are_for_it_and_no_token(self):
        files = Server(lambda *_: (200, b"model", {}))
        server = Server(lambda *_: batch(b"model", at=files.url, header={"Authorization": "Signed 1"}))
        text, well, after = self.run_step(server.url + "/parcel", {"model": pointer(b"model")}, {"GIT_AUTH_TOKEN": TOKEN})
        self.assertTrue(well, text)
        self.assertEqual(after["model"], b"model")
        self.assertEqual(server.asked, [("/parcel.git/info/lfs/objects/batch", SENT)])
        self.assertEqual(files.asked, [("/" + oid(b"model"), "Signed 1")])

    def test_a_server_of_its_own_gets_no_token(self):
        own = Server(lambda path, _: batch(b"model", at=own.url) if "batch" in path else (200, b"model", {}))
        config = "[core]\n\turl = x\n[lfs]\n\turl = %s/objects-of/parcel\n" % own.url
        files = {"model": pointer(b"model"), ".lfsconfig": config.encode()}
        text, well, _ = self.run_step("http://127.0.0.1:1/parcel.git", files, {"GIT_AUTH_TOKEN": TOKEN})
        self.assertTrue(well, text)
        asked = [("/objects-of/parcel/objects/batch", None), ("/" + oid(b"model"), None)]
        self.assertEqual(own.asked, asked)

    def test_a_submodule_has_its_own_repository(self):
        server, remote = self.repository(b"model", wanted=SENT)
        files = {
            ".git/modules/sub/config": b'[remote "origin"]\n\turl = %s\n' % remote.encode(),
            "sub/.git": b"gitdir: ../.git/modules/sub\n",
            "sub/deep/model": pointer(b"model"),
        }
        text, well, after = self.run_step(server.url + "/other.git", files, {"GIT_AUTH_TOKEN": TOKEN})
        self.assertTrue(well, text)
        self.assertEqual(after["sub/deep/model"], b"model")
        files[".git/modules/sub/config"] = b'[remote "origin"]\n\turl = ssh://git@host/parcel.git\n'
        text, well, _ = self.run_step(server.url + "/other.git", files)
        self.assertFalse(well)
        self.assertIn("the Git LFS server of the submodule sub is not reached over https", text)

    def test_what_is_not_there_or_something_else_is_named(self):
        def answer(path, _):
            if "batch" not in path:
                return 200, b"something else", {}
            status, body, headers = batch(b"model", at=server.url)
            objects = json.loads(body)["objects"] + [{"oid": oid(b"gone"), "size": 4, "error": {"code": 404, "message": "no"}}]
            return status, json.dumps({"objects": objects}).encode(), headers

        server = Server(answer)
        files = {"data/model": pointer(b"model"), "gone": pointer(b"gone")}
        text, well, after = self.run_step(server.url + "/parcel.git", files)
        self.assertFalse(well)
        self.assertIn("the Git LFS file data/model could not be fetched: the server answers with something else (sha256 ", text)
        self.assertIn("the Git LFS file gone could not be fetched: the server has no such object (404)", text)
        self.assertEqual(after, files)

    def test_what_answers_is_no_lfs_server(self):
        for body in (b"<html>", b"[]", b'{"objects": [1]}', b'{"objects": 5}'):
            text, well, _ = self.run_step(Server(lambda *_: (200, body, {})).url + "/parcel.git", {"a": pointer(b"a")})
            self.assertFalse(well)
            self.assertIn("what answers is no Git LFS server", text)

    def test_a_request_for_objects_follows_a_redirect(self):
        server, remote = self.repository(b"model", wanted=SENT)
        old = server.url + "/old.git"
        answer = server.answer
        server.answer = lambda path, authorization: (
            (307, b"", {"Location": remote + "/info/lfs/objects/batch"}) if path.startswith("/old") else answer(path, authorization)
        )
        text, well, after = self.run_step(old, {"model": pointer(b"model")}, {"GIT_AUTH_TOKEN": TOKEN})
        self.assertTrue(well, text)
        self.assertEqual(len(server.posted), 2)

    def test_pointers_of_another_kind_are_an_error(self):
        strange = pointer(b"a").replace(b"oid", b"ext-0-case sha256:%s\noid" % oid(b"b").encode())
        text, well, _ = self.run_step("http://127.0.0.1:1/parcel.git", {"a": strange})
        self.assertFalse(well)
        self.assertIn("a is a Git LFS pointer of a kind that is not known", text)

    def test_a_commit_without_pointers(self):
        text, well, _ = self.run_step("http://127.0.0.1:1/parcel.git", {"a": b"a"})
        self.assertEqual((text, well), ("no file of the commit is a Git LFS pointer\n", True))


unittest.main(verbosity=1)
