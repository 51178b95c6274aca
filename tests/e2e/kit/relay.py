# Copyright 2026 The Amp Authors
# SPDX-License-Identifier: Apache-2.0
"""A TCP port that leads to another one, which may change (the address of a database that fails over), or that answers
HTTP requests itself for a while (a bucket that is overloaded)."""
import contextlib
import socket
import threading


class Relay:
    def __init__(self, port: int):
        self.target = port
        self._answer = None
        self._open = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._answer:
                threading.Thread(target=self._reply, args=(client, self._answer), daemon=True).start()
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self.target), 5)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            with self._lock:
                self._open |= {client, server}
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._copy, args=(source, sink), daemon=True).start()

    def _reply(self, client, answer):
        with contextlib.suppress(OSError):
            client.settimeout(5)
            request = b""
            while b"\r\n\r\n" not in request and (data := client.recv(65536)):
                request += data
            client.sendall(answer)
        self._drop(client)

    def answer_with(self, status: str):
        """Every request gets this status until lead_to()."""
        self._answer = f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
        self._cut()

    def _copy(self, source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        self._drop(source, sink)

    def _drop(self, *sockets):
        with self._lock:
            self._open -= set(sockets)
        for one in sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def lead_to(self, port: int):
        """New connections go there; those of before are cut."""
        self.target = port
        self._answer = None
        self._cut()

    def _cut(self):
        with self._lock:
            was_open = list(self._open)
        self._drop(*was_open)

    def close(self):
        self._listener.close()
        self.lead_to(self.target)
