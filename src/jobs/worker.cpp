// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "jobs/worker.hpp"

#include "base/log.hpp"
#include "jobs/job_error.hpp"
#include "runtime/wait.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <optional>

#include <array>
#include <fstream>

namespace amp::jobs {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// Placements come in bursts; the rows are read once for each.
constexpr std::chrono::milliseconds kCoalesce{20};
constexpr std::chrono::milliseconds kRetry{1'000};

}  // namespace

struct Worker::Task {
    catalog::Job job;
    catalog::Shard shard;
    std::stop_source stop;
    RunTotals totals;
    std::atomic<bool> done = false;
    std::jthread thread;

    catalog::Fence fence() const { return {shard.id, shard.epoch, shard.session_id}; }
};

Worker::Worker(catalog::MetaStore& store, storage::ObjectStore& objects, Sources& sources,
               WorkerOptions options)
    : store_(store), options_(std::move(options)), executor_(store, objects, sources, options_.extraction) {}

Worker::~Worker() = default;

Result<> Worker::run(std::stop_token stop) {
    while (!stop.stop_requested()) {
        TRY_ASSIGN(const auto session, start_session(stop));
        if (!session) return {};
        log::info(
            "worker", "ready for work",
            {{"node", options_.node_id}, {"session", session->session_id()}, {"slots", options_.slots}});
        const auto ending = serve(*session, stop);
        if (ending == Ending::kDrain) {
            log::info("worker", "draining", {{"running", running_.load()}});
            if (const auto drained = store_.drain_worker(options_.node_id); !drained.ok())
                log::warn("worker", "the drain could not be announced", {{"err", drained.error().message}});
        } else {
            ++fenced_total_;
            log::warn("worker", "this session lost its lease; its work goes on elsewhere",
                      {{"session", session->session_id()}});
        }
        stop_all();
        if (!wait_until_idle(options_.drain_timeout)) {
            log::error("worker", "shards did not stop in time and are abandoned",
                       {{"running", running_.load()}});
            if (options_.abandon) options_.abandon();
        }
        {
            const std::scoped_lock lock(mutex_);
            tasks_.clear();
        }
        if (ending == Ending::kDrain) return {};
    }
    return {};
}

// Null if the stop came first.
Result<std::unique_ptr<WorkerSession>> Worker::start_session(std::stop_token stop) {
    fenced_ = false;
    drain_asked_ = false;
    WorkerSession::Options session;
    session.node_id = options_.node_id;
    session.kind = options_.kind;
    session.slots = options_.slots;
    session.labels = options_.labels;
    session.info = options_.info;
    session.heartbeat = options_.heartbeat;
    session.lease = options_.lease;
    session.outage_max = options_.outage_max;
    session.stats = [this] { return stats(); };
    session.on_answer = [this](const catalog::HeartbeatAnswer& answer) {
        if (answer.state == catalog::WorkerState::kDraining) drain_asked_ = true;
        work_seq_ = answer.work_seq;
        if (!options_.health_file.empty()) std::ofstream(options_.health_file, std::ios::trunc);
    };
    const auto deadline = Clock::now() + 2 * options_.lease;
    for (bool told = false; !stop.stop_requested(); told = true) {
        auto started = WorkerSession::start(store_, session, [this](const Error& error) {
            log::warn("worker", "heartbeats ended", {{"err", error.message}});
            fenced_ = true;
        });
        if (started.ok()) return started;
        const bool in_use = started.error().reason == "NODE_ID_IN_USE";
        if (!in_use && !is_retryable(started.error().code)) return started;
        if (in_use && Clock::now() > deadline) return started;
        if (!told)
            log::info("worker",
                      in_use ? "an earlier process has this node id; waiting for its lease to end"
                             : "the metadata store cannot be reached; trying again",
                      {{"node", options_.node_id}, {"err", started.error().message}});
        if (in_use) {
            TRY_ASSIGN(const auto workers, store_.list_workers());
            std::vector<std::string> dead;
            for (const auto& worker : workers)
                if (worker.node_id == options_.node_id && is_dead_local_process(worker.host))
                    dead.push_back(worker.session_id);
            if (!dead.empty()) TRY(store_.expire_workers(dead));
        }
        runtime::wait_for(in_use ? 200ms : kRetry, stop);
    }
    return std::unique_ptr<WorkerSession>();
}

Worker::Ending Worker::serve(const WorkerSession& session, std::stop_token stop) {
    std::optional<std::int64_t> seen;  // work_seq of what was read; absent: read at once
    auto next_look = Clock::now();
    bool changed = true;
    while (true) {
        if (fenced_) return Ending::kFenced;
        if (stop.stop_requested() || drain_asked_) return Ending::kDrain;
        // A lost notification costs one heartbeat, which brings the number.
        const auto work_seq = work_seq_.load();
        if (changed || seen != work_seq || Clock::now() >= next_look || has_finished_task()) {
            seen = reconcile(session) ? std::optional(work_seq) : std::nullopt;
            next_look = Clock::now() + options_.reconcile;
        }
        const auto waited = store_.wait_for_work(options_.heartbeat, stop);
        if (!waited.ok()) runtime::wait_for(kRetry, stop);
        changed = !waited.ok() || *waited;
        if (changed) runtime::wait_for(std::min(kCoalesce, options_.heartbeat), stop);
    }
}

bool Worker::has_finished_task() {
    const std::scoped_lock lock(mutex_);
    return std::ranges::any_of(tasks_, [](const auto& entry) { return entry.second->done.load(); });
}

bool Worker::reconcile(const WorkerSession& session) {
    {
        // Before the rows are read, so that a shard whose row is still there was really not given back.
        const std::scoped_lock lock(mutex_);
        std::erase_if(tasks_, [](const auto& entry) { return entry.second->done.load(); });
    }
    const auto work = store_.session_work(session.session_id());
    if (!work.ok()) {
        log::warn("worker", "the work list could not be read", {{"err", work.error().message}});
        return false;
    }
    std::map<std::int64_t, const catalog::Job*> jobs;
    for (const auto& job : work->jobs) jobs.emplace(job.id, &job);
    std::map<TaskKey, const catalog::Shard*> wanted;
    for (const auto& shard : work->shards)
        if (jobs.contains(shard.job_id)) wanted.emplace(TaskKey{shard.id, shard.epoch}, &shard);

    for (const auto& [id, job] : jobs) {
        if (job->status != catalog::JobStatus::kStopRequested) continue;
        constexpr std::array kExpected = {catalog::JobStatus::kStopRequested};
        static_cast<void>(store_.transition_job(id, kExpected, {.to = catalog::JobStatus::kStopping}));
    }
    for (const auto& [key, task] : tasks_) {
        const auto found = wanted.find(key);
        const bool is_active = found != wanted.end() &&
                               (jobs.at(found->second->job_id)->status == catalog::JobStatus::kScheduled ||
                                jobs.at(found->second->job_id)->status == catalog::JobStatus::kRunning);
        if (!is_active) task->stop.request_stop();
    }
    for (const auto& [key, shard] : wanted)
        if (!tasks_.contains(key)) start_task(*jobs.at(shard->job_id), *shard);
    return true;
}

void Worker::start_task(const catalog::Job& job, const catalog::Shard& shard) {
    auto task = std::make_unique<Task>();
    task->job = job;
    task->shard = shard;
    auto& started = *task;
    ++running_;
    {
        const std::scoped_lock lock(mutex_);
        tasks_.emplace(TaskKey{shard.id, shard.epoch}, std::move(task));
    }
    started.thread = std::jthread([this, &started] {
        run_task(started);
        totals_.blocks += started.totals.blocks;
        totals_.rows += started.totals.rows;
        totals_.files += started.totals.files;
        totals_.bytes += started.totals.bytes;
        --running_;
        const std::scoped_lock lock(mutex_);
        started.done = true;
        idle_.notify_all();
    });
}

void Worker::run_task(Task& task) {
    using catalog::JobStatus;
    const bool may_run = task.job.status == JobStatus::kScheduled || task.job.status == JobStatus::kRunning;
    Result<ShardEnd> outcome = Error{Code::kCancelled, "the job is stopping", {}};
    if (may_run) {
        log::debug("worker", "shard started",
                   {{"job", task.job.id}, {"shard", task.shard.id}, {"epoch", task.shard.epoch}});
        try {
            outcome = executor_.run(task.job, task.shard, task.totals, task.stop.get_token());
        } catch (const std::exception& failure) {
            outcome = Error{
                Code::kInternal, fmt::format("a shard failed with an exception: {}", failure.what()), {}};
        }
    }
    if (!outcome.ok()) {
        give_back(task, outcome.error());
        return;
    }
    const auto ended = *outcome == ShardEnd::kDone
                           ? store_.end_shard(task.fence(), catalog::ShardStatus::kDone, {})
                           : store_.release_shard(task.fence(), options_.extraction.poll, {});
    if (!ended.ok())
        log::warn("worker", "the end of a shard could not be recorded",
                  {{"job", task.job.id}, {"shard", task.shard.id}, {"err", ended.error().message}});
}

void Worker::give_back(const Task& task, const Error& error) {
    if (error.reason == "FENCED") {
        log::info("worker", "a shard has another owner by now",
                  {{"job", task.job.id}, {"shard", task.shard.id}, {"epoch", task.shard.epoch}});
        return;
    }
    const bool asked = error.code == Code::kCancelled || task.stop.stop_requested();
    Result<> recorded;
    if (asked) {
        recorded = store_.release_shard(task.fence(), 0ms, {});
    } else {
        const int attempts = task.totals.blocks > 0 ? 0 : task.shard.attempts;
        const auto text = error_json(error, {.node_id = options_.node_id,
                                             .shard_id = task.shard.id,
                                             .block = {},
                                             .provider = {},
                                             .attempt = attempts + 1});
        if (is_worth_retrying(error)) {
            const auto delay =
                backoff(options_.extraction.backoff_base, options_.extraction.backoff_max, attempts);
            log::warn("worker", "a shard failed and will be tried again",
                      {{"job", task.job.id},
                       {"shard", task.shard.id},
                       {"attempt", attempts + 1},
                       {"retry_ms", delay.count()},
                       {"err", error.message}});
            recorded = store_.release_shard(task.fence(), delay, text);
        } else {
            log::error("worker", "a shard failed for good",
                       {{"job", task.job.id}, {"shard", task.shard.id}, {"err", error.message}});
            recorded = store_.end_shard(task.fence(), catalog::ShardStatus::kFailed, text);
        }
    }
    if (!recorded.ok() && recorded.error().reason != "FENCED")
        log::warn("worker", "a shard could not be given back",
                  {{"job", task.job.id}, {"shard", task.shard.id}, {"err", recorded.error().message}});
}

void Worker::stop_all() {
    for (const auto& [key, task] : tasks_) task->stop.request_stop();
}

bool Worker::wait_until_idle(std::chrono::milliseconds timeout) {
    std::unique_lock lock(mutex_);
    return idle_.wait_for(lock, timeout, [this] {
        return std::all_of(tasks_.begin(), tasks_.end(),
                           [](const auto& entry) { return entry.second->done.load(); });
    });
}

std::string Worker::stats() {
    std::uint64_t blocks = totals_.blocks;
    std::uint64_t rows = totals_.rows;
    std::uint64_t files = totals_.files;
    std::uint64_t bytes = totals_.bytes;
    const std::scoped_lock lock(mutex_);
    for (const auto& [key, task] : tasks_) {
        if (task->done) continue;
        blocks += task->totals.blocks;
        rows += task->totals.rows;
        files += task->totals.files;
        bytes += task->totals.bytes;
    }
    return fmt::format(
        R"({{"running":{},"blocks_total":{},"rows_total":{},"files_total":{},"bytes_total":{},"fenced_total":{}}})",
        running_.load(), blocks, rows, files, bytes, fenced_total_.load());
}

}  // namespace amp::jobs
