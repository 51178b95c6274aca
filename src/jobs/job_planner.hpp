// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "catalog/meta_store.hpp"
#include "jobs/dataset_plan.hpp"
#include "jobs/scheduler.hpp"
#include "jobs/sources.hpp"

#include <stop_token>

namespace amp::jobs {

/// Carries out the scheduler's Plan actions: finds what a job lacks and adds the shards, or ends the job.
///
/// A plan first claims the job row and later counts only while the row is unchanged, so of two planners one
/// wins. A failure is recorded on the job, with a later try or as its end. If no node can be asked from here,
/// a job with a known end is planned from its files alone. Threads: any, several plans at once.
class JobPlanner {
  public:
    JobPlanner(catalog::MetaStore& store, Sources& sources, ExtractionOptions options)
        : store_(store), sources_(sources), options_(std::move(options)) {}

    void plan(const Plan& action, std::stop_token stop);

  private:
    Result<> try_plan(catalog::Job& job, std::stop_token stop);
    Result<> finish(catalog::Job& job);
    Result<> transition(catalog::Job& job, catalog::JobChange change);
    Result<int> parallelism(const catalog::Job& job);
    void record_failure(const catalog::Job& job, const Error& error);

    catalog::MetaStore& store_;
    Sources& sources_;
    const ExtractionOptions options_;
};

}  // namespace amp::jobs
