"""Runs fetch.py against servers of its own and looks at what they are asked.

usage: fetch_test.py DIRECTORY-OF-STEPS
"""

import base64
import hashlib
import io
import contextlib
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

PASSWORD = "hunter2 ü"
OWN = "Basic " + base64.b64encode(("reader:%s" % PASSWORD).encode()).decode()


def wants(expected):
    return lambda path, authorization: (200, b"content", {}) if authorization == expected else (401, b"", {})


class Fetch(unittest.TestCase):
    def fetch(self, url, realm=None, secrets=None, named=True, required=False, content=b"content"):
        """What the step prints, and whether it ended well."""
        with tempfile.TemporaryDirectory() as root:
            step.TOOLS, step.OUT, step.SECRETS = (root + "/" + name for name in ("tools", "out", "secrets"))
            step.CA_SECRET, step.PRIVATE = step.SECRETS + "/ca-certificates", root
            os.makedirs(step.TOOLS + "/fetch")
            os.mkdir(step.OUT)
            os.mkdir(step.SECRETS)
            for name, value in (secrets or {}).items():
                with open(step.SECRETS + "/" + name, "w", encoding="utf-8") as file:
                    file.write(value)
            own = {"username": "UV_INDEX_X_USERNAME", "password": "UV_INDEX_X_PASSWORD"} if named else None
            index = {"index": "x", "realm": realm or url, "secrets": own, "required": required}
            hash = hashlib.sha256(content).hexdigest()
            file = {"title": "parcel 1", "url": url, "filename": "parcel", "sha256": hash, "index": 0}
            with open(step.TOOLS + "/fetch/files.json", "w") as manifest:
                json.dump({"indexes": [index], "files": [file]}, manifest)
            printed, ended_well = io.StringIO(), True
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
                try:
                    runpy.run_path(steps + "/fetch.py")
                except SystemExit as end:
                    ended_well = not end.code
            if ended_well:
                with open(step.OUT + "/parcel", "rb") as fetched:
                    self.assertEqual(fetched.read(), content)
                self.assertEqual(os.stat(step.OUT + "/parcel").st_mode & 0o777, 0o600)
            text = printed.getvalue()
            for secret in (PASSWORD, "hunter2", OWN, OWN[6:]):
                self.assertNotIn(secret, text)
            return text, ended_well

    GIVEN = {"UV_INDEX_X_USERNAME": "reader\n", "UV_INDEX_X_PASSWORD": PASSWORD + "\r\n"}

    def test_credentials_are_sent_to_the_index(self):
        server = Server(wants(OWN))
        text, well = self.fetch(server.url + "/a/parcel?signed=hunter2#x", secrets=self.GIVEN)
        self.assertTrue(well, text)
        self.assertEqual(text, "fetched %s/a/parcel\n" % server.url)

    def test_credentials_are_kept_from_other_servers(self):
        index, files = Server(wants(OWN)), Server(wants(None))
        self.assertTrue(self.fetch(files.url + "/parcel", realm=index.url, secrets=self.GIVEN)[1])
        self.assertEqual(files.asked, [("/parcel", None)])

    def test_a_redirect_takes_them_along_within_the_server_only(self):
        files = Server(wants(None))

        def answer(path, authorization):
            if authorization != OWN:
                return 401, b"", {}
            target = "/parcel/second" if path == "/parcel" else files.url + "/elsewhere"
            return 302, b"", {"Location": target}

        index = Server(answer)
        self.assertTrue(self.fetch(index.url + "/parcel", secrets=self.GIVEN)[1])
        self.assertEqual(index.asked, [("/parcel", OWN), ("/parcel/second", OWN)])
        self.assertEqual(files.asked, [("/elsewhere", None)])

    def test_a_redirect_to_a_file_is_refused(self):
        server = Server(lambda *_: (302, b"", {"Location": "ftp://127.0.0.1/parcel"}))
        text, well = self.fetch(server.url + "/parcel", secrets=self.GIVEN)
        self.assertFalse(well)
        self.assertIn("neither http nor https", text)

    def test_a_wrong_password_is_told_without_it(self):
        server = Server(lambda *_: (401, b"", {}))
        text, well = self.fetch(server.url + "/parcel", secrets=self.GIVEN)
        self.assertFalse(well)
        self.assertIn("the index x answers 401 to the credentials\nhelp: check the values of the secrets", text)
        self.assertEqual(len(server.asked), 1)

    def test_missing_credentials_are_named(self):
        server = Server(wants(OWN))
        text, well = self.fetch(server.url + "/parcel")
        self.assertFalse(well)
        self.assertIn("answers 401 to a request without credentials", text)
        self.assertIn("--secret id=UV_INDEX_X_PASSWORD,env=UV_INDEX_X_PASSWORD", text)
        text, well = self.fetch(server.url + "/parcel", required=True)
        self.assertFalse(well)
        self.assertIn("the index x wants credentials, and there are none", text)
        self.assertEqual(len(server.asked), 1, "nothing is asked without credentials")

    def test_a_netrc_is_asked_after_a_refusal(self):
        server = Server(wants(OWN))
        entry = 'machine 127.0.0.1 login reader password "%s"\n' % PASSWORD
        for named in (True, False):
            text, well = self.fetch(server.url + "/parcel", secrets={"netrc": entry}, named=named)
            self.assertTrue(well, text)
        self.assertEqual([authorization for _, authorization in server.asked], [None, OWN] * 2)

    def test_a_broken_netrc_is_not_shown(self):
        server = Server(wants(OWN))
        text, well = self.fetch(server.url + "/parcel", secrets={"netrc": "machine 127.0.0.1 hunter2\n"})
        self.assertFalse(well)
        self.assertIn("the secret netrc could not be read (line", text)

    def test_another_file_is_refused(self):
        server = Server(wants(OWN))
        text, well = self.fetch(server.url + "/parcel", secrets=self.GIVEN, content=b"other")
        self.assertFalse(well)
        self.assertIn("parcel has another hash than the lock says", text)

    def test_a_server_in_trouble_is_asked_again(self):
        answers = [(503, b"", {}), (200, b"content", {})]
        server = Server(lambda *_: answers.pop(0))
        self.assertTrue(self.fetch(server.url + "/parcel", secrets=self.GIVEN)[1])

    def test_no_server(self):
        server = Server(wants(None))
        server.shutdown()
        server.server_close()
        import time

        time.sleep, sleep = lambda _: None, time.sleep
        try:
            text, well = self.fetch(server.url + "/parcel")
        finally:
            time.sleep = sleep
        self.assertFalse(well)
        self.assertIn("the server cannot be reached", text)


unittest.main(verbosity=1)
