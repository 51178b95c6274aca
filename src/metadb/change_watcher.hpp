// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "metadb/target.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>

namespace amp::metadb {

/// Watches for commits of any process. One thread of its own, started by the first wait.
///
/// Each calling thread has its own memory of what it has seen, so a change between two of its waits is never
/// missed, and its first wait returns at once.
class ChangeWatcher {
  public:
    enum class Topic : std::uint8_t {
        kAny,
        kWork,  // what workers act on: placements, stops, drains
    };

    /// `tells_work`: changes of other topics do not wake who waits for work; else every change does.
    explicit ChangeWatcher(bool tells_work) : tells_work_(tells_work) {}
    virtual ~ChangeWatcher() = default;

    /// A commit; wakes those who wait for it.
    void bump(Topic topic = Topic::kAny);
    /// True if something of the topic may have changed since this thread's last wait for it.
    bool wait(std::chrono::milliseconds timeout, std::stop_token stop, Topic topic = Topic::kAny);

  protected:
    /// Runs in the thread until the stop; calls bump() on every change and whenever one may have been missed.
    virtual void watch(std::stop_token stop) = 0;
    /// Blocks while nobody waits. False if the stop came.
    bool await_waiter(std::stop_token stop);
    /// Ends the thread; the first thing a derived destructor does.
    void stop();

  private:
    std::mutex mutex_;
    std::condition_variable_any condition_;
    const bool tells_work_;
    std::uint64_t version_ = 1;
    std::uint64_t work_version_ = 1;
    int waiters_ = 0;
    std::map<std::pair<std::thread::id, Topic>, std::uint64_t> seen_;
    std::jthread thread_;
};

/// `PRAGMA data_version` on a connection of its own, every 25 ms while somebody waits.
std::unique_ptr<ChangeWatcher> make_sqlite_watcher(const Target& target);

/// LISTEN on a connection of its own; reconnects after 0.1 s, doubling to 5 s.
std::unique_ptr<ChangeWatcher> make_postgres_watcher(const Target& target);

}  // namespace amp::metadb
