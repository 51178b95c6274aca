// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "query/engine.hpp"
#include "query/live_catalog.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace arrow {
class DataType;
}

namespace amp::query {

/// Every table at `latest`, else `dev`, by schema and table. No file is opened.
std::vector<TableListing> list_tables(const Snapshot& snapshot);

/// The SQL name of a wire type: UBIGINT, BYTES32, DECIMAL(38,0), TIMESTAMP WITH TIME ZONE, BYTES32[] ..
std::string sql_type_name(const arrow::DataType& type);

/// A SELECT over literal rows. All columns are VARCHAR but those of `integer_column`, which are BIGINT.
std::string values_query(const std::vector<std::string>& columns,
                         const std::vector<std::vector<std::string>>& rows,
                         std::string_view integer_column = {});

/// `SELECT` that yields information_schema.<table> (SQL reference 1.5); empty if there is no such table.
std::string information_schema_query(const Snapshot& snapshot, std::string_view table);
/// `SELECT` that yields SHOW TABLES.
std::string show_tables_query(const Snapshot& snapshot);
/// `SELECT` that yields DESCRIBE of a schema.
std::string describe_query(const arrow::Schema& schema);

}  // namespace amp::query
