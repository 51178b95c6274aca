# Copyright 2026 The Amp Authors
# SPDX-License-Identifier: Apache-2.0
"""The processes of a distributed deployment on one metadata store, and a client of the Admin API."""
import contextlib
import re

import requests

from .ampd import Ampd
from .process import wait_for


class Admin:
    """The Admin API at a URL."""

    def __init__(self, url: str):
        self.url = url
        self.session = requests.Session()

    def request(self, method, path, json=None, **more) -> requests.Response:
        return self.session.request(method, self.url + path, json=json, timeout=30, **more)

    def get(self, path, **more):
        response = self.request("GET", path, **more)
        assert response.status_code == 200, f"{path}: {response.status_code} {response.text}"
        return response.json()

    def send(self, method, path, json=None, status=200):
        response = self.request(method, path, json)
        assert response.status_code == status, f"{method} {path}: {response.status_code} {response.text}"
        return response.json() if response.content else None

    def add_provider(self, name, network, url):
        self.send("PUT", f"/providers/{name}", {"kind": "evm-rpc", "network": network, "url": url})

    def dump(self, dataset, **deploy) -> int:
        return self.send("POST", f"/datasets/{dataset}/dump", deploy, 202)["job_id"]

    def job(self, job_id) -> dict:
        return self.get(f"/jobs/{job_id}")

    def await_job(self, job_id, *statuses, seconds=60) -> dict:
        wanted = statuses or ("COMPLETED",)

        def ended():
            job = self.job(job_id)
            if job["status"] in ("FAILED", "STOPPED", "COMPLETED") and job["status"] not in wanted:
                raise AssertionError(f"job {job_id} is {job['status']}: {job.get('last_error')}")
            return job if job["status"] in wanted else None

        return wait_for(ended, seconds, f"job {job_id} {wanted}", interval=0.05)

    def workers(self) -> dict:
        return {worker["node_id"]: worker for worker in self.get("/workers")["workers"]}

    def running(self, job_id) -> list:
        """(shard kind, node) of the shards that run."""
        shards = self.get(f"/jobs/{job_id}/shards")["shards"]
        return [(shard["kind"], shard["node_id"]) for shard in shards if shard["status"] == "RUNNING"]

    def metric(self, name, **labels) -> float:
        total = 0.0
        for line in self.request("GET", "/metrics").text.splitlines():
            match = re.fullmatch(rf"{name}(?:{{(.*)}})? (\S+)", line)
            if match and all(f'{key}="{value}"' in (match.group(1) or "") for key, value in labels.items()):
                total += float(match.group(2))
        return total


class Cluster(contextlib.ExitStack):
    """All processes share a base directory and a metadata store; they end with the cluster."""

    def __init__(self, folder, url, settings=()):
        super().__init__()
        self.url = url
        self.ampd = Ampd(folder, settings=[f"metadata_db.url={url}", *settings])
        self.admin = None
        self.processes = []  # controllers and workers, dead ones too

    def controller(self, *more):
        process = self.ampd.start("controller", "--admin-addr", "127.0.0.1:0", *more)
        self.processes.append(process)
        self.callback(process.kill)
        port = process.wait_line(r"listening interface=admin address=127.0.0.1:(\d+)").group(1)
        self.admin = Admin(f"http://127.0.0.1:{port}")
        return process

    def worker(self, node_id, *more):
        process = self.ampd.start("worker", "--node-id", node_id, *more)
        self.processes.append(process)
        self.callback(process.kill)
        process.wait_line("ready for work")
        return process

    def server(self, *more):
        return self.enter_context(self.ampd.serve(*more))


def assert_chain(server, node, dataset):
    """The stored blocks are the node's, each once and none more."""
    head = int(node.rpc.call("eth_blockNumber"), 16)
    expected = [(number, block["hash"]) for number, (block, _) in enumerate(node.rpc.blocks(range(head + 1)))]
    rows = server.table(f"SELECT block_num, hash FROM {dataset}.blocks ORDER BY block_num").to_pylist()
    assert [(row["block_num"], "0x" + row["hash"].hex()) for row in rows] == expected


def await_block(server, dataset, number, seconds=30):
    def there():
        response = server.post(f"SELECT max(block_num) AS n FROM {dataset}.blocks")
        return response.status_code == 200 and f'"n":{number}' in response.text.replace('"n":"', '"n":')

    wait_for(there, seconds, f"block {number} of {dataset}")
