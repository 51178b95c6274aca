// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "columnar/table_spec.hpp"

#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <string>

namespace amp::columnar {
namespace {

using enum ColumnType;

constexpr bool kRequired = false;
constexpr bool kNullable = true;
constexpr bool kBase = false;
constexpr bool kAdded = true;

// Dictionaries pay for values that come back often; deltas for running numbers. Hashes, amounts and payloads
// are smaller and faster as plain values (measured).
constexpr std::array<std::string_view, 20> kDictionaryNames = {
    "_block_num", "block_num", "timestamp", "block_hash", "address",  "from",     "to",
    "caller",     "topic0",    "topic1",    "topic2",     "topic3",   "miner",    "type",
    "status",     "call_type", "depth",     "version",    "chain_id", "gas_limit"};
constexpr std::array<std::string_view, 11> kDeltaNames = {
    "tx_index",    "log_index", "tx_log_index", "index",       "parent_index",       "begin_ordinal",
    "end_ordinal", "ordinal",   "gas_used",     "tx_gas_used", "cumulative_gas_used"};
// Payloads nobody compares: bounds of them would only make footers large.
constexpr std::array<std::string_view, 7> kNoStatisticsNames = {
    "data", "input", "return_data", "logs_bloom", "extra_data", "public_key", "extra_json"};

template <std::size_t N>
bool holds(const std::array<std::string_view, N>& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

struct Row {
    int field_id;
    std::string_view name;
    ColumnType type;
    bool nullable = kRequired;
    bool added = kBase;
};

TableSpec make_table(std::string_view kind, std::string_view name, std::vector<std::string_view> sorted_by,
                     std::initializer_list<Row> rows) {
    TableSpec table{.kind = kind, .name = name, .columns = {}, .sorted_by = std::move(sorted_by)};
    table.columns.reserve(rows.size());
    for (const Row& row : rows) {
        const bool nested = is_nested(row.type);
        table.columns.push_back({
            .name = row.name,
            .type = row.type,
            .nullable = row.nullable,
            .added = row.added,
            .encoding = nested ? Encoding::kPlain : encoding_of(row.name, row.type),
            .statistics = !nested && !holds(kNoStatisticsNames, row.name),
            .field_id = row.field_id,
        });
    }
    return table;
}

TableSpec evm_blocks(std::string_view kind) {
    return make_table(kind, "blocks", {"_block_num"},
                      {
                          {1, "_block_num", kU64},
                          {2, "block_num", kU64},
                          {3, "timestamp", kTimestamp},
                          {4, "hash", kHash32},
                          {5, "parent_hash", kHash32},
                          {6, "ommers_hash", kHash32},
                          {7, "miner", kAddress},
                          {8, "state_root", kHash32},
                          {9, "transactions_root", kHash32},
                          {10, "receipt_root", kHash32},
                          {11, "logs_bloom", kBinary},
                          {12, "difficulty", kDecimal},
                          {13, "total_difficulty", kDecimal, kNullable},
                          {14, "gas_limit", kU64Wide},
                          {15, "gas_used", kU64},
                          {16, "extra_data", kBinary},
                          {17, "mix_hash", kHash32},
                          {18, "nonce", kU64Wide},
                          {19, "base_fee_per_gas", kDecimal, kNullable},
                          {20, "withdrawals_root", kHash32, kNullable},
                          {21, "blob_gas_used", kU64, kNullable},
                          {22, "excess_blob_gas", kU64, kNullable},
                          {23, "parent_beacon_root", kHash32, kNullable},
                          {24, "requests_hash", kHash32, kNullable},
                          {25, "size", kU64, kNullable, kAdded},
                          {26, "uncle_hashes", kHashList, kNullable, kAdded},
                          {27, "withdrawals", kWithdrawalList, kNullable, kAdded},
                          {28, "block_access_list_hash", kHash32, kNullable, kAdded},
                          {29, "slot_number", kU64, kNullable, kAdded},
                          {30, "detail_level", kI32, kNullable, kAdded},
                          {31, "total_difficulty_overflow", kHash32, kNullable, kAdded},
                          {32, "base_fee_per_gas_overflow", kHash32, kNullable, kAdded},
                          {33, "extra_json", kUtf8, kNullable, kAdded},
                      });
}

TableSpec evm_rpc_transactions() {
    return make_table("evm-rpc", "transactions", {"_block_num", "tx_index"},
                      {
                          {1, "_block_num", kU64},
                          {2, "block_hash", kHash32},
                          {3, "block_num", kU64},
                          {4, "timestamp", kTimestamp},
                          {5, "tx_index", kU32},
                          {6, "tx_hash", kHash32},
                          {7, "to", kAddress, kNullable},
                          {8, "nonce", kU64},
                          {9, "gas_price", kDecimal, kNullable},
                          {10, "gas_limit", kU64Wide},
                          {11, "value", kUtf8},
                          {12, "input", kBinary},
                          {13, "r", kHash32},
                          {14, "s", kHash32},
                          {15, "v_parity", kBool},
                          {16, "chain_id", kU64Wide, kNullable},
                          {17, "gas_used", kU64},
                          {18, "type", kI32},
                          {19, "max_fee_per_gas", kDecimal, kNullable},
                          {20, "max_priority_fee_per_gas", kDecimal, kNullable},
                          {21, "max_fee_per_blob_gas", kDecimal, kNullable},
                          {22, "from", kAddress},
                          {23, "status", kBool},
                          {24, "state_root", kHash32, kNullable},
                          {25, "access_list", kAccessList, kNullable},
                          {26, "blob_versioned_hashes", kHashList, kNullable},
                          {27, "authorization_list", kAuthorizationList, kNullable},
                          {28, "cumulative_gas_used", kU64, kNullable, kAdded},
                          {29, "tx_gas_used", kU64, kNullable, kAdded},
                          {30, "effective_gas_price", kDecimal, kNullable, kAdded},
                          {31, "contract_address", kAddress, kNullable, kAdded},
                          {32, "blob_gas_used", kU64, kNullable, kAdded},
                          {33, "blob_gas_price", kDecimal, kNullable, kAdded},
                          {34, "value_dec", kDecimal, kNullable, kAdded},
                          {35, "gas_price_overflow", kHash32, kNullable, kAdded},
                          {36, "max_fee_per_gas_overflow", kHash32, kNullable, kAdded},
                          {37, "max_priority_fee_per_gas_overflow", kHash32, kNullable, kAdded},
                          {38, "max_fee_per_blob_gas_overflow", kHash32, kNullable, kAdded},
                          {39, "effective_gas_price_overflow", kHash32, kNullable, kAdded},
                          {40, "blob_gas_price_overflow", kHash32, kNullable, kAdded},
                          {41, "authorization_list_overflow", kAuthorizationOverflowList, kNullable, kAdded},
                          {42, "deposit_source_hash", kHash32, kNullable, kAdded},
                          {43, "deposit_mint", kDecimal, kNullable, kAdded},
                          {44, "deposit_mint_overflow", kHash32, kNullable, kAdded},
                          {45, "deposit_is_system", kBool, kNullable, kAdded},
                          {46, "deposit_nonce", kU64, kNullable, kAdded},
                          {47, "deposit_receipt_version", kU64, kNullable, kAdded},
                          {48, "extra_json", kUtf8, kNullable, kAdded},
                      });
}

TableSpec evm_rpc_logs() {
    return make_table("evm-rpc", "logs", {"_block_num", "log_index"},
                      {
                          {1, "_block_num", kU64},
                          {2, "block_hash", kHash32},
                          {3, "block_num", kU64},
                          {4, "timestamp", kTimestamp},
                          {5, "tx_hash", kHash32},
                          {6, "tx_index", kU32},
                          {7, "log_index", kU32},
                          {8, "address", kAddress},
                          {9, "topic0", kHash32, kNullable},
                          {10, "topic1", kHash32, kNullable},
                          {11, "topic2", kHash32, kNullable},
                          {12, "topic3", kHash32, kNullable},
                          {13, "data", kBinary},
                          {14, "extra_json", kUtf8, kNullable, kAdded},
                      });
}

const std::vector<TableSpec>& evm_rpc_tables() {
    static const std::vector<TableSpec> tables = {evm_blocks("evm-rpc"), evm_rpc_transactions(),
                                                  evm_rpc_logs()};
    return tables;
}

// Builds Arrow types in one of the two forms; gives out field ids in the physical one.
class SchemaBuilder {
  public:
    explicit SchemaBuilder(bool physical) : physical_(physical) {}

    std::shared_ptr<arrow::Field> column(const ColumnSpec& spec) {
        next_nested_id_ = 100 * spec.field_id + 1;
        return arrow::field(std::string(spec.name), type(spec.type), spec.nullable,
                            id_metadata(spec.field_id));
    }

  private:
    std::shared_ptr<const arrow::KeyValueMetadata> id_metadata(int id) const {
        if (!physical_) return nullptr;
        return arrow::key_value_metadata({"PARQUET:field_id"}, {std::to_string(id)});
    }

    // Numbers follow the schema tree from the root, so a field takes its own before those inside it.
    template <typename MakeType>
    std::shared_ptr<arrow::Field> nested_field(const char* name, MakeType make_type) {
        const auto metadata = id_metadata(next_nested_id_++);
        return arrow::field(name, make_type(), false, metadata);
    }
    std::shared_ptr<arrow::Field> nested_field(const char* name, ColumnType leaf) {
        return nested_field(name, [&] { return type(leaf); });
    }
    template <typename MakeType>
    std::shared_ptr<arrow::DataType> list_of(MakeType make_type) {
        return arrow::list(nested_field("item", make_type));
    }

    std::shared_ptr<arrow::DataType> authorization(ColumnType chain_id, ColumnType y_parity) {
        arrow::FieldVector fields;
        fields.push_back(nested_field("chain_id", chain_id));
        fields.push_back(nested_field("address", kAddress));
        fields.push_back(nested_field("nonce", kU64Wide));
        fields.push_back(nested_field("y_parity", y_parity));
        fields.push_back(nested_field("r", kHash32));
        fields.push_back(nested_field("s", kHash32));
        return arrow::struct_(fields);
    }

    std::shared_ptr<arrow::DataType> withdrawal() {
        arrow::FieldVector fields;
        fields.push_back(nested_field("index", kU64));
        fields.push_back(nested_field("validator_index", kU64));
        fields.push_back(nested_field("address", kAddress));
        fields.push_back(nested_field("amount", kU64));
        return arrow::struct_(fields);
    }

    std::shared_ptr<arrow::DataType> access_entry() {
        arrow::FieldVector fields;
        fields.push_back(nested_field("address", kAddress));
        fields.push_back(nested_field("storage_keys", kHashList));
        return arrow::struct_(fields);
    }

    std::shared_ptr<arrow::DataType> type(ColumnType column_type) {
        switch (column_type) {
            case kU64:
            case kU64Wide:
                return physical_ ? arrow::int64() : arrow::uint64();
            case kU32:
                return physical_ ? arrow::int32() : arrow::uint32();
            case kU8:
                return physical_ ? arrow::int32() : arrow::uint8();
            case kI32:
                return arrow::int32();
            case kBool:
                return arrow::boolean();
            case kUtf8:
                return arrow::utf8();
            case kBinary:
                return arrow::binary();
            case kHash32:
                return arrow::fixed_size_binary(32);
            case kAddress:
                return arrow::fixed_size_binary(20);
            case kDecimal:
                return arrow::decimal128(38, 0);
            case kTimestamp:
                return arrow::timestamp(physical_ ? arrow::TimeUnit::MICRO : arrow::TimeUnit::NANO, "+00:00");
            case kHashList:
                return list_of([this] { return type(kHash32); });
            case kWithdrawalList:
                return list_of([this] { return withdrawal(); });
            case kAccessList:
                return list_of([this] { return access_entry(); });
            case kAuthorizationList:
                return list_of([this] { return authorization(kU64Wide, kBool); });
            case kAuthorizationOverflowList:
                return list_of([this] { return authorization(kHash32, kU8); });
        }
        return nullptr;
    }

    const bool physical_;
    int next_nested_id_ = 0;
};

std::shared_ptr<arrow::Schema> make_schema(const TableSpec& table, bool physical) {
    SchemaBuilder builder(physical);
    arrow::FieldVector fields;
    fields.reserve(table.columns.size());
    for (const ColumnSpec& column : table.columns) fields.push_back(builder.column(column));
    return arrow::schema(std::move(fields));
}

}  // namespace

bool is_nested(ColumnType type) {
    switch (type) {
        case kHashList:
        case kWithdrawalList:
        case kAccessList:
        case kAuthorizationList:
        case kAuthorizationOverflowList:
            return true;
        default:
            return false;
    }
}

Encoding encoding_of(std::string_view leaf_name, ColumnType type) {
    // Parquet has no dictionary for BOOLEAN; one bit a value is small anyway.
    if (type == kBool) return Encoding::kPlain;
    if (holds(kDictionaryNames, leaf_name)) return Encoding::kDictionary;
    if (holds(kDeltaNames, leaf_name)) return Encoding::kDelta;
    return Encoding::kPlain;
}

std::span<const TableSpec> tables_of(std::string_view kind) {
    if (kind == "evm-rpc") return evm_rpc_tables();
    return {};
}

const TableSpec* find_table(std::string_view kind, std::string_view table) {
    for (const TableSpec& spec : tables_of(kind))
        if (spec.name == table) return &spec;
    return nullptr;
}

std::shared_ptr<arrow::Schema> declared_schema(const TableSpec& table) { return make_schema(table, false); }

std::shared_ptr<arrow::Schema> physical_schema(const TableSpec& table) { return make_schema(table, true); }

}  // namespace amp::columnar
