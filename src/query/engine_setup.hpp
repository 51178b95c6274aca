// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "columnar/table_spec.hpp"
#include "query/engine.hpp"
#include "query/gate.hpp"

#include <arrow/type_fwd.h>
#include <duckdb.hpp>
#include <duckdb/main/client_context_state.hpp>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace amp::query {

/// What the bound plan tells about one output column.
struct TracedColumn {
    /// The declared type that travelled with the value; nullptr = that of the engine's type.
    std::shared_ptr<arrow::DataType> type;
    bool nullable = true;
    /// "table.column" of a plain column, else empty.
    std::string source;
};

/// What the scan function and the plan hook know about the query of a connection.
struct QueryState : duckdb::ClientContextState {
    static constexpr const char* kKey = "amp_query";

    std::vector<ScanTable> scans;
    /// The output columns, set by the plan hook before the optimiser runs.
    std::vector<TracedColumn> traced;

    static QueryState* of(duckdb::ClientContext& context);
};

/// An in-memory engine that can read nothing but the objects of `objects`, through scans that the gate makes.
Result<std::unique_ptr<duckdb::DuckDB>> open_database(storage::ObjectStore& objects,
                                                      const EngineOptions& options);

/// The engine in use. It refuses every query after an internal error of its own; it is then replaced, while
/// queries that run on the old one keep it alive. Threads: any.
class LiveDatabase {
  public:
    /// The objects must outlive it.
    static Result<std::unique_ptr<LiveDatabase>> open(storage::ObjectStore& objects,
                                                      const EngineOptions& options);
    Result<std::shared_ptr<duckdb::DuckDB>> get();

  private:
    LiveDatabase(storage::ObjectStore& objects, const EngineOptions& options)
        : objects_(objects), options_(options) {}

    storage::ObjectStore& objects_;
    const EngineOptions options_;
    std::mutex mutex_;
    std::shared_ptr<duckdb::DuckDB> database_;  // guarded by mutex_
};

/// Fixed-width binary as the engine carries it: BLOB named BYTESn. Zero for every other type.
int bytes_width(const duckdb::LogicalType& type);
/// Why a text literal is no BYTESn of this width; nothing if it is one.
std::optional<std::string> bytes_literal_error(std::string_view text, int width);

// Parts of open_database().
void register_bytes_types(duckdb::DatabaseInstance& database);
void register_functions(duckdb::DatabaseInstance& database);
/// `prefix` is the private path prefix of the store's objects.
void register_scan(duckdb::DuckDB& database, storage::ObjectStore& objects, const std::string& prefix);
void register_plan_hook(duckdb::DBConfig& config);

}  // namespace amp::query
