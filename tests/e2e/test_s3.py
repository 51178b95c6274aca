# Copyright 2026 The Amp Authors
# SPDX-License-Identifier: Apache-2.0
"""data_dir in a bucket of a real S3 server: the same results as on disk."""
import os
import subprocess
import sys

import pytest
from kit import paths
from kit.ampd import Ampd
from kit.chains import Anvil, Population
from kit.cluster import Cluster, assert_chain, await_block
from kit.process import wait_for
from kit.s3 import SECRET, ScratchS3
from pyarrow import fs


@pytest.fixture(scope="module")
def s3():
    if paths.versitygw() is None:
        pytest.skip("needs versitygw, and building it needs Go on the PATH")
    server = ScratchS3()
    yield server
    server.stop()


@pytest.fixture
def bucket(s3, monkeypatch, request):
    for name, value in s3.environment().items():
        monkeypatch.setenv(name, value)
    return s3.new_bucket(f"b{abs(hash(request.node.name)) % 10**9}")


def test_the_store_keeps_its_contract(s3, bucket):
    url = bucket.replace("s3://", f"s3://{s3.environment()['AWS_ACCESS_KEY_ID']}:{SECRET}@")
    done = subprocess.run([paths.build_dir() / "src" / "storage" / "storage_test", "--gtest_filter=Bucket*"],
                          capture_output=True, text=True, timeout=120, env={**os.environ, "AMP_TEST_BUCKET": url})
    assert done.returncode == 0 and "PASSED" in done.stdout, done.stdout[-3000:] + done.stderr[-2000:]
    assert "ObjectStoreContract" in done.stdout


def test_a_dump_into_a_bucket_gives_the_same_answers(replay, anvil_chain, dumped, bucket, tmp_path):
    ampd = Ampd(tmp_path / "base", settings=[f"data_dir={bucket}"])
    done = ampd.dump("anvil", replay.url, anvil_chain.head)
    assert SECRET not in done.text
    assert not list((tmp_path / "base").glob("**/*.parquet"))
    queries = ("SELECT count(*) AS n, sum(gas_used) AS gas FROM anvil.blocks",
               "SELECT count(*) AS n, sum(gas_used) AS gas FROM anvil.transactions",
               "SELECT * FROM anvil.logs ORDER BY block_num, log_index LIMIT 50")
    with ampd.serve() as ours, dumped.serve() as theirs:
        for query in queries:
            assert ours.table(query).equals(theirs.table(query)), query


def test_the_demo_runs_on_a_bucket(s3, bucket):
    done = subprocess.run([sys.executable, paths.ROOT / "scripts" / "demo.py", "--data-dir", bucket], capture_output=True,
                          text=True, timeout=120)
    assert done.returncode == 0 and "Everything is stopped" in done.stdout, done.stdout[-3000:] + done.stderr[-2000:]
    name = bucket.removeprefix("s3://").partition("?")[0]
    stored = s3.files.get_file_info(fs.FileSelector(name, recursive=True))
    assert sum(one.path.endswith(".parquet") for one in stored) >= 3


def test_a_cluster_on_a_bucket_outlives_its_restart(s3, bucket, postgres, tmp_path):
    node = Anvil(Population(accounts=3, contracts=1))
    node.mine(40)
    url = postgres.new_database(f"s{abs(hash(tmp_path)) % 10**9}")
    with Cluster(tmp_path / "base", url, settings=[f"data_dir={bucket}"]) as cluster:
        cluster.callback(node.stop)
        cluster.controller()
        workers = {name: cluster.worker(name) for name in ("w1", "w2", "w3")}
        servers = [cluster.server(), cluster.server()]
        cluster.admin.add_provider("node", "anvil", node.url)
        job = cluster.admin.dump("anvil")
        for server in servers:
            await_block(server, "anvil", 40)
        owner = wait_for(lambda: next((n for kind, n in cluster.admin.running(job) if kind == "tip"), None), 30, "tip")
        workers[owner].kill()
        s3.restart(lambda: node.mine(3))
        for server in servers:
            await_block(server, "anvil", 43, 90)
            assert_chain(server, node, "anvil")


def test_what_cannot_be_used_is_named_without_secrets(s3, bucket, tmp_path, replay):
    absent = bucket.replace("s3://", "s3://absent-")
    done = Ampd(tmp_path / "a", settings=[f"data_dir={absent}"]).try_dump("anvil", replay.url, 5)
    assert done.code != 0 and "absent-" in done.error, done.text
    wrong = bucket.replace("s3://", "s3://AKEY:wr0ngs3cret@")
    done = Ampd(tmp_path / "b", settings=[f"data_dir={wrong}"]).try_dump("anvil", replay.url, 5)
    assert done.code != 0 and "wr0ngs3cret" not in done.text, done.text
