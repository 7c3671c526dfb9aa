"""A registry of images in memory, for the end-to-end tests: as much of the OCI distribution specification as a push needs.

usage: registry.py ADDRESS

The first line that is printed is the port. `off N` on standard input makes it hang up on everybody as soon as N more uploads have
ended, `on` makes it well again; both are repeated as soon as they hold.
"""

import hashlib
import http.server
import socket
import sys
import threading
import uuid

blobs, manifests, uploads = {}, {}, {}
# How many uploads may still end; None is any number.
left = None
lock = threading.Lock()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle(self):
        if left == 0:
            return
        # Clients try TLS first, and go on without when the answer looks like this.
        if self.connection.recv(1, socket.MSG_PEEK) == b"\x16":
            return self.connection.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")
        super().handle()

    def do_GET(self):
        path = self.path.partition("?")[0]
        name = path.rsplit("/", 1)[-1]
        if path == "/v2/":
            return self.answer(200)
        found = manifests.get(path) if "/manifests/" in path else blobs.get(name)
        if found is None:
            return self.answer(404)
        kind, content = found
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        self.answer(200, content, {"Content-Type": kind, "Docker-Content-Digest": digest})

    do_HEAD = do_GET

    def do_POST(self):
        repository = self.path.partition("/blobs/")[0]
        number = uuid.uuid4().hex
        uploads[number] = b""
        self.answer(202, headers={"Location": "%s/blobs/uploads/%s" % (repository, number), "Docker-Upload-UUID": number})

    def do_PATCH(self):
        number = self.path.partition("?")[0].rsplit("/", 1)[-1]
        uploads[number] += self.body()
        self.answer(202, headers={"Location": self.path, "Range": "0-%d" % (len(uploads[number]) - 1)})

    def do_PUT(self):
        path, _, query = self.path.partition("?")
        content = self.body()
        if "/manifests/" in path:
            digest = "sha256:" + hashlib.sha256(content).hexdigest()
            entry = self.headers.get("Content-Type", ""), content
            manifests[path] = manifests[path.rsplit("/", 1)[0] + "/" + digest] = entry
            return self.answer(201, headers={"Docker-Content-Digest": digest})
        content = uploads.pop(path.rsplit("/", 1)[-1]) + content
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        if digest not in query.replace("%3A", ":"):
            return self.answer(400)
        with lock:
            global left
            if left is not None and left > 0:
                left -= 1
        blobs[digest] = "application/octet-stream", content
        self.answer(201, headers={"Docker-Content-Digest": digest, "Location": path})

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

    def answer(self, status, content=b"", headers={}):
        if left == 0:
            self.close_connection = True
            return self.connection.shutdown(socket.SHUT_RDWR)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_):
        pass


def listen():
    global left
    for line in sys.stdin:
        order, _, number = line.strip().partition(" ")
        left = int(number) if order == "off" else None
        print(line.strip(), flush=True)


server = http.server.ThreadingHTTPServer((sys.argv[1], 0), Handler)
server.daemon_threads = True
threading.Thread(target=listen, daemon=True).start()
print(server.server_address[1], flush=True)
server.serve_forever()
