# Copyright 2026 The Amp Authors
# SPDX-License-Identifier: Apache-2.0
"""What every stored row must be, computed from a node's own JSON: the raw tables reference written a second time, in
another language, so that a mistake in the program is not repeated here."""
import json
from decimal import Decimal

import pyarrow as pa

from . import schemas
from .verify import to_bytes, to_int

_MAX_DECIMAL = 10**38 - 1
_BLOB_GAS = 131_072

_BLOCK_KNOWN = set("""number timestamp hash parentHash sha3Uncles miner stateRoot transactionsRoot receiptsRoot logsBloom
    difficulty totalDifficulty gasLimit gasUsed extraData mixHash nonce baseFeePerGas withdrawalsRoot blobGasUsed
    excessBlobGas parentBeaconBlockRoot requestsHash size uncles withdrawals blockAccessListHash slotNumber transactions
    author""".split())
_TX_KNOWN = set("""hash to nonce gasPrice gas value input data r s yParity v chainId type maxFeePerGas
    maxPriorityFeePerGas maxFeePerBlobGas from accessList blobVersionedHashes authorizationList sourceHash mint isSystemTx
    blockHash blockNumber blockTimestamp transactionIndex creates raw publicKey standardV condition""".split())
_RECEIPT_KNOWN = set("""cumulativeGasUsed gasUsed status root effectiveGasPrice contractAddress blobGasUsed blobGasPrice
    depositNonce depositReceiptVersion blockHash blockNumber blockTimestamp from to type transactionHash transactionIndex
    logs logsBloom""".split())
_LOG_KNOWN = set("""address topics data blockHash blockNumber transactionHash transactionIndex logIndex blockTimestamp
    removed""".split())


def _number(source, name):
    return None if source.get(name) is None else to_int(source[name])


def _bytes(source, name):
    return None if source.get(name) is None else to_bytes(source[name])


def _decimal(value):
    """The arithmetic column: NULL when the source has no value and when it does not fit."""
    return None if value is None or value > _MAX_DECIMAL else Decimal(value)


def _overflow(value):
    """The lossless twin: set only when the value does not fit."""
    return value.to_bytes(32, "big") if value is not None and value > _MAX_DECIMAL else None


def _with_twin(row, name, value):
    row[name] = _decimal(value)
    row[name + "_overflow"] = _overflow(value)


def _extra(parts):
    """Canonical JSON of the members that are not empty; None if nothing is left."""
    left = {name: fields for name, fields in parts.items() if fields}
    return json.dumps(left, sort_keys=True, separators=(",", ":"), ensure_ascii=False) if left else None


def _unknown(source, known):
    return {name: value for name, value in source.items() if name not in known and value is not None}


def _timestamp(block):
    return to_int(block["timestamp"]) * 10**9


def _word(text):
    """A quantity as 32 bytes."""
    return to_int(text).to_bytes(32, "big")


def block_row(block) -> dict:
    row = {
        "_block_num": to_int(block["number"]), "block_num": to_int(block["number"]), "timestamp": _timestamp(block),
        "hash": to_bytes(block["hash"]), "parent_hash": to_bytes(block["parentHash"]),
        "ommers_hash": to_bytes(block["sha3Uncles"]), "miner": to_bytes(block["miner"]),
        "state_root": to_bytes(block["stateRoot"]), "transactions_root": to_bytes(block["transactionsRoot"]),
        "receipt_root": to_bytes(block["receiptsRoot"]), "logs_bloom": to_bytes(block["logsBloom"]),
        "difficulty": Decimal(to_int(block["difficulty"])), "gas_limit": to_int(block["gasLimit"]),
        "gas_used": to_int(block["gasUsed"]), "extra_data": to_bytes(block["extraData"]),
        "mix_hash": to_bytes(block["mixHash"]), "nonce": to_int(block["nonce"]),
        "withdrawals_root": _bytes(block, "withdrawalsRoot"), "blob_gas_used": _number(block, "blobGasUsed"),
        "excess_blob_gas": _number(block, "excessBlobGas"),
        "parent_beacon_root": _bytes(block, "parentBeaconBlockRoot"), "requests_hash": _bytes(block, "requestsHash"),
        "size": _number(block, "size") or None,
        "uncle_hashes": None if block.get("uncles") is None else [to_bytes(h) for h in block["uncles"]],
        "withdrawals": None, "block_access_list_hash": _bytes(block, "blockAccessListHash"),
        "slot_number": _number(block, "slotNumber"), "detail_level": None,
        "extra_json": _extra({"block": _unknown(block, _BLOCK_KNOWN)}),
    }
    _with_twin(row, "total_difficulty", _number(block, "totalDifficulty"))
    _with_twin(row, "base_fee_per_gas", _number(block, "baseFeePerGas"))
    if block.get("withdrawalsRoot") is not None and block.get("withdrawals") is not None:
        row["withdrawals"] = [
            {"index": to_int(w["index"]), "validator_index": to_int(w["validatorIndex"]),
             "address": to_bytes(w["address"]), "amount": to_int(w["amount"])} for w in block["withdrawals"]]
    return row


def _signature(tx, kind, extra):
    """v_parity and chain_id"""
    v = _number(tx, "v") or 0
    if kind == 0:
        if v in (27, 28):
            return bool(v - 27), None
        if v >= 35:
            return bool((v - 35) % 2), (v - 35) // 2
        extra["v"] = tx["v"]
        return False, _number(tx, "chainId")
    parity = _number(tx, "yParity")
    return bool(v if parity is None else parity), _number(tx, "chainId")


def _authorizations(tx):
    """authorization_list and authorization_list_overflow: the second takes the whole list if one element is too wide."""
    def entry(item, chain_id, parity):
        return {"chain_id": chain_id, "address": to_bytes(item["address"]), "nonce": to_int(item["nonce"]),
                "y_parity": parity, "r": _word(item["r"]), "s": _word(item["s"])}

    items = tx["authorizationList"]
    parity_of = [to_int(item.get("yParity", item.get("v"))) for item in items]
    if all(to_int(item["chainId"]) < 2**64 for item in items) and all(parity <= 1 for parity in parity_of):
        narrow = [entry(item, to_int(item["chainId"]), bool(p)) for item, p in zip(items, parity_of, strict=True)]
        return narrow, None
    return None, [entry(item, _word(item["chainId"]), p) for item, p in zip(items, parity_of, strict=True)]


def _effective_gas_price(block, tx, receipt, kind):
    if receipt.get("effectiveGasPrice") is not None:
        return to_int(receipt["effectiveGasPrice"])
    if kind in (0, 1):
        return to_int(tx["gasPrice"])
    base = to_int(block["baseFeePerGas"])
    return base + min(to_int(tx["maxPriorityFeePerGas"]), to_int(tx["maxFeePerGas"]) - base)


def transaction_row(block, tx, receipt, index) -> dict:
    kind = _number(tx, "type") or 0
    assert kind <= 4, f"transaction type {kind} is not an Ethereum type"
    unknown_tx = _unknown(tx, _TX_KNOWN)
    parity, chain_id = _signature(tx, kind, unknown_tx)
    value = to_int(tx["value"])
    contract = _bytes(receipt, "contractAddress")
    only_root = receipt.get("status") is None
    row = {
        "_block_num": to_int(block["number"]), "block_hash": to_bytes(block["hash"]),
        "block_num": to_int(block["number"]), "timestamp": _timestamp(block), "tx_index": index,
        "tx_hash": to_bytes(tx["hash"]), "to": _bytes(tx, "to"), "nonce": to_int(tx["nonce"]),
        "gas_limit": to_int(tx["gas"]), "value": str(value),
        "input": to_bytes(tx["input"] if tx.get("input") is not None else tx["data"]), "r": _word(tx["r"]),
        "s": _word(tx["s"]), "v_parity": parity, "chain_id": chain_id,
        "gas_used": to_int(receipt["cumulativeGasUsed"]), "type": kind, "from": to_bytes(tx["from"]),
        "status": True if only_root else to_int(receipt["status"]) == 1,
        "state_root": _bytes(receipt, "root") if only_root else None,
        "access_list": None if kind == 0 else [
            {"address": to_bytes(a["address"]), "storage_keys": [to_bytes(key) for key in a["storageKeys"]]}
            for a in tx.get("accessList") or []],
        "blob_versioned_hashes": [to_bytes(h) for h in tx["blobVersionedHashes"]] if kind == 3 else None,
        "authorization_list": None, "cumulative_gas_used": to_int(receipt["cumulativeGasUsed"]),
        "tx_gas_used": to_int(receipt["gasUsed"]), "contract_address": contract if contract and any(contract) else None,
        "blob_gas_used": None, "value_dec": _decimal(value), "authorization_list_overflow": None,
        "deposit_source_hash": None, "deposit_mint": None, "deposit_mint_overflow": None, "deposit_is_system": None,
        "deposit_nonce": None, "deposit_receipt_version": None,
        "extra_json": _extra({"receipt": _unknown(receipt, _RECEIPT_KNOWN), "tx": unknown_tx}),
    }
    fee_market = kind >= 2
    _with_twin(row, "gas_price", None if fee_market else to_int(tx["gasPrice"]))
    _with_twin(row, "max_fee_per_gas", to_int(tx["maxFeePerGas"] if fee_market else tx["gasPrice"]))
    _with_twin(row, "max_priority_fee_per_gas", to_int(tx["maxPriorityFeePerGas"]) if fee_market else None)
    _with_twin(row, "max_fee_per_blob_gas", to_int(tx["maxFeePerBlobGas"]) if kind == 3 else None)
    _with_twin(row, "effective_gas_price", _effective_gas_price(block, tx, receipt, kind))
    _with_twin(row, "blob_gas_price", _number(receipt, "blobGasPrice") if kind == 3 else None)
    if kind == 3:
        used = _number(receipt, "blobGasUsed")
        row["blob_gas_used"] = _BLOB_GAS * len(tx["blobVersionedHashes"]) if used is None else used
    if kind == 4:
        row["authorization_list"], row["authorization_list_overflow"] = _authorizations(tx)
    return row


def log_row(block, log) -> dict:
    topics = [to_bytes(topic) for topic in log["topics"]]
    return {
        "_block_num": to_int(block["number"]), "block_hash": to_bytes(log["blockHash"]),
        "block_num": to_int(log["blockNumber"]), "timestamp": _timestamp(block),
        "tx_hash": to_bytes(log["transactionHash"]), "tx_index": to_int(log["transactionIndex"]),
        "log_index": to_int(log["logIndex"]), "address": to_bytes(log["address"]),
        **{f"topic{i}": topics[i] if i < len(topics) else None for i in range(4)}, "data": to_bytes(log["data"]),
        "extra_json": None if not (rest := _unknown(log, _LOG_KNOWN)) else
        json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False),
    }


def expected_tables(chain) -> dict:
    """Tables with the documented schemas from (block, receipts) pairs in order."""
    rows = {"blocks": [], "transactions": [], "logs": []}
    for block, receipts in chain:
        receipts = receipts or []
        rows["blocks"].append(block_row(block))
        assert len(receipts) == len(block["transactions"])
        for index, (tx, receipt) in enumerate(zip(block["transactions"], receipts, strict=True)):
            rows["transactions"].append(transaction_row(block, tx, receipt, index))
            rows["logs"] += [log_row(block, log) for log in receipt["logs"]]
    return {name: pa.Table.from_pylist(listed, schema=schemas.TABLES[name]) for name, listed in rows.items()}
