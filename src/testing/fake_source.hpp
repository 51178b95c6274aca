// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "extract/block_source.hpp"

#include <functional>
#include <map>
#include <mutex>
#include <set>

namespace amp::testing {

/// A chain in memory whose shape a test decides: length, forks, bad blocks, an action in the middle of a
/// stream. Blocks have headers only (table `blocks`). Threads: any.
class FakeSource final : public extract::BlockSource {
  public:
    /// Blocks 0..head of branch 0; `final_height` absent means that the node knows no finality.
    FakeSource(BlockNum head, std::optional<BlockNum> final_height);

    /// From block `first` on the chain is another one, up to `head`.
    void fork(BlockNum first, BlockNum head);
    void set_head(BlockNum head);
    void set_final(BlockNum height);
    /// The block fails its header check for ever.
    void spoil(BlockNum number);
    /// Runs before block `number` is delivered, once.
    void before(BlockNum number, std::function<void()> action);
    /// How many blocks streams have delivered.
    std::uint64_t delivered() const;
    Hash32 hash_of(BlockNum number) const;

    std::string provider_name() const override { return "fake"; }
    Result<extract::Identity> identity(std::stop_token stop) override;
    Result<std::optional<extract::BlockRef>> head(std::stop_token stop) override;
    Result<std::optional<extract::BlockRef>> finalized(std::stop_token stop) override;
    Result<std::vector<std::optional<Hash32>>> canonical(std::span<const BlockNum> numbers,
                                                         std::stop_token stop) override;
    Result<std::unique_ptr<extract::BlockStream>> stream(const BlockRange& range,
                                                         const extract::StreamOptions& options) override;

  private:
    class Stream;
    extract::BlockRef at(BlockNum number) const;  // requires mutex_
    Result<extract::BlockRef> take(BlockNum number);

    mutable std::mutex mutex_;
    BlockNum head_;
    std::optional<BlockNum> final_;
    std::map<BlockNum, std::uint32_t> branches_;  // first block -> branch number
    std::set<BlockNum> spoiled_;
    std::map<BlockNum, std::function<void()>> actions_;
    std::uint64_t delivered_ = 0;
};

}  // namespace amp::testing
