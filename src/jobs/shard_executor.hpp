// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "catalog/meta_store.hpp"
#include "jobs/dataset_plan.hpp"
#include "jobs/shard_runner.hpp"
#include "jobs/sources.hpp"
#include "storage/object_store.hpp"

#include <cstdint>
#include <memory>
#include <stop_token>

namespace amp::jobs {

enum class ShardEnd : std::uint8_t {
    kDone,     // nothing of the shard is missing
    kWaiting,  // the chain has not reached the shard's end
};

/// What `job.descriptor` says about extraction.
struct JobDescriptor {
    std::string end_block;  // as asked for; empty = continuous
    bool verify = true;
};
JobDescriptor parse_descriptor(const std::string& json);

/// kUnsupported, reason UNSUPPORTED_JOB_KIND, for a job of a kind that nothing here can plan or run.
Result<> check_job_kind(const catalog::Job& job);

/// Runs a shard that was assigned to this process: finds what is missing of it, extracts and commits that
/// under the fence. A shard without an end follows the head until the stop: each new block is committed on
/// its own, and segments of an abandoned fork are replaced in the commit of their replacement.
///
/// Failure: the cause; what was committed stays. Threads: run() blocks its caller, several may run at once.
class ShardExecutor {
  public:
    ShardExecutor(catalog::MetaStore& store, storage::ObjectStore& objects, Sources& sources,
                  ExtractionOptions options)
        : store_(store), objects_(objects), sources_(sources), options_(std::move(options)) {}

    Result<ShardEnd> run(const catalog::Job& job, const catalog::Shard& shard, RunTotals& totals,
                         std::stop_token stop);

  private:
    struct Work;
    Result<> extract(Work& work, const DatasetPlan& plan, const BlockRange& region, std::stop_token stop);
    Result<ShardEnd> run_range(Work& work, BlockNum end, std::stop_token stop);
    Result<ShardEnd> follow(Work& work, std::stop_token stop);

    catalog::MetaStore& store_;
    storage::ObjectStore& objects_;
    Sources& sources_;
    const ExtractionOptions options_;
};

}  // namespace amp::jobs
