// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "query/output_types.hpp"

#include "query/wire_types.hpp"

#include <arrow/type.h>

namespace amp::query {
namespace {

using duckdb::LogicalType;
using duckdb::LogicalTypeId;
using Type = std::shared_ptr<arrow::DataType>;

/// Types that go out as text; only at the top level, where they can be cast.
bool is_text_form(const LogicalType& type) {
    switch (type.id()) {
        case LogicalTypeId::UUID:
        case LogicalTypeId::ENUM:
        case LogicalTypeId::BIT:
        case LogicalTypeId::BIGNUM:
        case LogicalTypeId::UHUGEINT:
            return true;
        default:
            return false;
    }
}

/// The export type of the engine for `type` (what ArrowAppender makes) or, with `wire`, the wire type.
Type arrow_type(const LogicalType& type, bool wire) {
    switch (type.id()) {
        case LogicalTypeId::BOOLEAN:
            return arrow::boolean();
        case LogicalTypeId::TINYINT:
            return arrow::int8();
        case LogicalTypeId::SMALLINT:
            return arrow::int16();
        case LogicalTypeId::INTEGER:
            return arrow::int32();
        case LogicalTypeId::BIGINT:
            return arrow::int64();
        case LogicalTypeId::UTINYINT:
            return arrow::uint8();
        case LogicalTypeId::USMALLINT:
            return arrow::uint16();
        case LogicalTypeId::UINTEGER:
            return arrow::uint32();
        case LogicalTypeId::UBIGINT:
            return arrow::uint64();
        case LogicalTypeId::FLOAT:
            return arrow::float32();
        case LogicalTypeId::DOUBLE:
            return arrow::float64();
        case LogicalTypeId::HUGEINT:
            return arrow::decimal128(38, 0);
        case LogicalTypeId::DECIMAL:
            return arrow::decimal128(duckdb::DecimalType::GetWidth(type),
                                     duckdb::DecimalType::GetScale(type));
        case LogicalTypeId::VARCHAR:
        case LogicalTypeId::CHAR:
            return arrow::utf8();
        case LogicalTypeId::BLOB: {
            const int width = bytes_width(type);
            return wire && width > 0 ? arrow::fixed_size_binary(width) : arrow::binary();
        }
        case LogicalTypeId::DATE:
            return arrow::date32();
        case LogicalTypeId::TIME:
            return arrow::time64(arrow::TimeUnit::MICRO);
        case LogicalTypeId::INTERVAL:
            return arrow::month_day_nano_interval();
        case LogicalTypeId::TIMESTAMP_TZ:
            return wire ? arrow::timestamp(arrow::TimeUnit::NANO, "+00:00")
                        : arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
        case LogicalTypeId::TIMESTAMP:
            return arrow::timestamp(wire ? arrow::TimeUnit::NANO : arrow::TimeUnit::MICRO);
        case LogicalTypeId::TIMESTAMP_MS:
            return arrow::timestamp(wire ? arrow::TimeUnit::NANO : arrow::TimeUnit::MILLI);
        case LogicalTypeId::TIMESTAMP_SEC:
            return arrow::timestamp(wire ? arrow::TimeUnit::NANO : arrow::TimeUnit::SECOND);
        case LogicalTypeId::TIMESTAMP_NS:
            return arrow::timestamp(arrow::TimeUnit::NANO);
        case LogicalTypeId::SQLNULL:
            return arrow::null();
        case LogicalTypeId::LIST:
            return arrow::list(arrow::field("item", arrow_type(duckdb::ListType::GetChildType(type), wire)));
        case LogicalTypeId::ARRAY:
            return arrow::fixed_size_list(
                arrow::field("item", arrow_type(duckdb::ArrayType::GetChildType(type), wire)),
                static_cast<std::int32_t>(duckdb::ArrayType::GetSize(type)));
        case LogicalTypeId::MAP:
            return arrow::map(arrow_type(duckdb::MapType::KeyType(type), wire),
                              arrow_type(duckdb::MapType::ValueType(type), wire));
        case LogicalTypeId::STRUCT: {
            arrow::FieldVector fields;
            for (const auto& member : duckdb::StructType::GetChildTypes(type))
                fields.push_back(arrow::field(member.first, arrow_type(member.second, wire)));
            return arrow::struct_(std::move(fields));
        }
        default:
            return nullptr;
    }
}

// Arrow's import of the engine's arrays stops at 64 levels.
constexpr int kNestingMax = 60;

bool has_wire_type(const LogicalType& type, int depth = 0) {
    if (depth > kNestingMax) return false;
    switch (type.id()) {
        case LogicalTypeId::LIST:
            return has_wire_type(duckdb::ListType::GetChildType(type), depth + 1);
        case LogicalTypeId::ARRAY:
            return has_wire_type(duckdb::ArrayType::GetChildType(type), depth + 1);
        case LogicalTypeId::MAP:
            return has_wire_type(duckdb::MapType::KeyType(type), depth + 2) &&
                   has_wire_type(duckdb::MapType::ValueType(type), depth + 2);
        case LogicalTypeId::STRUCT:
            for (const auto& member : duckdb::StructType::GetChildTypes(type))
                if (!has_wire_type(member.second, depth + 1)) return false;
            return true;
        default:
            return arrow_type(type, true) != nullptr;
    }
}

}  // namespace

OutputColumn output_column(const std::string& name, const LogicalType& type, const TracedColumn& traced) {
    if (is_text_form(type)) return {LogicalType::VARCHAR, arrow::field(name, arrow::utf8(), traced.nullable)};
    if (!has_wire_type(type)) {
        const auto brief = [](std::string text) {
            if (text.size() <= 100) return text;
            return text.substr(0, 98) + "..";
        };
        refuse(Code::kInvalidArgument, "PLANNING_ERROR",
               "the column {} has type {}, which cannot be returned; cast it, for example with ::VARCHAR",
               brief(name), brief(type.ToString()));
    }
    Type wire = arrow_type(type, true);
    if (traced.type && can_become(*arrow_type(type, false), *traced.type)) wire = traced.type;
    return {type, arrow::field(name, wire, traced.nullable || wire->id() == arrow::Type::NA)};
}

}  // namespace amp::query
