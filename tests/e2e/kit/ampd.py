# Copyright 2026 The Amp Authors
# SPDX-License-Identifier: Apache-2.0
"""Runs `ampd` the way a user does, in a base directory of its own."""
import dataclasses
import json
import os
import pathlib
import subprocess

import pyarrow as pa
import pyarrow.flight as flight
import requests

from . import paths
from .process import Process, _die_with_parent


def clean_environment(**more) -> dict:
    """Nothing of the caller's own Amp configuration."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AMP", "DUMP_", "DEV_"))}
    return {**kept, "NO_COLOR": "1", **more}


@dataclasses.dataclass
class Finished:
    code: int
    stdout: str
    stderr: str

    @property
    def text(self) -> str:
        return self.stdout + self.stderr

    @property
    def error(self) -> str:
        """The last line of stderr: what a user reads first."""
        lines = self.stderr.strip().splitlines()
        return lines[-1] if lines else ""


class Ampd:
    def __init__(self, folder: pathlib.Path, settings=(), prefix=()):
        """settings: KEY=VALUE pairs for --set of every command. prefix: a wrapper such as setpriv."""
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self._settings = [part for setting in settings for part in ("--set", setting)]
        self._prefix = list(prefix)

    def command(self, name, *args) -> list:
        return [*self._prefix, str(paths.ampd()), name, "--dir", str(self.folder), *self._settings, *map(str, args)]

    def run(self, name, *args, seconds=120, env=None) -> Finished:
        done = subprocess.run(
            self.command(name, *args), capture_output=True, text=True, errors="replace", timeout=seconds,
            stdin=subprocess.DEVNULL, env=env or clean_environment(), cwd=self.folder, preexec_fn=_die_with_parent)
        return Finished(done.returncode, done.stdout, done.stderr)

    def start(self, name, *args, env=None) -> Process:
        return Process(self.command(name, *args), env=env or clean_environment(), cwd=self.folder, name=f"ampd {name}")

    def dump_arguments(self, dataset, url, end_block, *more) -> list:
        return ["--dataset", dataset, "--provider-url", url, "--end-block", end_block, *more]

    def try_dump(self, dataset, url, end_block, *more, seconds=120) -> Finished:
        return self.run("dump", *self.dump_arguments(dataset, url, end_block, *more), seconds=seconds)

    def dump(self, dataset, url, end_block, *more, seconds=120) -> Finished:
        """A dump that must succeed."""
        done = self.try_dump(dataset, url, end_block, *more, seconds=seconds)
        assert done.code == 0, f"dump ended with {done.code}:\n{done.text[-4000:]}"
        return done

    def start_dump(self, dataset, url, end_block, *more) -> Process:
        return self.start("dump", *self.dump_arguments(dataset, url, end_block, *more))

    def serve(self, *more) -> "Server":
        return Server(self, *more)

    def files(self, table=None) -> list:
        """Complete Parquet files below data/, of one table if given."""
        found = sorted((self.folder / "data").glob("**/*.parquet"))
        return [f for f in found if not f.name.startswith(".") and (table is None or f.parent.parent.name == table)]

    def manifest(self, name, network, *, start_block=0, **more) -> str:
        """Writes a manifest file and returns its path, which --dataset takes; the dataset is called `name`."""
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps({"kind": "evm-rpc", "network": network, "start_block": start_block, **more}))
        return str(path)


class Server:
    """A running query server and its two kinds of client."""

    def __init__(self, ampd: Ampd, *more):
        self.process = ampd.start("server", "--flight-addr", "127.0.0.1:0", "--jsonl-addr", "127.0.0.1:0", *more)
        try:
            self.flight_address = self._listening("flight")
            self.jsonl_address = self._listening("jsonl")
        except TimeoutError:
            self.process.kill()
            raise
        self.url = f"http://{self.jsonl_address}"
        self.client = flight.connect(f"grpc://{self.flight_address}")
        self._session = requests.Session()

    def _listening(self, interface) -> str:
        line = self.process.wait_line(rf"listening.*\binterface=\"?{interface}\b.*\baddress=\"?([0-9.\[\]:a-z]+)")
        return line.group(1)

    def table(self, sql) -> pa.Table:
        """The whole result over Flight, by a raw SQL ticket."""
        return self.client.do_get(flight.Ticket(sql)).read_all()

    def value(self, sql):
        """The only value of the only row."""
        rows = self.table(sql).to_pylist()
        assert len(rows) == 1 and len(rows[0]) == 1, rows
        return next(iter(rows[0].values()))

    def post(self, sql, **more) -> requests.Response:
        return self._session.post(self.url, data=sql.encode() if isinstance(sql, str) else sql, timeout=120, **more)

    def lines(self, sql) -> list:
        """The result over HTTP as parsed JSON Lines."""
        response = self.post(sql)
        assert response.status_code == 200, response.text
        return [json.loads(line) for line in response.text.splitlines()]

    def stop(self) -> int:
        self.client.close()
        self._session.close()
        return self.process.stop(20)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
