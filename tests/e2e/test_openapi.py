# Copyright 2026 The Amp Authors
# SPDX-License-Identifier: Apache-2.0
"""schemathesis reads the OpenAPI document and looks for answers that it does not allow, and for any 5xx."""
import re
import subprocess

import pytest
from kit import paths
from kit.chains import Anvil, Population
from test_admin import start_dev

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance"
# Answers that wait: the stream of a job without an end, news of its progress, and a node that does not answer.
WAITING = r"/(stream|progress|test)$"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_no_answer_differs_from_the_document(tmp_path):
    node = Anvil(Population(accounts=3, contracts=1))
    node.mine(20)
    process = start_dev(tmp_path / "base", "--dataset", "anvil", "--provider-url", node.url)
    try:
        process.wait_line("ready for work")
        process.admin.send("POST", "/datasets", {"namespace": "_", "name": "d", "version": "1.0.0", "manifest": {
            "kind": "evm-rpc", "network": "anvil", "tables": {"blocks": {}}}}, 201)
        process.admin.await_job(process.admin.dump("d", end_block=10))
        done = subprocess.run(
            [paths.schemathesis(), "run", process.admin.url + "/openapi.json", "--checks", CHECKS, "--phases",
             "coverage,fuzzing", "--max-examples", "5", "--generation-deterministic",
             "--exclude-path-regex", WAITING, "--continue-on-failure", "--no-color"],
            capture_output=True, text=True, timeout=500, cwd=tmp_path)
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        assert int(re.search(r"(\d+) generated", done.stdout).group(1)) > 500, done.stdout[-3000:]
    finally:
        node.stop()
        assert process.stop(20) == 0, process.output
