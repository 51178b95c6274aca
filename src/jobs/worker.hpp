// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "catalog/meta_store.hpp"
#include "jobs/shard_executor.hpp"
#include "jobs/worker_session.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

namespace amp::jobs {

struct WorkerOptions {
    std::string node_id;
    std::string kind = "worker";  // or dev
    int slots = 1;
    std::string labels = "{}";  // JSON object of texts
    std::string info = "{}";
    std::chrono::milliseconds heartbeat{1'000};
    std::chrono::milliseconds lease{5'000};
    std::chrono::milliseconds reconcile{60'000};
    std::chrono::milliseconds drain_timeout{60'000};
    std::chrono::milliseconds outage_max{900'000};
    std::string health_file;        // touched after each heartbeat; empty = none
    std::function<void()> abandon;  // ends the process when a drain takes too long
    ExtractionOptions extraction;
};

/// Runs the shards that the scheduler assigns to this process, each on a thread of its own.
///
/// The rows decide: whenever something may have changed, the heartbeat says so, or `reconcile` has passed,
/// the shards that are RUNNING for this session are compared with those that run here; missing ones are
/// started, lost ones stopped. A failed shard is given back with its cause and a delay, or ended if trying
/// again cannot help; it never takes the worker down. A session that was fenced drops everything and
/// registers anew.
class Worker {
  public:
    Worker(catalog::MetaStore& store, storage::ObjectStore& objects, Sources& sources, WorkerOptions options);
    ~Worker();

    /// Until the stop or a drain asked for through the store: then open segments close at the last complete
    /// block, shards are given back, and the session ends. kConflict, reason NODE_ID_IN_USE, if another live
    /// process has the node id for longer than two leases.
    Result<> run(std::stop_token stop);

  private:
    struct Task;
    using TaskKey = std::pair<std::int64_t, std::int64_t>;  // shard, epoch
    enum class Ending : std::uint8_t { kDrain, kFenced };

    Result<std::unique_ptr<WorkerSession>> start_session(std::stop_token stop);
    Ending serve(const WorkerSession& session, std::stop_token stop);
    /// False if the rows could not be read.
    bool reconcile(const WorkerSession& session);
    bool has_finished_task();
    void start_task(const catalog::Job& job, const catalog::Shard& shard);
    void run_task(Task& task);
    void give_back(const Task& task, const Error& error);
    void stop_all();
    bool wait_until_idle(std::chrono::milliseconds timeout);
    std::string stats();

    catalog::MetaStore& store_;
    const WorkerOptions options_;
    ShardExecutor executor_;

    std::atomic<bool> fenced_ = false;
    std::atomic<bool> drain_asked_ = false;
    std::atomic<std::int64_t> work_seq_ = 0;  // of the newest heartbeat
    std::atomic<std::uint64_t> fenced_total_ = 0;
    std::atomic<int> running_ = 0;
    RunTotals totals_;  // of tasks that ended

    std::mutex mutex_;
    std::condition_variable idle_;
    std::map<TaskKey, std::unique_ptr<Task>> tasks_;  // changed by the thread of run() only, under mutex_
};

}  // namespace amp::jobs
