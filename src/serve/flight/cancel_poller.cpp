// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "serve/flight/cancel_poller.hpp"

#include <chrono>
#include <vector>

namespace amp::serve {
namespace {

constexpr std::chrono::milliseconds kPeriod{25};

}  // namespace

CancelPoller::Watch::Watch(CancelPoller& poller, std::function<bool()> is_cancelled)
    : poller_(poller), is_cancelled_(std::move(is_cancelled)) {
    std::lock_guard lock(poller_.mutex_);
    place_ = poller_.watches_.insert(poller_.watches_.end(), this);
    poller_.changed_.notify_all();
}

CancelPoller::Watch::~Watch() {
    std::lock_guard lock(poller_.mutex_);
    poller_.watches_.erase(place_);
}

CancelPoller::CancelPoller() : thread_([this](const std::stop_token& stop) { run(stop); }) {}

void CancelPoller::run(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
        changed_.wait(lock, stop, [this] { return !watches_.empty(); });
        std::vector<std::stop_source> cancelled;
        for (const Watch* watch : watches_)
            if (!watch->source_.stop_requested() && watch->is_cancelled_())
                cancelled.push_back(watch->source_);
        if (!cancelled.empty()) {
            // Outside the lock: the callbacks are not ours.
            lock.unlock();
            for (std::stop_source& source : cancelled) source.request_stop();
            lock.lock();
        }
        changed_.wait_for(lock, stop, kPeriod, [] { return false; });
    }
}

void CancelPoller::cancel_all() {
    std::vector<std::stop_source> sources;
    {
        std::lock_guard lock(mutex_);
        for (const Watch* watch : watches_) sources.push_back(watch->source_);
    }
    for (std::stop_source& source : sources) source.request_stop();
}

}  // namespace amp::serve
