// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "jobs/scheduler.hpp"

#include "base/glob.hpp"
#include "base/json_text.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <map>
#include <queue>
#include <string_view>
#include <tuple>
#include <unordered_map>

namespace amp::jobs {
namespace {

using catalog::Job;
using catalog::JobStatus;
using catalog::Shard;
using catalog::ShardStatus;
using catalog::WorkerState;

// Scores are whole billionths, so that equal ones are equal.
using Score = std::int64_t;
constexpr Score kFullLoad = 1'000'000'000;
constexpr Score kPreferBonus = kFullLoad / 4;
constexpr Score kLastNodeBonus = kFullLoad / 10;
constexpr int kTipMoveDifference = 2;  // shards
constexpr int kCrashesAlone = 2;
constexpr std::size_t kIsolatedShare = 8;  // one worker of so many may be kept for a shard that runs alone

using Labels = std::vector<std::pair<std::string, std::string>>;

/// Absent if the text is no JSON object.
std::optional<Labels> parse_labels(std::string_view text) {
    if (text.empty() || text == "{}") return Labels{};
    const auto json = nlohmann::json::parse(text, nullptr, false);
    if (json.is_null()) return Labels{};
    if (!json.is_object()) return std::nullopt;
    Labels labels;
    for (const auto& [key, value] : json.items())
        labels.emplace_back(key, value.is_string() ? value.get<std::string>() : value.dump());
    return labels;
}

bool is_tip(const Shard& shard) { return !shard.end_block; }

std::string range_text(const Shard& shard) {
    return shard.end_block ? fmt::format("blocks {} to {}", shard.start_block, *shard.end_block)
                           : fmt::format("blocks from {} on", shard.start_block);
}

std::string shard_error(std::string_view code, const std::string& message, const Shard& shard) {
    return fmt::format(
        R"({{"error_code":{},"error_message":{},"retryable":false,"node_id":{},"shard_id":{},"block":{},"attempt":{}}})",
        json_quote(code), json_quote(message), json_quote(shard.last_node), shard.id, shard.next_block,
        shard.attempts);
}

struct Node {
    const catalog::Worker* row = nullptr;
    Labels labels;
    bool candidate = false;
    int running = 0;
    int crashed = 0;                 // running shards that lost a worker before
    bool exclusive = false;          // runs a shard that must be alone
    bool reserved = false;           // kept free for one
    std::vector<const Shard*> tips;  // running

    bool is_free() const { return candidate && !exclusive && !reserved && running < row->slots; }
    Score load_with(int shards) const { return shards * kFullLoad / std::max(row->slots, 1); }
};

/// The workers that one combination of selector, preference and glob allows, least loaded first.
class Pool {
  public:
    Pool(const std::vector<Node>& nodes, const Job& job) : nodes_(nodes) {
        const auto selector = parse_labels(job.selector);
        if (!selector) return;  // nothing can be said to match it
        const auto prefer = parse_labels(job.prefer).value_or(Labels{});
        const auto has = [](const Node& node, const auto& label) {
            return std::find(node.labels.begin(), node.labels.end(), label) != node.labels.end();
        };
        const auto admit = [&](std::size_t index) {
            const auto& node = nodes[index];
            if (!node.candidate) return;
            if (!std::all_of(selector->begin(), selector->end(),
                             [&](const auto& label) { return has(node, label); }))
                return;
            const auto preferred = std::count_if(prefer.begin(), prefer.end(),
                                                 [&](const auto& label) { return has(node, label); });
            members_.push_back({index, kPreferBonus * preferred});
            slots_ += node.row->slots;
        };
        if (!job.worker_glob.empty() && !is_glob(job.worker_glob)) {
            const auto found = std::lower_bound(
                nodes.begin(), nodes.end(), job.worker_glob,
                [](const Node& node, const std::string& id) { return node.row->node_id < id; });
            if (found != nodes.end() && found->row->node_id == job.worker_glob)
                admit(static_cast<std::size_t>(found - nodes.begin()));
        } else {
            for (std::size_t i = 0; i < nodes.size(); ++i)
                if (job.worker_glob.empty() || glob_matches(job.worker_glob, nodes[i].row->node_id)) admit(i);
        }
        for (const auto& member : members_) heap_.push({score(member), member});
    }

    std::int64_t slots() const { return slots_; }

    /// The free worker with the lowest score for a shard that ran last on `last_node`.
    std::optional<std::size_t> best(std::string_view last_node) {
        // Loads only grow within a step, so an entry's score is a lower bound; it is renewed when it comes
        // up.
        while (!heap_.empty()) {
            const auto top = heap_.top();
            if (!nodes_[top.member.node].is_free()) {
                heap_.pop();
            } else if (const Score now = score(top.member); now > top.score) {
                heap_.pop();
                heap_.push({now, top.member});
            } else {
                break;
            }
        }
        if (heap_.empty()) return std::nullopt;
        Entry chosen = heap_.top();
        if (const auto* last = find(last_node); last != nullptr && nodes_[last->node].is_free()) {
            const Entry again{score(*last) - kLastNodeBonus, *last};
            if (chosen > again) chosen = again;
        }
        return chosen.member.node;
    }

    /// Like best(), among the workers that `allowed` accepts. Looks at all of them.
    template <typename Allowed>
    std::optional<std::size_t> best_of(std::string_view last_node, const Allowed& allowed) const {
        std::optional<Entry> chosen;
        for (const auto& member : members_) {
            const auto& node = nodes_[member.node];
            if (!allowed(node)) continue;
            const Entry entry{score(member) - (node.row->node_id == last_node ? kLastNodeBonus : 0), member};
            if (!chosen || *chosen > entry) chosen = entry;
        }
        return chosen ? std::optional(chosen->member.node) : std::nullopt;
    }

    /// Whether a tip shard of `from` would go to `to` and stay there.
    bool improves(std::size_t from, std::size_t to) const {
        const auto* source = find(nodes_[from].row->node_id);
        if (source == nullptr) return true;  // it would not be placed there again
        const auto* target = find(nodes_[to].row->node_id);
        const Score back = nodes_[from].load_with(nodes_[from].running - 1) - source->bonus - kLastNodeBonus;
        return target != nullptr && score(*target) < back;
    }

    bool out_of_uncrashed = false;  // no worker for another shard that lost one, for the rest of the step

  private:
    struct Member {
        std::size_t node = 0;
        Score bonus = 0;
    };
    struct Entry {
        Score score = 0;
        Member member;
        bool operator>(const Entry& other) const {
            return std::tie(score, member.node) > std::tie(other.score, other.member.node);
        }
    };

    Score score(const Member& member) const {
        const auto& node = nodes_[member.node];
        return node.load_with(node.running) - member.bonus;
    }

    const Member* find(std::string_view node_id) const {
        if (node_id.empty()) return nullptr;
        const auto found = std::lower_bound(
            members_.begin(), members_.end(), node_id,
            [&](const Member& member, std::string_view id) { return nodes_[member.node].row->node_id < id; });
        return found != members_.end() && nodes_[found->node].row->node_id == node_id ? &*found : nullptr;
    }

    const std::vector<Node>& nodes_;  // by node id
    std::vector<Member> members_;     // by node id
    std::priority_queue<Entry, std::vector<Entry>, std::greater<>> heap_;
    std::int64_t slots_ = 0;
};

/// One job of ours and what the view and this step make of it.
struct JobState {
    const Job* row = nullptr;
    Pool* pool = nullptr;
    std::vector<const Shard*> due;  // PENDING, by start block
    std::size_t next = 0;           // into `due`
    std::optional<std::int64_t> next_due;
    int running = 0;
    int waiting = 0;  // PENDING in the view
    int placed = 0;
    const Shard* failed = nullptr;  // why the job fails
    bool ended = false;
    bool cut_off = false;     // placements_max was reached before its turn
    bool unbalanced = false;  // its tip shard should move
};

class Step {
  public:
    Step(const catalog::ScheduleView& view, const SchedulerPolicy& policy) : view_(view), policy_(policy) {}

    std::vector<Action> run() {
        index_workers();
        index_jobs();
        index_shards();
        end_jobs();
        place_isolated();
        place();
        move_tips();
        settle_jobs();
        return std::move(actions_);
    }

  private:
    void index_workers() {
        nodes_.reserve(view_.workers.size());
        for (const auto& worker : view_.workers) {
            Node node{.row = &worker};
            node.candidate = worker.state == WorkerState::kActive && worker.kind != "dump" &&
                             worker.slots > 0 &&
                             view_.now - worker.heartbeat_at <= policy_.heartbeat_age_max.count();
            if (auto labels = parse_labels(worker.labels)) node.labels = std::move(*labels);
            candidates_ += node.candidate ? 1 : 0;
            nodes_.push_back(std::move(node));
        }
        std::ranges::sort(nodes_, {},
                          [](const Node& node) -> const std::string& { return node.row->node_id; });
        by_session_.reserve(nodes_.size());
        for (auto& node : nodes_) by_session_.emplace(node.row->session_id, &node);
    }

    void index_jobs() {
        jobs_.reserve(view_.jobs.size());
        by_id_.reserve(view_.jobs.size());
        for (const auto& job : view_.jobs) {
            if (job.origin == "dump") continue;
            by_id_.emplace(job.id, jobs_.size());
            jobs_.push_back({.row = &job});
        }
    }

    void index_shards() {
        for (const auto& shard : view_.shards) {
            const auto found = by_id_.find(shard.job_id);
            auto* job = found == by_id_.end() ? nullptr : &jobs_[found->second];
            if (shard.status == ShardStatus::kRunning) {
                if (job != nullptr) ++job->running;
                if (const auto at = by_session_.find(shard.session_id); at != by_session_.end())
                    add_running(*at->second, shard, job != nullptr);
            } else if (job != nullptr) {
                index_waiting(*job, shard);
            }
        }
        for (auto& job : jobs_)
            std::ranges::sort(job.due, [](const Shard* a, const Shard* b) {
                return std::tie(a->start_block, a->id) < std::tie(b->start_block, b->id);
            });
    }

    void add_running(Node& node, const Shard& shard, bool ours) {
        ++node.running;
        if (shard.crashes > 0) ++node.crashed;
        if (shard.crashes >= kCrashesAlone && !node.exclusive) {
            node.exclusive = true;
            ++isolated_;
        }
        if (ours && is_tip(shard)) node.tips.push_back(&shard);
    }

    void index_waiting(JobState& job, const Shard& shard) {
        if (shard.status == ShardStatus::kFailed) {
            note_failure(job, shard);
        } else if (shard.status == ShardStatus::kPending) {
            ++job.waiting;
            if (is_poison(shard) || is_exhausted(job, shard)) {
                note_failure(job, shard);
            } else if (!shard.not_before || *shard.not_before <= view_.now) {
                job.due.push_back(&shard);
            } else {
                job.next_due = std::min(job.next_due.value_or(*shard.not_before), *shard.not_before);
            }
        }
    }

    // The lowest shard explains the failure, so that every step names the same one.
    static void note_failure(JobState& job, const Shard& shard) {
        if (job.failed == nullptr || shard.id < job.failed->id) job.failed = &shard;
    }

    bool is_poison(const Shard& shard) const {
        return policy_.poison_crashes > 0 && shard.crashes >= policy_.poison_crashes;
    }

    static bool is_exhausted(const JobState& job, const Shard& shard) {
        return job.row->max_attempts > 0 && shard.attempts >= job.row->max_attempts;
    }

    bool may_transition() {
        if (transitions_ >= policy_.transitions_max) return false;
        ++transitions_;
        return true;
    }

    void transition(const JobState& job, JobStatus to, std::string why, std::string error = {},
                    std::optional<std::int64_t> retry_at = {}) {
        actions_.push_back(
            Transition{job.row->id, job.row->status, to, std::move(why), std::move(error), retry_at});
    }

    // ---- ends ----

    void end_jobs() {
        for (auto& job : jobs_) {
            const bool stopping =
                job.row->status == JobStatus::kStopRequested || job.row->status == JobStatus::kStopping;
            job.ended = stopping || job.failed != nullptr;
            if (stopping) {
                if (job.waiting > 0 && may_transition()) actions_.push_back(CancelPending{job.row->id});
                if (job.running == 0 && may_transition()) transition(job, JobStatus::kStopped, {});
            } else if (job.failed != nullptr && may_transition()) {
                fail(job);
            }
        }
    }

    void fail(const JobState& job) {
        const Shard& shard = *job.failed;
        std::string why = reason::kShardFailed;
        std::string error = shard.last_error;
        if (is_poison(shard)) {
            why = reason::kPoisonShard;
            error =
                shard_error(why,
                            fmt::format("shard {} ({}) lost its worker {} times without progress; look at "
                                        "the logs of those workers, then resume the job",
                                        shard.id, range_text(shard), shard.crashes),
                            shard);
        } else if (is_exhausted(job, shard)) {
            why = reason::kAttemptsExhausted;
        }
        if (error.empty()) {
            error = shard_error(why,
                                fmt::format("shard {} ({}) failed {} times without progress", shard.id,
                                            range_text(shard), shard.attempts),
                                shard);
        }
        if (shard.status == ShardStatus::kPending)
            actions_.push_back(FailShard{shard.id, shard.epoch, error});
        transition(job, JobStatus::kFailed, std::move(why), std::move(error));
        if (job.waiting > 0) actions_.push_back(CancelPending{job.row->id});
    }

    // ---- placement ----

    Pool& pool(JobState& job) {
        if (job.pool == nullptr) {
            const auto& row = *job.row;
            job.pool =
                &pools_.try_emplace({row.selector, row.prefer, row.worker_glob}, nodes_, row).first->second;
        }
        return *job.pool;
    }

    std::int64_t cap(JobState& job) {
        if (job.row->parallelism > 0) return job.row->parallelism;
        if (policy_.parallelism > 0) return policy_.parallelism;
        return std::min<std::int64_t>(policy_.automatic_parallelism, pool(job).slots());
    }

    bool may_place(JobState& job) { return !job.ended && job.running < cap(job); }

    void assign(JobState& job, const Shard& shard, std::size_t index) {
        auto& node = nodes_[index];
        ++node.running;
        if (shard.crashes > 0) ++node.crashed;
        ++job.running;
        ++job.placed;
        ++placements_;
        actions_.push_back(Assign{job.row->id, shard.id, node.row->session_id});
    }

    // A worker is seldom idle by chance, so one is kept from other work until its last shard ends.
    void place_isolated() {
        std::vector<std::pair<JobState*, const Shard*>> wanted;
        for (auto& job : jobs_) {
            if (job.ended) continue;
            for (const auto* shard : job.due)
                if (shard->crashes >= kCrashesAlone) wanted.emplace_back(&job, shard);
        }
        std::ranges::sort(wanted, [](const auto& a, const auto& b) {
            return std::tuple(-a.first->row->priority, a.second->id) <
                   std::tuple(-b.first->row->priority, b.second->id);
        });
        const auto isolated_max = std::max<std::size_t>(1, candidates_ / kIsolatedShare);
        for (const auto& [job, shard] : wanted) {
            if (placements_ >= policy_.placements_max) job->cut_off = true;
            if (!job->cut_off && isolated_ < isolated_max && may_place(*job)) isolate(*job, *shard);
        }
    }

    void isolate(JobState& job, const Shard& shard) {
        const auto open = [](const Node& node) { return !node.exclusive && !node.reserved; };
        const auto ranges = [](const Node& node) {
            return node.running - static_cast<int>(node.tips.size());
        };
        int fewest = std::numeric_limits<int>::max();
        pool(job).best_of({}, [&](const Node& node) {
            if (open(node)) fewest = std::min(fewest, ranges(node));
            return false;
        });
        const auto index = pool(job).best_of(
            shard.last_node, [&](const Node& node) { return open(node) && ranges(node) == fewest; });
        if (!index) return;
        auto& node = nodes_[*index];
        ++isolated_;
        if (node.running == 0) {
            assign(job, shard, *index);
            node.exclusive = true;
            return;
        }
        node.reserved = true;
        if (fewest > 0) return;
        // Shards without an end would keep the worker busy for ever.
        for (const auto* tip : node.tips)
            actions_.push_back(
                Release{{.shard_id = tip->id, .epoch = tip->epoch, .session_id = tip->session_id}});
        node.tips.clear();
    }

    struct Turn {
        int priority = 0;
        int running = 0;
        BlockNum start = 0;
        std::int64_t shard_id = 0;
        JobState* job = nullptr;
        bool operator<(const Turn& other) const {  // the queue gives the greatest first
            return std::tuple(priority, -running, other.start, other.shard_id) <
                   std::tuple(other.priority, -other.running, start, shard_id);
        }
    };

    void place() {
        std::priority_queue<Turn> turns;
        const auto enqueue = [&](JobState& job) {
            while (job.next < job.due.size() && job.due[job.next]->crashes >= kCrashesAlone) ++job.next;
            if (job.next == job.due.size() || !may_place(job)) return;
            const auto& shard = *job.due[job.next];
            turns.push({job.row->priority, job.running, shard.start_block, shard.id, &job});
        };
        for (auto& job : jobs_) enqueue(job);
        while (!turns.empty()) {
            auto& job = *turns.top().job;
            turns.pop();
            if (placements_ >= policy_.placements_max) {
                job.cut_off = true;
                continue;
            }
            const auto& shard = *job.due[job.next++];
            auto& workers = pool(job);
            std::optional<std::size_t> index;
            if (shard.crashes == 0) {
                index = workers.best(shard.last_node);
                if (!index) continue;  // no free worker for any other shard of the job
            } else if (!workers.out_of_uncrashed) {
                index = workers.best_of(shard.last_node,
                                        [](const Node& node) { return node.is_free() && node.crashed == 0; });
                workers.out_of_uncrashed = !index;
            }
            if (index) assign(job, shard, *index);
            enqueue(job);
        }
    }

    // ---- tip shards ----

    // At most one shard of each worker at a time: the others are judged again when it has moved. Those whose
    // wait has begun come first and go on waiting.
    void move_tips() {
        std::vector<bool> done(nodes_.size());
        for (const bool marked : {true, false}) {
            for (std::size_t i = 0; i < nodes_.size(); ++i) {
                auto& node = nodes_[i];
                if (done[i] || !node.candidate || node.reserved) continue;
                done[i] = std::ranges::any_of(node.tips, [&](const Shard* tip) {
                    return (job_of(*tip).row->reason == reason::kUnbalanced) == marked && move_tip(i, *tip);
                });
            }
        }
    }

    bool move_tip(std::size_t from, const Shard& tip) {
        auto& job = job_of(tip);
        const bool marked = job.row->reason == reason::kUnbalanced;
        if (job.ended || job.unbalanced || job.row->status != JobStatus::kRunning || tip.crashes > 0 ||
            (!marked && !job.row->reason.empty()))
            return false;
        const auto to = pool(job).best({});
        if (!to || nodes_[from].running - nodes_[*to].running < kTipMoveDifference ||
            !pool(job).improves(from, *to))
            return false;
        // Counted as moved, so that one idle worker does not unsettle the shards of all others.
        ++nodes_[*to].running;
        --nodes_[from].running;
        job.unbalanced = !marked || view_.now - job.row->updated_at < policy_.tip_patience.count();
        if (!job.unbalanced)
            actions_.push_back(
                Release{{.shard_id = tip.id, .epoch = tip.epoch, .session_id = tip.session_id}});
        return true;
    }

    JobState& job_of(const Shard& shard) { return jobs_[by_id_.at(shard.job_id)]; }

    // ---- states of the jobs that go on ----

    void settle_jobs() {
        for (auto& job : jobs_)
            if (is_being_planned(job)) ++plans_;
        for (auto& job : jobs_) {
            if (job.ended) continue;
            if (job.running > 0) {
                settle_running(job);
            } else if (job.waiting > 0) {
                if (!job.cut_off) settle_waiting(job);
            } else {
                plan(job);
            }
        }
    }

    void settle_running(const JobState& job) {
        if (job.row->status == JobStatus::kScheduled) {
            // Belongs to a placement of this step, which has its own bound.
            if (job.placed > 0 || may_transition()) transition(job, JobStatus::kRunning, {});
            return;
        }
        const auto& now = job.row->reason;
        const bool ours = now == reason::kPlanning || now == reason::kUnbalanced;
        std::string wanted = ours ? "" : now;
        if (job.unbalanced) wanted = reason::kUnbalanced;
        if (wanted != now && may_transition()) transition(job, JobStatus::kRunning, std::move(wanted));
    }

    void settle_waiting(const JobState& job) {
        const bool backoff = job.due.empty();
        const char* why = backoff ? reason::kBackoff : reason::kNoWorker;
        for (const auto* shard : job.due) {
            if (is_draining(shard->last_node)) {
                why = reason::kDrained;
                break;
            }
            if (shard->crashes > 0) why = reason::kWorkerLost;
        }
        const auto retry_at = backoff ? job.next_due : std::nullopt;
        const bool said = job.row->status == JobStatus::kScheduled && job.row->reason == why &&
                          (!backoff || !job.row->retry_at || job.row->retry_at == retry_at);
        if (!said && may_transition()) transition(job, JobStatus::kScheduled, why, {}, retry_at);
    }

    bool is_draining(const std::string& node_id) const {
        if (node_id.empty()) return false;
        const auto found =
            std::lower_bound(nodes_.begin(), nodes_.end(), node_id,
                             [](const Node& node, const std::string& id) { return node.row->node_id < id; });
        return found != nodes_.end() && found->row->node_id == node_id &&
               found->row->state == WorkerState::kDraining;
    }

    bool is_being_planned(const JobState& job) const {
        return job.row->reason == reason::kPlanning &&
               view_.now - job.row->updated_at < policy_.plan_patience.count();
    }

    void plan(const JobState& job) {
        if (is_being_planned(job) || plans_ >= policy_.plans_max) return;
        if (job.row->retry_at && *job.row->retry_at > view_.now) return;
        ++plans_;
        actions_.push_back(Plan{job.row->id, job.row->status, job.row->change_seq});
    }

    const catalog::ScheduleView& view_;
    const SchedulerPolicy& policy_;
    std::vector<Node> nodes_;  // by node id
    std::unordered_map<std::string_view, Node*> by_session_;
    std::vector<JobState> jobs_;
    std::unordered_map<std::int64_t, std::size_t> by_id_;
    std::map<std::array<std::string_view, 3>, Pool> pools_;
    std::size_t candidates_ = 0;
    std::size_t isolated_ = 0;
    int placements_ = 0;
    int transitions_ = 0;
    int plans_ = 0;
    std::vector<Action> actions_;
};

}  // namespace

std::vector<Action> step(const catalog::ScheduleView& view, const SchedulerPolicy& policy) {
    return Step(view, policy).run();
}

}  // namespace amp::jobs
