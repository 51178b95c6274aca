// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/block_range.hpp"
#include "base/result.hpp"
#include "evm/types.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace amp::extract::evm_rpc {

struct DecodeOptions {
    BlockNum expected_number = 0;
    bool full_transactions = true;  // false: the header alone, transactions may be hashes
    bool renumber_logs = false;     // store running log numbers where the node's do not run 0, 1, 2, ..
    std::string_view profile = "ethereum";  // chain profile, already resolved from "auto"
};

/// What a decoder met that is no error but worth a metric. Counts since the decoder was made.
struct DecodeCounters {
    static constexpr std::size_t kUnknownFieldsMax = 64;
    /// Key "<object>.<field>", objects block, tx, receipt, log, withdrawal, access_list, authorization. At
    /// most kUnknownFieldsMax keys and then "<object>.other".
    std::unordered_map<std::string, std::uint64_t> unknown_fields;
    std::uint64_t plain_numbers = 0;      // quantities sent as JSON integers
    std::uint64_t renumbered_blocks = 0;  // blocks whose log numbers were replaced
    std::uint64_t gas_mismatches = 0;     // blocks that broke a gas sum on a chain where that is no error
};

/// Turns the JSON of a block and its receipts into the fixed structs, checking everything that needs no
/// hashing (checks V1, V2, V4-V8 of the extractors reference, 3.8; field rules: raw tables reference, 1-5).
///
/// Place: one per decoding thread; keeps the parser and its buffers between blocks.
/// Failure, by `reason`:
/// - NULL_BLOCK, NULL_RECEIPTS, EMPTY_RECEIPTS (`[]` for a block with transactions), OTHER_BLOCK (receipts or
/// logs name
///   another block hash): kUnavailable, the node was asked too early or between two forks;
/// - BAD_DATA: kCorruption; the text names block, object, field and what is wrong with it.
/// After a failure `out` holds a part of the block and must not be used.
class BlockDecoder {
  public:
    BlockDecoder();
    ~BlockDecoder();
    BlockDecoder(const BlockDecoder&) = delete;
    BlockDecoder& operator=(const BlockDecoder&) = delete;

    /// Decodes the `result` of eth_getBlockByNumber and, if given, of eth_getBlockReceipts into `out`, which
    /// is cleared first. At least 64 readable bytes must follow both texts. Receipts need full transactions
    /// (kInvalidArgument without). `out` does not refer to the texts afterwards.
    Result<> decode(std::string_view block_json, std::optional<std::string_view> receipts_json,
                    const DecodeOptions& options, evm::Block& out);

    /// Decodes the header of whatever block the answer holds (head, finalized, boundary of a range).
    Result<> decode_header(std::string_view block_json, evm::Block& out);

    const DecodeCounters& counters() const;

  private:
    class State;
    std::unique_ptr<State> state_;
};

}  // namespace amp::extract::evm_rpc
