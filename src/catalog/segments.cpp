// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "catalog/segments.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <tuple>

namespace amp::catalog {
namespace {

constexpr std::uint64_t kEdge = 1'000;
constexpr std::uint64_t kShardBlocksMin = 2'000;
constexpr std::uint64_t kShardBlocksMax = 1'000'000;
constexpr std::uint64_t kShardsMax = 10'000;
constexpr BlockNum kLastBlock = std::numeric_limits<BlockNum>::max();

/// Which of two possible predecessors, or tips, wins: the greatest.
using Key = std::tuple<BlockNum, std::int64_t, std::int64_t, std::int64_t>;

Key key_of(const Segment& s) { return {s.range.end, s.created_at, s.generation, s.id}; }

/// Segments that may be followed, found by what a successor names: the hash before it or the number before
/// it.
class PredecessorIndex {
  public:
    explicit PredecessorIndex(std::span<const Segment> segments) : segments_(segments) {}

    void add(std::size_t index) {
        const auto& segment = segments_[index];
        by_number_.emplace(key_of(segment), index);
        if (segment.hash) by_hash_[*segment.hash].emplace(key_of(segment), index);
    }

    /// The greatest by key of those that `segment` follows.
    std::optional<std::size_t> find(const Segment& segment) const {
        if (segment.prev_hash) {
            const auto found = by_hash_.find(*segment.prev_hash);
            return found == by_hash_.end() ? std::nullopt : last_before(found->second, segment.range.start);
        }
        const auto best = last_before(by_number_, segment.range.start);
        if (!best || segments_[*best].range.end + 1 != segment.range.start) return std::nullopt;
        return best;
    }

  private:
    using Ordered = std::set<std::pair<Key, std::size_t>>;

    static std::optional<std::size_t> last_before(const Ordered& ordered, BlockNum start) {
        constexpr auto kLeast = std::numeric_limits<std::int64_t>::min();
        const auto end = ordered.lower_bound({Key{start, kLeast, kLeast, kLeast}, 0});
        if (end == ordered.begin()) return std::nullopt;
        return std::prev(end)->second;
    }

    std::span<const Segment> segments_;
    Ordered by_number_;
    std::map<Hash32, Ordered> by_hash_;
};

/// Indexes of the segments that end at or after start_block, ascending by (start, end, id): each comes after
/// all that it may follow.
std::vector<std::size_t> ordered_segments(std::span<const Segment> segments, BlockNum start_block) {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < segments.size(); ++i) {
        if (segments[i].range.end >= start_block) order.push_back(i);
    }
    std::ranges::sort(order, {}, [&](std::size_t i) {
        return std::tuple(segments[i].range.start, segments[i].range.end, segments[i].id);
    });
    return order;
}

void subtract(std::vector<BlockRange>& ranges, std::span<const BlockRange> merged) {
    std::vector<BlockRange> rest;
    for (auto range : ranges) {
        auto it = std::ranges::lower_bound(merged, range.start, {}, &BlockRange::end);
        bool used_up = false;
        for (; it != merged.end() && it->start <= range.end; ++it) {
            if (it->start > range.start) rest.push_back({range.start, it->start - 1});
            if (it->end >= range.end) {
                used_up = true;
                break;
            }
            range.start = it->end + 1;
        }
        if (!used_up) rest.push_back(range);
    }
    ranges = std::move(rest);
}

/// The blocks to extract again so that a longer branch beside the chain finds its link (rule 3), one segment
/// a time.
std::optional<BlockRange> fork_repair(std::span<const Segment> segments, std::span<const std::size_t> order,
                                      std::span<const std::size_t> chain) {
    std::set<std::pair<BlockNum, std::optional<Hash32>>> chain_ends;
    for (const auto i : chain) chain_ends.emplace(segments[i].range.end, segments[i].hash);
    const auto tip_end = segments[chain.back()].range.end;

    PredecessorIndex index(segments);
    std::map<std::size_t, BlockNum> run_start;
    std::vector<std::size_t> candidates;
    for (const auto i : order) {
        const auto& segment = segments[i];
        if (chain_ends.contains({segment.range.end, segment.hash})) continue;
        const auto pred = index.find(segment);
        run_start[i] = pred ? run_start.at(*pred) : segment.range.start;
        index.add(i);
        candidates.push_back(i);
    }
    std::ranges::sort(candidates, std::ranges::greater{}, [&](std::size_t i) { return key_of(segments[i]); });
    for (const auto i : candidates) {
        if (segments[i].range.end <= tip_end) break;
        const auto start = run_start.at(i);
        if (start > tip_end + 1) continue;
        if (start == 0) return std::nullopt;
        const auto parent = start - 1;
        // Where the number itself is proven empty on the chain, the segment below is the one that may differ.
        const auto above = std::ranges::upper_bound(chain, parent, {},
                                                    [&](std::size_t c) { return segments[c].range.start; });
        if (above == chain.begin()) return std::nullopt;
        return BlockRange{segments[*std::prev(above)].range.start, parent};
    }
    return std::nullopt;
}

/// Calls `emit` for each shard of one range.
template <typename Emit>
void cut(const BlockRange& range, std::uint64_t size, const Emit& emit) {
    const std::uint64_t grid = size >= kEdge ? kEdge : 1;
    auto start = range.start;
    while (range.end - start >= size) {
        const auto next = (start + size) / grid * grid;
        emit(BlockRange{start, next - 1});
        start = next;
    }
    emit(BlockRange{start, range.end});
}

std::uint64_t saturating_add(std::uint64_t a, std::uint64_t b) {
    return a > kLastBlock - b ? kLastBlock : a + b;
}

}  // namespace

Segment to_segment(const File& file) {
    return {file.id, file.range, file.prev_hash, file.hash, file.created_at, file.generation};
}

std::vector<std::size_t> canonical_chain(std::span<const Segment> segments, BlockNum start_block) {
    const auto order = ordered_segments(segments, start_block);
    if (order.empty()) return {};
    const auto first_start = segments[order.front()].range.start;

    PredecessorIndex reachable(segments);
    std::map<std::size_t, std::optional<std::size_t>> pred;
    std::size_t tip = order.front();
    for (const auto i : order) {
        const auto& segment = segments[i];
        std::optional<std::size_t> before;
        if (segment.range.start != first_start) {
            before = reachable.find(segment);
            if (!before) continue;
        }
        pred[i] = before;
        reachable.add(i);
        if (key_of(segment) > key_of(segments[tip])) tip = i;
    }
    std::vector<std::size_t> chain;
    for (std::optional<std::size_t> i = tip; i; i = pred.at(*i)) chain.push_back(*i);
    std::ranges::reverse(chain);
    return chain;
}

std::vector<BlockRange> missing_ranges(const BlockRange& wanted, std::span<const Segment> segments,
                                       BlockNum start_block) {
    std::vector<BlockRange> covered;
    for (const auto& segment : segments) covered.push_back(segment.range);

    const auto order = ordered_segments(segments, start_block);
    const auto chain = canonical_chain(segments, start_block);
    for (std::size_t i = 1; i < chain.size(); ++i) {
        const auto& a = segments[chain[i - 1]];
        const auto& b = segments[chain[i]];
        // A link over a gap is always one by hash: the numbers between do not exist.
        if (a.range.end + 1 < b.range.start) covered.push_back({a.range.end + 1, b.range.start - 1});
    }
    std::vector<BlockRange> missing{wanted};
    subtract(missing, merge_ranges(std::move(covered)));
    if (!chain.empty()) {
        if (auto repair = fork_repair(segments, order, chain)) {
            repair->start = std::max(repair->start, wanted.start);
            repair->end = std::min(repair->end, wanted.end);
            if (repair->start <= repair->end) missing.push_back(*repair);
        }
    }
    return merge_ranges(std::move(missing));
}

std::vector<BlockRange> merge_ranges(std::vector<BlockRange> ranges) {
    std::ranges::sort(ranges);
    std::vector<BlockRange> merged;
    for (const auto& range : ranges) {
        if (!merged.empty() && (merged.back().end == kLastBlock || range.start <= merged.back().end + 1)) {
            merged.back().end = std::max(merged.back().end, range.end);
        } else {
            merged.push_back(range);
        }
    }
    return merged;
}

std::vector<BlockRange> plan_shards(std::span<const BlockRange> missing, int parallelism,
                                    std::uint64_t shard_blocks) {
    std::uint64_t total = 0;
    for (const auto& range : missing)
        total = saturating_add(total, saturating_add(range.end - range.start, 1));
    auto size = shard_blocks;
    if (size == 0) {
        const auto parts = 8 * static_cast<std::uint64_t>(std::max(parallelism, 1));
        size = std::clamp(total / parts + (total % parts != 0 ? 1 : 0), kShardBlocksMin, kShardBlocksMax);
    }
    // Each range needs a shard of its own, so growing the size ends at one per range.
    const auto most = std::max<std::uint64_t>(kShardsMax, missing.size());
    for (;; size = saturating_add(size, size)) {
        if (total / size > most) continue;
        std::vector<BlockRange> shards;
        for (const auto& range : missing) {
            cut(range, size, [&](const BlockRange& shard) { shards.push_back(shard); });
            if (shards.size() > most) break;
        }
        if (shards.size() <= most) return shards;
    }
}

}  // namespace amp::catalog
