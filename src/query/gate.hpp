// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "query/engine.hpp"
#include "query/live_catalog.hpp"
#include "query/query_error.hpp"
#include "query/sql_text.hpp"

#include <duckdb.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace amp::query {

/// The engine-side names that the gate writes into a checked statement and refuses in a client's.
inline constexpr const char* kScanFunction = "__amp_scan";
inline constexpr const char* kUnsignedFunction = "__amp_u64";
inline constexpr const char* kCheckedBytesFunction = "__amp_bytes";

/// One use of a table in a query.
struct ScanTable {
    std::shared_ptr<const TableSnapshot> table;
    std::string alias;  // as columns of it are qualified
    std::vector<catalog::File> files;
};

/// A statement that may run: every table is a scan of pinned files, every function is allowed.
struct GatedQuery {
    duckdb::unique_ptr<duckdb::SQLStatement> statement;
    std::vector<ScanTable> scans;  // the scan function's argument is an index into it
    std::vector<NetworkRange> ranges;
    bool is_explain = false;
};

/// Plans a checked query that DESCRIBE names; raises RefusedQuery.
using DescribeQuery = std::function<std::shared_ptr<arrow::Schema>(GatedQuery)>;

/// The read-only gate (wire reference 7.3) and name resolution (SQL reference 2) over the engine's parsed
/// tree.
Result<GatedQuery> gate(const SqlText& text, const Snapshot& snapshot, const DescribeQuery& describe);

}  // namespace amp::query
