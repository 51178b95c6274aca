// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <duckdb.hpp>
#include <duckdb/parallel/interrupt.hpp>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace arrow {
class RecordBatch;
}

namespace amp::query {

/// The record batches of one query between the engine's threads, which make them, and the stream, which takes
/// them; ordered by the engine's batch index (the place of the rows in the source). Bounded: a producer that
/// finds it full is parked by the engine until there is room, and its thread works on something else.
///
/// Threads: any.
class ResultQueue {
  public:
    /// False when a batch of this index must wait; the task behind `producer` is then woken later.
    bool admit(duckdb::idx_t index, const duckdb::InterruptState& producer);
    /// Takes a batch in, whether there is room or not.
    void push(duckdb::idx_t index, std::shared_ptr<arrow::RecordBatch> batch);
    /// No batch below `index` will come any more.
    void advance(duckdb::idx_t index);
    /// All producers are done: everything can be taken.
    void complete();
    /// The query ends with this error.
    void fail(Error error);
    /// Nobody takes batches any more: what is in the queue is dropped, producers end.
    void close();

    bool is_closed() const;
    std::optional<Error> failure() const;
    std::int64_t ready_bytes() const;
    /// The next batch in order; nullptr when none is ready.
    std::shared_ptr<arrow::RecordBatch> pop();
    /// Returns when a batch is ready, after complete(), fail() or close(), or at the latest after `limit`.
    void wait(std::chrono::milliseconds limit);

  private:
    struct Entry {
        std::shared_ptr<arrow::RecordBatch> batch;
        std::int64_t bytes = 0;
    };
    using Parked = std::vector<duckdb::InterruptState>;

    void move_ready();  // requires mutex_
    static void wake(const Parked& producers);

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    // All guarded by mutex_.
    std::map<duckdb::idx_t, std::deque<Entry>> waiting_;  // above the lowest index that may still come
    std::deque<Entry> ready_;
    std::int64_t waiting_bytes_ = 0;
    std::int64_t ready_bytes_ = 0;
    duckdb::idx_t lowest_ = 0;
    bool is_complete_ = false;
    bool is_closed_ = false;
    std::optional<Error> failure_;
    Parked parked_;
};

}  // namespace amp::query
