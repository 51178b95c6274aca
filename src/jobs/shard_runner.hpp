// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "catalog/meta_store.hpp"
#include "extract/block_source.hpp"
#include "jobs/group_writer.hpp"
#include "runtime/progress.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

namespace amp::jobs {

/// Counts over all shards of one dataset in one run. Threads: any.
struct RunTotals {
    std::atomic<std::uint64_t> blocks{0};
    std::atomic<std::uint64_t> rows{0};
    std::atomic<std::uint64_t> files{0};
    std::atomic<std::uint64_t> bytes{0};
};

struct ShardTask {
    BlockRange range;  // what is missing of the shard
    catalog::Fence fence;
    std::vector<std::size_t> tables;  // indexes into GroupTarget::tables that lack these blocks
    std::optional<BlockNum>
        final_height;  // newest final block known; blocks above it get segments of their own
    std::chrono::milliseconds first_flush{600'000};  // of the first group
    std::vector<std::int64_t> superseded;            // files that the first commit replaces
};

struct ShardLimits {
    std::int64_t segment_bytes = 2147483648;
    std::chrono::milliseconds flush_interval{600'000};
    std::int64_t inflight_bytes = 64LL << 20;
    bool verify = true;
    std::chrono::milliseconds outage_max{900'000};  // how long a finished group waits for the metadata store
};

/// Extracts one shard: blocks in order from the source, rows into groups of files, each group committed under
/// the shard's fence.
///
/// Two threads: the caller's decodes and verifies, a second one encodes, publishes and commits; a bounded
/// queue joins them. On a stop the open group closes at the last complete block and is committed. Whatever
/// else happens, what was committed stays and nothing else is visible. Returns the first block that is not
/// committed; range.end + 1 after a complete run. Failure: the cause; progress up to it is committed (but not
/// after kConflict FENCED, where nothing more may be written).
struct ShardOutcome {
    BlockNum next_block = 0;
    std::optional<Error> error;
};
ShardOutcome run_shard(extract::BlockSource& source, catalog::MetaStore& store, storage::ObjectStore& objects,
                       const GroupTarget& target, const ShardTask& task, const ShardLimits& limits,
                       runtime::ProgressCounters& progress, RunTotals& totals, std::stop_token stop);

}  // namespace amp::jobs
