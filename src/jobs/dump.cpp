// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "jobs/dump.hpp"

#include "base/log.hpp"
#include "catalog/segments.hpp"
#include "jobs/job_error.hpp"
#include "runtime/wait.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

namespace amp::jobs {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr auto kFirstFlush = 5s;        // rows are visible soon after the start
constexpr auto kOwnerPatience = 10s;    // for the lease of a run that died
constexpr int kFruitlessRoundsMax = 5;  // plans in a row that brought nothing

}  // namespace

Dump::Dump(catalog::MetaStore& store, storage::ObjectStore& objects, extract::BlockSource& source,
           const WorkerSession& session, catalog::Dataset dataset, catalog::Manifest manifest,
           DumpOptions options)
    : store_(store),
      objects_(objects),
      source_(source),
      session_(session),
      dataset_(std::move(dataset)),
      manifest_(std::move(manifest)),
      options_(std::move(options)),
      name_(dataset_.ns + "/" + dataset_.name) {}

Result<DumpSummary> Dump::run(std::shared_ptr<runtime::ProgressCounters> progress,
                              std::stop_token outer_stop) {
    const auto started = Clock::now();
    const std::stop_callback forward(outer_stop, [this] { stop_.request_stop(); });
    const auto stop = stop_.get_token();
    progress_ = std::move(progress);
    DumpSummary summary;
    summary.dataset = name_;
    summary.start = manifest_.start_block;
    TRY_ASSIGN(target_, open_target(store_, dataset_, manifest_, options_));
    TRY(name_source(target_, source_, stop));
    TRY_ASSIGN(end_, resolve_end(stop));
    bool stopped = !end_;
    if (end_) {
        TRY_ASSIGN(job_, claim_job(stop));
        job_id_ = job_.id;
        heed_stop_request();
        auto outcome = run_rounds(stop);
        if (!outcome.ok() && outcome.error().reason == "FENCED") {
            // A stop cancels what waits; that is no lost lease.
            heed_stop_request();
            if (stop.stop_requested() && !outer_stop.stop_requested())
                outcome = Error{Code::kCancelled, "stopped", {}};
        }
        stopped = stop.stop_requested() && !progress_->finished;
        finish_job(outcome, stopped);
        if (!outcome.ok() && !(stopped && outcome.error().code == Code::kCancelled)) return outcome.error();
        if (stopped && !outer_stop.stop_requested())
            return make_error(Code::kCancelled,
                              "job {} was stopped through the Admin API; run the dump again to continue",
                              job_.id)
                .with_reason("JOB_STOPPED");
    }
    summary.end = end_;
    summary.stopped = stopped;
    summary.blocks = totals_.blocks;
    summary.rows = totals_.rows;
    summary.files = totals_.files;
    summary.bytes = totals_.bytes;
    summary.seconds = std::chrono::duration<double>(Clock::now() - started).count();
    return summary;
}

// The block this run ends at; absent if the stop came while there was no head.
Result<std::optional<BlockNum>> Dump::resolve_end(std::stop_token stop) {
    for (bool told = false;; told = true) {
        TRY_ASSIGN(const auto end, resolve_end_block(source_, options_.end, options_.finalized_only,
                                                     manifest_.start_block, name_, stop));
        if (end) return end;
        if (!told) log::info("dump", "waiting for the chain to have such a block", {{"dataset", name_}});
        if (!runtime::wait_for(options_.poll, stop)) return std::optional<BlockNum>{};
    }
}

Result<catalog::Job> Dump::claim_job(std::stop_token stop) {
    const auto patience = Clock::now() + kOwnerPatience;
    std::map<std::string, std::int64_t> first_heartbeats;  // by session
    bool told = false;
    while (true) {
        catalog::NewJob wanted;
        wanted.dataset_id = dataset_.id;
        wanted.hash = dataset_.hash;
        wanted.descriptor = fmt::format(
            R"({{"kind":"materialize-raw","end_block":"{}","max_writers":{},"dataset_namespace":"{}","dataset_name":"{}",)"
            R"("manifest_hash":"{}","verify":{}}})",
            to_string(options_.end), options_.parallelism, dataset_.ns, dataset_.name, dataset_.hash,
            options_.limits.verify);
        wanted.start_block = manifest_.start_block;
        wanted.end_block = end_;
        wanted.parallelism = options_.parallelism;
        wanted.max_attempts = options_.max_attempts;
        wanted.node_id = session_.node_id();
        auto job = store_.create_job(wanted);
        if (job.ok()) {
            constexpr std::array kScheduled = {catalog::JobStatus::kScheduled};
            return store_.transition_job(job->id, kScheduled, {.to = catalog::JobStatus::kRunning});
        }
        if (job.error().reason != "ACTIVE_JOB") return job;
        // Someone holds it. A run of this host whose process is gone needs no waiting.
        TRY_ASSIGN(const auto workers, store_.list_workers());
        std::vector<std::string> dead;
        for (const auto& worker : workers)
            if (worker.state != catalog::WorkerState::kGone && is_dead_local_process(worker.host))
                dead.push_back(worker.session_id);
        TRY(store_.expire_workers(dead));
        TRY_ASSIGN(const auto active, store_.active_job(dataset_.id, dataset_.hash));
        if (!active) continue;
        // A heartbeat since the first look: the owner lives, and waiting for its lease to end is in vain.
        bool is_alive = false;
        for (const auto& worker : workers) {
            const auto [first, is_new] = first_heartbeats.emplace(worker.session_id, worker.heartbeat_at);
            is_alive |= worker.node_id == active->node_id && !is_new && worker.heartbeat_at > first->second;
        }
        if (is_alive || Clock::now() > patience) {
            Error error = std::move(job).error();
            error.message =
                fmt::format("dataset {} is being written by job {} on node {}; stop that run first", name_,
                            active->id, active->node_id.empty() ? "(unplaced)" : active->node_id);
            return error;
        }
        if (!told)
            log::info("dump", "another run holds the dataset; waiting for its lease to end",
                      {{"dataset", name_}, {"job", active->id}, {"node", active->node_id}});
        told = true;
        if (!runtime::wait_for(200ms, stop)) return Error{Code::kCancelled, "stopped", {}};
    }
}

/// What the runner threads of one round share.
struct Dump::Round {
    struct Entry {
        catalog::Shard shard;
        BlockNum next_block = 0;
        int attempts = 0;
        Clock::time_point due;
        enum class State : std::uint8_t { kPending, kRunning, kDone, kFailed } state = State::kPending;
    };

    const DatasetPlan& plan;
    std::mutex mutex;
    std::condition_variable_any changed;
    std::uint64_t version = 0;  // counts changes of entries, for those who wait
    std::vector<Entry> entries;
    std::vector<std::int64_t> superseded;  // for the first commit of the lowest shard
    std::optional<Error> fatal;            // ends the round at once (fenced, store unusable)
    std::optional<Error> worst;            // of shards that failed for good
};

Result<> Dump::run_round(const DatasetPlan& plan, std::stop_token stop) {
    Round round{.plan = plan};
    const auto ranges = cut_where_tables_differ(
        catalog::plan_shards(plan.missing, options_.parallelism, options_.shard_blocks),
        plan.missing_by_table);
    std::vector<catalog::NewShard> wanted;
    for (const auto& range : ranges) wanted.push_back({range.start, range.end});
    TRY_ASSIGN(const auto shards, store_.create_shards(job_.id, wanted, std::nullopt));
    for (const auto& shard : shards)
        round.entries.push_back({.shard = shard, .next_block = shard.start_block, .due = Clock::now()});
    for (const auto& file : plan.lost) round.superseded.push_back(file.id);

    const auto run_one = [&](std::size_t index) {
        auto& entry = round.entries[index];
        ShardTask task;
        {
            auto fence = store_.assign_shard(entry.shard.id, session_.session_id());
            if (!fence.ok() || !fence->has_value()) {
                const std::scoped_lock lock(round.mutex);
                round.fatal = fence.ok() ? Error{Code::kConflict,
                                                 "this run lost its shard to another process", "FENCED"}
                                         : std::move(fence).error();
                return;
            }
            task.fence = **fence;
        }
        task.range = {entry.next_block, *entry.shard.end_block};
        task.tables = tables_without(plan.missing_by_table, task.range.start);
        task.final_height = plan.final_height;
        if (index == 0) {
            task.first_flush = kFirstFlush;
            task.superseded = std::exchange(round.superseded, {});
        }
        ++progress_->running;
        auto outcome =
            run_shard(source_, store_, objects_, target_, task, options_.limits, *progress_, totals_, stop);
        --progress_->running;
        const bool progressed = outcome.next_block > entry.next_block;
        const std::scoped_lock lock(round.mutex);
        if (index == 0 && !progressed) round.superseded = task.superseded;
        entry.next_block = outcome.next_block;
        if (!outcome.error) {
            entry.state = Round::Entry::State::kDone;  // the last commit marked the row DONE
            return;
        }
        Error& error = *outcome.error;
        if (error.reason == "FENCED") {
            round.fatal = error;
            return;
        }
        if (error.code == Code::kCancelled || stop.stop_requested()) {
            static_cast<void>(store_.release_shard(task.fence, milliseconds(0), {}));
            entry.state = Round::Entry::State::kPending;
            return;
        }
        entry.attempts = progressed ? 1 : entry.attempts + 1;
        const bool again = is_retryable(error.code) && error.reason != "REORG" &&
                           (options_.max_attempts == 0 || entry.attempts < options_.max_attempts);
        if (again) {
            const auto delay = backoff(options_.backoff_base, options_.backoff_max, entry.attempts - 1);
            log::warn("dump", "a shard failed and will be tried again",
                      {{"dataset", name_},
                       {"range", to_string(task.range)},
                       {"attempt", entry.attempts},
                       {"retry_ms", delay.count()},
                       {"err", error.message}});
            if (const auto released = store_.release_shard(task.fence, delay, error_json(error));
                !released.ok()) {
                round.fatal = released.error();
                return;
            }
            entry.due = Clock::now() + delay;
            entry.state = Round::Entry::State::kPending;
            return;
        }
        if (error.reason != "REORG")
            log::error("dump", "a shard failed for good",
                       {{"dataset", name_},
                        {"range", to_string(task.range)},
                        {"block", outcome.next_block},
                        {"err", error.message}});
        static_cast<void>(store_.end_shard(task.fence, catalog::ShardStatus::kFailed, error_json(error)));
        entry.state = Round::Entry::State::kFailed;
        // Data that cannot be had weighs more than a chain that moved.
        if (!round.worst || round.worst->reason == "REORG") round.worst = error;
    };

    const auto work = [&] {
        while (true) {
            std::optional<std::size_t> mine;
            {
                std::unique_lock lock(round.mutex);
                while (true) {
                    if (round.fatal || stop.stop_requested()) return;
                    const auto now = Clock::now();
                    std::optional<Clock::time_point> next_due;
                    bool open = false;
                    for (std::size_t i = 0; i < round.entries.size() && !mine; ++i) {
                        auto& entry = round.entries[i];
                        open = open || entry.state == Round::Entry::State::kRunning;
                        if (entry.state != Round::Entry::State::kPending) continue;
                        open = true;
                        if (entry.due <= now) {
                            mine = i;
                        } else {
                            next_due = std::min(next_due.value_or(entry.due), entry.due);
                        }
                    }
                    if (mine) break;
                    if (!open) return;
                    const auto seen = round.version;
                    round.changed.wait_until(lock, stop, next_due.value_or(now + 1h),
                                             [&] { return round.version != seen; });
                }
                round.entries[*mine].state = Round::Entry::State::kRunning;
            }
            run_one(*mine);
            {
                const std::scoped_lock lock(round.mutex);
                ++round.version;
            }
            round.changed.notify_all();
        }
    };
    {
        std::vector<std::jthread> runners;
        const auto count =
            std::min<std::size_t>(static_cast<std::size_t>(options_.parallelism), round.entries.size());
        for (std::size_t i = 0; i < count; ++i) runners.emplace_back(work);
    }
    if (round.fatal) return *round.fatal;
    if (stop.stop_requested()) {
        const bool all_done = std::all_of(round.entries.begin(), round.entries.end(), [](const auto& entry) {
            return entry.state == Round::Entry::State::kDone;
        });
        if (!all_done) return Error{Code::kCancelled, "stopped", {}};
    }
    if (round.worst) return *round.worst;
    return {};
}

Result<> Dump::run_rounds(std::stop_token stop) {
    progress_->total = *end_ - manifest_.start_block + 1;
    int fruitless = 0;
    bool waiting = false;
    while (true) {
        auto plan = plan_dataset(store_, source_, target_,
                                 {.start_block = manifest_.start_block,
                                  .end = end_,
                                  .finalized_only = options_.finalized_only,
                                  .reorg_depth = options_.reorg_depth},
                                 stop);
        if (!plan.ok() && plan.error().reason != "REORG") return std::move(plan).error();
        if (plan.ok() && plan->missing.empty()) {
            if (plan->reaches_end) {
                progress_->done = progress_->total.load();
                progress_->finished = true;
                return {};
            }
            if (!waiting)
                log::info("dump", "waiting for the chain to reach the end block",
                          {{"dataset", name_}, {"block", *end_}});
            waiting = true;
            if (!runtime::wait_for(options_.poll, stop)) return Error{Code::kCancelled, "stopped", {}};
            continue;
        }
        const std::uint64_t before = totals_.blocks;
        Result<> outcome = plan.ok() ? Result<>() : Result<>(plan.error());
        if (plan.ok()) {
            std::uint64_t open = 0;
            for (const auto& range : plan->missing) open += range.size();
            progress_->done = plan->target - manifest_.start_block + 1 - open;
            log::debug("dump", "planned",
                       {{"dataset", name_}, {"missing_blocks", open}, {"superseded", plan->lost.size()}});
            outcome = run_round(*plan, stop);
        }
        if (!outcome.ok() && outcome.error().reason != "REORG") return outcome;
        fruitless = totals_.blocks > before ? 0 : fruitless + 1;
        if (fruitless == kFruitlessRoundsMax)
            return outcome.ok() ? Result<>(make_error(Code::kInternal,
                                                      "planning {} again and again brings nothing", name_))
                                : outcome;
        if (!outcome.ok()) {
            log::warn("dump", "the chain was reorganised; planning again",
                      {{"dataset", name_}, {"err", outcome.error().message}});
            if (!runtime::wait_for(options_.poll, stop)) return Error{Code::kCancelled, "stopped", {}};
        }
    }
}

void Dump::heed_stop_request() {
    if (job_id_ == 0) return;
    const auto job = store_.job(job_id_);
    if (!job.ok()) return;
    if (job->status == catalog::JobStatus::kStopRequested || job->status == catalog::JobStatus::kStopping)
        stop_.request_stop();
}

void Dump::finish_job(const Result<>& outcome, bool stopped) {
    using catalog::JobStatus;
    constexpr std::array kActive = {JobStatus::kScheduled, JobStatus::kRunning, JobStatus::kStopRequested,
                                    JobStatus::kStopping};
    const bool was_stopped = stopped && (outcome.ok() || outcome.error().code == Code::kCancelled);
    const JobStatus status = was_stopped    ? JobStatus::kStopped
                             : outcome.ok() ? JobStatus::kCompleted
                                            : JobStatus::kFailed;
    static_cast<void>(store_.cancel_pending_shards(job_.id));
    const auto done = store_.transition_job(
        job_.id, kActive,
        {.to = status,
         .error_json = outcome.ok() || was_stopped ? std::string() : error_json(outcome.error())});
    if (!done.ok())
        log::warn("dump", "the job's end could not be recorded",
                  {{"job", job_.id}, {"err", done.error().message}});
}

}  // namespace amp::jobs
