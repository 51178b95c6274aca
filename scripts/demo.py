# Copyright 2026 The Amp Authors
# SPDX-License-Identifier: Apache-2.0
"""The running part of scripts/demo: one local node, one dump, one server, the README's queries."""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

from pyarrow import flight  # noqa: E402

from kit import evm, paths  # noqa: E402
from kit.chains import Anvil, Population  # noqa: E402
from kit.crypto import authorization, keccak, sign  # noqa: E402
from kit.process import Process  # noqa: E402

PRICE = 10**11
TRANSFER = keccak(b"Transfer(address,address,uint256)")


def padded(address: bytes) -> bytes:
    return bytes(12) + address


def transfer(sender, receiver, amount: int) -> bytes:
    """What an ERC-20 token does: log Transfer(from, to, amount) and store a balance."""
    return (evm.log([TRANSFER, padded(sender.address), padded(receiver.address)], amount.to_bytes(32, "big"))
            + evm.store(amount % 4096, amount))


def make_traffic(node):
    """A contract creation, token transfers, transactions of types 0, 1, 2 and 4, failures, and empty blocks."""
    accounts = node.population.accounts
    chain = node.chain_id
    creation = sign(accounts[0], 2, chain, None, data=evm.init_code(node.population.runtime), gas=2_000_000, price=PRICE)
    node.commit([creation])
    receipt = node.rpc.call("eth_getBlockReceipts", "latest")[0]
    token = bytes.fromhex(receipt["contractAddress"][2:])
    print(f"  created the token contract {receipt['contractAddress']}")
    for block in range(60):
        sender, receiver = accounts[block % 5], accounts[(block + 1) % 5]
        pool = []
        for i in range(5):
            pool.append(sign(sender, 2, chain, token, data=transfer(sender, receiver, 10**18 + block * 7 + i), gas=200_000,
                             price=PRICE))
        pool.append(sign(receiver, 0, chain, sender.address, value=10**15, gas=21_000, price=PRICE))
        pool.append(sign(receiver, 1, chain, token, data=transfer(receiver, sender, 5), gas=200_000, price=PRICE,
                         access=[(token, [bytes(32)])]))
        if block % 10 == 3:
            pool.append(sign(sender, 2, chain, token, data=transfer(sender, receiver, 1) + evm.revert(b"no"),
                             gas=200_000, price=PRICE))
        if block % 10 == 7:
            grant = authorization(receiver, chain, token, receiver.take_nonce())
            pool.append(sign(sender, 4, chain, receiver.address, gas=300_000, price=PRICE, authorizations=[grant]))
        node.commit(pool)
    node.mine(40)
    print(f"  {node.rpc.head() + 1} blocks on chain {chain}")


def ask_curl(address: str, sql: str):
    print(f"\n$ curl -X POST http://{address} --data \"{sql}\"", flush=True)
    answer = subprocess.run(["curl", "-sS", "--fail-with-body", "-X", "POST", f"http://{address}", "--data", sql],
                            check=True, capture_output=True, text=True).stdout
    lines = answer.splitlines()
    for line in lines[:5]:
        print(line if len(line) < 400 else line[:400] + " ..")
    if len(lines) > 5:
        print(f".. {len(lines)} rows")
    if not lines:
        sys.exit("no rows")


def ask_pyarrow(address: str, sql: str):
    print(f'\n>>> flight.connect("grpc://{address}").do_get(flight.Ticket("{sql}")).read_all()')
    client = flight.connect(f"grpc://{address}")
    table = client.do_get(flight.Ticket(sql)).read_all()
    for field in list(table.schema)[:8]:
        print(f"  {field.name}: {field.type}{'' if field.nullable else ' not null'}")
    print(f"  .. {table.num_columns} columns, {table.num_rows} rows")
    if table.num_rows == 0:
        sys.exit("no rows")


def timed(what: str, action):
    started = time.monotonic()
    print(f"--- {what}", flush=True)
    result = action()
    print(f"    {what}: {time.monotonic() - started:.1f} s", flush=True)
    return result


def write_configuration(folder: str, data_dir: str):
    """The one line by which a demo on a bucket differs."""
    line = f"data_dir = {json.dumps(data_dir)}\n"
    (pathlib.Path(folder) / "amp.toml").write_text(line)
    print(f"amp.toml: {line}", end="", flush=True)


def main():
    parser = argparse.ArgumentParser(prog="scripts/demo", description="From a clone to answers, with nothing left behind.")
    parser.add_argument("--data-dir", metavar="URL", help="keep the data there instead of in a folder that is removed, such as "
                                                          "s3://bucket/prefix with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY set")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="amp-demo-") as folder:
        running = []
        if wanted.data_dir:
            write_configuration(folder, wanted.data_dir)
        try:
            node = timed("start a local Ethereum node (anvil)", lambda: Anvil(Population(5, 1)))
            running.append(node)
            timed("make traffic", lambda: make_traffic(node))
            dump = [paths.ampd(), "dump", "--dir", folder, "--dataset", "anvil", "--provider-url", node.url]
            print("$ ampd " + " ".join(str(word) for word in dump[1:]), flush=True)
            timed("extract, verify, store", lambda: subprocess.run(dump, check=True))
            server = Process([paths.ampd(), "server", "--dir", folder, "--flight-addr", "127.0.0.1:0",
                              "--jsonl-addr", "127.0.0.1:0"])
            running.append(server)
            http = server.wait_line(r"interface=jsonl address=(\S+)").group(1)
            grpc = server.wait_line(r"interface=flight address=(\S+)").group(1)
            print(f"server: JSON Lines on {http}, Arrow Flight on {grpc}")
            ask_curl(http, "SELECT * FROM anvil.blocks LIMIT 10")
            ask_curl(http, "SELECT address, count(*) AS transfers FROM anvil.logs WHERE topic0 = "
                           f"'0x{TRANSFER.hex()}' GROUP BY address ORDER BY transfers DESC LIMIT 5")
            ask_curl(http, "SELECT type, status, count(*) AS n, sum(tx_gas_used) AS gas FROM anvil.transactions "
                           "GROUP BY ALL ORDER BY type")
            ask_pyarrow(grpc, "SELECT * FROM anvil.blocks LIMIT 10")
            ask_pyarrow(grpc, "SELECT * FROM anvil.logs")
        finally:
            for part in reversed(running):
                part.stop()
    print("\nEverything is stopped and removed.")


if __name__ == "__main__":
    main()
