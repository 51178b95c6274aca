# Copyright 2026 The Amp Authors
# SPDX-License-Identifier: Apache-2.0
"""The tools of these tests are right: a wrong ruler measures nothing."""
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from kit import compare, jsonl, schemas, synth, verify
from kit.proxy import Proxy, block_number
from kit.replay import Replay, write_corpus
from kit.rpc import Rpc


@pytest.mark.parametrize("fixture", ["anvil_chain", "geth_chain"])
def test_made_chains_are_sound(request, fixture):
    chain = request.getfixturevalue(fixture)
    assert chain.head == 310
    for block, receipts in chain.blocks:
        assert not verify.check(block, receipts or []), block["number"]


def test_the_checks_notice_changes(anvil_chain):
    block, receipts = next(pair for pair in anvil_chain.blocks if pair[1] and pair[1][0]["logs"])
    for field in ("parentHash", "gasUsed", "stateRoot", "logsBloom"):
        assert "header" in verify.check({**block, field: block[field][:-1] + ("0" if block[field][-1] != "0" else "1")}, receipts)
    shorter = [{**receipts[0], "logs": receipts[0]["logs"][:-1]}, *receipts[1:]]
    assert {"receipts"} <= set(verify.check(block, shorter))


def test_the_replay_server_answers_like_the_node(anvil_chain, replay):
    ours = Rpc(replay.url)
    assert list(ours.blocks(range(anvil_chain.head + 1))) == [(b, r or []) for b, r in anvil_chain.blocks]
    assert ours.call("eth_chainId") == anvil_chain.node.rpc.call("eth_chainId")
    for tag in ("latest", "0x10", "0xffffff"):
        assert ours.call("eth_getBlockByNumber", tag, False) == anvil_chain.node.rpc.call("eth_getBlockByNumber", tag, False)


def test_repeated_blocks_are_sound(anvil_chain, tmp_path):
    corpus = tmp_path / "corpus.jsonl"
    write_corpus(corpus, anvil_chain.blocks[:30])
    with Replay(corpus, cache=tmp_path / "cache", repeat_to=75) as server:
        chain = list(Rpc(server.url).blocks(range(76)))
    parent = "0x" + "00" * 32
    for number, (block, receipts) in enumerate(chain):
        assert not verify.check(block, receipts), number
        assert int(block["number"], 16) == number and block["parentHash"] == parent
        parent = block["hash"]
        for item in [*block["transactions"], *receipts, *(log for r in receipts for log in r["logs"])]:
            assert item["blockHash"] == parent and int(item["blockNumber"], 16) == number
    assert chain[:30] == [(b, r or []) for b, r in anvil_chain.blocks[:30]]


def test_the_proxy_alters_and_holds(anvil_chain):
    def alter(method, params, result):
        return "0x7" if method == "eth_blockNumber" else result

    with Proxy(anvil_chain.url, alter=alter) as proxy:
        node = Rpc(proxy.url)
        assert node.head() == 7
        assert node.batch([("eth_blockNumber",), ("eth_chainId",)]) == ["0x7", "0x7a69"]
        assert proxy.calls == 3
    assert block_number(["0x10", True]) == 16 and block_number(["latest", False]) is None


def test_expected_rows_survive_a_file_and_back(anvil_chain, tmp_path):
    """What compare.py does to physical files is undone exactly, for every column."""
    for table, rows in anvil_chain.expected.items():
        physical = pa.schema([f.with_type(schemas.physical(f.type)) for f in rows.schema])
        columns = []
        for field, target in zip(rows.schema, physical, strict=True):
            column = rows.column(field.name)
            nested = pa.types.is_nested(field.type)
            columns.append(pa.array(column.to_pylist(), type=target.type) if nested else column.cast(target.type, safe=False))
        file = tmp_path / f"{table}.parquet"
        pq.write_table(pa.table(columns, schema=physical), file)
        compare.assert_physical_schema(file, table)
        compare.assert_same_rows(compare.read_parquet([file], table), rows, table)
        changed = rows.slice(0, rows.num_rows - 1)
        with pytest.raises(AssertionError, match="rows instead of"):
            compare.assert_same_rows(changed, rows, table)


def test_json_lines_of_every_kind_of_value():
    table = pa.table({"a": pa.array([1, None], pa.uint64()), "b": pa.array([b"\x00\xff", b""]),
                      "t": pa.array([1_750_000_000 * 10**9, 0], schemas.TIMESTAMP),
                      "l": pa.array([[b"\x01" * 32], None], schemas.HASHES)})
    assert jsonl.body(table) == ('{"a":1,"b":"00ff","t":"2025-06-15T15:06:40Z","l":["' + "01" * 32 + '"]}\n'
                                 '{"b":"","t":"1970-01-01T00:00:00Z"}\n')


def test_a_scratch_postgres(postgres):
    assert postgres.sql("SELECT 6 * 7") == "42"
    assert postgres.new_database("another").endswith("/another")


def test_blocks_made_without_a_node_are_sound():
    parent = "0x" + "00" * 32
    for number, (block, receipts) in enumerate(synth.transfer_chain(3, 17, 5)):
        assert not verify.check(block, receipts), number
        assert block["parentHash"] == parent and sum(len(r["logs"]) for r in receipts) == (85 if number else 0)
        parent = block["hash"]
