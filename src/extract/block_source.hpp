// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/block_range.hpp"
#include "base/bytes.hpp"
#include "base/result.hpp"
#include "columnar/table_builder.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace amp::extract {

/// A block's place in its chain.
struct BlockRef {
    BlockNum number = 0;
    Hash32 hash;
    Hash32 parent_hash;
    std::uint64_t timestamp = 0;  // seconds
};

enum class CheckOutcome : std::uint8_t { kOk, kUnverifiable };

struct CheckResult {
    std::string_view check;  // name in file footers
    CheckOutcome outcome;
};

/// A delivered block: its rows are already in the stream's builders.
struct DeliveredBlock {
    BlockRef ref;
    std::vector<CheckResult> checks;  // those that ran; a failed one is an Error
    std::uint64_t payload_bytes = 0;  // of the answer, before decoding
};

/// What the source says about the chain it serves.
struct Identity {
    std::optional<std::uint64_t> chain_id;
    std::string client_version;
};

struct StreamOptions {
    std::vector<std::string> tables;  // of the dataset, known to the kind
    bool verify = true;
    std::int64_t inflight_bytes = 64LL << 20;  // this stream's share of answers in memory
};

/// Blocks of one range, ascending, each with rows of all wanted tables. One owner thread.
///
/// A number is left out only if the chain has no block there. Each block's parent hash equals the hash of the
/// one delivered before it; otherwise next() fails with kUnavailable, reason REORG. A block that fails a
/// check is fetched again (after 0.5 s and 2 s, five rounds) and then fails with kCorruption, naming block,
/// check, expected and computed value: nothing of it is in the builders.
class BlockStream {
  public:
    virtual ~BlockStream() = default;
    /// Appends the next block's rows; absent after the last one. kCancelled when the stop is requested.
    virtual Result<std::optional<DeliveredBlock>> next(std::stop_token stop) = 0;
    /// The rows collected so far of one table.
    virtual columnar::TableBuilder& builder(std::string_view table) = 0;
};

/// One provider of one network: the only thing that knows how blocks are had. Threads: any.
class BlockSource {
  public:
    virtual ~BlockSource() = default;
    virtual std::string provider_name() const = 0;
    /// True for a node of this host, which may be asked often.
    virtual bool is_local() const { return false; }
    virtual Result<Identity> identity(std::stop_token stop) = 0;
    /// Absent while the chain has no block.
    virtual Result<std::optional<BlockRef>> head(std::stop_token stop) = 0;
    /// Absent while nothing is final; kUnsupported if the node knows no finality.
    virtual Result<std::optional<BlockRef>> finalized(std::stop_token stop) = 0;
    /// The hash that the provider's chain has at each number now; absent where it has no block.
    virtual Result<std::vector<std::optional<Hash32>>> canonical(std::span<const BlockNum> numbers,
                                                                 std::stop_token stop) = 0;
    virtual Result<std::unique_ptr<BlockStream>> stream(const BlockRange& range,
                                                        const StreamOptions& options) = 0;
};

}  // namespace amp::extract
