# Copyright 2026 The Amp Authors
# SPDX-License-Identifier: Apache-2.0
"""Controller, workers and servers as processes of their own on one PostgreSQL, and what happens when they die."""
import signal

import pytest
import requests
from kit.chains import Anvil, Population
from kit.cluster import Cluster, assert_chain, await_block
from kit.postgres import ScratchPostgres
from kit.process import wait_for
from kit.proxy import Proxy
from kit.relay import Relay

BLOCKS = 60


@pytest.fixture
def node():
    chain = Anvil(Population(accounts=3, contracts=1))
    chain.mine(BLOCKS)
    yield chain
    chain.stop()


@pytest.fixture
def cluster(postgres, tmp_path):
    url = postgres.new_database(f"c{abs(hash(tmp_path)) % 10**9}")
    with Cluster(tmp_path / "base", url) as made:
        yield made


@pytest.fixture
def following(cluster, node):
    """Controller, server, workers w1 and w2, and a job that follows the node; all blocks are there."""
    cluster.controller()
    cluster.workers = {name: cluster.worker(name) for name in ("w1", "w2")}
    cluster.query = cluster.server()
    cluster.admin.add_provider("node", "anvil", node.url)
    cluster.job = cluster.admin.dump("anvil")
    await_block(cluster.query, "anvil", BLOCKS)
    return cluster


def tip_owner(cluster):
    def owner():
        return next((name for kind, name in cluster.admin.running(cluster.job) if kind == "tip"), None)

    return wait_for(owner, 30, "an owner of the tip")


def head_of(node):
    return int(node.rpc.call("eth_blockNumber"), 16)


def test_the_sequence_of_the_documentation(cluster):
    node = Anvil(Population(accounts=3, contracts=1), chain_id=1)
    cluster.callback(node.stop)
    node.mine(300)
    assert cluster.ampd.run("migrate").code == 0
    cluster.controller()
    cluster.worker("worker-01")
    cluster.worker("worker-02")
    server = cluster.server()
    admin = cluster.admin
    assert admin.get("/datasets") == {"datasets": []}
    admin.add_provider("mine", "mainnet", node.url)
    job = admin.dump("eth_mainnet", end_block=300)
    done = admin.await_job(job)
    assert done["progress"]["percent"] == 100.0
    assert done["progress"]["blocks_done"] == done["progress"]["blocks_total"] == 301
    assert {table["rows"] for name, table in done["progress"]["tables"].items() if name == "blocks"} == {301}
    await_block(server, "eth_mainnet", 300)
    assert server.value("SELECT count(*) FROM eth_mainnet.blocks") == 301
    assert_chain(server, node, "eth_mainnet")
    again = admin.send("POST", "/datasets/eth_mainnet/dump", {"end_block": 300}, 202)
    assert again["created"] and again["job_id"] != job
    admin.await_job(again["job_id"])


def test_a_killed_worker_is_replaced(following, node):
    owner = tip_owner(following)
    following.workers[owner].kill()
    node.mine(5)
    await_block(following.query, "anvil", head_of(node))
    assert tip_owner(following) != owner
    assert_chain(following.query, node, "anvil")
    events = following.admin.get(f"/jobs/{following.job}/events?limit=1000")["events"]
    assert "SHARD_LOST" in {event["event_type"] for event in events}
    assert following.admin.workers()[owner]["state"] == "GONE"


def test_a_paused_worker_is_fenced_and_takes_new_work(following, node):
    owner = tip_owner(following)
    following.workers[owner].signal(signal.SIGSTOP)
    node.mine(5)
    await_block(following.query, "anvil", head_of(node))
    following.workers[owner].signal(signal.SIGCONT)
    wait_for(lambda: following.admin.metric("amp_fenced_total", node_id=owner) >= 1, 30, "the fence")
    assert following.admin.workers()[owner]["state"] == "ACTIVE"
    node.mine(5)
    await_block(following.query, "anvil", head_of(node))
    assert_chain(following.query, node, "anvil")


def test_a_drained_worker_hands_over_and_ends(following, node):
    owner = tip_owner(following)
    following.admin.send("POST", f"/workers/{owner}/drain", status=202)
    assert following.workers[owner].wait(30) == 0
    node.mine(3)
    await_block(following.query, "anvil", head_of(node))
    assert following.admin.workers()[owner]["state"] == "GONE"
    following.admin.send("DELETE", f"/workers/{owner}", status=204)
    assert owner not in following.admin.workers()
    other = tip_owner(following)
    assert following.workers[other].stop(30) == 0


def test_reorgs_are_followed(following, node):
    snapshot = node.rpc.call("evm_snapshot")
    node.mine(2)  # of which anvil calls none final, but all of their successors
    await_block(following.query, "anvil", head_of(node))
    node.rpc.call("evm_revert", snapshot)
    node.rpc.call("evm_increaseTime", 50)
    node.mine(5)
    await_block(following.query, "anvil", head_of(node))
    wait_for(lambda: following.query.value(
        f"SELECT count(*) FROM anvil.blocks WHERE block_num = {head_of(node)}") == 1, 30, "the new head")
    assert_chain(following.query, node, "anvil")


def test_jobs_stop_resume_and_go(following, node):
    admin, job = following.admin, following.job
    assert admin.request("DELETE", f"/jobs/{job}").json()["error_code"] == "JOB_CONFLICT"
    assert admin.send("POST", "/datasets/anvil/dump", {}, 202) == {
        "job_id": job, "status": "RUNNING", "dataset": "_/anvil", "manifest_hash": admin.job(job)["manifest_hash"],
        "created": False}
    conflict = admin.request("POST", "/datasets/anvil/dump", {"end_block": 5})
    assert conflict.status_code == 409 and conflict.json()["error_code"] == "ACTIVE_JOB_CONFLICT"
    assert str(job) in conflict.json()["error_message"]
    assert admin.request("DELETE", "/datasets/_/anvil").json()["error_code"] == "DATASET_IN_USE"
    assert admin.send("PUT", f"/jobs/{job}/stop")["status"] in ("STOP_REQUESTED", "STOPPING", "STOPPED")
    admin.await_job(job, "STOPPED")
    assert admin.send("PUT", f"/jobs/{job}/stop")["status"] == "STOPPED"
    node.mine(4)
    admin.send("POST", f"/jobs/{job}/resume", {"end_block": head_of(node)}, 202)
    admin.await_job(job)
    await_block(following.query, "anvil", head_of(node))
    assert_chain(following.query, node, "anvil")
    admin.send("DELETE", f"/jobs/{job}", status=204)
    admin.send("DELETE", f"/jobs/{job}", status=204)
    assert admin.request("GET", f"/jobs/{job}").json()["error_code"] == "JOB_NOT_FOUND"


def test_the_second_controller_takes_over(cluster, node):
    first = cluster.controller()
    first.wait_line("this process schedules now")
    cluster.controller()
    cluster.worker("w1")
    server = cluster.server()
    cluster.admin.add_provider("node", "anvil", node.url)
    first.kill()
    cluster.admin.dump("anvil")
    await_block(server, "anvil", BLOCKS, 60)
    assert cluster.admin.get("/status")["is_leader"]


def test_without_a_provider_a_job_waits_for_one(cluster, node):
    cluster.controller()
    cluster.worker("w1")
    manifest = {"kind": "evm-rpc", "network": "anvil2"}
    cluster.admin.send("POST", "/datasets", {"namespace": "_", "name": "other", "manifest": manifest}, 201)
    job = cluster.admin.dump("other", end_block=10)

    def waits():
        shown = cluster.admin.job(job)
        return shown if shown["status"] == "SCHEDULED" and "retry_at" in shown else None

    assert "anvil2" in wait_for(waits, 30, "a retry")["last_error"]["error_message"]
    cluster.admin.add_provider("late", "anvil2", node.url)
    cluster.admin.await_job(job, seconds=60)


def test_a_postgres_restart_stops_nothing(tmp_path, node):
    postgres = ScratchPostgres()
    try:
        with Cluster(tmp_path / "base", postgres.url) as cluster:
            controller = cluster.controller()
            worker = cluster.worker("w1")
            server = cluster.server()
            cluster.admin.add_provider("node", "anvil", node.url)
            job = cluster.admin.dump("anvil")
            await_block(server, "anvil", BLOCKS)
            postgres.restart()
            node.mine(5)
            await_block(server, "anvil", head_of(node), 60)
            assert_chain(server, node, "anvil")
            assert cluster.admin.job(job)["status"] == "RUNNING"
            assert controller.popen.poll() is None and worker.popen.poll() is None
    finally:
        postgres.stop()


def test_a_second_worker_with_a_live_node_id_is_refused(cluster):
    cluster.worker("w1")
    done = cluster.ampd.run("worker", "--node-id", "w1", seconds=60)
    assert done.code == 3 and '"w1"' in done.error, done.text


def test_work_goes_on_when_a_standby_takes_over(tmp_path, node):
    primary = ScratchPostgres()
    standby = ScratchPostgres(standby_of=primary)
    relay = Relay(primary.port)
    try:
        with Cluster(tmp_path / "base", f"postgresql://amp@127.0.0.1:{relay.port}/postgres") as cluster:
            controller = cluster.controller()
            workers = [cluster.worker(name) for name in ("w1", "w2")]
            cluster.query = cluster.server()
            cluster.admin.add_provider("node", "anvil", node.url)
            cluster.job = cluster.admin.dump("anvil")
            await_block(cluster.query, "anvil", BLOCKS)
            primary.shut_down()
            node.mine(5)
            standby.promote()
            relay.lead_to(standby.port)
            await_block(cluster.query, "anvil", head_of(node), seconds=60)
            assert_chain(cluster.query, node, "anvil")
            assert cluster.admin.job(cluster.job)["status"] == "RUNNING"
            assert all(process.popen.poll() is None for process in (controller, *workers))
    finally:
        relay.close()
        standby.stop()
        primary.stop()


def test_a_server_needs_only_a_user_that_reads(postgres, following, node):
    url = following.url
    schema = postgres.sql("SELECT table_schema FROM information_schema.tables WHERE table_name = 'gc_queue'", url)
    role = f"reader_{abs(hash(url)) % 10**9}"
    postgres.sql(f"CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA {schema} TO {role};"
                 f" GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role}", url)
    server = following.server("--set", f"metadata_db.url={url.replace('//amp@', f'//{role}@')}")
    node.mine(3)
    await_block(server, "anvil", head_of(node))
    assert_chain(server, node, "anvil")


def test_a_shard_that_kills_its_workers_fails_its_job_alone(cluster, node):
    cluster.controller()
    stuck = Proxy(node.url, hold=lambda method, params: method == "eth_getBlockReceipts")
    cluster.callback(stuck.close)
    cluster.admin.add_provider("stuck", "anvil", stuck.url)
    cluster.admin.add_provider("healthy", "elsewhere", node.url)
    manifest = {"kind": "evm-rpc", "network": "elsewhere", "tables": {"blocks": {}}}
    cluster.admin.send("POST", "/datasets", {"namespace": "_", "name": "other", "manifest": manifest}, 201)
    job = cluster.admin.dump("anvil", end_block=20)
    for number in range(3):
        worker = cluster.worker(f"victim{number}")
        wait_for(lambda: cluster.admin.running(job), 30, "the shard on a worker")
        worker.kill()
        wait_for(lambda: not cluster.admin.running(job), 30, "the loss")
    failed = cluster.admin.await_job(job, "FAILED")
    assert failed["last_error"]["error_code"] == "POISON_SHARD" and "0" in failed["last_error"]["error_message"]
    cluster.worker("survivor")
    cluster.admin.await_job(cluster.admin.dump("other", end_block=BLOCKS))
    assert cluster.admin.workers()["survivor"]["state"] == "ACTIVE"


def test_a_server_counts_what_it_answers(following):
    query = following.query
    assert query.value("SELECT count(*) FROM anvil.blocks") == BLOCKS + 1
    assert query.post("SELECT * FROM anvil.nothing").status_code == 404

    def metrics():
        return requests.get(query.url + "/metrics", timeout=10).text

    wait_for(lambda: 'amp_queries_total{interface="flight"} 1' in metrics(), 10, "the count")
    text = metrics()
    assert 'amp_query_rows_total{interface="flight"} 1\n' in text
    assert 'amp_query_errors_total{interface="jsonl",code="' in text
    assert 'amp_http_requests_total{server="jsonl",route="/metrics",status="200"}' in text
    assert 'role="server"' in text and "amp_db_up 1\n" in text
    names = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(names) == len(set(names))
