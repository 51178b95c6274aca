// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "catalog/meta_store.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>

namespace amp::jobs {

/// Which process on which host this is, as JSON for the `workers` row: hostname, boot id, PID namespace, pid,
/// start.
std::string describe_host();
/// True if the description names a process of this host and namespace that is gone.
bool is_dead_local_process(const std::string& host_json);

/// A process's registration as a worker, kept alive by heartbeats and, where the store has them, by a lock
/// that ends with the process.
///
/// Invariant: commits carry session_id(); a session whose lease was taken away is refused by the store
/// whatever this process believes. Failure: when a heartbeat is refused or the store is silent for
/// `outage_max`, `on_lost` runs once and lost() turns true. Threads: any.
class WorkerSession {
  public:
    struct Options {
        std::string node_id;
        std::string kind = "dump";
        int slots = 1;
        std::string labels = "{}";
        std::string info = "{}";
        std::function<std::string()> stats;  // JSON object sent with each heartbeat
        std::function<void(const catalog::HeartbeatAnswer&)> on_answer;  // after each heartbeat
        std::chrono::milliseconds heartbeat{1'000};
        std::chrono::milliseconds lease{5'000};
        std::chrono::milliseconds outage_max{900'000};
    };
    static Result<std::unique_ptr<WorkerSession>> start(catalog::MetaStore& store, Options options,
                                                        std::function<void(const Error&)> on_lost);
    /// Stops the heartbeats and marks the session GONE.
    ~WorkerSession();

    const std::string& session_id() const { return session_id_; }
    const std::string& node_id() const { return options_.node_id; }

  private:
    WorkerSession(catalog::MetaStore& store, Options options, std::function<void(const Error&)> on_lost);
    void beat(const std::stop_token& stop);

    catalog::MetaStore& store_;
    const Options options_;
    const std::string session_id_;
    const std::function<void(const Error&)> on_lost_;
    std::unique_ptr<catalog::SessionLock> lock_;
    std::jthread heart_;
};

}  // namespace amp::jobs
