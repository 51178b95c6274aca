// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "evm/types.hpp"

#include <algorithm>
#include <cstring>

namespace amp::evm {
namespace {

constexpr std::size_t kFirstChunk = 64 * 1024;

}  // namespace

std::uint8_t* Arena::allocate(std::size_t size) {
    while (chunk_ < chunks_.size()) {
        Chunk& chunk = chunks_[chunk_];
        if (chunk.size - used_ >= size) {
            std::uint8_t* const room = chunk.data.get() + used_;
            used_ += size;
            return room;
        }
        ++chunk_;
        used_ = 0;
    }
    // Doubling keeps the number of chunks logarithmic in the largest block seen.
    const std::size_t wanted = std::max({size, kFirstChunk, capacity_});
    chunks_.push_back({std::make_unique_for_overwrite<std::uint8_t[]>(wanted), wanted});
    capacity_ += wanted;
    used_ = size;
    return chunks_.back().data.get();
}

ByteView Arena::copy(ByteView bytes) {
    if (bytes.empty()) return {};
    std::uint8_t* const room = allocate(bytes.size());
    std::memcpy(room, bytes.data(), bytes.size());
    return {room, bytes.size()};
}

std::string_view Arena::copy(std::string_view text) { return as_text(copy(as_bytes(text))); }

void Arena::clear() {
    chunk_ = 0;
    used_ = 0;
}

void Block::clear() {
    header = {};
    transactions.clear();
    receipts.clear();
    logs.clear();
    withdrawals.clear();
    uncle_hashes.clear();
    access_entries.clear();
    storage_keys.clear();
    blob_hashes.clear();
    authorizations.clear();
    arena.clear();
}

}  // namespace amp::evm
