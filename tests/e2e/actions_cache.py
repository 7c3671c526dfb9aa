"""GitHub's cache of workflows in memory, for the end-to-end tests: as much of its first interface as BuildKit's `type=gha` uses.

usage: actions_cache.py ADDRESS TOKEN

Only who sends the token is served. The first line that is printed is the port.
"""

import http.server
import json
import re
import sys
import threading
import urllib.parse

address, token = sys.argv[1:]
PREFIX = "/_apis/artifactcache/"
# By number: [key, content, whether all of it is there].
entries = {}
lock = threading.Lock()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        name, _, query = self.path.removeprefix(PREFIX).partition("?")
        if name.startswith("files/"):
            # Where a file lies is told to who may have it.
            return self.file(entries[int(name.removeprefix("files/"))][1])
        if not self.is_allowed():
            return
        keys = urllib.parse.parse_qs(query)["keys"][0].split(",")
        for key in keys:
            found = [number for number, (known, _, whole) in sorted(entries.items()) if whole and known.startswith(key)]
            if found:
                url = "http://%s%sfiles/%d" % (self.headers["Host"], PREFIX, found[-1])
                return self.json(200, {"cacheKey": entries[found[-1]][0], "scope": "refs/heads/main", "archiveLocation": url})
        self.answer(204, b"")

    def file(self, content):
        begin = int((re.match(r"bytes=(\d+)-", self.headers.get("Range", "")) or [0, 0])[1])
        if not begin:
            return self.answer(200, content)
        self.answer(206, content[begin:], {"Content-Range": "bytes %d-%d/%d" % (begin, len(content) - 1, len(content))})

    def do_POST(self):
        body = json.loads(self.body())
        if not self.is_allowed():
            return
        name = self.path.removeprefix(PREFIX)
        if name != "caches":
            entries[int(name.removeprefix("caches/"))][2] = True
            return self.answer(204, b"")
        with lock:
            number = len(entries) + 1
            entries[number] = [body["key"], b"", False]
        self.json(201, {"cacheId": number})

    def do_PATCH(self):
        body = self.body()
        if not self.is_allowed():
            return
        entry = entries[int(self.path.removeprefix(PREFIX + "caches/"))]
        begin = int(re.match(r"bytes (\d+)-", self.headers["Content-Range"])[1])
        with lock:
            entry[1] = entry[1].ljust(begin, b"\0")[:begin] + body + entry[1][begin + len(body) :]
        self.answer(204, b"")

    def is_allowed(self):
        allowed = self.headers.get("Authorization") == "Bearer " + token
        if not allowed:
            self.json(401, {"message": "no"})
        return allowed

    def body(self):
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        data = b""
        while True:
            length = int(self.rfile.readline(), 16)
            data += self.rfile.read(length)
            self.rfile.readline()
            if not length:
                return data

    def json(self, status, value):
        self.answer(status, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def answer(self, status, content, headers={}):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer((address, 0), Handler)
server.daemon_threads = True
print(server.server_address[1], flush=True)
server.serve_forever()
