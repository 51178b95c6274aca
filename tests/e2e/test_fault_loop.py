# Copyright 2026 The Amp Authors
# SPDX-License-Identifier: Apache-2.0
"""Random faults while a chain with reorganisations is followed: at the end the tables are the chain.

AMP_FAULTS=200 AMP_FAULT_SEED=1 pytest test_fault_loop.py runs a long loop; the default is a short one.
"""
import contextlib
import os
import random
import signal

from kit import paths
from kit.chains import Anvil, Population
from kit.cluster import Cluster, assert_chain, await_block
from kit.postgres import ScratchPostgres
from kit.process import wait_for
from kit.relay import Relay
from kit.s3 import ScratchS3

FAULTS = int(os.environ.get("AMP_FAULTS", "8"))
SEED = int(os.environ.get("AMP_FAULT_SEED", "7"))


# What each fault leaves in some log, so that an operator can see it afterwards.
EVIDENCE = {
    "kill_worker": ("a worker's process is gone", "an earlier process has this node id"),
    "stop_worker": ("draining",),
    "pause_worker": ("lost its lease",),
    "restart_postgres": ("the listening connection broke",),
    "cut_connections": ("the listening connection broke",),
    "fail_bucket": ("the bucket did not take requests",),
}


class Loop:
    def __init__(self, cluster, postgres, node, bucket):
        self.cluster, self.postgres, self.node, self.bucket = cluster, postgres, node, bucket
        self.random = random.Random(SEED)
        self.controllers = [cluster.controller(), cluster.controller()]
        self.workers = {name: cluster.worker(name) for name in ("w1", "w2", "w3")}
        self.server = cluster.server()
        cluster.admin.add_provider("node", "anvil", node.url)
        self.job = cluster.admin.dump("anvil")
        self.done = []

    def head(self):
        return int(self.node.rpc.call("eth_blockNumber"), 16)

    def grow(self):
        if self.random.random() < 0.4:
            snapshot = self.node.rpc.call("evm_snapshot")
            self.node.mine(self.random.randint(1, 2))
            if self.random.random() < 0.5:
                await_block(self.server, "anvil", self.head(), 60)
            self.node.rpc.call("evm_revert", snapshot)
            self.node.rpc.call("evm_increaseTime", 50)
            self.node.mine(3)
        else:
            self.node.mine(self.random.randint(1, 4))

    def is_there(self):
        """The newest block of the node is the newest that a query sees."""
        wanted = self.node.rpc.call("eth_getBlockByNumber", "latest", False)
        rows = self.server.post("SELECT block_num, hash FROM anvil.blocks ORDER BY block_num DESC LIMIT 1")
        return rows.status_code == 200 and wanted["hash"][2:] in rows.text

    def kill_worker(self):
        name = self.random.choice(sorted(self.workers))
        self.workers[name].kill()
        self.grow()
        self.workers[name] = self.cluster.worker(name)

    def stop_worker(self):
        name = self.random.choice(sorted(self.workers))
        assert self.workers[name].stop(60) == 0
        self.grow()
        self.workers[name] = self.cluster.worker(name)

    def pause_worker(self):
        name = self.random.choice(sorted(self.workers))
        self.workers[name].signal(signal.SIGSTOP)
        self.grow()
        wait_for(lambda: self.cluster.admin.workers()[name]["state"] == "GONE", 60, "the lease of the paused worker to end")
        self.workers[name].signal(signal.SIGCONT)
        wait_for(lambda: self.cluster.admin.workers()[name]["state"] == "ACTIVE", 60, "the worker to be back")

    def kill_controller(self):
        self.controllers.pop(0).kill()
        self.grow()
        self.controllers.append(self.cluster.controller())

    def restart_postgres(self):
        self.postgres.restart()
        self.grow()

    def cut_connections(self):
        self.postgres.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
                          "AND backend_type = 'client backend'")
        self.grow()

    def fail_bucket(self):
        """The bucket refuses until the job shows it; a client that tries long enough itself hides it."""
        self.bucket.answer_with("503 Slow Down")
        self.node.mine(2)
        with contextlib.suppress(TimeoutError):
            wait_for(lambda: self.cluster.admin.job(self.job).get("last_error"), 3, "an error")
        self.bucket.lead_to(self.bucket.target)

    def step(self):
        faults = [self.kill_worker, self.kill_worker, self.stop_worker, self.pause_worker, self.kill_controller,
                  self.restart_postgres, self.cut_connections]
        fault = self.random.choice(faults + [self.fail_bucket] * (self.bucket is not None))
        self.done.append(fault.__name__)
        fault()
        wait_for(self.is_there, 90, f"the head of the chain after {self.done[-3:]}")


def test_random_faults_leave_the_chain_as_it_is(tmp_path, monkeypatch):
    with contextlib.ExitStack() as stack:
        settings, bucket = [], None
        if paths.versitygw() is not None:  # else the data is on disk, and no bucket fails
            store = ScratchS3()
            stack.callback(store.stop)
            for name, value in store.environment().items():
                monkeypatch.setenv(name, value)
            bucket = Relay(store.port)
            stack.callback(bucket.close)
            url = store.new_bucket("faults").replace(f":{store.port}", f":{bucket.port}")
            settings = [f"data_dir={url}"]
        run_loop(tmp_path, settings, bucket)


def run_loop(tmp_path, settings, bucket):
    postgres = ScratchPostgres()
    node = Anvil(Population(accounts=3, contracts=1))
    node.mine(30)
    try:
        with Cluster(tmp_path / "base", postgres.url, settings) as cluster:
            loop = Loop(cluster, postgres, node, bucket)
            wait_for(loop.is_there, 60, "the first blocks")
            for _ in range(FAULTS):
                loop.step()
            assert_chain(loop.server, node, "anvil")
            logs = "\n".join(process.output for process in cluster.processes)
            unseen = {fault for fault in set(loop.done) - {"kill_controller"}
                      if not any(words in logs for words in EVIDENCE[fault])}
            assert unseen == set()
            if "kill_controller" in loop.done:  # it led, so another one took over
                assert logs.count("this process schedules now") > 1
            assert cluster.admin.job(loop.job)["status"] in ("RUNNING", "SCHEDULED")
    finally:
        node.stop()
        postgres.stop()
