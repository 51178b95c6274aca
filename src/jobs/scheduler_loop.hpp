// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "catalog/meta_store.hpp"
#include "jobs/job_planner.hpp"
#include "jobs/scheduler.hpp"
#include "jobs/sources.hpp"
#include "runtime/bounded_queue.hpp"

#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>

namespace amp::jobs {

struct SchedulerLoopOptions {
    std::string owner;  // of the lease: a random id of this process
    SchedulerPolicy policy;
    std::chrono::milliseconds tick{1'000};
    std::chrono::milliseconds lease{10'000};
    std::chrono::milliseconds worker_lease{5'000};
    /// The lease is taken only when it has been free for so long: workers stand in for lost controllers.
    std::chrono::milliseconds patience{0};
    ExtractionOptions extraction;
};

/// Runs jobs::step whenever something changed, and each tick, while this process holds the lease `scheduler`.
///
/// Before anything is decided, sessions are expired whose lease ran out, whose lock has been free for 2 s, or
/// whose process on this host is gone; but not before this process has seen the database for one worker lease
/// without a gap. Nothing but these clocks is kept between steps. Every action is conditional, so a second
/// loop does no harm. Threads: run() blocks its caller; plans run on threads of their own.
class SchedulerLoop {
  public:
    SchedulerLoop(catalog::MetaStore& store, Sources& sources, SchedulerLoopOptions options);

    /// Until the stop; then the lease is given up.
    void run(std::stop_token stop);

    bool is_leader() const { return is_leader_; }
    /// How long the newest step took, s.
    double step_seconds() const { return step_seconds_; }

  private:
    using Clock = std::chrono::steady_clock;

    bool hold_lease();
    void note_database(std::int64_t now_us);
    std::vector<std::string> dead_sessions(const catalog::ScheduleView& view);
    bool needs_expiry(const catalog::ScheduleView& view, bool any_dead) const;
    Result<> tick();
    void execute(const std::vector<Action>& actions);
    void enqueue(const Plan& plan);
    void run_plans(std::stop_token stop);

    catalog::MetaStore& store_;
    const SchedulerLoopOptions options_;
    JobPlanner planner_;

    const Clock::time_point started_ = Clock::now();
    std::atomic<bool> is_leader_ = false;
    std::atomic<double> step_seconds_ = 0;
    Clock::time_point next_renewal_{};
    Clock::time_point next_look_{};                  // at a lease that another may have given up
    std::optional<Clock::time_point> steady_since_;  // the database has answered without a gap
    std::optional<std::pair<Clock::time_point, std::int64_t>> last_seen_;
    std::map<std::string, Clock::time_point> unlocked_since_;
    runtime::BoundedQueue<Plan> plans_;
    std::mutex planning_mutex_;
    std::set<std::int64_t> planning_;  // jobs queued or being planned here
};

}  // namespace amp::jobs
