# Copyright 2026 The Amp Authors
# SPDX-License-Identifier: Apache-2.0
"""A JSON-RPC client, and reading or recording a chain through it."""
import itertools
import json

import requests
import zstandard


class RpcError(Exception):
    pass


class Rpc:
    def __init__(self, url: str):
        self.url = url
        self._session = requests.Session()
        self._ids = itertools.count(1)

    def call(self, method, *params):
        answer = self.post({"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": list(params)})
        if "error" in answer:
            raise RpcError(f"{method}: {answer['error']}")
        return answer["result"]

    def batch(self, calls) -> list:
        """Results of (method, params..) calls in their order."""
        requests_ = [{"jsonrpc": "2.0", "id": i, "method": method, "params": params}
                     for i, (method, *params) in enumerate(calls)]
        answers = {answer["id"]: answer for answer in self.post(requests_)}
        for answer in answers.values():
            if "error" in answer:
                raise RpcError(str(answer["error"]))
        return [answers[i]["result"] for i in range(len(requests_))]

    def post(self, body):
        response = self._session.post(self.url, json=body, timeout=60)
        return response.json()

    def is_up(self) -> bool:
        try:
            return bool(self.call("eth_chainId"))
        except requests.RequestException:
            return False

    def head(self) -> int:
        return int(self.call("eth_blockNumber"), 16)

    def blocks(self, numbers):
        """(block, receipts) of each number. Block 0 has no receipts to ask for."""
        for group in _batched(numbers, 20):
            calls = []
            for number in group:
                calls += [("eth_getBlockByNumber", hex(number), True), ("eth_getBlockReceipts", hex(number))]
            results = self.batch(calls)
            yield from zip(results[::2], results[1::2], strict=True)


def _batched(items, size):
    iterator = iter(items)
    while group := list(itertools.islice(iterator, size)):
        yield group


def record(rpc: Rpc, path, last=None):
    """Writes blocks 0..last as a corpus for the replay server."""
    last = rpc.head() if last is None else last
    opener = zstandard.open if str(path).endswith(".zst") else open
    with opener(path, "wt", encoding="utf-8") as out:
        for block, receipts in rpc.blocks(range(last + 1)):
            out.write(json.dumps({"block": block, "receipts": receipts or []}, separators=(",", ":")) + "\n")


def read_corpus(path):
    """(block, receipts) of each line of a corpus."""
    opener = zstandard.open if str(path).endswith(".zst") else open
    with opener(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            yield entry["block"], entry["receipts"]
