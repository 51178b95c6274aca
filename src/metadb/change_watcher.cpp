// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "metadb/change_watcher.hpp"

namespace amp::metadb {
namespace {

/// Threads remembered at most; beyond that all are forgotten, which costs each one waking without cause.
constexpr std::size_t kThreadsMax = 1'024;

}  // namespace

void ChangeWatcher::bump(Topic topic) {
    {
        std::lock_guard lock(mutex_);
        ++version_;
        if (topic == Topic::kWork || !tells_work_) ++work_version_;
    }
    condition_.notify_all();
}

bool ChangeWatcher::wait(std::chrono::milliseconds timeout, std::stop_token stop, Topic topic) {
    std::unique_lock lock(mutex_);
    if (!thread_.joinable()) {
        thread_ = std::jthread([this](std::stop_token token) { watch(std::move(token)); });
    }
    if (seen_.size() >= kThreadsMax) seen_.clear();
    const std::pair key(std::this_thread::get_id(), topic);
    const auto& version = topic == Topic::kWork ? work_version_ : version_;
    const auto before = seen_[key];
    ++waiters_;
    condition_.notify_all();
    condition_.wait_for(lock, stop, timeout, [&] { return version != before; });
    --waiters_;
    seen_[key] = version;
    return version != before;
}

bool ChangeWatcher::await_waiter(std::stop_token stop) {
    std::unique_lock lock(mutex_);
    return condition_.wait(lock, stop, [&] { return waiters_ > 0; });
}

void ChangeWatcher::stop() {
    // Not under the mutex: the thread may need it to end.
    if (thread_.joinable()) {
        thread_.request_stop();
        thread_.join();
    }
}

}  // namespace amp::metadb
