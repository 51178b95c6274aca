// Copyright 2026 The Amp Authors
// SPDX-License-Identifier: Apache-2.0
#include "extract/evm_rpc/key_table.hpp"

#include <algorithm>

namespace amp::extract::evm_rpc {

std::size_t KeyTable::slot_of(std::string_view key) {
    // The first eight bytes, the last two and the length tell all known names apart well enough.
    std::uint64_t head = 0;
    std::memcpy(&head, key.data(), std::min<std::size_t>(key.size(), 8));
    std::uint64_t tail = key.size();
    if (!key.empty()) tail = tail << 8 | static_cast<std::uint8_t>(key.back());
    if (key.size() > 9) tail = tail << 8 | static_cast<std::uint8_t>(key[key.size() / 2]);
    return ((head ^ tail * 0x9e3779b97f4a7c15ULL) * 0xff51afd7ed558ccdULL) >> 56;
}

void KeyTable::add(std::string_view name, std::uint8_t id) {
    std::array<char, 32> text{};
    std::array<char, 32> mask{};
    std::copy(name.begin(), name.end(), text.begin());
    text[name.size()] = '"';
    std::fill_n(mask.begin(), name.size() + 1, static_cast<char>(-1));
    std::memcpy(patterns_[id].text.data(), text.data(), text.size());
    std::memcpy(patterns_[id].mask.data(), mask.data(), mask.size());
    names_[id] = name;
    std::size_t slot = slot_of(name);
    while (slots_[slot] != kUnknown) slot = (slot + 1) % kSlots;
    slots_[slot] = id;
}

std::uint8_t KeyTable::find(std::uint8_t previous, std::string_view key) {
    if (key.size() > kKeyLengthMax) return kUnknown;
    for (std::size_t slot = slot_of(key); slots_[slot] != kUnknown; slot = (slot + 1) % kSlots) {
        const std::uint8_t id = slots_[slot];
        if (names_[id] != key) continue;
        next_[previous] = id;
        return id;
    }
    return kUnknown;
}

}  // namespace amp::extract::evm_rpc
