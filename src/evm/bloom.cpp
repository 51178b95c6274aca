// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "evm/bloom.hpp"

#include <cstring>

namespace amp::evm {

BloomBits bloom_bits(const Hash32& hash) {
    BloomBits bits{};
    for (std::size_t i = 0; i < 3; ++i)
        bits[i] = static_cast<std::uint16_t>((hash.bytes[2 * i] << 8 | hash.bytes[2 * i + 1]) % 2048);
    return bits;
}

BloomCache::BloomCache() : slots_(std::size_t{1} << kSlotBits) {}

void BloomCache::begin() {
    items_.clear();
    // Not empty only if a batch was abandoned: what waited for it must not be taken from the next one.
    for (const Pending& each : pending_) slots_[each.slot] = Slot{};
    pending_.clear();
}

void BloomCache::add(ByteView value, HashBatch& batch) {
    std::array<std::uint64_t, 4> words{};
    std::memcpy(words.data(), value.data(), value.size());
    // Any mixing will do that spreads addresses as well as small numbers padded to 32 bytes.
    std::uint64_t mix = (words[0] ^ (words[1] * 0x9e3779b97f4a7c15U)) * 0xff51afd7ed558ccdU;
    mix ^= (words[2] ^ (words[3] * 0xc4ceb9fe1a85ec53U)) * 0x9e3779b97f4a7c15U;
    mix ^= mix >> 32;
    const auto index = static_cast<std::uint32_t>((mix * 0x9e3779b97f4a7c15U) >> (64 - kSlotBits));
    Slot& slot = slots_[index];

    const auto item = static_cast<std::uint32_t>(items_.size());
    const auto size = static_cast<std::uint8_t>(value.size());
    items_.push_back(slot.bits);
    if (slot.size == size && slot.value == words) {
        if (slot.message != kNotPending) pending_.push_back({item, slot.message, index});
        return;
    }
    slot.value = words;
    slot.size = size;
    slot.message = static_cast<std::uint32_t>(batch.add(value));
    pending_.push_back({item, slot.message, index});
}

void BloomCache::resolve(const HashBatch& batch) {
    for (const Pending& each : pending_) {
        items_[each.item] = bloom_bits(batch.digest(each.message));
        // The slot may have gone to another value in the meantime.
        Slot& slot = slots_[each.slot];
        if (slot.message != each.message) continue;
        slot.bits = items_[each.item];
    }
    for (const Pending& each : pending_) slots_[each.slot].message = kNotPending;
    pending_.clear();
}

}  // namespace amp::evm
