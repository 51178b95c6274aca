// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "jobs/job_planner.hpp"

#include "base/log.hpp"
#include "catalog/segments.hpp"
#include "jobs/end_block.hpp"
#include "jobs/job_error.hpp"
#include "jobs/registration.hpp"
#include "jobs/shard_executor.hpp"

#include <algorithm>
#include <array>

namespace amp::jobs {
namespace {

using catalog::JobStatus;

constexpr const char* kWaitingForBlocks = "WAITING_FOR_BLOCKS";
constexpr int kParallelismMax = 16;

bool lost_the_claim(const Error& error) {
    return error.reason == "JOB_CHANGED" || error.reason == "JOB_STATE" || error.reason == "JOB_NOT_FOUND";
}

}  // namespace

void JobPlanner::plan(const Plan& action, std::stop_token stop) {
    const std::array expected = {action.from};
    auto job = store_.transition_job(
        action.job_id, expected,
        {.to = action.from, .reason = reason::kPlanning, .change_seq = action.change_seq});
    if (!job.ok()) {
        if (!lost_the_claim(job.error()))
            log::warn("scheduler", "a job could not be planned",
                      {{"job", action.job_id}, {"err", job.error().message}});
        return;
    }
    const auto planned = try_plan(*job, stop);
    if (planned.ok() || lost_the_claim(planned.error()) || stop.stop_requested()) return;
    record_failure(*job, planned.error());
}

Result<> JobPlanner::transition(catalog::Job& job, catalog::JobChange change) {
    const std::array expected = {job.status};
    change.change_seq = job.change_seq;
    TRY_ASSIGN(job, store_.transition_job(job.id, expected, change));
    return {};
}

// COMPLETED is reached from RUNNING only.
Result<> JobPlanner::finish(catalog::Job& job) {
    if (job.status == JobStatus::kScheduled)
        TRY(transition(job, {.to = JobStatus::kRunning, .reason = reason::kPlanning}));
    TRY(transition(job, {.to = JobStatus::kCompleted}));
    log::info("scheduler", "job completed", {{"job", job.id}});
    return {};
}

Result<int> JobPlanner::parallelism(const catalog::Job& job) {
    if (job.parallelism > 0) return job.parallelism;
    TRY_ASSIGN(const auto workers, store_.list_workers());
    int slots = 0;
    for (const auto& worker : workers)
        if (worker.state == catalog::WorkerState::kActive && worker.kind != "dump") slots += worker.slots;
    return std::clamp(slots, 1, kParallelismMax);
}

Result<> JobPlanner::try_plan(catalog::Job& job, std::stop_token stop) {
    TRY(check_job_kind(job));
    TRY_ASSIGN(const auto dataset, store_.dataset(job.dataset_id, job.hash));
    if (!dataset)
        return make_error(Code::kNotFound, "the manifest {} of job {} is not linked to its dataset any more",
                          job.hash.substr(0, 7), job.id)
            .with_reason("DATASET_NOT_FOUND");
    TRY_ASSIGN(const auto manifest, catalog::parse_manifest(dataset->manifest, raw_kinds()));
    TRY_ASSIGN(const auto target, open_target(store_, *dataset, manifest, options_));
    const auto descriptor = parse_descriptor(job.descriptor);
    const bool is_continuous = descriptor.end_block.empty() && !job.end_block;

    PlanRequest request{.start_block = job.start_block,
                        .end = job.end_block,
                        .finalized_only = manifest.finalized_blocks_only,
                        .reorg_depth = options_.reorg_depth};
    auto plan = [&]() -> Result<std::optional<DatasetPlan>> {
        TRY_ASSIGN(const auto source, sources_.open(manifest.kind, manifest.network, stop));
        if (!request.end && !is_continuous) {
            TRY_ASSIGN(const auto end, parse_end_block(descriptor.end_block));
            TRY_ASSIGN(request.end, resolve_end_block(*source, end, request.finalized_only, job.start_block,
                                                      target.dataset, stop));
            if (!request.end) return std::optional<DatasetPlan>{};
        }
        TRY_ASSIGN(auto made, plan_dataset(store_, *source, target, request, stop));
        return std::optional(std::move(made));
    }();
    if (!plan.ok()) {
        const bool unreachable = plan.error().reason == "NO_PROVIDER" ||
                                 (is_retryable(plan.error().code) && plan.error().reason != "REORG");
        if (!unreachable || !request.end) return std::move(plan).error();
        log::warn("scheduler", "no node can be asked from here; planning from the stored files alone",
                  {{"job", job.id}, {"err", plan.error().message}});
        TRY_ASSIGN(plan, plan_stored(store_, target, request));
    }
    if (!*plan || ((*plan)->missing.empty() && !is_continuous && !(*plan)->reaches_end)) {
        TRY_ASSIGN(const auto now, store_.now_us());
        return transition(job, {.to = job.status,
                                .reason = kWaitingForBlocks,
                                .retry_at = now + std::chrono::microseconds(options_.poll).count(),
                                .end_block = request.end});
    }
    const DatasetPlan& found = **plan;
    if (request.end != job.end_block)
        TRY(transition(job, {.to = job.status, .reason = reason::kPlanning, .end_block = request.end}));
    if (found.missing.empty() && !is_continuous) return finish(job);

    TRY_ASSIGN(const int parallel, parallelism(job));
    std::vector<catalog::NewShard> shards;
    for (const auto& range : catalog::plan_shards(found.missing, parallel, options_.shard_blocks))
        shards.push_back({range.start, range.end});
    if (is_continuous)
        shards.push_back({found.has_blocks ? found.target + 1 : job.start_block, std::nullopt});
    TRY_ASSIGN(const auto made, store_.create_shards(job.id, shards, job.change_seq));
    log::info("scheduler", "job planned",
              {{"job", job.id},
               {"dataset", target.dataset},
               {"shards", made.size()},
               {"to_block", is_continuous ? std::string("none") : fmt::format("{}", *request.end)}});
    return {};
}

void JobPlanner::record_failure(const catalog::Job& job, const Error& error) {
    const std::array expected = {job.status};
    const int attempt = attempt_of(job.last_error) + 1;
    catalog::JobChange change;
    const bool exhausted = job.max_attempts > 0 && attempt >= job.max_attempts;
    const auto text =
        error_json(error, {.node_id = {}, .shard_id = {}, .block = {}, .provider = {}, .attempt = attempt});
    if (is_worth_retrying(error) && !exhausted) {
        const auto delay = error.reason == "REORG"
                               ? options_.poll
                               : backoff(options_.backoff_base, options_.backoff_max, attempt - 1);
        const auto now = store_.now_us();
        if (!now.ok()) return;  // another step plans it when the database is back
        change = {.to = JobStatus::kScheduled,
                  .reason = reason::kBackoff,
                  .error_json = text,
                  .retry_at = *now + std::chrono::microseconds(delay).count()};
        log::warn("scheduler", "planning failed and will be tried again",
                  {{"job", job.id}, {"retry_ms", delay.count()}, {"err", error.message}});
    } else {
        change = {.to = JobStatus::kFailed,
                  .reason = exhausted ? reason::kAttemptsExhausted : error.reason,
                  .error_json = text};
        log::error("scheduler", "a job failed", {{"job", job.id}, {"err", error.message}});
    }
    change.change_seq = job.change_seq;
    if (const auto done = store_.transition_job(job.id, expected, change);
        !done.ok() && !lost_the_claim(done.error()))
        log::warn("scheduler", "a failed plan could not be recorded",
                  {{"job", job.id}, {"err", done.error().message}});
}

}  // namespace amp::jobs
