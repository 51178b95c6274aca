// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "catalog/segments.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <random>

namespace amp::catalog {
namespace {

Hash32 hash_of(std::uint64_t value) {
    Hash32 hash;
    std::memcpy(hash.data(), &value, sizeof value);
    return hash;
}

/// A segment whose hashes are letters; '\0' = not known. Ids and creation times follow the order of building.
class Segments {
  public:
    Segments& add(BlockNum start, BlockNum end, char prev, char hash, std::int64_t generation = 0) {
        Segment segment{.id = next_, .range = {start, end}, .created_at = next_, .generation = generation};
        if (prev != 0) segment.prev_hash = hash_of(static_cast<std::uint64_t>(prev));
        if (hash != 0) segment.hash = hash_of(static_cast<std::uint64_t>(hash));
        list_.push_back(segment);
        ++next_;
        return *this;
    }

    /// A segment whose hashes no other has.
    Segments& unlinked(BlockNum start, BlockNum end) {
        const auto unique = 1'000 + 2 * static_cast<std::uint64_t>(next_);
        list_.push_back({.id = next_,
                         .range = {start, end},
                         .prev_hash = hash_of(unique),
                         .hash = hash_of(unique + 1),
                         .created_at = next_});
        ++next_;
        return *this;
    }

    std::vector<std::string> chain(BlockNum start_block = 0) const {
        std::vector<std::string> names;
        for (const auto i : canonical_chain(list_, start_block)) {
            const auto& s = list_[i];
            names.push_back(to_string(s.range) + (s.hash ? fmt::format(":{}", char(s.hash->bytes[0])) : ""));
        }
        return names;
    }

    std::vector<std::string> missing(BlockNum start, BlockNum end) const {
        std::vector<std::string> names;
        for (const auto& range : missing_ranges({start, end}, list_, 0)) names.push_back(to_string(range));
        return names;
    }

  private:
    std::vector<Segment> list_;
    std::int64_t next_ = 1;
};

using testing::ElementsAre;
using testing::IsEmpty;

// The table of examples of docs/internals/canonical_chain.md, in its order.

TEST(CanonicalChain, FollowsLinks) {
    EXPECT_THAT(Segments().add(0, 9, 'z', 'A').add(10, 19, 'A', 'B').chain(),
                ElementsAre("0-9:A", "10-19:B"));
}

TEST(CanonicalChain, LeavesAnIslandOut) {
    EXPECT_THAT(Segments().add(0, 9, 'z', 'A').add(20, 29, 'B', 'C').chain(), ElementsAre("0-9:A"));
}

TEST(CanonicalChain, PrefersACompactionOutputOverItsInputs) {
    EXPECT_THAT(Segments()
                    .add(0, 9, 'z', 'A')
                    .add(10, 19, 'A', 'B')
                    .add(0, 19, 'z', 'B', 1)
                    .add(20, 29, 'B', 'C')
                    .chain(),
                ElementsAre("0-19:B", "20-29:C"));
}

TEST(CanonicalChain, PrefersTheLongerBranch) {
    EXPECT_THAT(Segments().add(100, 149, 'z', 'A').add(150, 200, 'A', 'C').add(150, 199, 'A', 'B').chain(),
                ElementsAre("100-149:A", "150-200:C"));
}

TEST(CanonicalChain, PrefersTheNewerOfTwoEqualBranches) {
    EXPECT_THAT(Segments().add(100, 149, 'z', 'A').add(150, 199, 'A', 'B').add(150, 199, 'A', 'C').chain(),
                ElementsAre("100-149:A", "150-199:C"));
}

TEST(CanonicalChain, LeavesAnUnconnectedForkOut) {
    EXPECT_THAT(Segments().add(100, 149, 'z', 'A').add(150, 199, 'A', 'B').add(200, 200, 'x', 'C').chain(),
                ElementsAre("100-149:A", "150-199:B"));
}

TEST(CanonicalChain, CarriesTheHashOverSkippedNumbers) {
    EXPECT_THAT(Segments().add(0, 9, 'z', 'A').add(10, 12, 'A', 'A').add(13, 20, 'A', 'C').chain(),
                ElementsAre("0-9:A", "10-12:A", "13-20:C"));
}

TEST(CanonicalChain, CrossesNumbersThatTheHashProvesEmpty) {
    EXPECT_THAT(Segments().add(0, 9, 'z', 'A').add(13, 20, 'A', 'C').chain(),
                ElementsAre("0-9:A", "13-20:C"));
}

TEST(CanonicalChain, LinksByNumberWithoutHashes) {
    EXPECT_THAT(Segments().add(0, 9, 0, 0).add(10, 19, 0, 0).chain(), ElementsAre("0-9", "10-19"));
}

TEST(CanonicalChain, IgnoresSegmentsBelowTheStart) {
    EXPECT_THAT(Segments().add(0, 9, 'z', 'A').add(20, 29, 'B', 'C').chain(10), ElementsAre("20-29:C"));
    EXPECT_THAT(Segments().chain(), IsEmpty());
}

// The table of examples of missing ranges, in its order.

TEST(MissingRanges, IsEverythingWithoutSegments) {
    EXPECT_THAT(Segments().missing(0, 99), ElementsAre("0-99"));
}

TEST(MissingRanges, LiesAroundAnIsland) {
    EXPECT_THAT(Segments().unlinked(30, 59).missing(0, 99), ElementsAre("0-29", "60-99"));
}

TEST(MissingRanges, CountsAnUnlinkedSegmentAsCovered) {
    EXPECT_THAT(Segments().unlinked(0, 49).unlinked(80, 80).missing(0, 99), ElementsAre("50-79", "81-99"));
}

TEST(MissingRanges, IgnoresAShorterLeftover) {
    EXPECT_THAT(Segments().unlinked(0, 79).unlinked(20, 39).missing(0, 99), ElementsAre("80-99"));
}

TEST(MissingRanges, RepairsBelowALongerFork) {
    EXPECT_THAT(Segments().unlinked(0, 19).unlinked(10, 29).missing(0, 39), ElementsAre("0-9", "30-39"));
}

TEST(MissingRanges, RepairsBelowTheGreatestFork) {
    EXPECT_THAT(Segments().unlinked(0, 19).unlinked(40, 59).unlinked(10, 79).missing(0, 99),
                ElementsAre("0-9", "80-99"));
}

TEST(MissingRanges, CutsTheRepairToTheWantedRange) {
    EXPECT_THAT(Segments().unlinked(0, 49).unlinked(30, 79).missing(20, 69), ElementsAre("20-29"));
}

TEST(MissingRanges, RepairsOneForkAtATime) {
    EXPECT_THAT(Segments().unlinked(0, 29).unlinked(20, 49).unlinked(30, 69).missing(0, 99),
                ElementsAre("0-29", "70-99"));
}

TEST(MissingRanges, SkipsAForkBeyondAGap) {
    EXPECT_THAT(Segments().unlinked(0, 29).unlinked(20, 49).unlinked(40, 69).missing(0, 99),
                ElementsAre("0-19", "70-99"));
}

TEST(MissingRanges, EndsAtTheTipOfALinkedChain) {
    EXPECT_THAT(Segments().add(100, 149, 'z', 'A').add(150, 199, 'A', 'B').missing(100, 219),
                ElementsAre("200-219"));
}

TEST(MissingRanges, TrustsNumbersProvenEmpty) {
    EXPECT_THAT(Segments().add(0, 9, 'z', 'A').add(13, 20, 'A', 'C').missing(0, 20), IsEmpty());
}

TEST(MissingRanges, ExtendsAForkDownToItsFirstUnlinkedSegment) {
    EXPECT_THAT(Segments()
                    .add(0, 9, 'z', 'A')
                    .add(10, 19, 'A', 'B')
                    .add(15, 24, 'x', 'C')
                    .add(25, 29, 'C', 'D')
                    .missing(0, 29),
                ElementsAre("10-14"));
}

TEST(MissingRanges, RepairsTheSegmentBelowAnEmptyNumber) {
    EXPECT_THAT(Segments().add(0, 9, 'z', 'A').add(13, 20, 'A', 'C').add(12, 30, 'x', 'D').missing(0, 30),
                ElementsAre("0-11"));
}

TEST(MergeRanges, JoinsTouchingAndOverlapping) {
    constexpr auto kMax = std::numeric_limits<BlockNum>::max();
    EXPECT_THAT(merge_ranges({{20, 29}, {0, 9}, {10, 12}, {5, 7}, {40, kMax}, {kMax, kMax}}),
                ElementsAre(BlockRange{0, 12}, BlockRange{20, 29}, BlockRange{40, kMax}));
}

TEST(PlanShards, CutsOnMultiplesOfAThousand) {
    const std::vector<BlockRange> missing{{1'500, 9'999}};
    EXPECT_THAT(plan_shards(missing, 1, 0),
                ElementsAre(BlockRange{1'500, 2'999}, BlockRange{3'000, 4'999}, BlockRange{5'000, 6'999},
                            BlockRange{7'000, 8'999}, BlockRange{9'000, 9'999}));
}

TEST(PlanShards, TakesAGivenSize) {
    const std::vector<BlockRange> missing{{0, 9}, {20, 21}};
    EXPECT_THAT(plan_shards(missing, 4, 5),
                ElementsAre(BlockRange{0, 4}, BlockRange{5, 9}, BlockRange{20, 21}));
    EXPECT_THAT(plan_shards({}, 4, 0), IsEmpty());
}

TEST(PlanShards, GrowsTheSizeInsteadOfTheCount) {
    const std::vector<BlockRange> missing{{0, 999'999'999}};
    const auto shards = plan_shards(missing, 4, 1);
    EXPECT_LE(shards.size(), 10'000U);
    EXPECT_EQ(shards.front().start, 0U);
    EXPECT_EQ(shards.back().end, 999'999'999U);
    EXPECT_EQ(merge_ranges(shards), missing);
    const std::vector<BlockRange> whole{{0, std::numeric_limits<BlockNum>::max()}};
    EXPECT_EQ(merge_ranges(plan_shards(whole, 1, 0)), whole);
}

// ---- properties over random sets ----

bool follows(const Segment& b, const Segment& a) {
    return b.prev_hash ? a.range.end < b.range.start && a.hash == b.prev_hash
                       : a.range.end + 1 == b.range.start;
}

/// Sets with branches, overlaps, gaps, carried and absent hashes: few blocks and few hashes, so that they
/// meet.
std::vector<Segment> random_segments(std::mt19937_64& random) {
    std::vector<Segment> list(random() % 14);
    std::int64_t id = 0;
    for (auto& s : list) {
        s.id = ++id;
        s.range.start = random() % 24;
        s.range.end = s.range.start + random() % 6;
        if (random() % 8 != 0) s.hash = hash_of(s.range.end * 2 + random() % 2);
        if (random() % 8 != 0) s.prev_hash = hash_of(s.range.start * 2 - 2 + random() % 2);
        s.created_at = static_cast<std::int64_t>(random() % 4);
        s.generation = static_cast<std::int64_t>(random() % 2);
    }
    return list;
}

std::vector<std::int64_t> chain_ids(std::span<const Segment> segments, BlockNum start_block) {
    std::vector<std::int64_t> ids;
    for (const auto i : canonical_chain(segments, start_block)) ids.push_back(segments[i].id);
    return ids;
}

TEST(SegmentProperties, HoldOverRandomSets) {
    std::mt19937_64 random(20'260'101);
    for (int round = 0; round < 20'000; ++round) {
        SCOPED_TRACE(round);
        auto segments = random_segments(random);
        const BlockNum start_block = random() % 8;
        const BlockRange wanted{start_block, start_block + random() % 30};
        const auto chain = canonical_chain(segments, start_block);
        const auto missing = missing_ranges(wanted, segments, start_block);

        const bool any =
            std::ranges::any_of(segments, [&](const Segment& s) { return s.range.end >= start_block; });
        ASSERT_EQ(chain.empty(), !any);
        for (std::size_t i = 1; i < chain.size(); ++i) {
            ASSERT_TRUE(follows(segments[chain[i]], segments[chain[i - 1]]));
        }
        if (any) {
            for (const auto& s : segments) {
                ASSERT_TRUE(s.range.end < start_block ||
                            s.range.start >= segments[chain.front()].range.start);
            }
        }

        // What is missing is not LIVE, except one stretch of the chain that a longer fork has put in doubt.
        BlockNum previous_end = 0;
        for (std::size_t r = 0; r < missing.size(); ++r) {
            ASSERT_LE(missing[r].start, missing[r].end);
            ASSERT_TRUE(wanted.start <= missing[r].start && missing[r].end <= wanted.end);
            ASSERT_TRUE(r == 0 || previous_end + 1 < missing[r].start);
            previous_end = missing[r].end;
        }
        const auto is_missing = [&](BlockNum block) {
            return std::ranges::any_of(missing,
                                       [&](const BlockRange& range) { return range.contains(block); });
        };
        const bool has_longer = any && std::ranges::any_of(segments, [&](const Segment& s) {
                                    return s.range.end > segments[chain.back()].range.end;
                                });
        for (auto block = wanted.start; block <= wanted.end; ++block) {
            const bool live =
                std::ranges::any_of(segments, [&](const Segment& s) { return s.range.contains(block); });
            ASSERT_TRUE(!live || !is_missing(block) || has_longer) << block;
            if (!live && !is_missing(block)) {
                ASSERT_TRUE(std::ranges::any_of(chain, [&](std::size_t i) {
                    return segments[i].range.start > block && segments[i].prev_hash;
                })) << block;
            }
        }

        const auto ids = chain_ids(segments, start_block);
        std::ranges::shuffle(segments, random);
        ASSERT_EQ(chain_ids(segments, start_block), ids);
        ASSERT_EQ(missing_ranges(wanted, segments, start_block), missing);
    }
}

}  // namespace
}  // namespace amp::catalog
