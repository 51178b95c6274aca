# Copyright 2026 The Amp Authors
# SPDX-License-Identifier: Apache-2.0
"""A dump that is killed at any moment and run again answers queries exactly like one that was left alone."""
import concurrent.futures
import hashlib
import random
import signal
import subprocess
import threading
import time

import pytest
from kit import schemas
from kit.ampd import Ampd
from kit.process import cpu_seconds, wait_for
from kit.proxy import Proxy, block_number
from kit.replay import Replay, write_corpus

KILLS = 50
LAST = 119
# Small shards: many commits, so that a kill falls before, between and inside them.
SMALL_STEPS = ("-j", 4, "--set", "jobs.shard_blocks=8", "--progress", "none")


def answers(ampd: Ampd) -> dict:
    """A digest of the full answer of each table, byte for byte as sent over HTTP."""
    digests = {}
    with ampd.serve("--jsonl-server", "--flight-server") as server:
        for table, columns in schemas.SORTED_BY.items():
            response = server.post(f"SELECT * FROM anvil.{table} ORDER BY {', '.join(columns)}")
            assert response.status_code == 200, response.text
            digests[table] = (response.text.count("\n"), hashlib.sha256(response.content).hexdigest())
    return digests


@pytest.fixture(scope="module")
def slow_replay(anvil_chain, tmp_path_factory):
    """A node with some latency, so that a dump of this size lasts long enough to be hit in all its parts."""
    folder = tmp_path_factory.mktemp("slow")
    write_corpus(folder / "chain.jsonl", anvil_chain.blocks[:LAST + 1])
    with Replay(folder / "chain.jsonl", cache=folder / "chain.replay", chain_id=31337, latency_ms=5) as server:
        yield server


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_fifty_kills(slow_replay, anvil_chain, tmp_path):
    clean = Ampd(tmp_path / "clean")
    started = time.monotonic()
    clean.dump("anvil", slow_replay.url, LAST, *SMALL_STEPS)
    duration = time.monotonic() - started
    expected = answers(clean)
    assert expected["blocks"][0] == LAST + 1
    moments = random.Random(20)

    def killed_and_resumed(trial: int, delay: float) -> bool:
        ampd = Ampd(tmp_path / f"trial{trial}")
        process = ampd.start_dump("anvil", slow_replay.url, LAST, *SMALL_STEPS)
        try:
            process.popen.wait(delay)
        except subprocess.TimeoutExpired:
            pass
        was_running = process.popen.poll() is None
        process.kill()
        ampd.dump("anvil", slow_replay.url, LAST, *SMALL_STEPS)
        assert answers(ampd) == expected, f"trial {trial}, killed after {delay:.3f} s"
        return was_running

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        delays = [moments.uniform(0.02, duration) for _ in range(KILLS)]
        hit = list(pool.map(killed_and_resumed, range(KILLS), delays))
    assert sum(hit) > KILLS / 2, "most dumps had ended before they were killed: the delays are too long"


def test_killed_many_times_in_a_row(slow_replay, tmp_path):
    """Each run gets a little further than the one before, or not."""
    clean = Ampd(tmp_path / "clean")
    clean.dump("anvil", slow_replay.url, LAST, *SMALL_STEPS)
    ampd = Ampd(tmp_path / "killed")
    moments = random.Random(7)
    for _ in range(8):
        process = ampd.start_dump("anvil", slow_replay.url, LAST, *SMALL_STEPS)
        try:
            process.popen.wait(moments.uniform(0.05, 0.5))
        except subprocess.TimeoutExpired:
            pass
        process.kill()
    ampd.dump("anvil", slow_replay.url, LAST, *SMALL_STEPS)
    assert answers(ampd) == answers(clean)


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_commits_what_is_complete(replay, anvil_chain, ampd, number, code):
    held_from = 60
    with Proxy(replay.url, hold=lambda method, params: (block_number(params) or 0) >= held_from) as proxy:
        process = ampd.start_dump("anvil", proxy.url, anvil_chain.head, "-j", 1)
        assert proxy.holding.wait(30), process.output
        idle = threading.Event()

        def has_nothing_to_do():
            before = cpu_seconds(process.pid)
            idle.wait(0.3)
            return cpu_seconds(process.pid) - before <= 0.02

        wait_for(has_nothing_to_do, 30, "the end of all work that can be done")
        process.signal(number)
        assert process.wait(30) == code, process.output
    with ampd.serve() as server:
        stored = [row["block_num"] for row in server.lines("SELECT block_num FROM anvil.blocks ORDER BY 1")]
    assert stored and stored == list(range(stored[-1] + 1)) and stored[-1] < held_from
    ampd.dump("anvil", replay.url, anvil_chain.head)
    with ampd.serve() as server:
        assert server.value("SELECT count(*) FROM anvil.blocks") == anvil_chain.head + 1


def test_a_second_run_has_nothing_to_do(replay, anvil_chain, ampd):
    ampd.dump("anvil", replay.url, anvil_chain.head)
    before = {file: file.stat().st_mtime_ns for file in ampd.files()}
    with Proxy(replay.url) as proxy:
        ampd.dump("anvil", proxy.url, anvil_chain.head)
        assert proxy.calls < 20, "it fetched blocks again"
    assert {file: file.stat().st_mtime_ns for file in ampd.files()} == before


def test_a_larger_end_continues(replay, anvil_chain, ampd):
    for end in (10, 11, 200, anvil_chain.head):
        ampd.dump("anvil", replay.url, end)
        with ampd.serve() as server:
            assert server.table("SELECT count(*) AS n, max(block_num) AS top FROM anvil.blocks").to_pylist() == [
                {"n": end + 1, "top": end}]


def test_two_dumps_of_one_dataset_exclude_each_other(replay, anvil_chain, ampd):
    with Proxy(replay.url, hold=lambda method, params: (block_number(params) or 0) >= 100) as proxy:
        with ampd.start_dump("anvil", proxy.url, anvil_chain.head) as first:
            assert proxy.holding.wait(30), first.output
            second = ampd.try_dump("anvil", replay.url, anvil_chain.head, seconds=60)
            assert second.code == 3, second.text
            assert "anvil" in second.error, second.error
            proxy.release()
            assert first.wait(60) == 0, first.output
    with ampd.serve() as server:
        assert server.value("SELECT count(*) FROM anvil.blocks") == anvil_chain.head + 1
