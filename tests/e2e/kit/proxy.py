# Copyright 2026 The Amp Authors
# SPDX-License-Identifier: Apache-2.0
"""A JSON-RPC node in the middle that passes calls on, and can lie, hold answers back, or fail."""
import http.server
import json
import threading

import requests


class Proxy:
    """alter(method, params, result) returns the result to send. hold(method, params) true keeps the whole answer back
    until release(). Both may be exchanged at any time."""

    def __init__(self, upstream: str, alter=None, hold=None):
        self.upstream, self.alter, self.hold = upstream, alter, hold
        self.calls = 0
        self._released = threading.Event()
        self.holding = threading.Event()
        self._local = threading.local()
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = proxy._answer(body)
                try:
                    self.send_response(200)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(answer)))
                    self.end_headers()
                    self.wfile.write(answer)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def _answer(self, body: bytes) -> bytes:
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
        request = json.loads(body)
        calls = request if isinstance(request, list) else [request]
        self.calls += len(calls)
        if self.hold and any(self.hold(c["method"], c.get("params", [])) for c in calls):
            self.holding.set()
            self._released.wait(120)
        content = self._local.session.post(self.upstream, data=body, headers={"content-type": "application/json"},
                                           timeout=60).content
        if self.alter is None:
            return content
        answers = json.loads(content)
        by_id = {json.dumps(c["id"]): c for c in calls}
        for answer in answers if isinstance(answers, list) else [answers]:
            asked = by_id.get(json.dumps(answer.get("id")))
            if asked and answer.get("result") is not None:
                answer["result"] = self.alter(asked["method"], asked.get("params", []), answer["result"])
        return json.dumps(answers).encode()

    def release(self):
        self.hold = None
        self._released.set()

    def close(self):
        self.release()
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def block_number(params) -> int | None:
    """The number a block call asks for; None for tags and hashes."""
    word = params[0] if params and isinstance(params[0], str) else ""
    return int(word, 16) if word.startswith("0x") and len(word) < 20 else None
