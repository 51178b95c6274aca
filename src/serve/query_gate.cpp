// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "serve/query_gate.hpp"

#include <algorithm>
#include <thread>

namespace amp::serve {

QueryGate::QueryGate(QueryGateOptions options)
    : max_concurrent_(options.max_concurrent > 0
                          ? options.max_concurrent
                          : 4 * static_cast<int>(std::max(1U, std::thread::hardware_concurrency()))),
      max_queued_(options.max_queued) {}

Result<std::unique_ptr<QueryGate::Slot>> QueryGate::enter(const std::stop_token& stop,
                                                          std::chrono::steady_clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    if (draining_)
        return make_error(Code::kUnavailable, "the server is shutting down and takes no new queries")
            .with_reason("DRAINING");
    if (running_ >= max_concurrent_ || !queue_.empty()) {
        if (std::ssize(queue_) >= max_queued_)
            return make_error(Code::kResourceExhausted, "{} queries run and {} wait; no more are taken",
                              running_, queue_.size())
                .with_reason("TOO_MANY_QUERIES");
        const std::uint64_t ticket = ++next_ticket_;
        queue_.insert(ticket);
        const bool mine = changed_.wait_until(
            lock, stop, deadline, [&] { return running_ < max_concurrent_ && *queue_.begin() == ticket; });
        queue_.erase(ticket);
        // The next in the queue may have been woken too early, or not at all.
        changed_.notify_all();
        if (!mine && stop.stop_requested())
            return make_error(Code::kCancelled, "the query was cancelled while it waited")
                .with_reason("CANCELLED");
        if (!mine)
            return make_error(Code::kDeadlineExceeded, "the query waited for its turn until its time limit")
                .with_reason("QUERY_TIMEOUT");
    }
    ++running_;
    return std::make_unique<Slot>(*this);
}

void QueryGate::leave() {
    // Notified under the lock: the gate may be destroyed as soon as wait_idle() has seen the last one go.
    std::lock_guard lock(mutex_);
    --running_;
    changed_.notify_all();
}

void QueryGate::drain() {
    std::lock_guard lock(mutex_);
    draining_ = true;
}

QueryGate::Load QueryGate::load() const {
    std::lock_guard lock(mutex_);
    return {running_, static_cast<int>(queue_.size())};
}

bool QueryGate::draining() const {
    std::lock_guard lock(mutex_);
    return draining_;
}

bool QueryGate::wait_idle(std::chrono::steady_clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    return changed_.wait_until(lock, deadline, [this] { return running_ == 0 && queue_.empty(); });
}

}  // namespace amp::serve
