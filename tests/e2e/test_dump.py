# Copyright 2026 The Amp Authors
# SPDX-License-Identifier: Apache-2.0
"""What a dump stores is what the node says: every column of every row, in the files and through the server."""
import copy

import pyarrow as pa
import pyarrow.compute  # noqa: F401
import pytest
from kit import jsonl, mapping, schemas
from kit.ampd import Ampd
from kit.compare import assert_documented_schema, assert_physical_schema, assert_same_rows, read_parquet
from kit.proxy import Proxy

ORDER = {table: ", ".join(columns) for table, columns in schemas.SORTED_BY.items()}


def check_everything(ampd: Ampd, dataset: str, expected: dict):
    for table, rows in expected.items():
        files = ampd.files(table)
        assert files, f"no file of {table}"
        for file in files:
            assert_physical_schema(file, table)
        assert_same_rows(read_parquet(files, table), rows, f"files of {table}")
    with ampd.serve() as server:
        for table, rows in expected.items():
            query = f"SELECT * FROM {dataset}.{table} ORDER BY {ORDER[table]}"
            answer = server.table(query)
            assert_documented_schema(answer.schema, table)
            assert_same_rows(answer, rows, f"Flight answer of {table}")
            assert server.value(f"SELECT count(*) FROM {dataset}.{table}") == rows.num_rows
            response = server.post(query)
            assert response.status_code == 200, response.text
            assert response.content.decode() == jsonl.body(rows), f"JSON Lines of {table}"


def rows_with(table: pa.Table, column: str) -> int:
    return table.num_rows - table.column(column).null_count


@pytest.mark.slow
def test_every_column_of_a_geth_chain(geth_chain, ampd):
    transactions, logs = geth_chain.expected["transactions"], geth_chain.expected["logs"]
    assert set(transactions.column("type").to_pylist()) == {0, 1, 2, 3, 4}
    assert set(transactions.column("status").to_pylist()) == {True, False}
    for column in ("contract_address", "blob_gas_price", "max_fee_per_gas_overflow", "max_fee_per_blob_gas_overflow",
                   "gas_price_overflow", "effective_gas_price_overflow", "authorization_list",
                   "authorization_list_overflow", "access_list"):
        assert 0 < rows_with(transactions, column) < transactions.num_rows, f"the chain has no {column}"
    assert rows_with(logs, "topic3") and rows_with(logs, "topic0") < logs.num_rows
    assert geth_chain.head >= 300
    ampd.dump("eth_mainnet", geth_chain.url, geth_chain.head, "--n-jobs", 2)
    check_everything(ampd, "eth_mainnet", geth_chain.expected)


@pytest.mark.slow
def test_every_column_of_an_anvil_chain(anvil_chain, ampd):
    assert set(anvil_chain.expected["transactions"].column("type").to_pylist()) == {0, 1, 2, 4}
    ampd.dump("anvil", anvil_chain.url, anvil_chain.head)
    check_everything(ampd, "anvil", anvil_chain.expected)


def test_fields_that_no_column_knows_are_kept(replay, anvil_chain, ampd):
    """What a node adds beyond the standard lands in extra_json, keys sorted, values as sent."""
    def add_fields(method, params, result):
        result = copy.deepcopy(result)
        if method == "eth_getBlockByNumber" and params[1] and int(result["number"], 16) % 2:
            result["zeta"] = {"b": [1, "x"], "a": None}
            for transaction in result["transactions"]:
                transaction["l1Note"] = "0x1"
        if method == "eth_getBlockReceipts":
            for receipt in result[::2]:
                receipt["l1Fee"] = "0xff"
                for log in receipt["logs"]:
                    log["note"] = 7
        return result

    last = 40
    altered = []
    for block, receipts in anvil_chain.blocks[:last + 1]:
        number = block["number"]
        altered.append((add_fields("eth_getBlockByNumber", [number, True], block),
                        add_fields("eth_getBlockReceipts", [number], receipts or [])))
    expected = mapping.expected_tables(altered)
    for table in expected.values():
        assert 0 < table.column("extra_json").null_count < table.num_rows
    with Proxy(replay.url, alter=add_fields) as proxy:
        ampd.dump("anvil", proxy.url, last)
    for table, rows in expected.items():
        assert_same_rows(read_parquet(ampd.files(table), table), rows, table)


def test_end_blocks_relative_to_the_head(replay, anvil_chain, ampd):
    ampd.dump("anvil", replay.url, -300)
    assert read_parquet(ampd.files("blocks"), "blocks").num_rows == anvil_chain.head - 300 + 1
    ampd.dump("anvil", replay.url, "latest")
    assert_same_rows(read_parquet(ampd.files("blocks"), "blocks"), anvil_chain.expected["blocks"], "blocks")


def test_a_manifest_can_select_tables(replay, anvil_chain, ampd):
    manifest = ampd.manifest("only_logs", "anvil", tables={"logs": {}})
    ampd.dump(manifest, replay.url, 100)
    assert not ampd.files("blocks") and not ampd.files("transactions")
    logs = anvil_chain.expected["logs"]
    wanted = logs.filter(pa.compute.less_equal(logs.column("_block_num"), 100))
    assert_same_rows(read_parquet(ampd.files("logs"), "logs"), wanted, "logs")


def test_two_datasets_at_once(replay, anvil_chain, ampd):
    manifest = ampd.manifest("second", "anvil", start_block=50)
    ampd.dump(f"anvil,{manifest}", f"evm-rpc:anvil={replay.url}", 80)
    with ampd.serve() as server:
        assert server.value("SELECT count(*) FROM anvil.blocks") == 81
        assert server.table("SELECT min(block_num) AS a, max(block_num) AS b, count(*) AS n FROM second.blocks"
                            ).to_pylist() == [{"a": 50, "b": 80, "n": 31}]
