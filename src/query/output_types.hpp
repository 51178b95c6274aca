// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "query/engine_setup.hpp"

#include <memory>
#include <string>

namespace amp::query {

/// How one output column leaves the engine.
struct OutputColumn {
    /// The engine type that is exported: that of the query, or VARCHAR for types that go out as text.
    duckdb::LogicalType exported;
    std::shared_ptr<arrow::Field> field;  // of the wire schema
};

/// The wire type of a result column (SQL reference 5.1). Raises RefusedQuery (PLANNING_ERROR) for a type that
/// has none.
OutputColumn output_column(const std::string& name, const duckdb::LogicalType& type,
                           const TracedColumn& traced);

}  // namespace amp::query
