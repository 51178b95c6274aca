# Copyright 2026 The Amp Authors
# SPDX-License-Identifier: Apache-2.0
"""`ampctl` against a live Admin API: what people and scripts see, and exit codes."""
import json
import subprocess

import pytest
from kit import paths
from kit.ampd import clean_environment
from kit.chains import Anvil, Population
from kit.process import free_port
from test_admin import start_dev


@pytest.fixture(scope="module")
def node():
    chain = Anvil(Population(accounts=3, contracts=1))
    chain.mine(20)
    yield chain
    chain.stop()


@pytest.fixture(scope="module")
def dev(tmp_path_factory, node):
    process = start_dev(tmp_path_factory.mktemp("ctl"), "--admin-server", "--jsonl-server")
    process.wait_line("ready for work")
    yield process
    process.stop()


def ctl_at(url, *args, stdin=None):
    done = subprocess.run([paths.ampctl(), "--admin-url", url, *map(str, args)], capture_output=True, text=True,
                          input=stdin, timeout=60, env=clean_environment())
    return done


@pytest.fixture
def ctl(dev):
    def run(*args, code=0, stdin=None):
        done = ctl_at(dev.admin.url, *args, stdin=stdin)
        assert done.returncode == code, f"{args}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    return run


def test_from_a_provider_to_a_finished_job(ctl, node):
    ctl("provider", "register", "mine", "-", stdin=f'kind = "evm-rpc"\nnetwork = "anvil"\nurl = "{node.url}"\n')
    assert "mine" in ctl("provider", "ls")
    assert json.loads(ctl("provider", "test", "mine"))["chain_id"] == 31337
    manifest = json.dumps({"kind": "evm-rpc", "network": "anvil", "tables": {"blocks": {}}})
    ctl("dataset", "register", "acme/chain", "-", "--tag", "1.0.0", stdin=manifest)
    assert "acme/chain  1.0.0" in ctl("dataset", "list")
    job = json.loads(ctl("--json", "dataset", "deploy", "acme/chain@1.0.0", "--end-block", 20))["job_id"]
    assert f"job {job} COMPLETED" in ctl("job", "wait", job)
    assert "100.0%" in ctl("job", "list", "-s", "all")
    assert "COMPLETED" in ctl("job", "events", job)
    assert json.loads(ctl("dataset", "gaps", "acme/chain"))["tables"][0]["missing"] == []
    assert "1.0.0" in ctl("dataset", "versions", "acme/chain")
    lines = ctl("--json", "job", "watch", job).splitlines()
    assert json.loads(lines[-1])["percent"] == 100.0
    ctl("job", "rm", job)
    ctl("job", "inspect", job, code=1)


def test_a_stopped_job_ends_a_wait_with_its_own_code(ctl):
    ctl("provider", "register", "mine2", "-", code=1, stdin='kind = "evm-rpc"\nnetwork = "anvil"\n')
    manifest = json.dumps({"kind": "evm-rpc", "network": "nowhere"})
    ctl("dataset", "register", "never", "-", stdin=manifest)
    reference = json.loads(ctl("--json", "dataset", "dump", "never"))
    ctl("job", "stop", reference["job_id"])
    ctl("job", "wait", reference["job_id"], code=3)
    ctl("job", "resume", reference["job_id"])
    ctl("job", "stop", reference["job_id"])
    ctl("job", "prune")
    ctl("dataset", "rm", "never")


def test_status_and_workers(ctl):
    assert "1 ACTIVE" in ctl("status")
    assert "worker" in ctl("worker", "list")
    assert json.loads(ctl("worker", "inspect", "worker"))["state"] == "ACTIVE"


def test_errors_are_sentences_with_codes(ctl):
    done = ctl_at(f"http://127.0.0.1:{free_port()}", "status")
    assert done.returncode == 1 and "cannot be reached" in done.stderr and "--admin-url" in done.stderr
    shown = json.loads(ctl("--json", "job", "inspect", 424242, code=1))
    assert shown["error_code"] == "JOB_NOT_FOUND"
    ctl("job", "inspect", code=2)
    ctl("jub", code=2)


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion_scripts(ctl, shell):
    script = ctl("completion", shell)
    assert "complete -F _ampctl ampctl" in script
    if shell == "bash":
        probe = script + '\nCOMP_WORDS=(ampctl job wa); COMP_CWORD=2; _ampctl; echo "${COMPREPLY[*]}"'
        done = subprocess.run(["bash", "-c", probe], capture_output=True, text=True, check=True)
        assert set(done.stdout.split()) >= {"watch", "wait"}
