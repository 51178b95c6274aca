# Copyright 2026 The Amp Authors
# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the end-to-end tests. Chains are made once per run; every test has base directories of its own."""
import dataclasses
import functools
import pathlib
import shutil

import pytest
from kit import mapping, paths
from kit.ampd import Ampd
from kit.chains import Anvil, Geth, Population
from kit.postgres import ScratchPostgres
from kit.replay import Replay, write_corpus
from kit.traffic import EveryForm

BLOCKS = 310


@dataclasses.dataclass
class Chain:
    """A node's chain as its own JSON-RPC tells it."""

    node: object
    dataset: str  # bundled, of the node's chain id
    blocks: list  # (block, receipts)

    @property
    def url(self) -> str:
        return self.node.url

    @property
    def head(self) -> int:
        return len(self.blocks) - 1

    @functools.cached_property
    def expected(self) -> dict:
        return mapping.expected_tables(self.blocks)


def pytest_configure(config):
    if not paths.ampd().is_file():
        raise pytest.UsageError(f"{paths.ampd()} is missing: build it (cmake --build --preset release) or set AMPD")


@pytest.fixture(scope="session")
def scratch(tmp_path_factory) -> pathlib.Path:
    return tmp_path_factory.mktemp("amp")


@pytest.fixture(scope="session")
def anvil_chain():
    """Every form but blobs: anvil answers a wrong transactions root for blocks with blob transactions."""
    node = Anvil(Population(accounts=20, contracts=4))
    EveryForm(node, blobs=False, exotic=False).extend(BLOCKS)
    yield Chain(node, "anvil", list(node.rpc.blocks(range(BLOCKS + 1))))
    node.stop()


@pytest.fixture(scope="session")
def geth_chain(scratch):
    if paths.geth() is None:
        pytest.skip("needs geth, and building it needs Go on the PATH")
    folder = scratch / "geth"
    node = Geth(folder, Population(accounts=20, contracts=4), chain_id=1)
    EveryForm(node).extend(BLOCKS)
    yield Chain(node, "eth_mainnet", list(node.rpc.blocks(range(BLOCKS + 1))))
    node.stop()
    shutil.rmtree(folder, ignore_errors=True)  # a data folder of geth takes a gigabyte


@pytest.fixture(scope="session")
def replay(anvil_chain, scratch):
    """The anvil chain from the replay server: the same answers in a fraction of the time."""
    corpus = scratch / "anvil.jsonl"
    write_corpus(corpus, anvil_chain.blocks)
    with Replay(corpus, cache=scratch / "anvil.replay", chain_id=31337) as server:
        yield server


@pytest.fixture
def ampd(tmp_path) -> Ampd:
    return Ampd(tmp_path / "base")


@pytest.fixture(scope="session")
def dumped(replay, anvil_chain, scratch) -> Ampd:
    """A base directory that holds the whole anvil chain. Read only."""
    made = Ampd(scratch / "dumped")
    made.dump("anvil", replay.url, anvil_chain.head)
    return made


@pytest.fixture(scope="session")
def server(dumped):
    """A query server over `dumped`."""
    with dumped.serve() as running:
        yield running


@pytest.fixture(scope="session")
def postgres():
    cluster = ScratchPostgres()
    yield cluster
    cluster.stop()


@pytest.fixture(scope="session")
def shared_data() -> pathlib.Path:
    folder = paths.shared_data()
    if folder is None:
        pytest.skip("needs the recorded chain data (AMP_SHARED_DATA), which is not part of the project")
    return folder
