# Copyright 2026 The Amp Authors
# SPDX-License-Identifier: Apache-2.0
"""Recorded chains through the replay server: every fork's form of a block, and real mainnet blocks."""
import json

import pytest
import zstandard
from kit import mapping
from kit.compare import assert_same_rows, read_parquet
from kit.replay import Replay, write_corpus
from kit.rpc import read_corpus


def check(ampd, expected):
    for table, rows in expected.items():
        assert_same_rows(read_parquet(ampd.files(table), table), rows, table)


@pytest.mark.slow
def test_every_fork_from_frontier_on(shared_data, ampd, tmp_path):
    """55 blocks over all forks: receipts with `root`, uncles, every transaction type, and a block of 21 MB."""
    corpus = shared_data / "execution-apis-chain.jsonl.zst"
    chain = list(read_corpus(corpus))
    expected = mapping.expected_tables(chain)
    assert any(row for row in expected["transactions"].column("state_root").to_pylist())
    assert any(expected["blocks"].column("uncle_hashes").to_pylist())
    manifest = ampd.manifest("every_fork", "execution_apis")
    with Replay(corpus, cache=tmp_path / "replay") as replay:
        ampd.dump(manifest, replay.url, len(chain) - 1)
    check(ampd, expected)
    with ampd.serve() as server:
        for table, rows in expected.items():
            assert server.value(f"SELECT count(*) FROM every_fork.{table}") == rows.num_rows


@pytest.mark.parametrize("number", [2_000_000, 22_119_617])
def test_a_real_mainnet_block(shared_data, ampd, tmp_path, number):
    with zstandard.open(shared_data / "real-blocks.jsonl.zst", "rt", encoding="utf-8") as lines:
        entries = [json.loads(line) for line in lines]
    name = f"ethereum/native_block_{number}.json"
    [entry] = [e for e in entries if e["source"].endswith(name)]
    chain = [(entry["block"], entry["receipts"])]
    corpus = tmp_path / "block.jsonl"
    write_corpus(corpus, chain)
    manifest = ampd.manifest("one_block", "mainnet", start_block=number)
    with Replay(corpus, cache=tmp_path / "replay", chain_id=1) as replay:
        ampd.dump(manifest, replay.url, number)
    check(ampd, mapping.expected_tables(chain))


@pytest.mark.slow
def test_a_repeated_corpus_still_verifies(shared_data, ampd, tmp_path):
    """The benchmark's chain: 20 recorded blocks continued to 60 under new numbers and hashes."""
    with Replay(shared_data / "mainnetlike-20.jsonl.zst", cache=tmp_path / "replay", repeat_to=60) as replay:
        ampd.dump("eth_mainnet", replay.url, 60)
    blocks = read_parquet(ampd.files("blocks"), "blocks")
    assert blocks.column("_block_num").to_pylist() == list(range(61))
    hashes = blocks.column("hash").to_pylist()
    assert blocks.column("parent_hash").to_pylist()[1:] == hashes[:-1]
    assert len(set(hashes)) == 61
