// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "query/live_catalog.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace arrow {
class RecordBatch;
class Schema;
}  // namespace arrow

namespace amp::query {

struct EngineOptions {
    std::int64_t memory_bytes = 0;  // 0 = half of 60 % of the machine's (or cgroup's) memory
    int threads = 0;                // 0 = cores
    std::string spill_directory;    // empty = no spilling
    std::int64_t spill_bytes_max = 10LL << 30;
};

/// The part of a query's snapshot that clients see: one entry per network.
struct NetworkRange {
    std::string network;
    BlockNum start = 0;
    BlockNum end = 0;
    Hash32 hash;
    Hash32 prev_hash;
    std::optional<std::uint64_t> timestamp;
};

/// `{"ranges":[..],"ranges_complete":..}` (query wire reference 2.6).
std::string ranges_json(const std::vector<NetworkRange>& ranges, bool complete);

/// A running query. Batches stream out while the engine works.
///
/// Threads: next() from one thread; cancel() from any, also while next() blocks.
class QueryStream {
  public:
    virtual ~QueryStream() = default;
    /// The wire schema: declared types, nullability.
    virtual std::shared_ptr<arrow::Schema> schema() const = 0;
    virtual const std::vector<NetworkRange>& ranges() const = 0;
    /// The next batch (about 1 MiB or 32,768 rows, never above 2 MiB of buffers unless a single row is
    /// larger); nullptr at the end. kCancelled after cancel(); engine errors carry a reason of the wire
    /// reference 2.10.
    virtual Result<std::shared_ptr<arrow::RecordBatch>> next() = 0;
    /// Interrupts the engine within milliseconds.
    virtual void cancel() = 0;
};

struct QueryPlan {
    std::shared_ptr<arrow::Schema> schema;
    std::vector<NetworkRange> ranges;
};

/// A table as the servers list it.
struct TableListing {
    std::string schema;  // as a query writes it: "eth_mainnet" or "ns/name"
    std::string table;
    std::shared_ptr<arrow::Schema> declared;
};

/// Runs client SQL over the live catalog: gate, names, snapshot, DuckDB, wire types.
///
/// Failure: Error::reason is the code of the wire reference 2.10 (SQL_PARSE_ERROR, INVALID_PLAN,
/// CATALOG_FOR_SQL_ERROR, PLANNING_ERROR, EXECUTION_ERROR, ..) and Error::code decides the HTTP and gRPC
/// status. No file path, secret or engine internals in a message. Threads: any; each query has its own
/// connection.
class Engine {
  public:
    /// The catalog must outlive the engine.
    static Result<std::unique_ptr<Engine>> open(LiveCatalog& catalog, const EngineOptions& options);
    virtual ~Engine() = default;

    /// Plans without running: everything that can fail before execution fails here.
    virtual Result<QueryPlan> plan(std::string_view sql) = 0;
    /// Plans the query and returns its stream; the engine starts to run it in the first next(), so that
    /// whoever holds the stream can cancel it at any time. The timeout counts from this call and ends the
    /// query with kDeadlineExceeded, reason QUERY_TIMEOUT; zero or less means none. The engine must outlive
    /// the stream.
    virtual Result<std::unique_ptr<QueryStream>> execute(std::string_view sql,
                                                         std::chrono::milliseconds timeout) = 0;

    /// All tables at `latest`, else `dev`, by schema and table. No file is opened.
    virtual Result<std::vector<TableListing>> list_tables() = 0;
};

}  // namespace amp::query
