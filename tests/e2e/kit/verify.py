# Copyright 2026 The Amp Authors
# SPDX-License-Identifier: Apache-2.0
"""Recomputes the hashes and roots of a block and its receipts from their JSON, independently of the program."""
from .crypto import keccak, rlp


def to_bytes(text: str) -> bytes:
    digits = text[2:]
    return bytes.fromhex(digits if len(digits) % 2 == 0 else "0" + digits)


def to_int(text: str) -> int:
    return int(text, 16)


def _nibbles(key: bytes) -> list:
    return [half for byte in key for half in (byte >> 4, byte & 15)]


def _hex_prefix(nibbles, leaf: bool) -> bytes:
    flag = 2 * leaf + (len(nibbles) & 1)
    nibbles = [flag, *nibbles] if len(nibbles) & 1 else [flag, 0, *nibbles]
    return bytes(nibbles[i] * 16 + nibbles[i + 1] for i in range(0, len(nibbles), 2))


def _node(items, depth: int):
    if len(items) == 1:
        key, value = items[0]
        return [_hex_prefix(key[depth:], True), value]
    shared = depth
    while all(len(key) > shared and key[shared] == items[0][0][shared] for key, _ in items):
        shared += 1
    if shared > depth:
        return [_hex_prefix(items[0][0][depth:shared], False), _reference(_node(items, shared))]
    branch = [b""] * 17
    for nibble in range(16):
        below = [item for item in items if len(item[0]) > depth and item[0][depth] == nibble]
        if below:
            branch[nibble] = _reference(_node(below, depth + 1))
    for key, value in items:
        if len(key) == depth:
            branch[16] = value
    return branch


def _reference(node):
    encoded = rlp(node)
    return node if len(encoded) < 32 else keccak(encoded)


def ordered_root(values) -> bytes:
    """Root of the trie RLP(i) -> values[i]."""
    if not values:
        return keccak(b"\x80")
    return keccak(rlp(_node(sorted((_nibbles(rlp(i)), value) for i, value in enumerate(values)), 0)))


_HEADER_TAIL = (("baseFeePerGas", to_int), ("withdrawalsRoot", to_bytes), ("blobGasUsed", to_int),
                ("excessBlobGas", to_int), ("parentBeaconBlockRoot", to_bytes), ("requestsHash", to_bytes),
                ("blockAccessListHash", to_bytes), ("slotNumber", to_int))


def encode_header(block) -> bytes:
    fields = [to_bytes(block[name]) for name in ("parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot",
                                                  "receiptsRoot", "logsBloom")]
    fields += [to_int(block[name]) for name in ("difficulty", "number", "gasLimit", "gasUsed", "timestamp")]
    fields += [to_bytes(block["extraData"]), to_bytes(block["mixHash"]), bytes.fromhex(block["nonce"][2:].zfill(16))]
    for name, convert in _HEADER_TAIL:
        if block.get(name) is None:
            break
        fields.append(convert(block[name]))
    return rlp(fields)


def encode_transaction(tx) -> bytes:
    kind = to_int(tx.get("type", "0x0"))
    to = to_bytes(tx["to"]) if tx.get("to") else b""
    access = [[to_bytes(entry["address"]), [to_bytes(key) for key in entry["storageKeys"]]]
              for entry in tx.get("accessList") or []]
    gas, nonce, value, data = to_int(tx["gas"]), to_int(tx["nonce"]), to_int(tx["value"]), to_bytes(tx["input"])
    signature = [to_int(tx[name]) for name in ("v", "r", "s")]
    if kind == 0:
        return rlp([nonce, to_int(tx["gasPrice"]), gas, to, value, data, *signature])
    chain = to_int(tx["chainId"])
    if kind == 1:
        return b"\x01" + rlp([chain, nonce, to_int(tx["gasPrice"]), gas, to, value, data, access, *signature])
    fields = [chain, nonce, to_int(tx["maxPriorityFeePerGas"]), to_int(tx["maxFeePerGas"]), gas, to, value, data, access]
    if kind == 3:
        fields += [to_int(tx["maxFeePerBlobGas"]), [to_bytes(h) for h in tx["blobVersionedHashes"]]]
    if kind == 4:
        fields += [[[to_int(a["chainId"]), to_bytes(a["address"]), to_int(a["nonce"]), to_int(a["yParity"]),
                     to_int(a["r"]), to_int(a["s"])] for a in tx["authorizationList"]]]
    return bytes([kind]) + rlp(fields + signature)


def encode_receipt(receipt) -> bytes:
    kind = to_int(receipt.get("type", "0x0"))
    root = receipt.get("root")
    first = to_bytes(root) if root and len(root) == 66 else to_int(receipt["status"])
    logs = [[to_bytes(log["address"]), [to_bytes(topic) for topic in log["topics"]], to_bytes(log["data"])]
            for log in receipt["logs"]]
    body = rlp([first, to_int(receipt["cumulativeGasUsed"]), to_bytes(receipt["logsBloom"]), logs])
    return (bytes([kind]) if kind else b"") + body


def bloom(logs) -> bytes:
    bits = bytearray(256)
    for log in logs:
        for item in (log["address"], *log["topics"]):
            digest = keccak(to_bytes(item))
            for i in (0, 2, 4):
                bit = int.from_bytes(digest[i:i + 2], "big") % 2048
                bits[255 - bit // 8] |= 1 << bit % 8
    return bytes(bits)


def check(block, receipts) -> list:
    """Names of the checks that fail; empty for a sound block."""
    results = {"header": keccak(encode_header(block)) == to_bytes(block["hash"])}
    encoded = [encode_transaction(tx) for tx in block["transactions"]]
    results["transactions"] = ordered_root(encoded) == to_bytes(block["transactionsRoot"])
    results["transaction hashes"] = all(keccak(raw) == to_bytes(tx["hash"])
                                        for raw, tx in zip(encoded, block["transactions"], strict=True))
    results["receipts"] = ordered_root([encode_receipt(r) for r in receipts]) == to_bytes(block["receiptsRoot"])
    results["bloom"] = bloom([log for r in receipts for log in r["logs"]]) == to_bytes(block["logsBloom"])
    if block.get("withdrawals") is not None:
        results["withdrawals"] = ordered_root([
            rlp([to_int(w["index"]), to_int(w["validatorIndex"]), to_bytes(w["address"]), to_int(w["amount"])])
            for w in block["withdrawals"]]) == to_bytes(block["withdrawalsRoot"])
    return [name for name, good in results.items() if not good]
