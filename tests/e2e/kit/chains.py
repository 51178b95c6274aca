# Copyright 2026 The Amp Authors
# SPDX-License-Identifier: Apache-2.0
"""Local Ethereum nodes with ready-made accounts and contracts: geth, whose blocks are committed one by one with exactly
the transactions given, and anvil."""
import json
import pathlib
import subprocess

from . import paths
from .crypto import Account, keccak
from .evm import script_runtime
from .process import Process, free_port, wait_for
from .rpc import Rpc

GENESIS_TIME = 1_750_000_000
SLOT_SECONDS = 12
# Room for values, fees and gas prices above 38 decimal digits.
_BALANCE = 10**60

# EIPs 4788, 2935, 7002, 7251: a chain after Prague cannot make blocks without these contracts.
_SYSTEM_CONTRACTS = {
    "0x000F3df6D732807Ef1319fB7B8bB8522d0Beac02": (
        "3373fffffffffffffffffffffffffffffffffffffffe14604d57602036146024575f5ffd5b5f35801560495762001fff81069081"
        "5414603c575f5ffd5b62001fff01545f5260205ff35b5f5ffd5b62001fff42064281555f359062001fff015500"
    ),
    "0x0000F90827F1C53a10cb7A02335B175320002935": (
        "3373fffffffffffffffffffffffffffffffffffffffe14604657602036036042575f35600143038111604257611fff8143031160"
        "4257611fff9006545f5260205ff35b5f5ffd5b5f35611fff60014303065500"
    ),
    "0x00000961Ef480Eb55e80D19ad83579A64c007002": (
        "3373fffffffffffffffffffffffffffffffffffffffe1460cb5760115f54807fffffffffffffffffffffffffffffffffffffffff"
        "ffffffffffffffffffffffff146101f457600182026001905f5b5f82111560685781019083028483029004916001019190604d56"
        "5b909390049250505036603814608857366101f457346101f4575f5260205ff35b34106101f45760015460010160015560035480"
        "6003026004013381556001015f35815560010160203590553360601b5f5260385f601437604c5fa0600101600355005b60035460"
        "02548082038060101160df575060105b5f5b8181146101835782810160030260040181604c02815460601b815260140181600101"
        "5481526020019060020154807fffffffffffffffffffffffffffffffff0000000000000000000000000000000016825290601001"
        "9060401c908160381c81600701538160301c81600601538160281c81600501538160201c81600401538160181c81600301538160"
        "101c81600201538160081c81600101535360010160e1565b910180921461019557906002556101a0565b90505f6002555f600355"
        "5b5f54807fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff14156101cd57505f5b600154600282"
        "8201116101e25750505f6101e8565b01600290035b5f555f600155604c025ff35b5f5ffd"
    ),
    "0x0000BBdDc7CE488642fb579F8B00f3a590007251": (
        "3373fffffffffffffffffffffffffffffffffffffffe1460d35760115f54807fffffffffffffffffffffffffffffffffffffffff"
        "ffffffffffffffffffffffff1461019a57600182026001905f5b5f82111560685781019083028483029004916001019190604d56"
        "5b9093900492505050366060146088573661019a573461019a575f5260205ff35b341061019a5760015460010160015560035480"
        "6004026004013381556001015f358155600101602035815560010160403590553360601b5f5260605f60143760745fa060010160"
        "0355005b6003546002548082038060021160e7575060025b5f5b8181146101295782810160040260040181607402815460601b81"
        "5260140181600101548152602001816002015481526020019060030154905260010160e9565b910180921461013b579060025561"
        "0146565b90505f6002555f6003555b5f54807fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff14"
        "1561017357505f5b6001546001828201116101885750505f61018e565b01600190035b5f555f6001556074025ff35b5f5ffd"
    ),
}


class Population:
    """Who sends and what is called: the same on every node of one size."""

    def __init__(self, accounts: int, contracts: int):
        self.accounts = [Account(f"account {i}") for i in range(accounts)]
        self.contracts = [keccak(f"contract {i}".encode())[12:] for i in range(contracts)]
        self.runtime = script_runtime()


class _Node:
    def __init__(self, population: Population, chain_id: int, process: Process, port: int):
        self.population, self.chain_id, self.process = population, chain_id, process
        self.url = f"http://127.0.0.1:{port}"
        self.rpc = Rpc(self.url)
        wait_for(self.rpc.is_up, 60, f"an answer of {process.name}")

    def base_fee(self) -> int:
        return int(self.rpc.call("eth_getBlockByNumber", "latest", False)["baseFeePerGas"], 16)

    def stop(self):
        self.process.stop()


class Geth(_Node):
    """geth on a genesis with every fork up to Osaka active. Blocks exist as soon as commit() returns."""

    def __init__(self, folder: pathlib.Path, population: Population, chain_id: int):
        self._time = GENESIS_TIME
        self._withdrawal = 70_000_000
        folder.mkdir(parents=True, exist_ok=True)
        genesis = folder / "genesis.json"
        genesis.write_text(json.dumps(_genesis(population, chain_id)))
        data = ["--datadir", str(folder / "node"), "--verbosity", "1"]
        subprocess.run([paths.geth(), *data, "init", genesis], check=True, capture_output=True)
        port = free_port()
        process = Process([
            paths.geth(), *data, "--networkid", chain_id, "--nodiscover", "--maxpeers", 0, "--http", "--http.port", port,
            "--http.api", "eth,net,web3,testing", "--authrpc.port", free_port(), "--port", 0, "--ipcdisable",
            "--gcmode", "archive", "--cache", 256])
        super().__init__(population, chain_id, process, port)

    def commit(self, transactions, *, random_source, withdrawals=0, extra=b"amp test"):
        """Makes the next block of exactly these raw transactions."""
        self._time += SLOT_SECONDS
        listed = []
        for _ in range(withdrawals):
            listed.append({
                "index": hex(self._withdrawal), "validatorIndex": hex(random_source.randrange(10**6)),
                "address": "0x" + random_source.choice(self.population.contracts).hex(),
                "amount": hex(random_source.randrange(10**7, 2 * 10**7))})
            self._withdrawal += 1
        attributes = {
            "timestamp": hex(self._time), "prevRandao": "0x" + random_source.randbytes(32).hex(),
            "suggestedFeeRecipient": "0x" + random_source.choice(self.population.accounts).address.hex(),
            "withdrawals": listed, "parentBeaconBlockRoot": "0x" + random_source.randbytes(32).hex()}
        self.rpc.call("testing_commitBlockV1", attributes, ["0x" + raw.hex() for raw in transactions],
                      "0x" + extra.hex())


def _genesis(population: Population, chain_id: int) -> dict:
    forks = ("homestead eip150 eip155 eip158 byzantium constantinople petersburg istanbul muirGlacier berlin london "
             "arrowGlacier grayGlacier mergeNetsplit").split()
    blobs = {"target": 6, "max": 9, "baseFeeUpdateFraction": 5_007_716}
    alloc = {"0x" + account.address.hex(): {"balance": hex(_BALANCE)} for account in population.accounts}
    alloc |= {"0x" + address.hex(): {"balance": "0x0", "code": "0x" + population.runtime.hex()}
              for address in population.contracts}
    alloc |= {address: {"balance": "0x0", "nonce": "0x1", "code": "0x" + code}
              for address, code in _SYSTEM_CONTRACTS.items()}
    return {
        "config": {
            "chainId": chain_id, **{f"{fork}Block": 0 for fork in forks},
            **{f"{fork}Time": 0 for fork in ("shanghai", "cancun", "prague", "osaka")},
            "terminalTotalDifficulty": 0, "depositContractAddress": "0x00000000219ab540356cbb839cbe05303d7705fa",
            "blobSchedule": {"cancun": {"target": 3, "max": 6, "baseFeeUpdateFraction": 3_338_477},
                             "prague": blobs, "osaka": blobs}},
        "nonce": "0x0", "timestamp": hex(GENESIS_TIME), "extraData": "0x", "gasLimit": hex(45_000_000),
        "difficulty": "0x0", "baseFeePerGas": hex(10**9), "alloc": alloc}


class Anvil(_Node):
    """anvil without automatic mining; blocks are final two behind the head."""

    def __init__(self, population: Population, chain_id: int = 31337):
        port = free_port()
        process = Process([
            paths.anvil(), "--port", port, "--no-mining", "--silent", "--chain-id", chain_id, "--order", "fifo",
            "--slots-in-an-epoch", 1, "--timestamp", GENESIS_TIME])
        super().__init__(population, chain_id, process, port)
        calls = [("anvil_setBalance", "0x" + account.address.hex(), hex(_BALANCE)) for account in population.accounts]
        calls += [("anvil_setCode", "0x" + address.hex(), "0x" + population.runtime.hex())
                  for address in population.contracts]
        self.rpc.batch(calls)

    def commit(self, transactions, **_):
        if transactions:
            self.rpc.batch([("eth_sendRawTransaction", "0x" + raw.hex()) for raw in transactions])
        self.rpc.call("evm_mine")

    def mine(self, blocks: int):
        """Empty blocks."""
        self.rpc.call("anvil_mine", hex(blocks))
