// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "query/catalog_views.hpp"

#include <arrow/type.h>
#include <fmt/format.h>

#include <algorithm>

namespace amp::query {
namespace {

// Stands for NULL in the rows of values_query(); no name or type contains it.
constexpr std::string_view kNull = "\x01";

std::string quoted(std::string_view text) {
    std::string out = "'";
    for (const char c : text) {
        if (c == '\'') out += '\'';
        out += c;
    }
    return out + "'";
}

std::string literal(std::string_view text, bool integer) {
    if (text == kNull) return "NULL::VARCHAR";
    return integer ? fmt::format("{}::BIGINT", text) : quoted(text);
}

std::string member_name(std::string_view name) {
    std::string out = "\"";
    for (const char c : name) {
        if (c == '"') out += '"';
        out += c;
    }
    return out + "\"";
}

}  // namespace

std::vector<TableListing> list_tables(const Snapshot& snapshot) {
    std::vector<TableListing> out;
    for (const auto& [key, dataset] : snapshot.datasets) {
        if (key.find('@') != std::string::npos) continue;
        const bool is_default = dataset->dataset.ns == "_";
        if (is_default ? key != dataset->dataset.name : key.find('/') == std::string::npos) continue;
        for (const auto& [name, table] : dataset->tables)
            out.push_back({key, name, columnar::declared_schema(*table->spec)});
    }
    return out;
}

std::string sql_type_name(const arrow::DataType& type) {
    switch (type.id()) {
        case arrow::Type::BOOL:
            return "BOOLEAN";
        case arrow::Type::INT8:
            return "TINYINT";
        case arrow::Type::INT16:
            return "SMALLINT";
        case arrow::Type::INT32:
            return "INTEGER";
        case arrow::Type::INT64:
            return "BIGINT";
        case arrow::Type::UINT8:
            return "UTINYINT";
        case arrow::Type::UINT16:
            return "USMALLINT";
        case arrow::Type::UINT32:
            return "UINTEGER";
        case arrow::Type::UINT64:
            return "UBIGINT";
        case arrow::Type::FLOAT:
            return "FLOAT";
        case arrow::Type::DOUBLE:
            return "DOUBLE";
        case arrow::Type::STRING:
            return "VARCHAR";
        case arrow::Type::BINARY:
            return "BLOB";
        case arrow::Type::DATE32:
            return "DATE";
        case arrow::Type::TIME64:
            return "TIME";
        case arrow::Type::INTERVAL_MONTH_DAY_NANO:
            return "INTERVAL";
        case arrow::Type::FIXED_SIZE_BINARY:
            return fmt::format("BYTES{}", static_cast<const arrow::FixedSizeBinaryType&>(type).byte_width());
        case arrow::Type::DECIMAL128: {
            const auto& decimal = static_cast<const arrow::Decimal128Type&>(type);
            return fmt::format("DECIMAL({},{})", decimal.precision(), decimal.scale());
        }
        case arrow::Type::TIMESTAMP:
            return static_cast<const arrow::TimestampType&>(type).timezone().empty()
                       ? "TIMESTAMP"
                       : "TIMESTAMP WITH TIME ZONE";
        case arrow::Type::LIST:
            return sql_type_name(*type.field(0)->type()) + "[]";
        case arrow::Type::FIXED_SIZE_LIST:
            return fmt::format("{}[{}]", sql_type_name(*type.field(0)->type()),
                               static_cast<const arrow::FixedSizeListType&>(type).list_size());
        case arrow::Type::MAP: {
            const auto& map = static_cast<const arrow::MapType&>(type);
            return fmt::format("MAP({}, {})", sql_type_name(*map.key_type()),
                               sql_type_name(*map.item_type()));
        }
        case arrow::Type::STRUCT: {
            std::string out;
            for (const auto& field : type.fields())
                out += (out.empty() ? "" : ", ") + member_name(field->name()) + " " +
                       sql_type_name(*field->type());
            return "STRUCT(" + out + ")";
        }
        case arrow::Type::NA:
            return "\"NULL\"";
        default:
            return type.ToString();
    }
}

std::string values_query(const std::vector<std::string>& columns,
                         const std::vector<std::vector<std::string>>& rows, std::string_view integer_column) {
    std::string list;
    for (const std::string& column : columns) list += (list.empty() ? "" : ", ") + member_name(column);
    std::string values;
    const auto add = [&](const std::vector<std::string>& row) {
        values += values.empty() ? "(" : ", (";
        for (std::size_t i = 0; i < row.size(); ++i)
            values += (i == 0 ? "" : ", ") + literal(row[i], columns[i] == integer_column);
        values += ")";
    };
    for (const auto& row : rows) add(row);
    // VALUES needs a row to have types.
    if (rows.empty()) {
        std::vector<std::string> blank;
        for (const std::string& column : columns) blank.push_back(column == integer_column ? "0" : "");
        add(blank);
    }
    return fmt::format("SELECT * FROM (VALUES {}) AS v({}){}", values, list,
                       rows.empty() ? " WHERE false" : "");
}

std::string information_schema_query(const Snapshot& snapshot, std::string_view table) {
    const std::vector<TableListing> tables = list_tables(snapshot);
    std::vector<std::vector<std::string>> rows;
    const std::string null(kNull);
    if (table == "schemata") {
        for (const TableListing& entry : tables)
            if (rows.empty() || rows.back()[1] != entry.schema) rows.push_back({null, entry.schema});
        return values_query({"catalog_name", "schema_name"}, rows);
    }
    if (table == "tables") {
        for (const TableListing& entry : tables)
            rows.push_back({null, entry.schema, entry.table, "BASE TABLE"});
        return values_query({"table_catalog", "table_schema", "table_name", "table_type"}, rows);
    }
    if (table == "columns") {
        for (const TableListing& entry : tables)
            for (int i = 0; i < entry.declared->num_fields(); ++i) {
                const auto& field = entry.declared->field(i);
                rows.push_back({null, entry.schema, entry.table, field->name(), fmt::format("{}", i + 1),
                                field->nullable() ? "YES" : "NO", sql_type_name(*field->type())});
            }
        return values_query({"table_catalog", "table_schema", "table_name", "column_name", "ordinal_position",
                             "is_nullable", "data_type"},
                            rows, "ordinal_position");
    }
    return {};
}

std::string show_tables_query(const Snapshot& snapshot) {
    std::vector<std::vector<std::string>> rows;
    for (const TableListing& entry : list_tables(snapshot)) rows.push_back({entry.schema, entry.table});
    std::sort(rows.begin(), rows.end());
    return values_query({"table_schema", "table_name"}, rows);
}

std::string describe_query(const arrow::Schema& schema) {
    std::vector<std::vector<std::string>> rows;
    for (const auto& field : schema.fields())
        rows.push_back({field->name(), sql_type_name(*field->type()), field->nullable() ? "YES" : "NO"});
    return values_query({"column_name", "data_type", "is_nullable"}, rows);
}

}  // namespace amp::query
