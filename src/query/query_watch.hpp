// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>

namespace duckdb {
class Connection;
}

namespace amp::query {

/// The switch that ends one query. Threads: any.
class QueryControl {
  public:
    explicit QueryControl(std::shared_ptr<duckdb::Connection> connection);

    void cancel() { stop(Ending::kCancelled); }
    void time_out() { stop(Ending::kTimedOut); }
    /// The engine forgets an interrupt when a query starts: called again after that.
    void renew_interrupt();
    bool is_stopped() const { return ending_.load() != Ending::kNone; }
    /// Why the query was ended; requires is_stopped().
    Error error() const;

  private:
    enum class Ending { kNone, kCancelled, kTimedOut };
    void stop(Ending ending);

    const std::shared_ptr<duckdb::Connection> connection_;
    std::atomic<Ending> ending_{Ending::kNone};
};

/// One thread that ends queries at their deadlines.
class QueryWatch {
  public:
    using Deadline = std::chrono::steady_clock::time_point;

    QueryWatch();
    void add(const std::shared_ptr<QueryControl>& control, Deadline deadline);

  private:
    void run(const std::stop_token& stop);

    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::multimap<Deadline, std::weak_ptr<QueryControl>> deadlines_;  // guarded by mutex_
    // Declared last: it must stop before the state above goes away.
    std::jthread thread_;
};

}  // namespace amp::query
