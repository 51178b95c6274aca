// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "jobs/scheduler_loop.hpp"

#include "base/log.hpp"
#include "jobs/worker_session.hpp"
#include "runtime/wait.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <thread>

namespace amp::jobs {
namespace {

using namespace std::chrono_literals;

constexpr const char* kLeaseName = "scheduler";
constexpr auto kRenewal = 1s;
constexpr auto kStandInLook = 10s;
constexpr auto kLockGrace = 2s;  // for a living process to take its lock again
constexpr auto kGapMax = 5s;
constexpr std::chrono::milliseconds kPauseMin{20};
constexpr std::size_t kPlannersMax = 4;

template <typename... Cases>
struct Overloaded : Cases... {
    using Cases::operator()...;
};

}  // namespace

SchedulerLoop::SchedulerLoop(catalog::MetaStore& store, Sources& sources, SchedulerLoopOptions options)
    : store_(store),
      options_(std::move(options)),
      planner_(store, sources, options_.extraction),
      plans_(static_cast<std::size_t>(options_.policy.plans_max)) {}

void SchedulerLoop::run(std::stop_token stop) {
    std::vector<std::jthread> planners;
    for (std::size_t i = 0; i < kPlannersMax; ++i) planners.emplace_back([this, stop] { run_plans(stop); });
    while (!stop.stop_requested()) {
        const auto began = Clock::now();
        const auto done = tick();
        if (!done.ok()) {
            steady_since_.reset();
            log::warn("scheduler", "a scheduler step failed", {{"err", done.error().message}});
        }
        const auto took = Clock::now() - began;
        step_seconds_ = std::chrono::duration<double>(took).count();
        // Changes come in bursts; a large view is read less often.
        const auto pause =
            std::max(kPauseMin, std::chrono::duration_cast<std::chrono::milliseconds>(took * 4));
        if (!runtime::wait_for(std::min(pause, options_.tick), stop)) break;
        if (const auto changed = store_.wait_for_change(options_.tick, stop); !changed.ok())
            runtime::wait_for(options_.tick, stop);
    }
    plans_.close();
    planners.clear();
    if (is_leader_) static_cast<void>(store_.release_lease(kLeaseName, options_.owner));
    is_leader_ = false;
}

// True while this process is the scheduler.
bool SchedulerLoop::hold_lease() {
    const auto now = Clock::now();
    if (now < next_renewal_) return is_leader_;
    next_renewal_ = now + kRenewal;
    if (!is_leader_ && options_.patience.count() > 0) {
        if (now < next_look_) return false;
        next_look_ = now + kStandInLook;
        const auto free_for = store_.lease_free_for(kLeaseName);
        if (!free_for.ok()) return false;
        const auto free = *free_for ? std::chrono::microseconds(**free_for)
                                    : std::chrono::duration_cast<std::chrono::microseconds>(now - started_);
        if (free < options_.patience) return false;
    }
    const auto epoch = store_.hold_lease(kLeaseName, options_.owner, options_.lease);
    const bool held = epoch.ok() && epoch->has_value();
    if (held != is_leader_)
        log::info("scheduler", held ? "this process schedules now" : "another process schedules",
                  {{"owner", options_.owner}});
    is_leader_ = held;
    return held;
}

// Expiry trusts the database's clock only after it was seen to run evenly for one lease.
void SchedulerLoop::note_database(std::int64_t now_us) {
    const auto now = Clock::now();
    if (last_seen_) {
        const auto ours = std::chrono::duration_cast<std::chrono::microseconds>(now - last_seen_->first);
        const auto theirs = std::chrono::microseconds(now_us - last_seen_->second);
        const auto jump = theirs > ours ? theirs - ours : ours - theirs;
        if (ours > kGapMax || jump > kGapMax) steady_since_.reset();
    }
    last_seen_ = {now, now_us};
    if (!steady_since_) steady_since_ = now;
}

std::vector<std::string> SchedulerLoop::dead_sessions(const catalog::ScheduleView& view) {
    std::vector<std::string> dead;
    for (const auto& worker : view.workers)
        if (is_dead_local_process(worker.host)) dead.push_back(worker.session_id);
    const auto unlocked = store_.unlocked_sessions();
    if (!unlocked.ok()) return dead;
    const auto now = Clock::now();
    std::map<std::string, Clock::time_point> since;
    for (const auto& session : *unlocked) {
        const auto known = unlocked_since_.find(session);
        since[session] = known == unlocked_since_.end() ? now : known->second;
        if (now - since[session] >= kLockGrace) dead.push_back(session);
    }
    unlocked_since_ = std::move(since);
    return dead;
}

bool SchedulerLoop::needs_expiry(const catalog::ScheduleView& view, bool any_dead) const {
    if (any_dead) return true;
    std::set<std::string_view> sessions;
    std::map<std::string_view, std::int64_t> registered;
    for (const auto& worker : view.workers) {
        if (worker.lease_expires_at < view.now) return true;
        sessions.insert(worker.session_id);
        registered[worker.node_id] = worker.registered_at;
    }
    for (const auto& shard : view.shards)
        if (shard.status == catalog::ShardStatus::kRunning && !sessions.contains(shard.session_id))
            return true;
    // A dump's job ends with its session.
    return std::any_of(view.jobs.begin(), view.jobs.end(), [&](const catalog::Job& job) {
        if (job.origin != "dump") return false;
        const auto owner = registered.find(job.node_id);
        return owner == registered.end() || owner->second > job.created_at;
    });
}

Result<> SchedulerLoop::tick() {
    const bool leads = hold_lease();
    if (!leads) {
        // Many stand in, and one statement a second of each would be most of an idle cluster's load. Whoever
        // of them takes over watches the clock for one lease first.
        if (options_.patience.count() > 0) {
            last_seen_.reset();
            steady_since_.reset();
            return {};
        }
        TRY_ASSIGN(const auto now, store_.now_us());
        note_database(now);
        return {};
    }
    TRY_ASSIGN(auto view, store_.schedule_view());
    note_database(view.now);
    const auto dead = dead_sessions(view);
    const bool may_expire = steady_since_ && Clock::now() - *steady_since_ >= options_.worker_lease;
    if (may_expire && needs_expiry(view, !dead.empty())) {
        for (const auto& session : dead)
            log::warn("scheduler", "a worker's process is gone", {{"session", session}});
        TRY(store_.expire_workers(dead));
        TRY_ASSIGN(view, store_.schedule_view());
    }
    execute(step(view, options_.policy));
    return {};
}

void SchedulerLoop::execute(const std::vector<Action>& actions) {
    const auto tell = [](const char* what, std::int64_t id, const Error& error) {
        // Another process was faster; the next step sees what it did.
        if (error.code == Code::kConflict || error.code == Code::kNotFound) return;
        log::warn("scheduler", "an action failed", {{"action", what}, {"id", id}, {"err", error.message}});
    };
    for (const auto& action : actions) {
        std::visit(
            Overloaded{
                [&](const Assign& a) {
                    const auto done = store_.assign_shard(a.shard_id, a.session_id);
                    if (!done.ok()) tell("assign", a.shard_id, done.error());
                },
                [&](const Release& a) {
                    const auto done = store_.release_shard(a.fence, 0ms, {});
                    if (!done.ok()) tell("release", a.fence.shard_id, done.error());
                },
                [&](const FailShard& a) {
                    const auto done = store_.fail_pending_shard(a.shard_id, a.epoch, a.error_json);
                    if (!done.ok()) tell("fail", a.shard_id, done.error());
                },
                [&](const CancelPending& a) {
                    const auto done = store_.cancel_pending_shards(a.job_id);
                    if (!done.ok()) tell("cancel", a.job_id, done.error());
                },
                [&](const Transition& a) {
                    const std::array expected = {a.from};
                    const auto done = store_.transition_job(
                        a.job_id, expected,
                        {.to = a.to, .reason = a.reason, .error_json = a.error_json, .retry_at = a.retry_at});
                    if (!done.ok()) tell("transition", a.job_id, done.error());
                    if (done.ok() && a.to == catalog::JobStatus::kFailed)
                        log::error("scheduler", "a job failed",
                                   {{"job", a.job_id}, {"reason", a.reason}, {"err", a.error_json}});
                },
                [&](const Plan& a) { enqueue(a); },
            },
            action);
    }
}

void SchedulerLoop::enqueue(const Plan& plan) {
    {
        const std::scoped_lock lock(planning_mutex_);
        if (planning_.size() >= static_cast<std::size_t>(options_.policy.plans_max)) return;
        if (!planning_.insert(plan.job_id).second) return;
    }
    plans_.push(plan, {});
}

void SchedulerLoop::run_plans(std::stop_token stop) {
    while (const auto plan = plans_.pop(stop)) {
        planner_.plan(*plan, stop);
        const std::scoped_lock lock(planning_mutex_);
        planning_.erase(plan->job_id);
    }
}

}  // namespace amp::jobs
