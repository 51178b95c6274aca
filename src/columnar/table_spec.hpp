// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace arrow {
class Schema;
class DataType;
}  // namespace arrow

namespace amp::columnar {

/// The type words of the raw tables reference (1.2).
enum class ColumnType : std::uint8_t {
    kU64,      // declared UInt64, physical INT64; never above 2^63 - 1
    kU64Wide,  // declared UInt64, may exceed 2^63 - 1 (the "*" of the reference)
    kU32,
    kU8,
    kI32,
    kBool,
    kUtf8,
    kBinary,
    kHash32,
    kAddress,
    kDecimal,    // Decimal128(38, 0)
    kTimestamp,  // declared Timestamp(ns, "+00:00"), physical TIMESTAMP(MICROS, UTC)
    kHashList,
    kWithdrawalList,
    kAccessList,
    kAuthorizationList,
    kAuthorizationOverflowList,
};

/// True for the list types, whose values go through TableBuilder::nested().
bool is_nested(ColumnType type);

enum class Encoding : std::uint8_t { kPlain, kDictionary, kDelta };

struct ColumnSpec {
    std::string_view name;
    ColumnType type;
    bool nullable = false;
    bool added = false;  // follows the base columns; older files may lack it
    Encoding encoding = Encoding::kPlain;
    bool statistics = true;
    /// The Parquet field id: fixed for ever, never reused. Nested fields have 100 * field_id + 1, + 2, .. in
    /// the order of the schema tree.
    int field_id = 0;
};

/// One built-in table: the single source of its schemas, encodings and documentation.
struct TableSpec {
    std::string_view kind;  // dataset kind, for example "evm-rpc"
    std::string_view name;
    std::vector<ColumnSpec> columns;
    std::vector<std::string_view> sorted_by;
};

/// Version of the built-in schemas, `schema` in the files' own metadata.
inline constexpr int kSchemaVersion = 1;

/// The tables of a dataset kind in listing order; empty for an unknown kind.
std::span<const TableSpec> tables_of(std::string_view kind);
/// nullptr if there is none.
const TableSpec* find_table(std::string_view kind, std::string_view table);

/// How a column, or a leaf inside a list, of this name is encoded.
Encoding encoding_of(std::string_view leaf_name, ColumnType type);

/// The types clients see: unsigned integers, FixedSizeBinary, Timestamp(ns, "+00:00"), nullability of the
/// reference.
std::shared_ptr<arrow::Schema> declared_schema(const TableSpec& table);
/// The types in files: signed integers for unsigned ones, microsecond timestamps; field ids in the metadata.
std::shared_ptr<arrow::Schema> physical_schema(const TableSpec& table);

}  // namespace amp::columnar
