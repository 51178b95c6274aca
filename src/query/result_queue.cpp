// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "query/result_queue.hpp"

#include "query/wire_types.hpp"

#include <limits>

namespace amp::query {
namespace {

// Of one query. Enough for the engine to work on while a message is on its way.
constexpr std::int64_t kReadyBytesMax = 4 << 20;
constexpr std::int64_t kWaitingBytesMax = 8 << 20;

}  // namespace

bool ResultQueue::admit(duckdb::idx_t index, const duckdb::InterruptState& producer) {
    const std::lock_guard lock(mutex_);
    if (is_closed_ || failure_) return true;
    const bool has_room =
        index <= lowest_ ? ready_bytes_ < kReadyBytesMax : waiting_bytes_ < kWaitingBytesMax;
    if (!has_room) parked_.push_back(producer);
    return has_room;
}

void ResultQueue::push(duckdb::idx_t index, std::shared_ptr<arrow::RecordBatch> batch) {
    const std::int64_t bytes = buffer_bytes(*batch);
    {
        const std::lock_guard lock(mutex_);
        if (is_closed_) return;
        waiting_[index].push_back({std::move(batch), bytes});
        waiting_bytes_ += bytes;
        move_ready();
    }
    changed_.notify_all();
}

void ResultQueue::advance(duckdb::idx_t index) {
    Parked woken;
    {
        const std::lock_guard lock(mutex_);
        if (index <= lowest_) return;
        lowest_ = index;
        move_ready();
        woken.swap(parked_);
    }
    changed_.notify_all();
    wake(woken);
}

void ResultQueue::complete() {
    {
        const std::lock_guard lock(mutex_);
        lowest_ = std::numeric_limits<duckdb::idx_t>::max();
        is_complete_ = true;
        move_ready();
    }
    changed_.notify_all();
}

void ResultQueue::fail(Error error) {
    Parked woken;
    {
        const std::lock_guard lock(mutex_);
        if (!failure_) failure_ = std::move(error);
        woken.swap(parked_);
    }
    changed_.notify_all();
    wake(woken);
}

void ResultQueue::close() {
    Parked woken;
    {
        const std::lock_guard lock(mutex_);
        is_closed_ = true;
        waiting_.clear();
        ready_.clear();
        waiting_bytes_ = ready_bytes_ = 0;
        woken.swap(parked_);
    }
    changed_.notify_all();
    wake(woken);
}

bool ResultQueue::is_closed() const {
    const std::lock_guard lock(mutex_);
    return is_closed_ || failure_;
}

std::optional<Error> ResultQueue::failure() const {
    const std::lock_guard lock(mutex_);
    return failure_;
}

std::int64_t ResultQueue::ready_bytes() const {
    const std::lock_guard lock(mutex_);
    return ready_bytes_;
}

std::shared_ptr<arrow::RecordBatch> ResultQueue::pop() {
    Parked woken;
    std::shared_ptr<arrow::RecordBatch> batch;
    {
        const std::lock_guard lock(mutex_);
        if (ready_.empty()) return nullptr;
        batch = std::move(ready_.front().batch);
        ready_bytes_ -= ready_.front().bytes;
        ready_.pop_front();
        if (ready_bytes_ < kReadyBytesMax) woken.swap(parked_);
    }
    wake(woken);
    return batch;
}

void ResultQueue::wait(std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, limit,
                      [this] { return !ready_.empty() || is_complete_ || is_closed_ || failure_; });
}

void ResultQueue::move_ready() {
    while (!waiting_.empty() && waiting_.begin()->first <= lowest_) {
        for (Entry& entry : waiting_.begin()->second) {
            waiting_bytes_ -= entry.bytes;
            ready_bytes_ += entry.bytes;
            ready_.push_back(std::move(entry));
        }
        waiting_.erase(waiting_.begin());
    }
}

// Outside of the lock: the engine waits there until the task is parked on its side too.
void ResultQueue::wake(const Parked& producers) {
    for (const auto& producer : producers) producer.Callback();
}

}  // namespace amp::query
