"""Answers every request with how long the service has been up, in words."""

import contextlib
import http.server
import time

import humanize

START = time.monotonic()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        text = f"up for {humanize.precisedelta(time.monotonic() - START)}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
