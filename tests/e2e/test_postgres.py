# Copyright 2026 The Amp Authors
# SPDX-License-Identifier: Apache-2.0
"""The metadata store on PostgreSQL behaves like the embedded one."""
import pytest
from kit.ampd import Ampd
from kit.process import free_port, wait_for

QUERIES = (
    "SELECT count(*) AS n, sum(gas_used) AS gas FROM anvil.blocks",
    "SELECT count(*) AS n, sum(gas_used) AS gas FROM anvil.transactions",
    "SELECT count(*) AS n, min(block_num) AS first, max(block_num) AS last FROM anvil.logs",
)


@pytest.fixture
def on_postgres(postgres, tmp_path) -> Ampd:
    url = postgres.new_database(f"t{abs(hash(tmp_path)) % 10**9}")
    return Ampd(tmp_path / "pg", settings=[f"metadata_db.url={url}"])


def results(ampd) -> list:
    with ampd.serve() as server:
        return [server.table(query).to_pylist() for query in QUERIES]


def test_the_same_answers_as_on_sqlite(replay, anvil_chain, dumped, on_postgres):
    on_postgres.dump("anvil", replay.url, anvil_chain.head)
    assert not (on_postgres.folder / "data" / "metadata.db").exists()
    ours = results(on_postgres)
    assert ours == results(dumped)
    blocks = anvil_chain.expected["blocks"]
    assert ours[0] == [{"n": blocks.num_rows, "gas": sum(blocks.column("gas_used").to_pylist())}]


def test_a_server_sees_commits_of_another_process(replay, on_postgres):
    with on_postgres.serve() as server:
        on_postgres.dump("anvil", replay.url, 20)
        wait_for(lambda: server.post("SELECT 1 AS x FROM anvil.blocks LIMIT 1").status_code == 200, 10, "the dataset")
        wait_for(lambda: server.value("SELECT count(*) FROM anvil.blocks") == 21, 10, "the blocks")


def test_resumes(replay, anvil_chain, on_postgres):
    on_postgres.dump("anvil", replay.url, 50)
    on_postgres.dump("anvil", replay.url, anvil_chain.head)
    with on_postgres.serve() as server:
        assert server.value("SELECT count(*) FROM anvil.blocks") == anvil_chain.head + 1


def test_an_unreachable_store_is_named_without_its_password(replay, tmp_path):
    port = free_port()
    ampd = Ampd(tmp_path / "none", settings=[f"metadata_db.url=postgresql://amp:s3cret@127.0.0.1:{port}/none",
                                             "metadata_db.connect_retry_secs=1"])
    done = ampd.try_dump("anvil", replay.url, 5, seconds=60)
    assert done.code == 1, done.text
    assert str(port) in done.text and "s3cret" not in done.text, done.text
