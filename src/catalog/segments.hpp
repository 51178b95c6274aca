// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "catalog/types.hpp"

#include <span>
#include <vector>

namespace amp::catalog {

/// The part of a file that decides canonicity.
struct Segment {
    std::int64_t id = 0;
    BlockRange range;
    std::optional<Hash32> prev_hash;
    std::optional<Hash32> hash;
    std::int64_t created_at = 0;
    std::int64_t generation = 0;
};

Segment to_segment(const File& file);

/// The canonical chain of one table: indexes into `segments`, ascending by block. Pure: same input set, same
/// output, whatever the order. Algorithm: docs/internals/canonical_chain.md.
std::vector<std::size_t> canonical_chain(std::span<const Segment> segments, BlockNum start_block);

/// What is still to be extracted of `wanted`, ascending, merged.
std::vector<BlockRange> missing_ranges(const BlockRange& wanted, std::span<const Segment> segments,
                                       BlockNum start_block);

/// Sorted union with touching ranges merged.
std::vector<BlockRange> merge_ranges(std::vector<BlockRange> ranges);

/// Cuts missing ranges into shards for `parallelism` workers: size clamp(ceil(total / (8 x parallelism)),
/// 2'000, 1'000'000), inner edges on multiples of 1'000, at most 10'000 shards (the size grows). shard_blocks
/// > 0 overrides the size.
std::vector<BlockRange> plan_shards(std::span<const BlockRange> missing, int parallelism,
                                    std::uint64_t shard_blocks);

}  // namespace amp::catalog
