// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "catalog/meta_store.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace amp::jobs {

struct SchedulerPolicy {
    int poison_crashes = 3;  // lost sessions without a commit between them, after which a shard is poison
    int parallelism = 0;  // of jobs that name none; 0 = min(automatic_parallelism, slots of matching workers)
    int automatic_parallelism = 16;
    std::chrono::microseconds heartbeat_age_max = std::chrono::seconds(5);
    std::chrono::microseconds tip_patience = std::chrono::seconds(60);  // imbalance before a tip shard moves
    std::chrono::microseconds plan_patience = std::chrono::minutes(5);  // then another planner may start
    // Bounds of one step. What does not fit waits for the next one.
    int placements_max = 1000;
    int transitions_max = 1000;
    int plans_max = 64;  // jobs that are being planned, those of earlier steps included
};

/// Words in Job::reason that the scheduler writes and reads back. The last two are marks of a RUNNING or
/// SCHEDULED job that stays what it is; their age is Job::updated_at.
namespace reason {
inline constexpr const char* kNoWorker = "NO_WORKER";
inline constexpr const char* kBackoff = "BACKOFF";
inline constexpr const char* kWorkerLost = "WORKER_LOST";
inline constexpr const char* kDrained = "DRAINED";
inline constexpr const char* kPoisonShard = "POISON_SHARD";
inline constexpr const char* kShardFailed = "SHARD_FAILED";
inline constexpr const char* kAttemptsExhausted = "ATTEMPTS_EXHAUSTED";
inline constexpr const char* kPlanning = "PLANNING";
inline constexpr const char* kUnbalanced = "UNBALANCED";
}  // namespace reason

/// MetaStore::assign_shard.
struct Assign {
    std::int64_t job_id = 0;
    std::int64_t shard_id = 0;
    std::string session_id;
};

/// MetaStore::release_shard without delay or error: the shard is to run elsewhere.
struct Release {
    catalog::Fence fence;
};

/// The shard becomes FAILED if it is still PENDING with this epoch.
struct FailShard {
    std::int64_t shard_id = 0;
    std::int64_t epoch = 0;
    std::string error_json;
};

/// MetaStore::cancel_pending_shards.
struct CancelPending {
    std::int64_t job_id = 0;
};

/// MetaStore::transition_job from the one state `from`, which may be `to`: then only the reason changes.
/// `retry_at` replaces the row's; absent clears it.
struct Transition {
    std::int64_t job_id = 0;
    catalog::JobStatus from = catalog::JobStatus::kScheduled;
    catalog::JobStatus to = catalog::JobStatus::kScheduled;
    std::string reason;
    std::string error_json;  // empty = as before
    std::optional<std::int64_t> retry_at;
};

/// The job has no shard that waits or runs: find what it lacks. The executor first sets the reason PLANNING
/// on condition that the row still has `change_seq`, and adds shards or ends the job on condition that the
/// row has not changed since; so of two planners one wins, and one that took too long changes nothing.
struct Plan {
    std::int64_t job_id = 0;
    catalog::JobStatus from = catalog::JobStatus::kScheduled;
    std::int64_t change_seq = 0;
};

using Action = std::variant<Assign, Release, FailShard, CancelPending, Transition, Plan>;

/// What to do next, in the order to do it (docs/internals/scheduler.md). Pure: time is view.now, nothing is
/// remembered; equal views give equal actions. Every action is executed under a condition, so that lost,
/// repeated or outdated ones do no harm.
///
/// Jobs of origin `dump` and workers of kind `dump` are left alone. Shards in the view whose job is not in it
/// count as load of their workers.
std::vector<Action> step(const catalog::ScheduleView& view, const SchedulerPolicy& policy);

}  // namespace amp::jobs
