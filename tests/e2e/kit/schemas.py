# Copyright 2026 The Amp Authors
# SPDX-License-Identifier: Apache-2.0
"""The documented schemas of kind evm-rpc, field for field, as clients see them."""
import pyarrow as pa

U64, U32, U8, I32, BOOL, UTF8, BINARY = pa.uint64(), pa.uint32(), pa.uint8(), pa.int32(), pa.bool_(), pa.utf8(), pa.binary()
H32, A20 = pa.binary(32), pa.binary(20)
DECIMAL = pa.decimal128(38, 0)
TIMESTAMP = pa.timestamp("ns", "+00:00")


def _required(name, kind):
    return pa.field(name, kind, nullable=False)


def _nullable(name, kind):
    return pa.field(name, kind, nullable=True)


def _list(item):
    return pa.list_(pa.field("item", item, nullable=False))


def _struct(*fields):
    return pa.struct([_required(name, kind) for name, kind in fields])


HASHES = _list(H32)
WITHDRAWALS = _list(_struct(("index", U64), ("validator_index", U64), ("address", A20), ("amount", U64)))
ACCESS_LIST = _list(_struct(("address", A20), ("storage_keys", HASHES)))
AUTHORIZATIONS = _list(_struct(
    ("chain_id", U64), ("address", A20), ("nonce", U64), ("y_parity", BOOL), ("r", H32), ("s", H32)))
WIDE_AUTHORIZATIONS = _list(_struct(
    ("chain_id", H32), ("address", A20), ("nonce", U64), ("y_parity", U8), ("r", H32), ("s", H32)))

BLOCKS = pa.schema([
    _required("_block_num", U64),
    _required("block_num", U64),
    _required("timestamp", TIMESTAMP),
    _required("hash", H32),
    _required("parent_hash", H32),
    _required("ommers_hash", H32),
    _required("miner", A20),
    _required("state_root", H32),
    _required("transactions_root", H32),
    _required("receipt_root", H32),
    _required("logs_bloom", BINARY),
    _required("difficulty", DECIMAL),
    _nullable("total_difficulty", DECIMAL),
    _required("gas_limit", U64),
    _required("gas_used", U64),
    _required("extra_data", BINARY),
    _required("mix_hash", H32),
    _required("nonce", U64),
    _nullable("base_fee_per_gas", DECIMAL),
    _nullable("withdrawals_root", H32),
    _nullable("blob_gas_used", U64),
    _nullable("excess_blob_gas", U64),
    _nullable("parent_beacon_root", H32),
    _nullable("requests_hash", H32),
    _nullable("size", U64),
    _nullable("uncle_hashes", HASHES),
    _nullable("withdrawals", WITHDRAWALS),
    _nullable("block_access_list_hash", H32),
    _nullable("slot_number", U64),
    _nullable("detail_level", I32),
    _nullable("total_difficulty_overflow", H32),
    _nullable("base_fee_per_gas_overflow", H32),
    _nullable("extra_json", UTF8),
])

TRANSACTIONS = pa.schema([
    _required("_block_num", U64),
    _required("block_hash", H32),
    _required("block_num", U64),
    _required("timestamp", TIMESTAMP),
    _required("tx_index", U32),
    _required("tx_hash", H32),
    _nullable("to", A20),
    _required("nonce", U64),
    _nullable("gas_price", DECIMAL),
    _required("gas_limit", U64),
    _required("value", UTF8),
    _required("input", BINARY),
    _required("r", H32),
    _required("s", H32),
    _required("v_parity", BOOL),
    _nullable("chain_id", U64),
    _required("gas_used", U64),
    _required("type", I32),
    _nullable("max_fee_per_gas", DECIMAL),
    _nullable("max_priority_fee_per_gas", DECIMAL),
    _nullable("max_fee_per_blob_gas", DECIMAL),
    _required("from", A20),
    _required("status", BOOL),
    _nullable("state_root", H32),
    _nullable("access_list", ACCESS_LIST),
    _nullable("blob_versioned_hashes", HASHES),
    _nullable("authorization_list", AUTHORIZATIONS),
    _nullable("cumulative_gas_used", U64),
    _nullable("tx_gas_used", U64),
    _nullable("effective_gas_price", DECIMAL),
    _nullable("contract_address", A20),
    _nullable("blob_gas_used", U64),
    _nullable("blob_gas_price", DECIMAL),
    _nullable("value_dec", DECIMAL),
    _nullable("gas_price_overflow", H32),
    _nullable("max_fee_per_gas_overflow", H32),
    _nullable("max_priority_fee_per_gas_overflow", H32),
    _nullable("max_fee_per_blob_gas_overflow", H32),
    _nullable("effective_gas_price_overflow", H32),
    _nullable("blob_gas_price_overflow", H32),
    _nullable("authorization_list_overflow", WIDE_AUTHORIZATIONS),
    _nullable("deposit_source_hash", H32),
    _nullable("deposit_mint", DECIMAL),
    _nullable("deposit_mint_overflow", H32),
    _nullable("deposit_is_system", BOOL),
    _nullable("deposit_nonce", U64),
    _nullable("deposit_receipt_version", U64),
    _nullable("extra_json", UTF8),
])

LOGS = pa.schema([
    _required("_block_num", U64),
    _required("block_hash", H32),
    _required("block_num", U64),
    _required("timestamp", TIMESTAMP),
    _required("tx_hash", H32),
    _required("tx_index", U32),
    _required("log_index", U32),
    _required("address", A20),
    _nullable("topic0", H32),
    _nullable("topic1", H32),
    _nullable("topic2", H32),
    _nullable("topic3", H32),
    _required("data", BINARY),
    _nullable("extra_json", UTF8),
])

TABLES = {"blocks": BLOCKS, "transactions": TRANSACTIONS, "logs": LOGS}
SORTED_BY = {"blocks": ["_block_num"], "transactions": ["_block_num", "tx_index"], "logs": ["_block_num", "log_index"]}


def physical(kind: pa.DataType) -> pa.DataType:
    """The type of the same column in a Parquet file."""
    if kind in (U64,):
        return pa.int64()
    if kind in (U32, U8):
        return pa.int32()
    if kind == TIMESTAMP:
        return pa.timestamp("us", "+00:00")
    if pa.types.is_list(kind):
        return pa.list_(pa.field("item", physical(kind.value_type), nullable=False))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(physical(field.type)) for field in kind])
    return kind
