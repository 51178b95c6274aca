// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "query/result_stream.hpp"

#include "query/query_error.hpp"
#include "query/result_collector.hpp"
#include "query/wire_types.hpp"

#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <duckdb/main/pending_query_result.hpp>

#include <deque>

namespace amp::query {
namespace {

// Wire reference 2.5 and 2.7.
constexpr std::int64_t kBatchBytes = 1 << 20;
constexpr std::int64_t kMessageBytes = 2 << 20;
constexpr std::chrono::milliseconds kRowsWait{100};
// How long other threads may hold all of a query's work before this one looks again: the engine tells only
// of batches, not of work that appears.
constexpr std::chrono::milliseconds kLook{2};

/// The thread that takes the batches also works for the query whenever none is ready.
class ResultStream final : public QueryStream {
  public:
    ResultStream(PlannedQuery query, std::shared_ptr<QueryControl> control)
        : query_(std::move(query)), control_(std::move(control)) {}
    ~ResultStream() override { release(); }

    std::shared_ptr<arrow::Schema> schema() const override { return query_.schema; }
    const std::vector<NetworkRange>& ranges() const override { return query_.ranges; }
    void cancel() override { control_->cancel(); }

    Result<std::shared_ptr<arrow::RecordBatch>> next() override {
        if (failure_) return *failure_;
        // A deadline that passes after the last batch was taken changes nothing.
        if (is_done_ && ready_.empty() && queue_->ready_bytes() == 0)
            return std::shared_ptr<arrow::RecordBatch>();
        if (control_->is_stopped()) return fail(control_->error());
        if (ready_.empty()) {
            try {
                if (auto filled = fill(); !filled.ok()) return fail(std::move(filled).error());
            } catch (const std::exception&) {
                return fail(current_error(Stage::kRun, nullptr));
            }
        }
        if (ready_.empty()) return std::shared_ptr<arrow::RecordBatch>();
        auto batch = std::move(ready_.front());
        ready_.pop_front();
        return batch;
    }

  private:
    using Clock = std::chrono::steady_clock;

    Error fail(Error error) {
        // Whatever the engine says after an interrupt, the interrupt is the reason.
        if (control_->is_stopped()) error = control_->error();
        failure_ = error;
        ready_.clear();
        release();
        return error;
    }

    /// Ends the query wherever it is; frees buffers, spill files and the connection's transaction.
    void release() {
        is_done_ = true;
        queue_->close();
        if (!pending_) return;
        query_.connection->Interrupt();
        pending_.reset();
        query_.statement.reset();
    }

    Result<> start() {
        if (pending_ || is_done_) return {};
        collect_into(*query_.connection, queue_, query_.schema, query_.exported);
        duckdb::vector<duckdb::Value> no_parameters;
        pending_ = query_.statement->PendingQuery(no_parameters, false);
        if (pending_->HasError()) return to_error(pending_->GetErrorObject(), Stage::kRun, nullptr);
        control_->renew_interrupt();
        return {};
    }

    /// Takes what is ready, up to a batch, and cuts it to messages; waits for more while there is little.
    Result<> fill() {
        TRY(start());
        std::optional<Clock::time_point> first_rows;
        while (!is_done_ && queue_->ready_bytes() < kBatchBytes) {
            if (control_->is_stopped()) return control_->error();
            if (!first_rows && queue_->ready_bytes() > 0) first_rows = Clock::now();
            if (first_rows && Clock::now() - *first_rows >= kRowsWait) break;
            TRY(work());
        }
        if (auto failure = queue_->failure()) return *std::move(failure);
        arrow::RecordBatchVector parts;
        std::int64_t bytes = 0;
        while (bytes < kBatchBytes / 2) {
            auto part = queue_->pop();
            if (!part) break;
            bytes += buffer_bytes(*part);
            parts.push_back(std::move(part));
        }
        if (parts.empty()) return {};
        auto batch = parts.front();
        if (parts.size() > 1) {
            auto joined = arrow::ConcatenateRecordBatches(parts);
            if (!joined.ok())
                return make_error(Code::kInternal, "joining batches failed: {}", joined.status().message())
                    .with_reason("CORE_EXECUTION_ERROR");
            batch = *std::move(joined);
        }
        for (auto& slice : slice_batch(batch, kMessageBytes)) ready_.push_back(std::move(slice));
        return {};
    }

    /// One task of the query on this thread, or a short wait while others have them all.
    Result<> work() {
        switch (pending_->ExecuteTask()) {
            case duckdb::PendingExecutionResult::RESULT_NOT_READY:
                return {};
            case duckdb::PendingExecutionResult::EXECUTION_ERROR:
                if (auto failure = queue_->failure()) return *std::move(failure);
                return to_error(pending_->GetErrorObject(), Stage::kRun, nullptr);
            case duckdb::PendingExecutionResult::EXECUTION_FINISHED:
                queue_->complete();
                // Ends the query on the engine's side; the result itself is empty.
                if (const auto result = pending_->Execute(); result->HasError())
                    return to_error(result->GetErrorObject(), Stage::kRun, nullptr);
                pending_.reset();
                is_done_ = true;
                return {};
            default:
                queue_->wait(kLook);
                return {};
        }
    }

    // The pending result goes before the statement and the connection that it belongs to.
    PlannedQuery query_;
    const std::shared_ptr<QueryControl> control_;
    const std::shared_ptr<ResultQueue> queue_ = std::make_shared<ResultQueue>();
    duckdb::unique_ptr<duckdb::PendingQueryResult> pending_;
    std::deque<std::shared_ptr<arrow::RecordBatch>> ready_;
    std::optional<Error> failure_;
    bool is_done_ = false;
};

}  // namespace

std::unique_ptr<QueryStream> make_result_stream(PlannedQuery query, std::shared_ptr<QueryControl> control) {
    return std::make_unique<ResultStream>(std::move(query), std::move(control));
}

}  // namespace amp::query
