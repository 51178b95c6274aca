// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "serve/running_query.hpp"

#include <arrow/record_batch.h>
#include <arrow/util/byte_size.h>

#include <arrow/util/utf8.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace amp::serve {

bool is_utf8(std::string_view text) {
    static const bool initialized = (arrow::util::InitializeUTF8(), true);
    return initialized && arrow::util::ValidateUTF8(text);
}

bool is_blank(std::string_view text) {
    return text.find_first_not_of(" \t\r\n\f\v") == std::string_view::npos;
}

Result<> check_sql_text(std::string_view sql, std::string_view code) {
    if (sql.size() > kSqlBytesMax)
        return make_error(Code::kInvalidArgument, "the SQL text is larger than {} bytes", kSqlBytesMax)
            .with_reason(code);
    if (!is_utf8(sql))
        return make_error(Code::kInvalidArgument, "the SQL text is not valid UTF-8").with_reason(code);
    if (is_blank(sql))
        return make_error(Code::kInvalidArgument, "the SQL text is empty; send one SELECT statement")
            .with_reason(code);
    return {};
}

Result<std::chrono::milliseconds> time_limit(std::chrono::milliseconds limit, std::string_view header) {
    if (header.empty()) return limit;
    double seconds = 0;
    const auto [end, error] = std::from_chars(header.data(), header.data() + header.size(), seconds);
    if (error != std::errc() || end != header.data() + header.size() || !std::isfinite(seconds) ||
        seconds <= 0)
        return make_error(Code::kInvalidArgument, "header amp-timeout-secs is not a positive number: \"{}\"",
                          header.substr(0, 64))
            .with_reason("INVALID_HEADER");
    const double asked = std::min(seconds * 1000.0, 1e12);
    const std::chrono::milliseconds lowered(std::max<std::int64_t>(1, static_cast<std::int64_t>(asked)));
    return limit.count() > 0 ? std::min(limit, lowered) : lowered;
}

Error explain_cancellation(Error error, const QueryGate& gate) {
    if (error.code != Code::kCancelled || !gate.draining()) return error;
    return make_error(Code::kUnavailable, "the server is shutting down; send the query again")
        .with_reason("DRAINING");
}

RunningQuery::RunningQuery(std::unique_ptr<QueryGate::Slot> slot, std::unique_ptr<query::QueryStream> stream,
                           std::stop_token stop, QueryCounts& counts,
                           std::chrono::steady_clock::time_point began)
    : counts_(counts),
      began_(began),
      slot_(std::move(slot)),
      stream_(std::move(stream)),
      cancel_(std::move(stop), [this] { stream_->cancel(); }) {}

RunningQuery::~RunningQuery() { counts_.ended(std::chrono::steady_clock::now() - began_, rows_, bytes_); }

Result<std::shared_ptr<arrow::RecordBatch>> RunningQuery::next() {
    auto batch = stream_->next();
    if (!batch.ok()) {
        counts_.failed(batch.error());
    } else if (*batch != nullptr) {
        rows_ += static_cast<std::uint64_t>((*batch)->num_rows());
        bytes_ += static_cast<std::uint64_t>(arrow::util::TotalBufferSize(**batch));
    }
    return batch;
}

Result<std::unique_ptr<RunningQuery>> RunningQuery::start(query::Engine& engine, QueryGate& gate,
                                                          std::string_view sql,
                                                          std::chrono::milliseconds timeout,
                                                          std::stop_token stop, QueryCounts& counts) {
    using Clock = std::chrono::steady_clock;
    const auto began = Clock::now();
    const bool limited = timeout.count() > 0;
    const auto deadline = limited ? began + timeout : began + std::chrono::hours(24 * 365);
    auto started = [&]() -> Result<std::unique_ptr<RunningQuery>> {
        TRY_ASSIGN(auto slot, gate.enter(stop, deadline));
        auto left = std::chrono::milliseconds(0);
        if (limited)
            left = std::max(std::chrono::milliseconds(1),
                            std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()));
        TRY_ASSIGN(auto stream, engine.execute(sql, left));
        return std::unique_ptr<RunningQuery>(
            new RunningQuery(std::move(slot), std::move(stream), std::move(stop), counts, began));
    }();
    if (!started.ok()) {
        counts.failed(started.error());
        counts.ended(Clock::now() - began, 0, 0);
    }
    return started;
}

}  // namespace amp::serve
