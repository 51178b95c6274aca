// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "catalog/manifest.hpp"
#include "catalog/meta_store.hpp"
#include "extract/block_source.hpp"
#include "jobs/dataset_plan.hpp"
#include "jobs/end_block.hpp"
#include "jobs/shard_runner.hpp"
#include "jobs/worker_session.hpp"
#include "runtime/progress.hpp"
#include "storage/object_store.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace amp::jobs {

struct DumpOptions : ExtractionOptions {
    EndBlock end;  // not kNone
    int parallelism = 1;
    int max_attempts = 10;  // failures of a shard in a row without progress; 0 = no limit
    bool finalized_only = false;
};

struct DumpSummary {
    std::string dataset;
    std::uint64_t blocks = 0;
    std::uint64_t rows = 0;
    std::uint64_t files = 0;
    std::uint64_t bytes = 0;
    double seconds = 0;
    BlockNum start = 0;
    std::optional<BlockNum> end;  // what it was resolved to
    bool stopped = false;         // by request, before the end
};

/// Brings one dataset to its end block: one job row owned by this session, shards under leases, N at a time.
///
/// Resumable: what to fetch is always computed from committed files. Before planning, the stored chain is
/// compared with the node's above finality; segments of an abandoned fork are replaced (superseded in the
/// commit of their replacement). A block that cannot be had or verified ends its shard; the rest of the range
/// is done, then the job fails. Failure: kConflict (reason ACTIVE_JOB) if a live process works on the
/// dataset: nothing was written. Threads: run() blocks its caller; several dumps may run at once on one
/// store, session and source.
class Dump {
  public:
    Dump(catalog::MetaStore& store, storage::ObjectStore& objects, extract::BlockSource& source,
         const WorkerSession& session, catalog::Dataset dataset, catalog::Manifest manifest,
         DumpOptions options);

    /// kCancelled, reason JOB_STOPPED, if the Admin API stopped the job.
    Result<DumpSummary> run(std::shared_ptr<runtime::ProgressCounters> progress, std::stop_token stop);
    /// Stops the run if someone asked for it through the store. Threads: any.
    void heed_stop_request();

  private:
    struct Round;

    Result<catalog::Job> claim_job(std::stop_token stop);
    Result<std::optional<BlockNum>> resolve_end(std::stop_token stop);
    Result<> run_round(const DatasetPlan& plan, std::stop_token stop);
    Result<> run_rounds(std::stop_token stop);
    void finish_job(const Result<>& outcome, bool stopped);

    // Constant after construction.
    catalog::MetaStore& store_;
    storage::ObjectStore& objects_;
    extract::BlockSource& source_;
    const WorkerSession& session_;
    const catalog::Dataset dataset_;
    const catalog::Manifest manifest_;
    const DumpOptions options_;
    const std::string name_;

    // Set by run() before its worker threads start.
    GroupTarget target_;
    catalog::Job job_;
    std::optional<BlockNum> end_;
    std::shared_ptr<runtime::ProgressCounters> progress_;
    RunTotals totals_;

    std::atomic<std::int64_t> job_id_ = 0;  // once claimed
    std::stop_source stop_;
};

}  // namespace amp::jobs
