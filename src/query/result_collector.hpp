// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "query/result_queue.hpp"

#include <duckdb.hpp>

#include <memory>

namespace arrow {
class Schema;
}

namespace amp::query {

/// Makes the next query of `connection` write its rows, on the engine's own threads, as record batches of
/// `schema` to `queue` instead of keeping them as a result. Rows stay in the order of an order-preserving
/// plan.
void collect_into(duckdb::Connection& connection, std::shared_ptr<ResultQueue> queue,
                  std::shared_ptr<arrow::Schema> schema, duckdb::vector<duckdb::LogicalType> exported);

}  // namespace amp::query
