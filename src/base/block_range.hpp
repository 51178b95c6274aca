// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>

namespace amp {

using BlockNum = std::uint64_t;

/// An inclusive range of block numbers: start..end. Never empty (an absent range is an optional); the same
/// form is stored, printed and sent.
struct BlockRange {
    BlockNum start = 0;
    BlockNum end = 0;

    std::uint64_t size() const { return end - start + 1; }
    bool contains(BlockNum block) const { return start <= block && block <= end; }
    bool overlaps(const BlockRange& other) const { return start <= other.end && other.start <= end; }
    friend auto operator<=>(const BlockRange&, const BlockRange&) = default;
};

inline std::string to_string(const BlockRange& range) { return fmt::format("{}-{}", range.start, range.end); }

}  // namespace amp
