// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "extract/block_source.hpp"

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace amp::jobs {

/// Where a dump or a job ends.
struct EndBlock {
    enum class Kind : std::uint8_t { kLatest, kFinalized, kNumber, kBeforeLatest, kNone };
    Kind kind = Kind::kLatest;
    BlockNum number = 0;  // kNumber: that block; kBeforeLatest: so many before the head
};

/// `latest`, `finalized`, `N`, `-N`, `none` (= `continuous`).
Result<EndBlock> parse_end_block(std::string_view text);
std::string to_string(const EndBlock& end);

/// The block that `end` means now; absent while the chain has no such block. kInvalidArgument if it is below
/// `start_block`, naming `dataset`. Not for kNone.
Result<std::optional<BlockNum>> resolve_end_block(extract::BlockSource& source, const EndBlock& end,
                                                  bool finalized_only, BlockNum start_block,
                                                  std::string_view dataset, std::stop_token stop);

}  // namespace amp::jobs
