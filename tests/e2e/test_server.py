# Copyright 2026 The Amp Authors
# SPDX-License-Identifier: Apache-2.0
"""The query server as clients meet it: curl and pyarrow, metadata of batches, the gate, snapshots, limits."""
import json
import pathlib
import re
import shutil
import socket
import subprocess
import threading
import time

import pyarrow as pa
import pyarrow.flight as flight
import pytest
import requests
from kit import schemas
from kit.compare import assert_documented_schema
from kit.process import cpu_seconds, peak_rss_mb, rss_mb, wait_for

ZERO_HASH = "0x" + "00" * 32


# ----------------------------------------------------------------------------------------------- as in the README

def test_curl_as_written(server):
    assert shutil.which("curl"), "curl is a prerequisite"
    done = subprocess.run(["curl", "-sS", "-X", "POST", server.url, "--data", "SELECT * FROM anvil.blocks LIMIT 10"],
                          capture_output=True, text=True, check=True, timeout=60)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) == 10
    assert all(re.fullmatch(r"[0-9a-f]{64}", row["hash"]) for row in rows)
    assert list(rows[0])[:4] == ["_block_num", "block_num", "timestamp", "hash"]


def test_pyarrow_as_written(server):
    client = flight.connect(f"grpc://{server.flight_address}")
    table = client.do_get(flight.Ticket("SELECT * FROM anvil.blocks LIMIT 10")).read_all()
    assert table.num_rows == 10
    assert table.schema.field("hash").type == pa.binary(32)
    assert table.schema.field("timestamp").type == pa.timestamp("ns", "+00:00")


@pytest.mark.parametrize("table", schemas.TABLES)
def test_the_schema_of_read_all_is_the_documented_one(server, table):
    assert_documented_schema(server.table(f"SELECT * FROM anvil.{table}").schema, table)


def test_descriptor_and_ticket_agree(server):
    sql = "SELECT hash, gas_used + 1 AS more, timestamp FROM anvil.blocks ORDER BY block_num LIMIT 5"
    descriptor = flight.FlightDescriptor.for_command(sql)
    info = server.client.get_flight_info(descriptor)
    assert len(info.endpoints) == 1 and not info.endpoints[0].locations
    assert info.total_records == -1 and info.total_bytes == -1
    schema = server.client.get_schema(descriptor).schema
    answer = server.client.do_get(info.endpoints[0].ticket).read_all()
    assert info.schema == schema == answer.schema
    assert answer.equals(server.table(sql))


@pytest.mark.parametrize("sql, kind", [
    ("SELECT block_num FROM anvil.blocks", pa.uint64()),
    ("SELECT tx_index FROM anvil.logs", pa.uint32()),
    ("SELECT block_num - 400 FROM anvil.blocks", pa.int64()),
    ("SELECT count(*) FROM anvil.logs", pa.int64()),
    ("SELECT sum(gas_used) FROM anvil.blocks", pa.uint64()),
    ("SELECT max(hash) FROM anvil.blocks", pa.binary(32)),
    ("SELECT value_dec FROM anvil.transactions", pa.decimal128(38, 0)),
    ("SELECT t FROM (SELECT \"from\" AS t FROM anvil.transactions UNION ALL SELECT address FROM anvil.logs) x",
     pa.binary(20)),
])
def test_types_survive_the_query(server, sql, kind):
    assert server.table(sql).schema.field(0).type == kind


def test_the_forms_of_names(server):
    for name in ("anvil.blocks", '"_/anvil".blocks', '"anvil@1.0.0".blocks', '"_/anvil@latest".blocks', "ANVIL.Blocks"):
        assert server.value(f"SELECT count(*) FROM {name}") == 311, name


def test_binary_literals_find_rows(server, anvil_chain):
    block = anvil_chain.blocks[123][0]
    digits = block["hash"][2:]
    for literal in (f"x'{digits}'", f"'0x{digits}'", f"'{digits}'"):
        assert server.table(f"SELECT block_num FROM anvil.blocks WHERE hash = {literal}").to_pylist() == [
            {"block_num": 123}], literal


# ---------------------------------------------------------------------------------------------------- app_metadata

def batches(server, sql):
    return [(chunk.data, json.loads(chunk.app_metadata.to_pybytes()))
            for chunk in server.client.do_get(flight.Ticket(sql))]


def test_every_batch_carries_its_ranges(server, anvil_chain):
    received = batches(server, "SELECT * FROM anvil.transactions")
    assert len(received) >= 2
    last = anvil_chain.blocks[-1][0]
    entry = {"network": "anvil", "numbers": {"start": 0, "end": anvil_chain.head}, "hash": last["hash"],
             "prev_hash": ZERO_HASH, "timestamp": int(last["timestamp"], 16)}
    for data, metadata in received:
        assert set(metadata) == {"ranges", "ranges_complete"}
        assert metadata["ranges"] == [entry]
        assert not metadata["ranges_complete"] or data.num_rows == 0
    assert [metadata["ranges_complete"] for _, metadata in received] == [False] * (len(received) - 1) + [True]
    assert sum(data.num_rows for data, _ in received) == anvil_chain.expected["transactions"].num_rows


def test_an_empty_result_is_two_empty_batches(server):
    received = batches(server, "SELECT * FROM anvil.blocks WHERE block_num > 1000000")
    assert [(data.num_rows, metadata["ranges_complete"]) for data, metadata in received] == [(0, False), (0, True)]


def test_a_query_without_a_table_has_no_ranges(server):
    for _, metadata in batches(server, "SELECT 1 AS one"):
        assert metadata["ranges"] == []


def test_the_previous_hash_of_a_late_start(replay, anvil_chain, ampd):
    manifest = ampd.manifest("late", "anvil", start_block=40)
    ampd.dump(manifest, replay.url, 50)
    with ampd.serve() as server:
        _, metadata = batches(server, "SELECT * FROM late.blocks")[0]
    [entry] = metadata["ranges"]
    assert entry["numbers"] == {"start": 40, "end": 50}
    assert entry["prev_hash"] == anvil_chain.blocks[39][0]["hash"]


# ------------------------------------------------------------------------------------------------- HTTP in particular

def test_headers_and_empty_results_over_http(server):
    response = server.post("SELECT * FROM anvil.blocks WHERE block_num > 1000000")
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["content-type"] == "application/x-ndjson"
    assert response.headers["x-request-id"]
    assert server.lines("SELECT 18446744073709551615::UBIGINT AS big, NULL AS nothing, 'ü\"' AS t") == [
        {"big": 18446744073709551615, "t": 'ü"'}]


@pytest.mark.parametrize("method, path, status, code", [
    ("GET", "/nowhere", 404, "NOT_FOUND"),
    ("PUT", "/", 405, "METHOD_NOT_ALLOWED"),
    ("POST", "/", 400, "INVALID_SQL_STRING"),
])
def test_every_http_error_is_an_envelope(server, method, path, status, code):
    response = server._session.request(method, server.url + path, timeout=30)
    assert response.status_code == status, response.text
    assert response.headers["content-type"].startswith("application/json")
    body = response.json()
    assert set(body) == {"error_code", "error_message", "request_id"} and body["error_code"] == code
    assert body["request_id"] == response.headers["x-request-id"]


def test_health(server):
    assert server._session.get(server.url + "/healthz", timeout=30).status_code == 200
    assert server._session.get(server.url + "/readyz", timeout=30).json()["ready"] is True


# ------------------------------------------------------------------------------------------------------- the gate

TABLE_REFERENCE = "CATALOG_FOR_SQL_ERROR|TABLE_REFERENCE_RESOLUTION|UNQUALIFIED_TABLE"
REFUSED = [
    ("CREATE TABLE x (a INTEGER)", "INVALID_PLAN"),
    ("CREATE VIEW v AS SELECT 1", "INVALID_PLAN"),
    ("DROP TABLE anvil.blocks", "INVALID_PLAN"),
    ("INSERT INTO anvil.blocks SELECT * FROM anvil.blocks", "INVALID_PLAN"),
    ("UPDATE anvil.blocks SET gas_used = 0", "INVALID_PLAN"),
    ("DELETE FROM anvil.blocks", "INVALID_PLAN"),
    ("COPY (SELECT 1) TO '/tmp/amp-escape.csv'", "INVALID_PLAN"),
    ("COPY anvil.blocks FROM '/etc/passwd'", "INVALID_PLAN"),
    ("EXPORT DATABASE '/tmp/amp-escape'", "INVALID_PLAN"),
    ("ATTACH ':memory:' AS m", "INVALID_PLAN"),
    ("ATTACH '/etc/passwd' AS m", "INVALID_PLAN"),
    ("DETACH m", "INVALID_PLAN"),
    ("USE memory", "INVALID_PLAN"),
    ("SET threads = 1", "INVALID_PLAN"),
    ("RESET threads", "INVALID_PLAN"),
    ("PRAGMA database_list", "INVALID_PLAN"),
    ("CALL pragma_version()", "INVALID_PLAN"),
    ("INSTALL httpfs", "INVALID_PLAN"),
    ("LOAD httpfs", "INVALID_PLAN"),
    ("CHECKPOINT", "INVALID_PLAN"),
    ("BEGIN TRANSACTION", "INVALID_PLAN"),
    ("PREPARE p AS SELECT 1", "INVALID_PLAN"),
    ("CREATE SECRET s (TYPE s3)", "INVALID_PLAN"),
    ("SELECT 1; SELECT 2", "SQL_PARSE_ERROR"),
    ("SELECT 1; DROP TABLE anvil.blocks", "SQL_PARSE_ERROR"),
    ("SELEC 1", "SQL_PARSE_ERROR"),
    ("SELECT * FROM read_csv('/etc/passwd')", "INVALID_PLAN"),
    ("SELECT * FROM read_csv_auto('/etc/passwd')", "INVALID_PLAN"),
    ("SELECT * FROM read_text('/etc/passwd')", "INVALID_PLAN"),
    ("SELECT * FROM read_blob('/etc/passwd')", "INVALID_PLAN"),
    ("SELECT * FROM read_parquet('/tmp/*.parquet')", "INVALID_PLAN"),
    ("SELECT * FROM parquet_scan('/tmp/*.parquet')", "INVALID_PLAN"),
    ("SELECT * FROM parquet_metadata('/tmp/x.parquet')", "INVALID_PLAN"),
    ("SELECT * FROM read_json_auto('/etc/passwd')", "INVALID_PLAN"),
    ("SELECT * FROM glob('/*')", "INVALID_PLAN"),
    ("SELECT * FROM sniff_csv('/etc/passwd')", "INVALID_PLAN"),
    ("SELECT * FROM duckdb_settings()", "INVALID_PLAN"),
    ("SELECT * FROM pragma_database_size()", "INVALID_PLAN"),
    ("SELECT * FROM query('SELECT 1')", "INVALID_PLAN"),
    ("SELECT * FROM query_table(['anvil.blocks'])", "INVALID_PLAN"),
    ("WITH x AS (SELECT * FROM read_text('/etc/passwd')) SELECT * FROM x", "INVALID_PLAN"),
    ("SELECT (SELECT count(*) FROM glob('/*'))", "INVALID_PLAN"),
    ("SELECT getenv('HOME')", "INVALID_PLAN"),
    ("SELECT current_setting('threads')", "INVALID_PLAN"),
    ("SELECT getvariable('x')", "INVALID_PLAN"),
    ("SELECT json_execute_serialized_sql('x')", "INVALID_PLAN|PLANNING_ERROR"),
    ("SELECT * FROM '/etc/passwd'", TABLE_REFERENCE),
    ("SELECT * FROM '/tmp/x.parquet'", TABLE_REFERENCE),
    ("SELECT * FROM 'https://example.org/x.csv'", TABLE_REFERENCE),
    ("SELECT * FROM duckdb_tables", TABLE_REFERENCE),
    ("SELECT * FROM sqlite_master", TABLE_REFERENCE),
    ("SELECT * FROM pg_catalog.pg_class", TABLE_REFERENCE),
    ("SELECT * FROM blocks", "UNQUALIFIED_TABLE"),
    ("SELECT * FROM a.b.c", "CATALOG_QUALIFIED_TABLE"),
    ("SELECT 1 AS _x", "INVALID_PLAN"),
    ("SELECT * FROM anvil.blocks, anvil.logs", "INVALID_PLAN"),
    ("SELECT hsh FROM anvil.blocks", "PLANNING_ERROR"),
    ("SELECT no_such_function(1)", "PLANNING_ERROR|INVALID_PLAN"),
]
NOT_FOUND = {"CATALOG_FOR_SQL_ERROR"}


@pytest.mark.parametrize("sql, codes", REFUSED, ids=[sql for sql, _ in REFUSED])
def test_refused_over_both_protocols(server, sql, codes):
    response = server.post(sql)
    code = response.json()["error_code"]
    assert re.fullmatch(codes, code), response.text
    assert response.status_code == (404 if code in NOT_FOUND else 400)
    wanted = pa.ArrowKeyError if code in NOT_FOUND else pa.ArrowInvalid
    for ask in (lambda: server.table(sql),
                lambda: server.client.get_flight_info(flight.FlightDescriptor.for_command(sql))):
        with pytest.raises(wanted) as caught:
            ask()
        assert code + ": " in str(caught.value), caught.value


def test_nothing_was_written_by_refused_statements(server):
    assert not pathlib.Path("/tmp/amp-escape.csv").exists() and not pathlib.Path("/tmp/amp-escape").exists()


@pytest.mark.parametrize("sql, nearest", [
    ("SELECT * FROM anvill.blocks", "anvil"),
    ("SELECT * FROM anvil.block", "blocks"),
    ("SELECT hsh FROM anvil.blocks", "hash"),
    ("SELECT gas_usd FROM anvil.transactions", "gas_used"),
])
def test_unknown_names_are_answered_with_the_nearest(server, sql, nearest):
    assert re.search(rf"\b{nearest}\b", server.post(sql).json()["error_message"])


@pytest.mark.parametrize("sql, code", [("", "INVALID_QUERY"), ("  \n", "INVALID_QUERY")])
def test_blank_statements_over_flight(server, sql, code):
    with pytest.raises(pa.ArrowInvalid, match="INVALID_QUERY|TICKET_DECODING_ERROR"):
        server.table(sql)
    with pytest.raises(pa.ArrowInvalid, match=code):
        server.client.get_flight_info(flight.FlightDescriptor.for_command(sql))


def test_errors_while_running(server):
    sql = "SELECT CAST(value AS TINYINT) FROM anvil.transactions WHERE length(value) > 10"
    response = server.post(sql)
    assert (response.status_code, response.json()["error_code"]) == (400, "EXECUTION_ERROR"), response.text
    with pytest.raises(pa.ArrowInvalid, match="EXECUTION_ERROR: "):
        server.table(sql)


def test_unsupported_actions_and_descriptors(server):
    with pytest.raises(pa.ArrowNotImplementedError):
        list(server.client.do_action(flight.Action("NoSuchAction", b"")))
    with pytest.raises(pa.ArrowInvalid, match="UNSUPPORTED_FLIGHT_DESCRIPTOR_TYPE"):
        server.client.get_flight_info(flight.FlightDescriptor.for_path("anvil", "blocks"))


@pytest.mark.parametrize("sql", [
    "WITH a AS (SELECT block_num FROM anvil.blocks) SELECT count(*) FROM a",
    "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT count(*) FROM r",
    "SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS v(x, y)",
    "SELECT b.hash, count(*) FROM anvil.blocks b JOIN anvil.logs l ON b.hash = l.block_hash GROUP BY ALL",
    "SELECT block_num, row_number() OVER (ORDER BY gas_used DESC) AS rank FROM anvil.blocks QUALIFY rank <= 3",
    "SELECT type, count(*) AS n, sum(tx_gas_used) AS gas FROM anvil.transactions GROUP BY type ORDER BY type",
    "SELECT DISTINCT ON (type) type, tx_hash FROM anvil.transactions ORDER BY type",
    "EXPLAIN SELECT * FROM anvil.blocks",
    "DESCRIBE anvil.blocks",
    "SHOW TABLES",
    "SELECT table_name FROM information_schema.tables ORDER BY 1",
    "SELECT unnest(access_list) FROM anvil.transactions WHERE len(access_list) > 0 LIMIT 1",
    "SELECT * FROM anvil.blocks LIMIT 1; -- a comment",
])
def test_allowed_over_both_protocols(server, sql):
    assert server.table(sql).num_rows == len(server.lines(sql)) > 0


# -------------------------------------------------------------------------------------------------------- snapshots

def count_or_none(server) -> int | None:
    """None while the dataset is not known to the server."""
    response = server.post("SELECT count(*) AS n FROM anvil.blocks")
    if response.status_code == 404:
        return None
    assert response.status_code == 200, response.text
    return json.loads(response.text)["n"]


def test_a_server_sees_what_is_committed_within_a_second(replay, ampd):
    """Started on an empty folder, before the first dump, and kept through several."""
    with ampd.serve() as server:
        assert server.post("SELECT * FROM anvil.blocks").json()["error_code"] == "CATALOG_FOR_SQL_ERROR"
        assert server.value("SELECT 1 AS x") == 1
        delays = []
        for end in (20, 40, 60, 80):
            ampd.dump("anvil", replay.url, end)
            finished = time.monotonic()
            wait_for(lambda wanted=end + 1: count_or_none(server) == wanted, 10, f"block {end}")
            delays.append(time.monotonic() - finished)
            assert server.value("SELECT max(block_num) FROM anvil.blocks") == end
    # A machine with other work may be late once; the mechanism is not.
    assert sorted(delays)[1] < 1.0, delays


def test_a_server_started_during_a_dump_grows_with_it(replay, anvil_chain, ampd):
    steps = ("-j", 1, "--set", "jobs.shard_blocks=20")
    with ampd.start_dump("anvil", replay.url, anvil_chain.head, *steps) as dump, ampd.serve() as server:
        seen = []

        def complete():
            count = count_or_none(server)
            if count is not None:
                seen.append(count)
            return count == anvil_chain.head + 1

        wait_for(complete, 60, "the end of the dump")
        assert dump.wait(30) == 0, dump.output
    assert seen == sorted(seen), "rows went away"


def test_all_tables_of_an_answer_are_of_one_moment(replay, anvil_chain, ampd):
    """While a dump runs, a join never sees a log without its block, and the tables end at the same block."""
    steps = ("-j", 2, "--set", "jobs.shard_blocks=10")
    sql = ("SELECT (SELECT count(*) FROM anvil.logs l LEFT JOIN anvil.blocks b ON l.block_hash = b.hash "
           "WHERE b.hash IS NULL) AS orphans, (SELECT sum(gas_used) FROM anvil.blocks) AS a, "
           "(SELECT sum(tx_gas_used) FROM anvil.transactions) AS b")
    with ampd.start_dump("anvil", replay.url, anvil_chain.head, *steps) as dump, ampd.serve() as server:
        while True:
            ended = dump.popen.poll() is not None
            response = server.post(sql)
            if response.status_code == 200:
                row = json.loads(response.text)
                assert row["orphans"] == 0 and row.get("a", 0) == row.get("b", 0), row
            if ended:
                break
        assert dump.wait() == 0, dump.output


def test_selectors_open_exactly_the_named_ports(dumped):
    with dumped.start("server", "--jsonl-server", "--jsonl-addr", "127.0.0.1:0") as process:
        process.wait_line(r"listening.*interface=\"?jsonl")
        assert "interface=flight" not in process.output
    done = dumped.run("server", "--flight-server=false", "--jsonl-server=false")
    assert done.code == 2, done.text


def test_sigterm_ends_the_server_with_zero(dumped):
    with dumped.serve() as server:
        assert server.value("SELECT 1 AS x") == 1
        assert server.stop() == 0, server.process.output


# ------------------------------------------------------------------------------------- streaming, memory, cancelling

# Twelve wide columns: about a gigabyte on the wire.
TEN_MILLION = "SELECT {} FROM range(10000000) t(i)".format(", ".join(f"i + {k} AS c{k}" for k in range(12)))
ALLOWED_GROWTH_MB = 250


def is_idle(pid) -> bool:
    before = cpu_seconds(pid)
    threading.Event().wait(0.25)
    return cpu_seconds(pid) - before <= 0.05


@pytest.mark.slow
def test_ten_million_rows_over_flight_do_not_grow_the_server(dumped):
    with dumped.serve() as server:
        server.value("SELECT count(*) FROM anvil.logs")
        before = rss_mb(server.process.pid)
        rows = sum(chunk.data.num_rows for chunk in server.client.do_get(flight.Ticket(TEN_MILLION)))
        assert rows == 10_000_000
        assert peak_rss_mb(server.process.pid) - before < ALLOWED_GROWTH_MB


@pytest.mark.slow
def test_ten_million_rows_over_http_do_not_grow_the_server(dumped):
    with dumped.serve() as server:
        server.value("SELECT count(*) FROM anvil.logs")
        before = rss_mb(server.process.pid)
        with server.post("SELECT i, i + 1 AS j FROM range(10000000) t(i)", stream=True) as response:
            rows = sum(part.count(b"\n") for part in response.iter_content(1 << 20))
        assert rows == 10_000_000
        assert peak_rss_mb(server.process.pid) - before < ALLOWED_GROWTH_MB


def test_a_reader_that_stops_reading_stops_the_query(dumped):
    with dumped.serve() as server:
        server.value("SELECT count(*) FROM anvil.logs")
        before = rss_mb(server.process.pid)
        reader = server.client.do_get(flight.Ticket(TEN_MILLION))
        assert reader.read_chunk().data.num_rows > 0
        wait_for(lambda: is_idle(server.process.pid), 30, "the pause of the query")
        assert rss_mb(server.process.pid) - before < ALLOWED_GROWTH_MB
        reader.cancel()
        assert server.value("SELECT 1 AS x") == 1


ENDLESS = "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range * b.range % 7 = 3"


def test_a_flight_client_that_leaves_cancels_its_query(dumped):
    with dumped.serve() as server:
        pid = server.process.pid
        reader = server.client.do_get(flight.Ticket(ENDLESS))
        wait_for(lambda: not is_idle(pid), 30, "work on the query")
        reader.cancel()
        wait_for(lambda: is_idle(pid), 10, "the end of the cancelled query")


def test_an_http_client_that_leaves_cancels_its_query(dumped):
    with dumped.serve() as server:
        pid = server.process.pid
        host, port = server.jsonl_address.rsplit(":", 1)
        with socket.create_connection((host, int(port))) as connection:
            body = ENDLESS.encode()
            connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            wait_for(lambda: not is_idle(pid), 30, "work on the query")
        wait_for(lambda: is_idle(pid), 10, "the end of the cancelled query")


def test_a_time_limit_ends_a_query(dumped):
    with dumped.serve("--set", "query.timeout_secs=1") as server:
        response = server.post(ENDLESS)
        assert (response.status_code, response.json()["error_code"]) == (504, "QUERY_TIMEOUT"), response.text
        with pytest.raises(flight.FlightTimedOutError, match="QUERY_TIMEOUT"):
            server.table(ENDLESS)


def test_many_clients_at_once(server, anvil_chain):
    failures = []

    def ask(number):
        try:
            client = flight.connect(f"grpc://{server.flight_address}")
            for _ in range(5):
                sql = f"SELECT count(*) AS n FROM anvil.logs WHERE block_num % 8 = {number}"
                over_flight = client.do_get(flight.Ticket(sql)).read_all().to_pylist()
                assert over_flight == [json.loads(requests.post(server.url, data=sql, timeout=60).text)]
        except Exception as error:  # noqa: BLE001 - reported by the test
            failures.append(error)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not failures, failures[0]
