// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "query/engine.hpp"
#include "serve/query_gate.hpp"
#include "serve/query_metrics.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string_view>
#include <vector>

namespace amp::serve {

/// SQL text above this is refused (query wire reference 2.11).
inline constexpr std::size_t kSqlBytesMax = 2U << 20;

/// Checks size, UTF-8 and blankness. kInvalidArgument; `code` is the reason for text that is empty or not
/// UTF-8.
Result<> check_sql_text(std::string_view sql, std::string_view code);
bool is_utf8(std::string_view text);
bool is_blank(std::string_view text);

/// The time limit of one query: `limit`, lowered (never raised) by the value of an `amp-timeout-secs` header;
/// empty = absent. kInvalidArgument INVALID_HEADER if it is not a positive number.
Result<std::chrono::milliseconds> time_limit(std::chrono::milliseconds limit, std::string_view header);

/// A cancelled query whose client is still there was cancelled by the end of the server: DRAINING.
Error explain_cancellation(Error error, const QueryGate& gate);

/// One query that passed the gate: its stream, its slot, and its cancellation by a stop token.
class RunningQuery {
  public:
    /// Waits for a slot and starts the query; the time limit includes the wait. Engine, gate and counts must
    /// outlive it.
    static Result<std::unique_ptr<RunningQuery>> start(query::Engine& engine, QueryGate& gate,
                                                       std::string_view sql,
                                                       std::chrono::milliseconds timeout,
                                                       std::stop_token stop, QueryCounts& counts);
    ~RunningQuery();

    std::shared_ptr<arrow::Schema> schema() const { return stream_->schema(); }
    const std::vector<query::NetworkRange>& ranges() const { return stream_->ranges(); }
    /// As QueryStream::next(), and counts.
    Result<std::shared_ptr<arrow::RecordBatch>> next();

  private:
    RunningQuery(std::unique_ptr<QueryGate::Slot> slot, std::unique_ptr<query::QueryStream> stream,
                 std::stop_token stop, QueryCounts& counts, std::chrono::steady_clock::time_point began);

    QueryCounts& counts_;
    const std::chrono::steady_clock::time_point began_;
    std::uint64_t rows_ = 0;
    std::uint64_t bytes_ = 0;
    // Destroyed last to first: no cancel() after the stream is gone, no free slot while it exists.
    std::unique_ptr<QueryGate::Slot> slot_;
    std::unique_ptr<query::QueryStream> stream_;
    std::stop_callback<std::function<void()>> cancel_;
};

}  // namespace amp::serve
