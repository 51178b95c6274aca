// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "query/engine.hpp"
#include "query/query_watch.hpp"

#include <duckdb.hpp>

#include <memory>
#include <vector>

namespace amp::query {

/// A query that is ready to run on its own connection.
struct PlannedQuery {
    std::shared_ptr<duckdb::Connection> connection;
    duckdb::unique_ptr<duckdb::PreparedStatement> statement;
    duckdb::vector<duckdb::LogicalType> exported;  // as OutputColumn::exported
    std::shared_ptr<arrow::Schema> schema;
    std::vector<NetworkRange> ranges;
};

std::unique_ptr<QueryStream> make_result_stream(PlannedQuery query, std::shared_ptr<QueryControl> control);

}  // namespace amp::query
