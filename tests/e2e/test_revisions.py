# Copyright 2026 The Amp Authors
# SPDX-License-Identifier: Apache-2.0
"""Revisions and files by hand: gaps and their repair, restore from footers alone, prune, truncate, collection."""
import pathlib
import sqlite3

import pytest
from kit.chains import Anvil, Population
from kit.process import wait_for
from test_admin import refused, start_dev
from test_ampctl import ctl_at

MANIFEST = {"kind": "evm-rpc", "network": "anvil", "tables": {"blocks": {}, "logs": {}}}


@pytest.fixture(scope="module")
def node():
    chain = Anvil(Population(accounts=3, contracts=1))
    chain.mine(30)
    yield chain
    chain.stop()


@pytest.fixture
def dev(tmp_path, node):
    process = start_dev(tmp_path / "base", "--admin-server", "--jsonl-server")
    process.wait_line("ready for work")
    process.base = tmp_path / "base"
    process.admin.add_provider("node", "anvil", node.url)
    process.admin.send("POST", "/datasets", {"namespace": "_", "name": "chain", "manifest": MANIFEST}, 201)
    yield process
    assert process.stop(20) == 0, process.output


@pytest.fixture
def admin(dev):
    return dev.admin


V = "/datasets/_/chain/versions/dev"


def extract(admin, *ends):
    for end in ends:
        admin.await_job(admin.dump("chain", end_block=end))


def sql(dev, *statements):
    """Past the program, as damage would be."""
    path = next(path for path in dev.base.rglob("*.db") if path.is_file())
    with sqlite3.connect(path, timeout=20) as database:
        database.execute("PRAGMA foreign_keys = ON")
        answers = [database.execute(statement).fetchall() for statement in statements]
    database.close()
    return answers[-1]


def objects(dev, table="blocks"):
    return sorted(path for path in dev.base.rglob("*.parquet") if f"/{table}/" in str(path))


def missing(admin):
    return {table["table_name"]: table["missing"] for table in admin.get(V + "/gaps")["tables"]}


def files_of(admin):
    return {table["table_name"]: table["files_count"] for table in admin.get(V + "/sync-progress")["tables"]}


def revision_of(admin, table, active=True):
    found = [one for one in admin.get("/revisions") if one["metadata"]["table_name"] == table and one["active"] == active]
    return found[0]["id"]


def lose_first_file(dev):
    """The row and the object of the lowest blocks."""
    (file_id, name), = sql(dev, "SELECT f.id, f.name FROM files f JOIN revisions r ON r.id = f.revision_id"
                                " JOIN physical_tables t ON t.id = r.table_id WHERE t.name = 'blocks'"
                                " ORDER BY f.start_block LIMIT 1")
    sql(dev, f"DELETE FROM files WHERE id = {file_id}")
    next(path for path in objects(dev) if path.name == name).unlink()


def test_a_lost_file_is_a_gap_and_repair_fetches_just_that(dev, admin):
    extract(admin, 10, 20)
    assert files_of(admin) == {"blocks": 2, "logs": 2}
    lose_first_file(dev)
    assert missing(admin) == {"blocks": [{"start": 0, "end": 10}], "logs": []}
    refused(admin.request("POST", V + "/repair", {"tables": ["none"]}), 400, "INVALID_BODY")
    refused(admin.request("POST", V + "/repair", {"from_block": -1}), 400, "INVALID_BODY")
    job = admin.send("POST", V + "/repair", {}, 202)
    done = admin.await_job(job["job_id"])
    assert done["kind"] == "repair" and done["descriptor"]["end_block"] == "10"
    assert missing(admin) == {"blocks": [], "logs": []}
    assert files_of(admin) == {"blocks": 2, "logs": 2}


def test_repair_adds_to_the_job_that_follows_the_chain(dev, admin):
    extract(admin, 10)
    job = admin.dump("chain")
    wait_for(lambda: admin.running(job) and all(kind == "tip" for kind, _ in admin.running(job)), 30, "only the tip")
    lose_first_file(dev)
    answer = admin.send("POST", V + "/repair", {}, 202)
    assert answer["job_id"] == job and answer["created"] is False
    wait_for(lambda: missing(admin)["blocks"] == [], 30, "the repair")
    assert admin.job(job)["status"] == "RUNNING"
    refused(admin.request("DELETE", f"/revisions/{revision_of(admin, 'blocks')}"), 409, "WRITER_JOB_NOT_TERMINAL")
    refused(admin.request("POST", "/revisions/deactivate", {"dataset": "chain", "table_name": "blocks"}), 409,
            "WRITER_JOB_NOT_TERMINAL")
    admin.send("PUT", f"/jobs/{job}/stop")
    admin.await_job(job, "STOPPED")


def test_breaks_of_the_stored_chain_are_shown(dev, admin):
    extract(admin, 10, 20)
    zeros = "0" * 64
    sql(dev, f"UPDATE files SET prev_hash = '{zeros}' WHERE start_block = 11 AND revision_id = "
             f"{revision_of(admin, 'blocks')}")
    table = next(one for one in admin.get(V + "/gaps")["tables"] if one["table_name"] == "blocks")
    broken, = table["breaks"]
    assert broken["block"] == 11 and broken["found"] == "0x" + zeros and len(broken["expected"]) == 66


def test_restore_finds_everything_from_the_files_alone(dev, admin):
    extract(admin, 10, 20)
    sql(dev, "DELETE FROM revisions")
    assert files_of(admin) == {}
    restored = admin.send("POST", V + "/restore", status=202)["tables"]
    assert {one["table_name"] for one in restored} == {"blocks", "logs"}
    assert all(pathlib.Path(one["url"]).is_dir() for one in restored)
    assert files_of(admin) == {"blocks": 2, "logs": 2} and missing(admin) == {"blocks": [], "logs": []}

    def rows():
        answer = admin.session.post(dev.jsonl, data="SELECT count(*) AS n FROM chain.blocks", timeout=10)
        return answer.status_code == 200 and '21' in answer.text

    wait_for(rows, 20, "the rows in a query")
    before = objects(dev)
    admin.await_job(admin.dump("chain", end_block=20))
    assert objects(dev) == before  # nothing was fetched again


def test_restore_of_one_table_and_of_one_revision(dev, admin):
    extract(admin, 10)
    blocks = revision_of(admin, "blocks")
    table = {"dataset": "chain", "table_name": "blocks"}
    assert admin.send("POST", "/revisions/deactivate", table) == {"deactivated": True}
    assert admin.send("POST", "/revisions/deactivate", table) == {"deactivated": False}
    assert set(files_of(admin)) == {"logs"}
    restored, = admin.send("POST", V + "/tables/blocks/restore", {"location_id": blocks})["tables"]
    assert restored["location_id"] == blocks and files_of(admin)["blocks"] == 1
    sql(dev, f"DELETE FROM files WHERE revision_id = {blocks}")
    assert admin.send("POST", f"/revisions/{blocks}/restore") == {"total_files": 1}
    refused(admin.request("POST", V + "/tables/none/restore"), 404, "TABLE_NOT_IN_MANIFEST")
    refused(admin.request("POST", V + "/tables/blocks/restore", {"location_id": 999}), 404, "REVISION_NOT_FOUND")
    refused(admin.request("POST", V + "/tables/logs/restore", {"location_id": blocks}), 404, "REVISION_NOT_FOUND")
    refused(admin.request("POST", V + "/tables/logs/restore", {"location_id": "x"}), 400, "INVALID_BODY")


def test_a_dataset_without_files_cannot_be_restored_or_repaired(admin):
    refused(admin.request("POST", V + "/restore"), 404, "TABLE_NOT_REGISTERED")
    refused(admin.request("POST", V + "/repair"), 400, "INVALID_BODY")


def test_a_revision_is_replaced_emptied_and_forgotten(dev, admin):
    extract(admin, 10, 20)
    old = revision_of(admin, "blocks")
    shown = admin.get(f"/revisions/{old}")
    assert shown["active"] and shown["metadata"]["dataset_name"] == "chain" and "writer" not in shown
    new = {"dataset": "chain", "table_name": "blocks", "path": "_/chain/blocks/other"}
    fresh = admin.send("POST", "/revisions", new)["location_id"]
    assert admin.send("POST", "/revisions", new)["location_id"] == fresh
    refused(admin.request("POST", "/revisions", {**new, "table_name": "logs"}), 409, "REVISION_CONFLICT")
    refused(admin.request("POST", "/revisions", {**new, "table_name": "none"}), 404, "TABLE_NOT_IN_MANIFEST")
    refused(admin.request("POST", "/revisions", {**new, "dataset": "none"}), 404, "DATASET_NOT_FOUND")
    for path in ("../out", "/etc", "a//b", "s3://x/y", ".hidden", ""):
        refused(admin.request("POST", "/revisions", {**new, "path": path}), 400, "INVALID_BODY")

    refused(admin.request("DELETE", f"/revisions/{old}"), 409, "REVISION_IS_ACTIVE")
    refused(admin.request("DELETE", f"/revisions/{old}/truncate"), 409, "REVISION_IS_ACTIVE")
    refused(admin.request("DELETE", f"/revisions/{old}/prune"), 409, "REVISION_IS_ACTIVE")
    refused(admin.request("POST", f"/revisions/{fresh}/activate", {**new}), 400, "INVALID_BODY")
    refused(admin.request("POST", f"/revisions/{fresh}/activate", {"dataset": "chain", "table_name": "logs"}), 404,
            "REVISION_NOT_FOUND")
    assert admin.send("POST", f"/revisions/{fresh}/activate", {"dataset": "chain", "table_name": "blocks"})["active"]
    assert [one["id"] for one in admin.get("/revisions?active=true")] == [fresh, revision_of(admin, "logs")]
    refused(admin.request("DELETE", f"/revisions/{old}"), 409, "FILE_METADATA_REMAINING")

    pruned = admin.send("DELETE", f"/revisions/{old}/prune?before_block=15&gc_delay_secs=0")
    assert pruned == {"files_scheduled": 1, "gc_delay_secs": 0}
    assert len(objects(dev)) == 2
    would = admin.send("POST", "/gc", {"dry_run": True})
    assert would["files"] == 1 and would["bytes"] > 0 and len(objects(dev)) == 2
    assert admin.send("POST", "/gc") == would
    assert len(objects(dev)) == 1
    assert admin.send("POST", "/gc") == {"files": 0, "bytes": 0}
    assert admin.send("DELETE", f"/revisions/{old}/prune") == {"files_scheduled": 1, "gc_delay_secs": 3600}
    assert admin.send("POST", "/gc") == {"files": 0, "bytes": 0}
    assert admin.send("DELETE", f"/revisions/{old}/truncate")["files_deleted"] == 1
    assert objects(dev) == []
    admin.send("DELETE", f"/revisions/{old}", status=204)
    refused(admin.request("GET", f"/revisions/{old}"), 404, "REVISION_NOT_FOUND")
    refused(admin.request("GET", "/revisions/x"), 400, "INVALID_PATH_PARAMETERS")
    refused(admin.request("GET", "/revisions?active=maybe"), 400, "INVALID_QUERY_PARAMETERS")
    refused(admin.request("GET", "/revisions?limit=0"), 400, "LIMIT_INVALID")
    refused(admin.request("DELETE", f"/revisions/{fresh}/prune?before_block=x"), 400, "INVALID_QUERY_PARAMETERS")
    refused(admin.request("POST", "/gc", {"dry_run": "yes"}), 400, "INVALID_BODY")
    extract(admin, 20)  # into the new one
    assert missing(admin)["blocks"] == [] and objects(dev)[0].parent.name == "other"


def test_files_are_shown_with_their_metadata(dev, admin):
    extract(admin, 10)
    (file_id,), = sql(dev, "SELECT min(id) FROM files")
    shown = admin.get(f"/files/{file_id}")
    path = pathlib.Path(shown["url"])
    assert path.is_file() and path.name == shown["file_name"] and path.stat().st_size == shown["object_size"]
    assert shown["metadata"] and admin.get(f"/revisions/{shown['location_id']}")["active"]
    refused(admin.request("GET", "/files/999999"), 404, "FILE_NOT_FOUND")
    refused(admin.request("GET", "/files/0"), 400, "INVALID_FILE_ID")


def test_a_repeated_request_with_a_key_makes_one_job(admin):
    def deploy(key, **body):
        return admin.request("POST", V + "/deploy", body, headers={"idempotency-key": key})

    first = deploy("k1", end_block=5).json()
    admin.await_job(first["job_id"])
    assert deploy("k1", end_block=5).json()["job_id"] == first["job_id"]
    refused(deploy("k1", end_block=6), 409, "ACTIVE_JOB_CONFLICT")
    refused(deploy("k" * 300, end_block=5), 400, "INVALID_BODY")
    second = deploy("k2", end_block=5).json()
    assert second["job_id"] != first["job_id"]
    admin.await_job(second["job_id"])


def test_the_same_with_ampctl(dev, admin):
    def ctl(*args, code=0):
        done = ctl_at(admin.url, *args)
        assert done.returncode == code, f"{args}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    extract(admin, 10)
    lose_first_file(dev)
    assert "COMPLETED" in ctl("dataset", "repair", "chain", "--wait") and missing(admin)["blocks"] == []
    old = revision_of(admin, "blocks")
    assert "_/chain" in ctl("table", "list", "-a")
    ctl("table", "register", "chain", "blocks", "_/chain/blocks/mine")
    fresh = revision_of(admin, "blocks", active=False)
    ctl("table", "activate", fresh)
    assert "-f" in ctl("table", "truncate", old, code=1)
    assert '"files_deleted": 1' in ctl("table", "truncate", old, "-f")
    ctl("table", "delete", old, "-f")
    ctl("table", "deactivate", "chain", "blocks")
    assert "logs" in ctl("dataset", "restore", "chain", "--table", "logs")
    ctl("dataset", "restore", "chain", "--table", "logs", "--table", "blocks", "--location-id", fresh, code=1)
    assert '"total_files": 0' in ctl("table", "restore", fresh)
    ctl("table", "prune", fresh, "--before-block", 5)
    assert "would delete 0 files" in ctl("gc", "--dry-run") and "deleted 0 files" in ctl("gc")
