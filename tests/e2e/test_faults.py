# Copyright 2026 The Amp Authors
# SPDX-License-Identifier: Apache-2.0
"""Lying nodes, broken surroundings and mistakes of the user: nothing wrong is stored, and the error says what to do."""
import contextlib
import copy
import os
import re
import socket
import sqlite3
import subprocess

import pytest
from kit.ampd import Ampd
from kit.compare import assert_same_rows, read_parquet
from kit.process import free_port
from kit.proxy import Proxy, block_number

LAST = 60


# ------------------------------------------------------------------------------------------------------ lying nodes

def drop_log(block, receipts):
    next(r for r in reversed(receipts) if r["logs"])["logs"].pop()


def flip_data(block, receipts):
    log = next(log for r in receipts for log in r["logs"] if len(log["data"]) > 4)
    digit = log["data"][-1]
    log["data"] = log["data"][:-1] + ("0" if digit != "0" else "1")


def change_status(block, receipts):
    receipts[0]["status"] = "0x0" if receipts[0]["status"] == "0x1" else "0x1"


def change_parent(block, receipts):
    block["parentHash"] = "0x" + "11" * 32


def change_value(block, receipts):
    block["transactions"][0]["value"] = hex(int(block["transactions"][0]["value"], 16) + 1)


LIES = {
    "a log is missing": (drop_log, r"receipts|bloom"),
    "a byte of data is another": (flip_data, r"receipts"),
    "a status is another": (change_status, r"receipts"),
    "the parent hash is wrong": (change_parent, r"header|parent"),
    "a value is another": (change_value, r"transactions|transaction hash"),
}


def suitable_block(chain) -> int:
    """A block in the middle of the range that has transactions and a log with data."""
    return next(
        number for number in range(LAST // 2, LAST)
        if any(len(log["data"]) > 4 for r in chain.blocks[number][1] or [] for log in r["logs"]))


def liar(upstream, number, lie) -> Proxy:
    def alter(method, params, result):
        by_hash = method in ("eth_getBlockReceipts", "eth_getBlockByHash") and block_number(params) is None
        about = int(result[0]["blockNumber"], 16) if by_hash and isinstance(result, list) and result else None
        if number not in (block_number(params), about) or method not in ("eth_getBlockByNumber", "eth_getBlockReceipts"):
            return result
        result = copy.deepcopy(result)
        block, receipts = (result, None) if isinstance(result, dict) else (None, result)
        with contextlib.suppress(TypeError):  # the lie is about the other half
            lie(block, receipts)
        return result

    return Proxy(upstream, alter=alter)


@pytest.fixture(scope="module")
def lied_to(replay, anvil_chain, tmp_path_factory):
    """One dump per lie, all at the same time: each takes as long as the repeated fetches of a bad block."""
    number = suitable_block(anvil_chain)
    runs = {}
    with contextlib.ExitStack() as stack:
        for name, (lie, _) in LIES.items():
            proxy = stack.enter_context(liar(replay.url, number, lie))
            ampd = Ampd(tmp_path_factory.mktemp("lie"))
            process = stack.enter_context(ampd.start_dump("anvil", proxy.url, LAST, "--max-attempts", 1, "-j", 1))
            runs[name] = (ampd, proxy, process)
        yield number, runs


@pytest.mark.slow
@pytest.mark.parametrize("name", LIES)
def test_an_altered_answer_is_never_stored(lied_to, anvil_chain, name):
    number, runs = lied_to
    ampd, proxy, process = runs[name]
    assert process.wait(120) == 1, process.output
    error = process.output.strip().splitlines()[-1]
    assert error.startswith("Exiting with error: "), error
    assert re.search(rf"\b{number}\b", error) and re.search(LIES[name][1], error), error
    for table in ("blocks", "transactions", "logs"):
        stored = read_parquet(ampd.files(table), table).column("_block_num").to_pylist()
        assert number not in stored, f"{table} holds the altered block"
    # The node turns honest: what is missing is fetched, and everything is right.
    proxy.alter = None
    ampd.dump("anvil", proxy.url, LAST)
    with ampd.serve() as server:
        for table, rows in anvil_chain.expected.items():
            wanted = sum(n <= LAST for n in rows.column("_block_num").to_pylist())
            assert server.value(f"SELECT count(*) FROM anvil.{table}") == wanted
    blocks = anvil_chain.expected["blocks"].slice(0, LAST + 1)
    assert_same_rows(read_parquet(ampd.files("blocks"), "blocks"), blocks, "blocks")


# ------------------------------------------------------------------------------------------------- mistakes of users

def check_failure(done, code, *patterns):
    assert done.code == code, f"ended with {done.code}:\n{done.text[-3000:]}"
    assert done.error.startswith("Exiting with error: ") or code == 2, done.error
    for pattern in patterns:
        assert re.search(pattern, done.error, re.I), f"{pattern!r} is not in: {done.error}\n{done.text[-3000:]}"


def test_derived_datasets_are_not_built_yet(replay, ampd):
    with Proxy(replay.url) as proxy:
        done = ampd.try_dump("eth_mainnet,uniswap_v3", proxy.url, 10)
        assert proxy.calls == 0, "it talked to the node"
    assert done.code in (1, 2)
    assert "uniswap_v3" in done.error and re.search(r"derived", done.error, re.I), done.text
    assert not ampd.files()


def test_an_unknown_dataset_is_answered_with_the_nearest(replay, ampd):
    check_failure(ampd.try_dump("eth_mainet", replay.url, 10), 1, "eth_mainet", r"\beth_mainnet\b")


def test_a_wrong_chain_is_refused_with_both_ids(replay, ampd):
    check_failure(ampd.try_dump("eth_mainnet", replay.url, 10), 1, r"\b31337\b", r"\b1\b", "mainnet")
    assert not ampd.files()


@pytest.mark.slow
def test_an_unreachable_node_is_named(ampd):
    port = free_port()
    done = ampd.try_dump("anvil", f"http://127.0.0.1:{port}", 10, "--max-attempts", 1)
    check_failure(done, 1, rf"127\.0\.0\.1:{port}")


@pytest.mark.parametrize("text, pattern", [
    ("{", "json"),
    ('{"kind": "evm-rpc"}', "network"),
    ('{"kind": "evm-rpc", "network": "anvil", "tables": {"block": {}}}', r"\bblocks?\b"),
    ('{"kind": "tape", "network": "anvil"}', "kind"),
])
def test_a_bad_manifest_says_what_is_wrong(replay, ampd, text, pattern):
    path = ampd.folder / "mine.json"
    path.write_text(text)
    done = ampd.try_dump(str(path), replay.url, 10)
    assert done.code in (1, 2), done.text
    assert "mine" in done.error and re.search(pattern, done.error, re.I), done.error
    assert not ampd.files()


def test_a_bad_configuration_key_is_answered_with_the_nearest(replay, ampd):
    (ampd.folder / "amp.toml").write_text('[writer]\ncompresion = "snappy"\n')
    done = ampd.try_dump("anvil", replay.url, 10)
    assert done.code == 2, done.text
    assert "compresion" in done.text and "writer.compression" in done.text and "amp.toml" in done.text, done.text
    assert not (ampd.folder / "data").exists()


@pytest.mark.parametrize("arguments, pattern", [
    (["dump"], "dataset"),
    (["dmp", "--dataset", "anvil"], "dump"),
    (["dump", "--dataset", "anvil", "--n-job", "2"], "n-jobs"),
    (["dump", "--dataset", "anvil", "--n-jobs", "many"], "n-jobs"),
    (["dump", "--dataset", "anvil", "--set", "writer.bytes=lots"], r"writer\.bytes"),
])
def test_usage_errors_end_with_two(ampd, arguments, pattern):
    done = ampd.run(*arguments)
    assert done.code == 2, done.text
    assert re.search(pattern, done.text), done.text


def test_an_end_below_the_start_names_both(replay, ampd):
    manifest = ampd.manifest("late", "anvil", start_block=100)
    check_failure(ampd.try_dump(manifest, replay.url, 50), 2, r"\b100\b", r"\b50\b")
    assert not ampd.files()


# ------------------------------------------------------------------------------------------------ broken surroundings

def without_privileges() -> list:
    """A prefix under which root is an ordinary user who owns nothing that others may not write."""
    if os.getuid() != 0:
        return []
    drop = "-dac_override,-dac_read_search,-fowner,-chown"
    return ["setpriv", f"--bounding-set={drop}", f"--inh-caps={drop}"]


def test_no_write_permission_names_the_folder(replay, tmp_path):
    folder = tmp_path / "readonly"
    folder.mkdir()
    if os.getuid() == 0:
        os.chown(folder, 65534, 65534)
    folder.chmod(0o555)
    try:
        done = Ampd(folder, prefix=without_privileges()).run("dump", "--dataset", "anvil", "--provider-url", replay.url,
                                                             "--end-block", "10")
        check_failure(done, 1, "permission denied", "readonly")
    finally:
        folder.chmod(0o755)


def test_a_full_disk_is_an_error_and_no_loss(replay, anvil_chain, tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = os.getuid() == 0 and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=640k", "tmpfs", folder], capture_output=True, check=False).returncode == 0
    if not mounted:
        pytest.skip("needs the right to mount a small file system")
    try:
        ampd = Ampd(folder)
        done = ampd.try_dump("anvil", replay.url, anvil_chain.head, "--max-attempts", 1, "--set", "jobs.shard_blocks=40")
        check_failure(done, 1, r"no space left|disk.*full|full.*disk")
        subprocess.run(["mount", "-o", "remount,size=64m", folder], check=True)
        ampd.dump("anvil", replay.url, anvil_chain.head)
        for table, rows in anvil_chain.expected.items():
            with ampd.serve() as server:
                assert server.value(f"SELECT count(*) FROM anvil.{table}") == rows.num_rows
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_a_newer_metadata_schema_is_refused(replay, ampd):
    ampd.dump("anvil", replay.url, 5)
    store = ampd.folder / "data" / "metadata.db"
    with contextlib.closing(sqlite3.connect(store)) as connection, connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(schema_version)")]
        newest = dict(zip(columns, connection.execute("SELECT * FROM schema_version ORDER BY version DESC").fetchone(),
                          strict=True))
        newest |= {"version": 999, "name": "from the future"}
        marks = ", ".join("?" * len(columns))
        connection.execute(f"INSERT INTO schema_version ({', '.join(columns)}) VALUES ({marks})", list(newest.values()))
    before = len(ampd.files())
    check_failure(ampd.try_dump("anvil", replay.url, 10), 1, r"\b999\b", "schema")
    check_failure(ampd.run("server", "--flight-addr", "127.0.0.1:0", "--jsonl-addr", "127.0.0.1:0"), 1, r"\b999\b")
    assert len(ampd.files()) == before


@pytest.mark.parametrize("interface", ["flight", "jsonl"])
def test_a_port_in_use_is_named(dumped, interface):
    other = "jsonl" if interface == "flight" else "flight"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = dumped.run("server", f"--{interface}-addr", f"127.0.0.1:{port}", f"--{other}-addr", "127.0.0.1:0", seconds=30)
    check_failure(done, 1, rf"\b{port}\b", "in use|bind|listen")
