// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
// A cluster in one thread: a store that applies actions under the conditions of the real one, workers that
// die, fall silent, drain and join, and two schedulers of which one decides on old snapshots.
#include "base/glob.hpp"
#include "jobs/scheduler.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <unordered_map>

namespace amp::jobs {
namespace {

using catalog::Fence;
using catalog::Job;
using catalog::JobStatus;
using catalog::ScheduleView;
using catalog::Shard;
using catalog::ShardStatus;
using catalog::Worker;
using catalog::WorkerState;

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kLease = 6 * kSecond;
constexpr int kWarmUp = 15;  // seconds
constexpr std::array kZones = {"a", "b", "c", "d"};

class Random {
  public:
    explicit Random(std::uint64_t seed) : bits_(seed) {}
    int below(int limit) { return static_cast<int>(bits_() % static_cast<std::uint64_t>(limit)); }
    bool once_in(int times) { return below(times) == 0; }

  private:
    std::mt19937_64 bits_;
};

/// What the test knows of a job besides its row.
struct JobFacts {
    Job row;
    std::vector<std::int64_t> shards;
    int zone = -1;  // of the selector
    int batches = 1;
    int shards_per_batch = 1;
    int length = 3;  // of a shard, in blocks; one is done each second
    bool continuous = false;
    bool crashes_workers = false;
    bool fails_for_good = false;
    bool stop_asked = false;  // while it was not terminal
    BlockNum created = 0;     // blocks in shards
    BlockNum committed = 0;
};

bool is_live(JobStatus status) { return status == JobStatus::kScheduled || status == JobStatus::kRunning; }

/// The conditional operations of catalog::MetaStore, in memory.
class SimStore {
  public:
    std::int64_t now = 1'000 * kSecond;
    int slots_factor = 1;  // how far above its slots a worker may be loaded
    int fenced = 0;
    int most_above = 0;  // shards above the slots of a worker

    // ---- workers ----

    bool register_worker(std::size_t node, Worker wanted) {
        if (node >= workers_.size()) workers_.resize(node + 1);
        auto& row = workers_[node];
        if (!row.node_id.empty() && row.state != WorkerState::kGone && row.lease_expires_at >= now)
            return false;
        sessions_.erase(row.session_id);
        wanted.heartbeat_at = wanted.registered_at = now;
        wanted.lease_expires_at = now + kLease;
        row = std::move(wanted);
        sessions_[row.session_id] = node;
        return true;
    }

    /// Null: fenced.
    const Worker* heartbeat(const std::string& session) {
        auto* row = live_worker(session);
        if (row == nullptr) return nullptr;
        row->heartbeat_at = now;
        row->lease_expires_at = now + kLease;
        return row;
    }

    void drain(std::size_t node) {
        if (workers_[node].state == WorkerState::kActive) workers_[node].state = WorkerState::kDraining;
    }

    void retire(const std::string& session) {
        if (auto* row = live_worker(session)) row->state = WorkerState::kGone;
    }

    void expire_workers() {
        for (auto& worker : workers_)
            if (worker.lease_expires_at < now) worker.state = WorkerState::kGone;
        for (auto& [session, held] : held_) {
            if (live_worker(session) != nullptr) continue;
            for (const auto id : held) {
                free_row(shard(id));
                ++shard(id).crashes;
            }
            held.clear();
        }
        std::erase_if(held_, [](const auto& entry) { return entry.second.empty(); });
    }

    const std::vector<Worker>& workers() const { return workers_; }

    const std::vector<std::int64_t>& session_shards(const std::string& session) { return held_[session]; }

    // ---- jobs ----

    std::int64_t create_job(JobFacts facts) {
        facts.row.id = static_cast<std::int64_t>(jobs_.size()) + 1;
        facts.row.updated_at = now;
        jobs_.push_back(std::move(facts));
        active_.push_back(jobs_.back().row.id);
        return jobs_.back().row.id;
    }

    JobFacts& job(std::int64_t id) { return jobs_[static_cast<std::size_t>(id - 1)]; }
    Shard& shard(std::int64_t id) { return shards_[static_cast<std::size_t>(id - 1)]; }
    std::vector<JobFacts>& jobs() { return jobs_; }

    /// Jobs that are not terminal, and ended ones whose shards still run.
    const std::vector<std::int64_t>& active() {
        std::erase_if(active_, [&](std::int64_t id) {
            return catalog::is_terminal(job(id).row.status) && !has(job(id), ShardStatus::kRunning);
        });
        return active_;
    }

    bool has(const JobFacts& facts, ShardStatus status) {
        return std::ranges::any_of(facts.shards, [&](auto id) { return shard(id).status == status; });
    }

    bool transition(std::int64_t id, JobStatus from, JobStatus to, const std::string& why,
                    std::optional<std::int64_t> retry_at = {}) {
        auto& row = job(id).row;
        if (row.status != from) return false;
        EXPECT_TRUE(is_allowed(from, to)) << catalog::to_string(from) << " " << catalog::to_string(to);
        row.status = to;
        row.reason = why;
        row.retry_at = retry_at;
        row.updated_at = now;
        ++row.change_seq;
        return true;
    }

    void request_stop(std::int64_t id) {
        auto& facts = job(id);
        if (catalog::is_terminal(facts.row.status)) return;
        facts.stop_asked = true;
        if (!is_live(facts.row.status)) return;
        cancel_pending(id);
        transition(id, facts.row.status,
                   has(facts, ShardStatus::kRunning) ? JobStatus::kStopRequested : JobStatus::kStopped, {});
    }

    void cancel_pending(std::int64_t id) {
        for (const auto one : job(id).shards)
            if (shard(one).status == ShardStatus::kPending) shard(one).status = ShardStatus::kCancelled;
    }

    /// Returns the token for finish_plan, absent if the job changed since it was looked at.
    std::optional<std::int64_t> begin_plan(const Plan& plan) {
        const auto& row = job(plan.job_id).row;
        if (row.change_seq != plan.change_seq) return std::nullopt;
        if (!transition(plan.job_id, plan.from, plan.from, reason::kPlanning)) return std::nullopt;
        return row.change_seq;
    }

    void finish_plan(std::int64_t id, std::int64_t token) {
        auto& facts = job(id);
        if (facts.row.change_seq != token) return;
        EXPECT_FALSE(has(facts, ShardStatus::kRunning) || has(facts, ShardStatus::kPending));
        if (facts.batches == 0) {
            // Nothing is missing, perhaps from the start.
            if (facts.row.status == JobStatus::kScheduled)
                transition(id, JobStatus::kScheduled, JobStatus::kRunning, {});
            transition(id, JobStatus::kRunning, JobStatus::kCompleted, {});
            return;
        }
        --facts.batches;
        for (int i = 0; i < facts.shards_per_batch; ++i) {
            Shard row;
            row.id = static_cast<std::int64_t>(shards_.size()) + 1;
            row.job_id = id;
            row.start_block = row.next_block = facts.created;
            if (facts.continuous) {
                row.kind = "tip";
            } else {
                row.end_block = row.start_block + static_cast<BlockNum>(facts.length) - 1;
                facts.created = *row.end_block + 1;
            }
            shards_.push_back(row);
            facts.shards.push_back(row.id);
        }
        ++facts.row.change_seq;
    }

    // ---- shards ----

    void assign(const Assign& action) {
        auto* worker = live_worker(action.session_id);
        auto& row = shard(action.shard_id);
        if (worker == nullptr || worker->state != WorkerState::kActive ||
            row.status != ShardStatus::kPending || (row.not_before && *row.not_before > now))
            return;
        const auto& facts = job(row.job_id);
        EXPECT_TRUE(facts.zone < 0 || worker->labels.find(kZones[static_cast<std::size_t>(facts.zone)]) == 9);
        EXPECT_TRUE(facts.row.worker_glob.empty() || glob_matches(facts.row.worker_glob, worker->node_id));
        EXPECT_TRUE(row.crashes < 3);
        ++worker->work_seq;
        ++row.epoch;
        row.status = ShardStatus::kRunning;
        row.node_id = worker->node_id;
        row.session_id = worker->session_id;
        auto& held = held_[worker->session_id];
        held.push_back(row.id);
        const int running = static_cast<int>(held.size());
        most_above = std::max(most_above, running - worker->slots);
        EXPECT_LE(running, slots_factor * worker->slots) << worker->node_id;
    }

    bool release(const Fence& fence, std::int64_t delay, bool failed) {
        if (!is_valid(fence)) return false;
        auto& row = shard(fence.shard_id);
        drop(row);
        free_row(row);
        if (failed) ++row.attempts;
        if (delay > 0) row.not_before = now + delay;
        return true;
    }

    bool end(const Fence& fence, ShardStatus status) {
        if (!is_valid(fence)) return false;
        auto& row = shard(fence.shard_id);
        drop(row);
        row.status = status;
        return true;
    }

    void fail_pending(const FailShard& action) {
        auto& row = shard(action.shard_id);
        if (row.status == ShardStatus::kPending && row.epoch == action.epoch)
            row.status = ShardStatus::kFailed;
    }

    /// One block. False: fenced.
    bool commit(const Fence& fence, BlockNum block) {
        if (!is_valid(fence)) {
            ++fenced;
            return false;
        }
        auto& row = shard(fence.shard_id);
        EXPECT_EQ(row.next_block, block) << "a gap, or a block twice";
        ++row.next_block;
        ++job(row.job_id).committed;
        row.attempts = row.crashes = 0;
        if (row.end_block && row.next_block > *row.end_block) {
            drop(row);
            row.status = ShardStatus::kDone;
        }
        return true;
    }

    void apply(const Action& action, std::vector<std::pair<std::int64_t, std::int64_t>>& plans) {
        if (const auto* assigned = std::get_if<Assign>(&action)) {
            assign(*assigned);
        } else if (const auto* released = std::get_if<Release>(&action)) {
            release(released->fence, 0, false);
        } else if (const auto* failed = std::get_if<FailShard>(&action)) {
            fail_pending(*failed);
        } else if (const auto* cancelled = std::get_if<CancelPending>(&action)) {
            cancel_pending(cancelled->job_id);
        } else if (const auto* change = std::get_if<Transition>(&action)) {
            transition(change->job_id, change->from, change->to, change->reason, change->retry_at);
        } else if (const auto* plan = std::get_if<Plan>(&action)) {
            if (const auto token = begin_plan(*plan)) plans.emplace_back(plan->job_id, *token);
        }
    }

    ScheduleView view() {
        ScheduleView out;
        out.now = now;
        for (const auto& worker : workers_)
            if (!worker.node_id.empty() && worker.state != WorkerState::kGone) out.workers.push_back(worker);
        for (const auto id : active()) {
            const auto& facts = job(id);
            const bool ended = catalog::is_terminal(facts.row.status);
            if (!ended) out.jobs.push_back(facts.row);
            for (const auto one : facts.shards) {
                const auto status = shard(one).status;
                if (status == ShardStatus::kRunning ||
                    (!ended && (status == ShardStatus::kPending || status == ShardStatus::kFailed)))
                    out.shards.push_back(shard(one));
            }
        }
        return out;
    }

  private:
    /// The table of states, and changes of the reason alone.
    static bool is_allowed(JobStatus from, JobStatus to) {
        switch (from) {
            case JobStatus::kScheduled:
                return to == from || to == JobStatus::kRunning || to == JobStatus::kStopRequested ||
                       to == JobStatus::kStopped || to == JobStatus::kFailed;
            case JobStatus::kRunning:
                return to == from || to == JobStatus::kScheduled || to == JobStatus::kCompleted ||
                       to == JobStatus::kStopRequested || to == JobStatus::kStopped ||
                       to == JobStatus::kFailed;
            case JobStatus::kStopRequested:
                return to == JobStatus::kStopping || to == JobStatus::kStopped;
            case JobStatus::kStopping:
                return to == JobStatus::kStopped;
            default:
                return false;
        }
    }

    Worker* live_worker(const std::string& session) {
        const auto found = sessions_.find(session);
        if (found == sessions_.end() || workers_[found->second].state == WorkerState::kGone) return nullptr;
        return &workers_[found->second];
    }

    bool is_valid(const Fence& fence) {
        const auto& row = shard(fence.shard_id);
        return row.status == ShardStatus::kRunning && row.epoch == fence.epoch &&
               row.session_id == fence.session_id;
    }

    void drop(const Shard& row) { std::erase(held_[row.session_id], row.id); }

    void free_row(Shard& row) {
        row.status = is_live(job(row.job_id).row.status) ? ShardStatus::kPending : ShardStatus::kCancelled;
        ++row.epoch;
        row.last_node = row.node_id;
        row.node_id.clear();
        row.session_id.clear();
    }

    std::vector<Worker> workers_;
    std::vector<JobFacts> jobs_;
    std::vector<Shard> shards_;
    std::vector<std::int64_t> active_;
    std::unordered_map<std::string, std::size_t> sessions_;  // the newest of each node
    std::unordered_map<std::string, std::vector<std::int64_t>> held_;
};

/// A worker process: what it believes may be wrong.
struct Machine {
    struct Local {
        Fence fence;
        BlockNum next = 0;
    };
    Worker row;
    int epoch = 0;
    bool up = false;
    std::int64_t back_at = 0;  // when a dead one starts again, or a silent one goes on
    std::vector<Local> locals;
};

struct Shape {
    int workers = 1000;
    int first_workers = 1000;  // the others join later, one each second
    int join_after = 0;        // seconds
    int jobs = 100'000;
    int jobs_active_max = 6'000;
    int jobs_per_second = 1'500;
    int continuous = 0;        // jobs without an end
    int continuous_until = 0;  // when they are stopped at the earliest
    int fault_seconds = 0;
    bool second_scheduler = false;
    int seconds_max = 1'000;
};

class Cluster {
  public:
    Cluster(const Shape& shape, std::uint64_t seed) : shape_(shape), random_(seed) {
        policy_.placements_max = 5'000;
        policy_.transitions_max = 5'000;
        policy_.plans_max = 5'000;
        policy_.plan_patience = std::chrono::seconds(20);
        store_.slots_factor = shape.second_scheduler ? 2 : 1;
        machines_.resize(static_cast<std::size_t>(shape.workers));
        for (int i = 0; i < shape.workers; ++i) {
            auto& row = machines_[static_cast<std::size_t>(i)].row;
            row.node_id = fmt::format("w-{:04}", i);
            row.kind = "worker";
            row.slots = 8 + 4 * (i % 3);
            row.labels = fmt::format(R"({{"zone":"{}"}})", kZones[static_cast<std::size_t>(i % 4)]);
        }
    }

    void run() {
        for (int i = 0; i < shape_.first_workers; ++i) start(static_cast<std::size_t>(i));
        while (seconds_ < shape_.seconds_max && !is_over()) tick();
        EXPECT_TRUE(is_over()) << store_.active().size() << " jobs have not ended";
        check_ends();
    }

    int seconds() const { return seconds_; }
    const SimStore& store() const { return store_; }
    double mean_imbalance() const {
        return imbalance_samples_ == 0 ? 0 : imbalance_sum_ / imbalance_samples_;
    }
    double worst_imbalance() const { return worst_imbalance_; }
    double imbalance_of_tips() const { return imbalance_of_tips_; }
    int imbalance_samples() const { return imbalance_samples_; }
    int poisoned() const { return poisoned_; }
    int completed() const { return completed_; }
    int stopped() const { return stopped_; }
    int failed() const { return failed_; }
    int fenced() const { return store_.fenced; }
    int most_above() const { return store_.most_above; }
    int releases() const { return releases_; }

  private:
    bool faults() const { return seconds_ < shape_.fault_seconds; }
    bool all_submitted() const { return static_cast<int>(store_jobs_) >= shape_.jobs; }
    bool is_over() { return all_submitted() && !faults() && store_.active().empty(); }

    void tick() {
        ++seconds_;
        store_.now += kSecond;
        submit();
        if (faults()) cause_faults();
        const auto joined = shape_.first_workers + seconds_ - shape_.join_after - 1;
        if (joined >= shape_.first_workers && joined < shape_.workers)
            start(static_cast<std::size_t>(joined));
        for (std::size_t i = 0; i < machines_.size(); ++i) live(i);
        finish_plans();
        schedule();
        measure();
        // What has no end of its own is stopped when all else has had its time.
        if (all_submitted() && !faults() && seconds_ > shape_.continuous_until && seconds_ % 10 == 0)
            for (const auto id : std::vector(store_.active()))
                if (store_.job(id).continuous || store_.job(id).row.worker_glob == "nobody*")
                    store_.request_stop(id);
    }

    void submit() {
        for (int i = 0; i < shape_.jobs_per_second && !all_submitted(); ++i) {
            if (static_cast<int>(store_.active().size()) >= shape_.jobs_active_max) break;
            JobFacts facts;
            const int number = static_cast<int>(store_jobs_++);
            facts.row.origin = "api";
            facts.row.kind = "raw";
            facts.row.priority = random_.below(3);
            if (number < shape_.continuous) {
                facts.continuous = true;
            } else {
                facts.shards_per_batch = 1 + random_.below(3);
                facts.length = 2 + random_.below(5);
                if (random_.once_in(5)) facts.batches = random_.below(3);
                if (random_.once_in(10)) facts.row.parallelism = 1;
            }
            if (random_.once_in(4)) {
                facts.zone = random_.below(4);
                facts.row.selector =
                    fmt::format(R"({{"zone":"{}"}})", kZones[static_cast<std::size_t>(facts.zone)]);
            } else if (random_.once_in(20)) {
                facts.row.worker_glob = fmt::format("w-*{}", random_.below(8));
            } else if (random_.once_in(10)) {
                facts.row.prefer = R"({"zone":"b"})";
            }
            if (shape_.fault_seconds > 0) {
                if (random_.once_in(4000)) facts.row.worker_glob = "nobody*";
                facts.crashes_workers = !facts.continuous && random_.once_in(4000);
                facts.fails_for_good = !facts.continuous && random_.once_in(1000);
                if (facts.crashes_workers) facts.batches = 1;
                if (random_.once_in(3)) facts.row.max_attempts = 3;
            }
            store_.create_job(std::move(facts));
        }
    }

    void cause_faults() {
        const auto any = [&]() -> Machine& {
            return machines_[static_cast<std::size_t>(random_.below(shape_.workers))];
        };
        if (auto& machine = any(); machine.up) die(machine);
        if (auto& machine = any(); machine.up && machine.back_at == 0)
            machine.back_at = store_.now + (2 + random_.below(18)) * kSecond;  // longer than its lease or not
        const auto drained = static_cast<std::size_t>(random_.below(shape_.workers));
        if (machines_[drained].up) store_.drain(drained);
        const auto& active = store_.active();
        for (int i = 0; i < 20 && !active.empty(); ++i)
            store_.request_stop(
                active[static_cast<std::size_t>(random_.below(static_cast<int>(active.size())))]);
        if (random_.once_in(60)) leader_back_at_ = store_.now + (3 + random_.below(12)) * kSecond;
    }

    // ---- worker processes ----

    void start(std::size_t index) {
        auto& machine = machines_[index];
        if (machine.up) return;
        machine.row.session_id = fmt::format("{}/{}", machine.row.node_id, ++machine.epoch);
        machine.locals.clear();
        machine.up = store_.register_worker(index, machine.row);
        machine.back_at = machine.up ? 0 : store_.now + kSecond;
    }

    void die(Machine& machine) {
        machine.up = false;
        machine.locals.clear();
        machine.back_at = store_.now + (1 + random_.below(30)) * kSecond;
    }

    void live(std::size_t index) {
        auto& machine = machines_[index];
        if (machine.back_at > store_.now) return;
        if (!machine.up) {
            if (machine.back_at > 0) start(index);
            return;
        }
        machine.back_at = 0;
        // One that was silent goes on with what it had before it learns better.
        work(machine);
        if (!machine.up) return;
        const auto* row = store_.heartbeat(machine.row.session_id);
        if (row == nullptr) {
            machine.up = false;
            start(index);
        } else if (row->state == WorkerState::kDraining) {
            for (const auto& local : machine.locals) store_.release(local.fence, 0, false);
            // The rows may hold what it has not begun.
            for (const auto id : std::vector(store_.session_shards(machine.row.session_id)))
                store_.release({id, store_.shard(id).epoch, machine.row.session_id}, 0, false);
            store_.retire(machine.row.session_id);
            die(machine);
        } else {
            reconcile(machine);
        }
    }

    void work(Machine& machine) {
        std::vector<Machine::Local> kept;
        for (auto local : machine.locals) {
            const auto& facts = store_.job(store_.shard(local.fence.shard_id).job_id);
            if (facts.crashes_workers) {
                die(machine);
                return;
            }
            if (facts.fails_for_good && random_.once_in(4)) {
                store_.end(local.fence, ShardStatus::kFailed);
            } else if (faults() && random_.once_in(50)) {
                const int attempts = store_.shard(local.fence.shard_id).attempts;
                store_.release(local.fence, (1LL << std::min(attempts, 3)) * kSecond, true);
            } else if (store_.commit(local.fence, local.next)) {
                ++local.next;
                if (store_.shard(local.fence.shard_id).status == ShardStatus::kRunning) kept.push_back(local);
            }
        }
        machine.locals = std::move(kept);
    }

    void reconcile(Machine& machine) {
        std::vector<Machine::Local> wanted;
        for (const auto id : std::vector(store_.session_shards(machine.row.session_id))) {
            const auto& row = store_.shard(id);
            const Fence fence{id, row.epoch, machine.row.session_id};
            const auto status = store_.job(row.job_id).row.status;
            if (is_live(status)) {
                wanted.push_back({fence, row.next_block});
                continue;
            }
            if (status == JobStatus::kStopRequested)
                store_.transition(row.job_id, status, JobStatus::kStopping, {});
            store_.release(fence, 0, false);
        }
        machine.locals = std::move(wanted);
    }

    // ---- schedulers ----

    void schedule() {
        if (leader_back_at_ <= store_.now) {
            store_.expire_workers();
            apply(step(store_.view(), policy_));
        }
        if (!shape_.second_scheduler) return;
        // Paused between reading and writing.
        if (stale_until_ == 0) {
            stale_ = step(store_.view(), policy_);
            stale_until_ = store_.now + random_.below(4) * kSecond;
        } else if (stale_until_ <= store_.now) {
            apply(stale_);
            stale_until_ = 0;
        }
    }

    void apply(const std::vector<Action>& actions) {
        std::vector<std::pair<std::int64_t, std::int64_t>> plans;
        for (const auto& action : actions) {
            if (faults() && random_.once_in(30)) continue;  // lost
            releases_ += std::holds_alternative<Release>(action) ? 1 : 0;
            store_.apply(action, plans);
        }
        for (const auto& [job, token] : plans) {
            if (faults() && random_.once_in(50)) continue;  // the planner died
            const int delay = random_.once_in(100) ? 25 : random_.below(2);
            plans_.emplace(store_.now + delay * kSecond, std::pair(job, token));
        }
    }

    void finish_plans() {
        while (!plans_.empty() && plans_.begin()->first <= store_.now) {
            const auto [job, token] = plans_.begin()->second;
            plans_.erase(plans_.begin());
            store_.finish_plan(job, token);
        }
    }

    // ---- observations ----

    void measure() {
        std::int64_t work = 0;
        for (const auto id : store_.active())
            for (const auto one : store_.job(id).shards) {
                const auto& row = store_.shard(one);
                const bool due =
                    row.status == ShardStatus::kPending && row.not_before.value_or(0) <= store_.now;
                if (row.status == ShardStatus::kRunning || due) ++work;
            }
        std::int64_t slots = 0;
        int count = 0;
        double sum = 0;
        double most = 0;
        for (const auto& worker : store_.workers()) {
            if (worker.node_id.empty() || worker.state != WorkerState::kActive ||
                store_.now - worker.heartbeat_at > policy_.heartbeat_age_max.count())
                continue;
            const double load =
                static_cast<double>(store_.session_shards(worker.session_id).size()) / worker.slots;
            slots += worker.slots;
            ++count;
            sum += load;
            most = std::max(most, load);
        }
        if (seconds_ == shape_.continuous_until) imbalance_of_tips_ = most / (sum / count);
        // Shards that run are not moved: how they end, all at once after the start or with nothing left to
        // place, is not the scheduler's doing.
        if (work * 2 <= slots || sum == 0 || seconds_ < kWarmUp || all_submitted() ||
            leader_back_at_ > store_.now)
            return;
        const double imbalance = most / (sum / count);
        imbalance_sum_ += imbalance;
        ++imbalance_samples_;
        worst_imbalance_ = std::max(worst_imbalance_, imbalance);
    }

    void check_ends() {
        for (const auto& facts : store_.jobs()) {
            const auto& row = facts.row;
            SCOPED_TRACE(fmt::format("job {} {} {}", row.id, catalog::to_string(row.status), row.reason));
            switch (row.status) {
                case JobStatus::kCompleted:
                    ++completed_;
                    EXPECT_EQ(facts.committed, facts.created);
                    EXPECT_FALSE(facts.crashes_workers || facts.continuous || facts.stop_asked);
                    break;
                case JobStatus::kStopped:
                    ++stopped_;
                    EXPECT_TRUE(facts.stop_asked);
                    break;
                case JobStatus::kFailed:
                    ++failed_;
                    if (row.reason == reason::kPoisonShard) {
                        ++poisoned_;
                        EXPECT_TRUE(facts.crashes_workers);
                    } else if (row.reason == reason::kShardFailed) {
                        EXPECT_TRUE(facts.fails_for_good);
                    } else {
                        EXPECT_EQ(row.reason, reason::kAttemptsExhausted);
                        EXPECT_GT(row.max_attempts, 0);
                    }
                    EXPECT_FALSE(facts.stop_asked);
                    break;
                default:
                    EXPECT_TRUE(catalog::is_terminal(row.status));
            }
        }
    }

    Shape shape_;
    Random random_;
    SimStore store_;
    SchedulerPolicy policy_;
    std::vector<Machine> machines_;
    std::multimap<std::int64_t, std::pair<std::int64_t, std::int64_t>> plans_;  // by the time they end
    std::vector<Action> stale_;
    std::int64_t stale_until_ = 0;
    std::int64_t leader_back_at_ = 0;
    std::size_t store_jobs_ = 0;
    int seconds_ = 0;
    int imbalance_samples_ = 0;
    double imbalance_sum_ = 0;
    double worst_imbalance_ = 0;
    double imbalance_of_tips_ = 0;
    int completed_ = 0;
    int stopped_ = 0;
    int failed_ = 0;
    int poisoned_ = 0;
    int releases_ = 0;
};

void print(const char* name, const Cluster& cluster) {
    fmt::print(
        "{}: {} s, completed {}, stopped {}, failed {} (poison {}), fenced commits {}, tips moved {}, most "
        "above "
        "slots {}, imbalance mean {:.3f} worst {:.3f} ({} samples)\n",
        name, cluster.seconds(), cluster.completed(), cluster.stopped(), cluster.failed(), cluster.poisoned(),
        cluster.fenced(), cluster.releases(), cluster.most_above(), cluster.mean_imbalance(),
        cluster.worst_imbalance(), cluster.imbalance_samples());
}

TEST(SchedulerSimulation, KeepsAThousandWorkersBalanced) {
    // Enough work for three of four slots, then for more than all.
    for (const auto& [active, rate] : {std::pair(5'000, 900), std::pair(9'000, 3'000)}) {
        Cluster cluster({.jobs = 40'000, .jobs_active_max = active, .jobs_per_second = rate}, 1);
        cluster.run();
        print("balance", cluster);
        EXPECT_GT(cluster.imbalance_samples(), 8);
        EXPECT_LT(cluster.worst_imbalance(), 1.3);
        EXPECT_LE(cluster.most_above(), 0);
        EXPECT_EQ(cluster.completed(), 40'000);
    }
}

TEST(SchedulerSimulation, SurvivesFaultsWithTwoSchedulers) {
    Cluster cluster({.first_workers = 800,
                     .continuous = 500,
                     .fault_seconds = 150,
                     .second_scheduler = true,
                     .seconds_max = 400},
                    7);
    cluster.run();
    print("faults", cluster);
    EXPECT_LT(cluster.mean_imbalance(), 1.3);
    EXPECT_GT(cluster.completed(), 80'000);
    EXPECT_GT(cluster.stopped(), 500);
    EXPECT_GT(cluster.poisoned(), 5);
    EXPECT_GT(cluster.fenced(), 50) << "workers must have come back too late";
}

TEST(SchedulerSimulation, TipShardsFollowNewWorkers) {
    Cluster cluster({.workers = 20,
                     .first_workers = 10,
                     .join_after = 20,
                     .jobs = 100,
                     .jobs_per_second = 10,
                     .continuous = 100,
                     .continuous_until = 400},
                    3);
    cluster.run();
    print("tips", cluster);
    fmt::print("imbalance of tips {:.3f}\n", cluster.imbalance_of_tips());
    EXPECT_LT(cluster.imbalance_of_tips(), 1.3);
    EXPECT_GT(cluster.releases(), 20);
    EXPECT_LT(cluster.releases(), 100) << "each moves once at most";
    EXPECT_EQ(cluster.stopped(), 100);
}

TEST(SchedulerSimulation, SmallClustersUnderFaults) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        SCOPED_TRACE(seed);
        Cluster cluster({.workers = 12,
                         .first_workers = 8,
                         .jobs = 600,
                         .jobs_active_max = 60,
                         .jobs_per_second = 10,
                         .continuous = 6,
                         .fault_seconds = 60,
                         .second_scheduler = seed % 2 == 0,
                         .seconds_max = 1'500},
                        seed);
        cluster.run();
        if (seed % 2 == 1) {
            EXPECT_LE(cluster.most_above(), 0);
        }
    }
}

}  // namespace
}  // namespace amp::jobs
