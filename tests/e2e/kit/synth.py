# Copyright 2026 The Amp Authors
# SPDX-License-Identifier: Apache-2.0
"""Blocks full of token transfers, made without a node: every hash and root is right, only nobody executed them."""
import random

from .crypto import keccak, minimal, rlp
from .verify import bloom, encode_header, encode_receipt, encode_transaction, ordered_root

_TRANSFER = keccak(b"Transfer(address,address,uint256)").hex()
_NO_OMMERS = "0x" + keccak(rlp([])).hex()
_EMPTY_ROOT = "0x" + keccak(b"\x80").hex()
_NO_REQUESTS = "0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
_GAS = 50_000


def transfer_chain(blocks: int, transactions: int, logs: int, seed=1):
    """Yields (block, receipts) for block 0, which is empty, and `blocks` more."""
    rng = random.Random(seed)
    people = ["0x" + bytes(12).hex() + rng.randbytes(20).hex() for _ in range(3000)]
    tokens = ["0x" + rng.randbytes(20).hex() for _ in range(400)]
    parent = "0x" + bytes(32).hex()
    for number in range(blocks + 1):
        made = [_transaction(rng, number, i, tokens) for i in range(transactions if number else 0)]
        receipts, index = [], 0
        for i, tx in enumerate(made):
            entries = []
            for _ in range(logs):
                topics = ["0x" + _TRANSFER, rng.choice(people), rng.choice(people)]
                data = "0x" + minimal(int(10 ** rng.uniform(3, 22))).rjust(32, b"\0").hex()
                entries.append({
                    "address": rng.choice(tokens), "topics": topics, "data": data, "blockNumber": hex(number),
                    "transactionHash": tx["hash"], "transactionIndex": hex(i), "blockHash": None,
                    "logIndex": hex(index), "removed": False})
                index += 1
            receipts.append({
                "blockHash": None, "blockNumber": hex(number), "contractAddress": None,
                "cumulativeGasUsed": hex(_GAS * (i + 1)), "effectiveGasPrice": "0x3b9aca01", "from": tx["from"],
                "gasUsed": hex(_GAS), "logs": entries, "logsBloom": "0x" + _cached_bloom(entries).hex(),
                "status": "0x1", "to": tx["to"], "transactionHash": tx["hash"], "transactionIndex": hex(i),
                "type": "0x2"})
        block = _block(rng, number, parent, made, receipts)
        parent = block["hash"]
        yield block, receipts


_item_blooms: dict = {}


def _cached_bloom(entries) -> bytes:
    """Addresses and topics repeat, and hashing them is the slow part."""
    bits = 0
    for entry in entries:
        for item in (entry["address"], *entry["topics"]):
            if item not in _item_blooms:
                _item_blooms[item] = int.from_bytes(bloom([{"address": item, "topics": []}]), "big")
            bits |= _item_blooms[item]
    return bits.to_bytes(256, "big")


def _transaction(rng, number, index, tokens) -> dict:
    tx = {
        "blockHash": None, "blockNumber": hex(number), "from": "0x" + rng.randbytes(20).hex(), "gas": hex(_GAS),
        "gasPrice": "0x3b9aca01", "maxFeePerGas": "0x77359400", "maxPriorityFeePerGas": "0x1", "hash": None,
        "input": "0xa9059cbb" + rng.randbytes(64).hex(), "nonce": hex(number), "to": rng.choice(tokens),
        "transactionIndex": hex(index), "value": "0x0", "type": "0x2", "accessList": [], "chainId": "0x1",
        "v": "0x1", "yParity": "0x1", "r": hex(rng.getrandbits(255) | 1), "s": hex(rng.getrandbits(254) | 1)}
    tx["hash"] = "0x" + keccak(encode_transaction(tx)).hex()
    return tx


def _block(rng, number, parent, transactions, receipts) -> dict:
    whole = 0
    for receipt in receipts:
        whole |= int(receipt["logsBloom"], 16)
    block = {
        "baseFeePerGas": "0x3b9aca00", "blobGasUsed": "0x0", "difficulty": "0x0", "excessBlobGas": "0x0",
        "extraData": "0x", "gasLimit": hex(10**9), "gasUsed": hex(_GAS * len(transactions)), "hash": None,
        "logsBloom": "0x" + whole.to_bytes(256, "big").hex(), "miner": "0x" + rng.randbytes(20).hex(),
        "mixHash": "0x" + rng.randbytes(32).hex(), "nonce": "0x0000000000000000", "number": hex(number),
        "parentBeaconBlockRoot": "0x" + rng.randbytes(32).hex(), "parentHash": parent,
        "receiptsRoot": "0x" + ordered_root([encode_receipt(r) for r in receipts]).hex(),
        "requestsHash": _NO_REQUESTS, "sha3Uncles": _NO_OMMERS, "stateRoot": "0x" + rng.randbytes(32).hex(),
        "timestamp": hex(1_750_000_000 + 12 * number), "transactions": transactions,
        "transactionsRoot": "0x" + ordered_root([encode_transaction(tx) for tx in transactions]).hex(),
        "uncles": [], "withdrawals": [], "withdrawalsRoot": _EMPTY_ROOT}
    block["hash"] = "0x" + keccak(encode_header(block)).hex()
    for item in (*transactions, *receipts, *(log for r in receipts for log in r["logs"])):
        item["blockHash"] = block["hash"]
    return block
