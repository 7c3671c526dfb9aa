"""Serves git repositories and their Git LFS objects, for the end-to-end tests.

usage: git_server.py ADDRESS DIRECTORY AUTHORIZATION [CERTIFICATE]

What lies in DIRECTORY/private is for who sends the header; the rest is for all. The first line that is printed is the port,
each further one what a request was: its path and whether it came with an `Authorization` header.
"""

import http.server
import json
import os
import ssl
import subprocess
import sys

address, directory, authorization, *certificate = sys.argv[1:]


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.answer(self.rfile.read(int(self.headers.get("Content-Length") or 0)) if "chunked" not in self.headers.get("Transfer-Encoding", "") else self.chunks())

    def do_GET(self):
        self.answer(b"")

    def chunks(self):
        data = b""
        while True:
            length = int(self.rfile.readline(), 16)
            block = self.rfile.read(length)
            self.rfile.readline()
            if not length:
                return data
            data += block

    def answer(self, body):
        sent = self.headers.get("Authorization")
        path, _, query = self.path.partition("?")
        print(path, "with a header" if sent else "without", flush=True)
        # The scheme's name is written in any case.
        is_allowed = (sent or "").lower()[:6] == "basic " and sent[6:] == authorization[6:]
        if path.startswith("/private/") and not is_allowed:
            return self.send(401, b"", {"WWW-Authenticate": 'Basic realm="git"'})
        if path.endswith("/info/lfs/objects/batch"):
            return self.batch(path, json.loads(body))
        if "/objects/sha256/" in path:
            return self.object(path)
        return self.git(path, query, body)

    def batch(self, path, wanted):
        repository = path[: -len(".git/info/lfs/objects/batch")]
        scheme = "https" if certificate else "http"
        at = "%s://%s%s/objects/sha256/" % (scheme, self.headers["Host"], repository)
        entries = [{"actions": {"download": {"href": at + one["oid"]}}, **one} for one in wanted["objects"]]
        self.send(200, json.dumps({"transfer": "basic", "objects": entries}).encode(), {})

    def object(self, path):
        try:
            with open(directory + os.path.normpath(path), "rb") as file:
                self.send(200, file.read(), {})
        except FileNotFoundError:
            self.send(404, b"", {})

    def git(self, path, query, body):
        environment = dict(
            os.environ, GIT_PROJECT_ROOT=directory, GIT_HTTP_EXPORT_ALL="1", PATH_INFO=path, QUERY_STRING=query,
            REQUEST_METHOD=self.command, CONTENT_TYPE=self.headers.get("Content-Type", ""), CONTENT_LENGTH=str(len(body)),
            HTTP_CONTENT_ENCODING=self.headers.get("Content-Encoding", ""), GIT_PROTOCOL=self.headers.get("Git-Protocol", ""),
            GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_COUNT="1", GIT_CONFIG_KEY_0="safe.directory", GIT_CONFIG_VALUE_0="*",
        )
        output = subprocess.run(["git", "http-backend"], input=body, stdout=subprocess.PIPE, env=environment).stdout
        head, _, content = output.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        self.send(int(headers.pop("Status", "200").split()[0]), content, headers)

    def send(self, status, content, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer((address, 0), Handler)
if certificate:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate[0])
    server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
