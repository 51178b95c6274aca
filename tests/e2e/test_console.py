# Copyright 2026 The Amp Authors
# SPDX-License-Identifier: Apache-2.0
"""The web console in Chromium, over a live cluster in one process."""
import html
import re
import shutil
import subprocess

import pytest
from kit.chains import Anvil, Population
from kit.process import wait_for
from test_admin import start_dev

BROWSER = shutil.which("chromium")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs Chromium (apt install chromium)")


@pytest.fixture(scope="module")
def dev(tmp_path_factory):
    node = Anvil(Population(accounts=3, contracts=1))
    node.mine(25)
    process = start_dev(tmp_path_factory.mktemp("console"), "--dataset", "anvil", "--provider-url", node.url)
    process.wait_line("ready for work")
    manifest = {"kind": "evm-rpc", "network": "anvil", "tables": {"blocks": {}}}
    process.admin.send("POST", "/datasets", {"namespace": "acme", "name": "done", "manifest": manifest}, 201)
    process.admin.await_job(process.admin.dump("acme%2Fdone", end_block=20))
    hostile = "<img src=x onerror=document.title='owned'>"
    process.admin.send("PUT", "/providers/remote", {"kind": "evm-rpc", "network": "mainnet", "url": "http://127.0.0.1:1/key",
                                                    "auth_header": hostile})
    yield process
    process.stop()
    node.stop()


def browse(tmp_path, url, *more):
    flags = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}",
             "--virtual-time-budget=12000", *more]
    done = subprocess.run([BROWSER, *flags, url], capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_the_console_shows_the_cluster(dev, tmp_path):
    page = html.unescape(browse(tmp_path, dev.admin.url + "/", "--dump-dom"))
    text = re.sub(r"<script.*?</script>|<[^>]+>", " ", page, flags=re.S)
    for wanted in ("_/anvil", "acme/done", "COMPLETED", "RUNNING", "100.0% of 21", "ACTIVE", "0 - 20", "remote", "built-in", "command line"):
        assert wanted in text, (wanted, text)
    assert "http://127.0.0.1:1/***" in text and "key" not in text.replace("monkey", "")
    assert "<title>Amp</title>" in page and re.search(r'<form id="login" hidden', page)


def test_the_console_can_be_drawn(dev, tmp_path):
    picture = tmp_path / "console.png"
    browse(tmp_path, dev.admin.url + "/", f"--screenshot={picture}", "--window-size=1200,900")
    data = picture.read_bytes()
    assert data.startswith(b"\x89PNG") and len(data) > 10_000


def test_the_page_needs_nothing_from_elsewhere(dev):
    response = dev.admin.request("GET", "/")
    assert response.headers["content-type"].startswith("text/html")
    assert "default-src 'self'" in response.headers["content-security-policy"]
    assert not re.search(r"(src|href)=[\"']?https?:", response.text)
    assert wait_for(lambda: dev.admin.request("GET", "/console").status_code == 200, 5)
