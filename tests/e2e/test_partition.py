# Copyright 2026 The Amp Authors
# SPDX-License-Identifier: Apache-2.0
"""A worker's host is cut off from the rest for 30 s: network namespaces stand for hosts."""
import os
import shutil
import socket
import subprocess
import threading
import time

import pytest
from kit.ampd import Ampd
from kit.chains import Anvil, Population
from kit.cluster import Cluster, assert_chain, await_block
from kit.postgres import ScratchPostgres
from kit.process import wait_for

CUT_SECONDS = 30


def ip(*args):
    subprocess.run(["ip", *args], check=True, capture_output=True, text=True)


class Host:
    """A network namespace with a cable to this host, which has the address `gateway`."""

    def __init__(self, number: int):
        self.name = f"amp{os.getpid() % 10000}n{number}"
        self.cable = f"av{os.getpid() % 10000}n{number}"
        self.gateway, address = f"10.213.{number}.1", f"10.213.{number}.2"
        ip("netns", "add", self.name)
        ip("link", "add", self.cable, "type", "veth", "peer", "name", "eth0", "netns", self.name)
        ip("addr", "add", self.gateway + "/24", "dev", self.cable)
        ip("link", "set", self.cable, "up")
        ip("-n", self.name, "addr", "add", address + "/24", "dev", "eth0")
        ip("-n", self.name, "link", "set", "eth0", "up")
        ip("-n", self.name, "link", "set", "lo", "up")

    def cut(self):
        ip("link", "set", self.cable, "down")

    def join(self):
        ip("link", "set", self.cable, "up")

    def remove(self):
        subprocess.run(["ip", "netns", "del", self.name], check=False, capture_output=True)


def forward(host: str, port: int, target: int):
    """Listens on host:port for ever and passes connections on to a local port."""

    def pump(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def serve(listener):
        while True:
            client, _ = listener.accept()
            upstream = socket.create_connection(("127.0.0.1", target))
            for pair in ((client, upstream), (upstream, client)):
                threading.Thread(target=pump, args=pair, daemon=True).start()

    listener = socket.create_server((host, port))
    threading.Thread(target=serve, args=(listener,), daemon=True).start()
    return listener.getsockname()[1]


@pytest.fixture
def hosts():
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("needs root and ip (iproute2) for network namespaces")
    made = []
    try:
        for number in (1, 2):
            made.append(Host(number))
    except subprocess.CalledProcessError as error:
        for host in made:
            host.remove()
        pytest.skip(f"network namespaces are not allowed here: {error.stderr}")
    yield made
    for host in made:
        host.remove()


def test_a_host_that_is_cut_off_is_replaced_and_comes_back(hosts, tmp_path):
    postgres, node = ScratchPostgres(), Anvil(Population(accounts=3, contracts=1))
    node.mine(40)
    database = int(postgres.url.rpartition(":")[2].split("/")[0])
    rpc = int(node.url.rpartition(":")[2])

    def head():
        return int(node.rpc.call("eth_blockNumber"), 16)

    try:
        with Cluster(tmp_path / "base", postgres.url) as cluster:
            cluster.controller()
            server = cluster.server()
            workers = {}
            for host in hosts:
                port = forward(host.gateway, 0, database)
                forward(host.gateway, rpc, rpc)
                there = Ampd(tmp_path / "base", prefix=["ip", "netns", "exec", host.name],
                             settings=[f"metadata_db.url=postgresql://amp@{host.gateway}:{port}/postgres"])
                # Each host reaches the node by an address of its own.
                environment = {**os.environ, "AMP_PROVIDER__NODE__KIND": "evm-rpc",
                               "AMP_PROVIDER__NODE__NETWORK": "anvil",
                               "AMP_PROVIDER__NODE__URL": f"http://{host.gateway}:{rpc}"}
                process = there.start("worker", "--node-id", host.name, env=environment)
                cluster.callback(process.kill)
                process.wait_line("ready for work")
                workers[host.name] = (host, process)
            cluster.admin.add_provider("near", "anvil", node.url)
            job = cluster.admin.dump("anvil")
            await_block(server, "anvil", 40)

            def owner():
                return next((name for kind, name in cluster.admin.running(job) if kind == "tip"), None)

            first = wait_for(owner, 30, "an owner of the tip")
            host, process = workers[first]
            host.cut()
            cut_at = time.monotonic()
            node.mine(3)
            await_block(server, "anvil", head(), 60)
            print(f"continued elsewhere after {time.monotonic() - cut_at:.1f} s")
            assert owner() not in (None, first)
            while time.monotonic() - cut_at < CUT_SECONDS:
                node.mine(1)
                await_block(server, "anvil", head(), 60)
                time.sleep(1)
            host.join()
            joined_at = time.monotonic()
            wait_for(lambda: cluster.admin.workers()[first]["state"] == "ACTIVE", 120, "the worker to be back")
            print(f"back after {time.monotonic() - joined_at:.1f} s")
            assert process.popen.poll() is None
            wait_for(lambda: cluster.admin.metric("amp_fenced_total", node_id=first) >= 1, 30, "the fence in the metrics")
            node.mine(3)
            await_block(server, "anvil", head(), 60)
            assert_chain(server, node, "anvil")
    finally:
        node.stop()
        postgres.stop()
