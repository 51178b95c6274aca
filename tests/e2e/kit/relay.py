# Copyright 2026 The Amp Authors
# SPDX-License-Identifier: Apache-2.0
"""A TCP port that leads to another one, which may change: the address of a database that fails over."""
import contextlib
import socket
import threading


class Relay:
    def __init__(self, port: int):
        self.target = port
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
        with self._lock:
            was_open = list(self._open)
        self._drop(*was_open)

    def close(self):
        self._listener.close()
        self.lead_to(self.target)
