// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>

namespace amp::serve {

struct QueryGateOptions {
    int max_concurrent = 0;  // 0 = 4 x cores
    int max_queued = 256;
};

/// Bounds how many queries run at a time; both servers share one.
///
/// Queries enter in the order they came. Threads: any.
/// Failure of enter(): kResourceExhausted TOO_MANY_QUERIES with a full queue, kUnavailable DRAINING after
/// drain(), kDeadlineExceeded QUERY_TIMEOUT, kCancelled when asked to stop.
class QueryGate {
  public:
    /// One query's right to run; given back by its destructor. The gate must outlive it.
    class Slot {
      public:
        explicit Slot(QueryGate& gate) : gate_(gate) {}
        ~Slot() { gate_.leave(); }
        Slot(const Slot&) = delete;
        Slot& operator=(const Slot&) = delete;

      private:
        QueryGate& gate_;
    };

    explicit QueryGate(QueryGateOptions options = {});

    Result<std::unique_ptr<Slot>> enter(const std::stop_token& stop,
                                        std::chrono::steady_clock::time_point deadline);

    struct Load {
        int running = 0;
        int waiting = 0;
    };
    Load load() const;

    /// Refuses new queries from now on; those that run or wait go on.
    void drain();
    bool draining() const;
    /// Waits until nothing runs or waits; false after the deadline.
    bool wait_idle(std::chrono::steady_clock::time_point deadline);

  private:
    void leave();

    const int max_concurrent_;
    const int max_queued_;
    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    // Guarded by mutex_.
    int running_ = 0;
    std::uint64_t next_ticket_ = 0;
    std::set<std::uint64_t> queue_;  // the smallest is next
    bool draining_ = false;
};

}  // namespace amp::serve
