# Copyright 2026 The Amp Authors
# SPDX-License-Identifier: Apache-2.0
"""`ampd dev` as a user meets it, and the Admin API it serves: shapes, errors, access."""
import json
import signal

import pytest
from kit.ampd import Ampd
from kit.chains import Anvil, Population
from kit.cluster import Admin
from kit.process import wait_for

SECRET = "s3cr3tcanary"


@pytest.fixture(scope="module")
def node():
    chain = Anvil(Population(accounts=3, contracts=1))
    chain.mine(30)
    yield chain
    chain.stop()


def start_dev(folder, *more, settings=(), env=None):
    ampd = Ampd(folder, settings=settings)
    process = ampd.start("dev", "--flight-addr", "127.0.0.1:0", "--jsonl-addr", "127.0.0.1:0", "--admin-addr",
                         "127.0.0.1:0", *more, env=env)
    admin = process.wait_line(r"listening interface=admin address=(\S+)").group(1)
    process.jsonl = "http://" + process.wait_line(r"listening interface=jsonl address=(\S+)").group(1)
    process.admin = Admin("http://" + admin)
    return process


@pytest.fixture(scope="module")
def dev(tmp_path_factory, node):
    process = start_dev(tmp_path_factory.mktemp("dev"), "--dataset", "anvil", "--provider-url", node.url)
    process.wait_line("ready for work")
    yield process
    assert process.stop(20) == 0, process.output


@pytest.fixture(scope="module")
def admin(dev):
    return dev.admin


def refused(response, status, code):
    assert response.status_code == status, response.text
    body = response.json()
    assert set(body) == {"error_code", "error_message", "request_id"}
    assert body["error_code"] == code
    assert response.headers["x-request-id"] == body["request_id"]


def test_dev_follows_a_local_chain_without_a_configuration(dev, node):
    def rows(sql):
        response = dev.admin.session.post(dev.jsonl, data=sql, timeout=10)
        return [json.loads(line) for line in response.text.splitlines()] if response.status_code == 200 else None

    query = "SELECT max(block_num) AS n FROM anvil.blocks"
    wait_for(lambda: (rows(query) or [{}])[0].get("n") == 30, 30, "the chain")
    node.mine(2)
    wait_for(lambda: (rows(query) or [{}])[0].get("n") == 32, 30, "the new blocks")
    assert "curl" in dev.output


def test_the_sequence_of_the_documentation_in_one_process(tmp_path):
    chain = Anvil(Population(accounts=3, contracts=1), chain_id=1)
    chain.mine(50)
    process = start_dev(tmp_path / "base", "--admin-server", "--jsonl-server", "--flight-server")
    try:
        assert process.admin.get("/datasets") == {"datasets": []}
        process.admin.add_provider("mine", "mainnet", chain.url)
        job = process.admin.dump("eth_mainnet", end_block=50)
        assert process.admin.await_job(job)["progress"]["percent"] == 100.0

        def rows():
            answer = process.admin.session.post(process.jsonl, data="SELECT count(*) AS n FROM eth_mainnet.blocks",
                                                timeout=10)
            return answer.status_code == 200 and '51' in answer.text

        wait_for(rows, 20, "the rows in a query")
    finally:
        chain.stop()
        assert process.stop(20) == 0, process.output


def test_dev_stops_on_ctrl_c(tmp_path, node):
    process = start_dev(tmp_path / "base", "--dataset", "anvil", "--provider-url", node.url)
    process.signal(signal.SIGINT)
    assert process.wait(20) == 0, process.output


def test_dev_opens_what_was_selected(tmp_path):
    ampd = Ampd(tmp_path / "base")
    done = ampd.run("dev", "--flight-server=false")
    assert done.code == 2 and "--admin-server" in done.error, done.text
    process = ampd.start("dev", "--admin-server", "--admin-addr", "127.0.0.1:0")
    process.wait_line("ready for work")
    assert "interface=jsonl" not in process.output
    assert process.stop(20) == 0


def test_datasets_and_their_versions(admin):
    manifest = {"kind": "evm-rpc", "network": "anvil", "tables": {"blocks": {}}}
    registration = {"namespace": "acme", "name": "versions", "manifest": manifest}
    admin.send("POST", "/datasets", {**registration, "version": "1.9.0"}, 201)
    admin.send("POST", "/datasets", {**registration, "version": "1.10.0"}, 201)
    shown = admin.send("POST", "/datasets", {**registration, "version": "1.10.0"}, 201)
    assert shown["version"] == "1.10.0" and shown["tables"] == ["blocks"] and shown["start_block"] == 0
    other = {**registration, "version": "1.10.0", "manifest": {**manifest, "start_block": 5}}
    refused(admin.request("POST", "/datasets", other), 409, "VERSION_CONFLICT")
    admin.send("POST", "/datasets", {**other, "force_tag": True}, 201)
    versions = admin.get("/datasets/acme/versions/versions")
    assert [version["version"] for version in versions["versions"]] == ["1.10.0", "1.9.0"]
    assert versions["special_tags"]["latest"] == "1.10.0"
    assert admin.get("/datasets/acme%2Fversions")["start_block"] == 5
    assert admin.get("/datasets/acme/versions/versions/1.9.0/manifest")["start_block"] == 0
    old = admin.get("/datasets/acme/versions/versions/1.9.0")["manifest_hash"]
    assert admin.get(f"/manifests/{old}/datasets")["datasets"] == [
        {"namespace": "acme", "name": "versions", "version": "1.9.0"}]
    refused(admin.request("DELETE", f"/manifests/{old}"), 409, "MANIFEST_LINKED")
    refused(admin.request("DELETE", "/datasets/acme/versions/versions/1.10.0"), 400, "CANNOT_DELETE_LATEST_VERSION")
    admin.send("DELETE", "/datasets/acme/versions/versions/1.9.0", status=204)
    assert "acme" in {dataset["namespace"] for dataset in admin.get("/datasets")["datasets"]}
    admin.send("DELETE", "/datasets/acme/versions", status=204)
    admin.send("DELETE", "/datasets/acme/versions", status=204)
    refused(admin.request("GET", "/datasets/acme/versions"), 404, "DATASET_NOT_FOUND")
    refused(admin.request("GET", f"/manifests/{old}"), 404, "MANIFEST_NOT_FOUND")


def test_manifests(admin):
    stored = admin.send("POST", "/manifests", {"kind": "evm-rpc", "network": "anvil", "start_block": 77}, 201)
    path = f"/manifests/{stored['hash']}"
    assert admin.get(path)["start_block"] == 77
    assert {"hash": stored["hash"], "kind": "evm-rpc", "dataset_count": 0} in admin.get("/manifests")["manifests"]
    by_hash = {"namespace": "_", "name": "by_hash", "manifest": stored["hash"]}
    assert admin.send("POST", "/datasets", by_hash, 201)["start_block"] == 77
    admin.send("DELETE", "/datasets/_/by_hash", status=204)
    admin.send("POST", "/manifests", {"kind": "evm-rpc", "network": "anvil", "start_block": 78}, 201)
    assert admin.send("DELETE", "/manifests")["deleted_count"] == 1
    refused(admin.request("POST", "/manifests", {"kind": "firehose", "network": "x"}), 400, "UNSUPPORTED_DATASET_KIND")
    refused(admin.request("POST", "/manifests", {"kind": "evm-rpc"}), 400, "INVALID_MANIFEST")
    refused(admin.request("GET", "/manifests/xyz"), 400, "INVALID_HASH")


def test_providers_hide_their_secrets(admin, node):
    body = {"kind": "evm-rpc", "network": "anvil9", "url": f"{node.url}/{SECRET}", "auth_token": SECRET,
            "headers": {"x-key": SECRET}, "priority": 3}
    shown = admin.send("PUT", "/providers/mine", body)
    assert shown["usable"] and shown["source"] == "api" and shown["priority"] == 3 and shown["config"]["url"].endswith("/***")
    for path in ("/providers", "/providers/mine", "/metrics", "/status"):
        assert SECRET not in admin.request("GET", path).text
    kept = {**body, "url": shown["url"], "auth_token": "***", "headers": {"x-key": "***"}, "priority": 4}
    assert admin.send("PUT", "/providers/mine", kept)["priority"] == 4
    refused(admin.request("POST", "/providers", {**body, "name": "mine"}), 409, "PROVIDER_CONFLICT")
    admin.send("POST", "/providers", {**body, "name": "mine", "priority": 4}, 201)
    refused(admin.request("PUT", "/providers/bad", {**body, "prioritie": 3}), 400, "INVALID_REQUEST_BODY")
    refused(admin.request("PUT", "/providers/bad", {**body, "priority": None}), 400, "DATA_CONVERSION_ERROR")
    refused(admin.request("GET", "/providers/bad"), 404, "PROVIDER_NOT_FOUND")
    admin.send("DELETE", "/providers/mine", status=204)
    admin.send("DELETE", "/providers/mine", status=204)
    admin.send("PUT", "/providers/live", {"kind": "evm-rpc", "network": "anvil", "url": node.url})
    probe = admin.send("POST", "/providers/live/test")
    assert probe["ok"] and probe["chain_id"] == 31337 and probe["head"] >= 30
    admin.send("PUT", "/providers/live", {"kind": "evm-rpc", "network": "mainnet", "url": node.url})
    probe = admin.send("POST", "/providers/live/test")
    assert not probe["ok"] and "31337" in probe["error"]
    admin.send("DELETE", "/providers/live", status=204)


def test_jobs_are_paged_and_filtered(admin):
    ids = []
    for start in range(5):
        manifest = {"kind": "evm-rpc", "network": "anvil", "start_block": start}
        admin.send("POST", "/datasets", {"namespace": "p", "name": f"d{start}", "manifest": manifest}, 201)
        ids.append(admin.dump(f"p%2Fd{start}", end_block=10))
    for job in ids:
        admin.await_job(job)
    seen, path = [], "/jobs?status=completed&limit=2"
    for _ in range(10):
        page = admin.get(path)
        seen += [job["id"] for job in page["jobs"]]
        if "next_cursor" not in page:
            break
        path = f"/jobs?status=completed&limit=2&cursor={page['next_cursor']}"
    assert seen == sorted(ids, reverse=True)
    assert [job["id"] for job in admin.get("/jobs?status=all&dataset=p/d1")["jobs"]] == [ids[1]]
    refused(admin.request("GET", "/jobs?status=foo"), 400, "INVALID_QUERY_PARAMETERS")
    refused(admin.request("GET", "/jobs?limit=0"), 400, "LIMIT_INVALID")
    refused(admin.request("GET", "/jobs?limit=1001"), 400, "LIMIT_TOO_LARGE")
    assert admin.get("/datasets/p/d0/versions/dev/gaps")["tables"][0]["missing"] == []
    progress = admin.get("/datasets/p/d1/versions/dev/sync-progress")["tables"]
    assert {table["table_name"]: table["current_block"] for table in progress} == dict.fromkeys(
        ("blocks", "logs", "transactions"), 10)
    refused(admin.request("DELETE", "/jobs?status=running"), 400, "INVALID_QUERY_PARAM")
    admin.send("DELETE", "/jobs", {"job_ids": ids[:2]}, 204)
    admin.send("DELETE", "/jobs?status=completed", status=204)
    assert admin.get("/jobs?status=completed")["jobs"] == []


@pytest.mark.parametrize("end, stored", [("latest", "latest"), ("-3", "-3"), (-3, "-3"), ("7", "7"), (7, "7")])
def test_end_blocks(admin, end, stored):
    manifest = {"kind": "evm-rpc", "network": "anvil", "start_block": 2, "tables": {"blocks": {}}}
    admin.send("POST", "/datasets", {"namespace": "_", "name": "ends", "manifest": manifest}, 201)
    job = admin.dump("ends", end_block=end)
    done = admin.await_job(job)
    assert done["descriptor"]["end_block"] == stored
    assert done["progress"]["percent"] == 100.0


@pytest.mark.parametrize("end", ["soon", "1.5", 1.5, True, [], 1])
def test_end_blocks_that_are_none(admin, end):
    manifest = {"kind": "evm-rpc", "network": "anvil", "start_block": 2, "tables": {"blocks": {}}}
    admin.send("POST", "/datasets", {"namespace": "_", "name": "ends", "manifest": manifest}, 201)
    refused(admin.request("POST", "/datasets/ends/dump", {"end_block": end}), 400, "INVALID_END_BLOCK")


def test_errors_have_the_envelope(admin):
    refused(admin.request("GET", "/nothing"), 404, "NOT_FOUND")
    refused(admin.request("PATCH", "/jobs"), 405, "METHOD_NOT_ALLOWED")
    refused(admin.request("GET", "/jobs/0"), 400, "INVALID_JOB_ID")
    refused(admin.request("GET", "/jobs/99999"), 404, "JOB_NOT_FOUND")
    refused(admin.request("GET", "/workers/nobody"), 404, "WORKER_NOT_FOUND")
    refused(admin.request("DELETE", "/workers/worker"), 409, "WORKER_ACTIVE")
    refused(admin.request("GET", "/datasets/%2e%2e"), 400, "INVALID_PATH")
    refused(admin.request("POST", "/datasets/nothing_like_it/dump", {}), 404, "DATASET_NOT_FOUND")
    refused(admin.request("POST", "/datasets/anvil/dump", {"end": 3}), 400, "INVALID_BODY")
    refused(admin.request("POST", "/datasets/anvil/dump", {"worker_id": "x*"}), 400, "WORKER_NOT_AVAILABLE")
    refused(admin.session.post(admin.url + "/datasets", data="{"), 400, "INVALID_PAYLOAD_FORMAT")


def test_progress_as_a_stream(admin):
    manifest = {"kind": "evm-rpc", "network": "anvil", "tables": {"blocks": {}}, "start_block": 1}
    admin.send("POST", "/datasets", {"namespace": "_", "name": "streamed", "manifest": manifest}, 201)
    job = admin.dump("streamed", end_block=20)
    with admin.session.get(f"{admin.url}/jobs/{job}/stream", stream=True, timeout=30) as response:
        assert response.headers["content-type"] == "text/event-stream"
        lines = [line.decode() for line in response.iter_lines()]
    states = [json.loads(line[6:])["job_status"] for line in lines if line.startswith("data: ")]
    assert states[-1] == "COMPLETED"
    seq = admin.get(f"/jobs/{job}/progress")["seq"]
    assert admin.get(f"/jobs/{job}/progress?wait=1&since={seq}")["seq"] == seq
    shards = admin.get(f"/jobs/{job}/shards")["shards"]
    assert {shard["status"] for shard in shards} == {"DONE"}
    events = admin.get(f"/jobs/{job}/events")["events"]
    assert events[0]["event_type"] == "COMPLETED"
    assert admin.get(f"/jobs/{job}/events/{events[0]['id']}") == events[0]
    refused(admin.request("GET", f"/jobs/{job}/events/999999"), 404, "EVENT_NOT_FOUND")


def test_tokens(tmp_path):
    process = start_dev(tmp_path / "base", settings=[f"admin.auth_token={SECRET}", "admin.read_token=reader"])
    try:
        admin = process.admin
        refused(admin.request("GET", "/jobs"), 401, "UNAUTHORIZED")
        reader, writer = ({"Authorization": f"Bearer {token}"} for token in ("reader", SECRET))
        assert admin.request("GET", "/jobs", headers=reader).status_code == 200
        refused(admin.request("DELETE", "/manifests", headers=reader), 403, "FORBIDDEN")
        assert admin.request("DELETE", "/manifests", headers=writer).status_code == 200
        for path in ("/healthz", "/readyz", "/metrics", "/openapi.json", "/version"):
            assert admin.request("GET", path).status_code == 200
        assert SECRET not in process.output
    finally:
        process.stop()


def test_metrics_name_each_family_once(admin):
    text = admin.request("GET", "/metrics").text
    families = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(families) == len(set(families))
    assert admin.metric("amp_workers", state="ACTIVE") == 1
    assert admin.metric("amp_db_up") == 1
    assert admin.metric("amp_scheduler_leader") == 1
