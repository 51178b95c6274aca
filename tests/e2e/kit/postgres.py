# Copyright 2026 The Amp Authors
# SPDX-License-Identifier: Apache-2.0
"""A private PostgreSQL cluster that is gone after the tests."""
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

from .process import Process, free_port, wait_for

_BIN = pathlib.Path("/usr/lib/postgresql/15/bin")


class ScratchPostgres:
    def __init__(self, max_connections=100, standby_of=None):
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix="amp-pg-"))
        prefix = []
        if os.getuid() == 0:  # initdb and postgres refuse root
            shutil.chown(self._folder, "postgres", "postgres")
            # A change of user forgets the death signal that kit.process asked for.
            prefix = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--pdeathsig=KILL"]
        data = self._folder / "data"
        if standby_of is None:
            make = [_BIN / "initdb", "-D", data, "-U", "amp", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        else:
            make = [_BIN / "pg_basebackup", "-D", data, "-R", "-c", "fast", "--no-sync", "-d", standby_of.url]
        subprocess.run([*prefix, *make], check=True, capture_output=True)
        port = free_port()
        self._prefix, self._data, self.port = prefix, data, port
        self._command = [
            *prefix, _BIN / "postgres", "-D", data, "-p", port, "-k", self._folder, "-c", "listen_addresses=127.0.0.1",
            "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=off", "-c", f"max_connections={max_connections}"]
        self._ready = [_BIN / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
        self._start()
        self.url = f"postgresql://amp@127.0.0.1:{port}/postgres"

    def _start(self):
        self.process = Process(self._command, name="postgres")
        wait_for(lambda: subprocess.run(self._ready, check=False).returncode == 0, 30, "PostgreSQL")

    def restart(self):
        """Cuts every connection, as an operator's restart does."""
        self.shut_down()
        self._start()

    def shut_down(self):
        """Ends as an operator's shutdown does: standbys have everything then."""
        self.process.signal(signal.SIGINT)
        self.process.wait(30)

    def promote(self):
        """A standby becomes a primary."""
        subprocess.run([*self._prefix, _BIN / "pg_ctl", "promote", "-w", "-D", self._data], check=True,
                       capture_output=True)

    def sql(self, text: str, url=None) -> str:
        done = subprocess.run([_BIN / "psql", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", text, url or self.url],
                              check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def new_database(self, name: str) -> str:
        self.sql(f'CREATE DATABASE "{name}"')
        return self.url.rpartition("/")[0] + "/" + name

    def stop(self):
        self.process.kill()
        shutil.rmtree(self._folder, ignore_errors=True)
