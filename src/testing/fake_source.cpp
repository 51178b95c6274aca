// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "testing/fake_source.hpp"

#include "base/sha256.hpp"
#include "evm/types.hpp"
#include "extract/evm_rpc/rows.hpp"

#include <fmt/format.h>

namespace amp::testing {

class FakeSource::Stream final : public extract::BlockStream {
  public:
    Stream(FakeSource& source, BlockRange range)
        : source_(source), range_(range), next_(range.start), rows_({"blocks"}) {}

    Result<std::optional<extract::DeliveredBlock>> next(std::stop_token stop) override {
        if (stop.stop_requested()) return Error{Code::kCancelled, "stopped", {}};
        if (next_ > range_.end) return std::optional<extract::DeliveredBlock>{};
        TRY_ASSIGN(const auto ref, source_.take(next_));
        if (previous_ && ref.parent_hash != *previous_)
            return Error{Code::kUnavailable, "another parent", "REORG"};
        block_.clear();
        block_.header.number = ref.number;
        block_.header.hash = ref.hash;
        block_.header.parent_hash = ref.parent_hash;
        block_.header.timestamp = ref.timestamp;
        TRY(rows_.append(block_));
        previous_ = ref.hash;
        ++next_;
        extract::DeliveredBlock delivered;
        delivered.ref = ref;
        delivered.checks = {{"header", extract::CheckOutcome::kOk}};
        return std::optional(std::move(delivered));
    }

    columnar::TableBuilder& builder(std::string_view table) override { return *rows_.builder(table); }

  private:
    FakeSource& source_;
    const BlockRange range_;
    BlockNum next_;
    std::optional<Hash32> previous_;
    evm::Block block_;
    extract::evm_rpc::RowWriter rows_;
};

FakeSource::FakeSource(BlockNum head, std::optional<BlockNum> final_height)
    : head_(head), final_(final_height), branches_{{0, 0}} {}

void FakeSource::fork(BlockNum first, BlockNum head) {
    const std::scoped_lock lock(mutex_);
    const auto number = static_cast<std::uint32_t>(branches_.size());
    branches_.erase(branches_.lower_bound(first), branches_.end());
    branches_[first] = number;
    head_ = head;
}

void FakeSource::set_head(BlockNum head) {
    const std::scoped_lock lock(mutex_);
    head_ = head;
}

void FakeSource::set_final(BlockNum height) {
    const std::scoped_lock lock(mutex_);
    final_ = height;
}

void FakeSource::spoil(BlockNum number) {
    const std::scoped_lock lock(mutex_);
    spoiled_.insert(number);
}

void FakeSource::before(BlockNum number, std::function<void()> action) {
    const std::scoped_lock lock(mutex_);
    actions_[number] = std::move(action);
}

std::uint64_t FakeSource::delivered() const {
    const std::scoped_lock lock(mutex_);
    return delivered_;
}

Hash32 FakeSource::hash_of(BlockNum number) const {
    const std::scoped_lock lock(mutex_);
    return at(number).hash;
}

extract::BlockRef FakeSource::at(BlockNum number) const {
    const auto hash = [&](BlockNum block) {
        const auto branch = std::prev(branches_.upper_bound(block))->second;
        return sha256(as_bytes(fmt::format("{}:{}", branch, block)));
    };
    return {number, hash(number), number == 0 ? Hash32{} : hash(number - 1), 1'700'000'000 + 12 * number};
}

Result<extract::BlockRef> FakeSource::take(BlockNum number) {
    std::function<void()> action;
    {
        const std::scoped_lock lock(mutex_);
        if (const auto found = actions_.find(number); found != actions_.end()) {
            action = std::move(found->second);
            actions_.erase(found);
        }
    }
    if (action) action();
    const std::scoped_lock lock(mutex_);
    if (spoiled_.contains(number))
        return Error{Code::kCorruption, fmt::format("block {}: header hash is wrong", number), "header"};
    if (number > head_)
        return Error{Code::kUnavailable, fmt::format("block {} does not exist", number), "NULL_BLOCK"};
    ++delivered_;
    return at(number);
}

Result<extract::Identity> FakeSource::identity(std::stop_token) { return extract::Identity{1, "fake"}; }

Result<std::optional<extract::BlockRef>> FakeSource::head(std::stop_token) {
    const std::scoped_lock lock(mutex_);
    return std::optional(at(head_));
}

Result<std::optional<extract::BlockRef>> FakeSource::finalized(std::stop_token) {
    const std::scoped_lock lock(mutex_);
    if (!final_) return Error{Code::kUnsupported, "no finality", "UNSUPPORTED"};
    return std::optional(at(*final_));
}

Result<std::vector<std::optional<Hash32>>> FakeSource::canonical(std::span<const BlockNum> numbers,
                                                                 std::stop_token) {
    const std::scoped_lock lock(mutex_);
    std::vector<std::optional<Hash32>> hashes;
    for (const BlockNum number : numbers)
        hashes.push_back(number <= head_ ? std::optional(at(number).hash) : std::nullopt);
    return hashes;
}

Result<std::unique_ptr<extract::BlockStream>> FakeSource::stream(const BlockRange& range,
                                                                 const extract::StreamOptions&) {
    return std::unique_ptr<extract::BlockStream>(std::make_unique<Stream>(*this, range));
}

}  // namespace amp::testing
