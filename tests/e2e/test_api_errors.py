# Copyright 2026 The Amp Authors
# SPDX-License-Identifier: Apache-2.0
"""Every error that the Admin API documents, endpoint by endpoint, is an answer it really gives, and the other way round."""
import json
import re

import pytest
from kit.chains import Anvil, Population
from test_admin import start_dev

# Errors of the protocol and of failing parts, which every endpoint shares; test_admin and the fault tests cover them.
SHARED = {"UNAUTHORIZED", "FORBIDDEN", "METADATA_DB_UNAVAILABLE", "BAD_REQUEST", "REQUEST_TIMEOUT", "PAYLOAD_TOO_LARGE"}
ZEROS = "0" * 64
RAW = {"kind": "evm-rpc", "network": "anvil", "tables": {"blocks": {}}}
NOWHERE = {**RAW, "network": "nowhere"}


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    """A process with a finished dataset `done`, and `busy`, whose job waits for a node for ever."""
    node = Anvil(Population(accounts=3, contracts=1))
    node.mine(10)
    base = tmp_path_factory.mktemp("errors") / "base"
    (base / "datasets").mkdir(parents=True)
    for name, manifest in BAD_MANIFESTS.items():
        (base / "datasets" / f"{name.lower()}.json").write_text(json.dumps(manifest))
    process = start_dev(base, env={f"AMP_PROVIDER__OWNED__{key.upper()}": value for key, value in PROVIDER.items()})
    process.wait_line("ready for work")
    admin = process.admin
    admin.add_provider("node", "anvil", node.url)
    facts = {"base": base}
    for name, manifest in {"done": RAW, "busy": NOWHERE, "again": NOWHERE, "empty": RAW}.items():
        made = admin.send("POST", "/datasets", {"namespace": "_", "name": name, "manifest": manifest,
                                                "version": "1.0.0"}, 201)
        facts[f"{name}_hash"] = made["manifest_hash"]
    facts["done"] = admin.dump("done", end_block=5)
    admin.await_job(facts["done"])
    # `again` has a stopped job and another one that is active.
    facts["stopped"] = admin.dump("again", end_block=3)
    admin.send("PUT", f"/jobs/{facts['stopped']}/stop")
    admin.await_job(facts["stopped"], "STOPPED")
    facts["again"] = admin.dump("again", end_block=4)
    facts["revision"] = next(one["id"] for one in admin.get("/revisions?active=true")
                             if one["metadata"]["dataset_name"] == "done")
    facts["spare"] = admin.send("POST", "/revisions", {"dataset": "busy", "table_name": "blocks", "path": "x/y"})[
        "location_id"]
    admin.send("POST", f"/revisions/{facts['spare']}/activate")
    facts["idle"] = admin.send("POST", "/revisions", {"dataset": "busy", "table_name": "blocks", "path": "x/z"})[
        "location_id"]
    facts["busy"] = admin.dump("busy", end_block=9)
    process.facts = facts
    process.operations = [
        (path, method, operation) for path, methods in admin.get("/openapi.json")["paths"].items()
        for method, operation in methods.items()]
    yield process
    process.stop(20)
    node.stop()


BAD_MANIFESTS = {
    "INVALID_MANIFEST": {"kind": "evm-rpc"},
    "MANIFEST_VALIDATION_ERROR": {**RAW, "tables": {"nothing": {}}},
    "UNSUPPORTED_DATASET_KIND": {"kind": "firehose", "network": "mainnet"},
}
V = "/datasets/_/{}/versions/dev"
TABLE = {"dataset": "busy", "table_name": "blocks"}
PROVIDER = {"kind": "evm-rpc", "network": "x", "url": "http://x"}
REGISTER = {"namespace": "_", "name": "done", "manifest": RAW}

# (operation, code): path and body, where the name of an endpoint's parameter alone does not make the error.
REQUESTS = {
    ("registerDataset", "INVALID_PAYLOAD_FORMAT"): ("/datasets", {}),
    ("registerDataset", "MANIFEST_NOT_FOUND"): ("/datasets", {**REGISTER, "manifest": ZEROS}),
    ("registerDataset", "VERSION_CONFLICT"): (
        "/datasets", {**REGISTER, "version": "1.0.0", "manifest": {**RAW, "start_block": 1}}),
    **{("registerDataset", code): ("/datasets", {**REGISTER, "name": "bad", "manifest": manifest})
       for code, manifest in BAD_MANIFESTS.items()},
    ("dumpDataset", "INVALID_PATH"): ("/datasets/%2e%2e/dump", {}),
    ("dumpDataset", "INVALID_BODY"): ("/datasets/done/dump", {"end": 1}),
    ("dumpDataset", "INVALID_END_BLOCK"): ("/datasets/done/dump", {"end_block": "soon"}),
    ("dumpDataset", "WORKER_NOT_AVAILABLE"): ("/datasets/done/dump", {"worker_id": "none*"}),
    ("dumpDataset", "ACTIVE_JOB_CONFLICT"): ("/datasets/busy/dump", {"end_block": 5}),
    **{("dumpDataset", code): (f"/datasets/{code.lower()}/dump", {}) for code in BAD_MANIFESTS},
    ("getDatasetByReference", "INVALID_PATH"): ("/datasets/%2e%2e", None),
    ("getDatasetByReference", "DATASET_NOT_FOUND"): ("/datasets/nothing", None),
    ("dumpDataset", "DATASET_NOT_FOUND"): ("/datasets/nothing/dump", {}),
    ("deleteDataset", "DATASET_IN_USE"): ("/datasets/_/busy", None),
    ("deleteVersion", "CANNOT_DELETE_LATEST_VERSION"): ("/datasets/_/done/versions/1.0.0", None),
    ("deployVersion", "INVALID_BODY"): (V.format("done") + "/deploy", {"end": 1}),
    ("deployVersion", "INVALID_END_BLOCK"): (V.format("done") + "/deploy", {"end_block": "soon"}),
    ("deployVersion", "WORKER_NOT_AVAILABLE"): (V.format("done") + "/deploy", {"worker_id": "none*"}),
    ("deployVersion", "ACTIVE_JOB_CONFLICT"): (V.format("busy") + "/deploy", {"end_block": 5}),
    ("repairVersion", "INVALID_BODY"): (V.format("done") + "/repair", {"tables": "blocks"}),
    ("restoreVersion", "TABLE_NOT_REGISTERED"): (V.format("empty") + "/restore", {}),
    ("restoreTable", "INVALID_BODY"): (V.format("done") + "/tables/blocks/restore", {"location_id": "x"}),
    ("restoreTable", "TABLE_NOT_IN_MANIFEST"): (V.format("done") + "/tables/logs/restore", {}),
    ("restoreTable", "TABLE_NOT_REGISTERED"): (V.format("empty") + "/tables/blocks/restore", {}),
    ("restoreTable", "REVISION_NOT_FOUND"): (V.format("done") + "/tables/blocks/restore", {"location_id": 99999}),
    ("restoreTable", "WRITER_JOB_NOT_TERMINAL"): (V.format("busy") + "/tables/blocks/restore", {"location_id": "{idle}"}),
    ("deleteJobs", "INVALID_QUERY_PARAM"): ("/jobs?status=running", None),
    ("deleteJobs", "JOB_CONFLICT"): ("/jobs", {"job_ids": ["{busy}"]}),
    ("deleteJob", "JOB_CONFLICT"): ("/jobs/{busy}", None),
    **{(operation, code): (f"/jobs/{{{job}}}/{path}", body)
       for operation, path in (("resumeJob", "resume"), ("retryJob", "retry"))
       for code, job, body in (("INVALID_BODY", "done", {"parallelism": -1}),
                               ("INVALID_END_BLOCK", "done", {"end_block": "soon"}),
                               ("JOB_CONFLICT", "done", {}), ("ACTIVE_JOB_CONFLICT", "stopped", {}))},
    ("getJobProgress", "INVALID_QUERY_PARAMETERS"): ("/jobs/{done}/progress?wait=x", None),
    ("getJobEvent", "EVENT_NOT_FOUND"): ("/jobs/{done}/events/99999", None),
    ("listJobs", "INVALID_QUERY_PARAMETERS"): ("/jobs?status=foo", None),
    ("deleteWorker", "WORKER_ACTIVE"): ("/workers/worker", None),
    ("createProvider", "INVALID_PROVIDER_NAME"): ("/providers", {**PROVIDER, "name": "a b"}),
    ("createProvider", "INVALID_REQUEST_BODY"): ("/providers", {**PROVIDER, "name": "p", "url": ""}),
    ("createProvider", "DATA_CONVERSION_ERROR"): ("/providers", {**PROVIDER, "name": "p", "priority": None}),
    ("createProvider", "PROVIDER_CONFLICT"): ("/providers", {**PROVIDER, "name": "node"}),
    ("putProvider", "INVALID_PROVIDER_NAME"): ("/providers/a%20b", PROVIDER),
    ("putProvider", "INVALID_REQUEST_BODY"): ("/providers/p", {**PROVIDER, "prioritie": 1}),
    ("putProvider", "DATA_CONVERSION_ERROR"): ("/providers/p", {**PROVIDER, "priority": None}),
    ("putProvider", "PROVIDER_CONFLICT"): ("/providers/owned", PROVIDER),
    ("deleteProvider", "PROVIDER_CONFLICT"): ("/providers/owned", None),
    ("storeManifest", "INVALID_MANIFEST"): ("/manifests", BAD_MANIFESTS["INVALID_MANIFEST"]),
    **{("storeManifest", code): ("/manifests", manifest) for code, manifest in BAD_MANIFESTS.items()},
    ("deleteManifest", "MANIFEST_LINKED"): ("/manifests/{done_hash}", None),
    ("addRevision", "INVALID_BODY"): ("/revisions", {**TABLE, "path": "../x"}),
    ("addRevision", "DATASET_NOT_FOUND"): ("/revisions", {**TABLE, "dataset": "nothing", "path": "x"}),
    ("addRevision", "TABLE_NOT_IN_MANIFEST"): ("/revisions", {**TABLE, "table_name": "logs", "path": "x"}),
    ("addRevision", "REVISION_CONFLICT"): ("/revisions", {"dataset": "done", "table_name": "blocks", "path": "x/y"}),
    ("deactivateRevision", "INVALID_BODY"): ("/revisions/deactivate", {}),
    ("deactivateRevision", "DATASET_NOT_FOUND"): ("/revisions/deactivate", {**TABLE, "dataset": "nothing"}),
    ("deactivateRevision", "TABLE_NOT_IN_MANIFEST"): ("/revisions/deactivate", {**TABLE, "table_name": "logs"}),
    ("deactivateRevision", "WRITER_JOB_NOT_TERMINAL"): ("/revisions/deactivate", TABLE),
    ("activateRevision", "INVALID_BODY"): ("/revisions/{idle}/activate", {"dataset": 7}),
    ("activateRevision", "DATASET_NOT_FOUND"): ("/revisions/{idle}/activate", {**TABLE, "dataset": "nothing"}),
    ("activateRevision", "TABLE_NOT_IN_MANIFEST"): ("/revisions/{idle}/activate", {**TABLE, "table_name": "logs"}),
    ("activateRevision", "WRITER_JOB_NOT_TERMINAL"): ("/revisions/{idle}/activate", {}),
    ("deleteRevision", "REVISION_IS_ACTIVE"): ("/revisions/{revision}", None),
    ("deleteRevision", "WRITER_JOB_NOT_TERMINAL"): ("/revisions/{spare}", None),
    ("truncateRevision", "INVALID_QUERY_PARAMETERS"): ("/revisions/{idle}/truncate?concurrency=x", None),
    ("truncateRevision", "REVISION_IS_ACTIVE"): ("/revisions/{revision}/truncate", None),
    ("truncateRevision", "WRITER_JOB_NOT_TERMINAL"): ("/revisions/{idle}/truncate", None),
    ("pruneRevision", "INVALID_QUERY_PARAMETERS"): ("/revisions/{idle}/prune?before_block=x", None),
    ("pruneRevision", "REVISION_IS_ACTIVE"): ("/revisions/{revision}/prune", None),
    ("pruneRevision", "WRITER_JOB_NOT_TERMINAL"): ("/revisions/{idle}/prune", None),
    ("collectGarbage", "INVALID_BODY"): ("/gc", {"dry_run": "yes"}),
}

# What a parameter of the path or the query makes wherever it stands.
BY_PARAMETER = {
    "INVALID_PATH": {"namespace": "E!"},
    "DATASET_NOT_FOUND": {"name": "nothing"},
    "INVALID_PATH_PARAMS": {"revision": "x%20y"},
    "INVALID_JOB_ID": {"job_id": "x"},
    "JOB_NOT_FOUND": {"job_id": "99999"},
    "INVALID_PATH_PARAMETERS": {"revision_id": "x"},
    "REVISION_NOT_FOUND": {"revision_id": "99999"},
    "INVALID_FILE_ID": {"file_id": "x"},
    "FILE_NOT_FOUND": {"file_id": "99999"},
    "INVALID_HASH": {"hash": "xyz"},
    "MANIFEST_NOT_FOUND": {"hash": ZEROS},
    "INVALID_WORKER_ID": {"node_id": "1x"},
    "WORKER_NOT_FOUND": {"node_id": "nobody"},
    "INVALID_PROVIDER_NAME": {"name": "a%20b"},
    "PROVIDER_NOT_FOUND": {"name": "nobody"},
}
FILLED = {"namespace": "_", "name": "done", "revision": "dev", "table": "blocks", "event_id": "1", "job_id": "1"}
BY_QUERY = {"LIMIT_INVALID": "limit=0", "LIMIT_TOO_LARGE": "limit=1001", "INVALID_QUERY_PARAMETERS": "cursor=x"}

# Tested where their state is made: test_revisions has a job that follows a chain, and revisions with files.
ELSEWHERE = {("repairVersion", "ACTIVE_JOB_CONFLICT"), ("restoreVersion", "WRITER_JOB_NOT_TERMINAL"),
             ("deleteRevision", "FILE_METADATA_REMAINING"), ("activateRevision", "REVISION_NOT_FOUND")}


def request_for(path, operation, code, facts):
    """(path, body) of a request that makes the error."""
    made = REQUESTS.get((operation["operationId"], code))
    if made is not None:
        url, body = made
        fill = lambda text: re.sub(r"\{(\w+)\}", lambda match: str(facts[match.group(1)]), text)
        text = re.sub(r'"\{(\w+)\}"', lambda match: str(facts[match.group(1)]), json.dumps(body))
        return fill(url), json.loads(text)
    wrong = BY_PARAMETER.get(code, {})
    names = re.findall(r"\{(\w+)\}", path)
    if set(wrong) & set(names):
        values = {**FILLED, **wrong}
        return re.sub(r"\{(\w+)\}", lambda match: values[match.group(1)], path), None
    if code in BY_QUERY:
        return re.sub(r"\{(\w+)\}", lambda match: FILLED[match.group(1)], path) + "?" + BY_QUERY[code], None
    raise KeyError(f"no request makes {code}")


def test_every_documented_error_is_an_answer(api):
    wrong = []
    for path, method, operation in api.operations:
        for status, answer in operation["responses"].items():
            if not status.startswith("4"):
                continue
            for code in set(answer["description"].split(", ")) - SHARED:
                key = (operation["operationId"], code)
                if key in ELSEWHERE:
                    continue
                try:
                    url, body = request_for(path, operation, code, api.facts)
                except KeyError as error:
                    wrong.append(f"{key}: {error}")
                    continue
                got = api.admin.request(method.upper(), url, body)
                found = got.json().get("error_code") if got.content else None
                if (str(got.status_code), found) != (status, code):
                    wrong.append(f"{key}: {method.upper()} {url} {body} gave {got.status_code} {got.text[:200]}")
    assert not wrong, "\n".join(wrong)


def test_nothing_is_listed_that_is_not_documented(api):
    documented = {(operation["operationId"], code) for _, _, operation in api.operations
                  for answer in operation["responses"].values() for code in answer["description"].split(", ")}
    assert {key for key in [*REQUESTS, *ELSEWHERE] if key not in documented} == set()


def test_small_reads_and_both_spellings(api):
    admin = api.admin
    assert admin.get("/health") == admin.get("/healthz")
    assert admin.get("/datasets/_/done")["version"] == "1.0.0"
    assert admin.get("/workers/worker")["state"] == "ACTIVE"
    assert [job["id"] for job in admin.get(V.format("done") + "/jobs")["jobs"]] == [api.facts["done"]]
    assert admin.send("POST", f"/jobs/{api.facts['stopped']}/stop")["status"] == "STOPPED"
    admin.send("PUT", f"/jobs/{api.facts['again']}/stop")
    admin.await_job(api.facts["again"], "STOPPED")
    assert admin.send("POST", f"/jobs/{api.facts['stopped']}/retry", {}, 202)["job_id"] == api.facts["stopped"]
    admin.send("PUT", f"/jobs/{api.facts['stopped']}/stop")
    stored = admin.send("POST", "/manifests", {**RAW, "start_block": 7}, 201)["hash"]
    admin.send("DELETE", f"/manifests/{stored}", status=204)


def test_a_body_that_is_too_large_is_refused(api):
    answer = api.admin.session.post(api.admin.url + "/manifests", data=b" " * (64 << 20), timeout=30)
    assert answer.status_code == 413 and answer.json()["error_code"] == "PAYLOAD_TOO_LARGE"
