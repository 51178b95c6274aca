#!/usr/bin/env python3
# Copyright 2026 The Amp Authors
# SPDX-License-Identifier: Apache-2.0
"""What a cluster on one PostgreSQL costs and gives: one worker against two, and the load of idle workers.

    bench/cluster.py [--blocks 40000] [--workers 100] [--jobs 20]

The node is the replay server with 50 ms latency; each worker may have 8 requests of 10 blocks under way, as a
provider that limits connections would allow. Prints seconds and ratios; higher ratios of two workers are better.
"""
import argparse
import contextlib
import json
import pathlib
import tempfile
import time

import benchkit

benchkit.enter()
from kit.chains import Anvil, Population  # noqa: E402
from kit.cluster import Cluster  # noqa: E402
from kit.postgres import ScratchPostgres  # noqa: E402
from kit.replay import Replay, write_corpus  # noqa: E402

LATENCY_MS = 50
MANIFEST = {"kind": "evm-rpc", "network": "anvil", "tables": {"blocks": {}}}


def corpus(folder):
    node = Anvil(Population(accounts=3, contracts=1))
    node.mine(200)
    path = folder / "chain.jsonl"
    write_corpus(path, node.rpc.blocks(range(201)))
    node.stop()
    return path


def extract(folder, postgres, url, blocks, workers) -> float:
    database = postgres.new_database(f"w{workers}x{time.monotonic_ns()}")
    with Cluster(folder / f"cluster{time.monotonic_ns()}", database) as cluster:
        cluster.controller()
        for number in range(workers):
            cluster.worker(f"w{number}", "--slots", "1")
        cluster.admin.send("PUT", "/providers/replay", {
            "kind": "evm-rpc", "network": "anvil", "url": url, "concurrent_request_limit": 8, "rpc_batch_size": 20})
        cluster.admin.send("POST", "/datasets", {"namespace": "_", "name": "chain", "manifest": MANIFEST}, 201)
        started = time.monotonic()
        job = cluster.admin.dump("chain", end_block=blocks - 1)
        cluster.admin.await_job(job, seconds=600)
        return time.monotonic() - started


def load(folder, postgres, workers, jobs=0, seconds=20) -> float:
    """Transactions per second, as the server counts them, of workers that have nothing to do but `jobs` jobs that follow
    a chain with a block every two seconds."""
    database = postgres.new_database(f"load{time.monotonic_ns()}")
    name = database.rpartition("/")[2]

    def transactions():
        return int(postgres.sql(f"SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = '{name}'"))

    with Cluster(folder / f"load{jobs}", database) as cluster, contextlib.ExitStack() as stack:
        cluster.controller()
        if jobs:
            node = Anvil(Population(accounts=3, contracts=1))
            stack.callback(node.stop)
            node.rpc.call("evm_setIntervalMining", 2)
            cluster.admin.add_provider("node", "anvil", node.url)
        for number in range(workers):
            cluster.worker(f"w{number}", "--slots", "1")
        for number in range(jobs):
            manifest = {**MANIFEST, "start_block": number}  # each a dataset of its own
            cluster.admin.send("POST", "/datasets", {"namespace": "_", "name": f"d{number}", "manifest": manifest}, 201)
            cluster.admin.dump(f"d{number}")
        time.sleep(3 + jobs / 2)  # what a start costs is over
        before, began = transactions(), time.monotonic()
        time.sleep(seconds)
        connections = postgres.sql(f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}'")
        print(f"connections of {workers} workers and a controller: {connections}")
        return (transactions() - before) / (time.monotonic() - began)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--blocks", type=int, default=40_000)
    arguments.add_argument("--workers", type=int, default=100)
    arguments.add_argument("--jobs", type=int, default=20)
    wanted = arguments.parse_args()
    benchkit.build("ampd", "replay_server")
    postgres = ScratchPostgres(max_connections=2000)
    try:
        with tempfile.TemporaryDirectory(prefix="amp-bench-") as name:
            folder = pathlib.Path(name)
            with Replay(corpus(folder), cache=folder / "cache", chain_id=31337, repeat_to=wanted.blocks,
                        latency_ms=LATENCY_MS) as node:
                one = extract(folder, postgres, node.url, wanted.blocks, 1)
                two = extract(folder, postgres, node.url, wanted.blocks, 2)
                print(f"{wanted.blocks} blocks: 1 worker {one:.2f} s, 2 workers {two:.2f} s, ratio {one / two:.2f}")
            rate = load(folder, postgres, wanted.workers)
            print(f"{wanted.workers} idle workers and a controller: {rate:.0f} transactions/s")
            busy = load(folder, postgres, wanted.workers, wanted.jobs)
            print(f"the same with {wanted.jobs} jobs that follow a chain: {busy:.0f} transactions/s")
            print(json.dumps({"one_worker_s": round(one, 2), "two_workers_s": round(two, 2),
                              "ratio": round(one / two, 2), "idle_transactions_per_s": round(rate),
                              "transactions_per_s_with_jobs": round(busy)}))
    finally:
        postgres.stop()


if __name__ == "__main__":
    main()
