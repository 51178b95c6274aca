// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "catalog/manifest.hpp"
#include "catalog/meta_store.hpp"
#include "extract/block_source.hpp"
#include "jobs/group_writer.hpp"
#include "jobs/shard_runner.hpp"

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace amp::jobs {

/// How this process extracts, whatever the dataset.
struct ExtractionOptions {
    std::uint64_t reorg_depth = 64;  // blocks that may be replaced where a node knows no finality
    std::chrono::milliseconds poll{1'000};
    std::chrono::milliseconds backoff_base{1'000};
    std::chrono::milliseconds backoff_max{300'000};
    std::uint64_t shard_blocks = 0;  // 0 = by the size of the plan
    ShardLimits limits;
    columnar::WriterOptions writer;
    std::string program;  // "ampd 0.1.0"
};

/// The tables of a dataset at a manifest with their active revisions, made where missing. Provider and chain
/// id are left empty.
Result<GroupTarget> open_target(catalog::MetaStore& store, const catalog::Dataset& dataset,
                                const catalog::Manifest& manifest, const ExtractionOptions& options);
/// Fills in what file footers say about the source.
Result<> name_source(GroupTarget& target, extract::BlockSource& source, std::stop_token stop);

struct PlanRequest {
    BlockNum start_block = 0;
    std::optional<BlockNum> end;  // absent: the head
    bool finalized_only = false;
    std::uint64_t reorg_depth = 64;
    BlockNum files_from = 0;  // files that end below it and below finality are not looked at
    bool check_links = true;  // fail with REORG where everything is there but the chain is broken
};

struct DatasetPlan {
    std::vector<BlockRange> missing;                        // of any table; merged
    std::vector<std::vector<BlockRange>> missing_by_table;  // by index of GroupTarget::tables
    std::vector<catalog::File> lost;                        // LIVE files of an abandoned fork
    std::optional<BlockNum> final_height;
    BlockNum target = 0;      // last block of this plan: min(end, head)
    bool has_blocks = false;  // the chain has a block at or above the start
    bool reaches_end = false;
};

/// Compares committed files with what is wanted, and the stored chain above finality with the node's: what to
/// fetch is always computed from committed files. Failure: kUnavailable, reason REORG: neighbours do not
/// link, plan again soon; kCorruption, reason FINALITY_VIOLATION: a block that was final has another hash
/// now.
Result<DatasetPlan> plan_dataset(catalog::MetaStore& store, extract::BlockSource& source,
                                 const GroupTarget& target, const PlanRequest& request, std::stop_token stop);

/// The same without asking any node: nothing is `lost`, finality is unknown and `end` is taken as there.
Result<DatasetPlan> plan_stored(catalog::MetaStore& store, const GroupTarget& target,
                                const PlanRequest& request);

/// Cuts each range at the places where the set of tables that lack blocks changes.
std::vector<BlockRange> cut_where_tables_differ(const std::vector<BlockRange>& ranges,
                                                const std::vector<std::vector<BlockRange>>& by_table);

/// Indexes of the tables that lack block `number`.
std::vector<std::size_t> tables_without(const std::vector<std::vector<BlockRange>>& by_table,
                                        BlockNum number);

}  // namespace amp::jobs
