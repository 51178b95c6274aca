// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/block_range.hpp"
#include "base/bytes.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>

namespace amp::testing {

struct ReplayCorpusOptions {
    /// JSON Lines, plain or zstd (by content): {"block":<eth_getBlockByNumber(n,true)>,"receipts":[..]} per
    /// line, any further members ignored, numbers ascending.
    std::filesystem::path corpus;
    /// Continues the chain up to this block by repeating the corpus (without its block 0) under new numbers,
    /// times and parent hashes; each header is hashed anew, so every check of a verifying reader still holds.
    /// A number inside the corpus ends the chain there.
    std::optional<BlockNum> repeat_to;
    /// The prepared file; made when missing or made for another corpus or a shorter chain. Empty = a name
    /// derived from the corpus below $AMP_CACHE_DIR, else $XDG_CACHE_HOME/amp, else ~/.cache/amp.
    std::filesystem::path cache;
};

/// Bytes [offset, offset + size) of the prepared file.
struct ReplaySpan {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
};

/// One block as ready-made JSON-RPC results.
struct ReplayBlock {
    std::uint64_t number = 0;
    Hash32 hash;
    ReplaySpan full;      // eth_getBlockByNumber(n, true)
    ReplaySpan light;     // eth_getBlockByNumber(n, false): transactions are their hashes
    ReplaySpan receipts;  // eth_getBlockReceipts(n)
};

/// A recorded chain, unpacked into one file that is mapped into memory. Read-only after open(): any thread.
class ReplayCorpus {
  public:
    /// Prepares the file if needed (about 1 s per GB) and maps it.
    /// Errors: kNotFound, kCorruption with the line, kUnavailable for disk trouble.
    static Result<std::unique_ptr<ReplayCorpus>> open(const ReplayCorpusOptions& options);
    ~ReplayCorpus();
    ReplayCorpus(const ReplayCorpus&) = delete;
    ReplayCorpus& operator=(const ReplayCorpus&) = delete;

    /// nullptr where the chain has no such block.
    const ReplayBlock* find(BlockNum number) const;
    const ReplayBlock* find(const Hash32& hash) const;
    const ReplayBlock& first() const;
    const ReplayBlock& last() const;
    std::size_t block_count() const;
    /// Of the first transaction that carries one; 1 if none does.
    std::uint64_t chain_id() const;
    /// JSON bytes of all full blocks and receipts.
    std::uint64_t json_bytes() const;

    std::string_view text(ReplaySpan span) const;
    /// The prepared file, for sendfile().
    int file() const;

  private:
    struct Mapping;
    explicit ReplayCorpus(std::unique_ptr<Mapping> mapping);
    std::unique_ptr<Mapping> mapping_;
};

}  // namespace amp::testing
