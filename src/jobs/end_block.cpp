// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "jobs/end_block.hpp"

#include <fmt/format.h>

#include <charconv>

namespace amp::jobs {

Result<EndBlock> parse_end_block(std::string_view text) {
    if (text.empty() || text == "latest") return EndBlock{};
    if (text == "finalized") return EndBlock{EndBlock::Kind::kFinalized, 0};
    if (text == "none" || text == "continuous") return EndBlock{EndBlock::Kind::kNone, 0};
    EndBlock end{EndBlock::Kind::kNumber, 0};
    std::string_view digits = text;
    if (digits.starts_with('-')) {
        end.kind = EndBlock::Kind::kBeforeLatest;
        digits.remove_prefix(1);
    }
    const auto [last, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), end.number);
    constexpr BlockNum kLargest = static_cast<BlockNum>(INT64_MAX) - 1;
    if (failure != std::errc{} || last != digits.data() + digits.size() || end.number > kLargest)
        return make_error(Code::kInvalidArgument,
                          "--end-block {}: must be a block number, -N, latest or finalized", text)
            .with_reason("INVALID_END_BLOCK");
    return end;
}

std::string to_string(const EndBlock& end) {
    switch (end.kind) {
        case EndBlock::Kind::kLatest:
            return "latest";
        case EndBlock::Kind::kFinalized:
            return "finalized";
        case EndBlock::Kind::kNumber:
            return fmt::format("{}", end.number);
        case EndBlock::Kind::kBeforeLatest:
            return fmt::format("-{}", end.number);
        case EndBlock::Kind::kNone:
            return "none";
    }
    return {};
}

Result<std::optional<BlockNum>> resolve_end_block(extract::BlockSource& source, const EndBlock& end,
                                                  bool finalized_only, BlockNum start_block,
                                                  std::string_view dataset, std::stop_token stop) {
    using Kind = EndBlock::Kind;
    std::optional<BlockNum> block;
    if (end.kind == Kind::kNumber) {
        block = end.number;
    } else if (end.kind == Kind::kFinalized || finalized_only) {
        TRY_ASSIGN(const auto final_block, source.finalized(stop));
        if (final_block) block = final_block->number;
    } else {
        TRY_ASSIGN(const auto head, source.head(stop));
        if (head) block = head->number;
    }
    if (!block) return block;
    if (end.kind == Kind::kBeforeLatest) {
        if (*block < end.number || *block - end.number < start_block)
            return make_error(
                       Code::kInvalidArgument,
                       "--end-block -{}: {} blocks before the head {} is below the start block {} of {}",
                       end.number, end.number, *block, start_block, dataset)
                .with_reason("INVALID_END_BLOCK");
        block = *block - end.number;
    }
    if (*block < start_block)
        return make_error(Code::kInvalidArgument, "--end-block {}: is below the start block {} of {}", *block,
                          start_block, dataset)
            .with_reason("INVALID_END_BLOCK");
    return block;
}

}  // namespace amp::jobs
