// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "jobs/shard_executor.hpp"

#include "base/log.hpp"
#include "catalog/segments.hpp"
#include "jobs/job_error.hpp"
#include "jobs/registration.hpp"
#include "runtime/wait.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace amp::jobs {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLocalPoll{100};
constexpr std::chrono::milliseconds kFirstFlush{5'000};  // rows are visible soon after the start
constexpr std::chrono::seconds kHeadPatience{60};  // failures of the head before the shard is given back

std::vector<BlockRange> clip(const std::vector<BlockRange>& ranges, const BlockRange& region) {
    std::vector<BlockRange> out;
    for (const auto& range : ranges)
        if (range.end >= region.start && range.start <= region.end)
            out.push_back({std::max(range.start, region.start), std::min(range.end, region.end)});
    return out;
}

}  // namespace

Result<> check_job_kind(const catalog::Job& job) {
    if (job.kind == "raw" || job.kind == "repair") return {};
    return make_error(Code::kUnsupported, "job {} is of kind \"{}\", which this version cannot run", job.id,
                      job.kind)
        .with_reason("UNSUPPORTED_JOB_KIND");
}

JobDescriptor parse_descriptor(const std::string& json) {
    JobDescriptor out;
    const auto parsed = nlohmann::json::parse(json, nullptr, false);
    if (!parsed.is_object()) return out;
    if (parsed.contains("end_block") && parsed["end_block"].is_string())
        out.end_block = parsed["end_block"].get<std::string>();
    if (parsed.contains("verify") && parsed["verify"].is_boolean()) out.verify = parsed["verify"].get<bool>();
    return out;
}

struct ShardExecutor::Work {
    const catalog::Job& job;
    const catalog::Shard& shard;
    RunTotals& totals;
    catalog::Manifest manifest;
    std::shared_ptr<extract::BlockSource> source;
    GroupTarget target;
    ShardLimits limits;
    runtime::ProgressCounters progress;
    bool first = true;

    PlanRequest request(BlockNum from) const {
        return {.start_block = from, .files_from = from, .check_links = false};
    }
};

Result<ShardEnd> ShardExecutor::run(const catalog::Job& job, const catalog::Shard& shard, RunTotals& totals,
                                    std::stop_token stop) {
    TRY(check_job_kind(job));
    TRY_ASSIGN(const auto dataset, store_.dataset(job.dataset_id, job.hash));
    if (!dataset)
        return make_error(Code::kNotFound, "the manifest {} of job {} is not linked to its dataset any more",
                          job.hash.substr(0, 7), job.id)
            .with_reason("DATASET_NOT_FOUND");
    Work work{.job = job, .shard = shard, .totals = totals};
    TRY_ASSIGN(work.manifest, catalog::parse_manifest(dataset->manifest, raw_kinds()));
    TRY_ASSIGN(work.source, sources_.open(work.manifest.kind, work.manifest.network, stop));
    TRY_ASSIGN(work.target, open_target(store_, *dataset, work.manifest, options_));
    TRY(name_source(work.target, *work.source, stop));
    work.limits = options_.limits;
    work.limits.verify = work.limits.verify && parse_descriptor(job.descriptor).verify;
    if (shard.end_block) return run_range(work, *shard.end_block, stop);
    return follow(work, stop);
}

// Extracts what the plan misses of the region, in order.
Result<> ShardExecutor::extract(Work& work, const DatasetPlan& plan, const BlockRange& region,
                                std::stop_token stop) {
    std::vector<std::vector<BlockRange>> by_table;
    for (const auto& ranges : plan.missing_by_table) by_table.push_back(clip(ranges, region));
    std::vector<std::int64_t> superseded;
    for (const auto& file : plan.lost)
        if (file.range.end >= region.start && file.range.start <= region.end) superseded.push_back(file.id);
    for (const auto& piece : cut_where_tables_differ(clip(plan.missing, region), by_table)) {
        ShardTask task;
        task.range = piece;
        task.fence = {work.shard.id, work.shard.epoch, work.shard.session_id};
        task.tables = tables_without(by_table, piece.start);
        task.final_height = plan.final_height;
        task.superseded = std::exchange(superseded, {});
        if (std::exchange(work.first, false)) task.first_flush = kFirstFlush;
        auto outcome = run_shard(*work.source, store_, objects_, work.target, task, work.limits,
                                 work.progress, work.totals, stop);
        if (outcome.error) return std::move(*outcome.error);
    }
    return {};
}

Result<ShardEnd> ShardExecutor::run_range(Work& work, BlockNum end, std::stop_token stop) {
    auto request = work.request(work.shard.start_block);
    request.end = end;
    request.finalized_only = work.manifest.finalized_blocks_only;
    request.reorg_depth = options_.reorg_depth;
    TRY_ASSIGN(const auto plan, plan_dataset(store_, *work.source, work.target, request, stop));
    if (plan.has_blocks) TRY(extract(work, plan, {work.shard.start_block, plan.target}, stop));
    return plan.reaches_end ? ShardEnd::kDone : ShardEnd::kWaiting;
}

Result<ShardEnd> ShardExecutor::follow(Work& work, std::stop_token stop) {
    const auto poll = work.source->is_local() ? std::min(options_.poll, kLocalPoll) : options_.poll;
    std::optional<Hash32> seen;
    auto last_success = Clock::now();
    while (true) {
        auto round = [&]() -> Result<> {
            TRY_ASSIGN(const auto head, work.source->head(stop));
            if (!head || head->hash == seen) return {};
            auto request = work.request(work.shard.start_block);
            request.finalized_only = work.manifest.finalized_blocks_only;
            request.reorg_depth = options_.reorg_depth;
            TRY_ASSIGN(auto plan, plan_dataset(store_, *work.source, work.target, request, stop));
            // A fork that reaches below this shard is replaced from here too: nobody else watches for it.
            for (const auto& file : plan.lost)
                request.start_block = std::min(request.start_block, file.range.start);
            if (request.start_block < work.shard.start_block) {
                log::info("jobs", "the chain was reorganised",
                          {{"dataset", work.target.dataset}, {"block", request.start_block}});
                TRY_ASSIGN(plan, plan_dataset(store_, *work.source, work.target, request, stop));
            }
            if (plan.has_blocks) TRY(extract(work, plan, {request.start_block, plan.target}, stop));
            seen = head->hash;
            return {};
        }();
        const bool moved =
            !round.ok() && (round.error().reason == "REORG" || round.error().reason == "NOT_LIVE");
        if (round.ok() || moved) {
            last_success = Clock::now();
        } else if (!is_worth_retrying(round.error()) || Clock::now() - last_success > kHeadPatience) {
            return std::move(round).error();
        } else {
            log::warn("jobs", "following the chain failed; trying again",
                      {{"dataset", work.target.dataset}, {"err", round.error().message}});
        }
        if (!runtime::wait_for(poll, stop)) return Error{Code::kCancelled, "stopped", {}};
    }
}

}  // namespace amp::jobs
