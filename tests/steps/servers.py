"""Servers on loopback for the tests of steps."""

import http.server
import json
import threading


class Server(http.server.ThreadingHTTPServer):
    """Answers with a function of the path and the Authorization header; remembers both, and what was posted."""

    def __init__(self, answer):
        self.answer = answer
        self.asked, self.posted = asked, posted = [], []
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.do_GET()

            def do_GET(self):
                authorization = self.headers.get("Authorization")
                asked.append((self.path, authorization))
                status, body, headers = server.answer(self.path, authorization)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()
