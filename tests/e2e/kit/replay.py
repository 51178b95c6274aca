# Copyright 2026 The Amp Authors
# SPDX-License-Identifier: Apache-2.0
"""The replay server: plays a recorded chain back as a node."""
import json
import pathlib

from . import paths
from .process import Process


class Replay:
    def __init__(self, corpus: pathlib.Path, *, cache=None, **options):
        """options: repeat_to, latency_ms, chain_id."""
        flags = []
        for name, value in {"cache": cache, **options}.items():
            if value is not None:
                flags += ["--" + name.replace("_", "-"), str(value)]
        self.process = Process([paths.replay_server(), "--corpus", corpus, *flags])
        line = self.process.wait_line(r"^replay_server listening (.*)$", 300).group(1)
        facts = dict(part.split("=", 1) for part in line.split())
        self.url = facts["url"]
        self.first, self.last = int(facts["first_block"]), int(facts["last_block"])
        self.json_bytes = int(facts["json_bytes"])

    def stop(self):
        self.process.stop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def write_corpus(path: pathlib.Path, chain):
    """(block, receipts) pairs as a corpus file."""
    with open(path, "w", encoding="utf-8") as out:
        for block, receipts in chain:
            out.write(json.dumps({"block": block, "receipts": receipts or []}, separators=(",", ":")) + "\n")
