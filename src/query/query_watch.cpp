// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "query/query_watch.hpp"

#include <duckdb/main/connection.hpp>

namespace amp::query {

QueryControl::QueryControl(std::shared_ptr<duckdb::Connection> connection)
    : connection_(std::move(connection)) {}

void QueryControl::stop(Ending ending) {
    Ending none = Ending::kNone;
    ending_.compare_exchange_strong(none, ending);
    connection_->Interrupt();
}

void QueryControl::renew_interrupt() {
    if (is_stopped()) connection_->Interrupt();
}

Error QueryControl::error() const {
    if (ending_.load() == Ending::kTimedOut)
        return Error{Code::kDeadlineExceeded,
                     "the query ran into its time limit; select fewer blocks or columns, or raise the limit",
                     "QUERY_TIMEOUT"};
    return Error{Code::kCancelled, "the query was cancelled", "CANCELLED"};
}

QueryWatch::QueryWatch() : thread_([this](const std::stop_token& stop) { run(stop); }) {}

void QueryWatch::add(const std::shared_ptr<QueryControl>& control, Deadline deadline) {
    {
        const std::lock_guard lock(mutex_);
        // Finished queries leave with their deadline; many short queries under a long limit leave earlier.
        std::erase_if(deadlines_, [](const auto& entry) { return entry.second.expired(); });
        deadlines_.emplace(deadline, control);
    }
    changed_.notify_one();
}

void QueryWatch::run(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
        if (deadlines_.empty()) {
            changed_.wait(lock, stop, [this] { return !deadlines_.empty(); });
            continue;
        }
        const auto first = deadlines_.begin();
        const Deadline deadline = first->first;
        if (std::chrono::steady_clock::now() < deadline) {
            changed_.wait_until(lock, stop, deadline, [this, deadline] {
                return deadlines_.empty() || deadlines_.begin()->first < deadline;
            });
            continue;
        }
        const std::shared_ptr<QueryControl> control = first->second.lock();
        deadlines_.erase(first);
        if (!control) continue;
        lock.unlock();
        control->time_out();
        lock.lock();
    }
}

}  // namespace amp::query
