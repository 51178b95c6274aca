// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

// Test doubles of the query engine and the catalog. Included by tests only.

#include "query/engine.hpp"
#include "query/live_catalog.hpp"

#include <arrow/api.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>

namespace amp::serve {

/// What happens when a SQL text runs.
struct FakeQuery {
    std::shared_ptr<arrow::Schema> schema;
    std::vector<std::shared_ptr<arrow::RecordBatch>> batches;
    std::optional<Error> plan_error;
    std::optional<Error> end_error;  // after the batches
    bool endless = false;            // after the batches it computes until it is cancelled
};

class FakeEngine final : public query::Engine {
  public:
    std::map<std::string, FakeQuery, std::less<>> queries;
    std::vector<query::TableListing> tables;
    std::vector<query::NetworkRange> ranges;

    Result<query::QueryPlan> plan(std::string_view sql) override {
        TRY_ASSIGN(const FakeQuery* found, find(sql));
        return query::QueryPlan{found->schema, ranges};
    }
    Result<std::unique_ptr<query::QueryStream>> execute(std::string_view sql,
                                                        std::chrono::milliseconds) override {
        TRY_ASSIGN(const FakeQuery* found, find(sql));
        std::unique_ptr<query::QueryStream> stream = std::make_unique<Stream>(*this, *found);
        return stream;
    }
    Result<std::vector<query::TableListing>> list_tables() override { return tables; }

    /// Waits until a stream computes without end.
    void wait_for_endless() {
        wait([this] { return blocked_ > 0; });
    }
    /// Waits until `n` streams were cancelled while they computed.
    void wait_for_cancelled(int n) {
        wait([this, n] { return cancelled_ >= n; });
    }

  private:
    class Stream final : public query::QueryStream {
      public:
        Stream(FakeEngine& engine, const FakeQuery& query) : engine_(engine), query_(query) {}
        std::shared_ptr<arrow::Schema> schema() const override { return query_.schema; }
        const std::vector<query::NetworkRange>& ranges() const override { return engine_.ranges; }
        Result<std::shared_ptr<arrow::RecordBatch>> next() override {
            if (at_ < query_.batches.size()) return query_.batches[at_++];
            if (query_.end_error) return *query_.end_error;
            if (!query_.endless) return std::shared_ptr<arrow::RecordBatch>();
            std::unique_lock lock(engine_.mutex_);
            ++engine_.blocked_;
            engine_.changed_.notify_all();
            engine_.changed_.wait(lock, [this] { return cancelled_; });
            ++engine_.cancelled_;
            engine_.changed_.notify_all();
            return make_error(Code::kCancelled, "the query was cancelled").with_reason("CANCELLED");
        }
        void cancel() override {
            std::lock_guard lock(engine_.mutex_);
            cancelled_ = true;
            engine_.changed_.notify_all();
        }

      private:
        FakeEngine& engine_;
        const FakeQuery query_;
        std::size_t at_ = 0;
        bool cancelled_ = false;  // guarded by the engine's mutex
    };

    Result<const FakeQuery*> find(std::string_view sql) const {
        const auto found = queries.find(sql);
        if (found == queries.end())
            return make_error(Code::kInvalidArgument, "syntax error at \"{}\"", sql)
                .with_reason("SQL_PARSE_ERROR");
        if (found->second.plan_error) return *found->second.plan_error;
        return &found->second;
    }
    template <typename F>
    void wait(F condition) {
        std::unique_lock lock(mutex_);
        ASSERT_TRUE(changed_.wait_for(lock, std::chrono::seconds(20), condition));
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    int blocked_ = 0;
    int cancelled_ = 0;
};

class FakeCatalog final : public query::LiveCatalog {
  public:
    std::optional<Error> error;

    Result<std::shared_ptr<const query::Snapshot>> snapshot() override {
        if (error) return *error;
        return std::make_shared<const query::Snapshot>();
    }
    void wait_first_load(std::chrono::milliseconds, std::stop_token) override {}
    storage::ObjectStore& objects() override { std::abort(); }
};

/// A batch of one Int64 column "n" counting up from `first`.
inline std::shared_ptr<arrow::RecordBatch> numbers(std::int64_t first, std::int64_t count) {
    arrow::Int64Builder builder;
    for (std::int64_t i = 0; i < count; ++i) EXPECT_TRUE(builder.Append(first + i).ok());
    return arrow::RecordBatch::Make(arrow::schema({arrow::field("n", arrow::int64(), false)}), count,
                                    {builder.Finish().ValueOrDie()});
}

inline FakeQuery number_query(std::vector<std::shared_ptr<arrow::RecordBatch>> batches) {
    FakeQuery query;
    query.schema = numbers(0, 0)->schema();
    query.batches = std::move(batches);
    return query;
}

inline Error corruption() {
    return make_error(Code::kCorruption, "file /secret/path is broken").with_reason("DATASET_STORE_ERROR");
}

}  // namespace amp::serve
